"""Support vector machines as a kernel matrix and a matrix product, in double precision."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.export.graph import Graph
from ostinato.automl.export.neighbours import squared_distances

Array = NDArray[np.float64]


def classifier(graph: Graph, x: str, estimator: Any) -> str:
    """RBF kernel, pairwise decisions, one sigmoid each, coupled into probabilities."""
    k = len(estimator.classes_)
    weights, offsets = pairwise_lines(estimator.machine_, k)
    kernel = _kernel(graph, x, estimator.machine_.support_vectors_, estimator.gamma_)
    return pair_shares(graph, graph.affine(kernel, weights, offsets), estimator.slope_, k)


def regressor(graph: Graph, x: str, estimator: Any) -> str:
    """The kernel expansion."""
    machine = estimator.machine_
    kernel = _kernel(graph, x, machine.support_vectors_, estimator.gamma_)
    return graph.affine(kernel, np.asarray(machine.dual_coef_).T, np.asarray(machine.intercept_))


def _kernel(graph: Graph, x: str, vectors: Array, gamma: float) -> str:
    squares = squared_distances(graph, graph.cast(x, np.float64), np.asarray(vectors, dtype=np.float64))
    return graph.op("Exp", graph.op("Mul", squares, graph.constant([-gamma])))


def polynomial(graph: Graph, wide: str, vectors: Array, degree: int) -> str:
    """`(row · vector / columns + 1) ** degree`, by repeated products."""
    flow = base = graph.affine(wide, np.asarray(vectors).T / np.shape(vectors)[1], [1.0])
    for _ in range(degree - 1):
        flow = graph.op("Mul", flow, base)
    return flow


def pair_shares(graph: Graph, decisions: str, slope: float, k: int) -> str:
    """Probabilities `(n, k)` of pairwise decisions `(n, pairs)`, as `ostinato.automl.rbf.coupled` has them."""
    z = graph.op("Mul", decisions, graph.constant([slope]))
    # log sigmoid(z) is -softplus(-z), and log sigmoid(-z) is -softplus(-z) - z; log(1 + e^-|z|) cannot overflow
    tail = graph.op("Exp", graph.op("Neg", graph.op("Abs", z)))
    bent = graph.op("Log", graph.op("Add", tail, graph.constant([1.0])))
    softplus = graph.op("Add", graph.op("Relu", graph.op("Neg", z)), bent)
    pairs = list(combinations(range(k), 2))
    own, other = np.zeros((len(pairs), k)), np.zeros((len(pairs), k))
    for pair, (i, j) in enumerate(pairs):
        own[pair, i] = own[pair, j] = -2.0 / k
        other[pair, j] = -2.0 / k
    logs = graph.op(
        "Add",
        graph.op("MatMul", softplus, graph.constant(own)),
        graph.op("MatMul", z, graph.constant(other)),
    )
    return graph.op("Softmax", logs, axis=1)


def pairwise_lines(machine: Any, k: int) -> tuple[Array, Array]:
    """Weights `(vectors, pairs)` and offsets of libsvm's one-against-one decisions, positive for the first class."""
    ends = np.concatenate([[0], np.cumsum(machine.n_support_)])
    dual = np.asarray(machine.dual_coef_)
    weights = np.zeros((ends[-1], k * (k - 1) // 2))
    for pair, (i, j) in enumerate(combinations(range(k), 2)):
        weights[ends[i] : ends[i + 1], pair] = dual[j - 1, ends[i] : ends[i + 1]]
        weights[ends[j] : ends[j + 1], pair] = dual[i, ends[j] : ends[j + 1]]
    offsets = np.asarray(machine.intercept_)
    # of two classes scikit-learn shows coefficients for the second one
    return (-weights, -offsets) if k == 2 else (weights, offsets)  # noqa: PLR2004
