"""Target means of categorical columns and of pairs of them, shrunk towards the mean of all rows, out of fold for training rows.

Micci-Barreca: A preprocessing scheme for high-cardinality categorical attributes in classification and prediction problems, 2001.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.export.graph import Graph

Matrix = NDArray[np.float32]
Index = NDArray[np.int64]
STRENGTH = 10.0  # rows that the mean of all rows counts for
MOST_OUTPUTS = 12  # classes or labels from which on means would be too many columns
_FOLDS = 5
_MOST_PAIRS, _MOST_CELLS = 15, 4_000  # pairs of columns, and pairs of levels of one of them


@dataclass(frozen=True)
class TargetMeans:
    """One table for all: a row a level (or a pair of levels) and one for what is missing or unseen, a column an output.

    The code of a row is `first * step + second`; a column alone has step 1 and no second.
    """

    first: Index  # columns
    second: Index
    step: Matrix
    second_counts: Matrix  # 1 for a pair, 0 for a column alone
    offsets: Index  # of each one's first row in the table
    levels: Index
    table: Matrix  # (sum(levels + 1), outputs)

    @classmethod
    def learnt(
        cls, X: Matrix, columns: Index, levels: Index, y: NDArray[Any], outputs: int, *, pairs: bool = False
    ) -> TargetMeans:
        """Learn from `X (n, d)`, whose `columns` hold codes below `levels (d,)` or NaN, and targets `y`."""
        crossed = _pairs(columns, levels) if pairs else []
        first = np.array([*columns, *(a for a, _ in crossed)], dtype=np.int64)
        second = np.array([*columns, *(b for _, b in crossed)], dtype=np.int64)
        alone = np.arange(len(first)) < len(columns)
        count = np.where(alone, levels[first], levels[first] * levels[second])
        made = cls(
            first,
            second,
            np.where(alone, 1, levels[second]).astype(np.float32),
            (~alone).astype(np.float32),
            np.concatenate([[0], np.cumsum(count + 1)[:-1]]).astype(np.int64),
            count.astype(np.int64),
            np.zeros((0, 0), dtype=np.float32),
        )
        table = _means(made._places(X), targets(y, outputs), int((count + 1).sum()))
        return cls(first, second, made.step, made.second_counts, made.offsets, made.levels, table)

    def of(self, X: Matrix) -> Matrix:
        """Means `(n, c * outputs)` for rows `X (n, d)`."""
        found: Matrix = self.table[self._places(X)].reshape(len(X), -1)
        return found

    def out_of_fold(self, X: Matrix, y: NDArray[Any], outputs: int, seed: int) -> Matrix:
        """Means for the training rows, each from the rows of other folds."""
        rows, goals = self._places(X), targets(y, outputs)
        fold = np.random.default_rng(seed).permutation(len(X)) % _FOLDS
        found = np.empty((len(X), rows.shape[1], self.table.shape[1]), dtype=np.float32)
        for number in range(_FOLDS):
            held = fold == number
            if held.all():
                return self.of(X)
            found[held] = _means(rows[~held], goals[~held], len(self.table))[rows[held]]
        return found.reshape(len(X), -1)

    def write(self, graph: Graph, x: str) -> str:
        """Append the look-up: one Gather for all."""
        code = graph.gather(x, self.first)
        if self.second_counts.any():
            stepped = graph.op("Mul", code, graph.constant(self.step, np.float32))
            other = graph.op("Mul", graph.gather(x, self.second), graph.constant(self.second_counts, np.float32))
            code = graph.op("Add", stepped, other)
        lost = graph.op("IsNaN", graph.op("Sub", code, code))
        place = graph.cast(graph.op("Where", lost, graph.constant(self.levels, np.float32), code), np.int64)
        place = graph.op("Add", place, graph.constant(self.offsets, np.int64))
        found = graph.op("Gather", graph.constant(self.table, np.float32), place, axis=0)  # (n, c, outputs)
        return graph.op("Flatten", found, axis=1)

    def _places(self, X: Matrix) -> Index:
        code = X[:, self.first]
        if self.second_counts.any():
            code = code * self.step + X[:, self.second] * self.second_counts
        known = np.where(np.isfinite(code), code, self.levels.astype(np.float32))
        return np.clip(known.astype(np.int64), 0, self.levels) + self.offsets


def _pairs(columns: Index, levels: Index) -> list[tuple[int, int]]:
    """Pairs of columns with few enough levels, those of many levels first, for a tree finds the others itself."""
    found = [(int(a), int(b)) for a, b in combinations(columns, 2) if levels[a] * levels[b] <= _MOST_CELLS]
    return sorted(found, key=lambda pair: (-levels[pair[0]] * levels[pair[1]], pair))[:_MOST_PAIRS]


def targets(y: NDArray[Any], outputs: int) -> NDArray[np.float64]:
    """What is averaged, `(n, k)`: the second of two classes, every one of more, values, or labels."""
    if y.ndim == 2:  # noqa: PLR2004
        return y.astype(np.float64)
    if outputs == 1:
        return y.astype(np.float64)[:, None]
    codes = y.astype(np.int64)
    return (codes == 1).astype(np.float64)[:, None] if outputs == 2 else np.eye(outputs)[codes]  # noqa: PLR2004


def _means(rows: Index, goals: NDArray[np.float64], size: int) -> Matrix:
    prior = goals.mean(axis=0)
    flat = rows.ravel()
    count = np.bincount(flat, minlength=size)[:, None]
    spread = [np.bincount(flat, np.repeat(goals[:, k], rows.shape[1]), minlength=size) for k in range(goals.shape[1])]
    means: Matrix = ((np.stack(spread, axis=1) + STRENGTH * prior) / (count + STRENGTH)).astype(np.float32)
    return means
