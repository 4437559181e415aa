"""Rows by their neighbours: the local outlier factor (Breunig et al. 2000) and the mean distance (Angiulli & Pizzuti 2002)."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

Array = NDArray[np.float64]
_MOST_ROWS = 5_000  # that neighbours are looked for among


class Neighbourhood:
    """The `k` nearest learnt rows of a row, itself not counted where it is one of them."""

    def __init__(self, k: int, seed: int) -> None:
        self.k, self.seed = k, seed

    def fit(self, X: Array) -> Self:
        """Keep rows `(n, d)`, at most some thousands of them by chance."""
        if len(X) > _MOST_ROWS:
            X = X[np.sort(np.random.default_rng(self.seed).choice(len(X), _MOST_ROWS, replace=False))]
        self.near = min(self.k, len(X) - 1)
        if self.near:
            self._index = NearestNeighbors(n_neighbors=self.near + 1).fit(X)
            distance, place = self.distances(X)
            self._reach = distance[:, -1]
            self._density = self._densities(distance, place)
        return self

    def distances(self, X: Array) -> tuple[Array, NDArray[np.intp]]:
        """Distances and places of the neighbours `(n, k)`; a learnt row at no distance is the row itself."""
        distance, place = self._index.kneighbors(X)
        # brute force leaves a row some 1e-8 away from itself
        itself = distance[:, 0] <= 1e-7 * np.maximum(np.linalg.norm(X, axis=1), 1e-30)
        start = itself.astype(np.intp)[:, None]
        columns = start + np.arange(self.near)
        return np.take_along_axis(distance, columns, axis=1), np.take_along_axis(place, columns, axis=1)

    def _densities(self, distance: Array, place: NDArray[np.intp]) -> Array:
        reached: Array = np.maximum(distance, self._reach[place]).mean(axis=1)
        return 1.0 / (reached + 1e-10)

    def factor(self, X: Array) -> Array:
        """The local outlier factor `(n,)`: 1 where a row lies as densely as its neighbours, more where they lie denser."""
        if not self.near:
            return np.ones(len(X))
        distance, place = self.distances(X)
        around: Array = self._density[place].mean(axis=1) / self._densities(distance, place)
        return around

    def mean(self, X: Array) -> Array:
        """The mean distance `(n,)`."""
        if not self.near:
            return np.zeros(len(X))
        mean: Array = self.distances(X)[0].mean(axis=1)
        return mean
