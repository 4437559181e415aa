"""Every tree model as one forest, decision for decision as in the library it came from, gaps included."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.export.forest import Forest
from ostinato.automl.export.graph import Graph

_MISSING_IS_ZERO = "None"  # LightGBM reads NaN as zero in a column that had no gaps in training


def boosted(graph: Graph, x: str, forest: Forest, estimator: Any, base: NDArray[np.float64]) -> str:
    """The sums of a forest on top of base margins `(outputs,)`, as probabilities where the estimator classifies."""
    margins = graph.op("Add", forest.write(graph, x), graph.constant(base, np.float32))
    if hasattr(estimator, "predict_proba"):
        return graph.probabilities(margins, len(estimator.classes_), forest.outputs)
    return margins


# --- scikit-learn -----------------------------------------------------------------------------------------------------


def sklearn_classifier(graph: Graph, x: str, estimator: Any) -> str:
    """A decision tree, or a forest that averages the shares of classes."""
    return averaged(_members(estimator), len(estimator.classes_), shares=True).write(graph, x)


def sklearn_regressor(graph: Graph, x: str, estimator: Any) -> str:
    """A decision tree, or a forest that averages values."""
    return averaged(_members(estimator), 1, shares=False).write(graph, x)


def _members(estimator: Any) -> list[Any]:
    return [each.tree_ for each in getattr(estimator, "estimators_", [estimator])]


def averaged(trees: list[Any], outputs: int, *, shares: bool) -> Forest:
    """The mean of scikit-learn's low-level trees; `shares` where their values are counts of classes."""
    forest = Forest(outputs, "BRANCH_LEQ")
    for tree in trees:
        values = tree.value[:, 0, :]
        if shares:
            values = values / values.sum(axis=1, keepdims=True)
        left, right = tree.children_left, tree.children_right
        missing = np.asarray(tree.missing_go_to_left, dtype=bool)
        forest.grow(tree.feature, tree.threshold, left, right, left < 0, values / len(trees), missing)
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
    for round_ in estimator._predictors:
        for output, predictor in enumerate(round_):
            rows = predictor.nodes
            weights = np.zeros((len(rows), outputs))
            weights[:, output] = rows["value"]
            forest.grow(
                rows["feature_idx"],
                rows["num_threshold"],
                rows["left"],
                rows["right"],
                rows["is_leaf"],
                weights,
                rows["missing_go_to_left"],
            )
    return boosted(graph, x, forest, estimator, np.ravel(estimator._baseline_prediction))


# --- XGBoost ----------------------------------------------------------------------------------------------------------


def xgboost_classifier(graph: Graph, x: str, estimator: Any) -> str:
    """XGBoost's trees; the base margin is what its own margins add to them."""
    return _xgboost(graph, x, estimator)


def xgboost_regressor(graph: Graph, x: str, estimator: Any) -> str:
    """XGBoost's trees; the base margin is what its own margins add to them."""
    return _xgboost(graph, x, estimator)


def _xgboost(graph: Graph, x: str, estimator: Any) -> str:
    booster = estimator.get_booster()
    model = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]
    # DART keeps its trees one level further down, and beside them what each one weighs
    drops = model.get("weight_drop")
    model = model.get("gbtree", model)["model"]
    outputs = max(model["tree_info"]) + 1
    kept = len(model["trees"]) if (best := _best_round(estimator)) is None else (best + 1) * outputs
    forest = Forest(outputs, "BRANCH_LT")
    for number, (tree, output) in enumerate(zip(model["trees"][:kept], model["tree_info"][:kept], strict=True)):
        left = np.asarray(tree["left_children"])
        conditions = np.asarray(tree["split_conditions"], dtype=np.float32).astype(np.float64)
        weights = np.zeros((len(left), outputs))
        weights[:, output] = conditions * (1.0 if drops is None else drops[number])
        missing = np.asarray(tree["default_left"], dtype=bool)
        forest.grow(tree["split_indices"], conditions, left, tree["right_children"], left < 0, weights, missing)
    probe = np.zeros((1, estimator.n_features_in_), dtype=np.float32)
    margins = np.ravel(estimator.predict(probe, output_margin=True)).astype(np.float64)
    return boosted(graph, x, forest, estimator, margins - forest.sums(probe[0]))


def _best_round(estimator: Any) -> int | None:
    return estimator.best_iteration if getattr(estimator, "early_stopping_rounds", None) else None


def xgboost_linear_classifier(graph: Graph, x: str, estimator: Any) -> str:
    """XGBoost's linear booster."""
    return graph.probabilities(*_linear_margins(graph, x, estimator, len(estimator.classes_)))


def xgboost_linear_regressor(graph: Graph, x: str, estimator: Any) -> str:
    """XGBoost's linear booster."""
    return _linear_margins(graph, x, estimator, 1)[0]


