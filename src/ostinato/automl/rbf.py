"""Support vector machines with an RBF kernel whose probabilities are a closed form, so that they leave as ONNX exactly.

The kernel's width is given in units of sqrt(columns), the typical distance of standardised rows.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import SVC, SVR
from sklearn.utils.validation import check_is_fitted, validate_data

_SLOPES = np.geomspace(0.25, 16.0, 49)
_FOLDS = 3

Array = NDArray[np.float64]


def gamma_of(width: float, columns: int) -> float:
    """RBF gamma for a width in units of sqrt(columns).

    >>> gamma_of(1.0, 50)
    0.01
    """
    return float(1.0 / (2.0 * columns * width**2))


def coupled(pairs: Array, slope: float, n_classes: int) -> Array:
    """Class probabilities `(n, n_classes)` of pairwise decisions `(n, pairs)`: the product of each class's sigmoids, normalised.

    With two classes this is Platt's sigmoid without its offset. (The mean of the sigmoids, the first estimate of Hastie &
    Tibshirani 1998, can never exceed 2 / n_classes.)
    """
    logs = np.zeros((len(pairs), n_classes))
    for column, (i, j) in enumerate(combinations(range(n_classes), 2)):
        z = slope * pairs[:, column]
        logs[:, i] -= np.logaddexp(0.0, -z)
        logs[:, j] -= np.logaddexp(0.0, z)
    logs *= 2.0 / n_classes
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares


class RbfSVC(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Support vector classifier with probabilities.

    Pairwise decisions go through one sigmoid whose slope is fitted on out-of-fold decisions, and are then coupled.
    """

    def __init__(self, C: float = 1.0, width: float = 1.0, random_state: int | None = None) -> None:
        self.C, self.width, self.random_state = C, width, random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Fit on `X (n, d)` and labels `y (n,)`."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:  # noqa: PLR2004
            raise ValueError(
                f"RbfSVC needs samples of at least 2 classes, the data contains {len(self.classes_)} class"
            )
        self.gamma_ = gamma_of(self.width, X.shape[1])
        self.slope_ = self._slope(X, codes)
        self.machine_ = self._machine().fit(X, codes)
        return self

    def _machine(self) -> Any:
        return SVC(C=self.C, gamma=self.gamma_, decision_function_shape="ovo")

    def _slope(self, X: Array, codes: NDArray[np.int64]) -> float:
        if np.bincount(codes).min() < _FOLDS:
            return 2.0
        rows = StratifiedKFold(_FOLDS, shuffle=True, random_state=self.random_state or 0).split(X, codes)
        k = len(self.classes_)
        pairs, truth = [], []
        for train, held in rows:
            pairs.append(_pairs(self._machine().fit(X[train], codes[train]), X[held]))
            truth.append(codes[held])
        decisions, actual = np.vstack(pairs), np.concatenate(truth)
        picked = np.arange(len(actual)), actual
        losses = [-np.log(np.clip(coupled(decisions, s, k)[picked], 1e-12, 1)).mean() for s in _SLOPES]
        return float(_SLOPES[int(np.argmin(losses))])

    def predict_proba(self, X: Any) -> Array:
        """Probabilities `(n, n_classes)` in the order of `classes_`."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return coupled(_pairs(self.machine_, X), self.slope_, len(self.classes_))

    def predict(self, X: Any) -> NDArray[Any]:
        """The likeliest label of each row."""
        chosen: NDArray[Any] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return chosen


class RbfSVR(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Support vector regression; it expects a standardised target."""

    def __init__(self, C: float = 1.0, width: float = 1.0, epsilon: float = 0.1) -> None:
        self.C, self.width, self.epsilon = C, width, epsilon

    def fit(self, X: Any, y: Any) -> Self:
        """Fit on `X (n, d)` and values `y (n,)`."""
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        self.gamma_ = gamma_of(self.width, X.shape[1])
        self.machine_ = SVR(C=self.C, gamma=self.gamma_, epsilon=self.epsilon).fit(X, y)
        return self

    def predict(self, X: Any) -> Array:
        """Values `(n,)`."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        values: Array = self.machine_.predict(X)
        return values


def _pairs(machine: Any, X: Array) -> Array:
    decisions: Array = machine.decision_function(X)
    # of two classes scikit-learn returns the decision for the second one
    return -decisions[:, None] if decisions.ndim == 1 else decisions
