"""Dates as the parts of a calendar and a clock, as places on a circle, and as days since a first one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ostinato.core.errors import UsageError
from ostinato.preprocess.transform.block import Block
from ostinato.preprocess.transform.calendar import Calendar
from ostinato.preprocess.transform.goal import Goal
from ostinato.preprocess.transform.table import Table

if TYPE_CHECKING:
    from ostinato.preprocess.transform.graph import Graph

Array = NDArray[np.float64]
_DAY = 86_400.0
_LEAST = {"month": 1, "day": 1, "dayofyear": 1, "week": 1, "quarter": 1}
_ROUND = {"month": 12, "day": 31, "dayofyear": 366, "week": 53, "quarter": 4, "weekday": 7, "hour": 24, "minute": 60}


class Dated(Block):
    """Parts, sines and cosines, and age; gaps stay gaps in all of them."""

    kinds = ("date",)

    @property
    def invertible(self) -> bool:  # type: ignore[override]
        """The age alone tells the date."""
        return bool(self.spec.age)

    @classmethod
    def found(cls, spec: Any, columns: tuple[str, ...], table: Table, goal: Goal | None) -> dict[str, Any]:
        """The moment from which age is counted, in seconds since 1970."""
        where = f"column {columns[0]!r}"
        if "year" in spec.cyclic:
            raise UsageError(f"{where}: years do not come round again; take 'year' out of `cyclic`")
        if not (spec.parts or spec.cyclic or spec.age):
            raise UsageError(
                f"{where}: neither parts nor cyclic parts nor age are asked for; ask for one, or write 'drop'"
            )
        _zoned(np.zeros(1), spec.zone, where)
        seconds = table.times(columns[0], spec.format)
        if spec.since is not None:
            since = pd.to_datetime(spec.since, utc=True, errors="coerce")
            if pd.isna(since):
                raise UsageError(f"{where}: since={spec.since!r} is no date; write it as 2024-05-31")
            return {"since": since.timestamp()}
        return {"since": 0.0 if np.isnan(seconds).all() else float(np.nanmin(seconds))}

    @property
    def names(self) -> tuple[str, ...]:
        """`label.year`, `label.month.sin`, `label.month.cos`, `label.days`."""
        circles = [f"{part}.{side}" for part in self.spec.cyclic for side in ("sin", "cos")]
        return tuple(f"{self.label}.{each}" for each in (*self.spec.parts, *circles, *["days"] * self.spec.age))

    def apply(self, table: Table) -> Array:
        """Columns `(n, k)`."""
        seconds = table.times(self.columns[0], self.spec.format)
        clock = _zoned(seconds, self.spec.zone, self.columns[0])
        columns = [_part(clock, part) for part in self.spec.parts]
        for part in self.spec.cyclic:
            angle = 2 * np.pi * (_part(clock, part) - _LEAST.get(part, 0)) / _ROUND[part]
            columns += [np.sin(angle), np.cos(angle)]
        if self.spec.age:
            columns.append((seconds - self.learnt["since"]) / _DAY)
        return np.stack(columns, axis=1)

    def write(self, graph: Graph) -> str:
        """Arithmetic on seconds since 1970 UTC; a clock elsewhere has changes that a graph does not know."""
        if self.spec.zone is not None:
            return super().write(graph)
        seconds = graph.number(self.columns[0])
        calendar = Calendar(graph, seconds)
        columns = [getattr(calendar, part) for part in self.spec.parts]
        for part in self.spec.cyclic:
            turn = graph.constant(2 * np.pi / _ROUND[part])
            since = graph.op("Sub", getattr(calendar, part), graph.constant(float(_LEAST.get(part, 0))))
            columns += [graph.op(side, graph.op("Mul", since, turn)) for side in ("Sin", "Cos")]
        if self.spec.age:
            since = graph.op("Sub", seconds, graph.constant(self.learnt["since"]))
            columns.append(graph.op("Div", since, graph.constant(_DAY)))
        return graph.op("Concat", *columns, axis=1)

    def invert(self, values: Array) -> Any:
        """Moments in UTC, to the microsecond."""
        if not self.spec.age:
            return super().invert(values)
        seconds = values[:, -1] * _DAY + self.learnt["since"]
        gap = np.isnan(seconds)
        micro = np.round(np.where(gap, 0.0, seconds) * 1e6).astype(np.int64)
        return pd.Series(micro.astype("datetime64[us]")).mask(gap).dt.tz_localize("UTC").to_numpy()


def _zoned(seconds: Array, zone: str | None, where: str) -> pd.DatetimeIndex:
    gap = np.isnan(seconds)
    micros = np.round(np.where(gap, 0.0, seconds) * 1e6).astype(np.int64).astype("datetime64[us]")
    micros[gap] = np.datetime64("NaT")
    clock = pd.DatetimeIndex(micros, tz="UTC")
    try:
        return clock if zone is None else clock.tz_convert(zone)
    except (KeyError, ValueError, OSError):
        raise UsageError(f"{where}: {zone!r} is no time zone; write one such as 'Europe/Vienna'") from None


def _part(clock: pd.DatetimeIndex, part: str) -> Array:
    if part == "week":
        return clock.isocalendar().week.to_numpy(dtype=np.float64, na_value=np.nan)
    found: Array = np.asarray(getattr(clock, part), dtype=np.float64)
    return found
