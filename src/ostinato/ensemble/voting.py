"""Voting: members weighed equally, as told, greedily, or by how they fare on a stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, column_or_1d

from ostinato.core.errors import UsageError
from ostinato.ensemble.bench import Bench
from ostinato.ensemble.greedy import greedy
from ostinato.ensemble.members import Ensemble
from ostinato.ensemble.online import BoundedStream, Hedge, LogStream, SquaredStream, StreamLoss
from ostinato.ensemble.running import LogLoss, SquaredLoss

Array = NDArray[np.float64]


def _adapts(self: VotingEnsemble) -> bool:
    return isinstance(self.weights, str) and self.weights == "adaptive"


class VotingEnsemble(Ensemble):
    """A weighted vote. `weights`: `greedy` (default, on out-of-fold scores), None (equal), numbers, or `adaptive`.

    `voting="hard"` counts each member's choice, `"soft"` averages probabilities; values of regressors are averaged.
    `adaptive` begins halfway between greedy and equal weights and moves them by `update(X, y)`; `regret_` is what was
    lost beyond the best member so far and `regret_bound_` the most it can be (`ostinato.ensemble.online` says why). With
    `share` > 0 the weights also follow a best member that changes.

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> both = [("line", LogisticRegression(max_iter=1000)), ("tree", DecisionTreeClassifier(max_depth=3, random_state=0))]
    >>> VotingEnsemble(both).fit(X, y).score(X, y) > 0.95
    True
    """

    def __init__(
        self,
        estimators: Sequence[tuple[str, Any]],
        voting: str = "soft",
        weights: str | Sequence[float] | None = "greedy",
        rounds: int = 50,
        max_members: int = 12,
        share: float = 0.0,
        cv: Any = 5,
        random_state: int | None = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.estimators = estimators
        self.voting = voting
        self.weights = weights
        self.rounds = rounds
        self.max_members = max_members
        self.share = share
        self.cv = cv
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _needs_folds(self) -> bool:
        return isinstance(self.weights, str)

    def _check_options(self) -> None:
        n = len(self.estimators)
        if self.voting not in {"soft", "hard"}:
            raise UsageError(f"voting is soft or hard, got {self.voting!r}")
        if isinstance(self.weights, str):
            if self.weights not in {"greedy", "adaptive"}:
                raise UsageError(f"weights is greedy, adaptive, None or {n} numbers, got {self.weights!r}")
        elif self.weights is not None:
            told = np.asarray(self.weights, dtype=np.float64)
            if told.shape != (n,) or not (np.isfinite(told) & (told >= 0)).all() or told.sum() <= 0:
                raise UsageError(f"weights has to be {n} numbers ≥ 0, not all 0, got {told.tolist()}")

    def _learn(self, bench: Bench) -> None:
        n = len(bench.models)
        told = np.ones(n) if self.weights is None else self.weights
        first = self._greedy(bench) if isinstance(self.weights, str) else np.asarray(told, dtype=np.float64)
        self._static = first / first.sum()
        self.__dict__.pop("stream_", None)
        if _adapts(self):
            loss = self._stream_loss(bench)
            # only exp-concave losses have a bound for uneven beginnings that does not grow with the stream
            prior = self._static / 2 + 1 / (2 * n) if loss.eta else None
            self.stream_ = Hedge(n, loss, prior, self.share)
        if bench.pairs:
            self.out_of_fold_ = np.tensordot(self.weights_, self._ballots(bench.scores), axes=1)

    def _greedy(self, bench: Bench) -> Array:
        held, hard = bench.held, self.voting == "hard" and bench.problem.classes is not None
        y, scores = bench.y[held], self._ballots(bench.scores[:, held], bench.problem.classes is not None)
        loss: Any = SquaredLoss(y) if bench.problem.classes is None else LogLoss(y)
        if hard:
            loss = lambda p: float((p.argmax(axis=1) != y).mean())  # noqa: E731
        self.vote_ = greedy(list(scores), loss, self.rounds, self.max_members)
        return np.asarray(self.vote_.weights)

    def _stream_loss(self, bench: Bench) -> StreamLoss:
        if bench.problem.classes is None:
            return SquaredStream(float(bench.y.min()), float(bench.y.max()))
        return BoundedStream() if self.voting == "hard" else LogStream()

    def _ballots(self, scores: Array, classes: bool | None = None) -> Array:
        """What is averaged `(n_models, n, outputs)`: scores, or a one for the class that each member chooses."""
        classified = self.problem_.classes is not None if classes is None else classes
        if self.voting == "soft" or not classified:
            return scores
        chosen: Array = np.eye(scores.shape[2])[np.nan_to_num(scores, nan=-1).argmax(axis=2)]
        chosen[np.isnan(scores).any(axis=2)] = np.nan
        return chosen

    @property
    def weights_(self) -> Array:
        """The weight `(n_models,)` of each member now."""
        check_is_fitted(self, "models_")
        stream: Hedge | None = self.__dict__.get("stream_")
        now: Array = self._static if stream is None else stream.weights
        return now

    def _scores(self, X: Any) -> Array:
        weights = self.weights_
        return np.asarray(np.tensordot(weights, self._ballots(self._all_scores(X, weights > 0)), axes=1))

    @available_if(_adapts)  # type: ignore[untyped-decorator]
    def update(self, X: Any, y: ArrayLike) -> Self:
        """Move the weights by rows in their order; each row is predicted with the weights before it.

        A class that `fit` never saw costs every member the same and moves nothing.
        """
        scores = self._ballots(self._all_scores(self._asked(X)))
        truth = column_or_1d(y)
        if len(truth) != scores.shape[1]:
            raise UsageError(f"X has {scores.shape[1]} rows and y {len(truth)}; give one outcome a row")
        if self.problem_.classes is None:
            values = np.asarray(truth, dtype=np.float64)
            if not np.isfinite(values).all():
                raise UsageError("Input y contains NaN or infinity; wait for the outcome before updating")
            self.stream_.update(scores[:, :, 0].T, values)
            return self
        known = np.isin(truth, self.classes_)
        codes = np.searchsorted(self.classes_, truth[known])
        right = scores[:, known][:, np.arange(len(codes)), codes].T
        if len(right):
            self.stream_.update(1 - right if self.voting == "hard" else right)
        return self

    @available_if(_adapts)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """`fit` the first time, `update` from then on; members themselves stay as they were fitted."""
        if not hasattr(self, "models_"):
            return self.fit(X, y)
        self.update(X, y)
        return self

    @property
    def regret_(self) -> float:
        """Cumulative loss of the vote on the stream less the best member's."""
        return self._stream().regret

    @property
    def regret_bound_(self) -> float:
        """The most that `regret_` can be by the theorem for this loss."""
        return self._stream().bound()

    def _stream(self) -> Hedge:
        check_is_fitted(self, "models_")
        if "stream_" not in self.__dict__:
            raise AttributeError("regret is measured with weights='adaptive' only")
        found: Hedge = self.stream_
        return found
