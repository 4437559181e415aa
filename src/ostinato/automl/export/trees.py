"""Every tree model as one table of nodes and one ONNX operator, decision for decision as in the library it came from.

ONNX compares in float32. A threshold in double precision is rounded towards the side on which a float32 input would fall:
`x <= t` holds for a float32 `x` exactly when `x <= t` rounded down does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.export.graph import ML, Graph

Mode = Literal["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GT"]
Leaf = tuple[tuple[int, float], ...]  # (output, weight) of those that are not zero


@dataclass
class Forest:
    """Nodes of all trees; the first node of a tree is its root."""

    outputs: int
    mode: Mode
    tree: list[int] = field(default_factory=list)
    node: list[int] = field(default_factory=list)
    column: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    yes: list[int] = field(default_factory=list)
    no: list[int] = field(default_factory=list)
    leaf: list[bool] = field(default_factory=list)
    leaves: list[tuple[int, int, int, float]] = field(default_factory=list)  # tree, node, output, weight

    def split(self, tree: int, node: int, column: int, threshold: float, yes: int, no: int) -> None:
        """Add an inner node."""
        self._add(tree, node, column, threshold, yes, no, False)

    def end(self, tree: int, node: int, weights: Leaf) -> None:
        """Add a leaf."""
        self._add(tree, node, 0, 0.0, 0, 0, True)
        kept = [pair for pair in weights if pair[1] != 0.0] or [weights[0]]
        self.leaves.extend((tree, node, output, weight) for output, weight in kept)

    def _add(self, tree: int, node: int, column: int, threshold: float, yes: int, no: int, leaf: bool) -> None:
        for values, value in (
            (self.tree, tree),
            (self.node, node),
            (self.column, column),
            (self.threshold, threshold),
            (self.yes, yes),
            (self.no, no),
            (self.leaf, leaf),
        ):
            values.append(value)  # type: ignore[arg-type]

    def write(self, graph: Graph, x: str) -> str:
        """Append the operator; returns sums of leaf weights `(n, outputs)`."""
        trees, nodes, targets, weights = zip(*self.leaves, strict=True)
        return graph.op(
            "TreeEnsembleRegressor",
            x,
            domain=ML,
            n_targets=self.outputs,
            aggregate_function="SUM",
            post_transform="NONE",
            nodes_treeids=self.tree,
            nodes_nodeids=self.node,
            nodes_featureids=self.column,
            nodes_values=[float(value) for value in _downwards(np.asarray(self.threshold))],
            nodes_modes=["LEAF" if leaf else self.mode for leaf in self.leaf],
            nodes_truenodeids=self.yes,
            nodes_falsenodeids=self.no,
            target_treeids=list(trees),
            target_nodeids=list(nodes),
            target_ids=list(targets),
            target_weights=[float(weight) for weight in weights],
        )


def _downwards(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        near = thresholds.astype(np.float32)
    return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near).astype(np.float32)


def _boosted(graph: Graph, x: str, forest: Forest, estimator: Any, base: NDArray[np.float64]) -> str:
    margins = graph.op("Add", forest.write(graph, x), graph.constant(base, np.float32))
    if hasattr(estimator, "predict_proba"):
        return graph.probabilities(margins, len(estimator.classes_), forest.outputs)
    return margins


# --- scikit-learn -----------------------------------------------------------------------------------------------------


def sklearn_classifier(graph: Graph, x: str, estimator: Any) -> str:
    """A decision tree, or a forest that averages the shares of classes."""
    return _sklearn(estimator, len(estimator.classes_), shares=True).write(graph, x)


def sklearn_regressor(graph: Graph, x: str, estimator: Any) -> str:
    """A decision tree, or a forest that averages values."""
    return _sklearn(estimator, 1, shares=False).write(graph, x)


def _sklearn(estimator: Any, outputs: int, *, shares: bool) -> Forest:
    trees = [each.tree_ for each in getattr(estimator, "estimators_", [estimator])]
    forest = Forest(outputs, "BRANCH_LEQ")
    for number, tree in enumerate(trees):
        values = tree.value[:, 0, :]
        if shares:
            values = values / values.sum(axis=1, keepdims=True)
        for node in range(tree.node_count):
            left = int(tree.children_left[node])
            if left < 0:
                forest.end(number, node, tuple(enumerate((values[node] / len(trees)).tolist())))
            else:
                right = int(tree.children_right[node])
                forest.split(number, node, int(tree.feature[node]), float(tree.threshold[node]), left, right)
    return forest


def histogram_classifier(graph: Graph, x: str, estimator: Any) -> str:
    """scikit-learn's histogram gradient boosting."""
    return _histogram(graph, x, estimator)


def histogram_regressor(graph: Graph, x: str, estimator: Any) -> str:
    """scikit-learn's histogram gradient boosting."""
    return _histogram(graph, x, estimator)


def _histogram(graph: Graph, x: str, estimator: Any) -> str:
    outputs = len(estimator._predictors[0])
    forest = Forest(outputs, "BRANCH_LEQ")
    number = 0
    for round_ in estimator._predictors:
        for output, predictor in enumerate(round_):
            for node, row in enumerate(predictor.nodes):
                if row["is_leaf"]:
                    forest.end(number, node, ((output, float(row["value"])),))
                else:
                    yes, no = int(row["left"]), int(row["right"])
                    forest.split(number, node, int(row["feature_idx"]), float(row["num_threshold"]), yes, no)
            number += 1
    return _boosted(graph, x, forest, estimator, np.ravel(estimator._baseline_prediction))


