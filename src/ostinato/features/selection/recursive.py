"""`RecursiveSelector`: the least useful columns go, round by round, as long as the cross-validated score allows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.errors import UsageError
from ostinato.features.selection.matrix import Matrix
from ostinato.features.selection.models import boosted, folds
from ostinato.features.selection.selector import Array, Judged, Problem, Reason, Selector


class RecursiveSelector(Selector):
    """Recursive feature elimination with cross-validation (Guyon 2002), by scikit-learn's `RFECV`.

    `estimator` has `coef_` or `feature_importances_` (default: a small LightGBM). `step` is the number, or the share, of columns
    that go in a round. `cv` is a number of folds, a splitter, or pairs of rows; with `groups` in `fit` whole groups are held out.
    `one_error=True` takes the fewest columns within one standard error of the best score (Breiman 1984), False the best score's.

    Good for a small model; it makes no promise on noise, of which it keeps one column at least.

    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 5))
    >>> RecursiveSelector(cv=3).fit(X, X[:, 1] > 0).get_support().tolist()
    [False, True, False, False, False]
    """

    def __init__(
        self,
        estimator: Any = None,
        step: int | float = 1,
        cv: Any = 5,
        scoring: Any = None,
        least: int = 1,
        one_error: bool = True,
        problem: Problem = "auto",
        random_state: int = 0,
    ) -> None:
        self.estimator = estimator
        self.step = step
        self.cv = cv
        self.scoring = scoring
        self.least = least
        self.one_error = one_error
        self.problem = problem
        self.random_state = random_state

    def _check(self) -> None:
        super()._check()
        if isinstance(self.step, bool) or not self.step > 0:
            raise UsageError(f"step={self.step!r} has to be a number of columns from 1 on, or a share below 1")
        if isinstance(self.least, bool) or not isinstance(self.least, int | np.integer) or self.least < 1:
            raise UsageError(f"least={self.least!r} has to be a whole number of at least 1")

    def _judge(self, matrix: Matrix, y: Array, groups: NDArray[np.int64] | None) -> Judged:
        from sklearn.base import clone
        from sklearn.feature_selection import RFE, RFECV

        model = boosted(self.is_classification_, self.random_state) if self.estimator is None else clone(self.estimator)
        pairs = folds(self.cv, y, groups, self.is_classification_, self.random_state)
        least = min(self.least, matrix.values.shape[1])
        scoring = self.scoring or (
            "neg_log_loss" if self.is_classification_ and hasattr(model, "predict_proba") else None
        )
        found = RFECV(model, step=self.step, cv=pairs, scoring=scoring, min_features_to_select=least).fit(
            matrix.filled, y
        )
        counts = np.asarray(found.cv_results_["n_features"])
        mean, spread = found.cv_results_["mean_test_score"], found.cv_results_["std_test_score"]
        if not np.isfinite(mean).any():
            raise UsageError(
                f"scoring={self.scoring!r} gave no finite score in any fold; give a score that suits the target"
            )
        best = int(np.nanargmax(mean))
        enough = mean >= mean[best] - self.one_error * spread[best] / np.sqrt(len(pairs))
        chosen = int(counts[enough].min())
        self.n_features_, self.scores_ = chosen, dict(zip(counts.tolist(), map(float, mean), strict=True))
        rank = RFE(model, n_features_to_select=chosen, step=self.step).fit(matrix.filled, y).ranking_
        rounds = int(rank.max())
        return {place: self._said(int(r), rounds, mean[best], int(counts[best])) for place, r in enumerate(rank)}

    def _said(self, rank: int, rounds: int, best: float, most: int) -> Reason:
        score = self.scores_[self.n_features_]
        figures = {"score": score} | ({} if rank == 1 else {"round_dropped": float(rounds - rank + 1)})
        if rank == 1:
            why = f"it is among the last {self.n_features_}, which score {score:.4g}; the best score is {best:.4g}, with {most}"
        else:
            when = f"round {rounds - rank + 1} of {rounds - 1}"
            why = f"it was the least useful in {when}; the {self.n_features_} that stayed score {score:.4g}"
        return Reason(rank == 1, why, figures)
