"""What every model sees: gaps filled with medians and, for those that need it, standardised columns, in float32.

The same float32 arithmetic runs here and in the ONNX graph, so a tree gets bit for bit the same inputs in both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.export.graph import Graph

Matrix = NDArray[np.float32]
FARTHEST = 8.0  # standard deviations; a column that was nearly constant in training cannot explode later


@dataclass(frozen=True)
class Preparation:
    """Medians `(d,)` for what is not finite; means and deviations `(d,)` where columns are standardised."""

    median: Matrix
    mean: Matrix | None = None
    deviation: Matrix | None = None

    @classmethod
    def learnt(cls, X: Matrix, *, scaled: bool) -> Self:
        """Learn from `X (n, d)`; a column without any finite value is filled with zero."""
        finite = np.where(np.isfinite(X), X, np.nan).astype(np.float64)
        empty = np.isnan(finite).all(axis=0)
        median = np.zeros(X.shape[1])
        median[~empty] = np.nanmedian(finite[:, ~empty], axis=0)
        if not scaled:
            return cls(median.astype(np.float32))
        filled = np.where(np.isnan(finite), median, finite)
        deviation = filled.std(axis=0)
        deviation[deviation < 1e-9 * np.maximum(1.0, np.abs(filled).max(axis=0))] = 1.0
        return cls(median.astype(np.float32), filled.mean(axis=0).astype(np.float32), deviation.astype(np.float32))

    def apply(self, X: Matrix) -> Matrix:
        """Prepared rows `(n, d)`; `X` is left alone."""
        filled = np.where(np.isfinite(X), X, self.median).astype(np.float32)
        if self.mean is None or self.deviation is None:
            return filled
        scaled: Matrix = np.clip((filled - self.mean) / self.deviation, -FARTHEST, FARTHEST).astype(np.float32)
        return scaled

    def write(self, graph: Graph, x: str) -> str:
        """Append the same operations to a graph."""
        # infinity minus itself is no number, so one test finds every value that is not finite
        finite = graph.op("Not", graph.op("IsNaN", graph.op("Sub", x, x)))
        flow = graph.op("Where", finite, x, graph.constant(self.median, np.float32))
        if self.mean is None or self.deviation is None:
            return flow
        centred = graph.op("Sub", flow, graph.constant(self.mean, np.float32))
        flow = graph.op("Div", centred, graph.constant(self.deviation, np.float32))
        low, high = graph.constant(-FARTHEST, np.float32), graph.constant(FARTHEST, np.float32)
        return graph.op("Clip", flow, low, high)
