"""What our own estimators share: scikit-learn's conventions around two hooks, `_learn` and `_values`, and a graph writer."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from ostinato.automl.export.graph import Graph

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


class Classifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier: `_learn(X, codes)` fits, `_values(X)` are probabilities `(n, n_classes)`, `write` is `_values` in ONNX."""

    classes_: NDArray[Any]
    n_features_in_: int
    random_state: int | None = None

    def fit(self, X: Any, y: Any) -> Self:
        """Fit on `X (n, d)` and labels `y (n,)`; raises ValueError for fewer than two classes."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:  # noqa: PLR2004
            name, found = type(self).__name__, len(self.classes_)
            raise ValueError(f"{name} needs samples of at least 2 classes, the data contains {found} class")
        self._learn(X, codes)
        return self

    def predict_proba(self, X: Any) -> Array:
        """Probabilities `(n, n_classes)` in the order of `classes_`."""
        check_is_fitted(self)
        return self._values(validate_data(self, X, dtype=np.float64, reset=False))

    def predict(self, X: Any) -> NDArray[Any]:
        """The likeliest label of each row."""
        likeliest = self.predict_proba(X).argmax(axis=1)
        chosen: NDArray[Any] = self.classes_[likeliest]
        return chosen

    def _learn(self, X: Array, codes: Codes) -> None:
        raise NotImplementedError

    def _values(self, X: Array) -> Array:
        raise NotImplementedError

    def write(self, graph: Graph, x: str) -> str:
        """Append the probabilities of `x (n, d)`, in double precision, to a graph."""
        raise NotImplementedError


class Regressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A regressor: `_learn(X, y)` fits, `_values(X)` are values `(n,)`, `write` is `_values` in ONNX with shape `(n, 1)`."""

    n_features_in_: int
    random_state: int | None = None

    def fit(self, X: Any, y: Any) -> Self:
        """Fit on `X (n, d)` and values `y (n,)`; penalties expect a standardised target."""
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        self._learn(X, np.asarray(y, dtype=np.float64))
        return self

    def predict(self, X: Any) -> Array:
        """Values `(n,)`."""
        check_is_fitted(self)
        return self._values(validate_data(self, X, dtype=np.float64, reset=False))

    def _learn(self, X: Array, y: Array) -> None:
        raise NotImplementedError

    def _values(self, X: Array) -> Array:
        raise NotImplementedError

    def write(self, graph: Graph, x: str) -> str:
        """Append the values of `x (n, d)`, in double precision, to a graph."""
        raise NotImplementedError


def shares(margins: Array) -> Array:
    """Softmax of margins `(n, n_classes)`, or the sigmoid pair of one margin `(n, 1)` for the second of two classes.

    >>> shares(np.zeros((1, 1)))
    array([[0.5, 0.5]])
    """
    if margins.shape[1] == 1:
        return np.hstack([expit(-margins), expit(margins)])
    found: Array = softmax(margins, axis=1)
    return found


def one_hot(codes: Codes, outputs: int) -> Array:
    """Codes `(n,)` as rows of zeros and a one `(n, outputs)`.

    >>> one_hot(np.array([1, 0]), 2)
    array([[0., 1.],
           [1., 0.]])
    """
    rows: Array = np.eye(outputs)[codes]
    return rows


def generator(seed: int | None) -> np.random.Generator:
    """The generator of an estimator's `random_state`; none counts as zero, so that a fit always repeats."""
    return np.random.default_rng(0 if seed is None else seed)


def inner_seed(seed: int | None) -> int:
    """The seed that an estimator hands to scikit-learn's parts."""
    return 0 if seed is None else seed
