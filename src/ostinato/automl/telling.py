"""How a search is shown while it runs: trials, the best score, the time that is left."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ostinato.automl.metrics import Metric
from ostinato.automl.search import Budget, Trial
from ostinato.core import progress


class Telling:
    """What a search calls: `told` with each trial, `tick` now and then. The bar counts trials, or seconds where these bound it."""

    def __init__(self, metric: Metric, budget: Budget, advance: Any) -> None:
        self._metric, self._budget, self._advance = metric, budget, advance
        self._count, self._seconds, self._best, self._last = 0, 0, float("inf"), ""

    def told(self, trial: Trial, best: float) -> None:
        """A trial is done."""
        self._count, self._best, self._last = self._count + 1, best, trial.entry.key
        self._show(trials=1)

    def tick(self) -> None:
        """Time has gone by."""
        if self._budget.seconds is not None:
            self._show(trials=0)

    def _show(self, trials: int) -> None:
        score = "none yet" if math.isinf(self._best) else f"{self._metric.score(self._best):.4f}"
        note = f"{self._count} trials, best {self._metric.name} {score}"
        if self._budget.seconds is not None:
            note += f", {max(0.0, self._budget.left):.0f} s left"
        if self._last:
            note += f" ({self._last})"
        if self._budget.trials is not None:
            self._advance(trials, note=note)
            return
        gone = int((self._budget.seconds or 0.0) - max(0.0, self._budget.left))
        self._advance(gone - self._seconds, note=note)
        self._seconds = gone


@contextmanager
def telling(what: str, metric: Metric, budget: Budget) -> Iterator[Telling]:
    """Progress of a search under the name `what`."""
    counted = budget.trials is not None
    total = budget.trials if counted else math.ceil(budget.seconds or 0.0)
    with progress.track(what, total or 0, "trials" if counted else "s") as advance:
        yield Telling(metric, budget, advance)
