"""Linear machines without probabilities of their own: out-of-fold margins give them a slope and offsets.

Slope and offsets go into `coef_` and `intercept_`, so that what is shipped is one matrix product and a softmax.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.model_selection import StratifiedKFold

from ostinato.automl.algorithms.estimator import Classifier, Codes, inner_seed, one_hot, shares
from ostinato.automl.export.graph import Graph

Array = NDArray[np.float64]
_FOLDS = 3
_PRIOR = 1e-2  # of the slope's logarithm and of the offsets, so that margins without an error keep a finite slope


def calibrated(margins: Array, codes: Codes) -> tuple[float, Array]:
    """Slope and offsets `(outputs,)` by which `margins (n, outputs)` become logits (Platt 1999; Guo et al. 2017).

    One margin stands for the second of two classes. The slope is positive: the order of the margins is believed.
    """
    spread = float(np.std(margins)) or 1.0
    unit = margins / spread
    outputs = margins.shape[1]
    truth = one_hot(codes, 2)[:, 1:] if outputs == 1 else one_hot(codes, outputs)

    def loss(point: Array) -> tuple[float, Array]:
        slope = np.exp(point[0])
        found = shares(unit * slope + point[1:])
        picked = found[np.arange(len(codes)), codes]
        error = (found[:, 1:] if outputs == 1 else found) - truth
        gradient = np.concatenate([[slope * (error * unit).sum()], error.sum(axis=0)]) / len(codes)
        penalty = _PRIOR / len(codes) ** 0.5
        value = -np.log(np.maximum(picked, 1e-300)).mean() + 0.5 * penalty * (point**2).sum()
        return float(value), gradient + penalty * point

    bounds = [(-5.0, 5.0), *[(-20.0, 20.0)] * outputs]
    point = minimize(loss, np.zeros(outputs + 1), jac=True, method="L-BFGS-B", bounds=bounds).x
    return float(np.exp(point[0])) / spread, point[1:]


class MarginClassifier(Classifier):
    """A linear machine: `_line(X, codes)` gives coefficients `(outputs, d)` and intercepts, one output for two classes."""

    coef_: Array
    intercept_: Array

    def _line(self, X: Array, codes: Codes, k: int) -> tuple[Array, Array]:
        raise NotImplementedError

    def _learn(self, X: Array, codes: Codes) -> None:
        k = len(self.classes_)
        coef, intercept = self._line(X, codes, k)
        slope, offsets = calibrated(*self._judged(X, codes, k, coef, intercept))
        self.coef_, self.intercept_ = coef * slope, intercept * slope + offsets

    def _judged(self, X: Array, codes: Codes, k: int, coef: Array, intercept: Array) -> tuple[Array, Codes]:
        if np.bincount(codes).min() < _FOLDS:
            return X @ coef.T + intercept, codes
        margins = np.zeros((len(X), len(coef)))
        split = StratifiedKFold(_FOLDS, shuffle=True, random_state=inner_seed(self.random_state))
        for train, held in split.split(X, codes):
            fold_coef, fold_intercept = self._line(X[train], codes[train], k)
            margins[held] = X[held] @ fold_coef.T + fold_intercept
        return margins, codes

    def _values(self, X: Array) -> Array:
        return shares(X @ self.coef_.T + self.intercept_)

    def write(self, graph: Graph, x: str) -> str:
        """Matrix product, softmax or sigmoid."""
        margins = graph.affine(x, self.coef_.T, self.intercept_)
        return graph.probabilities(margins, len(self.classes_), len(self.coef_))


def _lines_of(machine: Any) -> tuple[Array, Array]:
    return np.atleast_2d(machine.coef_).astype(np.float64), np.atleast_1d(machine.intercept_).astype(np.float64)


class RidgeMargins(MarginClassifier):
    """Least squares on the classes' codes, shrunk (Hoerl & Kennard 1970)."""

    def __init__(self, alpha: float = 10.0, random_state: int | None = None) -> None:
        self.alpha, self.random_state = alpha, random_state

    def _line(self, X: Array, codes: Codes, k: int) -> tuple[Array, Array]:
        from sklearn.linear_model import RidgeClassifier

        return _lines_of(RidgeClassifier(alpha=self.alpha, solver="cholesky").fit(X, codes))


class StochasticMargins(MarginClassifier):
    """Averaged stochastic gradients of the modified Huber loss (Zhang 2004)."""

    def __init__(self, alpha: float = 1e-3, epochs: int = 15, random_state: int | None = None) -> None:
        self.alpha, self.epochs, self.random_state = alpha, epochs, random_state

    def _line(self, X: Array, codes: Codes, k: int) -> tuple[Array, Array]:
        from sklearn.linear_model import SGDClassifier

        machine = SGDClassifier(
            loss="modified_huber",
            alpha=self.alpha,
            max_iter=self.epochs,
            tol=None,
            average=True,
            random_state=inner_seed(self.random_state),
        )
        return _lines_of(machine.fit(X, codes))


