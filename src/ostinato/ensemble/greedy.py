"""Greedy weighted soft voting: models enter one at a time, with replacement, as long as the vote improves.

Caruana, Niculescu-Mizil, Crew & Ksikes: Ensemble selection from libraries of models, 2004.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Vote:
    """Weights `(n_models,)` that sum to one, the loss that they reach, and the loss of the best single model."""

    weights: tuple[float, ...]
    loss: float
    best_single: float
    path: tuple[int, ...]  # the model that entered in each round kept


def greedy(scores: Sequence[Array], loss: Callable[[Array], float], rounds: int, max_members: int) -> Vote:
    """Weigh models by out-of-fold `scores`, each `(n, outputs)`, so that `loss` of the vote is least.

    At most `max_members` different models get a weight. Of the rounds played the shortest run with the least loss counts;
    of equal models the earlier one wins. Needs scores that no model had seen the answers to.

    >>> right, wrong = np.array([[0.9, 0.1]]), np.array([[0.1, 0.9]])
    >>> greedy([wrong, right], lambda p: float(-np.log(p[0, 0])), rounds=3, max_members=2).weights
    (0.0, 1.0)
    """
    if not scores:
        raise ValueError("greedy needs the scores of at least one model, got none")
    total = np.zeros_like(scores[0])
    path: list[int] = []
    losses: list[float] = []
    for size in range(1, rounds + 1):
        open_ = set(path) if len(set(path)) >= max_members else set(range(len(scores)))
        tried = [(round(loss((total + scores[i]) / size), 12), i) for i in sorted(open_)]
        least, model = min(tried)
        total += scores[model]
        path.append(model)
        losses.append(least)
    length = int(np.argmin(losses)) + 1
    counts = np.bincount(path[:length], minlength=len(scores)) / length
    return Vote(tuple(map(float, counts)), losses[length - 1], losses[0], tuple(path[:length]))
