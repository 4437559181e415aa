"""Multilayer perceptrons as matrix products in double precision."""

from __future__ import annotations

from typing import Any

import numpy as np

from ostinato.automl.export.graph import Graph

_ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh"}


def classifier(graph: Graph, x: str, estimator: Any) -> str:
    """Hidden layers, then softmax or sigmoid."""
    margins = _layers(graph, x, estimator)
    return graph.probabilities(margins, len(estimator.classes_), estimator.n_outputs_)


def regressor(graph: Graph, x: str, estimator: Any) -> str:
    """Hidden layers and a linear output; the output's scale is undone where the estimator has one."""
    return _layers(graph, x, estimator)


def _layers(graph: Graph, x: str, estimator: Any) -> str:
    flow = graph.cast(x, np.float64)
    last = len(estimator.coefs_) - 1
    for layer, (weights, offset) in enumerate(zip(estimator.coefs_, estimator.intercepts_, strict=True)):
        flow = graph.affine(flow, weights, offset)
        if layer < last:
            flow = graph.op(_ACTIVATIONS[estimator.activation], flow)
    return flow
