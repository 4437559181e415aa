"""When a trial is cut: the median of others at the same step, or successive halving in brackets; and what to start small with.

What a trial is compared with is settled when it is asked for, from trials that were over then. So the number of jobs and their
speed change nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from ostinato.automl.optimizers.trial import Bars, Record
from ostinato.core.errors import UsageError

PrunerName = Literal["median", "hyperband"]
_ETA = 3  # what Hyperband keeps one of (Li et al. 2018)


@dataclass(frozen=True)
class Fidelity:
    """Amounts of rows, rounds or anything to learn with, each `eta` times the one before, the last being `high`.

    >>> Fidelity(low=100, high=1000).amounts
    (111.1, 333.3, 1000)
    """

    low: float
    high: float
    eta: int = _ETA

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high or not math.isfinite(self.high) or self.eta < 2:  # noqa: PLR2004
            raise UsageError(f"{self}: expected 0 < low <= high and eta of 2 or more")

    @property
    def amounts(self) -> tuple[float, ...]:
        """From the smallest amount to all."""
        steps = int(math.log(self.high / self.low) / math.log(self.eta) + 1e-9)
        return tuple(float(f"{self.high / self.eta**k:.4g}") if k else self.high for k in range(steps, -1, -1))

    def levels(self, bracket: int) -> tuple[tuple[int, float], ...]:
        """(step, amount) of a trial of this bracket; a higher bracket starts with more."""
        return tuple(enumerate(self.amounts))[min(bracket, len(self.amounts) - 1) :]


class Pruner(Protocol):
    """A rule that cuts trials."""

    def bars(self, done: Sequence[Record], sign: float, bracket: int) -> Bars:
        """By step the loss (of `sign` times what was reported) above which a trial is cut."""

    def bracket(self, number: int) -> int:
        """To which bracket a trial belongs."""


@dataclass(frozen=True)
class MedianRule:
    """Cuts what is worse than the median of complete trials at the same step (Golovin et al. 2017), once there are `startup`."""

    startup: int = 8

    def bracket(self, number: int) -> int:
        """All are in one."""
        return 0

    def bars(self, done: Sequence[Record], sign: float, bracket: int) -> Bars:
        """Medians by step."""
        complete = [dict(record.steps) for record in done if record.state == "complete"]

        def bar(step: int) -> float:
            seen = [sign * steps[step] for steps in complete if step in steps]
            return float(np.median(seen)) if len(seen) >= self.startup else math.inf

        return bar


@dataclass(frozen=True)
class HyperbandRule:
    """Asynchronous successive halving in `brackets` that take turns: at each rung the best `1 / eta` go on (Li et al. 2018, 2020).

    Rungs are the levels of a fidelity where there is one (`rungs`), else the steps before 1, eta, eta² … are done. The last rung
    of a fidelity cuts nothing, for all was paid by then.
    """

    eta: int = _ETA
    brackets: int = 1
    rungs: int | None = None

    def bracket(self, number: int) -> int:
        """Brackets take turns by number."""
        return number % self.brackets

    def rung(self, step: int) -> int | None:
        """Which rung a step is, if it is one that cuts."""
        if self.rungs is not None:
            return step if step < self.rungs - 1 else None
        rung = round(math.log(step + 1, self.eta))
        return rung if self.eta**rung == step + 1 else None

    def bars(self, done: Sequence[Record], sign: float, bracket: int) -> Bars:
        """The loss of the last that goes on, by rung; none before `eta` trials have been there."""
        all_steps = [dict(record.steps) for record in done if record.state != "failed"]

        def bar(step: int) -> float:
            rung = self.rung(step)
            if rung is None or rung < bracket:
                return math.inf
            seen = sorted(sign * steps[step] for steps in all_steps if math.isfinite(steps.get(step, math.nan)))
            return seen[len(seen) // self.eta - 1] if len(seen) >= self.eta else math.inf

        return bar


def pruner_named(name: PrunerName | None, fidelity: Fidelity | None, startup: int) -> Pruner | None:
    """The rule that a name stands for; raises UsageError for an unknown one."""
    match name:
        case None:
            return None
        case "median":
            return MedianRule(startup)
        case "hyperband" if fidelity is None:
            return HyperbandRule()
        case "hyperband":
            rungs = len(fidelity.amounts)
            return HyperbandRule(fidelity.eta, rungs, rungs)
        case _:
            raise UsageError(f"pruner={name!r}: expected 'median', 'hyperband' or None")