# --- XGBoost ----------------------------------------------------------------------------------------------------------


def xgboost_classifier(graph: Graph, x: str, estimator: Any) -> str:
    """XGBoost's trees; the base margin is what its own margins add to them."""
    return _xgboost(graph, x, estimator)


def xgboost_regressor(graph: Graph, x: str, estimator: Any) -> str:
    """XGBoost's trees; the base margin is what its own margins add to them."""
    return _xgboost(graph, x, estimator)


def _xgboost(graph: Graph, x: str, estimator: Any) -> str:
    booster = estimator.get_booster()
    model = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]["model"]
    forest = Forest(max(model["tree_info"]) + 1, "BRANCH_LT")
    for number, (tree, output) in enumerate(zip(model["trees"], model["tree_info"], strict=True)):
        for node, (left, right) in enumerate(zip(tree["left_children"], tree["right_children"], strict=True)):
            condition = float(np.float32(tree["split_conditions"][node]))
            if left < 0:
                forest.end(number, node, ((output, condition),))
            else:
                forest.split(number, node, int(tree["split_indices"][node]), condition, left, right)
    probe = np.zeros((1, estimator.n_features_in_), dtype=np.float32)
    margins = np.ravel(estimator.predict(probe, output_margin=True)).astype(np.float64)
    return _boosted(graph, x, forest, estimator, margins - _sums(forest, probe[0]))


def _sums(forest: Forest, row: NDArray[np.float32]) -> NDArray[np.float64]:
    """Leaf weights that a row collects, followed by hand."""
    position = {key: place for place, key in enumerate(zip(forest.tree, forest.node, strict=True))}
    weights = {(tree, node): (output, weight) for tree, node, output, weight in forest.leaves}
    total = np.zeros(forest.outputs)
    for tree in sorted(set(forest.tree)):
        place = position[tree, 0]
        while not forest.leaf[place]:
            below = row[forest.column[place]] < np.float32(forest.threshold[place])
            place = position[tree, forest.yes[place] if below else forest.no[place]]
        output, weight = weights[tree, forest.node[place]]
        total[output] += np.float32(weight)
    return total


# --- LightGBM ---------------------------------------------------------------------------------------------------------


def lightgbm_classifier(graph: Graph, x: str, estimator: Any) -> str:
    """LightGBM's trees, whose first ones hold the base margin."""
    return _lightgbm(graph, x, estimator)


def lightgbm_regressor(graph: Graph, x: str, estimator: Any) -> str:
    """LightGBM's trees, whose first ones hold the base margin."""
    return _lightgbm(graph, x, estimator)


def _lightgbm(graph: Graph, x: str, estimator: Any) -> str:
    model = estimator.booster_.dump_model()
    outputs = model["num_tree_per_iteration"]
    forest = Forest(outputs, "BRANCH_LEQ")
    for number, tree in enumerate(model["tree_info"]):
        rows = list(_lightgbm_nodes(tree["tree_structure"]))
        place = {id(row): node for node, row in enumerate(rows)}
        for node, row in enumerate(rows):
            if "split_feature" in row:
                yes, no = place[id(row["left_child"])], place[id(row["right_child"])]
                forest.split(number, node, row["split_feature"], float(row["threshold"]), yes, no)
            else:
                forest.end(number, node, ((number % outputs, float(row["leaf_value"])),))
    return _boosted(graph, x, forest, estimator, np.zeros(outputs))


def _lightgbm_nodes(root: dict[str, Any]) -> Iterator[dict[str, Any]]:
    waiting = [root]
    while waiting:
        row = waiting.pop()
        yield row
        if "split_feature" in row:
            waiting += [row["right_child"], row["left_child"]]


# --- CatBoost ---------------------------------------------------------------------------------------------------------


def catboost_classifier(graph: Graph, x: str, estimator: Any) -> str:
    """CatBoost's symmetric trees, unfolded."""
    return _catboost(graph, x, estimator)


def catboost_regressor(graph: Graph, x: str, estimator: Any) -> str:
    """CatBoost's symmetric trees, unfolded."""
    return _catboost(graph, x, estimator)


def _catboost(graph: Graph, x: str, estimator: Any) -> str:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        estimator.save_model(str(path), format="json")
        model = json.loads(path.read_text(encoding="utf-8"))
    scale, base = model["scale_and_bias"]
    bias = np.atleast_1d(np.asarray(base, dtype=np.float64))
    places = [int(each["flat_feature_index"]) for each in model["features_info"]["float_features"]]
    forest = Forest(len(bias), "BRANCH_GT")
    for number, tree in enumerate(model["oblivious_trees"]):
        _unfold(forest, number, tree, places, scale)
    return _boosted(graph, x, forest, estimator, bias)


def _unfold(forest: Forest, number: int, tree: dict[str, Any], places: list[int], scale: float) -> None:
    """Nodes in level order; leaf `i` is where the answer to split `s` is bit `s` of `i`."""
    splits = tree["splits"] or []
    inner = 2 ** len(splits) - 1
    for depth, split in enumerate(reversed(splits)):
        for node in range(2**depth - 1, 2 ** (depth + 1) - 1):
            column = places[split["float_feature_index"]]
            forest.split(number, node, column, float(np.float32(split["border"])), 2 * node + 2, 2 * node + 1)
    values = np.asarray(tree["leaf_values"], dtype=np.float64).reshape(-1, forest.outputs) * scale
    for leaf, weights in enumerate(values):
        forest.end(number, inner + leaf, tuple(enumerate(weights.tolist())))
