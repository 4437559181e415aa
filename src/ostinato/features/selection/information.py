"""`InformationSelector`: columns whose mutual information with the target is more than chance gives any column."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ostinato.core.errors import UsageError
from ostinato.features.selection.matrix import Matrix
from ostinato.features.selection.selector import Array, Judged, Problem, Reason, Selector


class InformationSelector(Selector):
    """Mutual information in nats by nearest neighbours (Kraskov 2004, Ross 2014; scikit-learn's), judged by shuffling the target.

    In each of `permutations` the largest information of any column is what chance gives (Westfall, Young 1993); a column's p is
    the share of those at or above its own. Kept: p at most `alpha`, so that any false one is kept with at most that chance; and of
    those at most `most`. Each column is judged alone: what tells only together with another is dropped. With `groups` the target
    is shuffled by whole groups where it is constant in them. More than `rows` rows are sampled.

    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 3))
    >>> InformationSelector().fit(X, X[:, 0] ** 2).get_support().tolist()
    [True, False, False]
    """

    def __init__(
        self, alpha: float = 0.05, permutations: int = 39, most: int | None = None, neighbors: int = 5, rows: int = 3000,
        problem: Problem = "auto", random_state: int = 0,
    ) -> None:  # fmt: skip
        self.alpha = alpha
        self.permutations = permutations
        self.most = most
        self.neighbors = neighbors
        self.rows = rows
        self.problem = problem
        self.random_state = random_state

    def _check(self) -> None:
        super()._check()
        if not 0 < self.alpha < 1:
            raise UsageError(f"alpha={self.alpha!r} has to be between 0 and 1")
        for name in ("permutations", "neighbors", "rows"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise UsageError(f"{name}={value!r} has to be a whole number of at least 1")
        if self.permutations + 1 < 1 / self.alpha:
            raise UsageError(
                f"permutations={self.permutations} can show no p below {1 / (self.permutations + 1):.3f}, and alpha is "
                f"{self.alpha}; take at least {int(np.ceil(1 / self.alpha)) - 1}"
            )

    def _judge(self, matrix: Matrix, y: Array, groups: NDArray[np.int64] | None) -> Judged:
        rng = np.random.default_rng(self.random_state)
        rows = np.sort(rng.permutation(len(y))[: self.rows])
        values, y = matrix.filled[rows], y[rows]
        parts = None if groups is None else groups[rows]
        told = self._information(values, y, matrix.discrete)
        chance = np.array(
            [
                self._information(values, _shuffled(y, parts, rng), matrix.discrete).max()
                for _ in range(self.permutations)
            ]
        )
        p = (1 + (chance[:, None] >= told).sum(axis=0)) / (1 + self.permutations)
        kept = p <= self.alpha
        if self.most is not None:
            kept &= np.argsort(np.argsort(-told, kind="stable")) < self.most
        line = float(np.quantile(chance, 1 - self.alpha))
        return {
            place: self._said(float(told[place]), float(p[place]), bool(kept[place]), line)
            for place in range(len(told))
        }

    def _information(self, values: Array, y: Array, discrete: NDArray[np.bool_]) -> Array:
        from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

        ask = mutual_info_classif if self.is_classification_ else mutual_info_regression
        neighbors = min(self.neighbors, len(y) - 1)
        found: Array = ask(values, y, discrete_features=discrete, n_neighbors=neighbors, random_state=self.random_state)
        return found

    def _said(self, told: float, p: float, kept: bool, line: float) -> Reason:
        words = (
            f"{told:.4g} nats of information on the target, p = {p:.3f}; chance gives the best column up to {line:.4g}"
        )
        if p <= self.alpha and not kept:
            words += f"; {self.most} others tell more"
        return Reason(kept, words, {"information": told, "p": p, "chance": line})


def _shuffled(y: Array, groups: NDArray[np.int64] | None, rng: np.random.Generator) -> Array:
    if groups is None:
        return rng.permutation(y)
    _, first, code = np.unique(groups, return_index=True, return_inverse=True)
    if (y == y[first][code]).all():
        return rng.permutation(y[first])[code]
    return rng.permutation(y)
