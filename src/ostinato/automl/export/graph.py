"""A small writer of ONNX graphs with counted names, so that equal models give equal bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

OPSET = 17
ML_OPSET = 3
IR_VERSION = 9
ML = "ai.onnx.ml"


class Graph:
    """Nodes and constants in the order in which they are added.

    >>> graph = Graph()
    >>> doubled = graph.op("Mul", "X", graph.constant([2.0], np.float32))
    >>> len(graph.model(doubled, columns=3, outputs=3)) > 0
    True
    """

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self._known: dict[tuple[Any, ...], str] = {}

    def constant(self, value: ArrayLike, dtype: Any = np.float64) -> str:
        """Add an array; returns its name, an earlier one where the same array is there already."""
        from onnx import numpy_helper

        array = np.asarray(value, dtype=dtype)
        key = "constant", array.dtype.str, array.shape, array.tobytes()
        if key not in self._known:
            name = self._known[key] = f"c{len(self.initializers)}"
            # ascontiguousarray would make a scalar a vector
            self.initializers.append(numpy_helper.from_array(array.copy(order="C"), name))
        return self._known[key]

    def op(self, kind: str, *inputs: str, domain: str = "", more: int = 0, **attributes: Any) -> str:
        """Add a node with one output and `more`; returns the first one's name, an earlier node's where it is the same."""
        from onnx import helper

        name = f"n{len(self.nodes)}"
        outputs = [name, *(self.further(name, place) for place in range(1, more + 1))]
        node = helper.make_node(kind, list(inputs), outputs, domain=domain, **attributes)
        key = kind, domain, inputs, b"".join(each.SerializeToString(deterministic=True) for each in node.attribute)
        if key not in self._known:
            node.name = self._known[key] = name
            self.nodes.append(node)
        return self._known[key]

    @staticmethod
    def further(name: str, place: int) -> str:
        """The name of a further output of a node, from its first one's."""
        return f"{name}_{place}"

    def cast(self, name: str, dtype: Any) -> str:
        """Cast to a NumPy type."""
        from onnx import helper

        return self.op("Cast", name, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def gather(self, x: str, columns: NDArray[np.int64]) -> str:
        """The named columns of `x (n, d)`, in their order."""
        return self.op("Gather", x, self.constant(columns, np.int64), axis=1)

    def affine(self, x: str, weights: NDArray[Any], offset: ArrayLike) -> str:
        """`x @ weights + offset` in double precision; `weights (d, k)`."""
        return self.op("Add", self.op("MatMul", x, self.constant(weights)), self.constant(offset))

    def probabilities(self, margins: str, n_classes: int, columns: int) -> str:
        """Softmax of margins `(n, n_classes)`, or the sigmoid of one margin `(n, 1)` for the second of two classes."""
        if columns == n_classes:
            return self.op("Softmax", margins, axis=1)
        second = self.op("Sigmoid", margins)
        first = self.op("Sigmoid", self.op("Neg", margins))
        return self.op("Concat", first, second, axis=1)

    def model(self, output: str, columns: int, outputs: int) -> bytes:
        """The serialised model: input `X (n, columns)` float32, output `Y (n, outputs)` float64."""
        from onnx import TensorProto, checker, helper

        self.nodes.append(helper.make_node("Cast", [output], ["Y"], name="last", to=TensorProto.DOUBLE))
        graph = helper.make_graph(
            self.nodes,
            "model",
            [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, columns])],
            [helper.make_tensor_value_info("Y", TensorProto.DOUBLE, [None, outputs])],
            self.initializers,
        )
        model = helper.make_model(
            graph,
            producer_name="ostinato",
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)],
        )
        checker.check_model(model)
        content: bytes = model.SerializeToString(deterministic=True)
        return content
