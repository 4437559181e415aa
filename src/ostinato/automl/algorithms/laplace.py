"""Bayesian classifiers by Laplace's approximation: the margin's own uncertainty pulls probabilities towards one half.

Several classes are judged one against the rest and normalised.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.special import expit

from ostinato.automl.algorithms.bases import Basis, Same
from ostinato.automl.algorithms.estimator import Classifier, Codes
from ostinato.automl.algorithms.expansions import whitened_kernel
from ostinato.automl.export.graph import Graph

Array = NDArray[np.float64]
_FULL = 160  # columns; above, the covariance keeps its diagonal, or an artefact would hold megabytes of it
_STEPS = 25
_SHORTEST = 1e-4  # of Newton's step, halved as long as it leads up
_LEAST = 1e-12  # so that a row that every class refuses still has shares


@dataclass(frozen=True)
class Posterior:
    """Weights `(m + 1,)`, the last one the intercept's, and a root of their covariance: `(m + 1, m + 1)` or its diagonal."""

    weights: Array
    root: Array

    @classmethod
    def found(cls, Z: Array, sign: Array, precision: float, *, learn: bool) -> Posterior:
        """Newton's steps on `Z (n, m + 1)` and truths of 0 and 1; `learn` sets the precision by its evidence (MacKay 1992)."""
        weights = np.zeros(Z.shape[1])
        # the intercept is left nearly free
        scale = np.ones(Z.shape[1])
        scale[-1] = 1e-3
        for _ in range(6 if learn else 1):
            weights, factor = _mode(Z, sign, precision * scale, weights)
            if learn:
                spread = np.diag(cho_solve(factor, np.eye(len(weights))))[:-1]
                known = len(spread) - precision * float(spread.sum())
                precision = float(np.clip(known / max(float(weights[:-1] @ weights[:-1]), 1e-12), 1e-4, 1e5))
        lower = np.tril(factor[0]) if factor[1] else np.triu(factor[0]).T
        inverse = solve_triangular(lower, np.eye(len(lower)), lower=True)
        if len(weights) > _FULL:
            return cls(weights, np.sqrt((inverse**2).sum(axis=0)))
        return cls(weights, inverse.T)

    def moderated(self, features: Array, extra: Array) -> Array:
        """Margins `(n,)` divided by what their variance, and `extra (n,)` variance, take from their certainty."""
        if self.root.ndim == 1:
            variance = ((features * self.root[:-1]) ** 2).sum(axis=1) + self.root[-1] ** 2
        else:
            variance = ((features @ self.root[:-1] + self.root[-1]) ** 2).sum(axis=1)
        margins = features @ self.weights[:-1] + self.weights[-1]
        found: Array = margins / np.sqrt(1.0 + np.pi / 8.0 * (variance + extra))
        return found

    def write(self, graph: Graph, features: str, extra: str | None) -> str:
        """The same in a graph; `(n, 1)`."""
        if self.root.ndim == 1:
            spread, rest = graph.op("Mul", features, graph.constant(self.root[:-1])), float(self.root[-1]) ** 2
        else:
            spread, rest = graph.affine(features, self.root[:-1], self.root[-1]), 0.0
        variance = graph.op("ReduceSumSquare", spread, axes=[1], keepdims=1)
        variance = variance if extra is None else graph.op("Add", variance, extra)
        scaled = graph.op("Mul", variance, graph.constant([np.pi / 8.0]))
        divisor = graph.op("Sqrt", graph.op("Add", scaled, graph.constant([1.0 + np.pi / 8.0 * rest])))
        return graph.op("Div", graph.affine(features, self.weights[:-1, None], self.weights[-1:]), divisor)


def _mode(Z: Array, sign: Array, precision: Array, weights: Array) -> tuple[Array, tuple[Array, bool]]:
    """The most probable weights, and the factor of the Hessian there."""
    value = _energy(Z, sign, precision, weights)
    for _ in range(_STEPS):
        chance = expit(Z @ weights)
        gradient = Z.T @ (chance - sign) + precision * weights
        curvature = (Z * (chance * (1.0 - chance))[:, None]).T @ Z
        curvature[np.diag_indices_from(curvature)] += precision
        step = cho_solve(cho_factor(curvature), gradient)
        size = 1.0
        while size > _SHORTEST and _energy(Z, sign, precision, weights - size * step) > value:
            size /= 2.0
        weights = weights - size * step
        before, value = value, _energy(Z, sign, precision, weights)
        if before - value < 1e-9 * max(1.0, abs(value)):
            break
    chance = expit(Z @ weights)
    curvature = (Z * (chance * (1.0 - chance))[:, None]).T @ Z
    curvature[np.diag_indices_from(curvature)] += precision
    return weights, cho_factor(curvature, lower=True)


