"""`StabilitySelector`: columns that nearly every half of the rows selects, with a bound on the false ones."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from ostinato.core.errors import UsageError
from ostinato.features.selection.matrix import Matrix
from ostinato.features.selection.selector import Array, Judged, Problem, Reason, Selector

_TURN = 0.75  # where the bound of Shah and Samworth changes its form


class StabilitySelector(Selector):
    """Stability selection (Meinshausen, Bühlmann 2010) by complementary pairs (Shah, Samworth 2013).

    `pairs` times the rows are cut in two halves, and in each the lasso path is followed until `q` columns have entered (for two
    classes the target is 0 and 1, as in Mai, Zou and Yuan 2012; for more, each class against the rest). Kept are columns that are
    selected in at least `threshold` of all halves. `q` is chosen so that on average at most `most_false` of the kept ones are
    selected no oftener than at random: `error_bound_`, by theorem 2 of Shah and Samworth, which takes the shares of such columns to
    be unimodal; `error_bound_plain_` is Meinshausen and Bühlmann's `q²/((2·threshold - 1)·d)`, which takes them to be exchangeable.

    Linear: what tells only through a curve or together with another is not seen, and of two copies each is seen half as often.
    With few columns q is small, and so is the number that can be kept: with d columns about sqrt(d · most_false). With `groups`
    halves are of whole groups.

    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 30))
    >>> selector = StabilitySelector(most_false=0.3).fit(X, X[:, 3] - X[:, 7] + rng.normal(size=200))
    >>> np.flatnonzero(selector.get_support()).tolist(), selector.error_bound_ <= 0.3
    ([3, 7], True)
    """

    def __init__(
        self, threshold: float = 0.75, most_false: float = 1.0, pairs: int = 50, q: int | None = None,
        problem: Problem = "auto", random_state: int = 0,
    ) -> None:  # fmt: skip
        self.threshold = threshold
        self.most_false = most_false
        self.pairs = pairs
        self.q = q
        self.problem = problem
        self.random_state = random_state

    def _check(self) -> None:
        super()._check()
        if not 0.5 < self.threshold <= 1:  # noqa: PLR2004
            raise UsageError(f"threshold={self.threshold!r} has to be above 0.5, up to 1; below nothing is bounded")
        if not self.most_false > 0:
            raise UsageError(f"most_false={self.most_false!r} has to be above 0: none at all cannot be promised")
        for name in ("pairs", "q"):
            value = getattr(self, name)
            if name == "q" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise UsageError(f"{name}={value!r} has to be a whole number of at least 1")
        if self.threshold <= 0.5 + 1 / (2 * self.pairs):
            raise UsageError(
                f"threshold={self.threshold} is bounded by no theorem for {self.pairs} pairs; raise one of them"
            )

    def _judge(self, matrix: Matrix, y: Array, groups: NDArray[np.int64] | None) -> Judged:
        width = matrix.values.shape[1]
        factor = _factor(self.threshold, self.pairs)
        self.q_ = min(width, self.q if self.q is not None else max(1, int(np.sqrt(self.most_false * width / factor))))
        self.error_bound_ = factor * self.q_**2 / width
        self.error_bound_plain_ = self.q_**2 / ((2 * self.threshold - 1) * width)
        rng = np.random.default_rng(self.random_state)
        goals = _goals(y, self.is_classification_)
        share = np.zeros(width)
        for _ in range(self.pairs):
            for rows in _halves(len(y), groups, rng):
                share[self._entered(matrix.scaled[rows], goals[rows])] += 1 / (2 * self.pairs)
        return {place: self._said(float(share[place])) for place in range(width)}

    def _entered(self, X: Array, goals: Array) -> NDArray[np.int64]:
        """The first q columns on the paths, taken in turns."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import lars_path

        X = X - X.mean(axis=0)
        length = np.sqrt((X**2).sum(axis=0))
        X = X / np.where(length > 0, length, 1.0)
        paths = []
        for goal in goals.T:
            if np.ptp(goal) > 0:
                with warnings.catch_warnings():
                    # of equal columns the path takes one and warns of the other
                    warnings.simplefilter("ignore", ConvergenceWarning)
                    coefficients = lars_path(X, goal - goal.mean(), method="lasso", max_iter=4 * self.q_ + 4)[2]
                there = coefficients != 0
                first = np.where(there.any(axis=1), there.argmax(axis=1), coefficients.shape[1] + 1)
                paths.append([place for place in np.argsort(first, kind="stable") if there[place].any()])
        entered: dict[int, None] = {}
        for turn in range(self.q_):
            entered |= {int(path[turn]): None for path in paths if turn < len(path)}
        return np.array(list(entered)[: self.q_], dtype=np.int64)

    def _said(self, share: float) -> Reason:
        kept = share >= self.threshold - 1e-9
        words = (
            f"selected in {share:.0%} of {2 * self.pairs} halves of the rows, with {self.threshold:.0%} asked; at most "
            f"{self.error_bound_:.2g} of those kept are expected to be false"
        )
        return Reason(
            bool(kept), words, {"share": share, "threshold": self.threshold, "error_bound": self.error_bound_}
        )


def _factor(threshold: float, pairs: int) -> float:
    """C of theorem 2 of Shah and Samworth: false ones are at most C q²/d on average.

    >>> round(_factor(0.75, 50), 3), round(_factor(0.9, 50), 3)
    (1.02, 0.431)
    """
    if threshold <= _TURN:
        return 1 / (2 * (2 * threshold - 1 - 1 / (2 * pairs)))
    return 4 * (1 - threshold + 1 / (2 * pairs)) / (1 + 1 / pairs)


def _goals(y: Array, classification: bool) -> Array:
    classes = np.unique(y)
    if not classification or len(classes) <= 2:  # noqa: PLR2004
        return y[:, None]
    found: Array = (y[:, None] == classes).astype(np.float64)
    return found


def _halves(
    rows: int, groups: NDArray[np.int64] | None, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if groups is None:
        order = rng.permutation(rows)
        return order[: rows // 2], order[rows // 2 : rows // 2 * 2]
    first = rng.permutation(int(groups.max()) + 1) < (int(groups.max()) + 1) / 2
    return np.flatnonzero(first[groups]), np.flatnonzero(~first[groups])
