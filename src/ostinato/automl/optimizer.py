"""`AutoMLOptimizer`: the search alone, over all algorithms or some, with its leaderboard and its front of error, time and size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ostinato.core.errors import NotFittedError, UsageError
from ostinato.core.estimator import Parameters

if TYPE_CHECKING:
    import pandas as pd

    from ostinato.automl.pareto import ParetoFront
    from ostinato.automl.search import Trial

OBJECTIVES = ("error", "latency_us", "bytes")


class AutoMLOptimizer(Parameters):
    """Searches algorithms and their settings by honest cross-validation; keeps the best one as a model.

    The portfolio comes first, then Optuna's TPE for each algorithm, in shares that fall with rank and cost. A trial that is
    worse than most after its first fold is cut; one that crashes, hangs or takes more than `memory` bytes is ended and written
    down. `time_budget` (seconds) and `trials` bound the search; with `trials` equal data and `random_state` give equal results.
    `storage` names a folder that keeps the trials: a search with the same data and settings goes on there where it was.

    `pareto_` weighs error (the cross-validated loss), measured microseconds of a row, and bytes of one fold's model.

    >>> AutoMLOptimizer(problem="regression", trials=20).get_params()["trials"]
    20
    """

    def __init__(
        self,
        problem: str = "multiclass",
        metric: str | None = None,
        time_budget: float | None = 60,
        trials: int | None = None,
        n_jobs: int = 2,
        random_state: int = 0,
        *,
        algorithms: Sequence[str] = (),
        memory: int | None = None,
        storage: str | Path | None = None,
    ) -> None:
        self.problem = problem
        self.metric = metric
        self.time_budget = time_budget
        self.trials = trials
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.algorithms = algorithms
        self.memory = memory
        self.storage = storage

    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None, time: ArrayLike | None = None) -> Self:
        """Search on `X (n, d)`, a DataFrame or an array of any columns, and `y`; then fit the best point on all rows.

        Raises UsageError for inputs that do not fit together, SplitError where no honest folds exist, SearchError where no
        trial completed.
        """
        from ostinato.automl.index import suitable
        from ostinato.automl.portfolio import portfolio
        from ostinato.automl.search import Budget, Search
        from ostinato.automl.shipping import diverse, journal, leaderboard
        from ostinato.automl.task import read_task
        from ostinato.automl.telling import telling

        if self.trials is None and self.time_budget is None:
            raise UsageError(
                "neither time_budget nor trials is set; give at least one, for a search has no end of its own"
            )
        budget = Budget(self.trials, self.time_budget)
        seconds = None if self.trials is not None else self.time_budget
        task = read_task(self.problem, self.metric, X, y, groups, time, seconds=seconds, seed=self.random_state)
        rows, columns = task.problem.X.shape
        entries = suitable(self.problem, rows, columns, tuple(self.algorithms))  # type: ignore[arg-type]
        first = [each for each in portfolio(self.problem) if each.key in {e.key for e in entries}]  # type: ignore[arg-type]
        metric = task.problem.metric
        with (
            Search(
                task.problem,
                entries,
                self.random_state,
                portfolio=first,
                threads=self.n_jobs,
                memory=self.memory,
                folder=None if self.storage is None else Path(self.storage),
            ) as search,
            telling("search", metric, budget) as shown,
        ):
            search.run(budget, shown.told, shown.tick)
            best = diverse(search.trials, 1)[0]
            answer = search.whole(best, budget.deadline).result()
            self.model_ = search.model(best, 0 if answer.reason else answer.fold)
            self.trials_, self.leaderboard_ = journal(search.trials, metric), leaderboard(search.trials, metric)
            self.pareto_ = _front(search.trials)
        self.best_algorithm_, self.best_params_ = best.entry.key, dict(best.params)
        self.best_score_, self.notes_ = metric.score(best.loss), task.notes
        self.encoder_, self.n_features_in_ = task.encoder, len(task.encoder.names)
        if hasattr(X, "columns"):
            self.feature_names_in_ = np.asarray(task.encoder.names, dtype=object)
        if task.target.classes:
            self.classes_ = np.asarray(task.target.classes)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """The best model's likeliest label, or value, of each row `(n,)`; several labels as 0 and 1 `(n, L)`."""
        scores = self._scores(X)
        if self.problem == "multilabel":
            return (scores > 0.5).astype(np.int64)  # noqa: PLR2004
        return scores[:, 0] if self.problem == "regression" else np.asarray(self.classes_[scores.argmax(axis=1)])

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """The best model's probabilities `(n, n_classes)`; raises UsageError for a regression."""
        if self.problem == "regression":
            raise UsageError("a regression has no probabilities; use predict")
        return self._scores(X)

    def leaderboard(self) -> pd.DataFrame:
        """One row an algorithm by its best trial, best first."""
        self._fitted()
        return self.leaderboard_.copy()

    def _scores(self, X: Any) -> NDArray[np.float64]:
        from ostinato.automl.fitting import run_onnx

        self._fitted()
        return run_onnx(self.model_, self.encoder_.encode(X))

    def _fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise NotFittedError("this AutoMLOptimizer is not fitted yet; call fit")

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")


def _front(trials: Sequence[Trial]) -> ParetoFront:
    from ostinato.automl.pareto import ParetoFront

    done = [trial for trial in trials if trial.state == "complete"]
    values = {f"{t.number}_{t.entry.key}": (t.loss, t.latency, t.cost[1]) for t in done}
    params = {f"{t.number}_{t.entry.key}": dict(t.params) for t in done}
    return ParetoFront.of(values, OBJECTIVES, params=params)
