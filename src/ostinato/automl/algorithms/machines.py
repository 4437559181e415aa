"""Kernel machines: support vectors by other kernels and other bounds, least squares, Gaussian processes, relevance vectors.

Widths are in units of sqrt(columns); polynomial kernels are of `row · row / columns + 1`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize
from sklearn.model_selection import StratifiedKFold

from ostinato.automl.algorithms.bases import Bumps, distances
from ostinato.automl.algorithms.estimator import Classifier, Codes, Regressor, generator, inner_seed, one_hot, shares
from ostinato.automl.algorithms.margins import calibrated
from ostinato.automl.export.graph import Graph
from ostinato.automl.export.kernels import pair_shares, pairwise_lines, polynomial
from ostinato.automl.rbf import coupled, gamma_of

Array = NDArray[np.float64]
_FOLDS = 3
_SLOPES = np.geomspace(0.25, 16.0, 25)
_PATIENCE = 200_000  # of libsvm's steps: a machine that has not converged by then is judged as it is


class PairMachine(Classifier):
    """libsvm's one-against-one decisions, coupled as in `ostinato.automl.rbf`, with a slope from decisions out of fold."""

    machine_: Any
    slope_: float

    def _fitted(self, X: Array, codes: Codes) -> Any:
        raise NotImplementedError

    def _write_kernel(self, graph: Graph, x: str) -> str:
        raise NotImplementedError

    def _learn(self, X: Array, codes: Codes) -> None:
        self.slope_ = self._slope(X, codes)
        self.machine_ = self._fitted(X, codes)

    def _slope(self, X: Array, codes: Codes) -> float:
        if np.bincount(codes).min() < _FOLDS:
            return 2.0
        k = len(self.classes_)
        pairs, truth = [], []
        split = StratifiedKFold(_FOLDS, shuffle=True, random_state=inner_seed(self.random_state))
        for train, held in split.split(X, codes):
            machine = self._fitted(X[train], codes[train])
            pairs.append(_pairs(machine, X[held]))
            truth.append(codes[held])
        decisions, actual = np.vstack(pairs), np.concatenate(truth)
        picked = np.arange(len(actual)), actual
        losses = [-np.log(np.clip(coupled(decisions, s, k)[picked], 1e-12, 1)).mean() for s in _SLOPES]
        return float(_SLOPES[int(np.argmin(losses))])

    def _values(self, X: Array) -> Array:
        return coupled(_pairs(self.machine_, X), self.slope_, len(self.classes_))

    def write(self, graph: Graph, x: str) -> str:
        """Kernel, pairwise decisions, coupled sigmoids."""
        k = len(self.classes_)
        weights, offsets = pairwise_lines(self.machine_, k)
        return pair_shares(graph, graph.affine(self._write_kernel(graph, x), weights, offsets), self.slope_, k)


def _pairs(machine: Any, X: Array) -> Array:
    decisions: Array = machine.decision_function(X)
    # of two classes scikit-learn returns the decision for the second one
    return -decisions[:, None] if decisions.ndim == 1 else decisions


class PolynomialMachine(PairMachine):
    """A support vector machine whose kernel counts products of up to `degree` columns (Boser, Guyon & Vapnik 1992)."""

    def __init__(self, C: float = 1.0, degree: int = 2, random_state: int | None = None) -> None:
        self.C, self.degree, self.random_state = C, degree, random_state

    def _fitted(self, X: Array, codes: Codes) -> Any:
        from sklearn.svm import SVC

        machine = SVC(
            C=self.C,
            kernel="poly",
            degree=self.degree,
            gamma=1.0 / X.shape[1],
            coef0=1.0,
            decision_function_shape="ovo",
            max_iter=_PATIENCE,
        )
        return machine.fit(X, codes)

    def _write_kernel(self, graph: Graph, x: str) -> str:
        return polynomial(graph, x, self.machine_.support_vectors_, self.degree)


