"""Metrics in NumPy alone, so that whoever reads an artefact can judge it without the training libraries.

Classification takes codes `y (n,)` and probabilities `p (n, k)`; regression takes values `y (n,)` and `p (n, 1)`; several labels
a row take 0 and 1 `y (n, L)` and the probability of each label `p (n, L)`, and figures are means over labels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SMALLEST = 1e-15


@dataclass(frozen=True)
class Metric:
    """A figure of `(y, p)`; `greater` where more is better."""

    name: str
    of: Callable[[NDArray[np.generic], Array], float]
    greater: bool
    probabilistic: bool = True

    def loss(self, y: NDArray[np.generic], p: Array) -> float:
        """The metric turned so that less is better."""
        value = self.of(y, p)
        return -value if self.greater else value

    def score(self, loss: float) -> float:
        """The metric's own value of a `loss`."""
        return -loss if self.greater else loss

    def gain(self, value: float, other: float) -> float:
        """How much better `value` is than `other`, in the metric's units; below zero where it is worse."""
        return value - other if self.greater else other - value


def log_loss(y: NDArray[np.generic], p: Array) -> float:
    """Mean negative log probability of the true class (of a label's true answer), in nats."""
    if y.ndim == 2:  # noqa: PLR2004
        sure = np.clip(p, SMALLEST, 1 - SMALLEST)
        return float(-np.where(y == 1, np.log(sure), np.log(1 - sure)).mean())
    shares = np.clip(p, SMALLEST, None)
    shares = shares / shares.sum(axis=1, keepdims=True)
    return float(-np.log(shares[np.arange(len(y)), y.astype(np.int64)]).mean())


def accuracy(y: NDArray[np.generic], p: Array) -> float:
    """Share of rows whose likeliest class is the true one; of labels, share of right answers."""
    if y.ndim == 2:  # noqa: PLR2004
        return float(((p > 0.5) == (y == 1)).mean())  # noqa: PLR2004
    return float((p.argmax(axis=1) == y).mean())


def macro_f1(y: NDArray[np.generic], p: Array) -> float:
    """Mean F1 over the classes (or labels) that occur in `y` or are predicted."""
    if y.ndim == 2:  # noqa: PLR2004
        hits = ((p > 0.5) & (y == 1)).sum(axis=0)  # noqa: PLR2004
        seen = (p > 0.5).sum(axis=0) + (y == 1).sum(axis=0)  # noqa: PLR2004
        return float((2 * hits[seen > 0] / seen[seen > 0]).mean()) if (seen > 0).any() else 1.0
    guess = p.argmax(axis=1)
    values = []
    for code in np.union1d(y, guess):
        hit = float(((y == code) & (guess == code)).sum())
        values.append(2 * hit / float((y == code).sum() + (guess == code).sum()))
    return float(np.mean(values))


def roc_auc(y: NDArray[np.generic], p: Array) -> float:
    """Area under the ROC curve; with more than two classes the mean of one against the rest, over those that can be told.

    Half where only one class is present, for nothing can be told then.
    """
    if y.ndim == 2:  # noqa: PLR2004
        labels = [_area(y[:, i] == 1, p[:, i]) for i in range(y.shape[1]) if 0 < y[:, i].sum() < len(y)]
        return float(np.mean(labels)) if labels else 0.5
    codes = [1] if p.shape[1] == 2 else range(p.shape[1])  # noqa: PLR2004
    areas = [_area(y == code, p[:, code]) for code in codes if 0 < (y == code).sum() < len(y)]
    return float(np.mean(areas)) if areas else 0.5


def _area(hit: NDArray[np.bool_], score: Array) -> float:
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2.0)[place]
    positive = int(hit.sum())
    return float((rank[hit].sum() - positive * (positive + 1) / 2) / (positive * (len(hit) - positive)))


def rmse(y: NDArray[np.generic], p: Array) -> float:
    """Root mean squared error, in the target's units."""
    return float(np.sqrt(np.mean((y.astype(np.float64) - p[:, 0]) ** 2)))


def mae(y: NDArray[np.generic], p: Array) -> float:
    """Mean absolute error, in the target's units."""
    return float(np.abs(y.astype(np.float64) - p[:, 0]).mean())


def calibration_error(y: NDArray[np.generic], p: Array, bins: int = 10) -> float:
    """Expected calibration error of the likeliest class over equally wide bins of confidence (Guo et al. 2017), 0 to 1."""
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gaps = [abs(confidence[place == b].sum() - right[place == b].sum()) for b in range(bins)]
    return float(np.sum(gaps) / len(y))


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("log_loss", log_loss, greater=False),
        Metric("accuracy", accuracy, greater=True),
        Metric("macro_f1", macro_f1, greater=True),
        Metric("roc_auc", roc_auc, greater=True),
        Metric("rmse", rmse, greater=False, probabilistic=False),
        Metric("mae", mae, greater=False, probabilistic=False),
    )
}
