"""Stacking: members' out-of-fold scores are the inputs of further members, level upon level.

Wolpert 1992; as in AutoGluon (Erickson et al. 2020) all levels share their folds, so that what a row shows to a level was made
by models that saw neither the row nor its group. The price of shared folds: the model that predicts a row learnt from other rows
whose inputs were made with this one in sight. Figures for the whole come from rows outside, as `EnsembleManager` takes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.utils import _safe_indexing

from ostinato.core.errors import UsageError
from ostinato.ensemble.bench import Bench, Fitted, row_losses
from ostinato.ensemble.members import Ensemble
from ostinato.ensemble.problem import Problem

Array = NDArray[np.float64]
_FLOOR = 1e-4  # probabilities are kept that far from 0 before their logarithm becomes an input
_PENALTIES = np.geomspace(1e-3, 1e3, 13)
_STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)  # C of the last logistic regression


class StackingEnsemble(Ensemble):
    """Levels of members; the first sees `X`, each next one the scores of the one before, and a last one alone decides.

    `levels` is a list of `(name, estimator)` for one level, or a list of such lists; names differ over all levels.
    Probabilities become inputs as logarithms less their mean; with `passthrough` inputs come beside `X`, a frame or array of
    numbers. `refit=True` asks members refitted on all rows; `False` the mean of the fold models, whose outputs are spread
    like those that the next level learnt from. `final_estimator=None` is a ridge regression, or a logistic one whose strength is
    chosen out of fold.

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> both = [("line", LogisticRegression(max_iter=1000)), ("tree", DecisionTreeClassifier(max_depth=3, random_state=0))]
    >>> StackingEnsemble(both).fit(X, y).score(X, y) > 0.95
    True
    """

    def __init__(
        self,
        levels: Sequence[Any],
        final_estimator: Any = None,
        cv: Any = 5,
        passthrough: bool = False,
        refit: bool = True,
        random_state: int | None = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.levels = levels
        self.final_estimator = final_estimator
        self.cv = cv
        self.passthrough = passthrough
        self.refit = refit
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _floors(self) -> list[list[tuple[str, Any]]]:
        try:
            given = list(self.levels)
            one = bool(given) and isinstance(given[0], tuple)
            return [given] if one else [list(level) for level in given]
        except TypeError:
            return []

    def named(self) -> list[tuple[str, Any]]:
        """The members of all levels."""
        return [each for level in self._floors() for each in level if hasattr(each[-1], "get_params")]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters, and with `deep` those of the members of all levels as `name__parameter`."""
        own: dict[str, Any] = super(Ensemble, self).get_params(deep=deep)
        if deep:
            for name, model in self.named():
                own[name] = model
                own |= {f"{name}__{key}": value for key, value in model.get_params(deep=True).items()}
        return own

    def set_params(self, **params: Any) -> Self:
        """Set parameters, members by name, or members' parameters as `name__parameter`."""
        if "levels" in params:
            self.levels = params.pop("levels")
        swapped = {name: params.pop(name) for name, _ in self.named() if name in params}
        if swapped:
            floors = [[(name, swapped.get(name, model)) for name, model in level] for level in self._floors()]
            self.levels = floors[0] if len(floors) == 1 else floors
        super(Ensemble, self).set_params(**params)
        return self

    def _bench(self, X: Any, target: NDArray[Any], problem: Problem, groups: Any) -> Bench:
        floors = self._floors()
        if not floors or not floors[0]:
            raise UsageError("levels has to hold at least one level with at least one (name, estimator)")
        return Bench.of(floors[0], X, target, problem, groups=groups, cv=self.cv, **self._options())

    def _options(self) -> dict[str, Any]:
        return {"seed": self._seed(), "n_jobs": self.n_jobs, "refit": self.refit}

    def _learn(self, bench: Bench) -> None:
        problem, held = bench.problem, bench.held
        # rows that no fold held out have nothing to show to the next level
        place = np.cumsum(held) - 1
        pairs = [(place[train[held[train]]], place[test]) for train, test in bench.pairs]
        pairs = [(train, test) for train, test in pairs if len(train)]
        X, y = _rows(bench.X, held), bench.y[held]
        groups = None if bench.groups is None else bench.groups[held]
        self.levels_: list[tuple[tuple[Fitted, ...], ...]] = [self._kept(bench)]
        scores, self.inputs_ = bench.scores[:, held], []
        for level in self._floors()[1:]:
            self.inputs_.append(self._inputs(scores, X))
            above = Bench.of(level, self.inputs_[-1], y, problem, groups=groups, pairs=pairs, **self._options())
            self.levels_.append(self._kept(above))
            shown = above.held
            place = np.cumsum(shown) - 1
            pairs = [(place[a[shown[a]]], place[b]) for a, b in pairs]
            pairs = [(a, b) for a, b in pairs if len(a)]
            scores, X, y = above.scores[:, shown], _rows(X, shown), y[shown]
            groups = None if groups is None else groups[shown]
        self.inputs_.append(self._inputs(scores, X))
        lasts = _finals(problem) if self.final_estimator is None else [self.final_estimator]
        tried = [
            Bench.of([("final", last)], self.inputs_[-1], y, problem, groups=groups, pairs=pairs, seed=self._seed())
            for last in lasts
        ]
        final = min(tried, key=_loss)
        self.final_estimator_ = final.models[0].model
        self.final_ = final.models[0]
        self.out_of_fold_ = np.full((len(bench.y), problem.outputs), np.nan)
        if len(y) == len(bench.y):
            self.out_of_fold_ = final.scores[0]

    def _kept(self, bench: Bench) -> tuple[tuple[Fitted, ...], ...]:
        return tuple((model,) for model in bench.models) if self.refit else bench.bags

    def _inputs(self, scores: Array, X: Any) -> Array:
        """Inputs `(n, columns)` of the next level from scores `(n_models, n, outputs)`."""
        if self.problem_.classes is not None:
            scores = np.log(np.clip(scores, _FLOOR, None))
            scores = scores - scores.mean(axis=2, keepdims=True)
            if scores.shape[2] == 2:  # noqa: PLR2004
                scores = scores[:, :, 1:]
        shown = np.concatenate(list(scores), axis=1)
        if not self.passthrough:
            return shown
        try:
            beside = np.asarray(X.toarray() if hasattr(X, "toarray") else X, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"passthrough needs inputs that are numbers: {error}; encode them first or leave it off"
            ) from error
        return np.hstack([shown, beside])

    def _scores(self, X: Any) -> Array:
        shown, asked = X, np.empty(0)
        for level in self.levels_:
            asked = np.stack([np.mean([fit.scores(shown) for fit in member], axis=0) for member in level])
            shown = self._inputs(asked, X)
        return self.final_.scores(shown)

    @property
    def estimators_(self) -> list[Any]:
        """The fitted members of each level, each a list of one model or of the fold models."""
        return [[[fit.model for fit in member] for member in level] for level in self.levels_]


def _finals(problem: Problem) -> list[Any]:
    """Last models to choose from, out of fold: many classes and few rows need a stronger pull to zero."""
    if problem.classes is None:
        return [RidgeCV(alphas=_PENALTIES)]
    return [LogisticRegression(C=c, max_iter=1000) for c in _STRENGTHS]


def _loss(bench: Bench) -> float:
    held = bench.held
    return (
        round(float(row_losses(bench.y[held], bench.scores[0, held], bench.problem).mean()), 12) if held.any() else 0.0
    )


def _rows(X: Any, mask: NDArray[np.bool_]) -> Any:
    return X if mask.all() else _safe_indexing(X, np.flatnonzero(mask))
