"""Boosting by votes and by Newton's steps: small trees, one after the other, on the rows that went wrong."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import AdaBoostRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from ostinato.automl.algorithms.estimator import Classifier, Codes, generator, inner_seed, one_hot, shares
from ostinato.automl.algorithms.margins import calibrated
from ostinato.automl.export.ensembles import grown
from ostinato.automl.export.forest import Forest
from ostinato.automl.export.graph import Graph

Array = NDArray[np.float64]
_WORTHLESS = 1e-6  # a difference of error rates that is none


class AdaptiveClassifier(Classifier):
    """AdaBoost on small trees for several classes (Freund & Schapire 1997; Zhu et al. 2009).

    Its votes say who wins and not how surely, so a slope and offsets are fitted to votes on a third of the rows held out.
    """

    members_: list[tuple[Any, float]]  # trees, and weights that sum to one
    slope_: float
    offsets_: Array

    def __init__(
        self,
        n_estimators: int = 60,
        learning_rate: float = 0.8,
        max_leaf_nodes: int = 6,
        random_state: int | None = None,
    ) -> None:
        self.n_estimators, self.learning_rate, self.max_leaf_nodes = n_estimators, learning_rate, max_leaf_nodes
        self.random_state = random_state

    def _learn(self, X: Array, codes: Codes) -> None:
        rows = X.astype(np.float32)
        order = generator(self.random_state).permutation(len(X))
        # every third row of a class is held out
        place = np.zeros(len(X), dtype=np.int64)
        for code in np.unique(codes):
            own = order[codes[order] == code]
            place[own] = np.arange(len(own))
        held = place % 3 == 2  # noqa: PLR2004
        if len(np.unique(codes[held])) == len(self.classes_):
            tried = self._boosted(rows[~held], codes[~held])
            self.slope_, self.offsets_ = calibrated(self._votes(tried, rows[held]), codes[held])
        else:
            self.slope_, self.offsets_ = 2.0, np.zeros(self._outputs())
        self.members_ = self._boosted(rows, codes)

    def _outputs(self) -> int:
        return 1 if len(self.classes_) == 2 else len(self.classes_)  # noqa: PLR2004

    def _boosted(self, rows: NDArray[np.float32], codes: Codes) -> list[tuple[Any, float]]:
        k, weight = len(self.classes_), np.full(len(rows), 1.0 / len(rows))
        found: list[tuple[Any, float]] = []
        for _ in range(self.n_estimators):
            tree = DecisionTreeClassifier(
                max_leaf_nodes=self.max_leaf_nodes, min_samples_leaf=2, random_state=inner_seed(self.random_state)
            ).fit(rows, codes, sample_weight=weight)
            wrong = tree.predict(rows) != codes
            error = float(weight[wrong].sum())
            if error >= 1.0 - 1.0 / k - _WORTHLESS:
                found = found or [(tree, 1.0)]
                break
            said = self.learning_rate * (np.log((1.0 - error) / max(error, _WORTHLESS)) + np.log(k - 1.0))
            found.append((tree, said))
            if error < _WORTHLESS:
                break
            weight = weight * np.exp(said * wrong)
            weight /= weight.sum()
        total = sum(said for _, said in found)
        return [(tree, said / total) for tree, said in found]

    def _ballot(self, tree: Any, said: float) -> Array:
        """What each node of a tree adds to the margins, `(nodes, outputs)`."""
        chosen = np.asarray(tree.classes_)[tree.tree_.value[:, 0, :].argmax(axis=1)]
        votes = one_hot(chosen, len(self.classes_)) * said
        return votes[:, 1:] - votes[:, :1] if votes.shape[1] == 2 else votes  # noqa: PLR2004

    def _votes(self, members: list[tuple[Any, float]], rows: NDArray[np.float32]) -> Array:
        return np.asarray(sum(self._ballot(tree, said)[tree.apply(rows)] for tree, said in members))

    def _values(self, X: Array) -> Array:
        return shares(self._votes(self.members_, X.astype(np.float32)) * self.slope_ + self.offsets_)

    def write(self, graph: Graph, x: str) -> str:
        """A forest of votes, slope and offsets, then softmax or sigmoid."""
        forest = Forest(self._outputs(), "BRANCH_LEQ")
        for tree, said in self.members_:
            grown(forest, tree.tree_, self._ballot(tree, said))
        votes = graph.cast(forest.write(graph, graph.cast(x, np.float32)), np.float64)
        scaled = graph.op("Mul", votes, graph.constant([self.slope_]))
        margins = graph.op("Add", scaled, graph.constant(self.offsets_))
        return graph.probabilities(margins, len(self.classes_), self._outputs())


class AdaptiveRegressor(AdaBoostRegressor):  # type: ignore[misc]
    """AdaBoost.R2 on small trees, whose weighted median it predicts (Drucker 1997)."""

    def __init__(
        self,
        n_estimators: int = 50,
        learning_rate: float = 0.5,
        max_leaf_nodes: int = 24,
        random_state: int | None = None,
    ) -> None:
        super().__init__(n_estimators=n_estimators, learning_rate=learning_rate, random_state=random_state)
        self.max_leaf_nodes = max_leaf_nodes

    def fit(self, X: Any, y: Any) -> Self:
        """Fit on `X (n, d)` and `y (n,)`."""
        self.estimator = DecisionTreeRegressor(max_leaf_nodes=self.max_leaf_nodes, min_samples_leaf=2)
        super().fit(X, y)
        return self


class LogitBoost(Classifier):
    """LogitBoost (Friedman, Hastie & Tibshirani 2000): Newton's steps on the log likelihood by small regression trees."""

    trees_: list[list[Any]]

    def __init__(
        self,
        n_estimators: int = 50,
        learning_rate: float = 0.3,
        max_leaf_nodes: int = 6,
        max_features: float = 0.5,
        random_state: int | None = None,
    ) -> None:
        self.n_estimators, self.learning_rate, self.max_leaf_nodes = n_estimators, learning_rate, max_leaf_nodes
        self.max_features, self.random_state = max_features, random_state

    def _learn(self, X: Array, codes: Codes) -> None:
        k = len(self.classes_)
        outputs = 1 if k == 2 else k  # noqa: PLR2004
        rng, rows, truth = generator(self.random_state), X.astype(np.float32), one_hot(codes, k)[:, -outputs:]
        margins = np.zeros((len(X), outputs))
        self.trees_ = []
        for _ in range(self.n_estimators):
            chance = shares(margins)[:, -outputs:]
            weight = np.maximum(chance * (1.0 - chance), 1e-5)
            wanted = np.clip((truth - chance) / weight, -4.0, 4.0)
            round_ = []
            for output in range(outputs):
                tree = DecisionTreeRegressor(
                    max_leaf_nodes=self.max_leaf_nodes,
                    min_samples_leaf=2,
                    max_features=self.max_features,
                    random_state=int(rng.integers(2**31)),
                ).fit(rows, wanted[:, output], sample_weight=weight[:, output])
                margins[:, output] += self.learning_rate * tree.predict(rows)
                round_.append(tree)
            self.trees_.append(round_)

    def _values(self, X: Array) -> Array:
        rows = X.astype(np.float32)
        steps = [np.stack([tree.predict(rows) for tree in round_], axis=1) for round_ in self.trees_]
        return shares(self.learning_rate * np.sum(steps, axis=0))

    def write(self, graph: Graph, x: str) -> str:
        """One forest of margins, then softmax or sigmoid."""
        outputs = len(self.trees_[0])
        forest = Forest(outputs, "BRANCH_LEQ")
        for round_ in self.trees_:
            for output, tree in enumerate(round_):
                weights = np.zeros((tree.tree_.node_count, outputs))
                weights[:, output] = self.learning_rate * tree.tree_.value[:, 0, 0]
                grown(forest, tree.tree_, weights)
        margins = forest.write(graph, graph.cast(x, np.float32))
        return graph.probabilities(margins, len(self.classes_), outputs)
