"""`PredictionEngine`: search, vote and artefact as one estimator with scikit-learn's conventions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from ostinato.automl.candidates import Candidates
from ostinato.automl.index import suitable
from ostinato.automl.metrics import METRICS
from ostinato.automl.search import Problem, Search, Trial
from ostinato.automl.shipping import leaderboard, shipped
from ostinato.core import progress
from ostinato.core.errors import ArtefactError, UsageError
from ostinato.core.files import read_json, read_table, write_json, write_table
from ostinato.core.params import GroupedSplit, StratifiedSplit, Task
from ostinato.engines.artefact import ModelArtefact
from ostinato.engines.voting import voted
from ostinato.features.inputs import Inputs
from ostinato.features.splits import folds_only, pairs

_FOLDS = 4
_TRIALS, _KEEP, _ROUNDS, _MEMBERS = 32, 8, 40, 5


class PredictionEngine(BaseEstimator):  # type: ignore[misc]
    """Finds, weighs and calibrates models for a table of numbers; what it saves scores without the training libraries.

    `problem` is "binary", "multiclass" or "regression"; `metric` decides (default log loss, or RMSE for regression).
    32 trials over all suitable algorithms bound the search; `time_budget` (seconds) only guards it, so that within the guard
    equal data and `random_state` give equal models, whatever `n_jobs`. With `groups` no group stands on both sides of a fold.

    >>> import numpy as np
    >>> engine = PredictionEngine(problem="binary").set_params(random_state=3)
    >>> engine.get_params()["random_state"]
    3
    """

    def __init__(
        self,
        problem: Literal["binary", "multiclass", "regression"] = "multiclass",
        metric: str | None = None,
        time_budget: float = 60,
        n_jobs: int = 2,
        random_state: int = 0,
    ) -> None:
        self.problem = problem
        self.metric = metric
        self.time_budget = time_budget
        self.n_jobs = n_jobs
        self.random_state = random_state

    @property
    def _estimator_type(self) -> str:
        return "regressor" if self.problem == "regression" else "classifier"

    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Fit on `X (n, d)`, a DataFrame or an array of numbers (gaps allowed), and `y (n,)`; `groups (n,)` may be given.

        Raises UsageError for inputs that do not fit together, SplitError where no honest folds exist.
        """
        task, frame, labels = self._checked(X, y)
        classes, codes, values = _encoded(labels, task)
        ids = tuple(f"{row:09d}" for row in range(len(frame)))
        folds, kind = self._folds(task, frame, values, groups, ids)
        matrix = frame.to_numpy(dtype=np.float32)
        problem = Problem(matrix, codes, max(len(classes), 1), pairs(folds, kind), METRICS[task.metric])
        run = Search(problem, suitable(task.kind, *matrix.shape), self.random_state, threads=max(1, self.n_jobs))
        with progress.track("fit", _TRIALS, "trials") as advance:

            def told(_: Trial, best: float) -> None:
                advance(note=f"best {task.metric} {problem.metric.score(best):.4f}")

            run.run(_TRIALS, self.time_budget, told)
        kept, dropped = shipped(problem, run.trials, _KEEP, threads=max(1, self.n_jobs))
        candidates = Candidates(
            kind=task.kind,
            metric=task.metric,
            target=task.target,
            inputs=("table",),
            classes=classes,
            features=tuple(map(str, frame.columns)),
            ids=ids,
            truth=codes,
            kept=tuple(kept),
            dropped=tuple(dropped),
        )
        self.artefact_, self.report_ = voted(candidates, _ROUNDS, _MEMBERS)
        self.leaderboard_ = leaderboard(run.trials, problem.metric)
        return self._learnt(named=hasattr(X, "columns"))

    def predict(self, X: Any) -> NDArray[Any]:
        """The likeliest label, or the value, of each row `(n,)`."""
        return self._fitted().predict(X)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities `(n, n_classes)` in the order of `classes_`."""
        return self._fitted().predict_proba(X)

    def score(self, X: Any, y: ArrayLike) -> float:
        """Accuracy, or R² of a regression: more is better."""
        truth, guess = np.asarray(y), self.predict(X)
        if self.problem != "regression":
            return float((truth == guess).mean())
        return float(1 - ((truth - guess) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())

    def leaderboard(self) -> pd.DataFrame:
        """Algorithms with the cross-validated score of their best trial, best first."""
        self._fitted()
        return self.leaderboard_.copy()

    def save(self, folder: str | Path) -> None:
        """Write the artefact to `folder/model`, and beside it the settings and the leaderboard."""
        folder = Path(folder)
        self._fitted().save(folder / "model")
        write_table(folder / "leaderboard.csv", self.leaderboard_)
        named = hasattr(self, "feature_names_in_")
        write_json(folder / "engine.json", {"params": self.get_params(), "report": self.report_, "named": named})

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what `save` wrote; raises ArtefactError."""
        folder = Path(folder)
        artefact = ModelArtefact.load(folder / "model")
        try:
            said = read_json(folder / "engine.json")
            engine = cls(**said["params"])
            engine.report_, named = said["report"], bool(said["named"])
            engine.leaderboard_ = read_table(folder / "leaderboard.csv")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArtefactError(f"{folder}: not a saved engine, or torn ({error}); save it again") from error
        engine.artefact_ = artefact
        return engine._learnt(named=named)

    def _learnt(self, *, named: bool) -> Self:
        self.n_features_in_ = len(self.artefact_.features)
        if named:
            self.feature_names_in_ = np.asarray(self.artefact_.features, dtype=object)
        if self.artefact_.classes:
            self.classes_ = np.asarray(self.artefact_.classes)
        return self

    def _fitted(self) -> ModelArtefact:
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self, "artefact_")
        return self.artefact_

    def _checked(self, X: Any, y: ArrayLike) -> tuple[Task, pd.DataFrame, NDArray[Any]]:
        if self.problem not in ("binary", "multiclass", "regression"):
            raise UsageError(f"problem={self.problem!r}: expected 'binary', 'multiclass' or 'regression'")
        regression = self.problem == "regression"
        metric = self.metric or ("rmse" if regression else "log_loss")
        if metric not in METRICS or METRICS[metric].probabilistic == regression:
            fitting = ", ".join(name for name, each in METRICS.items() if each.probabilistic != regression)
            raise UsageError(f"metric={metric!r} does not suit a {self.problem} problem; there are {fitting}")
        frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(np.asarray(X))
        if not isinstance(X, pd.DataFrame):
            frame.columns = pd.Index([f"x{i}" for i in range(frame.shape[1])])
        words = [str(name) for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name])]
        if words:
            raise UsageError(f"{len(words)} columns of X hold no numbers: {', '.join(words[:5])}; encode or drop them")
        labels = np.asarray(y)
        if labels.ndim != 1 or len(labels) != len(frame):
            raise UsageError(f"y has shape {labels.shape}; expected ({len(frame)},), one target for each row of X")
        if pd.isna(labels).any():
            raise UsageError(f"y has {int(pd.isna(labels).sum())} missing values; drop those rows")
        task = Task(target=str(getattr(y, "name", None) or "y"), kind=self.problem, inputs=("table",), metric=metric)  # type: ignore[arg-type]
        return task, frame.reset_index(drop=True), labels

    def _folds(
        self, task: Task, frame: pd.DataFrame, values: NDArray[Any], groups: ArrayLike | None, ids: Sequence[str]
    ) -> tuple[NDArray[np.int64], str]:
        tracks = pd.DataFrame({"track_id": ids})
        split: GroupedSplit | StratifiedSplit = StratifiedSplit(
            kind="stratified", folds=_FOLDS, test_share=0.25, seed=self.random_state
        )
        if groups is not None:
            tracks["group"] = np.asarray(groups)
            split = GroupedSplit(kind="grouped", group="group", folds=_FOLDS, test_share=0.25, seed=self.random_state)
        inputs = Inputs(frame, values, tuple(ids), tracks)
        return folds_only(inputs, task, split), split.kind


def _encoded(labels: NDArray[Any], task: Task) -> tuple[tuple[Any, ...], NDArray[Any], NDArray[Any]]:
    """Classes as plain values, codes (or values of a regression), and labels as the splits want them."""
    if task.kind == "regression":
        values = labels.astype(np.float64)
        return (), values, values
    classes, codes = np.unique(labels, return_inverse=True)
    if task.kind == "binary" and len(classes) > 2:  # noqa: PLR2004
        raise UsageError(f"y has {len(classes)} labels, a binary problem has two; use problem='multiclass'")
    return tuple(classes.tolist()), codes.astype(np.int64), labels.astype(str).astype(object)