class PassiveAggressiveMargins(MarginClassifier):
    """Steps just long enough to put an example right, at most `aggressiveness` (Crammer et al. 2006), averaged."""

    def __init__(self, aggressiveness: float = 0.01, epochs: int = 10, random_state: int | None = None) -> None:
        self.aggressiveness, self.epochs, self.random_state = aggressiveness, epochs, random_state

    def _line(self, X: Array, codes: Codes, k: int) -> tuple[Array, Array]:
        from sklearn.linear_model import SGDClassifier

        machine = SGDClassifier(
            loss="hinge",
            penalty=None,
            learning_rate="pa1",
            eta0=self.aggressiveness,
            max_iter=self.epochs,
            tol=None,
            average=True,
            random_state=inner_seed(self.random_state),
        )
        return _lines_of(machine.fit(X, codes))


class PerceptronMargins(MarginClassifier):
    """The averaged perceptron (Freund & Schapire 1999)."""

    def __init__(self, epochs: int = 10, random_state: int | None = None) -> None:
        self.epochs, self.random_state = epochs, random_state

    def _line(self, X: Array, codes: Codes, k: int) -> tuple[Array, Array]:
        from sklearn.linear_model import SGDClassifier

        machine = SGDClassifier(
            loss="perceptron",
            penalty=None,
            learning_rate="constant",
            eta0=1.0,
            max_iter=self.epochs,
            tol=None,
            average=True,
            random_state=inner_seed(self.random_state),
        )
        return _lines_of(machine.fit(X, codes))


class SupportMargins(MarginClassifier):
    """The linear support vector machine (Fan et al. 2008)."""

    def __init__(self, C: float = 0.1, random_state: int | None = None) -> None:
        self.C, self.random_state = C, random_state

    def _line(self, X: Array, codes: Codes, k: int) -> tuple[Array, Array]:
        from sklearn.svm import LinearSVC

        machine = LinearSVC(C=self.C, dual=False, max_iter=300, random_state=inner_seed(self.random_state))
        return _lines_of(machine.fit(X, codes))


class LatentMargins(MarginClassifier):
    """Partial least squares on the classes' codes (Barker & Rayens 2003)."""

    def __init__(self, components: int = 4, random_state: int | None = None) -> None:
        self.components, self.random_state = components, random_state

    def _line(self, X: Array, codes: Codes, k: int) -> tuple[Array, Array]:
        from ostinato.automl.algorithms.linear import latent_line

        targets = one_hot(codes, k)
        coef, intercept = latent_line(X, targets[:, 1:] if k == 2 else targets, self.components)  # noqa: PLR2004
        return coef, intercept


class CentroidMargins(MarginClassifier):
    """The nearest centroid in Euclidean distance, which is linear in the row (Rocchio 1971)."""

    def __init__(self, random_state: int | None = None) -> None:
        self.random_state = random_state

    def _line(self, X: Array, codes: Codes, k: int) -> tuple[Array, Array]:
        centres = one_hot(codes, k).T @ X / np.bincount(codes, minlength=k)[:, None]
        return _difference(centres, -0.5 * (centres**2).sum(axis=1))


class ShrunkenMargins(MarginClassifier):
    """Nearest shrunken centroids (Tibshirani et al. 2002): columns whose classes hardly differ drop out."""

    def __init__(self, threshold: float = 1.0, random_state: int | None = None) -> None:
        self.threshold, self.random_state = threshold, random_state

    def _line(self, X: Array, codes: Codes, k: int) -> tuple[Array, Array]:
        counts = np.bincount(codes, minlength=k).astype(np.float64)
        whole, centres = X.mean(axis=0), one_hot(codes, k).T @ X / counts[:, None]
        within = np.sqrt(((X - centres[codes]) ** 2).sum(axis=0) / max(len(X) - k, 1))
        within += max(float(np.median(within)), 1e-6)
        weight = np.sqrt(np.maximum(1.0 / counts - 1.0 / len(X), 1e-12))[:, None]
        apart = (centres - whole) / (weight * within)
        # no threshold may drop every column: then nothing would be left to tell classes by
        threshold = min(self.threshold, 0.9 * float(np.abs(apart).max()))
        kept = np.sign(apart) * np.maximum(np.abs(apart) - threshold, 0.0)
        shrunk = whole + weight * within * kept
        return _difference(shrunk / within**2, -0.5 * (shrunk**2 / within**2).sum(axis=1) + np.log(counts / len(X)))


def _difference(coef: Array, intercept: Array) -> tuple[Array, Array]:
    """Two classes as the margin of the second over the first."""
    if len(coef) == 2:  # noqa: PLR2004
        return coef[1:] - coef[:1], intercept[1:] - intercept[:1]
    return coef, intercept
