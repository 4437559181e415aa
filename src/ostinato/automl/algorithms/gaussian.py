"""Gaussian densities of classes between the extremes of scikit-learn: regularised, and several a class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax

from ostinato.automl.algorithms.estimator import Classifier, Codes, inner_seed
from ostinato.automl.export.graph import Graph

Array = NDArray[np.float64]
_FLOOR = 1e-3  # of a variance, in units of the standardised columns


class NaiveGaussian(Classifier):
    """Naive Bayes with one Gaussian a class and column; `smoothing` of the largest variance is added to each."""

    means_: Array  # (k, d)
    variances_: Array
    offsets_: Array  # (k,)

    def __init__(self, smoothing: float = 1e-2) -> None:
        self.smoothing = smoothing

    def _learn(self, X: Array, codes: Codes) -> None:
        own = [X[codes == code] for code in range(len(self.classes_))]
        self.means_ = np.stack([rows.mean(axis=0) for rows in own])
        # where no column varies, the floor keeps the densities proper
        added = max(self.smoothing * float(X.var(axis=0).max()), _FLOOR * self.smoothing)
        self.variances_ = np.stack([rows.var(axis=0) for rows in own]) + added
        squares = self.means_**2 / self.variances_ + np.log(self.variances_)
        self.offsets_ = np.log([len(rows) / len(X) for rows in own]) - 0.5 * squares.sum(axis=1)

    def _values(self, X: Array) -> Array:
        logs = X**2 @ (-0.5 / self.variances_).T + (X @ (self.means_ / self.variances_).T + self.offsets_)
        found: Array = softmax(logs, axis=1)
        return found

    def write(self, graph: Graph, x: str) -> str:
        """The log densities, expanded into a quadratic and a linear product, then softmax."""
        squares = graph.op("MatMul", graph.op("Mul", x, x), graph.constant((-0.5 / self.variances_).T))
        linear = graph.affine(x, (self.means_ / self.variances_).T, self.offsets_)
        return graph.op("Softmax", graph.op("Add", squares, linear), axis=1)


class RegularisedDiscriminant(Classifier):
    """Covariances between those of the classes and the pooled one, shrunk towards a sphere (Friedman 1989)."""

    means_: Array  # (k, d)
    whiten_: Array  # (k, d, d)
    offsets_: Array  # (k,)

    def __init__(self, pooled: float = 0.5, sphere: float = 0.1) -> None:
        self.pooled, self.sphere = pooled, sphere

    def _learn(self, X: Array, codes: Codes) -> None:
        k, columns = len(self.classes_), X.shape[1]
        counts = np.bincount(codes, minlength=k)
        self.means_ = np.stack([X[codes == code].mean(axis=0) for code in range(k)])
        centred = X - self.means_[codes]
        whole = centred.T @ centred / len(X)
        whiten, offsets = [], []
        for code in range(k):
            own = centred[codes == code].T @ centred[codes == code] / counts[code]
            mixed = (1.0 - self.pooled) * own + self.pooled * whole
            level = max(float(np.trace(mixed)) / columns, _FLOOR)
            mixed = (1.0 - self.sphere) * mixed + self.sphere * level * np.eye(columns)
            values, vectors = np.linalg.eigh(mixed)
            values = np.maximum(values, _FLOOR * level)
            whiten.append(vectors / np.sqrt(values))
            offsets.append(np.log(counts[code] / len(X)) - 0.5 * np.log(values).sum())
        self.whiten_, self.offsets_ = np.stack(whiten), np.asarray(offsets)

    def _values(self, X: Array) -> Array:
        squares = [
            (((X - mean) @ whiten) ** 2).sum(axis=1) for mean, whiten in zip(self.means_, self.whiten_, strict=True)
        ]
        found: Array = softmax(-0.5 * np.stack(squares, axis=1) + self.offsets_, axis=1)
        return found

    def write(self, graph: Graph, x: str) -> str:
        """One whitened distance a class, then softmax."""
        squares = []
        for mean, whiten in zip(self.means_, self.whiten_, strict=True):
            centred = graph.op("Sub", x, graph.constant(mean))
            turned = graph.op("MatMul", centred, graph.constant(whiten))
            squares.append(graph.op("ReduceSumSquare", turned, axes=[1], keepdims=1))
        halves = graph.op("Mul", graph.op("Concat", *squares, axis=1), graph.constant([-0.5]))
        return graph.op("Softmax", graph.op("Add", halves, graph.constant(self.offsets_)), axis=1)


class MixtureDiscriminant(Classifier):
    """A mixture of Gaussians a class, all of one covariance (Hastie & Tibshirani 1996), so each component is linear."""

    coef_: Array  # (components, d)
    intercept_: Array
    owner_: Array  # (components, k): whose component it is

    def __init__(self, components: int = 3, shrinkage: float = 0.2, random_state: int | None = None) -> None:
        self.components, self.shrinkage, self.random_state = components, shrinkage, random_state

    def _learn(self, X: Array, codes: Codes) -> None:
        k = len(self.classes_)
        centres, owner = self._centres(X, codes, k)
        weights = np.array([np.mean(codes == code) / np.sum(owner == code) for code in owner])
        shape = self._shape(X - X.mean(axis=0))
        mine = owner == codes[:, None]
        for _ in range(15):
            coef, intercept = _linear(centres, weights, shape)
            logs = np.where(mine, X @ coef.T + intercept, -np.inf)
            belongs = np.exp(logs - logsumexp(logs, axis=1, keepdims=True))
            sizes = belongs.sum(axis=0) + 1e-6
            weights = sizes / sizes.sum()
            centres = (belongs.T @ X + 1e-6 * centres) / sizes[:, None]
            second = (X.T @ X - (centres * sizes[:, None]).T @ centres) / len(X)
            shape = self._shrunk(second)
        self.coef_, self.intercept_ = _linear(centres, weights, shape)
        self.owner_ = np.eye(k)[owner]

    def _centres(self, X: Array, codes: Codes, k: int) -> tuple[Array, Codes]:
        from sklearn.cluster import KMeans

        centres, owner = [], []
        for code in range(k):
            rows = X[codes == code]
            count = max(1, min(self.components, len(np.unique(rows, axis=0)) // 2))
            found = KMeans(count, n_init=1, max_iter=20, random_state=inner_seed(self.random_state)).fit(rows)
            centres.append(found.cluster_centers_)
            owner += [code] * count
        return np.vstack(centres), np.asarray(owner)

    def _shape(self, centred: Array) -> Array:
        return self._shrunk(centred.T @ centred / len(centred))

    def _shrunk(self, covariance: Array) -> Array:
        level = max(float(np.trace(covariance)) / len(covariance), _FLOOR)
        mixed: Array = (1.0 - self.shrinkage) * covariance + self.shrinkage * level * np.eye(len(covariance))
        return mixed

    def _values(self, X: Array) -> Array:
        found: Array = softmax(X @ self.coef_.T + self.intercept_, axis=1) @ self.owner_
        return found

    def write(self, graph: Graph, x: str) -> str:
        """Softmax over components, summed for each class."""
        members = graph.op("Softmax", graph.affine(x, self.coef_.T, self.intercept_), axis=1)
        return graph.op("MatMul", members, graph.constant(self.owner_))


def _linear(centres: Array, weights: Array, shape: Array) -> tuple[Array, Array]:
    coef = np.asarray(np.linalg.solve(shape, centres.T).T, dtype=np.float64)
    return coef, np.log(weights) - 0.5 * (coef * centres).sum(axis=1)
