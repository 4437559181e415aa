"""Linear regressions that scikit-learn lacks, or has with a setting that fails on some tables."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.algorithms.estimator import Regressor, generator, inner_seed
from ostinato.automl.export.graph import Graph

Array = NDArray[np.float64]
_NOTHING = 1e-9  # a scale of residuals that means a perfect fit


class Line(Regressor):
    """A linear regression: `_line(X, y)` gives coefficients `(d,)` and the intercept."""

    coef_: Array
    intercept_: float

    def _line(self, X: Array, y: Array) -> tuple[Array, float]:
        raise NotImplementedError

    def _learn(self, X: Array, y: Array) -> None:
        self.coef_, self.intercept_ = self._line(X, y)

    def _values(self, X: Array) -> Array:
        return X @ self.coef_ + self.intercept_

    def write(self, graph: Graph, x: str) -> str:
        """One matrix product."""
        return graph.affine(x, self.coef_[:, None], [self.intercept_])


def ridge_line(X: Array, y: Array, alpha: float, weights: Array | None = None) -> tuple[Array, float]:
    """Coefficients `(d,)` and intercept of weighted ridge regression, with the intercept left free."""
    weights = np.ones(len(y)) if weights is None else weights
    total = max(float(weights.sum()), 1e-12)
    mean, level = weights @ X / total, float(weights @ y / total)
    Z = X - mean
    gram = (Z * weights[:, None]).T @ Z
    gram[np.diag_indices_from(gram)] += alpha
    coef = np.asarray(np.linalg.solve(gram, Z.T @ (weights * (y - level))), dtype=np.float64)
    return coef, level - float(mean @ coef)


def latent_line(X: Array, Y: Array, components: int) -> tuple[Array, Array]:
    """Coefficients `(outputs, d)` and intercepts of partial least squares with at most as many components as rows allow.

    The kernel algorithm of Dayal & MacGregor 1997; it stops early where nothing is left to explain.
    """
    mean, level = X.mean(axis=0), Y.mean(axis=0)
    Z, target = X - mean, Y - level
    cross = Z.T @ target
    first = max(float(np.abs(cross).max()), 1e-300)
    turns: list[Array] = []
    loads: list[Array] = []
    coef = np.zeros((X.shape[1], Y.shape[1]))
    for _ in range(min(components, X.shape[1], len(X) - 1)):
        if np.abs(cross).max() < 1e-9 * first:
            break
        weight = np.linalg.svd(cross, full_matrices=False)[0][:, 0]
        weight *= np.sign(weight[np.abs(weight).argmax()]) or 1.0
        turn = weight.copy()
        for known, load in zip(turns, loads, strict=True):
            turn -= (load @ weight) * known
        score = Z @ turn
        size = float(score @ score)
        if size < 1e-9 * len(X):
            break
        load, share = Z.T @ score / size, cross.T @ turn / size
        coef += np.outer(turn, share)
        cross = cross - np.outer(load, share) * size
        turns.append(turn)
        loads.append(load)
    return coef.T, level - mean @ coef


class LatentRegressor(Line):
    """Partial least squares (Wold 1966)."""

    def __init__(self, components: int = 4) -> None:
        self.components = components

    def _line(self, X: Array, y: Array) -> tuple[Array, float]:
        coef, intercept = latent_line(X, y[:, None], self.components)
        return coef[0], float(intercept[0])


class PrincipalRegressor(Line):
    """Least squares on the principal components that hold a `share` of the variance (Massy 1965)."""

    def __init__(self, share: float = 0.9) -> None:
        self.share = share

    def _line(self, X: Array, y: Array) -> tuple[Array, float]:
        mean, level = X.mean(axis=0), float(y.mean())
        left, sizes, right = np.linalg.svd(X - mean, full_matrices=False)
        power = np.cumsum(sizes**2)
        count = 1 + int(np.searchsorted(power, self.share * power[-1]))
        kept = (np.arange(len(sizes)) < count) & (sizes > 1e-9 * max(float(sizes[0]), 1e-300))
        coef = right[kept].T @ (left[:, kept].T @ (y - level) / sizes[kept])
        return coef, level - float(mean @ coef)


class PursuitRegressor(Line):
    """Orthogonal matching pursuit (Pati, Rezaiifar & Krishnaprasad 1993) up to a `share` of the columns."""

    def __init__(self, share: float = 0.5) -> None:
        self.share = share

    def _line(self, X: Array, y: Array) -> tuple[Array, float]:
        from sklearn.linear_model import OrthogonalMatchingPursuit

        count = max(1, min(round(self.share * X.shape[1]), X.shape[1], len(X) - 1))
        return _line_of(OrthogonalMatchingPursuit(n_nonzero_coefs=count).fit(X, y))


class AngleRegressor(Line):
    """Least angle regression (Efron et al. 2004), stopped after a `share` of the columns."""

    def __init__(self, share: float = 0.5) -> None:
        self.share = share

    def _line(self, X: Array, y: Array) -> tuple[Array, float]:
        from sklearn.linear_model import Lars

        alive = np.flatnonzero(np.ptp(X, axis=0) > 0)
        # of equal columns the path can only take one
        _, first = np.unique(X[:, alive], axis=1, return_index=True)
        columns = alive[np.sort(first)]
        coef = np.zeros(X.shape[1])
        if not len(columns):
            return coef, float(y.mean())
        count = max(1, min(round(self.share * len(columns)), len(X) - 1))
        coef[columns], intercept = _line_of(Lars(n_nonzero_coefs=count).fit(X[:, columns], y))
        return coef, intercept


class ConsensusRegressor(Line):
    """RANSAC (Fischler & Bolles 1981): ridge on the rows that the best of many small samples explains."""

    def __init__(self, threshold: float = 1.0, trials: int = 40, random_state: int | None = None) -> None:
        self.threshold, self.trials, self.random_state = threshold, trials, random_state

    def _line(self, X: Array, y: Array) -> tuple[Array, float]:
        rng = generator(self.random_state)
        size = min(len(X), 2 * X.shape[1] + 2)
        best = ridge_line(X, y, 1.0)
        most = 0
        for _ in range(self.trials):
            rows = rng.permutation(len(X))[:size]
            coef, intercept = ridge_line(X[rows], y[rows], 0.1)
            inside = np.abs(y - X @ coef - intercept) <= self.threshold
            if inside.sum() > most and inside.sum() >= size:
                most, best = int(inside.sum()), ridge_line(X[inside], y[inside], 1.0)
        return best


class TrimmedRegressor(Line):
    """Least trimmed squares (Rousseeuw & Van Driessen 2006): the `kept` share of rows with the smallest residuals counts."""

    def __init__(self, kept: float = 0.8, starts: int = 8, random_state: int | None = None) -> None:
        self.kept, self.starts, self.random_state = kept, starts, random_state

    def _line(self, X: Array, y: Array) -> tuple[Array, float]:
        rng = generator(self.random_state)
        count, size = max(1, int(self.kept * len(X))), min(len(X), 2 * X.shape[1] + 2)
        best, least = ridge_line(X, y, 1.0), np.inf
        for _ in range(self.starts):
            rows = rng.permutation(len(X))[:size]
            line = ridge_line(X[rows], y[rows], 0.1)
            for _ in range(6):
                off = (y - X @ line[0] - line[1]) ** 2
                near = np.argsort(off, kind="stable")[:count]
                line = ridge_line(X[near], y[near], 1.0)
            trimmed = float(np.sort((y - X @ line[0] - line[1]) ** 2)[:count].sum())
            if trimmed < least:
                best, least = line, trimmed
        return best


class MedianSlopeRegressor(Line):
    """Theil–Sen (Dang et al. 2008): the spatial median of the lines through random samples."""

    def __init__(self, samples: int = 100, random_state: int | None = None) -> None:
        self.samples, self.random_state = samples, random_state

    def _line(self, X: Array, y: Array) -> tuple[Array, float]:
        rng = generator(self.random_state)
        # samples of twice the columns: of as many as columns most are nearly singular
        size = min(len(X), 2 * X.shape[1] + 2)
        lines = np.empty((self.samples, X.shape[1] + 1))
        for place in range(self.samples):
            rows = rng.permutation(len(X))[:size]
            coef, intercept = ridge_line(X[rows], y[rows], 0.1)
            lines[place, :-1], lines[place, -1] = coef, intercept
        middle = np.median(lines, axis=0)
        for _ in range(50):  # Weiszfeld's steps towards the spatial median
            weight = 1.0 / np.maximum(np.sqrt(((lines - middle) ** 2).sum(axis=1)), 1e-9)
            middle = weight @ lines / weight.sum()
        return middle[:-1], float(np.median(y - X @ middle[:-1]))


class BiweightRegressor(Line):
    """An M estimate with Tukey's biweight (Beaton & Tukey 1974), by reweighted ridge regression."""

    def __init__(self, tuning: float = 4.685, alpha: float = 1.0) -> None:
        self.tuning, self.alpha = tuning, alpha

    def _line(self, X: Array, y: Array) -> tuple[Array, float]:
        line = ridge_line(X, y, self.alpha)
        for _ in range(20):
            off = y - X @ line[0] - line[1]
            scale = 1.4826 * float(np.median(np.abs(off - np.median(off))))
            if scale < _NOTHING:
                break
            weights = np.maximum(1.0 - (off / (self.tuning * scale)) ** 2, 0.0) ** 2
            line = ridge_line(X, y, self.alpha, weights)
        return line