def _linear_margins(graph: Graph, x: str, estimator: Any, classes: int) -> tuple[str, int, int]:
    columns = estimator.n_features_in_
    booster = json.loads(bytes(estimator.get_booster().save_raw("json")))["learner"]["gradient_booster"]
    table = np.asarray(booster["model"]["weights"], dtype=np.float64)
    outputs = len(table) // (columns + 1)
    weights = table[: columns * outputs].reshape(columns, outputs)
    probe = np.zeros((1, columns), dtype=np.float32)
    base = np.ravel(estimator.predict(probe, output_margin=True)).astype(np.float64)
    return graph.affine(graph.cast(x, np.float64), weights, base), classes, outputs


# --- LightGBM ---------------------------------------------------------------------------------------------------------


def lightgbm_classifier(graph: Graph, x: str, estimator: Any) -> str:
    """LightGBM's trees, whose first ones hold the base margin."""
    return _lightgbm(graph, x, estimator)


def lightgbm_regressor(graph: Graph, x: str, estimator: Any) -> str:
    """LightGBM's trees, whose first ones hold the base margin."""
    return _lightgbm(graph, x, estimator)


def _lightgbm(graph: Graph, x: str, estimator: Any) -> str:
    booster = estimator.booster_
    rounds = booster.best_iteration if booster.best_iteration > 0 else None
    model = booster.dump_model(num_iteration=rounds)
    outputs = model["num_tree_per_iteration"]
    forest = Forest(outputs, "BRANCH_LEQ")
    for number, tree in enumerate(model["tree_info"]):
        rows = list(_lightgbm_nodes(tree["tree_structure"]))
        place = {id(row): node for node, row in enumerate(rows)}
        inner = [(row, place[id(row["left_child"])], place[id(row["right_child"])]) for row in rows if _splits(row)]
        at = np.array([place[id(row)] for row, _, _ in inner], dtype=np.int64)
        column, yes, no = (np.zeros(len(rows), dtype=np.int64) for _ in range(3))
        threshold, missing = np.zeros(len(rows)), np.zeros(len(rows), dtype=bool)
        leaf = np.ones(len(rows), dtype=bool)
        if inner:
            column[at] = [row["split_feature"] for row, _, _ in inner]
            threshold[at] = [float(row["threshold"]) for row, _, _ in inner]
            yes[at], no[at] = [y for _, y, _ in inner], [n for _, _, n in inner]
            missing[at] = [
                float(row["threshold"]) >= 0 if row["missing_type"] == _MISSING_IS_ZERO else row["default_left"]
                for row, _, _ in inner
            ]
            leaf[at] = False
        weights = np.zeros((len(rows), outputs))
        weights[:, number % outputs] = [0.0 if _splits(row) else float(row["leaf_value"]) for row in rows]
        forest.grow(column, threshold, yes, no, leaf, weights, missing)
    return boosted(graph, x, forest, estimator, np.zeros(outputs))


def _splits(row: dict[str, Any]) -> bool:
    return "split_feature" in row


def _lightgbm_nodes(root: dict[str, Any]) -> Iterator[dict[str, Any]]:
    waiting = [root]
    while waiting:
        row = waiting.pop()
        yield row
        if _splits(row):
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
    floats = model["features_info"].get("float_features", [])
    places = [int(each["flat_feature_index"]) for each in floats]
    gaps_pass = [each.get("nan_value_treatment") == "AsTrue" for each in floats]
    forest = Forest(len(bias), "BRANCH_GT")
    for tree in model["oblivious_trees"]:
        _unfold(forest, tree, places, gaps_pass, scale)
    return boosted(graph, x, forest, estimator, bias)


def _unfold(forest: Forest, tree: dict[str, Any], places: list[int], gaps_pass: list[bool], scale: float) -> None:
    """Nodes in level order; leaf `i` is where the answer to split `s` is bit `s` of `i`."""
    splits = tree["splits"] or []
    inner = 2 ** len(splits) - 1
    nodes = np.arange(2 * inner + 1)
    at = [len(splits) - 1 - int(depth) for depth in np.floor(np.log2(np.arange(1, inner + 1)))]
    columns, borders, missing = np.zeros(len(nodes), np.int64), np.zeros(len(nodes)), np.zeros(len(nodes), bool)
    columns[:inner] = [places[splits[s]["float_feature_index"]] for s in at]
    borders[:inner] = [float(np.float32(splits[s]["border"])) for s in at]
    missing[:inner] = [gaps_pass[splits[s]["float_feature_index"]] for s in at]
    weights = np.zeros((len(nodes), forest.outputs))
    weights[inner:] = np.asarray(tree["leaf_values"], dtype=np.float64).reshape(-1, forest.outputs) * scale
    forest.grow(columns, borders, 2 * nodes + 2, 2 * nodes + 1, nodes >= inner, weights, missing)
