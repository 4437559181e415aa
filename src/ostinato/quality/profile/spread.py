"""How numbers and moments are spread: moments, quantiles, a histogram, and what lies far outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.quality.profile.cells import Array, Bools, Ints

BINS = 30
_QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
_LONG = 5.0  # ranges of the inner 99 % beyond which the outer 1 % is counted and not drawn
_FENCE = 3.0  # Tukey (1977): values beyond 3 interquartile ranges are "far out"
_FEW_VALUES = 30  # up to here each value is a bar of its own


@dataclass(frozen=True)
class Histogram:
    """Counts between `edges`, and how many lie below the first and above the last; `exact` where each bar is one value."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    below: int = 0
    above: int = 0
    exact: bool = False


@dataclass(frozen=True)
class Spread:
    """Figures of a column of numbers; `far_out` counts values beyond 3 interquartile ranges of the quartiles (`fences`)."""

    quantiles: dict[str, float]
    mean: float
    std: float
    skew: float
    kurtosis: float
    distinct: int
    zeros: int
    negative: int
    infinite: int
    whole: bool
    mode: float
    mode_count: int
    far_out: int
    fences: tuple[float, float]
    histogram: Histogram


def spread_of(values: NDArray[Any], missing: Bools) -> Spread | None:
    """Figures of the filled, finite values; None where there are none. `values` is sorted once, all else is read off it."""
    filled = values[~missing] if missing.any() else values
    finite = filled[np.isfinite(filled)] if filled.dtype.kind == "f" else filled
    if not len(finite):
        return None
    ordered = np.sort(finite)
    values_, counts = _runs(ordered)
    numbers = ordered.astype(np.float64)
    spans = [_at(numbers, q) for q in _QUANTILES]
    low, high = spans[3], spans[5]
    fences = (low - _FENCE * (high - low), high + _FENCE * (high - low))
    inside = np.searchsorted(numbers, fences[1], "right") - np.searchsorted(numbers, fences[0], "left")
    most = int(np.argmax(counts))
    mean, std, skew, kurtosis = _shape(numbers)
    return Spread(
        quantiles={f"{q:g}": span for q, span in zip(_QUANTILES, spans, strict=True)},
        mean=mean,
        std=std,
        skew=skew,
        kurtosis=kurtosis,
        distinct=len(counts),
        zeros=_between(ordered, 0),
        negative=int(np.searchsorted(ordered, 0, "left")),
        infinite=len(filled) - len(finite),
        whole=ordered.dtype.kind in "iu" or bool(np.all(values_ == np.floor(values_))),
        mode=float(values_[most]),
        mode_count=int(counts[most]),
        far_out=int(len(numbers) - inside) if high > low else 0,
        fences=fences,
        histogram=_histogram(numbers, values_, counts),
    )


def _runs(ordered: NDArray[Any]) -> tuple[NDArray[Any], Ints]:
    starts = np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1])
    return ordered[starts], np.diff(np.append(starts, len(ordered))).astype(np.int64)


def _at(ordered: Array, q: float) -> float:
    """A quantile by linear interpolation, which NumPy would sort for again."""
    place = q * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    part = place - low
    return float(ordered[low] * (1 - part) + ordered[high] * part) if part else float(ordered[low])


def _between(ordered: NDArray[Any], value: float) -> int:
    return int(np.searchsorted(ordered, value, "right") - np.searchsorted(ordered, value, "left"))


def _shape(numbers: Array) -> tuple[float, float, float, float]:
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(numbers.mean())
        off = numbers - mean
        square = off * off
        variance = float(square.mean())
        if not np.isfinite(variance) or variance <= (1e-12 * max(abs(mean), 1e-300)) ** 2:
            return mean, float(np.sqrt(variance)) if np.isfinite(variance) else float("nan"), 0.0, 0.0
        skew = float(np.dot(square, off)) / len(numbers) / variance**1.5
        kurtosis = float(np.dot(square, square)) / len(numbers) / variance**2 - 3
    return mean, float(np.sqrt(variance)), skew, kurtosis


def _histogram(ordered: Array, values: NDArray[Any], counts: Ints) -> Histogram:
    if len(values) <= _FEW_VALUES:
        return Histogram(tuple(values.astype(float).tolist()), tuple(counts.tolist()), exact=True)
    low, high = float(ordered[0]), float(ordered[-1])
    inner = _at(ordered, 0.005), _at(ordered, 0.995)
    if inner[1] > inner[0] and (high - low) > _LONG * (inner[1] - inner[0]):
        low, high = inner
    with np.errstate(over="ignore", invalid="ignore"):
        edges = np.linspace(low, high, BINS + 1)
    if not np.isfinite(edges).all():
        return Histogram((), ())
    places = np.searchsorted(ordered, edges, "left")
    places[-1] = np.searchsorted(ordered, high, "right")
    return Histogram(
        tuple(edges.tolist()),
        tuple(np.diff(places).tolist()),
        below=int(places[0]),
        above=int(len(ordered) - places[-1]),
    )
