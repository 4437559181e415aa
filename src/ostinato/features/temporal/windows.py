"""Features of ranges of past events: lags, windows, exponential averages, trends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.indexers import BaseIndexer

from ostinato.features.temporal.clock import DAY, duration
from ostinato.features.temporal.folding import (
    Array,
    Ints,
    distinct,
    fading,
    fold,
    greatest,
    least,
    line,
    spread,
    summed,
)
from ostinato.features.temporal.specs import Exponential, Lag, Rolling, Trend
from ostinato.features.temporal.timeline import View

Named = Iterator[tuple[str, Array, str]]
_NAN = float("nan")
_FADED = 64  # half-lives after which a weight is below 2**-64 and lost in rounding
_TWO = 2


def lags(spec: Lag, view: View, values: Array) -> Named:
    """Values some events or spans before each row; `values (n,)` in the order of the view's events."""
    for step in spec.steps:
        place = view.end - step
        yield f"{spec.of}_lag_{step}", taken(values, place, place >= view.start), f"{spec.of}, {_events(step)} before"
    for span in spec.spans:
        # no later than what the row may see, whatever the span
        place = np.minimum(view.line.before(view.asked, duration(span, "spans"), at=True), view.end) - 1
        name = f"{spec.of}_before_{span}"
        yield name, taken(values, place, place >= view.start), f"{spec.of} as it stood {span} before"


def windows(spec: Rolling, view: View, values: Array | None, codes: Ints | None) -> Named:
    """Statistics of a window; `codes (n,)` number the values of the column, for `distinct`."""
    start, label, words = _window(spec, view)
    stem = "events" if spec.of is None else spec.of
    told = _statistics(spec.stats, view, start, values, codes)
    count = told.pop("_count")
    for stat in spec.stats:
        found = told[stat]
        if stat not in {"count", "distinct", "sum"} or spec.least > 1:
            found = np.where(count >= spec.least, found, _NAN)
        yield f"{stem}_{stat}_{label}", found, f"{stat} of {stem} over {words}"


def exponential(spec: Exponential, view: View, values: Array) -> Named:
    """Averages whose weights halve with age, in events or in time; the weights are over those seen (as pandas' `adjust=True`)."""
    here = view.line
    if isinstance(spec.halflife, str):
        half = duration(spec.halflife, "halflife")
        age = (here.time - here.time[here.first]) / half if len(here.time) else np.zeros(0)
        start = view.since(_FADED * half) if half < DAY * 365 else view.start
    else:
        age = (np.arange(len(here.time)) - here.first) / spec.halflife
        start = view.latest(int(np.ceil(_FADED * spec.halflife)) + 1)
    there = np.isfinite(values)
    leaves = (np.where(there, values, 0.0), there.astype(np.float64), age)
    total, weight, _ = fold(leaves, (0.0, 0.0, -np.inf), fading, start, view.end)
    mean = np.divide(total, weight, out=np.full(len(total), _NAN), where=weight > 0)
    mark = "_now" if spec.now else ""
    label = spec.halflife if isinstance(spec.halflife, str) else f"{spec.halflife:g}"
    yield (
        f"{spec.of}_exponential_{label}{mark}",
        mean,
        f"mean of {spec.of}, weights halved every {_span(spec.halflife)}",
    )


def trends(spec: Trend, view: View, values: Array) -> Named:
    """Slopes per day of lines through windows, and their r²; NaN for fewer than two moments."""
    start, label, words = _window(spec, view)
    here = view.line
    there = np.isfinite(values)
    days = (here.time - here.time[here.first]) / DAY if len(here.time) else np.zeros(0)
    none = np.zeros(len(values))
    leaves = (there.astype(np.float64), np.where(there, days, 0.0), np.where(there, values, 0.0), none, none, none)
    _, _, _, tt, tv, vv = fold(leaves, (0.0,) * 6, line, start, view.end)
    slope = np.divide(tv, tt, out=np.full(len(tt), _NAN), where=tt > 0)
    fit = np.divide(tv * tv, tt * vv, out=np.full(len(tt), _NAN), where=tt * vv > 0)
    yield f"{spec.of}_slope_{label}", slope, f"slope per day of a line through {spec.of} over {words}"
    yield f"{spec.of}_fit_{label}", np.clip(fit, 0.0, 1.0), f"r² of a line through {spec.of} over {words}"


