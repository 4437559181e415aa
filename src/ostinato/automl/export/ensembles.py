"""scikit-learn's ensembles of trees beyond plain averages: subsets of columns, boosting, medians."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ostinato.automl.export.forest import Forest
from ostinato.automl.export.graph import Graph

Array = NDArray[np.float64]


def grown(forest: Forest, tree: Any, weights: ArrayLike, columns: ArrayLike | None = None) -> None:
    """Add one of scikit-learn's low-level trees with `weights (nodes, outputs)`; `columns` are those that it saw."""
    used = np.maximum(tree.feature, 0)
    seen = used if columns is None else np.asarray(columns)[used]
    missing = np.asarray(tree.missing_go_to_left, dtype=bool)
    left, right = tree.children_left, tree.children_right
    forest.grow(seen, tree.threshold, left, right, left < 0, weights, missing)


def shares_of(tree: Any) -> Array:
    """Shares of classes `(nodes, n_classes)` in the nodes of a classification tree."""
    values = tree.value[:, 0, :]
    found: Array = values / values.sum(axis=1, keepdims=True)
    return found


def bagged_classifier(graph: Graph, x: str, estimator: Any) -> str:
    """The mean of trees, each on its own columns; a tree whose rows lacked a class gives that class nothing."""
    k, trees = len(estimator.classes_), estimator.estimators_
    forest = Forest(k, "BRANCH_LEQ")
    for member, columns in zip(trees, estimator.estimators_features_, strict=True):
        weights = np.zeros((member.tree_.node_count, k))
        weights[:, np.asarray(member.classes_, dtype=np.int64)] = shares_of(member.tree_) / len(trees)
        grown(forest, member.tree_, weights, columns)
    return forest.write(graph, x)


def bagged_regressor(graph: Graph, x: str, estimator: Any) -> str:
    """The mean of trees, each on its own columns."""
    forest = Forest(1, "BRANCH_LEQ")
    for member, columns in zip(estimator.estimators_, estimator.estimators_features_, strict=True):
        grown(forest, member.tree_, member.tree_.value[:, 0, :] / len(estimator.estimators_), columns)
    return forest.write(graph, x)


def gradient_classifier(graph: Graph, x: str, estimator: Any) -> str:
    """Boosted regression trees on log odds."""
    margins = _gradient(graph, x, estimator)
    return graph.probabilities(margins, len(estimator.classes_), estimator.estimators_.shape[1])


def gradient_regressor(graph: Graph, x: str, estimator: Any) -> str:
    """Boosted regression trees."""
    return _gradient(graph, x, estimator)


def _gradient(graph: Graph, x: str, estimator: Any) -> str:
    outputs = estimator.estimators_.shape[1]
    forest = Forest(outputs, "BRANCH_LEQ")
    for round_ in estimator.estimators_:
        for output, member in enumerate(round_):
            weights = np.zeros((member.tree_.node_count, outputs))
            weights[:, output] = estimator.learning_rate * member.tree_.value[:, 0, 0]
            grown(forest, member.tree_, weights)
    start = estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_), dtype=np.float32))
    return graph.op("Add", forest.write(graph, x), graph.constant(np.ravel(start), np.float32))


def weighted_median(graph: Graph, x: str, estimator: Any) -> str:
    """AdaBoost.R2: the smallest tree's value below which half of the weight lies (Drucker 1997)."""
    trees = estimator.estimators_
    forest = Forest(len(trees), "BRANCH_LEQ")
    for place, member in enumerate(trees):
        weights = np.zeros((member.tree_.node_count, len(trees)))
        weights[:, place] = member.tree_.value[:, 0, 0]
        grown(forest, member.tree_, weights)
    values = forest.write(graph, x)
    count = graph.constant([len(trees)], np.int64)
    ordered = graph.op("TopK", values, count, more=1, axis=1, largest=0, sorted=1)
    shares = graph.constant(np.asarray(estimator.estimator_weights_[: len(trees)], dtype=np.float64))
    weights_in_order = graph.op("Gather", shares, graph.further(ordered, 1))
    reached = graph.op("CumSum", weights_in_order, graph.constant(1, np.int64))
    half = graph.op("Mul", graph.op("ReduceSum", shares, keepdims=1), graph.constant([0.5 - 1e-12]))
    past = graph.cast(graph.op("GreaterOrEqual", reached, half), np.int64)
    first = graph.op("ArgMax", past, axis=1, keepdims=1)
    return graph.op("GatherElements", ordered, first, axis=1)
