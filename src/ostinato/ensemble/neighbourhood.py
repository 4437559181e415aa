"""Which rows are alike: numbers standardised, missing ones at the median, other columns as their commonest values."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

Array = NDArray[np.float64]
_VALUES = 20  # of a column that is no number


class Neighbourhood:
    """Nearest of the rows that it was made of, by Euclidean distance."""

    def __init__(self, X: Any) -> None:
        self._columns: list[tuple[Any, ...]] = []
        for column in _columns(X):
            numbers = _numbers(column)
            if numbers is None:
                values, counts = np.unique(column.astype(str), return_counts=True)
                kept = values[np.lexsort((values, -counts))][:_VALUES]
                self._columns.append(("values", kept))
                continue
            known = numbers[np.isfinite(numbers)]
            middle = float(np.median(known)) if len(known) else 0.0
            spread = float(known.std()) if len(known) else 0.0
            self._columns.append(("numbers", middle, spread if spread > 0 else np.inf))
        self._space = self._placed(X)
        self._index = NearestNeighbors().fit(self._space)

    def nearest(self, X: Any, k: int) -> NDArray[np.int64]:
        """The `k` nearest rows `(n, k)` of each row of `X`, nearest first."""
        return np.asarray(self._index.kneighbors(self._placed(X), min(k, len(self._space)), return_distance=False))

    def beside(self, k: int, units: NDArray[np.int64]) -> NDArray[np.int64]:
        """The `k` nearest rows of each own row that belong to another unit; -1 where too few are near."""
        near = self.nearest_own(min(4 * k + 1, len(self._space)))
        strange = units[near] != units[:, None]
        order = np.argsort(~strange, axis=1, kind="stable")[:, :k]
        found = np.take_along_axis(near, order, axis=1)
        found[~np.take_along_axis(strange, order, axis=1)] = -1
        return found

    def nearest_own(self, k: int) -> NDArray[np.int64]:
        """The `k` nearest own rows `(n, k)` of each own row, itself among them."""
        return np.asarray(self._index.kneighbors(self._space, k, return_distance=False))

    def _placed(self, X: Any) -> Array:
        parts = []
        for column, told in zip(_columns(X), self._columns, strict=True):
            if told[0] == "values":
                # two rows of different values are one apart
                parts.append((column.astype(str)[:, None] == told[1]) / np.sqrt(2))
                continue
            numbers = _numbers(column)
            filled = (
                np.full(len(column), told[1]) if numbers is None else np.where(np.isfinite(numbers), numbers, told[1])
            )
            parts.append(((filled - told[1]) / told[2])[:, None])
        return np.hstack(parts)

    @classmethod
    def of(cls, X: Any) -> Self:
        """The neighbourhood of the rows of `X`."""
        return cls(X)


def _columns(X: Any) -> list[NDArray[Any]]:
    if hasattr(X, "toarray"):
        X = X.toarray()
    if hasattr(X, "columns"):
        return [X.iloc[:, i].to_numpy() for i in range(X.shape[1])]
    table = np.asarray(X)
    return [table[:, i] for i in range(table.shape[1])]


def _numbers(column: NDArray[Any]) -> Array | None:
    try:
        return np.asarray(column, dtype=np.float64)
    except (TypeError, ValueError):
        return None