def taken(values: Array, place: Ints, there: NDArray[np.bool_]) -> Array:
    """Values at places, NaN where there is none."""
    if not len(values):
        return np.full(len(place), _NAN)
    return np.where(there, values[np.clip(place, 0, len(values) - 1)], _NAN)


def total(values: Array, start: Ints, end: Ints) -> Array:
    """Sums of ranges, gaps aside."""
    return fold((np.nan_to_num(values, nan=0.0),), (0.0,), summed, start, end)[0]


def _window(spec: Rolling | Trend, view: View) -> tuple[Ints, str, str]:
    window, until, mark = spec.window, *(("up to and with the row", "_now") if spec.now else ("before the row", ""))
    if window is None:
        return view.start, f"so_far{mark}", f"all events {until}"
    if isinstance(window, int):
        return view.latest(window), f"{window}{mark}", f"the latest {_events(window)} {until}"
    return view.since(duration(window, "window"), now=spec.now), f"{window}{mark}", f"the {window} {until}"


def _statistics(
    asked: tuple[str, ...], view: View, start: Ints, values: Array | None, codes: Ints | None
) -> dict[str, Array]:
    end = view.end
    if values is None and codes is None:
        rows = (end - start).astype(np.float64)
        return {"count": rows, "_count": rows}
    there = np.isfinite(values) if values is not None else np.asarray(codes) >= 0
    own = values if values is not None else np.zeros(len(there))
    known = there.astype(np.float64)
    told: dict[str, Array] = {}
    if {"mean", "std"} & set(asked):
        parts = (known, np.where(there, own, 0.0), np.zeros(len(own)))
        count, told["mean"], squares = fold(parts, (0.0, 0.0, 0.0), spread, start, end)
        told["std"] = np.sqrt(np.divide(squares, count - 1, out=np.full(len(count), _NAN), where=count >= _TWO))
        told["mean"] = np.where(count > 0, told["mean"], _NAN)
    else:
        (count,) = fold((known,), (0.0,), summed, start, end)
    told["count"] = told["_count"] = count
    rest: dict[str, Callable[[], Array]] = {
        "sum": lambda: total(own, start, end),
        "min": lambda: fold((own,), (_NAN,), least, start, end)[0],
        "max": lambda: fold((own,), (_NAN,), greatest, start, end)[0],
        "first": lambda: taken(own, start, end > start),
        "last": lambda: taken(own, end - 1, end > start),
        "median": lambda: _median(own, view, start),
        "distinct": lambda: _distinct(own if codes is None else codes, view, start),
    }
    told |= {stat: rest[stat]() for stat in asked if stat in rest}
    return told


def _ascending(view: View, start: Ints) -> NDArray[np.int64]:
    return np.lexsort((view.end, start))


class _Ranges(BaseIndexer):
    """Given ranges as pandas' windows."""

    begins: Ints
    ends: Ints

    def get_window_bounds(
        self, num_values: Any = 0, min_periods: Any = None, center: Any = None, closed: Any = None, step: Any = None
    ) -> tuple[Ints, Ints]:
        return self.begins, self.ends


def _median(values: Array, view: View, start: Ints) -> Array:
    order = _ascending(view, start)
    # pandas wants as many windows as values
    size = max(len(values), len(order))
    padded = np.full(size, _NAN)
    padded[: len(values)] = values
    begins, ends = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    begins[: len(order)], ends[: len(order)] = start[order], view.end[order]
    rolled = pd.Series(padded).rolling(_Ranges(begins=begins, ends=ends), min_periods=1).median().to_numpy()
    found = np.empty(len(order))
    found[order] = rolled[: len(order)]
    return found


def _distinct(values: NDArray[Any], view: View, start: Ints) -> Array:
    here, size = view.line, len(values)
    if values.dtype.kind == "f":
        values = pd.factorize(values)[0]
    place = np.lexsort((np.arange(size), values, here.code))
    before = np.full(size, -1, dtype=np.int64)
    if size:
        same = (values[place][1:] == values[place][:-1]) & (here.code[place][1:] == here.code[place][:-1])
        before[place[1:][same]] = place[:-1][same]
    before[values < 0] = size
    order = _ascending(view, start)
    found = np.empty(len(order))
    found[order] = distinct(before, start[order], view.end[order])
    return found


def _events(count: int) -> str:
    return f"{count} event{'s' * (count != 1)}"


def _span(halflife: float | str) -> str:
    return halflife if isinstance(halflife, str) else f"{halflife:g} events"
