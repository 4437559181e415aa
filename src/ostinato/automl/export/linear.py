"""Linear models as one matrix product."""

from __future__ import annotations

from typing import Any

import numpy as np

from ostinato.automl.export.graph import Graph


def linear_classifier(graph: Graph, x: str, estimator: Any) -> str:
    """`coef_` and `intercept_` with softmax, or a sigmoid where there are two classes."""
    coef = np.asarray(estimator.coef_, dtype=np.float64)
    margins = graph.affine(graph.cast(x, np.float64), coef.T, np.asarray(estimator.intercept_))
    return graph.probabilities(margins, len(estimator.classes_), len(coef))


def linear_regressor(graph: Graph, x: str, estimator: Any) -> str:
    """`coef_` and `intercept_`."""
    coef = np.asarray(estimator.coef_, dtype=np.float64).reshape(1, -1)
    return graph.affine(graph.cast(x, np.float64), coef.T, np.reshape(estimator.intercept_, (1,)))
