"""A statistic of each of many ranges of events, from nothing but the events in the range.

Running sums would be quicker by a little, but their rounding carries every earlier event of the table, and a difference of
two large ones loses the small. Here ranges are put together from blocks of 1, 2, 4, … events (as in a sparse table), by
formulas that join two blocks stably (Chan, Golub, LeVeque 1983): log2 of the longest range steps over whole arrays.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Parts = tuple[Array, ...]
Join = Callable[[Parts, Parts], Parts]


def fold(leaves: Parts, empty: tuple[float, ...], join: Join, start: Ints, end: Ints) -> Parts:
    """For each range `[start, end)` its events' parts joined from left to right; `empty` where the range is.

    >>> [part.tolist() for part in fold((np.array([1.0, 2, 4]),), (0.0,), summed, np.array([0, 1, 2]), np.array([3, 3, 2]))]
    [[7.0, 6.0, 0.0]]
    """
    found = tuple(np.full(len(start), each) for each in empty)
    place, length = start.copy(), end - start
    longest = int(length.max(initial=0))
    block, width = leaves, 1
    while width <= longest:
        asked = np.flatnonzero(length & width)
        if len(asked):
            at = place[asked]
            joined = join(tuple(part[asked] for part in found), tuple(part[at] for part in block))
            for part, new in zip(found, joined, strict=True):
                part[asked] = new
            place[asked] += width
        if 2 * width <= longest:
            block = join(tuple(part[:-width] for part in block), tuple(part[width:] for part in block))
        width *= 2
    return found


def summed(left: Parts, right: Parts) -> Parts:
    """Parts added."""
    return tuple(a + b for a, b in zip(left, right, strict=True))


def least(left: Parts, right: Parts) -> Parts:
    """The lesser of each part, gaps aside."""
    return tuple(np.fmin(a, b) for a, b in zip(left, right, strict=True))


def greatest(left: Parts, right: Parts) -> Parts:
    """The greater of each part, gaps aside."""
    return tuple(np.fmax(a, b) for a, b in zip(left, right, strict=True))


def spread(left: Parts, right: Parts) -> Parts:
    """Counts, means and sums of squared deviations."""
    n, mean, squares = left
    count, other, more = right
    total = n + count
    share = np.divide(count, total, out=np.zeros_like(total), where=total > 0)
    step = other - mean
    return total, mean + step * share, squares + more + step * step * n * share


def line(left: Parts, right: Parts) -> Parts:
    """Counts, means of time and value, and their sums of squared time, time by value, and squared value deviations."""
    n, time, value, tt, tv, vv = left
    count, later, other, tt2, tv2, vv2 = right
    total = n + count
    share = np.divide(count, total, out=np.zeros_like(total), where=total > 0)
    dt, dv, weight = later - time, other - value, n * share
    return (
        total, time + dt * share, value + dv * share,
        tt + tt2 + dt * dt * weight, tv + tv2 + dt * dv * weight, vv + vv2 + dv * dv * weight,
    )  # fmt: skip


def fading(left: Parts, right: Parts) -> Parts:
    """Weighted sums and weights, and the moment (in half-lives) that they are weighed at: the later one's."""
    values, weights, moment = left
    other, more, later = right
    # an empty left side stands at -inf, and fades to nothing
    keep = np.exp2(np.minimum(moment - later, 0.0))
    return values * keep + other, weights * keep + more, later


def distinct(previous: Ints, start: Ints, end: Ints) -> Array:
    """How many different values each range holds; `previous (n,)` is the place of a value's last occurrence, -1: none or not of
    this entity, n: not counted. Ranges have to ascend in both ends.

    An event counts where it is the first of its value in the range: for ascending ranges that is one run of them.

    >>> distinct(np.array([-1, -1, 0, 1]), np.array([0, 0, 1]), np.array([2, 3, 4])).tolist()
    [2.0, 2.0, 2.0]
    """
    place = np.arange(len(previous))
    since = np.maximum(np.searchsorted(end, place, side="right"), np.searchsorted(start, previous, side="right"))
    until = np.searchsorted(start, place, side="right")
    counted = since < until
    change = np.bincount(since[counted], minlength=len(start) + 1) - np.bincount(
        until[counted], minlength=len(start) + 1
    )
    return np.cumsum(change)[: len(start)].astype(np.float64)
