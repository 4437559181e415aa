"""Distances to stored rows, in double precision."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.export.graph import Graph


def squared_distances(graph: Graph, wide: str, rows: NDArray[np.float64]) -> str:
    """Squared distances `(n, m)` between the rows of `wide (n, d)` and `rows (m, d)`, never below zero."""
    own = graph.op("ReduceSumSquare", wide, axes=[1], keepdims=1)
    cross = graph.affine(wide, -2.0 * rows.T, (rows**2).sum(axis=1))
    return graph.op("Max", graph.op("Add", own, cross), graph.constant([0.0]))
