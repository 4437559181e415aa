"""The loss of a vote while models enter it: in general, and fast for log loss and squared error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ostinato.core.errors import UsageError

Array = NDArray[np.float64]
_SMALLEST = 1e-15
_OFF = 1e-6  # by which the probabilities of a row may miss one


class Running(Protocol):
    """A vote in the making: what it would lose with one model more, without mixing all scores again."""

    n_models: int

    def clear(self) -> None:
        """Let all models leave."""

    def losses(self, size: int, candidates: Sequence[int]) -> Array:
        """Losses `(n_candidates,)` of the vote of `size` models whose last one is a candidate."""

    def enter(self, model: int) -> None:
        """Add a model for good."""


@runtime_checkable
class RunningLoss(Protocol):
    """A loss that knows how to follow a vote."""

    def over(self, scores: Sequence[Array]) -> Running:
        """The empty vote over `scores`, each `(n, outputs)`."""

    def __call__(self, p: Array) -> float:
        """The loss of scores `(n, outputs)`."""


class RunningAny:
    """Any function of scores, evaluated on the mixed scores of each candidate."""

    def __init__(self, scores: Sequence[Array], loss: Callable[[Array], float]) -> None:
        self.scores, self.loss, self.n_models = scores, loss, len(scores)
        self.clear()

    def clear(self) -> None:
        """Let all models leave."""
        self.total = np.zeros_like(self.scores[0])

    def losses(self, size: int, candidates: Sequence[int]) -> Array:
        """Losses of the mixed scores."""
        return np.array([self.loss((self.total + self.scores[i]) / size) for i in candidates])

    def enter(self, model: int) -> None:
        """Add a model for good."""
        self.total = self.total + self.scores[model]


@dataclass(frozen=True, eq=False)
class LogLoss:
    """Mean negative log probability, in nats, of the true codes `y (n,)`; rows of probabilities sum to one.

    >>> round(LogLoss(np.array([0]))(np.array([[0.5, 0.5]])), 3)
    0.693
    """

    y: ArrayLike

    def __call__(self, p: Array) -> float:
        """The loss of probabilities `(n, k)`."""
        return float(self.over([p]).losses(1, [0])[0])

    def over(self, scores: Sequence[Array]) -> Running:
        """A vote that follows only the probability of the true class."""
        codes = np.asarray(self.y, dtype=np.int64)
        for model, p in enumerate(scores):
            if len(p) and not np.allclose(p.sum(axis=1), 1.0, atol=_OFF):
                raise UsageError(f"the rows of model {model} do not sum to one: log loss needs probabilities")
        return _RunningLog(np.stack([p[np.arange(len(codes)), codes] for p in scores]))


class _RunningLog:
    def __init__(self, own: Array) -> None:
        self.own, self.n_models = own, len(own)
        self.clear()

    def clear(self) -> None:
        self.total = np.zeros(self.own.shape[1])

    def losses(self, size: int, candidates: Sequence[int]) -> Array:
        mixed = (self.total + self.own[list(candidates)]) / size
        found: Array = -np.log(np.clip(mixed, _SMALLEST, None)).mean(axis=1)
        return found

    def enter(self, model: int) -> None:
        self.total = self.total + self.own[model]


@dataclass(frozen=True, eq=False)
class SquaredLoss:
    """Root of the mean squared error to `y (n,)` or `(n, outputs)`; `root=False` leaves the root out.

    >>> SquaredLoss(np.array([0.0, 0.0]))(np.array([[3.0], [3.0]]))
    3.0
    """

    y: ArrayLike
    root: bool = True

    def __call__(self, p: Array) -> float:
        """The loss of values `(n, outputs)`."""
        return float(self.over([p]).losses(1, [0])[0])

    def over(self, scores: Sequence[Array]) -> Running:
        """A vote that follows only the products of the models' errors."""
        truth = np.asarray(self.y, dtype=np.float64)
        errors = np.stack([(p.reshape(len(truth), -1) - truth.reshape(len(truth), -1)).ravel() for p in scores])
        return _RunningSquares(errors @ errors.T / max(errors.shape[1], 1), self.root)


class _RunningSquares:
    def __init__(self, products: Array, root: bool) -> None:
        self.products, self.root, self.n_models = products, root, len(products)
        self.clear()

    def clear(self) -> None:
        self.counts = np.zeros(self.n_models)

    def losses(self, size: int, candidates: Sequence[int]) -> Array:
        beside = self.products @ self.counts
        inside = float(self.counts @ beside)
        grown = inside + 2 * beside[list(candidates)] + np.diag(self.products)[list(candidates)]
        mean = np.clip(grown, 0, None) / size**2
        return np.sqrt(mean) if self.root else mean

    def enter(self, model: int) -> None:
        self.counts = self.counts.copy()
        self.counts[model] += 1
