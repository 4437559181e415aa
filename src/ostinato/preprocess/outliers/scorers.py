"""The methods behind one face: learn from rows, score rows, say from which score on a row is abnormal by custom."""

from __future__ import annotations

from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from ostinato.preprocess.outliers.combined import WEIGHTS, Combined
from ostinato.preprocess.outliers.covariance import RobustCovariance
from ostinato.preprocess.outliers.local import Neighbourhood
from ostinato.preprocess.outliers.marginal import LIMITS, Marginal

Array = NDArray[np.float64]


class Scorer(Protocol):
    """A method; `share` is the share of rows to flag where it has no limit of its own, else None."""

    limit: float
    share: float | None

    def fit(self, X: Array) -> Self:
        """Learn from rows `(n, d)` without NaN."""
        ...

    def score(self, X: Array) -> Array:
        """Scores `(n,)`; higher is more abnormal."""
        ...

    def facts(self) -> dict[str, Any]:
        """What was learnt, as JSON."""
        ...


class _Columns:
    share: float | None = None

    def __init__(self, rule: Any) -> None:
        self._marginal, self.limit = Marginal(rule), LIMITS[rule]

    def fit(self, X: Array) -> Self:
        self._marginal.fit(X)
        return self

    def score(self, X: Array) -> Array:
        return self._marginal.score(X)

    def facts(self) -> dict[str, Any]:
        return {"customary_limit": self.limit}


class _Distance:
    share: float | None = None

    def __init__(self, seed: int) -> None:
        self._covariance = RobustCovariance(seed)

    def fit(self, X: Array) -> Self:
        self.limit = self._covariance.fit(X).limit
        return self

    def score(self, X: Array) -> Array:
        return self._covariance.score(X)

    def facts(self) -> dict[str, Any]:
        return {"covariance": self._covariance.kind, "customary_limit": self.limit}


class _Factor:
    share: float | None = None
    limit = 1.5  # as scikit-learn's LocalOutlierFactor

    def __init__(self, k: int, seed: int) -> None:
        self._around = Neighbourhood(k, seed)

    def fit(self, X: Array) -> Self:
        self._centre, scale = X.mean(axis=0), X.std(axis=0)
        self._scale = np.where(scale > 1e-12 * np.maximum(np.abs(X).max(axis=0), 1e-300), scale, np.inf)
        self._around.fit(self._scaled(X))
        return self

    def _scaled(self, X: Array) -> Array:
        scaled: Array = (X - self._centre) / self._scale
        return scaled

    def score(self, X: Array) -> Array:
        return self._around.factor(self._scaled(X))

    def facts(self) -> dict[str, Any]:
        return {"neighbours": self._around.near, "customary_limit": self.limit}


class _Forest:
    share: float | None = None
    limit = 0.5  # the score of a row as deep as the mean, Liu, Ting & Zhou 2008

    def __init__(self, trees: int, seed: int) -> None:
        self._forest = IsolationForest(n_estimators=trees, random_state=seed)

    def fit(self, X: Array) -> Self:
        self._forest.fit(X)
        return self

    def score(self, X: Array) -> Array:
        return -np.asarray(self._forest.score_samples(X))

    def facts(self) -> dict[str, Any]:
        return {"trees": len(self._forest.estimators_), "customary_limit": self.limit}


class _Ensemble(Combined):
    limit = np.inf

    def facts(self) -> dict[str, Any]:
        return {"members": dict(WEIGHTS), "covariance": self.covariance.kind, "share_by_votes": self.share}


def scorer_for(method: str, seed: int, n_neighbors: int, trees: int) -> Scorer:
    """The method that the parameters of an `OutlierDetector` name."""
    match method:
        case "ensemble":
            return _Ensemble(seed, n_neighbors)
        case "isolation_forest":
            return _Forest(trees, seed)
        case "lof":
            return _Factor(n_neighbors, seed)
        case "mahalanobis":
            return _Distance(seed)
        case _:
            return _Columns(method)