class ShareMachine(PairMachine):
    """A nu support vector machine (Schölkopf et al. 2000): `nu` is the share of what is feasible for the rarest class."""

    def __init__(self, nu: float = 0.4, width: float = 1.0, random_state: int | None = None) -> None:
        self.nu, self.width, self.random_state = nu, width, random_state

    def _fitted(self, X: Array, codes: Codes) -> Any:
        from sklearn.svm import SVC, NuSVC

        counts = np.sort(np.bincount(codes))
        counts = counts[counts > 0]
        # the pair of the rarest and the commonest class binds
        feasible = 2.0 * counts[0] / (counts[0] + counts[-1])
        given = {
            "gamma": gamma_of(self.width, X.shape[1]),
            "decision_function_shape": "ovo",
            "max_iter": _PATIENCE,
        }
        try:
            return NuSVC(nu=self.nu * feasible, **given).fit(X, codes)
        except ValueError:
            # where rows of different classes are the same, nu's programme may have no finite answer; C's has one
            return SVC(C=1.0, **given).fit(X, codes)

    def _write_kernel(self, graph: Graph, x: str) -> str:
        vectors = np.asarray(self.machine_.support_vectors_, dtype=np.float64)
        return Bumps(vectors, gamma_of(self.width, vectors.shape[1])).write(graph, x)


class PolynomialRegressor(Regressor):
    """Support vector regression with a polynomial kernel (Drucker et al. 1997)."""

    machine_: Any

    def __init__(self, C: float = 1.0, degree: int = 2, epsilon: float = 0.1) -> None:
        self.C, self.degree, self.epsilon = C, degree, epsilon

    def _learn(self, X: Array, y: Array) -> None:
        from sklearn.svm import SVR

        machine = SVR(
            C=self.C,
            kernel="poly",
            degree=self.degree,
            gamma=1.0 / X.shape[1],
            coef0=1.0,
            epsilon=self.epsilon,
            max_iter=_PATIENCE,
        )
        self.machine_ = machine.fit(X, y)

    def _values(self, X: Array) -> Array:
        values: Array = self.machine_.predict(X)
        return values

    def write(self, graph: Graph, x: str) -> str:
        """Kernel and matrix product."""
        kernel = polynomial(graph, x, self.machine_.support_vectors_, self.degree)
        return graph.affine(kernel, np.asarray(self.machine_.dual_coef_).T, self.machine_.intercept_)


class Bumped(Regressor):
    """A sum of bumps around training rows."""

    bumps_: Bumps
    dual_: Array  # (m,)
    level_: float

    def _values(self, X: Array) -> Array:
        return self.bumps_.apply(X) @ self.dual_ + self.level_

    def write(self, graph: Graph, x: str) -> str:
        """Kernel and matrix product."""
        return graph.affine(self.bumps_.write(graph, x), self.dual_[:, None], [self.level_])


class ShareRegressor(Bumped):
    """Nu support vector regression (Schölkopf et al. 2000)."""

    def __init__(self, C: float = 1.0, nu: float = 0.5, width: float = 1.0) -> None:
        self.C, self.nu, self.width = C, nu, width

    def _learn(self, X: Array, y: Array) -> None:
        from sklearn.svm import NuSVR

        gamma = gamma_of(self.width, X.shape[1])
        machine = NuSVR(C=self.C, nu=self.nu, gamma=gamma, max_iter=_PATIENCE).fit(X, y)
        vectors = np.asarray(machine.support_vectors_, dtype=np.float64)
        # no row outside the tube leaves no vector: then the level alone is the answer
        self.bumps_ = Bumps(vectors if len(vectors) else X[:1], gamma)
        self.dual_ = np.ravel(machine.dual_coef_) if len(vectors) else np.zeros(1)
        self.level_ = float(machine.intercept_[0])


class KernelRidgeRegressor(Bumped):
    """Ridge regression in the space of an RBF kernel (Saunders, Gammerman & Vovk 1998)."""

    def __init__(self, width: float = 1.0, penalty: float = 0.1) -> None:
        self.width, self.penalty = width, penalty

    def _learn(self, X: Array, y: Array) -> None:
        self.bumps_, self.level_ = Bumps(X, gamma_of(self.width, X.shape[1])), float(y.mean())
        self.dual_ = cho_solve(_ridged(self.bumps_.apply(X), self.penalty), y - self.level_)


