"""The model that looks at nothing: shares of classes or labels, or the mean. It is what a search hands out that had no time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.candidates import Candidate
from ostinato.automl.export.cost import cost_of
from ostinato.automl.export.graph import Graph
from ostinato.automl.search import Problem


def prior(problem: Problem) -> Candidate:
    """A candidate whose scores are the same for every row; its out-of-fold scores come from the other folds' rows."""
    y = problem.y
    oof = np.full((len(y), problem.outputs), np.nan)
    losses = []
    for train, held in problem.folds:
        oof[held] = _constant(y[train], problem.outputs)
        losses.append(problem.metric.loss(y[held], oof[held]))
    graph = Graph()
    first = graph.cast(graph.gather("X", np.zeros(1, dtype=np.int64)), np.float64)
    nothing = graph.op("Where", graph.op("Equal", first, first), graph.constant([0.0]), graph.constant([0.0]))
    scores = graph.op("Add", nothing, graph.constant([_constant(y, problem.outputs)]))
    content = graph.model(scores, problem.X.shape[1], problem.outputs)
    return Candidate(
        rank=1,
        key="prior",
        family="baseline",
        params={},
        seed=0,
        score=round(problem.metric.score(float(np.mean(losses))), 9),
        std=round(float(np.std(losses)), 9),
        oof=oof,
        cost=cost_of(content),
        parts=(content,),
        whole=content,
    )


def _constant(y: NDArray[Any], outputs: int) -> NDArray[np.float64]:
    if y.ndim == 2:  # noqa: PLR2004
        return np.asarray(y.mean(axis=0), dtype=np.float64)
    if outputs == 1:
        return np.array([float(y.mean())])
    # a class that training lacked is unlikely, not impossible
    counts = np.bincount(y, minlength=outputs) + 1.0 / outputs
    return np.asarray(counts / counts.sum(), dtype=np.float64)
