"""What a search may use: trials, seconds, memory; and whether another trial fits in.

A trial that runs in this process cannot be stopped from outside. So none is started that would, going by the slower ones so
far, end late; and one that reports as it goes is cut when its time is over.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ostinato.core.errors import UsageError

_SLOWER = 0.9  # the quantile of durations that a new trial is expected to take
_OVER = 1.02  # how late it may be expected to end


@dataclass
class Budget:
    """Bounds of one call: `trials` of the whole study, `seconds` of this call, `memory` of this process in bytes."""

    trials: int | None = None
    seconds: float | None = None
    memory: float | None = None
    started: float = field(default_factory=lambda: time.monotonic())  # noqa: PLW0108 - looked up when called

    def __post_init__(self) -> None:
        for name in ("trials", "seconds", "memory"):
            bound = getattr(self, name)
            number = isinstance(bound, int | float | np.integer | np.floating) and not isinstance(bound, bool)
            if bound is not None and (not number or not bound > 0):
                raise UsageError(f"{name}={bound!r}: expected a number above 0, or None for no bound")
        if self.trials is not None and int(self.trials) != self.trials:
            raise UsageError(f"trials={self.trials!r}: expected a whole number")

    @property
    def bounded(self) -> bool:
        """Whether the search ends at all by itself."""
        return any(bound is not None and math.isfinite(bound) for bound in (self.trials, self.seconds))

    @property
    def deadline(self) -> float:
        """By `time.monotonic`."""
        return math.inf if self.seconds is None else self.started + self.seconds

    def over(self, durations: Sequence[float]) -> str:
        """Why no further trial should start, given how long (s) others took; empty where one may."""
        if self.seconds is not None:
            used = time.monotonic() - self.started
            expected = float(np.quantile(durations, _SLOWER)) if durations else 0.0
            if used >= self.seconds or used + expected > _OVER * self.seconds:
                return f"{used:.1f} s of {self.seconds:g} s are used and a trial takes about {expected:.2g} s"
        return self.full()

    def full(self) -> str:
        """Why memory is over, if it is."""
        if self.memory is None:
            return ""
        import psutil

        used = psutil.Process().memory_info().rss
        return f"{used / 1e6:.0f} MB of {self.memory / 1e6:.0f} MB are in use" if used > self.memory else ""
