"""Rules that a person can read: a sparse sum of them, and a list of which the first that fits decides."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from ostinato.automl.algorithms.bases import Steps
from ostinato.automl.algorithms.estimator import Classifier, Codes, Regressor, inner_seed, one_hot
from ostinato.automl.export.ensembles import grown
from ostinato.automl.export.forest import Forest
from ostinato.automl.export.graph import Graph

Array = NDArray[np.float64]
Condition = tuple[int, float, bool]  # column, threshold, whether the value has to be above it
_LEAST = 1e-9
_HALF = 0.5  # counts are whole, so half tells none from some


class Ruled:
    """Rules from the nodes of small boosted trees, and the columns, in a lasso (Friedman & Popescu 2008).

    A sum of weighted rules is a sum of trees whose leaves hold the weights on their path, so that is what is shipped.
    """

    n_trees: int
    penalty: float
    random_state: int | None
    trees_: list[Any]
    weights_: list[Array]  # one a tree: (nodes, outputs), summed along the path
    coef_: Array  # (d, outputs)
    intercept_: Array

    def _paths(self, X: Array) -> tuple[Array, list[Array]]:
        """Membership of rules `(n, rules)` and, for each tree, which rules `(nodes, nodes)` hold at a node."""
        rows, parts, masks = X.astype(np.float32), [], []
        for tree in self.trees_:
            parts.append(np.asarray(tree.decision_path(rows).todense(), dtype=np.float64)[:, 1:])
            masks.append(_ancestry(tree.tree_)[:, 1:])
        return np.hstack(parts) if parts else np.zeros((len(X), 0)), masks

    def _settle(self, coef: Array, intercept: Array, masks: list[Array], columns: int, scale: Array) -> None:
        """Keep coefficients `(d + rules, outputs)` of standardised columns as linear part and tables of nodes."""
        coef = coef / scale[:, None]
        self.coef_, self.intercept_, self.weights_ = coef[:columns], intercept, []
        start = columns
        for mask in masks:
            table = mask @ coef[start : start + mask.shape[1]]
            self.weights_.append(table.astype(np.float32).astype(np.float64))
            start += mask.shape[1]

    def _margins(self, X: Array) -> Array:
        margins = X @ self.coef_ + self.intercept_
        rows = X.astype(np.float32)
        for tree, table in zip(self.trees_, self.weights_, strict=True):
            margins = margins + table[tree.apply(rows)]
        return margins

    def _write_margins(self, graph: Graph, x: str) -> str:
        forest = Forest(self.coef_.shape[1], "BRANCH_LEQ")
        for tree, table in zip(self.trees_, self.weights_, strict=True):
            grown(forest, tree.tree_, table)
        sums = graph.cast(forest.write(graph, graph.cast(x, np.float32)), np.float64)
        return graph.op("Add", sums, graph.affine(x, self.coef_, self.intercept_))


def _ancestry(tree: Any) -> Array:
    """Which nodes `(nodes, nodes)` lie on the way to each node, itself included; children come after their parents."""
    mask = np.eye(tree.node_count)
    for node in range(tree.node_count):
        for child in (tree.children_left[node], tree.children_right[node]):
            if child > 0:
                mask[child] += mask[node]
    return mask


class RuleClassifier(Ruled, Classifier):
    """RuleFit; several classes are judged one against the rest and normalised."""

    def __init__(self, n_trees: int = 16, penalty: float = 5.0, random_state: int | None = None) -> None:
        self.n_trees, self.penalty, self.random_state = n_trees, penalty, random_state

    def _learn(self, X: Array, codes: Codes) -> None:
        from sklearn.ensemble import GradientBoostingClassifier
        from sklearn.linear_model import LogisticRegression

        k = len(self.classes_)
        judged = range(1, k) if k == 2 else range(k)  # noqa: PLR2004
        grower = GradientBoostingClassifier(
            n_estimators=max(2, self.n_trees // len(judged)),
            learning_rate=0.2,
            max_leaf_nodes=5,
            max_depth=None,
            subsample=_sampled(len(X)),
            random_state=inner_seed(self.random_state),
        )
        self.trees_ = list(grower.fit(X, codes).estimators_.ravel())
        rules, masks = self._paths(X)
        joined, scale = _standardised(np.hstack([X, rules]))
        lines = [
            LogisticRegression(
                C=1.0 / self.penalty, solver="liblinear", l1_ratio=1.0, max_iter=100, random_state=0
            ).fit(joined, codes == code)
            for code in judged
        ]
        coef = np.vstack([line.coef_ for line in lines]).T
        self._settle(coef, np.hstack([line.intercept_ for line in lines]), masks, X.shape[1], scale)

    def _values(self, X: Array) -> Array:
        margins = self._margins(X)
        if margins.shape[1] == 1:
            return np.hstack([expit(-margins), expit(margins)])
        chances = expit(margins) + _LEAST
        found: Array = chances / chances.sum(axis=1, keepdims=True)
        return found

    def write(self, graph: Graph, x: str) -> str:
        """A forest of rules beside a matrix product; sigmoids, normalised."""
        margins = self._write_margins(graph, x)
        if self.coef_.shape[1] == 1:
            return graph.probabilities(margins, 2, 1)
        chances = graph.op("Add", graph.op("Sigmoid", margins), graph.constant([_LEAST]))
        return graph.op("Div", chances, graph.op("ReduceSum", chances, graph.constant([1], np.int64), keepdims=1))


class RuleRegressor(Ruled, Regressor):
    """RuleFit."""

    def __init__(self, n_trees: int = 16, penalty: float = 5.0, random_state: int | None = None) -> None:
        self.n_trees, self.penalty, self.random_state = n_trees, penalty, random_state

    def _learn(self, X: Array, y: Array) -> None:
        from sklearn.ensemble import GradientBoostingRegressor
        from sklearn.linear_model import Lasso

        grower = GradientBoostingRegressor(
            n_estimators=self.n_trees,
            learning_rate=0.2,
            max_leaf_nodes=5,
            max_depth=None,
            subsample=_sampled(len(X)),
            random_state=inner_seed(self.random_state),
        )
        self.trees_ = list(grower.fit(X, y).estimators_.ravel())
        rules, masks = self._paths(X)
        joined, scale = _standardised(np.hstack([X, rules]))
        machine = Lasso(alpha=self.penalty / len(X), max_iter=2000).fit(joined, y)
        self._settle(machine.coef_[:, None], np.atleast_1d(machine.intercept_), masks, X.shape[1], scale)

    def _values(self, X: Array) -> Array:
        return self._margins(X)[:, 0]

    def write(self, graph: Graph, x: str) -> str:
        """A forest of rules beside a matrix product."""
        return self._write_margins(graph, x)


def _sampled(rows: int) -> float:
    """The share of rows that a tree of rules sees: all, where there are too few to draw from."""
    return 0.7 if rows >= 10 else 1.0  # noqa: PLR2004


def _standardised(Z: Array) -> tuple[Array, Array]:
    deviation = Z.std(axis=0)
    # rules that few rows meet would be blown up by their small deviation
    scale = np.maximum(deviation, 0.1)
    return Z / scale, scale


class Listed:
    """Rules in order, the first that fits decides; each is the best leaf of a tree on the rows that none before it took.

    After PART (Frank & Witten 1998), with the leaf by its gain in likelihood.
    """

    rules: int
    leaves: int
    min_rows: int
    rules_: list[tuple[Condition, ...]]  # the last one has no condition
    said_: Array  # (rules, outputs)

    def _tree(self, smallest: int) -> Any:
        raise NotImplementedError

    def _grow(self, X: Array, target: NDArray[Any], said: Array) -> None:
        rows, left = X.astype(np.float32), np.ones(len(X), dtype=bool)
        smallest = max(1, min(self.min_rows, len(X) // 4))
        self.rules_, told = [], []
        for _ in range(self.rules):
            if left.sum() < 2 * smallest or np.ptp(said[left], axis=0).max() == 0:
                break
            tree = self._tree(smallest).fit(rows[left], target[left])
            if tree.tree_.node_count == 1:
                break
            where = tree.apply(rows[left])
            leaves = np.unique(where)
            gains = [self._gain(said[left], where == leaf) for leaf in leaves]
            leaf = int(leaves[int(np.argmax(gains))])
            self.rules_.append(_way(tree.tree_, leaf))
            taken = np.flatnonzero(left)[where == leaf]
            told.append(self._said(said[taken], said))
            left[taken] = False
        self.rules_.append(())
        told.append(self._said(said[left], said))
        self.said_ = np.stack(told)

    def _gain(self, said: Array, own: NDArray[np.bool_]) -> float:
        raise NotImplementedError

    def _said(self, rows: Array, everyone: Array) -> Array:
        """The mean of a rule's rows, with one row of the average beside them."""
        found: Array = (rows.sum(axis=0) + everyone.mean(axis=0)) / (len(rows) + 1.0)
        return found

    def _wiring(self) -> tuple[Steps, Array, Array]:
        """Steps of all conditions, and the matrix and offsets by which they count each rule's violations."""
        held = [condition for rule in self.rules_ for condition in rule] or [(0, np.inf, False)]
        steps = Steps(np.array([c for c, _, _ in held], dtype=np.int64), np.array([t for _, t, _ in held]))
        matrix, offsets = np.zeros((len(held), len(self.rules_))), np.zeros(len(self.rules_))
        place = 0
        for number, rule in enumerate(self.rules_):
            for _, _, above in rule:
                matrix[place, number] = -1.0 if above else 1.0
                offsets[number] += above
                place += 1
        return steps, matrix, offsets

    def _first(self, X: Array) -> Array:
        steps, matrix, offsets = self._wiring()
        fits = (steps.apply(X) @ matrix + offsets < _HALF).astype(np.float64)
        return fits * (fits @ np.triu(np.ones((len(offsets),) * 2), 1) < _HALF)

    def write(self, graph: Graph, x: str) -> str:
        """Counts of violated conditions; the first rule without any speaks."""
        steps, matrix, offsets = self._wiring()
        violated = graph.affine(steps.write(graph, x), matrix, offsets)
        half = graph.constant([_HALF])
        fits = graph.cast(graph.op("Less", violated, half), np.float64)
        before = graph.op("MatMul", fits, graph.constant(np.triu(np.ones((len(offsets),) * 2), 1)))
        first = graph.op("Mul", fits, graph.cast(graph.op("Less", before, half), np.float64))
        return graph.op("MatMul", first, graph.constant(self.said_))


