"""Neighbours beyond the nearest k: by kernel, by radius, in a learnt metric, and through prototypes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

from ostinato.automl.algorithms.bases import distances
from ostinato.automl.algorithms.estimator import Classifier, Codes, Regressor, generator, inner_seed, one_hot
from ostinato.automl.export.graph import Graph
from ostinato.automl.export.neighbours import squared_distances
from ostinato.automl.rbf import gamma_of

Array = NDArray[np.float64]
_GRAINS = 1e9  # of a squared distance of standardised rows
_LEARNT = 800  # rows from which components are learnt, and at most as many that judge them
_FACTORS = np.geomspace(0.1, 2.0, 14)
_CLOSEST = 1e-4  # a distance of zero weighs as much as this one


class Windowed:
    """Every training row speaks, the nearer the louder: shares are a softmax of squared distances, so none can vanish."""

    width: float
    rows_: Array
    said_: Array  # (n, outputs)
    gamma_: float

    def _keep(self, X: Array, said: Array) -> None:
        self.rows_, self.said_, self.gamma_ = X, said, gamma_of(self.width, X.shape[1])

    def _heard(self, X: Array) -> Array:
        found: Array = softmax(-self.gamma_ * distances(X, self.rows_), axis=1) @ self.said_
        return found

    def write(self, graph: Graph, x: str) -> str:
        """Distances, softmax, matrix product."""
        logs = graph.op("Mul", squared_distances(graph, x, self.rows_), graph.constant([-self.gamma_]))
        return graph.op("MatMul", graph.op("Softmax", logs, axis=1), graph.constant(self.said_))


class WindowClassifier(Windowed, Classifier):
    """Parzen windows, a probabilistic neural network (Parzen 1962; Specht 1990)."""

    def __init__(self, width: float = 0.3) -> None:
        self.width = width

    def _learn(self, X: Array, codes: Codes) -> None:
        self._keep(X, one_hot(codes, len(self.classes_)))

    def _values(self, X: Array) -> Array:
        return self._heard(X)


class WindowRegressor(Windowed, Regressor):
    """Kernel regression (Nadaraya 1964; Watson 1964)."""

    def __init__(self, width: float = 0.3) -> None:
        self.width = width

    def _learn(self, X: Array, y: Array) -> None:
        self._keep(X, y[:, None])

    def _values(self, X: Array) -> Array:
        return self._heard(X)[:, 0]


class Nearest:
    """The `neighbours` nearest rows, or all where there are fewer; of equally distant ones the earlier.

    Squared distances are rounded to a grain, so that ties are ties in the graph too, whose products round otherwise.
    """

    neighbours: int
    weighted: bool
    rows_: Array
    said_: Array  # (n, outputs)

    def _keep(self, X: Array, said: Array) -> None:
        self.rows_, self.said_ = X, said

    def _heard(self, X: Array) -> Array:
        return np.vstack([self._vote(X[start : start + 500]) for start in range(0, len(X), 500)])

    def _vote(self, X: Array) -> Array:
        count = min(self.neighbours, len(self.rows_))
        grains = np.floor(distances(X, self.rows_) * _GRAINS + 0.5)
        last = np.partition(grains, count - 1, axis=1)[:, count - 1 : count]
        closer, equal = grains < last, grains == last
        room = count - closer.sum(axis=1, keepdims=True)
        chosen = closer | (equal & (np.cumsum(equal, axis=1) <= room))
        weight = np.where(chosen, 1.0, 0.0)
        if self.weighted:
            weight /= np.maximum(np.sqrt(grains / _GRAINS), _CLOSEST)
        found: Array = weight @ self.said_ / weight.sum(axis=1, keepdims=True)
        return found

    def write(self, graph: Graph, x: str) -> str:
        """Distances, the k smallest, and the weighted mean of what their rows say."""
        scaled = graph.op("Mul", squared_distances(graph, x, self.rows_), graph.constant([_GRAINS]))
        grains = graph.op("Floor", graph.op("Add", scaled, graph.constant([0.5])))
        count = graph.constant([min(self.neighbours, len(self.rows_))], np.int64)
        nearest = graph.op("TopK", grains, count, more=1, axis=1, largest=0, sorted=1)
        said = graph.op("Gather", graph.constant(self.said_), graph.further(nearest, 1), axis=0)  # (n, k, outputs)
        if not self.weighted:
            return graph.op("ReduceMean", said, axes=[1], keepdims=0)
        apart = graph.op("Sqrt", graph.op("Div", nearest, graph.constant([_GRAINS])))
        weight = graph.op("Reciprocal", graph.op("Max", apart, graph.constant([_CLOSEST])))
        total = graph.op("ReduceSum", weight, graph.constant([1], np.int64), keepdims=1)
        shares = graph.op("Unsqueeze", graph.op("Div", weight, total), graph.constant([2], np.int64))
        return graph.op("ReduceSum", graph.op("Mul", said, shares), graph.constant([1], np.int64), keepdims=0)


class NearestClassifier(Nearest, Classifier):
    """The k nearest neighbours (Cover & Hart 1967)."""

    def __init__(self, neighbours: int = 9, weighted: bool = True) -> None:
        self.neighbours, self.weighted = neighbours, weighted

    def _learn(self, X: Array, codes: Codes) -> None:
        self._keep(X, one_hot(codes, len(self.classes_)))

    def _values(self, X: Array) -> Array:
        return self._heard(X)


class NearestRegressor(Nearest, Regressor):
    """The k nearest neighbours (Stone 1977)."""

    def __init__(self, neighbours: int = 9, weighted: bool = True) -> None:
        self.neighbours, self.weighted = neighbours, weighted

    def _learn(self, X: Array, y: Array) -> None:
        self._keep(X, y[:, None])

    def _values(self, X: Array) -> Array:
        return self._heard(X)[:, 0]


class Within:
    """All rows within a radius are equals; `prior` rows of the average join them, so that an empty circle says the average."""

    quantile: float
    prior: float
    rows_: Array
    said_: Array
    average_: Array
    square_: float  # of the radius

    def _keep(self, X: Array, said: Array, seed: int) -> None:
        self.rows_, self.said_, self.average_ = X, said, said.mean(axis=0)
        some = X[np.sort(generator(seed).permutation(len(X))[:300])]
        apart = np.sort(distances(some, X), axis=None)
        # between two distances that were seen: a radius that equals one would hang on its last bit
        place = int(np.clip(self.quantile * len(apart), 1, len(apart) - 1))
        self.square_ = float(apart[place - 1] + apart[place]) / 2.0 + 1e-9

    def _heard(self, X: Array) -> Array:
        near = (distances(X, self.rows_) < self.square_).astype(np.float64)
        found: Array = (near @ self.said_ + self.prior * self.average_) / (near.sum(axis=1, keepdims=True) + self.prior)
        return found

    def write(self, graph: Graph, x: str) -> str:
        """Distances, comparison, matrix products."""
        inside = graph.op("Less", squared_distances(graph, x, self.rows_), graph.constant([self.square_]))
        near = graph.cast(inside, np.float64)
        said = graph.affine(near, self.said_, self.prior * self.average_)
        count = graph.op("ReduceSum", near, graph.constant([1], np.int64), keepdims=1)
        return graph.op("Div", said, graph.op("Add", count, graph.constant([self.prior])))


class RadiusClassifier(Within, Classifier):
    """Radius neighbours (Fix & Hodges 1951) that fall back on the prior."""

    def __init__(self, quantile: float = 0.05, prior: float = 0.5) -> None:
        self.quantile, self.prior = quantile, prior

    def _learn(self, X: Array, codes: Codes) -> None:
        self._keep(X, one_hot(codes, len(self.classes_)), 0)

    def _values(self, X: Array) -> Array:
        return self._heard(X)


class RadiusRegressor(Within, Regressor):
    """Radius neighbours (Fix & Hodges 1951) that fall back on the mean."""

    def __init__(self, quantile: float = 0.05, prior: float = 0.5) -> None:
        self.quantile, self.prior = quantile, prior

    def _learn(self, X: Array, y: Array) -> None:
        self._keep(X, y[:, None], 0)

    def _values(self, X: Array) -> Array:
        return self._heard(X)[:, 0]


class ComponentNeighbours(Classifier):
    """Parzen windows in the projection of neighbourhood components (Goldberger et al. 2004), learnt on 800 rows."""

    turn_: Array  # (d, components)
    rows_: Array
    said_: Array

    def __init__(self, components: int = 8, random_state: int | None = None) -> None:
        self.components, self.random_state = components, random_state

    def _learn(self, X: Array, codes: Codes) -> None:
        from sklearn.neighbors import NeighborhoodComponentsAnalysis

        order = generator(self.random_state).permutation(len(X))
        learnt = min(_LEARNT, max(len(X) * 2 // 3, 1))
        some, held = np.sort(order[:learnt]), order[learnt : learnt + _LEARNT]
        if len(np.unique(codes[some])) < len(self.classes_):
            some, held = np.arange(len(X)), order[:0]
        start = self._start(X[some], codes[some])
        machine = NeighborhoodComponentsAnalysis(
            n_components=len(start),
            init=start,
            max_iter=40,
            random_state=inner_seed(self.random_state),
        )
        turn = np.asarray(machine.fit(X[some], codes[some]).components_, dtype=np.float64).T
        self.turn_ = turn * self._softened(X @ turn, codes, some, held)
        self.rows_, self.said_ = X @ self.turn_, one_hot(codes, len(self.classes_))

    def _softened(self, Z: Array, codes: Codes, some: NDArray[np.int64], held: NDArray[np.int64]) -> float:
        """The factor by which distances are shortened, so that rows that were not learnt from get honest shares."""
        if not len(held):
            return 1.0
        apart, said = distances(Z[held], Z[some]), one_hot(codes[some], len(self.classes_))
        picked = np.arange(len(held)), codes[held]
        losses = [-np.log(softmax(-apart * f**2, axis=1).dot(said)[picked] + 1e-3).mean() for f in _FACTORS]
        return float(_FACTORS[int(np.argmin(losses))])

    def _start(self, X: Array, codes: Codes) -> Array:
        """Directions `(components, d)` to begin with: the lines that tell the classes apart, then the foremost columns."""
        from ostinato.automl.algorithms.expansions import foremost
        from ostinato.automl.algorithms.linear import latent_line

        truth = one_hot(codes, len(self.classes_))
        count = min(self.components, X.shape[1])
        lines = latent_line(X, truth, 3)[0][:-1]
        lengths = np.sqrt((lines**2).sum(axis=1, keepdims=True))
        lines = lines[lengths[:, 0] > 0] / lengths[lengths[:, 0] > 0]
        axes = np.eye(X.shape[1])[foremost(X, truth, count)]
        # half a deviation an axis: many rows are neighbours at first
        return 0.5 * np.vstack([lines, axes])[:count]

    def _values(self, X: Array) -> Array:
        # the components' own scale is the width: neighbours are chosen with probability exp(-distance squared)
        found: Array = softmax(-distances(X @ self.turn_, self.rows_), axis=1) @ self.said_
        return found

    def write(self, graph: Graph, x: str) -> str:
        """Projection, distances, softmax, matrix product."""
        turned = graph.op("MatMul", x, graph.constant(self.turn_))
        near = graph.op("Softmax", graph.op("Neg", squared_distances(graph, turned, self.rows_)), axis=1)
        return graph.op("MatMul", near, graph.constant(self.said_))


class VectorQuantisation(Classifier):
    """Robust soft learning vector quantisation (Seo & Obermayer 2003): prototypes that maximise the labels' likelihood."""

    prototypes_: Array  # (m, d)
    owner_: Array  # (m, k)
    sharpness_: float

    def __init__(self, prototypes: int = 4, alpha: float = 1e-3, random_state: int | None = None) -> None:
        self.prototypes, self.alpha, self.random_state = prototypes, alpha, random_state

    def _learn(self, X: Array, codes: Codes) -> None:
        from ostinato.automl.algorithms.expansions import clustered

        k, columns = len(self.classes_), X.shape[1]
        starts = [clustered(X[codes == code], self.prototypes, self.random_state) for code in range(k)]
        ends = np.cumsum([0, *map(len, starts)])
        self.owner_ = np.vstack(
            [np.tile(np.eye(k)[code], (end - start, 1)) for code, (start, end) in enumerate(pairwise(ends))]
        )
        some = np.sort(generator(self.random_state).permutation(len(X))[:5000])
        rows, mine = X[some], self.owner_.T[codes[some]] > 0
        first = np.vstack(starts)

        def loss(point: Array) -> tuple[float, Array]:
            sharp, places = np.exp(point[0]) / columns, point[1:].reshape(first.shape)
            apart = distances(rows, places)
            logs = -sharp * apart
            whole, own = logsumexp(logs, axis=1), logsumexp(np.where(mine, logs, -np.inf), axis=1)
            # the derivative by each log density: what the prototype says of the row less what its class says
            share = np.exp(logs - whole[:, None]) - np.where(mine, np.exp(np.where(mine, logs, 0) - own[:, None]), 0)
            pull = 2.0 * sharp * (share.T @ rows - share.sum(axis=0)[:, None] * places) / len(rows)
            pull += self.alpha * (places - first)
            turn = -sharp * float((share * apart).sum()) / len(rows) + self.alpha * point[0]
            value = float((whole - own).mean()) + 0.5 * self.alpha * (((places - first) ** 2).sum() + point[0] ** 2)
            return value, np.concatenate([[turn], pull.ravel()])

        start = np.concatenate([[0.0], first.ravel()])
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 60}).x
        self.sharpness_ = float(np.exp(found[0])) / columns
        self.prototypes_ = found[1:].reshape(first.shape)

    def _values(self, X: Array) -> Array:
        found: Array = softmax(-self.sharpness_ * distances(X, self.prototypes_), axis=1) @ self.owner_
        return found

    def write(self, graph: Graph, x: str) -> str:
        """Distances, softmax, summed for each class."""
        apart = squared_distances(graph, x, self.prototypes_)
        members = graph.op("Softmax", graph.op("Mul", apart, graph.constant([-self.sharpness_])), axis=1)
        return graph.op("MatMul", members, graph.constant(self.owner_))
