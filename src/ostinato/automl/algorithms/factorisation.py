"""Factorisation machines: linear terms, and products of columns whose weights are inner products of a few factors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from ostinato.automl.algorithms.estimator import Classifier, Codes, Regressor, generator, one_hot, shares
from ostinato.automl.export.graph import Graph

Array = NDArray[np.float64]


class Factored:
    """Margins of a factorisation machine (Rendle 2010), fitted by L-BFGS on all rows."""

    factors: int
    penalty: float
    random_state: int | None
    level_: Array  # (outputs,)
    linear_: Array  # (d, outputs)
    factors_: Array  # (outputs, d, factors)

    def _descend(self, X: Array, target: Array, *, classes: bool) -> None:
        (rows, columns), outputs = X.shape, target.shape[1]
        squares = X**2
        rng = generator(self.random_state)
        shapes = [(outputs,), (columns, outputs), (outputs, columns, self.factors)]
        ends = np.cumsum([0, *[int(np.prod(shape)) for shape in shapes]])
        start = np.zeros(ends[-1])
        start[ends[2] :] = rng.normal(scale=0.1 / np.sqrt(columns), size=ends[3] - ends[2])

        def parts(point: Array) -> tuple[Array, ...]:
            return tuple(point[a:b].reshape(s) for a, b, s in zip(ends[:-1], ends[1:], shapes, strict=True))

        def loss(point: Array) -> tuple[float, Array]:
            level, linear, factors = parts(point)
            sums = np.einsum("nd,odf->onf", X, factors, optimize=True)
            margins = level + X @ linear + _pairs(sums, squares, factors)
            if classes:
                found = shares(margins)
                error = found[:, -outputs:] - target
                truth = np.hstack([1.0 - target, target]) if outputs == 1 else target
                value = -np.log(np.maximum((found * truth).sum(axis=1), 1e-300)).sum()
            else:
                error = margins - target
                value = 0.5 * float((error**2).sum())
            pull = np.stack([X.T @ (error[:, [o]] * sums[o]) for o in range(outputs)])
            pull -= np.stack([(squares.T @ error[:, [o]]) * factors[o] for o in range(outputs)])
            pull += self.penalty * columns * factors
            slope = X.T @ error + self.penalty * linear
            value += 0.5 * self.penalty * (float((linear**2).sum()) + columns * float((factors**2).sum()))
            gradient = np.concatenate([error.sum(axis=0), slope.ravel(), pull.ravel()]) / rows
            return float(value) / rows, gradient

        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 80}).x
        self.level_, self.linear_, self.factors_ = parts(found)

    def _margins(self, X: Array) -> Array:
        sums = np.einsum("nd,odf->onf", X, self.factors_, optimize=True)
        return self.level_ + X @ self.linear_ + _pairs(sums, X**2, self.factors_)

    def _write_margins(self, graph: Graph, x: str) -> str:
        squares = graph.op("Mul", x, x)
        own = graph.affine(squares, -0.5 * (self.factors_**2).sum(axis=2).T, self.level_)
        flow = graph.op("Add", own, graph.op("MatMul", x, graph.constant(self.linear_)))
        columns = [
            graph.op("ReduceSumSquare", graph.op("MatMul", x, graph.constant(factors)), axes=[1], keepdims=1)
            for factors in self.factors_
        ]
        joined = columns[0] if len(columns) == 1 else graph.op("Concat", *columns, axis=1)
        return graph.op("Add", flow, graph.op("Mul", joined, graph.constant([0.5])))


def _pairs(sums: Array, squares: Array, factors: Array) -> Array:
    """Half of the squared sums of factors less what each column adds with itself; `(n, outputs)`."""
    own = squares @ (factors**2).sum(axis=2).T
    found: Array = 0.5 * ((sums**2).sum(axis=2).T - own)
    return found


class FactorisationClassifier(Factored, Classifier):
    """A factorisation machine with a softmax."""

    def __init__(self, factors: int = 4, penalty: float = 1.0, random_state: int | None = None) -> None:
        self.factors, self.penalty, self.random_state = factors, penalty, random_state

    def _learn(self, X: Array, codes: Codes) -> None:
        truth = one_hot(codes, len(self.classes_))
        self._descend(X, truth[:, 1:] if truth.shape[1] == 2 else truth, classes=True)  # noqa: PLR2004

    def _values(self, X: Array) -> Array:
        return shares(self._margins(X))

    def write(self, graph: Graph, x: str) -> str:
        """Matrix products and squares, then softmax or sigmoid."""
        return graph.probabilities(self._write_margins(graph, x), len(self.classes_), len(self.level_))


class FactorisationRegressor(Factored, Regressor):
    """A factorisation machine with squared error."""

    def __init__(self, factors: int = 4, penalty: float = 1.0, random_state: int | None = None) -> None:
        self.factors, self.penalty, self.random_state = factors, penalty, random_state

    def _learn(self, X: Array, y: Array) -> None:
        self._descend(X, y[:, None], classes=False)

    def _values(self, X: Array) -> Array:
        return self._margins(X)[:, 0]

    def write(self, graph: Graph, x: str) -> str:
        """Matrix products and squares."""
        return self._write_margins(graph, x)
