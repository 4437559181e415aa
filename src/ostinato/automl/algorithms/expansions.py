"""A fixed or random expansion of the row with a linear machine on top: the machine alone is fitted to the target.

Widths of kernels are in units of sqrt(columns), the typical distance of standardised rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.algorithms.bases import (
    Basis,
    Bent,
    Bumps,
    Chained,
    Cosines,
    Hinges,
    Joined,
    Products,
    Same,
    Turned,
    distances,
    quantiles_of,
)
from ostinato.automl.algorithms.estimator import Classifier, Codes, Regressor, generator, inner_seed, one_hot, shares
from ostinato.automl.export.graph import Graph
from ostinato.automl.rbf import gamma_of

Array = NDArray[np.float64]
_CONSTANT = 1e-9  # a column of the expansion that deviates less than this carries nothing


class Expanded:
    """The part that both kinds share: `_basis(X, Y)` chooses the expansion, having seen targets `Y (n, outputs)`."""

    basis_: Basis
    coef_: Array  # (m, outputs), on the expansion itself
    intercept_: Array
    _standardised = True

    def _basis(self, X: Array, Y: Array) -> Basis:
        raise NotImplementedError

    def _expand(self, X: Array, Y: Array) -> tuple[Array, Array, Array]:
        self.basis_ = self._basis(X, Y)
        Z = self.basis_.apply(X)
        mean, deviation = Z.mean(axis=0), Z.std(axis=0)
        idle = deviation < _CONSTANT * np.maximum(1.0, np.abs(mean))
        if not self._standardised:
            deviation[:] = 1.0
        deviation[idle] = np.inf
        return (Z - mean) / deviation, mean, deviation

    def _settle(self, coef: Array, intercept: Array, mean: Array, deviation: Array) -> None:
        self.coef_ = coef / deviation[:, None]
        self.intercept_ = intercept - mean @ self.coef_

    def _margins(self, X: Array) -> Array:
        return self.basis_.apply(X) @ self.coef_ + self.intercept_

    def _write_margins(self, graph: Graph, x: str) -> str:
        return graph.affine(self.basis_.write(graph, x), self.coef_, self.intercept_)


class ExpandedClassifier(Expanded, Classifier):
    """Multinomial logistic regression on the expansion; `penalty` is the inverse of scikit-learn's C."""

    penalty: float

    def _learn(self, X: Array, codes: Codes) -> None:
        from sklearn.linear_model import LogisticRegression

        Z, mean, deviation = self._expand(X, one_hot(codes, len(self.classes_)))
        machine = LogisticRegression(C=1.0 / self.penalty, max_iter=200).fit(Z, codes)
        self._settle(machine.coef_.T, machine.intercept_, mean, deviation)

    def _values(self, X: Array) -> Array:
        return shares(self._margins(X))

    def write(self, graph: Graph, x: str) -> str:
        """Expansion, matrix product, softmax or sigmoid."""
        return graph.probabilities(self._write_margins(graph, x), len(self.classes_), self.coef_.shape[1])


class ExpandedRegressor(Expanded, Regressor):
    """Ridge regression on the expansion."""

    penalty: float

    def _learn(self, X: Array, y: Array) -> None:
        from sklearn.linear_model import Ridge

        Z, mean, deviation = self._expand(X, y[:, None])
        machine = Ridge(alpha=self.penalty, solver="cholesky" if len(X) > Z.shape[1] else "svd").fit(Z, y)
        self._settle(machine.coef_[:, None], np.atleast_1d(machine.intercept_), mean, deviation)

    def _values(self, X: Array) -> Array:
        return self._margins(X)[:, 0]

    def write(self, graph: Graph, x: str) -> str:
        """Expansion and matrix product."""
        return self._write_margins(graph, x)


class _Fourier(Expanded):
    """Random cosines whose products approach the RBF kernel (Rahimi & Recht 2007)."""

    def __init__(
        self, width: float = 1.0, features: int = 150, penalty: float = 1.0, random_state: int | None = None
    ) -> None:
        self.width, self.features, self.penalty, self.random_state = width, features, penalty, random_state

    def _basis(self, X: Array, Y: Array) -> Basis:
        rng = generator(self.random_state)
        columns = X.shape[1]
        scale = np.sqrt(2.0 * gamma_of(self.width, columns))
        return Cosines(rng.normal(size=(columns, self.features)) * scale, rng.uniform(0, 2 * np.pi, self.features))


class FourierClassifier(_Fourier, ExpandedClassifier):
    """Random Fourier features with logistic regression."""


class FourierRegressor(_Fourier, ExpandedRegressor):
    """Random Fourier features with ridge regression."""


class _Nystroem(Expanded):
    """The RBF kernel between a row and some training rows, whitened (Williams & Seeger 2001)."""

    _standardised = (
        False  # the scale of a whitened feature is its eigenvalue's, by which the penalty tells signal from noise
    )

    def __init__(
        self, width: float = 1.0, features: int = 100, penalty: float = 1.0, random_state: int | None = None
    ) -> None:
        self.width, self.features, self.penalty, self.random_state = width, features, penalty, random_state

    def _basis(self, X: Array, Y: Array) -> Basis:
        return whitened_kernel(X, self.width, self.features, self.random_state)


class NystroemClassifier(_Nystroem, ExpandedClassifier):
    """Nyström features with logistic regression."""


class NystroemRegressor(_Nystroem, ExpandedRegressor):
    """Nyström features with ridge regression."""


