"""The last entry at or before a moment, for many questions at once: arithmetic on sorted arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
_LATEST = np.iinfo(np.int64).max


def last_at(times: Ints, starts: Ints, ends: Ints, moments: Ints) -> Ints:
    """For each question the last place in `times[start:end]` whose time is at most its moment; -1 where there is none.

    `times` ascends within each range. All questions are halved together: log2 of the longest range steps, whatever the number
    of questions, and no sorting.

    >>> last_at(np.array([1, 3, 3, 9, 2, 4]), np.array([0, 0, 4]), np.array([4, 4, 6]), np.array([3, 0, 9])).tolist()
    [2, -1, 5]
    """
    low, high = starts.copy(), ends.copy()
    if not len(times):
        return np.full(len(starts), -1, dtype=np.int64)
    for _ in range(int((ends - starts).max(initial=0)).bit_length()):
        middle = (low + high) >> 1
        goes_up = (low < high) & (times[np.minimum(middle, len(times) - 1)] <= moments)
        high = np.where(goes_up, high, np.minimum(middle, high))
        low = np.where(goes_up, middle + 1, low)
    found = low - 1
    return np.where(found >= starts, found, -1)


def last_known(known: Ints, places: Ints, starts: Ints, moments: Ints) -> Ints:
    """For each place the last one in `[start, place]` whose value of `known` is at most the question's moment; -1: none.

    `known` need not be in order. A tree of minima is climbed from the place towards the start and descended where it holds such a
    value, so that a history written long after the fact costs the logarithm of its length.

    >>> last_known(np.array([5, 1, 7, 8]), np.array([3, 3, 0, -1]), np.zeros(4, int), np.array([7, 4, 4, 9])).tolist()
    [2, 1, -1, -1]
    """
    found = np.full(len(places), -1, dtype=np.int64)
    if not len(known):
        return found
    leaves = 1 << max(len(known) - 1, 1).bit_length()
    tree = _minima(known, leaves)
    asked = np.flatnonzero(places >= 0)
    node, moment = places[asked] + leaves, moments[asked]
    while len(asked):
        holds = tree[node] <= moment
        found[asked[holds]] = _descended(tree, node[holds], moment[holds], leaves)
        more = ~holds & ((node & (node - 1)) != 0)  # a power of two is the leftmost of its level
        asked, moment, node = asked[more], moment[more], node[more] - 1
        node = np.where(node & 1, node >> 1, node)  # left of a right child lies its sibling: both at once
    return np.where(found >= starts, found, -1)


def _minima(values: Ints, leaves: int) -> Ints:
    """A heap whose node is the least of its two children; values are its leaves."""
    tree = np.full(2 * leaves, _LATEST, dtype=np.int64)
    tree[leaves : leaves + len(values)] = values
    width = leaves
    while width > 1:
        tree[width // 2 : width] = tree[width : 2 * width].reshape(-1, 2).min(axis=1)
        width //= 2
    return tree


def _descended(tree: Ints, node: Ints, moment: Ints, leaves: int) -> Ints:
    """The rightmost leaf below each node whose value is at most the moment."""
    while (inner := node < leaves).any():
        right = 2 * node + 1
        below = np.where(tree[np.where(inner, right, 1)] <= moment, right, right - 1)
        node = np.where(inner, below, node)
    return node - leaves


def runs(*columns: NDArray[Any]) -> tuple[Ints, Ints]:
    """Where runs of equal rows begin and end.

    >>> runs(np.array([7, 7, 8, 9, 9]))
    (array([0, 2, 3]), array([2, 3, 5]))
    """
    size = len(columns[0])
    changes = np.zeros(max(size - 1, 0), dtype=bool)
    for column in columns:
        changes |= column[1:] != column[:-1]
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1]).astype(np.int64)[: None if size else 0]
    return starts, np.append(starts[1:], size)[: len(starts)].astype(np.int64)
