"""Cells as what regressions take: standardised numbers, indicators of categories, a constant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ostinato.preprocess.missing.cells import Column

Array = NDArray[np.float64]
Index = NDArray[np.intp]
MOST_INDICATORS = 12  # the most frequent levels of a category get one each, the rest is the base
_KEY_SHARE, _KEY_LEVELS = 0.5, 20  # a category with more levels than rows / 2 is a key or free text, and tells nothing


@dataclass(frozen=True)
class Design:
    """Where each column's part of the design matrix lies; the constant is the last place.

    `shown` holds per column the levels that have an indicator, in the order of their places; it is empty for numbers.
    """

    starts: tuple[int, ...]
    stops: tuple[int, ...]
    shown: tuple[NDArray[np.int64], ...]
    centre: Array
    scale: Array

    @property
    def width(self) -> int:
        """Columns of the design matrix, the constant among them."""
        return self.stops[-1] + 1 if self.stops else 1

    @classmethod
    def learnt(cls, cells: Array, columns: Sequence[Column]) -> Design:
        """Learn means, deviations and frequent levels from cells `(n, d)` with NaN."""
        d = cells.shape[1]
        there = ~np.isnan(cells)
        count = np.maximum(there.sum(axis=0), 1)
        known = np.where(there, cells, 0.0)
        centre = known.sum(axis=0) / count
        known -= centre * there
        scale = np.sqrt((known**2).sum(axis=0) / count)
        varies = scale > 1e-12 * np.maximum(1.0, np.abs(centre))
        scale[~varies] = 1.0
        starts, stops, shown, place = [], [], [], 0
        for j in range(d):
            levels = np.zeros(0, dtype=np.int64)
            width = int(varies[j])
            if columns[j].kind == "category":
                levels = _frequent(cells[there[:, j], j], columns[j].n_levels)
                width = len(levels)
            starts.append(place)
            place += width
            stops.append(place)
            shown.append(levels)
        return cls(tuple(starts), tuple(stops), tuple(shown), centre, scale)

    def matrix(self, cells: Array) -> Array:
        """The design `(n, width)` of complete cells, in columns that lie together in memory."""
        Z = np.empty((len(cells), self.width), order="F")
        Z[:, -1] = 1.0
        for j in range(cells.shape[1]):
            self.put(Z, slice(None), j, cells[:, j])
        return Z

    def put(self, Z: Array, rows: Index | slice, j: int, values: Array) -> None:
        """Write values of column `j` into its part of `Z`; a level without an indicator is the base."""
        start, stop = self.starts[j], self.stops[j]
        if len(self.shown[j]):
            for offset, level in enumerate(self.shown[j]):
                Z[rows, start + offset] = values == level
        elif stop > start:
            Z[rows, start] = (values - self.centre[j]) / self.scale[j]

    def others(self, j: int) -> Index:
        """Places of all but column `j`."""
        places = np.arange(self.width)
        return np.delete(places, slice(self.starts[j], self.stops[j]))


def _frequent(codes: Array, n_levels: int) -> NDArray[np.int64]:
    """Levels with an indicator: all but the most frequent, or the most frequent ones where there are many."""
    if not len(codes) or (n_levels > _KEY_LEVELS and n_levels > _KEY_SHARE * len(codes)):
        return np.zeros(0, dtype=np.int64)
    count = np.bincount(codes.astype(np.int64), minlength=n_levels)
    order = np.argsort(-count, kind="stable")
    kept = order[1:] if n_levels <= MOST_INDICATORS else order[:MOST_INDICATORS]
    return kept[count[kept] > 0]
