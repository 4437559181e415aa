"""The cost of a vote's members never exceeds the budget, and fast losses give the votes of slow ones."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from ostinato.core.errors import SearchError, UsageError
from ostinato.ensemble.greedy import greedy
from ostinato.ensemble.running import LogLoss, SquaredLoss


def library(rng, n_models=8, n=120, k=3):
    y = rng.integers(0, k, n)
    raw = np.exp(1.5 * np.eye(k)[y] + rng.uniform(0.5, 3, (n_models, 1, 1)) * rng.normal(size=(n_models, n, k)))
    return y, list(raw / raw.sum(axis=2, keepdims=True))


@pytest.mark.parametrize("seed", range(40))
def test_members_stay_within_every_budget(seed):
    rng = np.random.default_rng(seed)
    y, scores = library(rng)
    costs = rng.uniform(0, 1, (8, 2)) * [1, 100]
    budget = np.array([rng.uniform(0.3, 2), rng.uniform(30, 200)])
    if not (costs <= budget).all(axis=1).any():
        with pytest.raises(SearchError, match="no single model fits"):
            greedy(scores, LogLoss(y), 20, 8, costs=costs, budget=budget)
        return
    vote = greedy(scores, LogLoss(y), 20, 8, costs=costs, budget=budget)
    assert (costs[list(vote.members)].sum(axis=0) <= budget).all()
    assert vote.loss <= vote.best_single, "some member that fits is as good as the vote"
    assert vote == greedy(scores, LogLoss(y), 20, 8, costs=costs, budget=budget), "two runs, two votes"


def test_two_cheap_models_may_beat_the_dear_best_one(rng):
    y = rng.integers(0, 2, 4000)
    noise = rng.normal(size=(3, 4000))

    def proba(sigma, i):
        second = 1 / (1 + np.exp(-2 * (y + sigma * noise[i] - 0.5) / sigma**2))
        return np.column_stack([1 - second, second])

    scores = [proba(1.0, 0), proba(1.1, 1), proba(1.1, 2)]
    vote = greedy(scores, LogLoss(y), 30, 3, costs=[10, 5, 5], budget=10)
    assert vote.members == (1, 2)
    assert vote.loss < LogLoss(y)(scores[0]), "the best model alone uses up the budget and is worse"


def test_a_budget_that_is_no_limit_changes_nothing(rng):
    y, scores = library(rng)
    assert (
        greedy(scores, LogLoss(y), 20, 4, costs=np.ones(8), budget=np.inf).loss
        <= greedy(scores, LogLoss(y), 20, 4).loss
    )


def test_fast_losses_play_the_game_of_slow_ones(rng):
    y, scores = library(rng, 12)
    rows = np.arange(len(y))
    slow = greedy(scores, lambda p: float(-np.log(np.clip(p[rows, y], 1e-15, None)).mean()), 40, 6)
    fast = greedy(scores, LogLoss(y), 40, 6)
    assert (fast.weights, fast.path) == (slow.weights, slow.path)
    values = rng.normal(size=80)
    guesses = [(values + rng.normal(0, s, 80))[:, None] for s in (0.5, 0.6, 0.7, 2.0)]
    slow = greedy(guesses, lambda p: float(np.sqrt(((p[:, 0] - values) ** 2).mean())), 40, 4)
    fast = greedy(guesses, SquaredLoss(values), 40, 4)
    assert (fast.weights, fast.path) == (slow.weights, slow.path)
    assert fast.loss == pytest.approx(slow.loss)


def test_greedy_squares_come_near_the_best_of_all_votes(rng):
    values = rng.normal(size=60)
    guesses = [(values + rng.normal(0, 1, 60))[:, None] for _ in range(3)]
    best = min(
        float(np.sqrt(((np.tensordot(w, np.stack(guesses), axes=1)[:, 0] - values) ** 2).mean()))
        for a, b in itertools.product(np.linspace(0, 1, 41), repeat=2)
        if a + b <= 1
        for w in [np.array([a, b, 1 - a - b])]
    )
    assert greedy(guesses, SquaredLoss(values), 100, 3).loss <= best * 1.005


@pytest.mark.parametrize(
    ("costs", "budget"),
    [
        ([1, 2], None),
        (None, 3),
        ([1, 2, 3], 3),
        ([1, np.nan], 3),
        ([1, -1], 3),
        ([[1, 2], [1, 2]], 3),
        ([1, 2], np.nan),
    ],
)
def test_costs_that_make_no_sense_are_refused(costs, budget):
    scores = [np.array([[0.5, 0.5]])] * 2
    with pytest.raises(UsageError):
        greedy(scores, LogLoss([0]), 3, 2, costs=costs, budget=budget)


def test_scores_that_are_no_probabilities_are_refused():
    with pytest.raises(UsageError, match="model 1 do not sum to one"):
        greedy([np.array([[0.5, 0.5]]), np.array([[2.0, 0.5]])], LogLoss([0]), 3, 2)
