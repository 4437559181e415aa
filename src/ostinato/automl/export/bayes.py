"""Gaussian densities of classes as matrix products in double precision."""

from __future__ import annotations

from typing import Any

import numpy as np

from ostinato.automl.export.graph import Graph


def naive_bayes(graph: Graph, x: str, estimator: Any) -> str:
    """The joint log likelihood, expanded into a quadratic and a linear product, then softmax."""
    wide = graph.cast(x, np.float64)
    mean, variance = estimator.theta_, estimator.var_
    offset = (
        np.log(estimator.class_prior_)
        - 0.5 * np.log(2 * np.pi * variance).sum(axis=1)
        - 0.5 * (mean**2 / variance).sum(axis=1)
    )
    squares = graph.op("MatMul", graph.op("Mul", wide, wide), graph.constant((-0.5 / variance).T))
    linear = graph.affine(wide, (mean / variance).T, offset)
    return graph.op("Softmax", graph.op("Add", squares, linear), axis=1)


def quadratic_discriminant(graph: Graph, x: str, estimator: Any) -> str:
    """One whitened distance a class, then softmax."""
    wide = graph.cast(x, np.float64)
    columns = []
    for mean, rotation, scaling, prior in zip(
        estimator.means_, estimator.rotations_, estimator.scalings_, estimator.priors_, strict=True
    ):
        whiten = np.asarray(rotation) * (np.asarray(scaling) ** -0.5)
        centred = graph.affine(wide, whiten, -(np.asarray(mean) @ whiten))
        distance = graph.op("ReduceSumSquare", centred, axes=[1], keepdims=1)
        offset = np.log(prior) - 0.5 * np.log(scaling).sum()
        half = graph.op("Mul", distance, graph.constant([-0.5]))
        columns.append(graph.op("Add", half, graph.constant([offset])))
    return graph.op("Softmax", graph.op("Concat", *columns, axis=1), axis=1)
