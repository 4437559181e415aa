"""Mixtures of experts: linear machines for regions of the rows, between which a gate decides softly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from ostinato.automl.algorithms.bases import distances
from ostinato.automl.algorithms.estimator import Classifier, Codes, Regressor, shares
from ostinato.automl.algorithms.expansions import clustered
from ostinato.automl.algorithms.linear import ridge_line
from ostinato.automl.export.graph import Graph
from ostinato.automl.export.neighbours import squared_distances

Array = NDArray[np.float64]


class Gated:
    """A gate by Gaussian regions around clusters (Xu, Jordan & Hinton 1995)."""

    experts: int
    softness: float
    random_state: int | None
    centres_: Array
    sharpness_: float

    def _open(self, X: Array) -> Array:
        """Set the gate; returns how far each expert is responsible for each row, `(n, experts)`."""
        self.centres_ = clustered(X, self.experts, self.random_state)
        nearest = distances(X, self.centres_).min(axis=1)
        self.sharpness_ = 1.0 / (2.0 * self.softness * max(float(nearest.mean()), 1e-9))
        return self._gate(X)

    def _gate(self, X: Array) -> Array:
        found: Array = softmax(-self.sharpness_ * distances(X, self.centres_), axis=1)
        return found

    def _write_gate(self, graph: Graph, x: str) -> str:
        apart = squared_distances(graph, x, self.centres_)
        return graph.op("Softmax", graph.op("Mul", apart, graph.constant([-self.sharpness_])), axis=1)


class ExpertsRegressor(Gated, Regressor):
    """A mixture of linear experts (Jacobs et al. 1991), each fitted by ridge regression to the rows of its region."""

    coef_: Array  # (d, experts)
    intercept_: Array

    def __init__(
        self, experts: int = 4, softness: float = 0.5, penalty: float = 1.0, random_state: int | None = None
    ) -> None:
        self.experts, self.softness, self.penalty, self.random_state = experts, softness, penalty, random_state

    def _learn(self, X: Array, y: Array) -> None:
        lines = [ridge_line(X, y, self.penalty, weights) for weights in self._open(X).T]
        self.coef_ = np.stack([coef for coef, _ in lines], axis=1)
        self.intercept_ = np.asarray([intercept for _, intercept in lines])

    def _values(self, X: Array) -> Array:
        found: Array = (self._gate(X) * (X @ self.coef_ + self.intercept_)).sum(axis=1)
        return found

    def write(self, graph: Graph, x: str) -> str:
        """Gate, lines, and their weighted sum."""
        said = graph.op("Mul", self._write_gate(graph, x), graph.affine(x, self.coef_, self.intercept_))
        return graph.op("ReduceSum", said, graph.constant([1], np.int64), keepdims=1)


class ExpertsClassifier(Gated, Classifier):
    """A mixture of logistic experts (Jacobs et al. 1991), each fitted to the rows of its region."""

    coef_: list[Array]  # one an expert: (outputs, d)
    intercept_: list[Array]

    def __init__(
        self, experts: int = 4, softness: float = 0.5, penalty: float = 1.0, random_state: int | None = None
    ) -> None:
        self.experts, self.softness, self.penalty, self.random_state = experts, softness, penalty, random_state

    def _learn(self, X: Array, codes: Codes) -> None:
        from sklearn.linear_model import LogisticRegression

        self.coef_, self.intercept_ = [], []
        for weights in self._open(X).T:
            machine = LogisticRegression(C=1.0 / self.penalty, max_iter=200).fit(X, codes, sample_weight=weights + 1e-6)
            self.coef_.append(machine.coef_)
            self.intercept_.append(machine.intercept_)

    def _values(self, X: Array) -> Array:
        gate, found = self._gate(X), np.zeros((len(X), len(self.classes_)))
        for place, (coef, intercept) in enumerate(zip(self.coef_, self.intercept_, strict=True)):
            found += gate[:, [place]] * shares(X @ coef.T + intercept)
        return found

    def write(self, graph: Graph, x: str) -> str:
        """Gate, one softmax an expert, and their weighted sum."""
        gate, parts = self._write_gate(graph, x), []
        for place, (coef, intercept) in enumerate(zip(self.coef_, self.intercept_, strict=True)):
            own = graph.op("Gather", gate, graph.constant([place], np.int64), axis=1)
            said = graph.probabilities(graph.affine(x, coef.T, intercept), len(self.classes_), len(coef))
            parts.append(graph.op("Mul", own, said))
        flow = parts[0]
        for part in parts[1:]:
            flow = graph.op("Add", flow, part)
        return flow
