"""The fitted blocks as one ONNX graph: an input a column, one output `(n, k)` in double precision.

A column of numbers is an input `(n, 1)` of doubles with NaN for gaps, one of dates likewise, in seconds since 1970 UTC. A column of
categories is an input `(n, 1)` of strings, a number among them written as it is compared ("3", not "3.0"), and "" for gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ostinato.core.errors import UsageError

if TYPE_CHECKING:
    from ostinato.preprocess.transform.block import Block

Array = NDArray[np.float64]
OPSET, ML_OPSET, IR_VERSION = 20, 3, 9
_ML = "ai.onnx.ml"
_GAP, _AND = "∅", " × "
_PREFIX = "ostinato/"  # no column is called so
# Wichura, Algorithm AS 241: the percentage points of the normal distribution, 1988; PPND16, relative error below 1e-16
_CENTRAL = (
    (3.3871328727963666080, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125, 45921.953931549871457,
     67265.770927008700853, 33430.575583588128105, 2509.0809287301226727),
    (1.0, 42.313330701600911252, 687.18700749205790830, 5394.1960214247511077, 21213.794301586595867, 39307.895800092710610,
     28729.085735721942674, 5226.4952788528545610),
)  # fmt: skip
_NEAR = (
    (1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504, 1.27045825245236838258,
     0.241780725177450611770, 0.0227238449892691845833, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187, 1.67638483018380384940, 0.689767334985100004550, 0.148103976427480074590,
     0.0151986665636164571966, 5.47593808499534494600e-4, 1.05075007164441684324e-9),
)  # fmt: skip
_FAR = (
    (6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580, 0.296560571828504891230, 0.0265321895265761230930,
     0.00124266094738807843860, 2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (1.0, 0.599832206555887937690, 0.136929880922735805310, 0.0148753612908506148525, 7.86869131145613259100e-4,
     1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15),
)  # fmt: skip


class Graph:
    """Nodes, constants and inputs in the order in which they are asked for."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.inputs: dict[str, Any] = {}

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node; returns its output."""
        from onnx import helper

        name = f"{_PREFIX}n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, domain=domain, **attributes))
        return name

    def constant(self, value: ArrayLike, dtype: Any = np.float64) -> str:
        """Add an array; returns its name."""
        from onnx import numpy_helper

        name = f"{_PREFIX}c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(value, dtype=dtype).copy(order="C"), name))
        return name

    def number(self, column: str) -> str:
        """The input `(n, 1)` of a column of numbers."""
        return self._input(column, words=False)

    def places(self, columns: Sequence[str], levels: Sequence[str], unseen: int, missing: int) -> str:
        """The place `(n,)` of each row's level, or of the combination of several columns."""
        found = self._input(columns[0], words=True)
        if len(columns) > 1:
            found = self._named(found)
            for column in columns[1:]:
                found = self.op(
                    "StringConcat",
                    self.op("StringConcat", found, self._words(_AND)),
                    self._named(self._input(column, words=True)),
                )
        keys, values = list(levels), list(range(len(levels)))
        if "" not in levels and len(columns) == 1:
            keys, values = [*keys, ""], [*values, missing]
        place = (
            self.op("LabelEncoder", found, domain=_ML, keys_strings=keys, values_int64s=values, default_int64=unseen)
            if keys
            else self.op(
                "Cast",
                self.op(
                    "Where", self.op("Equal", found, found), self.constant(float(unseen)), self.constant(float(unseen))
                ),
                to=7,
            )
        )
        return self.op("Reshape", place, self.constant([-1], np.int64))

    def column(self, name: str) -> str:
        """A vector `(n,)` as `(n, 1)`."""
        return self.op("Reshape", name, self.constant([-1, 1], np.int64))

    def gathered(self, x: str, place: int) -> str:
        """One column `(n, 1)` of a matrix."""
        return self.op("Gather", x, self.constant([place], np.int64), axis=1)

    def log1p(self, x: str) -> str:
        """log(1 + x) for x ≥ 0."""
        return self.op("Log", self.op("Add", x, self.constant(1.0)))

    def powered(self, x: str, power: float) -> str:
        """((1 + x)^power - 1) / power for x ≥ 0, and its limit at 0."""
        if abs(power) < np.spacing(1.0):
            return self.log1p(x)
        raised = self.op("Exp", self.op("Mul", self.log1p(x), self.constant(power)))
        return self.op("Div", self.op("Sub", raised, self.constant(1.0)), self.constant(power))

    def interpolated(self, x: str, points: Array, values: Array) -> str:
        """`numpy.interp(x, points, values)` for `x (n, 1)` within the points, which may repeat."""
        # as in numpy: the last point that is not above x begins the segment
        below = self.op("Cast", self.op("GreaterOrEqual", x, self.constant(points)), to=7)
        place = self.op(
            "Sub", self.op("ReduceSum", below, self.constant([1], np.int64), keepdims=1), self.constant(1, np.int64)
        )
        place = self.op(
            "Max", self.op("Min", place, self.constant(len(points) - 2, np.int64)), self.constant(0, np.int64)
        )
        step = np.diff(points)
        slope = np.where(step > 0, np.diff(values) / np.where(step > 0, step, 1.0), 0.0)
        start, base = (self.op("Gather", self.constant(own[:-1]), place) for own in (points, values))
        tilt = self.op("Gather", self.constant(slope), place)
        inside = self.op("Add", base, self.op("Mul", tilt, self.op("Sub", x, start)))
        # at the last point itself the last value, also where the last segment has no length
        return self.op(
            "Where", self.op("GreaterOrEqual", x, self.constant(points[-1])), self.constant(values[-1]), inside
        )

    def normal_quantile(self, p: str) -> str:
        """The normal variable below which a share `p` within 0 … 1 lies."""
        q = self.op("Sub", p, self.constant(0.5))
        r = self.op("Sub", self.constant(0.180625), self.op("Mul", q, q))
        central = self.op("Mul", q, self._ratio(r, _CENTRAL))
        tail = self.op("Min", p, self.op("Sub", self.constant(1.0), p))
        r = self.op("Sqrt", self.op("Neg", self.op("Log", tail)))
        near = self._ratio(self.op("Sub", r, self.constant(1.6)), _NEAR)
        far = self._ratio(self.op("Sub", r, self.constant(5.0)), _FAR)
        outer = self.op(
            "Mul", self.op("Sign", q), self.op("Where", self.op("LessOrEqual", r, self.constant(5.0)), near, far)
        )
        inner = self.op("LessOrEqual", self.op("Abs", q), self.constant(0.425))
        return self.op("Where", inner, central, outer)

    def model(self, output: str, width: int) -> bytes:
        """The serialised model with the output `Y (n, width)`."""
        from onnx import TensorProto, checker, helper

        self.nodes.append(helper.make_node("Identity", [output], ["Y"], name=f"{_PREFIX}last"))
        graph = helper.make_graph(
            self.nodes,
            "transformer",
            list(self.inputs.values()),
            [helper.make_tensor_value_info("Y", TensorProto.DOUBLE, [None, width])],
            self.initializers,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(_ML, ML_OPSET)]
        model = helper.make_model(graph, producer_name="ostinato", ir_version=IR_VERSION, opset_imports=opsets)
        checker.check_model(model)
        content: bytes = model.SerializeToString(deterministic=True)
        return content

    def _ratio(self, r: str, coefficients: tuple[tuple[float, ...], tuple[float, ...]]) -> str:
        above, below = (self._polynomial(r, each) for each in coefficients)
        return self.op("Div", above, below)

    def _polynomial(self, r: str, coefficients: tuple[float, ...]) -> str:
        found = self.constant(coefficients[-1])
        for each in reversed(coefficients[:-1]):
            found = self.op("Add", self.op("Mul", found, r), self.constant(each))
        return found

    def _input(self, column: str, *, words: bool) -> str:
        from onnx import TensorProto, helper

        kind = TensorProto.STRING if words else TensorProto.DOUBLE
        if column in ("Y",) or column.startswith(_PREFIX):
            raise UsageError(f"column {column!r} has a name that the graph needs for itself; rename it")
        own = helper.make_tensor_value_info(column, kind, [None, 1])
        if self.inputs.setdefault(column, own) != own:
            raise UsageError(
                f"column {column!r} is taken as numbers and as categories, and an input of ONNX has one type; "
                "copy the column under another name, or export with partial=True"
            )
        return column

    def _words(self, text: str) -> str:
        from onnx import TensorProto, helper

        name = f"{_PREFIX}c{len(self.initializers)}"
        self.initializers.append(helper.make_tensor(name, TensorProto.STRING, [1], [text.encode()]))
        return name

    def _named(self, x: str) -> str:
        return self.op("Where", self.op("Equal", x, self._words("")), self._words(_GAP), x)


def exported(blocks: Sequence[Block], *, partial: bool) -> tuple[bytes, list[str], list[str]]:
    """The model, the names of its columns in order, and with `partial` what was left out."""
    graph = Graph()
    found: list[str] = []
    names: list[str] = []
    left: list[str] = []
    for block in blocks:
        before = len(graph.nodes), len(graph.initializers), dict(graph.inputs)
        try:
            found.append(block.write(graph))
            names.extend(block.names)
        except UsageError as error:
            if not partial:
                raise
            left.append(str(error).split(";")[0])
            del graph.nodes[before[0] :], graph.initializers[before[1] :]
            graph.inputs = before[2]
    if not names:
        raise UsageError("no column can be written as ONNX\n" + "\n".join(f"  - {each}" for each in left))
    return graph.model(graph.op("Concat", *found, axis=1), len(names)), names, left
