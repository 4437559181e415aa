"""Weights with a posterior: model averaging and Bayesian stacking of predictive distributions on out-of-fold log scores.

Hoeting et al. 1999 (averaging); Yao, Vehtari, Simpson & Gelman 2018 (stacking, pseudo-BMA+); Rubin 1981 (Bayesian bootstrap).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.errors import UsageError
from ostinato.ensemble.bench import Bench, row_losses
from ostinato.ensemble.members import Ensemble

Array = NDArray[np.float64]
_STEPS, _ENOUGH = 400, 1e-6  # of the multiplicative updates, and the change of a weight that ends them
_AWAY = 0.02  # by which a start is kept from the edge
_CELLS = 2_000_000  # draws × rows at a time
_TINY = 1e-300


@dataclass(frozen=True)
class Uncertainty:
    """What is unknown `(n,)`: `total` = `aleatoric` (noise that members agree on) + `epistemic` (members that disagree).

    Of classes in nats: entropy, its mean over members, their mutual information (Depeweg et al. 2018). Of values: variances.
    """

    total: Array
    aleatoric: Array
    epistemic: Array


class BayesianEnsemble(Ensemble):
    """Members' predictive distributions, mixed by weights that are known only so well.

    `method`: `stacking` (default; the mixture of best expected log score, right also where no member is true), `pseudo_bma`
    (weights by each member's own score, drawn by the Bayesian bootstrap), `bma` (posterior probability that a member is the true
    one, on out-of-fold scores; soon all goes to one). `prior` is the Dirichlet's concentration, one number or one a member.
    A regressor's distribution is the Gaussian around its value with its own out-of-fold error. With groups the bootstrap draws
    groups. `weight_draws_ (draws, n_models)` is the posterior, `weights_` its centre.

    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.neighbors import KNeighborsRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> made = BayesianEnsemble([("line", Ridge(0.1)), ("near", KNeighborsRegressor(15))]).fit(X, y)
    >>> low, high = made.predict_interval(X[:5], 0.9).T
    >>> bool((low < made.predict(X[:5])).all() and (made.predict(X[:5]) < high).all())
    True
    """

    def __init__(
        self,
        estimators: Sequence[tuple[str, Any]],
        method: str = "stacking",
        prior: float | Sequence[float] = 1.0,
        draws: int = 200,
        cv: Any = 5,
        random_state: int | None = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.estimators = estimators
        self.method = method
        self.prior = prior
        self.draws = draws
        self.cv = cv
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _check_options(self) -> None:
        if self.method not in {"stacking", "pseudo_bma", "bma"}:
            raise UsageError(f"method is stacking, pseudo_bma or bma, got {self.method!r}")
        self._prior()
        if self.draws < 1:
            raise UsageError(f"draws has to be at least 1, got {self.draws}")

    def _prior(self) -> Array:
        n, given = len(self.estimators), np.asarray(self.prior, dtype=np.float64)
        if given.shape not in {(), (n,)} or not (np.isfinite(given) & (given > 0)).all():
            raise UsageError(f"prior has to be one number above 0, or {n} of them, got {given.tolist()}")
        return np.broadcast_to(given, (n,))

    def _learn(self, bench: Bench) -> None:
        prior = self._prior()
        held = bench.held
        densities = self._densities(bench, held)
        portions = self._bootstrapped(bench.units[held])
        even = np.full((1, len(densities)), 1.0)
        if self.method == "stacking":
            self.weights_ = _stacked(densities, even, prior)[0]
            self.weight_draws_ = _stacked(densities, portions, prior, self.weights_)
        else:
            # with the prior's mean as the members' odds before anything was seen
            odds = np.log(prior / prior.sum())
            self.weight_draws_ = _exponential(portions @ densities + odds)
            self.weights_ = (
                _exponential(even @ densities + odds)[0] if self.method == "bma" else self.weight_draws_.mean(axis=0)
            )
        self.log_score_ = float(np.log(np.exp(densities) @ self.weights_ + _TINY).mean())
        self.out_of_fold_ = np.tensordot(self.weights_, bench.scores, axes=1)

    def _densities(self, bench: Bench, held: NDArray[np.bool_]) -> Array:
        """Log densities `(rows, n_models)` of what came true."""
        y, scores = bench.y[held], bench.scores[:, held]
        if bench.problem.classes is not None:
            return np.column_stack([-row_losses(y, each, bench.problem) for each in scores])
        errors = scores[:, :, 0] - y
        least = max(float(np.std(y)), 1.0) * 1e-9
        self.sigmas_ = np.maximum(np.sqrt((errors**2).mean(axis=1)), least)
        z = errors / self.sigmas_[:, None]
        return np.asarray((-0.5 * z**2 - np.log(self.sigmas_)[:, None] - 0.5 * np.log(2 * np.pi)).T)

    def _bootstrapped(self, units: NDArray[np.int64]) -> Array:
        """How much each row counts `(draws, n)`, summing to n; rows of one group count together."""
        _, place = np.unique(units, return_inverse=True)
        drawn = np.random.default_rng(self._seed()).exponential(size=(self.draws, int(place.max()) + 1))[:, place]
        return np.asarray(drawn * (len(units) / drawn.sum(axis=1, keepdims=True)))

    def _scores(self, X: Any) -> Array:
        return np.asarray(np.tensordot(self.weights_, self._all_scores(X, self.weights_ > 0), axes=1))

    def uncertainty(self, X: Any) -> Uncertainty:
        """What is unknown of each row, and whether more members like these could tell."""
        scores = self._all_scores(self._asked(X))
        mixed = np.tensordot(self.weights_, scores, axes=1)
        if self.problem_.classes is not None:
            total, noise = _entropy(mixed), self.weights_ @ _entropy(scores)
            return Uncertainty(total, noise, np.maximum(total - noise, 0))
        noise = np.full(len(mixed), float(self.weights_ @ self.sigmas_**2))
        spread = self.weights_ @ (scores[:, :, 0] - mixed[:, 0]) ** 2
        return Uncertainty(noise + spread, noise, spread)

    def predict_interval(self, X: Any, level: float = 0.9) -> Array:
        """Of values: interval `(n, 2)` of the predictive mixture. Of classes: credible interval `(n, k, 2)` of the probabilities.

        The latter holds the prediction, and tells how well the weights are known, not how the class will fall. For a promised
        coverage see `ostinato.ensemble.conformal`.
        """
        if not 0 < level < 1:
            raise UsageError(f"level has to lie strictly between 0 and 1, got {level}")
        scores = self._all_scores(self._asked(X))
        ends = (0.5 - level / 2, 0.5 + level / 2)
        if self.problem_.classes is not None:
            drawn = np.tensordot(self.weight_draws_, scores, axes=1)
            low, high = np.quantile(drawn, ends, axis=0)
            # where nearly all draws agree and a few lie far off, the mean is no quantile that is asked for
            mean = np.tensordot(self.weights_, scores, axes=1)
            return np.stack([np.minimum(low, mean), np.maximum(high, mean)], axis=-1)
        return np.column_stack([_mixture_quantile(scores[:, :, 0], self.sigmas_, self.weights_, q) for q in ends])


def _stacked(densities: Array, portions: Array, prior: Array, start: Array | None = None) -> Array:
    """Weights `(draws, n_models)` of greatest log score plus log prior, by multiplicative (EM) updates.

    A `start` near the answers saves steps; no weight is begun at zero, for from there it could not rise.
    """
    p = np.exp(densities - densities.max(axis=1, keepdims=True))
    even = prior / prior.sum()
    first = even if start is None else (1 - _AWAY) * start + _AWAY * even
    block = max(_CELLS // max(len(p), 1), 1)
    found = [_climbed(p, portions[i : i + block], prior, first) for i in range(0, len(portions), block)]
    return np.vstack(found)


def _climbed(p: Array, portions: Array, prior: Array, first: Array) -> Array:
    weights = np.tile(first, (len(portions), 1))
    for _ in range(_STEPS):
        share = portions / np.maximum(weights @ p.T, _TINY)
        counts = np.maximum(weights * (share @ p) + prior - 1, _TINY)
        new = counts / counts.sum(axis=1, keepdims=True)
        done = np.abs(new - weights).max() < _ENOUGH
        weights = new
        if done:
            break
    return np.asarray(weights)


def _exponential(logs: Array) -> Array:
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _entropy(p: Array) -> Array:
    return np.asarray(-(p * np.log(np.maximum(p, _TINY))).sum(axis=-1))


def _mixture_quantile(means: Array, sigmas: Array, weights: Array, q: float) -> Array:
    """The value `(n,)` below which a mixture of Gaussians `(n_models, n)` lies with probability q, by bisection."""
    from scipy.special import ndtr

    used = weights > 0
    means, sigmas, weights = means[used], sigmas[used][:, None], weights[used]
    low, high = (means - 40 * sigmas).min(axis=0), (means + 40 * sigmas).max(axis=0)
    for _ in range(80):
        middle = (low + high) / 2
        below = weights @ ndtr((middle - means) / sigmas) < q
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray((low + high) / 2)
