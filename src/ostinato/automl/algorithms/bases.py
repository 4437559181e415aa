"""Fixed expansions of a row, each as arrays and as ONNX operators: `apply (n, d) -> (n, m)` and `write` do the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.export.graph import Graph
from ostinato.automl.export.neighbours import squared_distances

Array = NDArray[np.float64]
Columns = NDArray[np.int64]


class Basis(Protocol):
    """An expansion of rows `(n, d)` into `(n, m)`."""

    def apply(self, X: Array) -> Array:
        """The expansion of `X`."""
        ...

    def write(self, graph: Graph, x: str) -> str:
        """The same operations in a graph, on double precision."""
        ...


@dataclass(frozen=True)
class Same:
    """The columns themselves."""

    def apply(self, X: Array) -> Array:
        """`X`."""
        return X

    def write(self, graph: Graph, x: str) -> str:
        """`x`."""
        return x


@dataclass(frozen=True)
class Cosines:
    """Cosines of projections: `weights (d, m)`, `phases (m,)`."""

    weights: Array
    phases: Array

    def apply(self, X: Array) -> Array:
        """`cos(X W + b)`."""
        found: Array = np.cos(X @ self.weights + self.phases)
        return found

    def write(self, graph: Graph, x: str) -> str:
        """The same in a graph."""
        return graph.op("Cos", graph.affine(x, self.weights, self.phases))


@dataclass(frozen=True)
class Bent:
    """Hyperbolic tangents of projections: `weights (d, m)`, `offsets (m,)`."""

    weights: Array
    offsets: Array

    def apply(self, X: Array) -> Array:
        """`tanh(X W + b)`."""
        found: Array = np.tanh(X @ self.weights + self.offsets)
        return found

    def write(self, graph: Graph, x: str) -> str:
        """The same in a graph."""
        return graph.op("Tanh", graph.affine(x, self.weights, self.offsets))


@dataclass(frozen=True)
class Bumps:
    """Gaussian bumps around `centres (m, d)`: `exp(-gamma * squared distance)`."""

    centres: Array
    gamma: float

    def apply(self, X: Array) -> Array:
        """One bump a centre."""
        found: Array = np.exp(-self.gamma * distances(X, self.centres))
        return found

    def write(self, graph: Graph, x: str) -> str:
        """The same in a graph."""
        return graph.op(
            "Exp", graph.op("Mul", squared_distances(graph, x, self.centres), graph.constant([-self.gamma]))
        )


@dataclass(frozen=True)
class Hinges:
    """Hinges `max(0, sign * (x[column] - knot))`; all three `(m,)`."""

    columns: Columns
    knots: Array
    signs: Array

    def apply(self, X: Array) -> Array:
        """One hinge a column."""
        found: Array = np.maximum((X[:, self.columns] - self.knots) * self.signs, 0.0)
        return found

    def write(self, graph: Graph, x: str) -> str:
        """The same in a graph."""
        moved = graph.op("Sub", gathered(graph, x, self.columns), graph.constant(self.knots))
        return graph.op("Relu", graph.op("Mul", moved, graph.constant(self.signs)))


@dataclass(frozen=True)
class Steps:
    """Steps, one where `x[column] > threshold` and zero elsewhere; both `(m,)`."""

    columns: Columns
    thresholds: Array

    def apply(self, X: Array) -> Array:
        """One step a column."""
        return (X[:, self.columns] > self.thresholds).astype(np.float64)

    def write(self, graph: Graph, x: str) -> str:
        """The same in a graph."""
        above = graph.op("Greater", gathered(graph, x, self.columns), graph.constant(self.thresholds))
        return graph.cast(above, np.float64)


@dataclass(frozen=True)
class Products:
    """Products of two columns; `first` and `second (m,)`."""

    first: Columns
    second: Columns

    def apply(self, X: Array) -> Array:
        """One product a pair."""
        return X[:, self.first] * X[:, self.second]

    def write(self, graph: Graph, x: str) -> str:
        """The same in a graph."""
        return graph.op("Mul", gathered(graph, x, self.first), gathered(graph, x, self.second))


@dataclass(frozen=True)
class Joined:
    """Several expansions side by side."""

    parts: tuple[Basis, ...]

    def apply(self, X: Array) -> Array:
        """The parts, one after the other."""
        return np.hstack([part.apply(X) for part in self.parts])

    def write(self, graph: Graph, x: str) -> str:
        """The same in a graph."""
        return graph.op("Concat", *[part.write(graph, x) for part in self.parts], axis=1)


@dataclass(frozen=True)
class Chained:
    """One expansion of another."""

    inner: Basis
    outer: Basis

    def apply(self, X: Array) -> Array:
        """`outer(inner(X))`."""
        return self.outer.apply(self.inner.apply(X))

    def write(self, graph: Graph, x: str) -> str:
        """The same in a graph."""
        return self.outer.write(graph, self.inner.write(graph, x))


@dataclass(frozen=True)
class Turned:
    """A matrix product: `matrix (d, m)`."""

    matrix: Array

    def apply(self, X: Array) -> Array:
        """`X M`."""
        return X @ self.matrix

    def write(self, graph: Graph, x: str) -> str:
        """The same in a graph."""
        return graph.op("MatMul", x, graph.constant(self.matrix))


def gathered(graph: Graph, x: str, columns: Columns) -> str:
    """The named columns of `x`, in their order."""
    return graph.op("Gather", x, graph.constant(columns, np.int64), axis=1)


def distances(X: Array, rows: Array) -> Array:
    """Squared distances `(n, m)` between rows of `X (n, d)` and `rows (m, d)`, never below zero; the graph's formula.

    >>> distances(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]))
    array([[25.]])
    """
    cross = -2.0 * (X @ rows.T) + (rows**2).sum(axis=1)
    found: Array = np.maximum((X**2).sum(axis=1)[:, None] + cross, 0.0)
    return found


def quantiles_of(X: Array, count: int) -> tuple[Columns, Array]:
    """Columns and thresholds `(m,)` of at most `count` inner quantiles a column, each once, between two values seen.

    Where every column is constant, one threshold stands above the first, so that there is always one.

    >>> columns, thresholds = quantiles_of(np.array([[0.0, 7.0], [1.0, 7.0], [2.0, 7.0]]), 2)
    >>> columns.tolist(), thresholds.tolist()
    ([0, 0], [0.5, 1.5])
    """
    columns, thresholds = [], []
    for column, values in enumerate(X.T):
        seen = np.unique(values)
        between = (seen[:-1] + seen[1:]) / 2.0
        if len(between) > count:
            wanted = np.quantile(values, np.arange(1, count + 1) / (count + 1))
            between = np.unique(between[np.clip(np.searchsorted(between, wanted), 0, len(between) - 1)])
        columns += [column] * len(between)
        thresholds.append(between)
    if not columns:
        return np.zeros(1, dtype=np.int64), X[:1, 0] + 1.0
    return np.asarray(columns, dtype=np.int64), np.concatenate(thresholds)
