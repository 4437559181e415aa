"""Sums of functions of one column or two: hinges chosen one after the other, and monotone curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.algorithms.bases import Basis, Hinges, Joined, Products, Same, quantiles_of
from ostinato.automl.algorithms.estimator import Regressor, generator
from ostinato.automl.algorithms.expansions import Expanded, ExpandedClassifier, ExpandedRegressor, foremost
from ostinato.automl.export.graph import Graph

Array = NDArray[np.float64]
Columns = NDArray[np.int64]
_ROWS = 3000  # on which terms are chosen
_COLUMNS = 40  # among which
_IDLE = 1e-9  # a sum of squares that means no variation


@dataclass(frozen=True)
class Terms:
    """Hinges, and products of two of them: `first` and `second` name the factors."""

    hinges: Hinges
    products: Products | None

    def apply(self, X: Array) -> Array:
        """Hinges, then products."""
        bent = self.hinges.apply(X)
        return bent if self.products is None else np.hstack([bent, self.products.apply(bent)])

    def write(self, graph: Graph, x: str) -> str:
        """The same in a graph."""
        bent = self.hinges.write(graph, x)
        return bent if self.products is None else graph.op("Concat", bent, self.products.write(graph, bent), axis=1)


class _Adaptive(Expanded):
    """Adaptive regression splines (Friedman 1991): the pair of hinges that helps most joins, alone or times an earlier one.

    Terms are chosen on up to 3,000 rows by what they explain of the residual; the penalty of the last fit stands for pruning.
    """

    def __init__(
        self, terms: int = 12, interactions: bool = True, penalty: float = 1.0, random_state: int | None = None
    ) -> None:
        self.terms, self.interactions, self.penalty, self.random_state = terms, interactions, penalty, random_state

    def _basis(self, X: Array, Y: Array) -> Basis:
        some = np.sort(generator(self.random_state).permutation(len(X))[:_ROWS])
        rows, target = X[some], Y[some]
        columns, knots = quantiles_of(rows[:, near := foremost(rows, target, _COLUMNS)], 6)
        # both sides of each knot
        all_hinges = Hinges(np.tile(near[columns], 2), np.tile(knots, 2), np.repeat([1.0, -1.0], len(knots)))
        candidates = all_hinges.apply(rows)
        chosen, pairs = self._chosen(candidates, target, len(knots))
        hinges = Hinges(all_hinges.columns[chosen], all_hinges.knots[chosen], all_hinges.signs[chosen])
        products = Products(*np.array(pairs, dtype=np.int64).T) if pairs else None
        return Joined((Same(), Terms(hinges, products)))

    def _chosen(self, candidates: Array, target: Array, knots: int) -> tuple[Columns, list[tuple[int, int]]]:
        """Hinges that are used, and pairs of places among them that are multiplied."""
        chosen: list[int] = []
        pairs: list[tuple[int, int]] = []
        parents: list[int | None] = [None]
        known = [np.ones(len(candidates))]
        for _ in range(max(1, self.terms // 2)):
            design = np.stack(known, axis=1)
            residual = target - design @ np.linalg.lstsq(design, target, rcond=1e-8)[0]
            parent, place = _best(candidates, residual, [1.0 if p is None else candidates[:, [p]] for p in parents])
            for side in (place % knots, place % knots + knots):
                column = candidates[:, side]
                if side not in chosen:
                    chosen.append(side)
                other = parents[parent]
                if other is not None:
                    pairs.append((chosen.index(side), chosen.index(other)))
                    column = column * candidates[:, other]
                elif self.interactions and side not in parents:
                    parents.append(side)
                known.append(column)
        return np.asarray(chosen, dtype=np.int64), list(dict.fromkeys(pairs))


def _best(candidates: Array, residual: Array, parents: list[float | Array]) -> tuple[int, int]:
    """The parent and the candidate whose product explains most of the residual `(n, outputs)`."""
    best, most = (0, 0), -1.0
    for number, parent in enumerate(parents):
        terms = candidates * parent
        terms = terms - terms.mean(axis=0)
        sizes = (terms**2).sum(axis=0)
        explained = ((terms.T @ residual) ** 2).sum(axis=1) / np.where(sizes > _IDLE, sizes, np.inf)
        place = int(np.argmax(explained))
        if explained[place] > most * (1.0 + 1e-9):
            best, most = (number, place), float(explained[place])
    return best


class AdaptiveSplineClassifier(_Adaptive, ExpandedClassifier):
    """Adaptive splines with logistic regression (Kooperberg, Bose & Stone 1997)."""


class AdaptiveSplineRegressor(_Adaptive, ExpandedRegressor):
    """Adaptive regression splines with ridge regression."""


class IsotonicRegressor(Regressor):
    """A sum of monotone curves, fitted one after the other to what the rest leaves (Bacchetti 1989).

    Whether a column rises or falls is its correlation's sign. `rate` below one makes each step smaller.
    """

    hinges_: Hinges
    coef_: Array
    intercept_: float

    def __init__(self, knots: int = 10, sweeps: int = 4, rate: float = 0.5) -> None:
        self.knots, self.sweeps, self.rate = knots, sweeps, rate

    def _learn(self, X: Array, y: Array) -> None:
        columns, thresholds = quantiles_of(X, self.knots)
        self.hinges_ = Hinges(columns, thresholds, np.ones(len(columns)))
        self.coef_, self.intercept_ = np.zeros(len(columns)), float(y.mean())
        own = {column: np.flatnonzero(columns == column) for column in np.unique(columns)}
        curves = {column: np.zeros(len(places)) for column, places in own.items()}
        residual = y - self.intercept_
        for _ in range(self.sweeps):
            for column, places in own.items():
                at = thresholds[places]
                fitted = np.interp(X[:, column], at, curves[column])
                wanted = _monotone(X[:, column], residual + fitted, at)
                curves[column] = curves[column] + self.rate * (wanted - curves[column])
                residual = residual + fitted - np.interp(X[:, column], at, curves[column])
        for column, places in own.items():
            gaps = np.diff(thresholds[places])
            rises = np.concatenate([[0.0], np.diff(curves[column]) / gaps, [0.0]])
            self.coef_[places] = np.diff(rises)
            self.intercept_ += float(curves[column][0])

    def _values(self, X: Array) -> Array:
        return self.hinges_.apply(X) @ self.coef_ + self.intercept_

    def write(self, graph: Graph, x: str) -> str:
        """Hinges and a matrix product."""
        return graph.affine(self.hinges_.write(graph, x), self.coef_[:, None], [self.intercept_])


def _monotone(values: Array, target: Array, at: Array) -> Array:
    """A monotone curve at the knots `(m,)`, through the means of the rows nearest to each."""
    from sklearn.isotonic import isotonic_regression

    nearest = np.searchsorted((at[:-1] + at[1:]) / 2.0, values)
    counts = np.bincount(nearest, minlength=len(at)).astype(np.float64)
    means = np.bincount(nearest, weights=target, minlength=len(at)) / np.maximum(counts, 1.0)
    rising = float(np.cov(values, target)[0, 1]) >= 0.0
    # one more row of nothing at each knot
    curve: Array = isotonic_regression(means * counts / (counts + 1.0), sample_weight=counts + 1.0, increasing=rising)
    return curve
