"""Target means of categorical columns, shrunk towards the mean of all rows and out of fold for the rows they come from.

Micci-Barreca: A preprocessing scheme for high-cardinality categorical attributes in classification and prediction problems, 2001.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.export.graph import Graph

Matrix = NDArray[np.float32]
Index = NDArray[np.int64]
STRENGTH = 10.0  # rows that the mean of all rows counts for
MOST_OUTPUTS = 12  # classes or labels from which on means would be too many columns
_FOLDS = 5


@dataclass(frozen=True)
class TargetMeans:
    """One table for all columns: a row a level and one for what is missing or unseen, a column an output."""

    columns: Index
    offsets: Index  # of each column's first row
    levels: Index
    table: Matrix  # (sum(levels + 1), outputs)

    @classmethod
    def learnt(cls, codes: Matrix, columns: Index, levels: Index, y: NDArray[Any], outputs: int) -> TargetMeans:
        """Learn from `codes (n, c)`, which hold codes or NaN, and targets `y` (codes, values, or `(n, L)` of 0 and 1)."""
        offsets = np.concatenate([[0], np.cumsum(levels + 1)[:-1]]).astype(np.int64)
        rows = _places(codes, offsets, levels)
        return cls(columns, offsets, levels, _means(rows, targets(y, outputs), int((levels + 1).sum())))

    def of(self, X: Matrix) -> Matrix:
        """Means `(n, c * outputs)` of the columns of `X (n, d)`."""
        found: Matrix = self.table[_places(X[:, self.columns], self.offsets, self.levels)].reshape(len(X), -1)
        return found

    def out_of_fold(self, X: Matrix, y: NDArray[Any], outputs: int, seed: int) -> Matrix:
        """Means for the training rows, each from the rows of other folds."""
        rows, goals = _places(X[:, self.columns], self.offsets, self.levels), targets(y, outputs)
        fold = np.random.default_rng(seed).permutation(len(X)) % _FOLDS
        found = np.empty((len(X), rows.shape[1], self.table.shape[1]), dtype=np.float32)
        for number in range(_FOLDS):
            held = fold == number
            if held.all():
                return self.of(X)
            found[held] = _means(rows[~held], goals[~held], len(self.table))[rows[held]]
        return found.reshape(len(X), -1)

    def write(self, graph: Graph, x: str, gap: str) -> str:
        """Append the look-up: one Gather for all columns."""
        own, holes = graph.gather(x, self.columns), graph.gather(gap, self.columns)
        unknown = graph.constant(self.levels, np.float32)
        place = graph.cast(graph.op("Where", holes, unknown, own), np.int64)
        place = graph.op("Add", place, graph.constant(self.offsets, np.int64))
        found = graph.op("Gather", graph.constant(self.table, np.float32), place, axis=0)  # (n, c, outputs)
        return graph.op("Flatten", found, axis=1)


def targets(y: NDArray[Any], outputs: int) -> NDArray[np.float64]:
    """What is averaged, `(n, k)`: the second of two classes, every one of more, values, or labels."""
    if y.ndim == 2:  # noqa: PLR2004
        return y.astype(np.float64)
    if outputs == 1:
        return y.astype(np.float64)[:, None]
    codes = y.astype(np.int64)
    return (codes == 1).astype(np.float64)[:, None] if outputs == 2 else np.eye(outputs)[codes]  # noqa: PLR2004


def _places(codes: Matrix, offsets: Index, levels: Index) -> Index:
    known = np.where(np.isfinite(codes), codes, levels.astype(np.float32))
    return np.clip(known.astype(np.int64), 0, levels) + offsets


def _means(rows: Index, goals: NDArray[np.float64], size: int) -> Matrix:
    prior = goals.mean(axis=0)
    flat = rows.ravel()
    count = np.bincount(flat, minlength=size)[:, None]
    spread = [np.bincount(flat, np.repeat(goals[:, k], rows.shape[1]), minlength=size) for k in range(goals.shape[1])]
    means: Matrix = ((np.stack(spread, axis=1) + STRENGTH * prior) / (count + STRENGTH)).astype(np.float32)
    return means
