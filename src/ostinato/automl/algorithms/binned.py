"""Bayes on bins: columns cut at quantiles, counts for each class, and no assumption about the shape of a density.

A table of a column's bins is a sum of steps at the cuts, so what these classifiers ship is steps and a matrix product.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from ostinato.automl.algorithms.bases import Hinges, Joined, Same, Steps, gathered, quantiles_of
from ostinato.automl.algorithms.estimator import Classifier, Codes, one_hot, shares
from ostinato.automl.export.graph import Graph

Array = NDArray[np.float64]
Columns = NDArray[np.int64]


class Stepped(Classifier):
    """Steps, a matrix product, softmax; `_tables` gives coefficients of the steps `(m, k)` and intercepts `(k,)`."""

    steps_: Steps
    coef_: Array
    intercept_: Array
    bins: int

    def _tables(self, S: Array, truth: Array) -> tuple[Array, Array]:
        raise NotImplementedError

    def _learn(self, X: Array, codes: Codes) -> None:
        self.steps_ = Steps(*quantiles_of(X, self.bins - 1))
        self.coef_, self.intercept_ = self._tables(self.steps_.apply(X), one_hot(codes, len(self.classes_)))

    def _values(self, X: Array) -> Array:
        return shares(self.steps_.apply(X) @ self.coef_ + self.intercept_)

    def write(self, graph: Graph, x: str) -> str:
        """Steps, matrix product, softmax."""
        return graph.op("Softmax", graph.affine(self.steps_.write(graph, x), self.coef_, self.intercept_), axis=1)


class CategoricalBayes(Stepped):
    """Naive Bayes on the bins of each column (Yang & Webb 2009)."""

    def __init__(self, bins: int = 8, alpha: float = 1.0) -> None:
        self.bins, self.alpha = bins, alpha

    def _tables(self, S: Array, truth: Array) -> tuple[Array, Array]:
        coef = np.zeros((S.shape[1], truth.shape[1]))
        intercept = np.log(truth.mean(axis=0))
        for column in np.unique(self.steps_.columns):
            own = np.flatnonzero(self.steps_.columns == column)
            passed = np.vstack([truth.sum(axis=0), S[:, own].T @ truth])
            counts = passed - np.vstack([passed[1:], np.zeros(truth.shape[1])]) + self.alpha
            logs = np.log(counts / counts.sum(axis=0))
            intercept = intercept + logs[0]
            coef[own] = np.diff(logs, axis=0)
        return coef, intercept


class BernoulliBayes(Stepped):
    """Naive Bayes on whether each column passes its cuts, each cut on its own (McCallum & Nigam 1998)."""

    def __init__(self, bins: int = 2, alpha: float = 1.0) -> None:
        self.bins, self.alpha = bins, alpha

    def _tables(self, S: Array, truth: Array) -> tuple[Array, Array]:
        sizes = truth.sum(axis=0)
        chance = (S.T @ truth + self.alpha) / (sizes + 2.0 * self.alpha)
        absent = np.log1p(-chance)
        return np.log(chance) - absent, np.log(sizes / sizes.sum()) + absent.sum(axis=0)


class MultinomialBayes(Stepped):
    """Naive Bayes on ranks as if they were counts of words (McCallum & Nigam 1998).

    Each column appears with its rank and with what is missing to the highest, so that low values speak too.
    """

    def __init__(self, bins: int = 10, alpha: float = 1.0) -> None:
        self.bins, self.alpha = bins, alpha

    def _tables(self, S: Array, truth: Array) -> tuple[Array, Array]:
        logs = self._weights(S, truth)
        up, down = logs[: S.shape[1]], logs[S.shape[1] :]
        return up - down, np.log(truth.mean(axis=0)) + down.sum(axis=0)

    def _weights(self, S: Array, truth: Array) -> Array:
        counts = np.hstack([S, 1.0 - S]).T @ truth + self.alpha
        found: Array = np.log(counts / counts.sum(axis=0))
        return found * self._temper(S)

    def _temper(self, S: Array) -> float:
        # the steps of a column are one observation, not as many as there are cuts
        return float(len(np.unique(self.steps_.columns)) / S.shape[1])


class ComplementBayes(MultinomialBayes):
    """Naive Bayes on ranks that learns a class from all rows that are not of it (Rennie et al. 2003)."""

    def _weights(self, S: Array, truth: Array) -> Array:
        others = np.hstack([S, 1.0 - S]).T @ (1.0 - truth) + self.alpha
        found: Array = -np.log(others / others.sum(axis=0))
        return found * self._temper(S)


class OneRule(Stepped):
    """The one column whose bins tell the classes apart best (Holte 1993)."""

    def __init__(self, bins: int = 8, alpha: float = 1.0) -> None:
        self.bins, self.alpha = bins, alpha

    def _tables(self, S: Array, truth: Array) -> tuple[Array, Array]:
        prior = truth.mean(axis=0)
        best, least = (np.zeros((S.shape[1], truth.shape[1])), np.log(prior)), np.inf
        for column in np.unique(self.steps_.columns):
            own = np.flatnonzero(self.steps_.columns == column)
            passed = np.vstack([truth.sum(axis=0), S[:, own].T @ truth])
            counts = passed - np.vstack([passed[1:], np.zeros(truth.shape[1])])
            logs = np.log((counts + self.alpha * prior) / (counts.sum(axis=1, keepdims=True) + self.alpha))
            loss = -float((counts * logs).sum())
            if loss < least - 1e-9:
                coef = np.zeros((S.shape[1], truth.shape[1]))
                coef[own] = np.diff(logs, axis=0)
                best, least = (coef, logs[0]), loss
        return best


class FlexibleBayes(Classifier):
    """Naive Bayes with a kernel density a column and class (John & Langley 1995), read off between knots."""

    hinges_: Joined
    coef_: Array
    intercept_: Array

    def __init__(self, bandwidth: float = 0.4, knots: int = 16) -> None:
        self.bandwidth, self.knots = bandwidth, knots

    def _learn(self, X: Array, codes: Codes) -> None:
        k = len(self.classes_)
        columns, thresholds = quantiles_of(X, self.knots)
        slopes = np.zeros((X.shape[1], k))
        bends = np.zeros((len(columns), k))
        self.intercept_ = np.log(np.bincount(codes, minlength=k) / len(codes))
        for column in np.unique(columns):
            own = np.flatnonzero(columns == column)
            at = thresholds[own]
            logs = np.stack([_log_density(X[codes == code, column], at, self.bandwidth) for code in range(k)], axis=1)
            # flat outside the outermost knots: a far row says nothing that was seen
            rises = np.vstack([np.zeros(k), np.diff(logs, axis=0) / np.diff(at)[:, None], np.zeros(k)])
            bends[own] = np.diff(rises, axis=0)
            self.intercept_ = self.intercept_ + logs[0]
        self.hinges_ = Joined((Same(), Hinges(columns, thresholds, np.ones(len(columns)))))
        self.coef_ = np.vstack([slopes, bends])

    def _values(self, X: Array) -> Array:
        return shares(self.hinges_.apply(X) @ self.coef_ + self.intercept_)

    def write(self, graph: Graph, x: str) -> str:
        """Hinges, matrix product, softmax."""
        return graph.op("Softmax", graph.affine(self.hinges_.write(graph, x), self.coef_, self.intercept_), axis=1)


def _log_density(values: Array, at: Array, bandwidth: float) -> Array:
    sample = values[:: max(1, len(values) // 1000)]
    # narrower where a class has more rows (Silverman 1986)
    width = max(bandwidth * len(values) ** -0.2 * 2.0, 1e-3)
    bumps = np.exp(-0.5 * ((at[:, None] - sample[None, :]) / width) ** 2).mean(axis=1)
    found: Array = np.log((bumps + 1.0 / (len(values) + 10.0)) / width)
    return found


class TreeBayes(Classifier):
    """Tree-augmented naive Bayes (Friedman, Geiger & Goldszmidt 1997): each column may depend on one other and the class.

    Not for hundreds of columns: the dependence of each pair is measured.
    """

    cuts_: Array  # (d, bins - 1); infinite where a column has fewer
    parents_: Columns  # (d,); a column that is its own parent has none
    tables_: Array  # (d, bins * bins, k)
    prior_: Array

    def __init__(self, bins: int = 5, alpha: float = 1.0) -> None:
        self.bins, self.alpha = bins, alpha

    def _learn(self, X: Array, codes: Codes) -> None:
        k, columns = len(self.classes_), X.shape[1]
        owners, thresholds = quantiles_of(X, self.bins - 1)
        self.cuts_ = np.full((columns, self.bins - 1), np.inf)
        for column in np.unique(owners):
            own = thresholds[owners == column]
            self.cuts_[column, : len(own)] = own
        binned, truth = self._binned(X), one_hot(codes, k)
        self.prior_ = np.log(truth.mean(axis=0))
        self.parents_ = self._tree(binned, truth)
        self.tables_ = np.stack([self._table(binned, truth, column) for column in range(columns)])

    def _binned(self, X: Array) -> Columns:
        return np.asarray((X[:, :, None] > self.cuts_).sum(axis=2), dtype=np.int64)

    def _tree(self, binned: Columns, truth: Array) -> Columns:
        """The spanning tree of the strongest dependences given the class, by Prim's algorithm from column 0."""
        strength = self._dependence(binned, truth)
        parents = np.arange(len(strength))
        near, link = strength[0].copy(), np.zeros(len(strength), dtype=np.int64)
        outside = np.ones(len(strength), dtype=bool)
        outside[0] = False
        while outside.any():
            chosen = int(np.argmax(np.where(outside, near, -np.inf)))
            # a dependence that chance alone would show is none
            if near[chosen] > 0.0:
                parents[chosen] = link[chosen]
            outside[chosen] = False
            closer = strength[chosen] > near
            near, link = np.where(closer, strength[chosen], near), np.where(closer, chosen, link)
        return parents

    def _dependence(self, binned: Columns, truth: Array) -> Array:
        bins, rows, columns = self.bins, len(binned), binned.shape[1]
        spots = (np.eye(bins)[binned]).reshape(rows, columns * bins)
        strength = np.zeros((columns, columns))
        for weight in truth.T:
            joint = ((spots * weight[:, None]).T @ spots).reshape(columns, bins, columns, bins) / rows
            alone = np.einsum("ibib->ib", joint)
            product = alone[:, :, None, None] * alone[None, None] / max(float(weight.mean()), 1e-12)
            with np.errstate(divide="ignore", invalid="ignore"):
                terms = np.where(joint > 0, joint * np.log(joint / product), 0.0)
            strength += terms.sum(axis=(1, 3))
        strength -= truth.shape[1] * (bins - 1) ** 2 / (2.0 * rows)
        np.fill_diagonal(strength, -np.inf)
        return strength

    def _table(self, binned: Columns, truth: Array, column: int) -> Array:
        bins, parent = self.bins, self.parents_[column]
        place = binned[:, column] * bins + binned[:, parent]
        counts = np.zeros((bins * bins, truth.shape[1]))
        np.add.at(counts, place, truth)
        alone = np.zeros((bins, truth.shape[1]))
        np.add.at(alone, binned[:, column], truth)
        alone = (alone + self.alpha) / (alone.sum(axis=0) + self.alpha * bins)
        if parent == column:
            return np.repeat(np.log(alone), bins, axis=0)
        of_parent = counts.reshape(bins, bins, -1).sum(axis=0)
        # pulled towards the column without its parent where the pair was hardly seen
        mixed = counts.reshape(bins, bins, -1) + 5.0 * self.alpha * alone[:, None, :]
        logs: Array = np.log(mixed / (of_parent + 5.0 * self.alpha))
        return logs.reshape(bins * bins, -1)

    def _values(self, X: Array) -> Array:
        binned = self._binned(X)
        place = binned * self.bins + binned[:, self.parents_]
        logs = self.tables_[np.arange(X.shape[1]), place].sum(axis=1) + self.prior_
        found: Array = softmax(logs, axis=1)
        return found

    def write(self, graph: Graph, x: str) -> str:
        """Bins by counting cuts, one table look-up a column, softmax."""
        columns = len(self.parents_)
        tall = graph.op("Unsqueeze", x, graph.constant([2], np.int64))
        above = graph.cast(graph.op("Greater", tall, graph.constant(self.cuts_)), np.int64)
        binned = graph.op("ReduceSum", above, graph.constant([2], np.int64), keepdims=0)
        own = graph.op("Mul", binned, graph.constant([self.bins], np.int64))
        start = graph.constant(np.arange(columns) * self.bins**2, np.int64)
        place = graph.op("Add", graph.op("Add", own, gathered(graph, binned, self.parents_)), start)
        rows = graph.op("Gather", graph.constant(self.tables_.reshape(columns * self.bins**2, -1)), place, axis=0)
        logs = graph.op("ReduceSum", rows, graph.constant([1], np.int64), keepdims=0)
        return graph.op("Softmax", graph.op("Add", logs, graph.constant(self.prior_)), axis=1)
