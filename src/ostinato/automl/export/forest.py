"""The nodes of many trees as one table, which becomes one ONNX operator.

ONNX compares in float32. A threshold in double precision is rounded towards the side on which a float32 input would fall:
`x <= t` holds for a float32 `x` exactly when `x <= t` rounded down does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ostinato.automl.export.graph import ML, Graph

Mode = Literal["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GT"]


@dataclass(frozen=True)
class Tree:
    """Nodes of one tree, the root first: `(m,)` each; `weights (m, outputs)` count where `leaf` holds."""

    column: NDArray[np.int64]
    threshold: NDArray[np.float64]
    yes: NDArray[np.int64]  # where a row goes whose value passes the test
    no: NDArray[np.int64]
    leaf: NDArray[np.bool_]
    weights: NDArray[np.float64]
    missing_yes: NDArray[np.bool_]  # whether NaN passes the test


@dataclass
class Forest:
    """Trees whose leaf weights add up to `outputs` sums."""

    outputs: int
    mode: Mode
    trees: list[Tree] = field(default_factory=list)

    def grow(
        self,
        column: ArrayLike,
        threshold: ArrayLike,
        yes: ArrayLike,
        no: ArrayLike,
        leaf: ArrayLike,
        weights: ArrayLike,
        missing_yes: ArrayLike | None = None,
    ) -> None:
        """Add a tree of `m` nodes; `weights` are `(m, outputs)`, and NaN fails every test unless `missing_yes (m,)` says so."""
        ends = np.asarray(leaf, dtype=bool)
        values = np.asarray(weights, dtype=np.float64).reshape(len(ends), self.outputs)
        lost = np.zeros(len(ends), dtype=bool) if missing_yes is None else np.asarray(missing_yes, dtype=bool)

        def inner(given: ArrayLike, dtype: Any) -> NDArray[Any]:
            return np.where(ends, 0, np.asarray(given)).astype(dtype)

        self.trees.append(
            Tree(
                inner(column, np.int64),
                inner(threshold, np.float64),
                inner(yes, np.int64),
                inner(no, np.int64),
                ends,
                values,
                lost & ~ends,
            )
        )

    def write(self, graph: Graph, x: str) -> str:
        """Append the operator; returns sums of leaf weights `(n, outputs)`."""
        sizes = [len(tree.leaf) for tree in self.trees]
        numbers = np.repeat(np.arange(len(sizes)), sizes)
        nodes = np.concatenate([np.arange(size) for size in sizes])
        leaf = np.concatenate([tree.leaf for tree in self.trees])
        weights = np.concatenate([tree.weights for tree in self.trees])
        told = weights != 0.0
        told[:, 0] |= ~told.any(axis=1)  # a leaf without any weight has to stand in the table too
        row, output = np.nonzero(told & leaf[:, None])
        missing = np.concatenate([tree.missing_yes for tree in self.trees])
        lost = {"nodes_missing_value_tracks_true": missing.astype(np.int64).tolist()} if missing.any() else {}
        return graph.op(
            "TreeEnsembleRegressor",
            x,
            domain=ML,
            n_targets=self.outputs,
            aggregate_function="SUM",
            post_transform="NONE",
            nodes_treeids=numbers.tolist(),
            nodes_nodeids=nodes.tolist(),
            nodes_featureids=np.concatenate([tree.column for tree in self.trees]).tolist(),
            nodes_values=_downwards(np.concatenate([tree.threshold for tree in self.trees])).astype(float).tolist(),
            nodes_modes=np.where(leaf, "LEAF", self.mode).tolist(),
            nodes_truenodeids=np.concatenate([tree.yes for tree in self.trees]).tolist(),
            nodes_falsenodeids=np.concatenate([tree.no for tree in self.trees]).tolist(),
            target_treeids=numbers[row].tolist(),
            target_nodeids=nodes[row].tolist(),
            target_ids=output.tolist(),
            target_weights=weights[row, output].tolist(),
            **lost,
        )

    def sums(self, row: NDArray[np.float32]) -> NDArray[np.float64]:
        """Leaf weights that one row `(d,)` collects, followed by hand; the row has no gaps."""
        total = np.zeros(self.outputs)
        for tree in self.trees:
            place = 0
            while not tree.leaf[place]:
                value, bound = row[tree.column[place]], np.float32(tree.threshold[place])
                passed = {"BRANCH_LEQ": value <= bound, "BRANCH_LT": value < bound, "BRANCH_GT": value > bound}
                place = tree.yes[place] if passed[self.mode] else tree.no[place]
            total += tree.weights[place].astype(np.float32)
        return total


def _downwards(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        near = thresholds.astype(np.float32)
    return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near).astype(np.float32)
