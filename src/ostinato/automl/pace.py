"""How long a trial will take, by what those before it took: of its own algorithm, else of all by their declared costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ostinato.automl.entry import Entry
    from ostinato.automl.search import Trial

_SECONDS_PER_CELL = 2.5e-6  # of one fold of an algorithm of cost 1, before anything was measured


class Pace:
    """Foreseen seconds of wall time for all folds of a trial on `workers` processes."""

    def __init__(self, shape: tuple[int, ...], outputs: int, folds: int, workers: int) -> None:
        self._cells = max(1, int(np.prod(shape)) * max(1, outputs))
        self._folds, self._workers = folds, workers
        self._own: dict[str, list[float]] = {}
        self._ratios: list[float] = []

    def foreseen(self, entry: Entry) -> float:
        """Seconds for a trial of `entry`, a cautious guess."""
        if own := self._own.get(entry.key):
            fold = float(np.mean(own)) * 1.2
        else:
            fold = self._declared(entry) * (float(np.median(self._ratios)) if self._ratios else 1.0) * 1.5
        rounds = -(-self._folds // self._workers)  # workers take one fold each at a time
        return fold * max(1, rounds)

    def learn(self, trial: Trial) -> None:
        """Take note of what a trial's folds took."""
        if not trial.losses:
            return
        fold = trial.seconds / len(trial.losses)
        self._own.setdefault(trial.entry.key, []).append(fold)
        self._ratios.append(fold / self._declared(trial.entry))

    def _declared(self, entry: Entry) -> float:
        return _SECONDS_PER_CELL * self._cells * 2.0 ** (entry.cost - 1)
