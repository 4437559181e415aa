"""Level and season of an entity's series by STL, fitted on the past alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.features.temporal.clock import duration
from ostinato.features.temporal.folding import Array, Ints
from ostinato.features.temporal.specs import Seasonal
from ostinato.features.temporal.timeline import View
from ostinato.features.temporal.windows import Named

_NAN = float("nan")
_FEWEST_SEASONS = 2  # STL needs two whole ones
_TINY = 1e-12


def seasonal(spec: Seasonal, view: View, values: Array | None, delay: int) -> Named:
    """What the season adds at the row's bucket, the level of the last complete bucket, and how strong the season is in 0–1.

    A row sees the buckets that were complete when the decomposition was last made before it; NaN until two seasons are.
    """
    found = np.full((len(view.asked.code), 3), _NAN)
    every = duration(spec.every, "every")
    bucket, known = view.asked.time // every, (view.asked.time - delay) // every
    bounds = np.flatnonzero(np.diff(view.asked.code)) + 1
    for rows in np.split(np.arange(len(bucket)), bounds):
        if len(rows) and view.asked.code[rows[0]] >= 0:
            series, origin = _series(spec, view, values, rows, every)
            found[rows] = _told(spec, series, bucket[rows] - origin, known[rows] - origin)
    stem = "events" if spec.of is None else f"{spec.of}_{spec.stat}"
    label, words = (
        f"{spec.period}x{spec.every}",
        f"of {stem} in {spec.period} buckets of {spec.every}, by STL on the past",
    )
    for column, name in enumerate(("season", "level", "season_strength")):
        yield f"{stem}_{name}_{label}", found[:, column], f"{name.replace('_', ' ')} {words}"


def _series(spec: Seasonal, view: View, values: Array | None, rows: NDArray[Any], every: int) -> tuple[Array, int]:
    """One entity's buckets `(n,)`, gaps NaN or 0, and the number of the first."""
    start = int(view.start[rows[0]])
    end = int(np.searchsorted(view.line.code, view.asked.code[rows[0]], side="right"))
    if end <= start:
        return np.zeros(0), 0
    bucket = view.line.time[start:end] // every
    bucket, origin = bucket - bucket[0], int(bucket[0])
    own = np.ones(end - start) if values is None or spec.stat == "count" else values[start:end]
    there = np.isfinite(own)
    size = min(int(bucket[-1]), _most_buckets(view, rows, every, origin)) + 1
    inside = there & (bucket < size)
    total = np.bincount(bucket[inside], weights=own[inside], minlength=size)
    if spec.stat != "mean":
        return total.astype(np.float64), origin
    count = np.bincount(bucket[inside], minlength=size)
    return np.divide(total, count, out=np.full(size, _NAN), where=count > 0), origin


def _most_buckets(view: View, rows: NDArray[Any], every: int, origin: int) -> int:
    return max(int(view.asked.time[rows].max() // every) - origin, 0)


def _told(spec: Seasonal, series: Array, bucket: Ints, known: Ints) -> Array:
    """Per row the season at its bucket, the level and the strength, from the buckets before `known`."""
    refit = spec.refit or spec.period
    found = np.full((len(bucket), 3), _NAN)
    # a fit is made where a stretch of `refit` buckets begins, and holds for the stretch
    cuts = (known // refit) * refit
    for cut in np.unique(cuts):
        past = _filled(_padded(series, int(cut))[max(0, int(cut) - spec.memory * spec.period) :], spec.stat)
        if len(past) < _FEWEST_SEASONS * spec.period + 1:
            continue
        season, level, strength = _decomposed(past, spec.period)
        rows = cuts == cut
        found[rows, 0] = season[(bucket[rows] - cut) % spec.period]
        found[rows, 1:] = level, strength
    return found


def _padded(series: Array, cut: int) -> Array:
    """The buckets before `cut`, those after the last event too."""
    if cut <= len(series):
        return series[: max(cut, 0)]
    return np.concatenate([series, np.full(cut - len(series), _NAN)])


def _filled(past: Array, stat: str) -> Array:
    """Without gaps: nothing happened, or the value stayed as it was."""
    if stat != "mean":
        return np.nan_to_num(past, nan=0.0)
    there = np.isfinite(past)
    if not there.any():
        return past[:0]
    latest = np.maximum.accumulate(np.where(there, np.arange(len(past)), -1))
    return np.asarray(past[latest][latest >= 0])


def _decomposed(past: Array, period: int) -> tuple[Array, float, float]:
    from statsmodels.tsa.seasonal import STL

    done = STL(past, period=period).fit()
    season, rest = np.asarray(done.seasonal), np.asarray(done.resid)
    moved = float(np.var(season + rest))
    strength = (
        max(0.0, 1 - float(np.var(rest)) / moved) if moved > _TINY * max(float(np.abs(past).max()) ** 2, _TINY) else 0.0
    )
    # what comes is taken to be as the last season was
    return season[-period:], float(done.trend[-1]), strength
