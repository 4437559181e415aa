"""A gap filled by the rows that agree most in what both show: mean of numbers, most frequent of categories (Troyanskaya et al.
2001).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.preprocess.missing.cells import Layout
from ostinato.preprocess.missing.fills import fills

Array = NDArray[np.float64]
_MOST_ROWS = 5_000  # that neighbours are looked for among
_CHUNK = 4_000_000  # distances held at once


class Neighbours:
    """Distances are root mean squares over the columns that both rows show: deviations of numbers, 0 or 1 of categories."""

    draws = 1

    def __init__(self, layout: Layout, k: int) -> None:
        self.layout, self.k = layout, k
        self._named = np.array([column.kind == "category" for column in layout.columns])

    def learn(self, cells: Array, rng: np.random.Generator) -> Array:
        """Keep the rows, at most some thousands of them by chance."""
        self._cells = cells
        self._else = fills(cells, self.layout.columns, "median")
        there = ~np.isnan(cells)
        count = np.maximum(there.sum(axis=0), 1)
        known = np.where(there, cells, 0.0)
        self._centre = known.sum(axis=0) / count
        self._scale = np.sqrt((((known - self._centre) * there) ** 2).sum(axis=0) / count)
        self._scale[self._scale < 1e-12 * np.maximum(np.abs(self._centre), 1.0)] = 1.0
        rows = np.arange(len(cells))
        if len(rows) > _MOST_ROWS:
            rows = np.sort(rng.choice(rows, _MOST_ROWS, replace=False))
        self._known = cells[rows]
        return self.fill(cells, rng)

    def fill(self, cells: Array, rng: np.random.Generator) -> Array:
        """Rows with gaps, some thousands at a time."""
        filled = np.where(np.isnan(cells), self._else, cells)
        open_rows = np.flatnonzero(np.isnan(cells).any(axis=1))
        step = max(1, _CHUNK // max(len(self._known), 1))
        for start in range(0, len(open_rows), step):
            rows = open_rows[start : start + step]
            filled[rows] = self._near(cells[rows], filled[rows])
        return filled

    def draw(self, rng: np.random.Generator) -> Array:
        """The same again."""
        return self.fill(self._cells, rng)

    def how(self, j: int) -> Any:
        """How many neighbours of how many rows."""
        rule = "most frequent of neighbours" if self._named[j] else "mean of neighbours"
        return {"rule": rule, "neighbours": self.k, "rows": len(self._known)}

    def _near(self, cells: Array, filled: Array) -> Array:
        apart = self._apart(cells)
        for j in np.flatnonzero(np.isnan(cells).any(axis=0)).tolist():
            rows = np.flatnonzero(np.isnan(cells[:, j]))
            donors = np.flatnonzero(~np.isnan(self._known[:, j]))
            k = min(self.k, len(donors))
            if not k:
                continue
            own = apart[np.ix_(rows, donors)]
            near = np.argpartition(own, k - 1, axis=1)[:, :k]
            usable = np.isfinite(np.take_along_axis(own, near, axis=1))
            values = self._known[donors[near], j]
            met = usable.any(axis=1)
            filled[rows[met], j] = self._joined(j, values[met], usable[met])
        return filled

    def _joined(self, j: int, values: Array, usable: NDArray[np.bool_]) -> Array:
        """One value a row from those of its neighbours `(n, k)`."""
        if not self._named[j]:
            mean: Array = np.where(usable, values, 0.0).sum(axis=1) / usable.sum(axis=1)
            return mean
        votes = ((values[:, :, None] == values[:, None, :]) & usable[:, None, :]).sum(axis=2) * usable
        # of equally frequent ones the first code, so that the order of neighbours does not matter
        best = np.where(votes == votes.max(axis=1, keepdims=True), values, np.inf)
        out: Array = best.min(axis=1)
        return out

    def _apart(self, cells: Array) -> Array:
        """Distances `(n, n_known)`, infinite where two rows show nothing in common."""
        mine, theirs = self._scaled(cells), self._scaled(self._known)
        a, b = ~np.isnan(mine), ~np.isnan(theirs)
        mine, theirs = np.where(a, mine, 0.0), np.where(b, theirs, 0.0)
        apart = mine**2 @ b.T + a @ (theirs**2).T - 2 * mine @ theirs.T
        shared = a.astype(float) @ b.T.astype(float)
        for j in np.flatnonzero(self._named):
            one, other = cells[:, j], self._known[:, j]
            both = ~np.isnan(one)[:, None] & ~np.isnan(other)
            apart += both & (one[:, None] != other)
            shared += both
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(shared > 0, np.maximum(apart, 0.0) / shared, np.inf)

    def _scaled(self, cells: Array) -> Array:
        own = ~self._named
        scaled: Array = (cells[:, own] - self._centre[own]) / self._scale[own]
        return scaled
