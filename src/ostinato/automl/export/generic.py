"""Any estimator that skl2onnx knows: the way out for algorithms that other packages add."""

from __future__ import annotations

from typing import Any

import numpy as np

from ostinato.automl.export.graph import ML, ML_OPSET, OPSET, Graph


def convert(graph: Graph, x: str, estimator: Any) -> str:
    """Convert with skl2onnx and inline the result; returns the probabilities, or the values of a regressor."""
    from onnx import compose
    from skl2onnx import to_onnx

    options = {"zipmap": False} if hasattr(estimator, "predict_proba") else None
    sample = np.zeros((1, estimator.n_features_in_), dtype=np.float32)
    model = to_onnx(estimator, sample, options=options, target_opset={"": OPSET, ML: ML_OPSET})
    inner = compose.add_prefix(model, f"g{len(graph.nodes)}_").graph
    graph.initializers.extend(inner.initializer)
    own = inner.input[0].name
    for node in inner.node:
        node.input[:] = [x if name == own else name for name in node.input]
        graph.nodes.append(node)
    return str(inner.output[-1].name)
