"""The loop of a search: up to `lag` trials asked for, `jobs` of them running, remembered in the order of their numbers."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from ostinato.automl.optimizers.budget import Budget
from ostinato.automl.optimizers.trial import OutOfBudget, Pruned, Record, Trial

if TYPE_CHECKING:
    from ostinato.automl.optimizers.optimizer import Function, OptunaOptimizer

log = logging.getLogger(__name__)
_REPEATS = 100  # known points in a row after which a search has seen its space
Flight = deque[tuple[Trial, "Future[Record | None] | None"]]


def run(
    optimizer: OptunaOptimizer,
    function: Function,
    budget: Budget,
    jobs: int,
    told: Callable[[Record], None] | None = None,
) -> None:
    """Try points until the budget or the space is used up; what was asked for and not run waits for the next call."""
    flight: Flight = deque()
    durations: list[float] = []
    repeated = 0
    pool = ThreadPoolExecutor(jobs) if jobs > 1 else None
    try:
        while True:
            while len(flight) < optimizer.lag and repeated < _REPEATS and _more(optimizer, budget, durations):
                trial = optimizer.propose()
                if optimizer.is_over(trial):
                    continue
                trial.deadline, trial.full, trial.steps = budget.deadline, budget.full, []
                future = pool.submit(attempt, optimizer, function, trial) if pool else None
                flight.append((trial, future))
            if not flight:
                return
            trial, future = flight[0]
            if not pool and budget.over(durations):
                return
            record = future.result() if future else attempt(optimizer, function, trial)
            if record is None:
                return
            flight.popleft()
            optimizer.keep(record)
            repeated = repeated + 1 if trial.repeats else 0
            if not trial.repeats:
                durations.append(record.seconds)
            if told:
                told(record)
    finally:
        _land(optimizer, flight, pool)


def _land(optimizer: OptunaOptimizer, flight: Flight, pool: ThreadPoolExecutor | None) -> None:
    """Wait for what runs, keep what came of it, and let the rest wait."""
    if pool:
        pool.shutdown(wait=True, cancel_futures=True)
    for trial, future in flight:
        ended = future is not None and not future.cancelled() and future.exception() is None
        if future is not None and ended and (record := future.result()) is not None:
            optimizer.keep(record)
        else:
            optimizer.waiting.append(trial)


def _more(optimizer: OptunaOptimizer, budget: Budget, durations: Sequence[float]) -> bool:
    """Whether another trial may be asked for."""
    if optimizer.waiting:
        return not budget.over(durations)
    if budget.trials is not None and optimizer.asked >= budget.trials:
        return False
    if optimizer.size is not None and len(optimizer.tried) >= optimizer.size:
        return False
    if reason := budget.over(durations):
        log.info("search: stopped after %d trials, %s", optimizer.asked, reason)
        return False
    return True


def attempt(optimizer: OptunaOptimizer, function: Function, trial: Trial) -> Record | None:
    """Run one trial and write down what came of it; None where the budget cut it, for then it is to be tried again."""
    trial.started = time.monotonic()
    store = optimizer.store
    if store:
        store.begin(trial.number, trial.point)
    if known := trial.repeats:
        record = optimizer.record(trial, known.values, "complete", f"repeats trial {known.number}")
    else:
        try:
            values = function(trial)
        except OutOfBudget as cut:
            log.info("search: trial %d is put off, %s", trial.number, cut)
            if store:
                store.drop(trial.number)
            return None
        except Pruned as cut:
            record = optimizer.record(trial, None, "pruned", str(cut))
        except Exception as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            record = optimizer.record(trial, None, "failed", reason)
            log.info("search: trial %d failed", trial.number, exc_info=True)
        else:
            record = optimizer.record(trial, values, "complete", "")
    if store:
        store.finish(record)
    return record
