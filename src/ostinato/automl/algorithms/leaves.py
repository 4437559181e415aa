"""Trees whose leaves hold more than a mean: distributions, from which a median is read, and linear models."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor
from sklearn.tree import DecisionTreeRegressor

from ostinato.automl.algorithms.estimator import Regressor, inner_seed
from ostinato.automl.algorithms.linear import ridge_line
from ostinato.automl.export.ensembles import grown
from ostinato.automl.export.forest import Forest
from ostinato.automl.export.graph import Graph

Array = NDArray[np.float64]
_THIN = 2e-3  # a bin with less than this share counts as having it: the median may not jump where nothing lies


class MedianForest(Regressor):
    """A quantile regression forest (Meinshausen 2006) at one half, over `bins` of the target with as many rows each."""

    trees_: list[Any]
    tables_: list[Array]  # one a tree: (nodes, bins), shares of the leaf's rows by the number of trees
    edges_: Array  # (bins + 1,)

    def __init__(
        self,
        n_estimators: int = 40,
        max_features: float = 0.4,
        min_samples_leaf: int = 4,
        bins: int = 24,
        random_state: int | None = None,
    ) -> None:
        self.n_estimators, self.max_features, self.min_samples_leaf = n_estimators, max_features, min_samples_leaf
        self.bins, self.random_state = bins, random_state

    def _learn(self, X: Array, y: Array) -> None:
        rows = X.astype(np.float32)
        self.trees_ = (
            RandomForestRegressor(
                self.n_estimators,
                max_features=self.max_features,
                min_samples_leaf=self.min_samples_leaf,
                max_leaf_nodes=48,
                random_state=inner_seed(self.random_state),
            )
            .fit(rows, y)
            .estimators_
        )
        edges = np.unique(np.quantile(y, np.linspace(0.0, 1.0, self.bins + 1)))
        self.edges_ = edges if len(edges) > 1 else np.array([edges[0], edges[0]])
        place = np.clip(np.searchsorted(self.edges_, y, side="right") - 1, 0, len(self.edges_) - 2)
        self.tables_ = []
        for tree in self.trees_:
            counts = np.zeros((tree.tree_.node_count, len(self.edges_) - 1))
            np.add.at(counts, (tree.apply(rows), place), 1.0)
            total = counts.sum(axis=1, keepdims=True)
            self.tables_.append(counts / np.where(total > 0, total, 1.0) / len(self.trees_))

    def _values(self, X: Array) -> Array:
        rows = X.astype(np.float32)
        shares = sum(table[tree.apply(rows)] for tree, table in zip(self.trees_, self.tables_, strict=True))
        below = shares @ self._before()
        reached = np.clip((0.5 - below) / np.maximum(shares, _THIN), 0.0, 1.0)
        found: Array = reached @ np.diff(self.edges_) + self.edges_[0]
        return found

    def _before(self) -> Array:
        """The matrix that sums the bins before each."""
        return np.triu(np.ones((len(self.edges_) - 1,) * 2), 1)

    def write(self, graph: Graph, x: str) -> str:
        """One forest of shares of bins; each bin adds the part of it that lies below the median."""
        forest = Forest(len(self.edges_) - 1, "BRANCH_LEQ")
        for tree, table in zip(self.trees_, self.tables_, strict=True):
            grown(forest, tree.tree_, table)
        shares = graph.cast(forest.write(graph, graph.cast(x, np.float32)), np.float64)
        left = graph.op("Sub", graph.constant([0.5]), graph.op("MatMul", shares, graph.constant(self._before())))
        reached = graph.op("Div", left, graph.op("Max", shares, graph.constant([_THIN])))
        bounded = graph.op("Clip", reached, graph.constant(0.0), graph.constant(1.0))
        return graph.affine(bounded, np.diff(self.edges_)[:, None], self.edges_[:1])


class ModelTree(Regressor):
    """A tree with a line in each leaf (Quinlan 1992), fitted by ridge to what one line for all rows leaves."""

    tree_: Any
    whole_: tuple[Array, float]
    lines_: Array  # (nodes, d + 1), intercepts last

    def __init__(self, leaves: int = 8, min_share: float = 0.05, alpha: float = 5.0) -> None:
        self.leaves, self.min_share, self.alpha = leaves, min_share, alpha

    def _learn(self, X: Array, y: Array) -> None:
        self.whole_ = ridge_line(X, y, self.alpha)
        rows, rest = X.astype(np.float32), y - X @ self.whole_[0] - self.whole_[1]
        smallest = max(2, int(self.min_share * len(X)))
        self.tree_ = DecisionTreeRegressor(max_leaf_nodes=self.leaves, min_samples_leaf=smallest, random_state=0).fit(
            rows, rest
        )
        self.lines_ = np.zeros((self.tree_.tree_.node_count, X.shape[1] + 1))
        where = self.tree_.apply(rows)
        for leaf in np.unique(where):
            own = where == leaf
            coef, intercept = ridge_line(X[own], rest[own], self.alpha)
            self.lines_[leaf, :-1], self.lines_[leaf, -1] = coef, intercept
        # the shipped table is in single precision: predictions use the same numbers
        self.lines_ = self.lines_.astype(np.float32).astype(np.float64)

    def _values(self, X: Array) -> Array:
        lines = self.lines_[self.tree_.apply(X.astype(np.float32))]
        own = (X * lines[:, :-1]).sum(axis=1) + lines[:, -1]
        found: Array = own + X @ self.whole_[0] + self.whole_[1]
        return found

    def write(self, graph: Graph, x: str) -> str:
        """A forest of one tree whose outputs are coefficients, multiplied with the row."""
        columns = self.lines_.shape[1] - 1
        forest = Forest(columns + 1, "BRANCH_LEQ")
        grown(forest, self.tree_.tree_, self.lines_)
        lines = graph.cast(forest.write(graph, graph.cast(x, np.float32)), np.float64)
        coef = graph.op("Gather", lines, graph.constant(np.arange(columns), np.int64), axis=1)
        intercept = graph.op("Gather", lines, graph.constant([columns], np.int64), axis=1)
        product = graph.op("ReduceSum", graph.op("Mul", x, coef), graph.constant([1], np.int64), keepdims=1)
        whole = graph.affine(x, self.whole_[0][:, None], [self.whole_[1]])
        return graph.op("Add", graph.op("Add", product, intercept), whole)