class LeastSquaresMachine(Classifier):
    """The least squares support vector machine (Suykens & Vandewalle 1999), calibrated on its leave-one-out margins."""

    bumps_: Bumps
    dual_: Array  # (n, outputs)
    level_: Array

    def __init__(self, width: float = 1.0, penalty: float = 0.3) -> None:
        self.width, self.penalty = width, penalty

    def _learn(self, X: Array, codes: Codes) -> None:
        k = len(self.classes_)
        targets = 2.0 * one_hot(codes, k) - 1.0
        targets = targets[:, 1:] if k == 2 else targets  # noqa: PLR2004
        self.bumps_ = Bumps(X, gamma_of(self.width, X.shape[1]))
        level = targets.mean(axis=0)
        inverse = cho_solve(_ridged(self.bumps_.apply(X), self.penalty), np.eye(len(X)))
        dual = inverse @ (targets - level)
        left_out = targets - dual / np.diag(inverse)[:, None]
        slope, offsets = calibrated(left_out, codes)
        self.dual_, self.level_ = dual * slope, level * slope + offsets

    def _values(self, X: Array) -> Array:
        return shares(self.bumps_.apply(X) @ self.dual_ + self.level_)

    def write(self, graph: Graph, x: str) -> str:
        """Kernel, matrix product, softmax or sigmoid."""
        margins = graph.affine(self.bumps_.write(graph, x), self.dual_, self.level_)
        return graph.probabilities(margins, len(self.classes_), self.dual_.shape[1])


class ProcessRegressor(Bumped):
    """Gaussian process regression (Rasmussen & Williams 2006): width, variance and noise by the evidence of 250 rows.

    `width` is where the search for the evidence begins; predictions are the posterior's mean.
    """

    noise_: float

    def __init__(self, width: float = 1.0, noise: float = 0.1, random_state: int | None = None) -> None:
        self.width, self.noise, self.random_state = width, noise, random_state

    def _learn(self, X: Array, y: Array) -> None:
        self.level_ = float(y.mean())
        some = np.sort(generator(self.random_state).permutation(len(X))[:250])
        apart, target = distances(X[some], X[some]), y[some] - self.level_
        start = np.log([gamma_of(self.width, X.shape[1]), 1.0, self.noise])
        low, high = np.log(1e-3 / X.shape[1]), np.log(1e2 / X.shape[1])
        bounds = [(low, high), (-4.0, 4.0), (np.log(1e-4), np.log(4.0))]
        start[0] = np.clip(start[0], low, high)
        point = minimize(
            _unlikely, start, (apart, target), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 25}
        ).x
        gamma, variance, self.noise_ = (float(each) for each in np.exp(point))
        self.bumps_ = Bumps(X, gamma)
        self.dual_ = cho_solve(_ridged(self.bumps_.apply(X), self.noise_ / variance), y - self.level_)


def _unlikely(point: Array, apart: Array, target: Array) -> tuple[float, Array]:
    """The negative log evidence of log (gamma, variance, noise), and its gradient."""
    gamma, variance, noise = np.exp(point)
    kernel = variance * np.exp(-gamma * apart)
    factor = cho_factor(kernel + (noise + 1e-8) * np.eye(len(target)), lower=True)
    dual = cho_solve(factor, target)
    value = 0.5 * target @ dual + np.log(np.diag(factor[0])).sum()
    slope = 0.5 * (cho_solve(factor, np.eye(len(target))) - np.outer(dual, dual))
    gradient = [(slope * kernel * -gamma * apart).sum(), (slope * kernel).sum(), noise * np.trace(slope)]
    return float(value), np.asarray(gradient)


class RelevanceRegressor(Bumped):
    """The relevance vector machine (Tipping 2001) over up to 120 rows: most bumps are pruned by their own evidence."""

    def __init__(self, width: float = 1.0, random_state: int | None = None) -> None:
        self.width, self.random_state = width, random_state

    def _learn(self, X: Array, y: Array) -> None:
        from sklearn.linear_model import ARDRegression

        some = np.sort(generator(self.random_state).permutation(len(X))[:120])
        bumps = Bumps(X[some], gamma_of(self.width, X.shape[1]))
        machine = ARDRegression(max_iter=60, threshold_lambda=1e4).fit(bumps.apply(X), y)
        kept = np.flatnonzero(machine.coef_)
        kept = kept if len(kept) else np.arange(1)
        self.bumps_ = Bumps(bumps.centres[kept], bumps.gamma)
        self.dual_, self.level_ = np.asarray(machine.coef_)[kept], float(machine.intercept_)


def _ridged(kernel: Array, penalty: float) -> tuple[Array, bool]:
    ridged = kernel.copy()
    ridged[np.diag_indices_from(ridged)] += max(penalty, 1e-6)
    factor: tuple[Array, bool] = cho_factor(ridged, lower=True)
    return factor
