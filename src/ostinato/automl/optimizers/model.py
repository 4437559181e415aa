"""`ModelOptimizer`: one algorithm, tuned on a table by cross-validation, as a scikit-learn estimator."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from ostinato.automl.entry import Entry, Kind
from ostinato.automl.fitting import Fitted
from ostinato.automl.metrics import METRICS, Metric
from ostinato.automl.optimizers.costs import Cost, cost_of
from ostinato.automl.optimizers.optimizer import OptunaOptimizer
from ostinato.automl.optimizers.own import entry_of
from ostinato.automl.optimizers.sampling import SamplerName
from ostinato.automl.optimizers.trial import Trial
from ostinato.automl.pareto import ParetoFront
from ostinato.automl.space import Space, Value
from ostinato.core.errors import UsageError
from ostinato.core.hashing import derived_seed
from ostinato.features.folds.choice import folds_for
from ostinato.features.table import Matrix, TableEncoder

Fold = tuple[NDArray[np.int64], NDArray[np.int64]]
OBJECTIVES = ("error", "latency", "bytes")
_SEARCH = 0.85  # of the seconds, so that the last fit, on all rows, has its share
_FEW_VALUES = 2


class ModelOptimizer(BaseEstimator):  # type: ignore[misc]
    """Tunes `algorithm`, a key of the registry or any scikit-learn estimator with its `space`, and fits the best on all rows.

    `metric` decides (default log loss, or RMSE for regression); `folds` is a number, pairs of positions, or a splitter of
    scikit-learn's; with `groups` no group stands on both sides of a fold. `objectives` may add "latency", microseconds for one row,
    and "bytes", both measured on the ONNX form where the algorithm has one: `pareto_` then holds the front, and `envelope` says
    what the chosen one may cost. Within `seconds` equal data and `random_state` give equal models, unless latency is an objective,
    for that is measured.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(80, 3)); y = X[:, 0] + rng.normal(size=80) > 0
    >>> tuned = ModelOptimizer("logistic_regression", trials=6, folds=3).fit(X, y)
    >>> tuned.predict_proba(X[:2]).shape, sorted(tuned.best_params_)[0]
    ((2, 2), 'C')
    """

    def __init__(
        self,
        algorithm: Any,
        *,
        space: Space | None = None,
        metric: str | None = None,
        trials: int = 30,
        seconds: float | None = None,
        folds: Any = 5,
        sampler: SamplerName = "tpe",
        objectives: Sequence[str] = ("error",),
        envelope: Mapping[str, float] | None = None,
        warm_start: Sequence[Mapping[str, Value]] = (),
        random_state: int = 0,
        storage: str | Path | None = None,
        name: str = "model",
        n_jobs: int = 1,
    ) -> None:
        self.algorithm = algorithm
        self.space = space
        self.metric = metric
        self.trials = trials
        self.seconds = seconds
        self.folds = folds
        self.sampler = sampler
        self.objectives = objectives
        self.envelope = envelope
        self.warm_start = warm_start
        self.random_state = random_state
        self.storage = storage
        self.name = name
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Tune on rows `X (n, d)`, a DataFrame or an array, with targets `y (n,)`; then fit the best point on all of them.

        Raises UsageError for input that cannot be learnt from, SplitError where no honest folds exist, SearchError where no trial
        completes, ArtefactError where none keeps the envelope.
        """
        entry = entry_of(self.algorithm, self.space)
        frame = X if isinstance(X, pd.DataFrame) else _framed(X)
        kind, targets = self._target(entry, y, len(frame))
        metric = self._metric(kind)
        self.encoder_ = TableEncoder.learnt(frame)
        rows = self.encoder_.encode(frame)
        folds = self._folds(kind, rows, targets, groups)
        seed = derived_seed(self.random_state, "model")
        measured: dict[int, Cost] = {}
        judged = self._judge(entry, rows, targets, folds, metric, measured)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of single fits; what fails says so in its trial
            with self._optimizer(entry, rows, targets, folds, metric) as optimizer:
                share = None if self.seconds is None else _SEARCH * self.seconds
                best = optimizer.minimise(judged, trials=self.trials, seconds=share, jobs=self.n_jobs)
            self.pareto_: ParetoFront = optimizer.pareto
            if self.envelope:
                chosen = int(self.pareto_.within(**self.envelope).member.name)
                best = next(record for record in optimizer.records if record.number == chosen)
            self.fitted_ = self._fitted(entry, best.params, seed, rows, targets, None)
        where = [measured[r.number].measured_on if r.number in measured else "" for r in optimizer.records]
        self.trials_ = optimizer.trials_frame().assign(measured_on=where)
        self.best_params_, self.best_score_ = dict(best.params), metric.score(best.value)
        return self

    def _optimizer(
        self, entry: Entry, X: Matrix, y: NDArray[Any], folds: Sequence[Fold], metric: Metric
    ) -> OptunaOptimizer:
        """The study, whose name tells data, folds, algorithm and metric apart."""
        digest = hashlib.sha256(f"{entry.key} {metric.name} {X.shape}".encode())
        for array in (X, y, *(side for pair in folds for side in pair)):
            digest.update(np.ascontiguousarray(array).tobytes())
        return OptunaOptimizer(
            entry.space,
            sampler=self.sampler,
            objectives=_objectives(self.objectives),
            seed=self.random_state,
            storage=self.storage,
            name=f"{self.name}-{digest.hexdigest()[:12]}",
            warm_start=self.warm_start or ({},),
            lag=max(2, self.n_jobs),
        )

    def _judge(
        self,
        entry: Entry,
        X: Matrix,
        y: NDArray[Any],
        folds: Sequence[Fold],
        metric: Metric,
        measured: dict[int, Cost],
    ) -> Callable[[Trial], tuple[float, ...]]:
        """What a trial runs: fold by fold, cut where others were better, its cost by the last fold's model."""
        objectives, seed = _objectives(self.objectives), derived_seed(self.random_state, "model")

        def judged(trial: Trial) -> tuple[float, ...]:
            losses: list[float] = []
            for step, (train, held) in enumerate(folds):
                seconds = trial.seconds_left if self.seconds is not None else None
                fitted = self._fitted(entry, trial.params, seed, X[train], y[train], seconds)
                losses.append(metric.loss(y[held], fitted.scores(X[held])))
                if step + 1 < len(folds):
                    trial.report(step, float(np.mean(losses)))
            cost = Cost(0.0, 0, "")
            if len(objectives) > 1:
                cost = measured[trial.number] = cost_of(fitted, X)
            values = {"error": float(np.mean(losses)), "latency": cost.latency, "bytes": float(cost.bytes)}
            return tuple(values[name] for name in objectives)

        return judged

    def predict(self, X: Any) -> NDArray[Any]:
        """Labels or values `(n,)`."""
        scores = self._scores(X)
        labels: NDArray[Any] = scores[:, 0] if self.kind_ == "regression" else self.classes_[scores.argmax(axis=1)]
        return labels

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities `(n, n_classes)` in the order of `classes_`; raises UsageError for a regression."""
        scores = self._scores(X)
        if self.kind_ == "regression":
            raise UsageError("a regression has no probabilities; call predict")
        return scores

    def score(self, X: Any, y: ArrayLike) -> float:
        """The metric on other rows, in its own direction."""
        if not hasattr(self, "fitted_"):
            raise UsageError("this ModelOptimizer is not fitted; call fit first")
        values = np.asarray(y)
        if self.kind_ == "regression":
            codes = values.astype(np.float64)
        elif unseen := set(values.tolist()) - set(self.classes_.tolist()):
            raise UsageError(f"y has the label {next(iter(unseen))!r}, which training did not have")
        else:
            codes = np.searchsorted(self.classes_, values).astype(np.float64)
        return self._metric(self.kind_).of(codes, self._scores(X))

    def to_onnx(self) -> bytes:
        """The fitted model as ONNX: the encoder's matrix in, probabilities or values out."""
        return self.fitted_.to_onnx(len(self.encoder_.outputs))

    def _scores(self, X: Any) -> NDArray[np.float64]:
        if not hasattr(self, "fitted_"):
            raise UsageError("this ModelOptimizer is not fitted; call fit first")
        return self.fitted_.scores(self.encoder_.encode(X))

    def _fitted(
        self, entry: Entry, params: Mapping[str, Value], seed: int, X: Matrix, y: NDArray[Any], seconds: float | None
    ) -> Fitted:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        outputs = 1 if self.kind_ == "regression" else len(self.classes_)
        with threadpool_limits(limits=1):
            return Fitted.fit(entry, params, seed, X, y, outputs, levels=self.encoder_.levels, seconds=seconds)

    def _target(self, entry: Entry, y: ArrayLike, rows: int) -> tuple[Kind, NDArray[Any]]:
        """The kind of problem, and codes or values; sets `kind_` and `classes_`."""
        values = np.asarray(y)
        if values.ndim != 1 or len(values) != rows:
            raise UsageError(f"y has shape {values.shape}; expected one value for each of {rows} rows of X")
        if (gaps := np.flatnonzero(pd.isna(values))).size:
            raise UsageError(f"y is missing in {gaps.size} rows, the first is row {gaps[0]}; drop them")
        if "regression" in entry.tasks:
            try:
                numbers = values.astype(np.float64)
            except (TypeError, ValueError) as error:
                raise UsageError(f"{entry.key} is for regression and y is no number: {error}") from error
            if (odd := np.flatnonzero(~np.isfinite(numbers))).size:
                raise UsageError(f"y is {numbers[odd[0]]} in row {odd[0]}; expected finite numbers")
            self.kind_: Kind = "regression"
            return self.kind_, numbers
        found, codes = np.unique(values, return_inverse=True)
        self.classes_: NDArray[Any] = found
        if len(self.classes_) < _FEW_VALUES:
            raise UsageError(f"y has one label only ({values[:1].tolist()}); give rows of two or more")
        self.kind_ = "binary" if len(self.classes_) == _FEW_VALUES else "multiclass"
        if self.kind_ not in entry.tasks:
            raise UsageError(f"{entry.key} is for {', '.join(entry.tasks)}; y has {len(self.classes_)} labels")
        return self.kind_, codes

    def _metric(self, kind: Kind) -> Metric:
        name = self.metric or ("rmse" if kind == "regression" else "log_loss")
        fitting = [each.name for each in METRICS.values() if (each.name in ("rmse", "mae")) == (kind == "regression")]
        if name not in fitting:
            raise UsageError(f"metric={name!r}: for {kind} problems there are {', '.join(fitting)}")
        return METRICS[name]

    def _folds(self, kind: Kind, X: Matrix, y: NDArray[Any], groups: ArrayLike | None) -> Sequence[Fold]:
        if isinstance(self.folds, int | np.integer):
            if self.folds < _FEW_VALUES:
                raise UsageError(f"folds={self.folds}: expected 2 or more")
            return folds_for(kind, y, groups, folds=int(self.folds), seed=self.random_state).pairs
        pairs = self.folds.split(X, y, groups) if hasattr(self.folds, "split") else self.folds
        found = [(np.asarray(train), np.asarray(held)) for train, held in pairs]
        for number, (train, held) in enumerate(found):
            if not len(train) or not len(held) or np.intersect1d(train, held).size:
                raise UsageError(
                    f"folds: in fold {number} a side is empty or a row stands on both; give disjoint positions"
                )
        if not found:
            raise UsageError("folds: there is none")
        return found


def _framed(X: Any) -> pd.DataFrame:
    array = np.asarray(X)
    if array.ndim != 2:  # noqa: PLR2004
        raise UsageError(f"X has shape {array.shape}; expected rows and columns (n, d)")
    return pd.DataFrame(array, columns=[f"x{i}" for i in range(array.shape[1])])


def _objectives(names: Sequence[str]) -> tuple[str, ...]:
    if not names or names[0] != "error" or len(set(names)) < len(names) or not set(names) <= set(OBJECTIVES):
        raise UsageError(f"objectives={tuple(names)}: expected 'error' first, then any of 'latency' and 'bytes'")
    return tuple(names)
