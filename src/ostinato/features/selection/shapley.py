"""`ShapSelector`: columns that move a boosted model's output on rows it did not learn from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ostinato.core.errors import UsageError
from ostinato.features.selection.matrix import Matrix
from ostinato.features.selection.models import boosted, folds
from ostinato.features.selection.selector import Array, Judged, Problem, Reason, Selector


class ShapSelector(Selector):
    """Mean absolute SHAP values (Lundberg 2020, exact for trees, LightGBM's own) of held-out rows, beside shuffled copies of all
    columns.

    In each fold of each of `repeats` a model learns from the columns and their copies. A column is kept that moves the held-out
    outputs more than the best copy does in at least `share` of the rounds. Columns that the model can do without, such as one of
    two copies, share their weight and may both stay or one go.

    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 4))
    >>> ShapSelector(repeats=2).fit(X, X[:, 0] * X[:, 2]).get_support().tolist()
    [True, False, True, False]
    """

    def __init__(
        self, repeats: int = 4, cv: int = 5, share: float = 0.7, trees: int = 100, problem: Problem = "auto", random_state: int = 0
    ) -> None:  # fmt: skip
        self.repeats = repeats
        self.cv = cv
        self.share = share
        self.trees = trees
        self.problem = problem
        self.random_state = random_state

    def _check(self) -> None:
        super()._check()
        if isinstance(self.repeats, bool) or not isinstance(self.repeats, int | np.integer) or self.repeats < 1:
            raise UsageError(f"repeats={self.repeats!r} has to be a whole number of at least 1")
        if not 0.5 <= self.share <= 1:  # noqa: PLR2004 - below a half a coin would do
            raise UsageError(f"share={self.share!r} has to be from 0.5 to 1")

    def _judge(self, matrix: Matrix, y: Array, groups: NDArray[np.int64] | None) -> Judged:
        rounds = [told for repeat in range(self.repeats) for told in self._rounds(matrix, y, groups, repeat)]
        moved = np.array([own for own, _ in rounds])
        copies = np.array([copy for _, copy in rounds])
        wins = (moved > copies[:, None]).mean(axis=0)
        return {
            place: self._said(moved[:, place].mean(), copies.mean(), wins[place], len(rounds))
            for place in range(len(wins))
        }

    def _rounds(
        self, matrix: Matrix, y: Array, groups: NDArray[np.int64] | None, repeat: int
    ) -> list[tuple[Array, float]]:
        rng = np.random.default_rng([self.random_state, repeat])
        width = matrix.values.shape[1]
        shuffled = rng.permuted(matrix.values, axis=0)
        both = np.concatenate([matrix.values, shuffled], axis=1)
        told = []
        for train, test in folds(self.cv, y, groups, self.is_classification_, self.random_state + repeat):
            model = boosted(self.is_classification_, self.random_state + repeat, self.trees).fit(both[train], y[train])
            parts = model.booster_.predict(both[test], pred_contrib=True).reshape(len(test), -1, 2 * width + 1)
            size = np.abs(parts[:, :, :-1]).mean(axis=0).sum(axis=0)
            told.append((size[:width], float(size[width:].max())))
        return told

    def _said(self, moved: float, copy: float, wins: float, rounds: int) -> Reason:
        figures = {"mean_abs_shap": float(moved), "best_copy": float(copy), "won": float(wins)}
        words = f"mean |SHAP| {moved:.4g} on held-out rows, best shuffled copy {copy:.4g}, beaten in {wins:.0%} of {rounds} rounds"
        return Reason(bool(wins >= self.share), words, figures)
