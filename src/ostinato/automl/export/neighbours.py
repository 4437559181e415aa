"""Nearest neighbours as a distance matrix and TopK, in double precision."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.export.graph import Graph

_CLOSEST = 1e-9  # a distance of zero weighs as much as this one


def classifier(graph: Graph, x: str, estimator: Any) -> str:
    """Shares of the neighbours' labels."""
    codes = np.asarray(estimator._y).ravel()
    return _vote(graph, x, estimator, np.eye(len(estimator.classes_))[codes])


def regressor(graph: Graph, x: str, estimator: Any) -> str:
    """The mean of the neighbours' values."""
    return _vote(graph, x, estimator, np.asarray(estimator._y, dtype=np.float64).reshape(-1, 1))


def squared_distances(graph: Graph, wide: str, rows: NDArray[np.float64]) -> str:
    """Squared distances `(n, m)` between the rows of `wide (n, d)` and `rows (m, d)`, never below zero."""
    own = graph.op("ReduceSumSquare", wide, axes=[1], keepdims=1)
    cross = graph.affine(wide, -2.0 * rows.T, (rows**2).sum(axis=1))
    return graph.op("Max", graph.op("Add", own, cross), graph.constant([0.0]))


def _vote(graph: Graph, x: str, estimator: Any, values: NDArray[np.float64]) -> str:
    rows = np.asarray(estimator._fit_X, dtype=np.float64)
    distances = graph.op("Sqrt", squared_distances(graph, graph.cast(x, np.float64), rows))
    count = graph.constant([estimator.n_neighbors], np.int64)
    nearest = graph.op("TopK", distances, count, axis=1, largest=0, sorted=1)
    graph.nodes[-1].output.append(f"{nearest}_index")
    neighbours = graph.op("Gather", graph.constant(values), f"{nearest}_index", axis=0)  # (n, k, outputs)
    if estimator.weights == "uniform":
        return graph.op("ReduceMean", neighbours, axes=[1], keepdims=0)
    weights = graph.op("Reciprocal", graph.op("Max", nearest, graph.constant([_CLOSEST])))
    total = graph.op("ReduceSum", weights, graph.constant([1], np.int64), keepdims=1)
    shares = graph.op("Unsqueeze", graph.op("Div", weights, total), graph.constant([2], np.int64))
    return graph.op("ReduceSum", graph.op("Mul", neighbours, shares), graph.constant([1], np.int64), keepdims=0)
