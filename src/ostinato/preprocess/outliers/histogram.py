"""Rows by how rare their values are, column by column (Goldstein & Dengel 2012)."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_FEWEST, _MOST = 5, 20


class Histograms:
    """Bins of equal width for each column; values beyond them lie in an empty one."""

    def fit(self, X: Array) -> Self:
        """Learn from rows `(n, d)` without NaN."""
        bins = min(_MOST, max(_FEWEST, int(np.sqrt(len(X)))))
        self.least = X.min(axis=0)
        width = (X.max(axis=0) - self.least) / bins
        self.varies = width > 1e-12 * np.maximum(np.abs(X).max(axis=0), 1e-300)
        self.width = np.where(self.varies, width, 1.0)
        count = np.zeros((bins + 2, X.shape[1]))
        place = self._places(X, bins)
        for j in range(X.shape[1]):
            count[:, j] = np.bincount(place[:, j], minlength=bins + 2)
        self.rarity = -np.log((count + 0.5) / (len(X) + _FEWEST))
        return self

    def _places(self, X: Array, bins: int) -> NDArray[np.int64]:
        """Bins 1 … `bins`, 0 and `bins` + 1 beyond."""
        steps = (X - self.least) / self.width
        inside = np.minimum(np.floor(steps), bins - 1.0)
        inside = np.where(steps > bins * (1 + 1e-9), bins, np.where(steps < 0, -1.0, inside))
        return inside.astype(np.int64) + 1

    def score(self, X: Array) -> Array:
        """Sum of the logarithms of 1 / frequency `(n,)`."""
        place = self._places(X, len(self.rarity) - 2)
        rare: Array = np.take_along_axis(self.rarity, place, axis=0)[:, self.varies].sum(axis=1)
        return rare
