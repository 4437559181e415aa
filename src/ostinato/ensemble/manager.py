"""One entry to all ensembles: build one by name, or compare them on rows that none of them saw and keep the best."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import _safe_indexing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ostinato.core.errors import UsageError
from ostinato.ensemble.bayesian import BayesianEnsemble
from ostinato.ensemble.bench import Bench, row_losses
from ostinato.ensemble.calibration import Calibration, fitted, gain_of
from ostinato.ensemble.conformal import ConformalClassifier, ConformalRegressor
from ostinato.ensemble.dynamic import DynamicSelectionEnsemble
from ostinato.ensemble.folds import pairs_of
from ostinato.ensemble.members import Ensemble, classifies
from ostinato.ensemble.stacking import StackingEnsemble
from ostinato.ensemble.voting import VotingEnsemble

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
Members = Sequence[tuple[str, Any]]


def _stack(members: Members, above: Sequence[Any] = (), **options: Any) -> StackingEnsemble:
    return StackingEnsemble([list(members), *above] if above else list(members), **options)


STRATEGIES: Mapping[str, Callable[..., Ensemble]] = {
    "greedy": lambda members, **options: VotingEnsemble(members, **{"weights": "greedy", **options}),
    "single": lambda members, **options: VotingEnsemble(members, **{"weights": "greedy", "max_members": 1, **options}),
    "vote": lambda members, **options: VotingEnsemble(members, **{"weights": None, **options}),
    "adaptive": lambda members, **options: VotingEnsemble(members, **{"weights": "adaptive", **options}),
    "stack": _stack,
    "bayes": BayesianEnsemble,
    "dynamic": DynamicSelectionEnsemble,
}
COMPARED = ("greedy", "single", "vote", "stack", "bayes", "dynamic")


def _classifies(self: EnsembleManager) -> bool:
    return classifies(self)


def _adapts(self: EnsembleManager) -> bool:
    return self.strategy == "adaptive"


class EnsembleManager(Ensemble):
    """Any ensemble by the name of its `strategy`: greedy (default), single, vote, adaptive, stack, bayes, dynamic, or auto.

    `auto` compares `strategies` by nested cross-validation: in each of `outer` folds members and ensembles learn from the other
    folds alone; the least mean loss wins (log loss in nats, or squared error), the earlier strategy where two are equal.
    `options` are parameters by strategy, such as `{"stack": {"passthrough": True}, "dynamic": {"k": 15}}`; `stack` takes
    further levels as `above`. With `calibrate` probabilities are calibrated on out-of-fold ones where that is a real gain.

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> both = [("line", LogisticRegression(max_iter=1000)), ("tree", DecisionTreeClassifier(max_depth=3, random_state=0))]
    >>> EnsembleManager(both).fit(X, y).leaderboard()["name"].tolist()
    ['greedy', 'line', 'tree']
    """

    _own = "members"

    def __init__(
        self,
        members: Members,
        strategy: str = "greedy",
        strategies: Sequence[str] = COMPARED,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        calibrate: bool = True,
        outer: int = 3,
        cv: Any = 5,
        random_state: int | None = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.members = members
        self.strategy = strategy
        self.strategies = strategies
        self.options = options
        self.calibrate = calibrate
        self.outer = outer
        self.cv = cv
        self.random_state = random_state
        self.n_jobs = n_jobs

    def build(self, strategy: str) -> Ensemble:
        """The ensemble of one strategy, not fitted."""
        if strategy not in STRATEGIES:
            raise UsageError(f"strategy is auto or one of {', '.join(STRATEGIES)}, got {strategy!r}")
        own = dict((self.options or {}).get(strategy, {}))
        shared = {"cv": self.cv, "random_state": self.random_state, "n_jobs": self.n_jobs}
        return STRATEGIES[strategy](self.named(), **{**shared, **own})

    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Learn members, how to combine them, and with `auto` which way is best; groups stay whole in all folds."""
        problem, target = self._begun(y)
        for strategy in [*(self.options or {}), *(self.strategies if self.strategy == "auto" else [self.strategy])]:
            self.build(strategy)
        X = self._taken(X, reset=True)
        bench = self._bench(X, target, problem, groups)
        self.losses_, self.protocol_ = (
            self._single(bench),
            "out of fold; of the ensemble with weights that saw these rows",
        )
        chosen = self.strategy
        if chosen == "auto":
            self.losses_ = self._compared(bench)
            self.protocol_ = f"nested: {self.outer} outer folds{' of whole groups' * (groups is not None)}"
            chosen = min(self.strategies, key=lambda each: round(float(self.losses_["ensemble", each].mean()), 12))
        self.strategy_ = chosen
        return self.fit_on(bench)

    def _learn(self, bench: Bench) -> None:
        self.ensemble_ = self.build(self.strategy_).fit_on(bench)
        held, out = np.isfinite(self._out(bench)).all(axis=1), self._out(bench)
        if ("ensemble", self.strategy_) not in self.losses_:
            self.losses_["ensemble", self.strategy_] = row_losses(bench.y[held], out[held], bench.problem)
        groups = None if bench.groups is None else bench.groups[held]
        self.units_ = bench.units
        self.calibration_: Calibration | None = None
        p = out[held]
        if bench.problem.classes is None:
            self.conformal_: Any = ConformalRegressor().fit(
                p[:, 0], bench.y[held], groups=groups, folds=bench.folds[held]
            )
            return
        if self.calibrate:
            known = bench.fair & held
            self.calibration_ = fitted(
                out[known], bench.y[known], None if bench.groups is None else bench.groups[known]
            )
            p = self.calibration_.calibrator(p)
        self.conformal_ = ConformalClassifier().fit(p, bench.y[held], groups=groups, folds=bench.folds[held])

    def _out(self, bench: Bench) -> Array:
        found = getattr(self.ensemble_, "out_of_fold_", None)
        return np.asarray(bench.scores.mean(axis=0) if found is None else found)

    def _single(self, bench: Bench) -> dict[tuple[str, str], Array]:
        held = bench.held
        return {
            ("member", model.name): row_losses(bench.y[held], scores[held], bench.problem)
            for model, scores in zip(bench.models, bench.scores, strict=True)
        }

    def _compared(self, bench: Bench) -> dict[tuple[str, str], Array]:
        """The loss `(n,)` of every member and strategy on rows that neither members nor weights had seen."""
        y, problem = bench.y, bench.problem
        names = [("ensemble", each) for each in self.strategies] + [("member", name) for name, _ in self.named()]
        seed = self._seed()
        outer = pairs_of(y, bench.groups, self.outer, seed + 1, problem.classes is not None, bench.X)
        out = {name: np.zeros((len(y), problem.outputs)) for name in names}
        for train, test in outer:
            groups = None if bench.groups is None else bench.groups[train]
            X, asked = _safe_indexing(bench.X, train), _safe_indexing(bench.X, test)
            inner = Bench.of(
                self.named(), X, y[train], problem, groups=groups, cv=self.cv, seed=seed, n_jobs=self.n_jobs
            )
            for strategy in self.strategies:
                out["ensemble", strategy][test] = self.build(strategy).fit_on(inner)._scores(asked)
            for model in inner.models:
                out["member", model.name][test] = model.scores(asked)
        return {name: row_losses(y, scores, problem) for name, scores in out.items()}

    def leaderboard(self) -> pd.DataFrame:
        """Strategies and members, best first: mean `loss`, how much worse than the first (`behind`) and that figure's error.

        `protocol` says on which rows; only the nested comparison of `auto` sets ensembles and members side by side fairly.
        """
        import pandas as pd

        check_is_fitted(self, "models_")
        order = sorted(self.losses_, key=lambda which: (float(self.losses_[which].mean()), which[0]))
        best = self.losses_[order[0]]
        units = self.units_ if len(self.units_) == len(best) else np.arange(len(best))
        rows = []
        for kind, name in order:
            behind, error = gain_of(best, self.losses_[kind, name], units)
            loss = float(self.losses_[kind, name].mean())
            chosen = (kind, name) == ("ensemble", self.strategy_)
            rows.append((name, kind, loss, behind, error, chosen, self.protocol_))
        columns = ["name", "kind", "loss", "behind", "standard_error", "chosen", "protocol"]
        return pd.DataFrame(rows, columns=columns)

    def _scores(self, X: Any) -> Array:
        scores = self.ensemble_._scores(X)
        return scores if self.calibration_ is None else self.calibration_.calibrator(scores)

    @available_if(_classifies)  # type: ignore[untyped-decorator]
    def predict_set(self, X: Any, alpha: float = 0.1) -> NDArray[np.bool_]:
        """Which of `classes_` `(n, k)` are in the set; about 1 − alpha of sets hold the truth, see `conformal_.guarantee`."""
        sets: NDArray[np.bool_] = self.conformal_.sets(self._scores(self._asked(X)), alpha)
        return sets

    def predict_interval(self, X: Any, alpha: float = 0.1) -> Array:
        """The interval `(n, 2)` that holds the value in about 1 − alpha of rows (`conformal_.guarantee` says what is promised)."""
        given = self._asked(X)
        if self.problem_.classes is not None:
            raise UsageError("classes have no intervals; ask for predict_set")
        return np.asarray(self.conformal_.intervals(self._scores(given)[:, 0], alpha))

    @available_if(_adapts)  # type: ignore[untyped-decorator]
    def update(self, X: Any, y: ArrayLike) -> Self:
        """Move the weights of an adaptive vote by rows in their order."""
        self.ensemble_.update(self._asked(X), y)
        return self
