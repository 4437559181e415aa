"""What the asking rows of a table see of its events, spec by spec."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ostinato.core.errors import UsageError
from ostinato.features.temporal import dates, habits, seasons, windows
from ostinato.features.temporal.clock import Ints
from ostinato.features.temporal.events import Events
from ostinato.features.temporal.folding import Array
from ostinato.features.temporal.specs import (
    Activity,
    Dates,
    Exponential,
    Fourier,
    Holidays,
    Lag,
    Rolling,
    Seasonal,
    Sessions,
    Temporal,
    Trend,
    Where,
)
from ostinato.features.temporal.timeline import Timeline, View

Ties = Literal["exclude", "order"]


@dataclass(frozen=True)
class Past:
    """Events, of which the last `len(time)` rows ask; what they see is cut by ties and delay."""

    events: Events
    code: Ints
    time: Ints
    delay: int
    tz: str | None
    line: Timeline
    ends: dict[bool, Ints]
    _views: dict[Any, View] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Events, rows: int, ties: Ties, delay: int, tz: str | None, *, questions: bool = False) -> Self:
        """The last `rows` of events ask; with `questions` they are no events themselves."""
        code, size = events.codes(), len(events)
        line = Timeline.of(code, events.time, np.arange(size - rows if questions else size, dtype=np.int64))
        own, time = code[size - rows :], events.time[size - rows :]
        ends = {now: _ends(line, own, time, ties, now, size - rows, questions) for now in (False, True)}
        if delay:
            ends[False] = np.minimum(ends[False], line.before(own, time - delay, at=True))
        return cls(events, own, time, delay, tz, line, ends)

    def features(self, spec: Temporal) -> Iterator[tuple[str, Array, str]]:
        """Names, columns and words of a spec's features."""
        for name, column, words in self._features(spec):
            where = getattr(spec, "where", None)
            if where:
                label = "_".join(f"{key}_{'_or_'.join(map(str, _several(value)))}" for key, value in where.items())
                name, words = f"{name}_when_{label}", f"{words}, where {where}"  # noqa: PLW2901 - one name in one form
            # a clock has no entity; everything else is nobody's where there is none
            yield name, column if isinstance(spec, Dates | Fourier | Holidays) else _owned(column, self.code), words

    def _features(self, spec: Temporal) -> windows.Named:
        match spec:
            case Dates():
                return dates.dates(spec, self.time, self.tz)
            case Fourier():
                return dates.fourier(spec, self.time, self.tz)
            case Holidays():
                return dates.holidays(spec, self.time, self.tz)
        view = self._view(spec)
        match spec:
            case Sessions():
                return habits.sessions(spec, view)
            case Activity():
                return habits.activity(spec, view, self._numbers(spec.of, view))
            case Seasonal():
                return seasons.seasonal(spec, view, self._numbers(spec.of, view), self.delay)
            case Rolling():
                return windows.windows(spec, view, self._numbers(spec.of, view), self._codes(spec.of, view))
            case Lag():
                return windows.lags(spec, view, self._values(spec.of, view))
            case Exponential():
                return windows.exponential(spec, view, self._values(spec.of, view))
            case Trend():
                return windows.trends(spec, view, self._values(spec.of, view))

    def _view(self, spec: Any) -> View:
        where, now = spec.where, bool(getattr(spec, "now", False))
        if now and self.delay:
            raise UsageError(f"{spec!r}: now=True sees what is known at once, and delay says that nothing is; drop one")
        key = (repr(where), now)
        if key not in self._views:
            self._views[key] = self._seen(where, now)
        return self._views[key]

    def _seen(self, where: Where | None, now: bool) -> View:
        line, end = self.line, self.ends[now]
        start = np.minimum(line.begin(self.code), end)
        if where:
            kept = np.flatnonzero(_chosen(self.events, where)[line.row])
            line = Timeline.of(self.events.codes(), self.events.time, np.sort(line.row[kept]))
            # both lines have one order, so places are told by how many kept events stand before
            start, end = np.searchsorted(kept, start), np.searchsorted(kept, end)
        return View(line, self.code, self.time, start.astype(np.int64), end.astype(np.int64))

    def _values(self, of: str, view: View) -> Array:
        return self.events.columns[of].to_numpy()[view.line.row]  # type: ignore[no-any-return]

    def _numbers(self, of: str | None, view: View) -> Array | None:
        if of is None or self.events.columns[of].dtype.kind != "f":
            return None
        return self._values(of, view)

    def _codes(self, of: str | None, view: View) -> Ints | None:
        if of is None or self.events.columns[of].dtype.kind == "f":
            return None
        return pd.factorize(self.events.columns[of])[0][view.line.row].astype(np.int64)


def _ends(line: Timeline, code: Ints, time: Ints, ties: Ties, now: bool, before: int, questions: bool) -> Ints:
    if ties == "exclude" or questions:
        return line.before(code, time, at=now or (questions and ties == "order"))
    place = np.full(before + len(code), 0, dtype=np.int64)
    place[line.row] = np.arange(len(line.row))
    return np.where(code >= 0, place[before:] + now, 0)


def _chosen(events: Events, where: Where) -> NDArray[np.bool_]:
    chosen = np.ones(len(events), dtype=bool)
    for name, wanted in where.items():
        chosen &= events.columns[name].isin(_several(wanted)).to_numpy()
    return chosen


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple | list) else [value]


def _owned(column: Array, code: Ints) -> Array:
    return column if (code >= 0).all() else np.where(code >= 0, column, np.nan)
