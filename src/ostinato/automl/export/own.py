"""Estimators of our own: they write themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from ostinato.automl.export.graph import Graph


def written(graph: Graph, x: str, estimator: Any) -> str:
    """What the estimator's own `write` appends, on `x` in double precision."""
    name: str = estimator.write(graph, graph.cast(x, np.float64))
    return name
