"""What a model will cost in service, read off its graph: the same figure on every machine, for choosing among models.

What a shipped artefact really costs is measured on it later. The unit costs were fitted to ONNX Runtime on one core.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_VISIT_US = 0.0028  # of one tree node in a batch
_PRODUCT_US = 0.00012  # of one multiply-add of a matrix product in double precision
_ELEMENT_US = 0.0006  # of one element of any other operator
_GATHER_US = 0.006  # of one element that is looked up
_DEAR = {
    "Exp": 6.0,
    "Log": 6.0,
    "Tanh": 6.0,
    "Sigmoid": 4.0,
    "Softmax": 6.0,
    "TopK": 8.0,
    "Sqrt": 2.0,
    "Erf": 8.0,
    "Cos": 40.0,
    "Sin": 40.0,
}


def cost_of(content: bytes) -> tuple[float, float]:
    """Microseconds a row in a batch on one core, and bytes, of an ONNX model."""
    import onnx

    graph = onnx.load_from_string(content).graph
    shapes = {each.name: tuple(each.dims) for each in graph.initializer}
    width = {each.name: each.type.tensor_type.shape.dim[-1].dim_value for each in graph.input}
    total = 0.0
    for node in graph.node:
        constants = [shapes[name] for name in node.input if name in shapes]
        flows = [width.get(name, 1) for name in node.input if name not in shapes]
        elements = max([*flows, *(math.prod(shape) for shape in constants)], default=1)
        match node.op_type:
            case "TreeEnsembleRegressor":
                total += _VISIT_US * _visits(node)
                elements = _outputs(node)
            case "MatMul" | "Gemm":
                total += _PRODUCT_US * max((math.prod(shape) for shape in constants), default=0)
                elements = max((shape[-1] for shape in constants if shape), default=elements)
            case "Gather":
                elements = _gathered(node, shapes, width)
                total += _GATHER_US * elements
            case "ReduceSum" | "ReduceMean" | "ReduceSumSquare":
                total += _ELEMENT_US * elements
                elements = 1
            case kind:
                total += _ELEMENT_US * elements * _DEAR.get(kind, 1.0)
                elements = sum(flows) if kind == "Concat" else elements
        for name in node.output:
            width[name] = elements
    return total, float(len(content))


def _gathered(node: Any, shapes: dict[str, tuple[int, ...]], width: dict[str, int]) -> int:
    table, index = node.input[0], node.input[1]
    if table in shapes:  # rows of a table by what flows in
        return width.get(index, 1) * math.prod(shapes[table][1:])
    return math.prod(shapes.get(index, (1,)))


def _outputs(node: Any) -> int:
    return int(next((each.i for each in node.attribute if each.name == "n_targets"), 1))


def _visits(node: Any) -> float:
    """Nodes that a row passes on the average, if every leaf of a tree were as likely as its depth makes it."""
    found = {each.name: each for each in node.attribute}
    trees = np.asarray(found["nodes_treeids"].ints)
    leaf = np.array([mode == b"LEAF" for mode in found["nodes_modes"].strings])
    leaves = np.bincount(trees[leaf], minlength=int(trees.max()) + 1)
    # skewed trees are deeper than balanced ones; a third more is what boosting's trees show on the average
    return float((np.log2(np.maximum(leaves, 1)) * 1.3 + 1.0).sum())
