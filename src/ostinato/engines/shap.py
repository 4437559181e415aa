"""SHAP values of an artefact's scores by sampled orders of the columns, from the artefact alone.

Štrumbelj & Kononenko: Explaining prediction models and individual predictions with feature contributions, 2014; each random order
is walked forwards and backwards, which halves the noise (Mitchell et al. 2022). A column that became several (a date, a text) is
one player. Columns that tell the same share what they tell.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.errors import ArtefactError, UsageError
from ostinato.engines.artefact import ModelArtefact

Array = NDArray[np.float64]
Matrix = NDArray[np.float32]
_MOST_CELLS = 2_000_000  # of one batch of mixed rows
_EXACT_UP_TO = 2  # columns for which all orders are walked


def shap_values(artefact: ModelArtefact, X: Any, samples: int = 32, seed: int = 0) -> Array:
    """Contributions `(n, d, outputs)` of the encoder's columns; over `d` they sum to the score less the background's mean score.

    Raises UsageError for fewer than one sample, ArtefactError where the artefact carries no background rows.
    """
    if samples < 1:
        raise UsageError(f"samples={samples!r}: expected 1 or more orders of the columns")
    background = background_of(artefact)
    rows = artefact.encoder.encode(X)
    players = artefact.encoder.owners
    count = int(players.max()) + 1
    orders = _orders(count, samples, np.random.default_rng(seed))
    found = np.zeros((len(rows), count, artefact.scores_of(background[:1]).shape[1]))
    drawn = np.random.default_rng(seed + 1)
    base = artefact.scores_of(background).mean(axis=0)
    for place, row in enumerate(rows):
        found[place] = _of_row(artefact, row, background, players, orders, drawn)
        # what sampling the background left over goes to the columns by what they moved, so that the sum is exact
        rest = artefact.scores_of(row[None])[0] - base - found[place].sum(axis=0)
        moved = np.abs(found[place])
        share = np.divide(moved, moved.sum(axis=0), out=np.full_like(moved, 1 / count), where=moved.sum(axis=0) > 0)
        found[place] += share * rest
    return found


def background_of(artefact: ModelArtefact) -> Matrix:
    """The encoded training rows `(m, columns)` that stand for the absence of a column; raises ArtefactError for none."""
    stored = artefact.manifest.get("background")
    if not stored:
        raise ArtefactError("this artefact carries no background rows to explain by; train it again")
    return np.array([[np.nan if v is None else v for v in row] for row in stored], dtype=np.float32)


def _orders(count: int, samples: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    if count <= _EXACT_UP_TO:
        first = np.arange(count)
        return [first, first[::-1]] * samples
    forward = [rng.permutation(count) for _ in range(samples)]
    return [order for each in forward for order in (each, each[::-1])]


def _of_row(
    artefact: ModelArtefact,
    row: Matrix,
    background: Matrix,
    players: NDArray[np.int64],
    orders: list[NDArray[np.int64]],
    rng: np.random.Generator,
) -> Array:
    """Mean changes of the score as columns take the row's values, one after another, from a background row."""
    count = len(orders[0])
    starts = np.repeat(rng.permutation(max(len(background), len(orders) // 2))[: (len(orders) + 1) // 2], 2)
    total: Array | None = None
    size = max(1, _MOST_CELLS // max(1, (count + 1) * len(row)))
    for first in range(0, len(orders), size):
        own = orders[first : first + size]
        walks = [
            _walk(row, background[s % len(background)], players, o) for s, o in zip(starts[first:], own, strict=False)
        ]
        scores = artefact.scores_of(np.concatenate(walks)).reshape(len(own), count + 1, -1)
        steps = np.diff(scores, axis=1)
        placed = np.zeros_like(steps)
        for which, order in enumerate(own):
            placed[which, order] = steps[which]
        total = placed.sum(axis=0) if total is None else total + placed.sum(axis=0)
    assert total is not None
    return total / len(orders)


def _walk(row: Matrix, start: Matrix, players: NDArray[np.int64], order: NDArray[np.int64]) -> Matrix:
    """Rows `(players + 1, columns)`: the background row, then with one column more of the explained row each."""
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    entered = rank[players][None, :] < np.arange(len(order) + 1)[:, None]
    return np.where(entered, row, start).astype(np.float32)
