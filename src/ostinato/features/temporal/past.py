"""What the asking rows of a table see of its events, spec by spec."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
from ostinato.features.temporal.timeline import Asked, Timeline, View

Ties = Literal["exclude", "order"]
_OF_NUMBERS: dict[type, Callable[..., windows.Named]] = {
    Lag: windows.lags,
    Exponential: windows.exponential,
    Trend: windows.trends,
}


@dataclass(frozen=True)
class Past:
    """Events, of which some rows ask; what they see is cut by ties and delay."""

    events: Events
    code: Ints
    asked: Asked
    delay: int
    tz: str | None
    line: Timeline
    ends: dict[bool, Ints]
    _views: dict[Any, View] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Events, rows: int, ties: Ties, delay: int, tz: str | None, *, questions: bool = False) -> Self:
        """The last `rows` of events ask; with `questions` they are no events themselves."""
        code, before = events.codes(), len(events) - rows
        line = Timeline.of(code, events.time, np.arange(before if questions else len(events), dtype=np.int64))
        asked = Asked.of(code[before:], events.time[before:])
        places = None
        if ties == "order" and not questions:
            places = np.zeros(len(events), dtype=np.int64)
            places[line.row] = np.arange(len(line.row))
            places = places[before:][asked.row]
        ends = {now: _ends(line, asked, places, now or (questions and ties == "order")) for now in (False, True)}
        if delay:
            ends[False] = np.minimum(ends[False], line.before(asked, delay, at=True))
        return cls(events, code, asked, delay, tz, line, ends)

    def features(self, spec: Temporal) -> Iterator[tuple[str, Array, str]]:
        """Names, columns and words of a spec's features."""
        for name, column, words in self._features(spec):
            where = getattr(spec, "where", None)
            if where:
                label = "_".join(f"{key}_{'_or_'.join(map(str, _several(value)))}" for key, value in where.items())
                name, words = f"{name}_when_{label}", f"{words}, where {where}"  # noqa: PLW2901 - one name in one form
            # a clock has no entity; everything else is nobody's where there is none
            known = isinstance(spec, Dates | Fourier | Holidays) or bool((self.asked.code >= 0).all())
            found = np.empty(len(column))
            found[self.asked.row] = column if known else np.where(self.asked.code >= 0, column, np.nan)
            yield name, found, words

    def _features(self, spec: Temporal) -> windows.Named:
        match spec:
            case Dates():
                return dates.dates(spec, self.asked.time, self.tz)
            case Fourier():
                return dates.fourier(spec, self.asked.time, self.tz)
            case Holidays():
                return dates.holidays(spec, self.asked.time, self.tz)
        return self._of_events(spec, self._view(spec))

    def _of_events(self, spec: Any, view: View) -> windows.Named:
        values = self._numbers(spec, view)
        match spec:
            case Sessions():
                return habits.sessions(spec, view)
            case Activity():
                return habits.activity(spec, view, values)
            case Seasonal():
                return seasons.seasonal(spec, view, values, self.delay)
            case Rolling():
                return windows.windows(spec, view, values, self._codes(spec, view))
        assert values is not None
        return _OF_NUMBERS[type(spec)](spec, view, values)

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
        start = np.minimum(line.begin(self.asked), end)
        if where:
            kept = np.flatnonzero(_chosen(self.events, where)[line.row])
            line = Timeline.of(self.code, self.events.time, np.sort(line.row[kept]))
            # both lines have one order, so places are told by how many kept events stand before
            start, end = np.searchsorted(kept, start), np.searchsorted(kept, end)
        return View(line, self.asked, start.astype(np.int64), end.astype(np.int64))

    def _numbers(self, spec: Any, view: View) -> Array | None:
        of = getattr(spec, "of", None)
        if of is None or self.events.columns[of].dtype.kind != "f":
            return None
        return self.events.columns[of].to_numpy()[view.line.row]

    def _codes(self, spec: Any, view: View) -> Ints | None:
        if spec.of is None or self.events.columns[spec.of].dtype.kind == "f":
            return None
        return pd.factorize(self.events.columns[spec.of])[0][view.line.row].astype(np.int64)


def _ends(line: Timeline, asked: Asked, places: Ints | None, now: bool) -> Ints:
    if places is None:
        return line.before(asked, at=now)
    return np.where(asked.code >= 0, places + now, 0)


def _chosen(events: Events, where: Where) -> NDArray[np.bool_]:
    chosen = np.ones(len(events), dtype=bool)
    for name, wanted in where.items():
        chosen &= events.columns[name].isin(_several(wanted)).to_numpy()
    return chosen


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple | list) else [value]