class _Extreme(Expanded):
    """One hidden layer of random neurons (Huang, Zhu & Siew 2006); `direct` links join the inputs (Pao et al. 1994)."""

    _direct = False

    def __init__(
        self, features: int = 120, scale: float = 1.0, penalty: float = 1.0, random_state: int | None = None
    ) -> None:
        self.features, self.scale, self.penalty, self.random_state = features, scale, penalty, random_state

    def _basis(self, X: Array, Y: Array) -> Basis:
        rng = generator(self.random_state)
        weights = rng.normal(size=(X.shape[1], self.features)) * self.scale / np.sqrt(X.shape[1])
        hidden = Bent(weights, rng.uniform(-1.0, 1.0, self.features) * self.scale)
        return Joined((Same(), hidden)) if self._direct else hidden


class ExtremeLearningClassifier(_Extreme, ExpandedClassifier):
    """Extreme learning machine."""


class ExtremeLearningRegressor(_Extreme, ExpandedRegressor):
    """Extreme learning machine."""


class FunctionalLinkClassifier(_Extreme, ExpandedClassifier):
    """Random vector functional link: an extreme learning machine that sees the inputs too."""

    _direct = True


class FunctionalLinkRegressor(_Extreme, ExpandedRegressor):
    """Random vector functional link: an extreme learning machine that sees the inputs too."""

    _direct = True


class _RadialNetwork(Expanded):
    """Bumps around the centres of clusters, as wide as centres are apart (Moody & Darken 1989)."""

    def __init__(
        self, centres: int = 40, width: float = 1.5, penalty: float = 1.0, random_state: int | None = None
    ) -> None:
        self.centres, self.width, self.penalty, self.random_state = centres, width, penalty, random_state

    def _basis(self, X: Array, Y: Array) -> Basis:
        centres = clustered(X, self.centres, self.random_state)
        apart = distances(centres, centres)
        np.fill_diagonal(apart, np.inf)
        nearest = apart.min(axis=1)
        typical = float(nearest[np.isfinite(nearest)].mean()) if len(centres) > 1 else float(X.shape[1])
        return Bumps(centres, 1.0 / (2.0 * self.width**2 * max(typical, _CONSTANT)))


class RadialNetworkClassifier(_RadialNetwork, ExpandedClassifier):
    """Radial basis function network."""


class RadialNetworkRegressor(_RadialNetwork, ExpandedRegressor):
    """Radial basis function network."""


class _Spline(Expanded):
    """Each column and its hinges at quantiles: penalised linear splines (Ruppert, Wand & Carroll 2003)."""

    def __init__(self, knots: int = 6, penalty: float = 1.0) -> None:
        self.knots, self.penalty = knots, penalty

    def _basis(self, X: Array, Y: Array) -> Basis:
        columns, thresholds = quantiles_of(X, self.knots)
        return Joined((Same(), Hinges(columns, thresholds, np.ones(len(columns)))))


class SplineClassifier(_Spline, ExpandedClassifier):
    """Generalised additive model of penalised splines."""


class SplineRegressor(_Spline, ExpandedRegressor):
    """Additive model of penalised splines."""


class _Quadratic(Expanded):
    """Columns, and the squares and products of those that matter most alone (Box & Wilson 1951)."""

    def __init__(self, columns: int = 12, penalty: float = 10.0) -> None:
        self.columns, self.penalty = columns, penalty

    def _basis(self, X: Array, Y: Array) -> Basis:
        best = np.sort(foremost(X, Y, self.columns))
        first, second = np.triu_indices(len(best))
        return Joined((Same(), Products(best[first], best[second])))


class QuadraticClassifier(_Quadratic, ExpandedClassifier):
    """Logistic regression on a response surface of second order."""


class QuadraticRegressor(_Quadratic, ExpandedRegressor):
    """Ridge regression on a response surface of second order."""


def foremost(X: Array, Y: Array, count: int) -> NDArray[np.int64]:
    """Up to `count` columns by their squared correlation with any of `Y (n, outputs)`, best first, ties in their order."""
    centred, target = X - X.mean(axis=0), Y - Y.mean(axis=0)
    norms = np.sqrt((centred**2).sum(axis=0))
    norms[norms < _CONSTANT] = np.inf
    weight = np.abs((centred / norms).T @ target).max(axis=1)
    return np.argsort(-weight, kind="stable")[:count]


def whitened_kernel(X: Array, width: float, count: int, seed: int | None) -> Basis:
    """Kernel values at up to `count` rows, turned so that their products are the kernel between those rows."""
    picked = generator(seed).permutation(len(X))[:count]
    bumps = Bumps(X[np.sort(picked)], gamma_of(width, X.shape[1]))
    values, vectors = np.linalg.eigh(bumps.apply(bumps.centres))
    # repeated rows leave eigenvalues of rounding errors, which must not be blown up
    kept = values > values[-1] * 1e-8
    return Chained(bumps, Turned(vectors[:, kept] / np.sqrt(values[kept])))


def clustered(X: Array, count: int, seed: int | None) -> Array:
    """Centres of at most `count` clusters, at most one for two rows; found on 5,000 rows."""
    from sklearn.cluster import KMeans

    rows = X[np.sort(generator(seed).permutation(len(X))[:5000])]
    wanted = max(1, min(count, len(np.unique(rows, axis=0)), len(rows) // 2))
    centres: Array = KMeans(wanted, n_init=1, max_iter=50, random_state=inner_seed(seed)).fit(rows).cluster_centers_
    return centres
