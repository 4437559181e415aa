"""A point that is being tried, and the record of one that was."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ostinato.automl.space import Value
from ostinato.core.errors import UsageError

State = Literal["complete", "pruned", "failed"]
Bars = Callable[[int], float]  # by step: the loss above which a trial is cut there


class Pruned(Exception):  # noqa: N818 - no fault, but the way out of a trial that is not worth going on with
    """Raised by `Trial.report` where the trial should end; let it pass through your function."""


class OutOfBudget(Pruned):
    """The budget is over; the trial says nothing and is tried again when the study goes on."""


@dataclass(frozen=True)
class Record:
    """One trial that is over. `values` has one figure an objective, as the function gave them; empty unless complete."""

    number: int
    params: Mapping[str, Value]  # without settings that do not apply
    point: Mapping[str, Value]  # with them
    state: State
    values: tuple[float, ...] = ()
    steps: tuple[tuple[int, float], ...] = ()
    seconds: float = 0.0
    reason: str = ""

    @property
    def value(self) -> float:
        """The first objective; NaN where the trial did not complete."""
        return self.values[0] if self.values else math.nan


@dataclass
class Trial:
    """One point to try. `trial["C"]` is a setting that applies; `seed` is the trial's own, whoever runs it and when.

    A function that can be cut calls `report(step, loss)` as it goes. One that looks at `seconds_left` and `levels` keeps the
    budget and starts small.
    """

    number: int
    params: Mapping[str, Value]
    point: Mapping[str, Value]
    seed: int
    levels: tuple[tuple[int, float], ...] = ((0, 1.0),)  # (step, share or amount) to work through, the last one is all
    bars: Bars = field(default=lambda _step: math.inf, repr=False)
    sign: float = field(default=1.0, repr=False)
    deadline: float = field(default=math.inf, repr=False)  # by time.monotonic
    full: Callable[[], str] = field(default=lambda: "", repr=False)  # why memory is over, if it is
    repeats: Record | None = field(default=None, repr=False)  # an equal point whose values are known
    steps: list[tuple[int, float]] = field(default_factory=list)
    started: float = field(default_factory=lambda: time.monotonic(), repr=False)  # noqa: PLW0108 - looked up when called

    def __getitem__(self, name: str) -> Value:
        return self.params[name]

    def get(self, name: str, default: Value = None) -> Value:
        """A setting, or `default` where it does not apply."""
        return self.params.get(name, default)

    @property
    def seconds_left(self) -> float:
        """What the budget leaves, in seconds, at least 0; infinite where time is no bound."""
        return max(self.deadline - time.monotonic(), 0.0)

    def report(self, step: int, loss: float) -> None:
        """Tell the first objective after `step`; raises Pruned where others were better there, or the budget is over."""
        if not isinstance(step, int) or step < 0 or (self.steps and step <= self.steps[-1][0]):
            raise UsageError(f"report: step {step!r} has to be a whole number above {self.steps[-1:] or -1}")
        self.steps.append((step, float(loss)))
        if not math.isfinite(loss):
            raise Pruned(f"its loss at step {step} is {loss}")
        if self.sign * loss > self.bars(step):
            raise Pruned(f"worse than others at step {step}")
        if time.monotonic() > self.deadline:
            raise OutOfBudget(f"the time was over at step {step}")
        if reason := self.full():
            raise OutOfBudget(f"{reason} at step {step}")