class HuberLineRegressor(Line):
    """An M estimate with Huber's weights (Huber 1964), by reweighted ridge regression, which always converges."""

    def __init__(self, epsilon: float = 1.35, alpha: float = 1.0) -> None:
        self.epsilon, self.alpha = epsilon, alpha

    def _line(self, X: Array, y: Array) -> tuple[Array, float]:
        line = ridge_line(X, y, self.alpha)
        for _ in range(30):
            off = np.abs(y - X @ line[0] - line[1])
            scale = 1.4826 * float(np.median(off))
            if scale < _NOTHING:
                break
            line = ridge_line(X, y, self.alpha, np.minimum(1.0, self.epsilon * scale / np.maximum(off, 1e-12)))
        return line


class StochasticRegressor(Line):
    """Averaged stochastic gradients of Huber's loss (Bottou 1998)."""

    def __init__(self, alpha: float = 1e-3, epochs: int = 20, random_state: int | None = None) -> None:
        self.alpha, self.epochs, self.random_state = alpha, epochs, random_state

    def _line(self, X: Array, y: Array) -> tuple[Array, float]:
        from sklearn.linear_model import SGDRegressor

        machine = SGDRegressor(
            loss="huber",
            epsilon=1.0,
            alpha=self.alpha,
            # steps in proportion to the row's size diverge no sooner with many columns
            eta0=0.1 / (1.0 + X.shape[1]),
            max_iter=self.epochs,
            tol=None,
            average=True,
            random_state=inner_seed(self.random_state),
        )
        return _line_of(machine.fit(X, y))


