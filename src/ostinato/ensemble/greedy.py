"""Greedy weighted soft voting: models enter one at a time, with replacement, as long as the vote improves.

Caruana, Niculescu-Mizil, Crew & Ksikes: Ensemble selection from libraries of models, 2004.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ostinato.core.errors import SearchError, UsageError
from ostinato.ensemble.running import Running, RunningAny, RunningLoss

Array = NDArray[np.float64]
_STARTS = 8  # models that are tried as the first one where a budget may make the best one too dear
_DIGITS = 12  # losses closer than that are equal, and the earlier model wins


@dataclass(frozen=True)
class Vote:
    """Weights `(n_models,)` that sum to one, the loss that they reach, and the loss of the best single model."""

    weights: tuple[float, ...]
    loss: float
    best_single: float
    path: tuple[int, ...]  # the model that entered in each round kept

    @property
    def members(self) -> tuple[int, ...]:
        """The models that have a weight, in their order."""
        return tuple(sorted(set(self.path)))


def greedy(
    scores: Sequence[Array],
    loss: Callable[[Array], float] | RunningLoss,
    rounds: int,
    max_members: int,
    *,
    costs: ArrayLike | None = None,
    budget: ArrayLike | None = None,
) -> Vote:
    """Weigh models by out-of-fold `scores`, each `(n, outputs)`, so that `loss` of the vote is least.

    At most `max_members` different models get a weight. Of the rounds played the shortest run with the least loss counts;
    of equal models the earlier one wins. Needs scores that no model had seen the answers to. `loss` is any function of the
    vote's scores; `LogLoss(y)` and `SquaredLoss(y)` of `ostinato.ensemble.running` are evaluated many times faster.

    `costs` `(n_models,)` or `(n_models, k)` with `budget` (a number or `(k,)`) bound the sums over the different members
    in every column: bytes, memory, microseconds. Several models are tried as the first one then, for the best one alone may
    use up the budget. Raises SearchError where not even one model fits, UsageError where costs are no finite numbers ≥ 0.

    >>> right, wrong = np.array([[0.9, 0.1]]), np.array([[0.1, 0.9]])
    >>> loss = lambda p: float(-np.log(p[0, 0]))
    >>> greedy([wrong, right], loss, rounds=3, max_members=2).weights
    (0.0, 1.0)
    >>> greedy([wrong, right], loss, rounds=3, max_members=2, costs=[1, 9], budget=5).weights
    (1.0, 0.0)
    """
    if not scores:
        raise UsageError("greedy needs the scores of at least one model, got none")
    if rounds < 1 or max_members < 1:
        raise UsageError(f"greedy plays at least one round for one member, got rounds={rounds}, {max_members=}")
    running = loss.over(scores) if isinstance(loss, RunningLoss) else RunningAny(scores, loss)
    purse = _Purse.of(costs, budget, len(scores))
    fitting = [i for i in range(len(scores)) if purse.allows([], i)]
    if not fitting:
        raise SearchError(f"no single model fits the budget {purse.limits.tolist()}; {purse.cheapest()}")
    singles = _rounded(running.losses(1, fitting))
    if costs is None:
        return _played(running, purse, fitting[int(np.argmin(singles))], singles, rounds, max_members)
    starts = [fitting[i] for i in np.argsort(singles, kind="stable")[:_STARTS]]
    votes = [_played(running, purse, first, singles, rounds, max_members) for first in starts]
    return min(votes, key=lambda vote: vote.loss)


def _played(running: Running, purse: _Purse, first: int, singles: Array, rounds: int, most: int) -> Vote:
    """One run of the game from the model `first`; of `singles` only the least counts."""
    n_models = running.n_models
    running.clear()
    path, losses = [first], [float(_rounded(running.losses(1, [first]))[0])]
    running.enter(first)
    for size in range(2, rounds + 1):
        inside = set(path)
        new = [] if len(inside) >= most else [i for i in range(n_models) if purse.allows(sorted(inside), i)]
        open_ = sorted(inside | set(new))
        tried = _rounded(running.losses(size, open_))
        best = int(np.argmin(tried))
        running.enter(open_[best])
        path.append(open_[best])
        losses.append(float(tried[best]))
    length = int(np.argmin(losses)) + 1
    counts = np.bincount(path[:length], minlength=n_models) / length
    return Vote(tuple(map(float, counts)), losses[length - 1], float(singles.min()), tuple(path[:length]))


def _rounded(losses: Array) -> Array:
    return np.array([round(float(each), _DIGITS) for each in losses])


@dataclass(frozen=True)
class _Purse:
    """What members cost `(n_models, k)` and what may be spent `(k,)`."""

    costs: Array
    limits: Array = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def of(cls, costs: ArrayLike | None, budget: ArrayLike | None, n_models: int) -> _Purse:
        if (costs is None) != (budget is None):
            raise UsageError("greedy takes costs and budget together, got only one of them")
        if costs is None or budget is None:
            return cls(np.zeros((n_models, 0)))
        table = np.asarray(costs, dtype=np.float64)
        table = table[:, None] if table.ndim == 1 else table
        limits = np.atleast_1d(np.asarray(budget, dtype=np.float64))
        if table.ndim != 2 or table.shape != (n_models, len(limits)):  # noqa: PLR2004
            raise UsageError(
                f"costs {table.shape} do not suit {n_models} models and {len(limits)} budgets; "
                "give one row a model and one column a budget"
            )
        if not np.isfinite(table).all() or (table < 0).any() or np.isnan(limits).any():
            raise UsageError(
                "costs have to be finite numbers ≥ 0 and budgets numbers; a model of unknown cost cannot be chosen"
            )
        return cls(table, limits)

    def allows(self, inside: list[int], model: int) -> bool:
        """Whether the members and one more model, new or not, stay within every limit."""
        if not len(self.limits):
            return True
        together = sorted({*inside, model})
        return bool((self.costs[together].sum(axis=0) <= self.limits).all())

    def cheapest(self) -> str:
        return (
            f"the cheapest costs {self.costs.min(axis=0).tolist()} by column. Raise the budget, or add smaller models"
        )