def _energy(Z: Array, sign: Array, precision: Array, weights: Array) -> float:
    margin = Z @ weights
    return float((np.logaddexp(0.0, margin) - sign * margin).sum() + 0.5 * (precision * weights**2).sum())


class LaplaceClassifier(Classifier):
    """Logistic regression with a posterior; subclasses say in which expansion."""

    basis_: Basis
    posteriors_: tuple[Posterior, ...]
    _learns = True

    def _start(self, X: Array) -> tuple[Basis, float]:
        raise NotImplementedError

    def _learn(self, X: Array, codes: Codes) -> None:
        self.basis_, precision = self._start(X)
        features = self.basis_.apply(X)
        Z = np.hstack([features, np.ones((len(X), 1))])
        k = len(self.classes_)
        judged = range(1, k) if k == 2 else range(k)  # noqa: PLR2004
        self.posteriors_ = tuple(
            Posterior.found(Z, (codes == code).astype(np.float64), precision, learn=self._learns) for code in judged
        )

    def _extra(self, features: Array) -> Array:
        return np.zeros(len(features))

    def _write_extra(self, graph: Graph, features: str) -> str | None:
        return None

    def _values(self, X: Array) -> Array:
        features = self.basis_.apply(X)
        extra = self._extra(features)
        margins = np.stack([each.moderated(features, extra) for each in self.posteriors_], axis=1)
        if margins.shape[1] == 1:
            return np.hstack([expit(-margins), expit(margins)])
        chances = expit(margins) + _LEAST
        found: Array = chances / chances.sum(axis=1, keepdims=True)
        return found

    def write(self, graph: Graph, x: str) -> str:
        """Expansion, one moderated margin a class, sigmoids, normalised."""
        features = self.basis_.write(graph, x)
        extra = self._write_extra(graph, features)
        margins = [each.write(graph, features, extra) for each in self.posteriors_]
        if len(margins) == 1:
            return graph.probabilities(margins[0], 2, 1)
        joined = graph.op("Sigmoid", graph.op("Concat", *margins, axis=1))
        chances = graph.op("Add", joined, graph.constant([_LEAST]))
        return graph.op("Div", chances, graph.op("ReduceSum", chances, graph.constant([1], np.int64), keepdims=1))


class BayesianLogistic(LaplaceClassifier):
    """Logistic regression whose prior precision is learnt by its evidence (MacKay 1992); `precision` is where that starts."""

    def __init__(self, precision: float = 1.0) -> None:
        self.precision = precision

    def _start(self, X: Array) -> tuple[Basis, float]:
        return Same(), self.precision


class GaussianProcess(LaplaceClassifier):
    """Gaussian process classification with an RBF kernel of given `width` (in units of sqrt(columns)) and `variance`.

    Exact for as many rows as `inducing`; beyond, the deterministic training conditional (Rasmussen & Williams 2006, 3.4 and 8.3).
    """

    _learns = False

    def __init__(
        self, width: float = 1.0, variance: float = 10.0, inducing: int = 100, random_state: int | None = None
    ) -> None:
        self.width, self.variance, self.inducing, self.random_state = width, variance, inducing, random_state

    def _start(self, X: Array) -> tuple[Basis, float]:
        return whitened_kernel(X, self.width, self.inducing, self.random_state), 1.0 / self.variance

    def _extra(self, features: Array) -> Array:
        found: Array = self.variance * np.maximum(1.0 - (features**2).sum(axis=1), 0.0)
        return found

    def _write_extra(self, graph: Graph, features: str) -> str | None:
        explained = graph.op("ReduceSumSquare", features, axes=[1], keepdims=1)
        left = graph.op("Relu", graph.op("Sub", graph.constant([1.0]), explained))
        return graph.op("Mul", left, graph.constant([self.variance]))
