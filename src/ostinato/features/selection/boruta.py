"""`BorutaSelector`: all columns that tell a forest more than their shuffled copies do."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.errors import MissingExtraError, UsageError
from ostinato.features.selection.matrix import Matrix
from ostinato.features.selection.selector import Array, Judged, Problem, Reason, Selector


class BorutaSelector(Selector):
    """Boruta (Kursa, Rudnicki 2010) by the package `boruta`: in each round a forest sees the columns and shuffled copies of them,
    and a column scores where it is more important than the best copy (`percentile=100`; less is milder).

    Columns that score more often than a coin, at `alpha` after correction, are confirmed; less often, rejected; those
    undecided after `rounds` are dropped unless `tentative`. Redundant columns are kept: it finds all that is relevant. The test is
    against the chance in forests, not the chance in the rows: of noise that happens to go with the target some may stay.
    Raises MissingExtraError where `boruta` is not installed.
    """

    def __init__(
        self,
        rounds: int = 50,
        trees: int = 100,
        depth: int = 5,
        percentile: int = 100,
        alpha: float = 0.05,
        tentative: bool = False,
        problem: Problem = "auto",
        random_state: int = 0,
    ) -> None:
        self.rounds = rounds
        self.trees = trees
        self.depth = depth
        self.percentile = percentile
        self.alpha = alpha
        self.tentative = tentative
        self.problem = problem
        self.random_state = random_state

    def _check(self) -> None:
        super()._check()
        for name, least, most in (
            ("rounds", 2, 10_000),
            ("trees", 1, 10_000),
            ("depth", 1, 100),
            ("percentile", 1, 100),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= most:
                raise UsageError(f"{name}={value!r} has to be a whole number from {least} to {most}")
        if not 0 < self.alpha < 1:
            raise UsageError(f"alpha={self.alpha!r} has to be between 0 and 1")

    def _judge(self, matrix: Matrix, y: Array, groups: NDArray[np.int64] | None) -> Judged:
        try:
            from boruta import BorutaPy
        except ImportError as error:
            raise MissingExtraError.named("boruta", "selection") from error
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        kind = RandomForestClassifier if self.is_classification_ else RandomForestRegressor
        forest = kind(max_depth=self.depth, n_jobs=1)
        found = BorutaPy(
            forest,
            n_estimators=self.trees,
            perc=self.percentile,
            alpha=self.alpha,
            max_iter=self.rounds,
            random_state=self.random_state,
        ).fit(matrix.filled, y)
        return {place: self._said(found, place) for place in range(len(matrix.names))}

    def _said(self, found: Any, place: int) -> Reason:
        history = np.asarray(found.importance_history_)[:, place]
        told = history[np.isfinite(history)]
        figures = {
            "rank": float(found.ranking_[place]),
            "importance": float(told.mean()) if len(told) else 0.0,
            "rounds": float(len(told)),
        }
        if found.support_[place]:
            return Reason(
                True,
                f"it was more important than the best shuffled copy more often than chance, over {self.rounds} rounds",
                figures,
            )
        if found.support_weak_[place]:
            return Reason(self.tentative, f"undecided after {self.rounds} rounds; more rounds may tell", figures)
        why = f"it was no more important than shuffled copies, and rejected after {len(told)} rounds (rank {found.ranking_[place]})"
        return Reason(False, why, figures)