class PassiveAggressiveLine(Line):
    """Steps just long enough to come within `epsilon` of an example (Crammer et al. 2006), averaged."""

    def __init__(
        self, aggressiveness: float = 0.01, epsilon: float = 0.1, epochs: int = 10, random_state: int | None = None
    ) -> None:
        self.aggressiveness, self.epsilon, self.epochs = aggressiveness, epsilon, epochs
        self.random_state = random_state

    def _line(self, X: Array, y: Array) -> tuple[Array, float]:
        from sklearn.linear_model import SGDRegressor

        machine = SGDRegressor(
            loss="epsilon_insensitive",
            epsilon=self.epsilon,
            penalty=None,
            learning_rate="pa1",
            eta0=self.aggressiveness,
            max_iter=self.epochs,
            tol=None,
            average=True,
            random_state=inner_seed(self.random_state),
        )
        return _line_of(machine.fit(X, y))


class LogLinkRegressor(Regressor):
    """A generalised linear model with a logarithmic link (Nelder & Wedderburn 1972), of the target above its minimum.

    `power` is Tweedie's: 1 Poisson, 2 gamma, between them counts of amounts. Predictions end a little above the largest target.
    """

    coef_: Array
    intercept_: float
    base_: float
    highest_: float

    def __init__(self, power: float = 1.5, alpha: float = 1e-2, shift: float = 0.1) -> None:
        self.power, self.alpha, self.shift = power, alpha, shift

    def _learn(self, X: Array, y: Array) -> None:
        from sklearn.linear_model import TweedieRegressor

        self.base_ = float(y.min()) - self.shift
        machine = TweedieRegressor(power=self.power, alpha=self.alpha, link="log", max_iter=200)
        machine.fit(X, y - self.base_)
        self.coef_, self.intercept_ = _line_of(machine)
        self.highest_ = float(np.log((y - self.base_).max())) + 0.5

    def _values(self, X: Array) -> Array:
        found: Array = np.exp(np.minimum(X @ self.coef_ + self.intercept_, self.highest_)) + self.base_
        return found

    def write(self, graph: Graph, x: str) -> str:
        """Matrix product, bound, exponential, shift."""
        margins = graph.affine(x, self.coef_[:, None], [self.intercept_])
        raised = graph.op("Exp", graph.op("Min", margins, graph.constant([self.highest_])))
        return graph.op("Add", raised, graph.constant([self.base_]))


def _line_of(machine: Any) -> tuple[Array, float]:
    return np.ravel(np.asarray(machine.coef_, dtype=np.float64)), float(np.ravel(machine.intercept_)[0])
