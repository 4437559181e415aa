"""What all ensembles share as scikit-learn estimators: named members, checks, labels, nested parameters, scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import Bunch, get_tags
from sklearn.utils._tags import ClassifierTags, RegressorTags
from sklearn.utils.metaestimators import _BaseComposition, available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from ostinato.core.errors import UsageError
from ostinato.ensemble.bench import Bench, Fitted
from ostinato.ensemble.problem import Problem, kind_of, understood

Array = NDArray[np.float64]


def classifies(self: Ensemble) -> bool:
    """Whether an ensemble, fitted or not, tells classes; None of the members may know before it is fitted."""
    problem = getattr(self, "problem_", None)
    return (kind_of(self.named()) if problem is None else problem.kind) != "regression"


class Ensemble(_BaseComposition):  # type: ignore[misc]
    """Named members and how to fit, ask and score them together; what they are combined by is the subclass's.

    Members are fitted on the codes 0 … k-1 of the classes, as in scikit-learn's VotingClassifier.
    """

    _own = "estimators"  # the parameter that holds the members
    cv: Any
    random_state: int | None
    n_jobs: int | None

    def named(self) -> list[tuple[str, Any]]:
        """All members by name."""
        return list(getattr(self, self._own))

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters, and with `deep` those of members as `name__parameter`."""
        return dict(self._get_params(self._own, deep=deep))

    def set_params(self, **params: Any) -> Self:
        """Set parameters, members by name, or members' parameters as `name__parameter`."""
        self._set_params(self._own, **params)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        kind = kind_of(self.named())
        if kind == "classification":
            tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        elif kind == "regression":
            tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
        inputs = [get_tags(model).input_tags for _, model in self.named()]
        tags.input_tags.sparse = all(each.sparse for each in inputs)
        tags.input_tags.allow_nan = all(each.allow_nan for each in inputs)
        return tags

    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Learn members and how to combine them; rows of one of the `groups` never stand on both sides of a fold."""
        problem, target = self._begun(y)
        X = self._taken(X, reset=True)
        return self.fit_on(self._bench(X, target, problem, groups))

    def fit_on(self, bench: Bench) -> Self:
        """Learn how to combine members that were fitted already, so that ensembles over equal members share the work."""
        if not hasattr(self, "n_features_in_"):
            validate_data(self, bench.X, skip_check_array=True)
        self._check_options()
        self.problem_ = bench.problem
        if bench.problem.classes is not None:
            self.classes_ = bench.problem.classes
        self.models_ = bench.models
        self._learn(bench)
        return self

    def _learn(self, bench: Bench) -> None:
        raise NotImplementedError

    def _scores(self, X: Any) -> Array:
        """Combined scores `(n, outputs)`."""
        raise NotImplementedError

    def _check_options(self) -> None:
        """Refuse options that make no sense before members are fitted."""

    def _seed(self) -> int:
        """The number behind `random_state`; None is 0, so that results repeat."""
        given: Any = self.random_state
        return int(given.randint(2**31)) if isinstance(given, np.random.RandomState) else int(given or 0)

    def _needs_folds(self) -> bool:
        return True

    def _begun(self, y: ArrayLike) -> tuple[Problem, NDArray[Any]]:
        try:
            named = self.named()
        except TypeError:
            named = []
        if not named or not all(isinstance(each, tuple | list) and len(each) == 2 for each in named):  # noqa: PLR2004
            raise UsageError("estimators has to be a list of (name, estimator) with at least one of them")
        if odd := [name for name, model in named if not hasattr(model, "fit")]:
            raise UsageError(f"members {odd} are no estimators; leave out what is not to take part")
        self._validate_names([name for name, _ in named])
        self._check_options()
        problem, target = understood(y, kind_of(named))
        self.__dict__.pop("classes_", None)
        return problem, target

    def _bench(self, X: Any, target: NDArray[Any], problem: Problem, groups: ArrayLike | None) -> Bench:
        return Bench.of(
            self.named(),
            X,
            target,
            problem,
            groups=groups,
            cv=self.cv,
            seed=self._seed(),
            n_jobs=self.n_jobs,
            out_of_fold=self._needs_folds(),
        )

    def _asked(self, X: Any) -> Any:
        check_is_fitted(self, "models_")
        return self._taken(X, reset=False)

    def _taken(self, X: Any, reset: bool) -> Any:
        """Rows that can be picked by number: frames and arrays as they are, sparse ones by row, anything else as an array."""
        given = X.tocsr() if hasattr(X, "tocsr") else X if hasattr(X, "columns") else np.asarray(X)
        if getattr(given, "ndim", 2) != 2:  # noqa: PLR2004
            raise UsageError(
                f"Expected a table of rows and columns, got {given.ndim} dimensions. Reshape your data: X.reshape(-1, 1) for one "
                "column, X.reshape(1, -1) for one row"
            )
        columns = list(getattr(given, "columns", ()))
        if twice := sorted({str(c) for c in columns if columns.count(c) > 1}):
            raise UsageError(f"columns {', '.join(twice[:8])} occur more than once; rename or drop them")
        validate_data(self, X, skip_check_array=True, reset=reset)
        return given

    def _all_scores(self, X: Any, wanted: Sequence[bool] | NDArray[np.bool_] | None = None) -> Array:
        """Scores `(n_models, n, outputs)` of the members, zero for those not wanted."""
        models: tuple[Fitted, ...] = self.models_
        use = [True] * len(models) if wanted is None else list(wanted)
        given = {i: model.scores(X) for i, model in enumerate(models) if use[i]}
        blank = np.zeros_like(next(iter(given.values())))
        return np.stack([given.get(i, blank) for i in range(len(models))])

    @property
    def estimators_(self) -> list[Any]:
        """The fitted members, each taught the codes of the classes."""
        check_is_fitted(self, "models_")
        return [each.model for each in self.models_]

    @property
    def named_estimators_(self) -> Any:
        """The fitted members by name."""
        check_is_fitted(self, "models_")
        return Bunch(**{each.name: each.model for each in self.models_})

    def predict(self, X: Any) -> NDArray[Any]:
        """Labels or values `(n,)`."""
        given = self._asked(X)
        problem: Problem = self.problem_
        return problem.decoded(self._scores(given))

    @available_if(classifies)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Array:
        """Probabilities `(n, k)` in the order of `classes_`."""
        return self._scores(self._asked(X))

    def score(self, X: Any, y: ArrayLike) -> float:
        """Accuracy of classes, or R² of values."""
        given = self.predict(X)
        return float(accuracy_score(y, given) if self.problem_.classes is not None else r2_score(y, given))