def _way(tree: Any, leaf: int) -> tuple[Condition, ...]:
    """The conditions on the way to a leaf."""
    found: list[Condition] = []
    node = leaf
    while node:
        above = np.flatnonzero(tree.children_right == node)
        parent = int(above[0]) if len(above) else int(np.flatnonzero(tree.children_left == node)[0])
        found.append((int(tree.feature[parent]), float(tree.threshold[parent]), bool(len(above))))
        node = parent
    return tuple(found)


class ListClassifier(Listed, Classifier):
    """A decision list."""

    def __init__(self, rules: int = 12, leaves: int = 8, min_rows: int = 8, random_state: int | None = None) -> None:
        self.rules, self.leaves, self.min_rows, self.random_state = rules, leaves, min_rows, random_state

    def _tree(self, smallest: int) -> Any:
        seed = inner_seed(self.random_state)
        return DecisionTreeClassifier(max_leaf_nodes=self.leaves, min_samples_leaf=smallest, random_state=seed)

    def _gain(self, said: Array, own: NDArray[np.bool_]) -> float:
        counts, others = said[own].sum(axis=0), said.mean(axis=0)
        shares = (counts + others) / (counts.sum() + 1.0)
        return float((counts * np.log(shares / np.maximum(others, 1e-12) + 1e-12)).sum())

    def _learn(self, X: Array, codes: Codes) -> None:
        self._grow(X, codes, one_hot(codes, len(self.classes_)))

    def _values(self, X: Array) -> Array:
        return self._first(X) @ self.said_


class ListRegressor(Listed, Regressor):
    """A list of rules with a value each (Holmes, Hall & Frank 1999)."""

    def __init__(self, rules: int = 16, leaves: int = 8, min_rows: int = 8, random_state: int | None = None) -> None:
        self.rules, self.leaves, self.min_rows, self.random_state = rules, leaves, min_rows, random_state

    def _tree(self, smallest: int) -> Any:
        seed = inner_seed(self.random_state)
        return DecisionTreeRegressor(max_leaf_nodes=self.leaves, min_samples_leaf=smallest, random_state=seed)

    def _gain(self, said: Array, own: NDArray[np.bool_]) -> float:
        return float(own.sum() * (said[own].mean() - said.mean()) ** 2)

    def _learn(self, X: Array, y: Array) -> None:
        self._grow(X, y, y[:, None])

    def _values(self, X: Array) -> Array:
        return (self._first(X) @ self.said_)[:, 0]
