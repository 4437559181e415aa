"""Many ONNX models of one input as one: equal parts once, forests of one kind fused, outputs weighted, tempered and summed.

A bag of boosted trees is averaged before its softmax (or sigmoid), so that its forests become one operator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.export.graph import Graph

_TREES = "TreeEnsembleRegressor"
_NODES = ("nodes_treeids", "target_treeids")
_LISTS = (
    "nodes_nodeids",
    "nodes_featureids",
    "nodes_values",
    "nodes_modes",
    "nodes_truenodeids",
    "nodes_falsenodeids",
    "target_nodeids",
    "target_ids",
)


@dataclass(frozen=True)
class Part:
    """One member of the vote: the models of its bag (one, where it was fitted on all rows) and its weight."""

    weight: float
    models: tuple[bytes, ...]


def merged(parts: Sequence[Part], columns: int, outputs: int, *, temperature: float = 1.0, classes: bool) -> bytes:
    """One model with input `X (n, columns)` and output `Y (n, outputs)`; `classes` where its rows are to sum to one."""
    graph = Graph()
    total = ""
    for part in parts:
        scores = _bag(graph, part.models)
        wide = graph.cast(scores, np.float64)
        weighted = wide if part.weight == 1.0 else graph.op("Mul", wide, graph.constant([part.weight]))
        total = weighted if not total else graph.op("Add", total, weighted)
    if classes:
        total = _normalised(graph, total, temperature)
    return graph.model(total, columns, outputs)


def fuses(models: Sequence[bytes]) -> bool:
    """Whether the forests of a bag become one, and so its margins and not its probabilities are averaged."""
    import onnx

    return len(models) > 1 and _fused([onnx.load_from_string(content).graph for content in models]) is not None


def _normalised(graph: Graph, votes: str, temperature: float) -> str:
    if temperature != 1.0:
        safe = graph.op("Max", votes, graph.constant([1e-15]))
        cooled = graph.op("Mul", graph.op("Log", safe), graph.constant([1.0 / temperature]))
        return graph.op("Softmax", cooled, axis=1)
    shares = graph.op("ReduceSum", votes, graph.constant([1], np.int64), keepdims=1)
    return graph.op("Div", votes, shares)


def _bag(graph: Graph, models: Sequence[bytes]) -> str:
    import onnx

    loaded = [onnx.load_from_string(content).graph for content in models]
    if len(loaded) > 1 and (fused := _fused(loaded)) is not None:
        return _copied(graph, fused)
    outputs = [graph.cast(_copied(graph, each), np.float64) for each in loaded]
    total = outputs[0]
    for other in outputs[1:]:
        total = graph.op("Add", total, other)
    return total if len(outputs) == 1 else graph.op("Mul", total, graph.constant([1.0 / len(outputs)]))


def _copied(graph: Graph, own: Any) -> str:
    """Append a model's nodes, what is there already not a second time; returns its output."""
    from onnx import helper, numpy_helper

    names = {"X": "X"}
    for each in own.initializer:
        array = numpy_helper.to_array(each)
        names[each.name] = graph.constant(array, array.dtype)
    for node in own.node:
        attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        inputs = [names[name] for name in node.input]
        first = graph.op(node.op_type, *inputs, domain=node.domain, more=len(node.output) - 1, **attributes)
        names[node.output[0]] = first
        for place, name in enumerate(node.output[1:], start=1):
            names[name] = graph.further(first, place)
    return names[own.output[0].name]


def _fused(models: Sequence[Any]) -> Any | None:
    """The first model with the mean of all their forests and base margins; None where they differ in anything else."""
    from onnx import numpy_helper

    first = models[0]
    kinds = [node.op_type for node in first.node]
    if kinds.count(_TREES) != 1 or any([node.op_type for node in each.node] != kinds for each in models[1:]):
        return None
    at = kinds.index(_TREES)
    base = _base_of(first, at)
    constants = [{c.name: numpy_helper.to_array(c) for c in each.initializer} for each in models]
    bases = [_base_of(each, at) for each in models]
    for own, name in zip(constants, bases, strict=True):
        if _rest(own, name) != _rest(constants[0], base):
            return None
    trees = [_lists(each.node[at]) for each in models]
    whole = type(first)()
    whole.CopyFrom(first)
    _write_forest(whole.node[at], trees)
    if base is not None:
        stacked = np.stack([own[str(name)] for own, name in zip(constants, bases, strict=True)])
        values: NDArray[Any] = stacked.astype(np.float64).mean(axis=0)
        place = next(i for i, each in enumerate(whole.initializer) if each.name == base)
        whole.initializer[place].CopyFrom(numpy_helper.from_array(values.astype(constants[0][base].dtype), base))
    return whole


def _base_of(model: Any, at: int) -> str | None:
    """The name of what is added to the forest's sums at once."""
    if at + 1 < len(model.node) and model.node[at + 1].op_type == "Add":
        after = model.node[at + 1]
        constants = {each.name for each in model.initializer}
        if after.input[0] == model.node[at].output[0] and after.input[1] in constants:
            return str(after.input[1])
    return None


def _rest(constants: dict[str, NDArray[Any]], base: str | None) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    return {name: (value.dtype.str, value.shape, value.tobytes()) for name, value in constants.items() if name != base}


def _lists(node: Any) -> dict[str, Any]:
    from onnx import helper

    return {each.name: helper.get_attribute_value(each) for each in node.attribute}


def _write_forest(node: Any, trees: Sequence[dict[str, Any]]) -> None:
    from onnx import helper

    whole = dict(trees[0])
    ends = np.concatenate([[0], np.cumsum([max(each["nodes_treeids"]) + 1 for each in trees])])
    for name in _NODES:
        whole[name] = [int(v + end) for each, end in zip(trees, ends[:-1], strict=True) for v in each[name]]
    for name in _LISTS:
        whole[name] = [value for each in trees for value in each[name]]
    whole["target_weights"] = [value / len(trees) for each in trees for value in each["target_weights"]]
    missing = "nodes_missing_value_tracks_true"
    if any(missing in each for each in trees):
        whole[missing] = [v for each in trees for v in each.get(missing, [0] * len(each["nodes_treeids"]))]
    del node.attribute[:]
    node.attribute.extend(helper.make_attribute(name, value) for name, value in whole.items())
