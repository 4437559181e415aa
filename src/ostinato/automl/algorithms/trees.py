"""Ensembles of trees that scikit-learn lacks, or has through a nested estimator; leaves are bounded, so artefacts stay small."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import BaggingClassifier, BaggingRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from ostinato.automl.algorithms.estimator import Classifier, Codes, Regressor, generator, inner_seed, shares
from ostinato.automl.algorithms.linear import ridge_line
from ostinato.automl.export.ensembles import grown, shares_of
from ostinato.automl.export.forest import Forest
from ostinato.automl.export.graph import Graph

Array = NDArray[np.float64]
_LEAVES = 64


class BaggedClassifier(BaggingClassifier):  # type: ignore[misc]
    """Trees on bootstrap samples (Breiman 1996), or all rows and a random subspace of the columns (Ho 1998)."""

    def __init__(
        self,
        n_estimators: int = 40,
        max_features: float = 1.0,
        min_samples_leaf: int = 2,
        bootstrap: bool = True,
        random_state: int | None = None,
    ) -> None:
        super().__init__(
            n_estimators=n_estimators, max_features=max_features, bootstrap=bootstrap, random_state=random_state
        )
        self.min_samples_leaf = min_samples_leaf

    def fit(self, X: Any, y: Any) -> Self:
        """Fit on `X (n, d)` and `y (n,)`."""
        self.estimator = DecisionTreeClassifier(max_leaf_nodes=_LEAVES, min_samples_leaf=self.min_samples_leaf)
        super().fit(X, y)
        return self


class BaggedRegressor(BaggingRegressor):  # type: ignore[misc]
    """Trees on bootstrap samples (Breiman 1996), or all rows and a random subspace of the columns (Ho 1998)."""

    def __init__(
        self,
        n_estimators: int = 40,
        max_features: float = 1.0,
        min_samples_leaf: int = 2,
        bootstrap: bool = True,
        random_state: int | None = None,
    ) -> None:
        super().__init__(
            n_estimators=n_estimators, max_features=max_features, bootstrap=bootstrap, random_state=random_state
        )
        self.min_samples_leaf = min_samples_leaf

    def fit(self, X: Any, y: Any) -> Self:
        """Fit on `X (n, d)` and `y (n,)`."""
        self.estimator = DecisionTreeRegressor(max_leaf_nodes=_LEAVES, min_samples_leaf=self.min_samples_leaf)
        super().fit(X, y)
        return self


class Rotations:
    """Rotations of groups of three columns by their own principal axes, one set a tree (Rodríguez, Kuncheva & Alonso 2006)."""

    n_estimators: int
    random_state: int | None
    groups_: NDArray[np.int64]  # (trees, 3, d'): whose columns are turned into the d' new ones
    axes_: Array  # (trees, 3, d')

    def _turn(self, X: Array) -> None:
        rng = generator(self.random_state)
        groups, axes = [], []
        for _ in range(self.n_estimators):
            order = rng.permutation(X.shape[1])
            order = np.concatenate([order, rng.choice(order, -len(order) % 3)])
            rows = rng.permutation(len(X))[: max(4, min(2000, int(0.75 * len(X))))]
            own, turned = [], []
            for trio in order.reshape(-1, 3):
                part = X[np.ix_(rows, trio)]
                centred = part - part.mean(axis=0)
                vectors = np.linalg.eigh(centred.T @ centred)[1]
                # an axis has no sign of its own: its largest entry is made positive
                vectors = vectors * np.where(vectors[np.abs(vectors).argmax(axis=0), range(3)] < 0, -1.0, 1.0)
                own.append(np.tile(trio[:, None], 3))
                turned.append(vectors)
            groups.append(np.hstack(own))
            axes.append(np.hstack(turned))
        self.groups_, self.axes_ = np.stack(groups), np.stack(axes)

    def _turned(self, X: Array, groups: NDArray[np.int64], axes: Array) -> NDArray[np.float32]:
        # summed in the graph's order, so that both round alike
        parts = [X[:, columns] * weights for columns, weights in zip(groups, axes, strict=True)]
        turned: NDArray[np.float32] = (parts[0] + parts[1] + parts[2]).astype(np.float32)
        return turned

    def _write_turned(self, graph: Graph, x: str) -> str:
        parts = []
        for place in range(3):
            columns = graph.constant(self.groups_[:, place].ravel(), np.int64)
            weights = graph.constant(self.axes_[:, place].ravel())
            parts.append(graph.op("Mul", graph.op("Gather", x, columns, axis=1), weights))
        return graph.cast(graph.op("Add", graph.op("Add", parts[0], parts[1]), parts[2]), np.float32)

    def _write_trees(self, graph: Graph, x: str, trees: list[Any], outputs: int) -> str:
        forest = Forest(outputs, "BRANCH_LEQ")
        width = self.groups_.shape[2]
        for number, member in enumerate(trees):
            values = shares_of(member.tree_) if outputs > 1 else member.tree_.value[:, 0, :]
            grown(forest, member.tree_, values / len(trees), np.arange(width) + number * width)
        return forest.write(graph, self._write_turned(graph, x))


class RotationClassifier(Rotations, Classifier):
    """Rotation forest."""

    trees_: list[Any]

    def __init__(self, n_estimators: int = 30, min_samples_leaf: int = 2, random_state: int | None = None) -> None:
        self.n_estimators, self.min_samples_leaf, self.random_state = n_estimators, min_samples_leaf, random_state

    def _learn(self, X: Array, codes: Codes) -> None:
        self._turn(X)
        self.trees_ = [
            DecisionTreeClassifier(
                max_leaf_nodes=_LEAVES, min_samples_leaf=self.min_samples_leaf, random_state=number
            ).fit(self._turned(X, groups, axes), codes)
            for number, (groups, axes) in enumerate(zip(self.groups_, self.axes_, strict=True))
        ]

    def _values(self, X: Array) -> Array:
        return _mean_of(self, X, lambda tree, turned: tree.predict_proba(turned))

    def write(self, graph: Graph, x: str) -> str:
        """Rotations, then the mean of trees."""
        return self._write_trees(graph, x, self.trees_, len(self.classes_))


class RotationRegressor(Rotations, Regressor):
    """Rotation forest."""

    trees_: list[Any]

    def __init__(self, n_estimators: int = 30, min_samples_leaf: int = 2, random_state: int | None = None) -> None:
        self.n_estimators, self.min_samples_leaf, self.random_state = n_estimators, min_samples_leaf, random_state

    def _learn(self, X: Array, y: Array) -> None:
        self._turn(X)
        self.trees_ = [
            DecisionTreeRegressor(
                max_leaf_nodes=_LEAVES, min_samples_leaf=self.min_samples_leaf, random_state=number
            ).fit(self._turned(X, groups, axes), y)
            for number, (groups, axes) in enumerate(zip(self.groups_, self.axes_, strict=True))
        ]

    def _values(self, X: Array) -> Array:
        return _mean_of(self, X, lambda tree, turned: tree.predict(turned))

    def write(self, graph: Graph, x: str) -> str:
        """Rotations, then the mean of trees."""
        return self._write_trees(graph, x, self.trees_, 1)


def _mean_of(forest: Any, X: Array, judge: Any) -> Array:
    judged = [
        judge(tree, forest._turned(X, groups, axes))
        for tree, groups, axes in zip(forest.trees_, forest.groups_, forest.axes_, strict=True)
    ]
    mean: Array = np.mean(judged, axis=0)
    return mean


class Planted:
    """A forest grown without the target, whose leaves are the columns of a linear machine (Moosmann, Triggs & Jurie 2006)."""

    n_estimators: int
    penalty: float
    random_state: int | None
    forest_: Any
    coef_: Array  # (leaves, outputs)
    intercept_: Array

    def _plant(self, X: Array) -> Any:
        from sklearn.ensemble import RandomTreesEmbedding

        self.forest_ = RandomTreesEmbedding(
            self.n_estimators, max_depth=7, max_leaf_nodes=24, random_state=inner_seed(self.random_state)
        )
        return self.forest_.fit_transform(X)

    def _margins(self, X: Array) -> Array:
        found: Array = self.forest_.transform(X) @ self.coef_ + self.intercept_
        return found

    def _write_margins(self, graph: Graph, x: str) -> str:
        forest = Forest(self.coef_.shape[1], "BRANCH_LEQ")
        start = 0
        for member in self.forest_.estimators_:
            leaves = np.flatnonzero(member.tree_.children_left < 0)
            weights = np.zeros((member.tree_.node_count, self.coef_.shape[1]))
            weights[leaves] = self.coef_[start : start + len(leaves)]
            grown(forest, member.tree_, weights)
            start += len(leaves)
        sums = forest.write(graph, graph.cast(x, np.float32))
        return graph.op("Add", sums, graph.constant(self.intercept_, np.float32))


class PlantedClassifier(Planted, Classifier):
    """Totally random trees with logistic regression."""

    def __init__(self, n_estimators: int = 40, penalty: float = 1.0, random_state: int | None = None) -> None:
        self.n_estimators, self.penalty, self.random_state = n_estimators, penalty, random_state

    def _learn(self, X: Array, codes: Codes) -> None:
        from sklearn.linear_model import LogisticRegression

        machine = LogisticRegression(C=1.0 / self.penalty, max_iter=200).fit(self._plant(X), codes)
        self.coef_, self.intercept_ = machine.coef_.T, machine.intercept_

    def _values(self, X: Array) -> Array:
        return shares(self._margins(X))

    def write(self, graph: Graph, x: str) -> str:
        """One forest of margins, then softmax or sigmoid."""
        return graph.probabilities(self._write_margins(graph, x), len(self.classes_), self.coef_.shape[1])


class PlantedRegressor(Planted, Regressor):
    """Totally random trees with ridge regression."""

    def __init__(self, n_estimators: int = 40, penalty: float = 1.0, random_state: int | None = None) -> None:
        self.n_estimators, self.penalty, self.random_state = n_estimators, penalty, random_state

    def _learn(self, X: Array, y: Array) -> None:
        coef, intercept = ridge_line(np.asarray(self._plant(X).todense()), y, self.penalty)
        self.coef_, self.intercept_ = coef[:, None], np.asarray([intercept])

    def _values(self, X: Array) -> Array:
        return self._margins(X)[:, 0]

    def write(self, graph: Graph, x: str) -> str:
        """One forest of values."""
        return self._write_margins(graph, x)
