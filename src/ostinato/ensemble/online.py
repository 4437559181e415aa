"""Weights that follow a stream of outcomes, and how much they can lose against the best member in hindsight.

Hedge and the exponentially weighted average (Cesa-Bianchi & Lugosi 2006, theorems 2.3 and 3.2); fixed share for a best member
that changes (Herbster & Warmuth 1998; Cesa-Bianchi & Lugosi, theorem 5.2). With N members, T rows and learning rate η:

- log loss, η = 1, and squared loss of values within a span B, η = 1/(2B²): regret ≤ ln(1/prior)/η, whatever T. These losses
  are η-exp-concave, which is all that is assumed of them; probabilities are mixed with 1e-9 of the uniform so that they are.
- losses within a span S that are linear or convex, η falling as √(8 ln N / t)/S: regret ≤ S(√(2T ln N) + √(ln N / 8)).
- fixed share a, against the best sequence of members with m changes: ((m+1) ln N + m ln(1/a) + (T−m−1) ln(1/(1−a)))/η, and
  ηT S²/8 more where the loss is only bounded.

The outcomes may be chosen by an adversary; nothing is assumed of where they come from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ostinato.core.errors import UsageError

Array = NDArray[np.float64]
_FLOOR = 1e-9
_HORIZON = 1000  # rows for which a bounded loss with fixed share is tuned; its bound holds for any number


class StreamLoss(Protocol):
    """What a member and a mixture of members lose on a row."""

    @property
    def eta(self) -> float | None:
        """The rate at which the loss is exp-concave; None where it is only bounded."""

    @property
    def span(self) -> float:
        """The largest possible loss."""

    def members(self, said: Array, y: Array) -> Array:
        """Losses `(n, N)` of what members said `(n, N)`."""

    def mixture(self, weights: Array, said: Array, y: Array) -> Array:
        """Losses `(n,)` of the members weighed by `(n, N)`."""


@dataclass(frozen=True)
class LogStream:
    """Members say the probability of what came true."""

    eta: float | None = 1.0
    span: float = float("inf")

    def members(self, said: Array, y: Array) -> Array:
        """Negative log probabilities."""
        return np.asarray(-np.log((1 - _FLOOR) * said + _FLOOR))

    def mixture(self, weights: Array, said: Array, y: Array) -> Array:
        """Negative log of the mixed probability."""
        return np.asarray(-np.log((1 - _FLOOR) * (weights * said).sum(axis=1) + _FLOOR))


@dataclass(frozen=True)
class SquaredStream:
    """Members say a value; values said and true are taken as the nearest between `lower` and `upper`."""

    lower: float
    upper: float

    @property
    def span(self) -> float:
        """The largest possible loss."""
        return float(self.upper - self.lower) ** 2

    @property
    def eta(self) -> float | None:
        """One over twice the squared distance of the ends."""
        return 1 / (2 * max(self.span, 1e-300))

    def members(self, said: Array, y: Array) -> Array:
        """Squared errors."""
        return np.asarray((self._within(said) - self._within(y)[:, None]) ** 2)

    def mixture(self, weights: Array, said: Array, y: Array) -> Array:
        """Squared errors of the weighted mean."""
        return np.asarray(((weights * self._within(said)).sum(axis=1) - self._within(y)) ** 2)

    def _within(self, values: Array) -> Array:
        return np.clip(values, self.lower, self.upper)


@dataclass(frozen=True)
class BoundedStream:
    """Members say their losses, between 0 and `span`; a mixture loses the weighted mean, as one drawn by the weights expects to."""

    span: float = 1.0
    eta: float | None = None

    def members(self, said: Array, y: Array) -> Array:
        """What was said."""
        if ((said < 0) | (said > self.span)).any():
            raise UsageError(f"losses have to lie between 0 and {self.span}, got {said.min()} … {said.max()}")
        return said

    def mixture(self, weights: Array, said: Array, y: Array) -> Array:
        """The weighted mean."""
        return np.asarray((weights * said).sum(axis=1))


class Hedge:
    """Weights over `n_members`, moved row by row. `share` > 0 lets them follow a best member that changes.

    `regret` and `bound` speak of the rows seen so far. Not for members that depend on each other's weights.

    >>> stream = Hedge(2, LogStream())
    >>> stream.update([[0.9, 0.2]] * 20)
    >>> bool(stream.weights[0] > 0.99), stream.regret <= stream.bound()
    (True, True)
    """

    def __init__(
        self,
        n_members: int,
        loss: StreamLoss,
        prior: ArrayLike | None = None,
        share: float = 0.0,
        eta: float | None = None,
    ) -> None:
        first = np.full(n_members, 1 / n_members) if prior is None else np.asarray(prior, dtype=np.float64)
        if first.shape != (n_members,) or not (np.isfinite(first) & (first > 0)).all():
            raise UsageError(f"prior has to be ({n_members},) numbers above 0, got {first.tolist()}")
        if eta is not None and not 0 < eta < np.inf:
            raise UsageError(f"eta has to be a finite rate above 0, got {eta}")
        if not 0 <= share < 1:
            raise UsageError(
                f"share has to be at least 0 and below 1, got {share}; 0.01 expects a change in a hundred rows"
            )
        self.loss, self.share, self.prior = loss, share, first / first.sum()
        self.uniform = bool(np.allclose(self.prior, 1 / n_members))
        most = min(x for x in (loss.eta, eta) if x is not None) if loss.eta or eta else None
        if most is None and (share or not self.uniform):
            most = float(np.sqrt(8 * np.log(max(n_members, 2)) / _HORIZON)) / loss.span
        self.eta = most  # None: falls with the number of rows
        self.rows, self.own = 0, 0.0
        self.members = np.zeros(n_members)  # cumulative losses
        self._logs = np.log(self.prior)

    @property
    def weights(self) -> Array:
        """The weights for the next row."""
        return _softmax(self._next(self._logs, self.members, self.rows))

    @property
    def regret(self) -> float:
        """What was lost beyond the best member so far, in units of the loss."""
        return float(self.own - self.members.min())

    def bound(self, changes: int = 0) -> float:
        """The most that can have been lost beyond the best sequence of members with that many changes."""
        n, rows, log_n = len(self.prior), max(self.rows, 1), float(np.log(len(self.prior)))
        if n == 1:
            return 0.0
        if self.eta is None:
            return float("inf") if changes else self.loss.span * float(np.sqrt(2 * rows * log_n) + np.sqrt(log_n / 8))
        slack = 0.0 if self.loss.eta else self.eta * rows * self.loss.span**2 / 8
        if self.share:
            kept = max(rows - changes - 1, 0)
            told = -np.log(self.prior.min()) + changes * (log_n - np.log(self.share)) - kept * np.log1p(-self.share)
            return float(told / self.eta + slack)
        return float("inf") if changes else float(-np.log(self.prior[self.members.argmin()]) / self.eta + slack)

    def update(self, said: ArrayLike, y: ArrayLike | None = None) -> None:
        """Rows in their order: what members said `(n, N)` before the outcome, and the outcome `(n,)` where the loss needs it."""
        given = np.atleast_2d(np.asarray(said, dtype=np.float64))
        if given.shape[1] != len(self.prior) or not np.isfinite(given).all():
            raise UsageError(
                f"a stream of {len(self.prior)} members needs finite (n, {len(self.prior)}), got {given.shape}"
            )
        truth = np.zeros(len(given)) if y is None else np.asarray(y, dtype=np.float64)
        lost = self.loss.members(given, truth)
        weights = self._shared(lost) if self.share else self._followed(lost)
        self.own += float(self.loss.mixture(weights, given, truth).sum())
        self.rows += len(given)
        self.members = self.members + lost.sum(axis=0)

    def _followed(self, lost: Array) -> Array:
        before = self.members + np.cumsum(lost, axis=0) - lost
        return _softmax(self._next(self._logs, before, self.rows + np.arange(len(lost))[:, None]))

    def _next(self, logs: Array, before: Array, rows: int | NDArray[np.int64]) -> Array:
        if self.share:
            return logs
        if self.eta is not None:
            return np.asarray(logs - self.eta * before)
        rate = np.sqrt(8 * np.log(len(self.prior)) / (np.asarray(rows) + 1)) / self.loss.span
        return np.asarray(logs - rate * before)

    def _shared(self, lost: Array) -> Array:
        out, now = np.empty_like(lost), np.exp(self._logs)
        assert self.eta is not None
        for row, losses in enumerate(lost):
            out[row] = now
            moved = now * np.exp(-self.eta * (losses - losses.min()))
            now = (1 - self.share) * moved / moved.sum() + self.share / len(now)
        self._logs = np.log(now)
        return out


def best_sequence_loss(losses: ArrayLike, changes: int) -> float:
    """The least sum of `losses (n, N)` along a sequence of members that changes at most so often, known in hindsight.

    >>> best_sequence_loss([[0, 1], [0, 1], [1, 0], [1, 0]], changes=1)
    0.0
    """
    table = np.asarray(losses, dtype=np.float64)
    best = np.zeros((changes + 1, table.shape[1]))
    for row in table:
        moved = np.vstack(
            [np.full((1, table.shape[1]), np.inf), np.repeat(best.min(axis=1, keepdims=True), table.shape[1], 1)[:-1]]
        )
        best = np.minimum(best, moved) + row
    return float(best[-1].min())


def _softmax(logs: Array) -> Array:
    powers = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
