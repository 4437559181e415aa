"""Numbers by their rank: a piecewise linear map of each column onto the scores of a normal distribution."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.export.graph import Graph

Matrix = NDArray[np.float32]
_KNOTS = 32
_EDGE = 0.005  # the outermost knots stand at these quantiles' scores; beyond them the map is flat


@dataclass(frozen=True)
class Warp:
    """Per column: left ends `(d, k)` of segments, one over their widths, how far each one lifts, and the value at the first end."""

    left: Matrix
    slope: Matrix
    lift: Matrix
    start: Matrix

    @classmethod
    def learnt(cls, filled: NDArray[np.float64]) -> Warp:
        """Learn from `(n, d)` without gaps; equal quantiles become one knot."""
        shares = np.linspace(_EDGE, 1 - _EDGE, _KNOTS + 1)
        scores = np.array([NormalDist().inv_cdf(float(s)) for s in shares])
        columns = filled.shape[1]
        left = np.zeros((columns, _KNOTS), dtype=np.float32)
        slope, lift = np.zeros_like(left), np.zeros_like(left)
        start = np.zeros(columns, dtype=np.float32)
        knots = np.quantile(filled, shares, axis=0).T if columns else np.zeros((0, _KNOTS + 1))
        for column, own in enumerate(knots.astype(np.float32)):
            places, which = np.unique(own, return_inverse=True)
            heights = np.bincount(which, scores) / np.bincount(which)
            start[column] = heights[0]
            if len(places) > 1:
                used = len(places) - 1
                left[column, :used] = places[:-1]
                slope[column, :used] = 1.0 / np.maximum(np.diff(places), np.finfo(np.float32).tiny)
                lift[column, :used] = np.diff(heights)
        return cls(left, slope, lift, start)

    def of(self, filled: Matrix) -> Matrix:
        """Mapped columns `(n, d)`."""
        found = np.empty(filled.shape, dtype=np.float32)
        for column in range(filled.shape[1]):
            with np.errstate(over="ignore", invalid="ignore"):
                way = (filled[:, column, None] - self.left[column]) * self.slope[column]
            found[:, column] = (np.clip(way, 0.0, 1.0) * self.lift[column]).sum(axis=1) + self.start[column]
        return found

    def write(self, graph: Graph, flow: str) -> str:
        """Append the same map."""
        wide = graph.op("Unsqueeze", flow, graph.constant([2], np.int64))
        away = graph.op("Sub", wide, graph.constant(self.left, np.float32))
        way = graph.op("Mul", away, graph.constant(self.slope, np.float32))
        low, high = graph.constant(0.0, np.float32), graph.constant(1.0, np.float32)
        lifted = graph.op("Mul", graph.op("Clip", way, low, high), graph.constant(self.lift, np.float32))
        total = graph.op("ReduceSum", lifted, graph.constant([2], np.int64), keepdims=0)
        return graph.op("Add", total, graph.constant(self.start, np.float32))
