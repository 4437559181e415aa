"""`PredictionEngine`: search, vote, calibration and artefact as one estimator with scikit-learn's conventions.

What predicts needs NumPy and ONNX Runtime alone; all that trains is imported when `fit` is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ostinato.automl.portfolio import Configuration
from ostinato.core.errors import ArtefactError, NotFittedError
from ostinato.core.estimator import Parameters
from ostinato.core.files import read_json, write_json
from ostinato.engines.artefact import ModelArtefact
from ostinato.engines.bounds import Bounds

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("rank", "algorithm", "family", "score", "std", "trials", "params", "weight")
_MODEL, _ENGINE, _MEASURED, _BOARD = "model", "engine.json", "measured.json", "leaderboard.json"


class PredictionEngine(Parameters):
    """Finds, weighs and calibrates models for any table; what it saves is small, fast, and needs no training library.

    `problem` is "binary", "multiclass", "multilabel" or "regression"; `metric` decides (default log loss, or RMSE for regression).
    Columns may be numbers, words, dates or texts, with gaps. `time_budget` is seconds for `fit`, all included. With `trials` the
    search is bounded by their number instead, `time_budget` (None: none) only guards it, and equal data, `random_state` and
    `trials` give the same model bit for bit, whatever `n_jobs`. `algorithms` narrows the choice to keys of the registry;
    `bounds` are what the saved artefact may cost; `portfolio` are the configurations to try first (None: those of the product).

    >>> engine = PredictionEngine(problem="binary").set_params(random_state=3)
    >>> engine.get_params()["random_state"]
    3
    """

    def __init__(
        self,
        problem: Literal["binary", "multiclass", "multilabel", "regression"] = "multiclass",
        metric: str | None = None,
        time_budget: float | None = 60,
        n_jobs: int = 2,
        random_state: int = 0,
        *,
        trials: int | None = None,
        algorithms: tuple[str, ...] = (),
        bounds: Bounds | None = None,
        portfolio: Sequence[Configuration] | None = None,
    ) -> None:
        self.problem = problem
        self.metric = metric
        self.time_budget = time_budget
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.trials = trials
        self.algorithms = algorithms
        self.bounds = bounds
        self.portfolio = portfolio

    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None, time: ArrayLike | None = None) -> Self:
        """Fit on `X (n, d)`, a DataFrame or an array, and `y (n,)`, or `(n, L)` of 0 and 1 for several labels.

        With `groups (n,)` no group stands on both sides of a fold; with `time (n,)` a fold is learnt from earlier rows only.
        Raises UsageError for inputs that do not fit together, SplitError where no honest folds exist, SearchError where
        nothing could be fitted.
        """
        from ostinato.engines.training import train

        trained = train(self, X, y, groups, time)
        self.artefact_, self.report_, self.board_ = trained.artefact, trained.report, trained.board
        self.trials_, self.notes_, self._lighter = trained.journal, trained.notes, trained.lighter
        return self._learnt(named=hasattr(X, "columns"))

    def predict(self, X: Any) -> NDArray[Any]:
        """The likeliest label, or the value, of each row `(n,)`; several labels as 0 and 1 `(n, L)`.

        `X` is a DataFrame, an array, one row as a dict, or a list of dicts.
        """
        return self._fitted().predict(X)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities `(n, n_classes)` in the order of `classes_`."""
        return self._fitted().predict_proba(X)

    def predict_set(self, X: Any, coverage: float = 0.9) -> NDArray[np.bool_]:
        """Conformal sets `(n, n_classes)`: which classes are in; they hold the true one in at least `coverage` of new rows."""
        from ostinato.engines.uncertainty import sets

        return sets(self._fitted(), X, coverage)

    def predict_interval(self, X: Any, coverage: float = 0.9) -> NDArray[np.float64]:
        """Conformal intervals `(n, 2)` that hold the true value of at least `coverage` of new rows."""
        from ostinato.engines.uncertainty import intervals

        return intervals(self._fitted(), X, coverage)

    def explain(self, X: Any, samples: int = 32) -> NDArray[np.float64]:
        """SHAP values `(n, d, outputs)` of the columns `feature_names_` for each score, from the artefact alone.

        They sum to the score less the mean score of the background rows, exactly; `samples` pairs of random orders are averaged.
        """
        from ostinato.engines.shap import shap_values

        return shap_values(self._fitted(), X, samples, self.random_state)

    def score(self, X: Any, y: ArrayLike) -> float:
        """Accuracy, or R² of a regression: more is better."""
        truth, guess = np.asarray(y), self.predict(X)
        if self.problem != "regression":
            return float((truth == guess).mean())
        return float(1 - ((truth - guess) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())

    def leaderboard(self) -> pd.DataFrame:
        """The vote and the algorithms by the cross-validated score of their best trial, best first."""
        import pandas as pd

        self._fitted()
        return pd.DataFrame(self.board_, columns=list(_COLUMNS))

    def save(self, folder: str | Path) -> dict[str, Any]:
        """Write the artefact to `folder/model`, and beside it settings, leaderboard and what was measured, which is returned.

        Bytes, memory and times are measured on the artefact itself in a fresh process. One that is over its bounds is not
        kept: the next lighter vote takes its place, and ArtefactError is raised where there is none.
        """
        from ostinato.engines import envelope

        folder = Path(folder)
        bounds = self.bounds or Bounds()
        artefact, refused = self._fitted(), list[str]()
        while True:
            artefact.save(folder / _MODEL)
            measured = envelope.measure(folder / _MODEL)
            faults = bounds.faults(measured)
            if not faults:
                break
            refused.append(f"{len(artefact.manifest['members'])} members: {'; '.join(faults)}")
            lighter = self._lighter() if getattr(self, "_lighter", None) else None
            if lighter is None:
                raise ArtefactError(
                    f"{folder}: no model fits its bounds ({' | '.join(refused)}). "
                    "Widen `bounds`, or name lighter `algorithms`, such as linear ones."
                )
            artefact = self.artefact_ = lighter
        measured["refused"] = refused
        write_json(folder / _MEASURED, measured)
        write_json(folder / _BOARD, self.board_)
        params = {**self.get_params(), "bounds": None if self.bounds is None else self.bounds.to_dict()}
        params["algorithms"] = list(self.algorithms)
        params["portfolio"] = None if self.portfolio is None else [each.to_dict() for each in self.portfolio]
        facts = {"params": params, "report": self.report_, "notes": list(self.notes_), "named": self._named}
        write_json(folder / _ENGINE, facts)
        return measured

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what `save` wrote, with NumPy and ONNX Runtime alone; raises ArtefactError."""
        folder = Path(folder)
        artefact = ModelArtefact.load(folder / _MODEL)
        try:
            said = read_json(folder / _ENGINE)
            params: dict[str, Any] = dict(said["params"])
            if isinstance(params.get("bounds"), Mapping):
                params["bounds"] = Bounds(**params["bounds"])
            params["algorithms"] = tuple(params.get("algorithms", ()))
            if params.get("portfolio") is not None:
                params["portfolio"] = tuple(Configuration(**each) for each in params["portfolio"])
            engine = cls(**params)
            engine.report_, engine.notes_, named = said["report"], tuple(said["notes"]), bool(said["named"])
            engine.board_ = read_json(folder / _BOARD)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArtefactError(f"{folder}: not a saved engine, or torn ({error}); save it again") from error
        engine.artefact_ = artefact
        return engine._learnt(named=named)

    def _learnt(self, *, named: bool) -> Self:
        self.n_features_in_, self._named = len(self.artefact_.features), named
        self.feature_names_ = tuple(column.name for column in self.artefact_.encoder.columns)
        if named:
            self.feature_names_in_ = np.asarray(self.artefact_.features, dtype=object)
        if self.artefact_.classes:
            self.classes_ = np.asarray(self.artefact_.classes)
        return self

    def _fitted(self) -> ModelArtefact:
        if not hasattr(self, "artefact_"):
            raise NotFittedError("this PredictionEngine is not fitted yet; call fit, or PredictionEngine.load")
        return self.artefact_

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "artefact_")

    @property
    def _estimator_type(self) -> str:
        return "regressor" if self.problem == "regression" else "classifier"

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of an estimator."""
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

        regression = self.problem == "regression"
        return Tags(
            estimator_type=self._estimator_type,
            target_tags=TargetTags(required=True, multi_output=self.problem == "multilabel"),
            transformer_tags=None,
            classifier_tags=None if regression else ClassifierTags(multi_label=self.problem == "multilabel"),
            regressor_tags=RegressorTags() if regression else None,
            input_tags=InputTags(allow_nan=True, string=True, categorical=True),
        )
