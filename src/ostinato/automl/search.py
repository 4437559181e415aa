"""The search: defaults of every algorithm first, then more trials where they pay, fold by fold, bounded by their number.

Each algorithm has its own Optuna study over its own space. Trials run in batches of a fixed size; what is asked and what is
pruned depends only on batches that are done, so the number of threads changes the time and nothing else.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.entry import Entry
from ostinato.automl.fitting import Fitted
from ostinato.automl.metrics import Metric
from ostinato.automl.preparation import Matrix
from ostinato.automl.space import Value, active, settings, to_optuna
from ostinato.core.errors import SearchError
from ostinato.core.hashing import sha256_of_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    import optuna

log = logging.getLogger(__name__)
Array = NDArray[np.float64]
Fold = tuple[NDArray[np.int64], NDArray[np.int64]]
BATCH = 4
_PRUNE_AFTER = 8  # finished trials before any is compared with their median


@dataclass(frozen=True)
class Problem:
    """What is learnt: rows `X (n, d)`, codes or values `y (n,)`, the folds, and the metric that decides."""

    X: Matrix
    y: NDArray[Any]
    outputs: int
    folds: Sequence[Fold]
    metric: Metric


@dataclass(frozen=True)
class Trial:
    """One point that was tried; `losses` per fold, less is better."""

    number: int
    entry: Entry
    params: Mapping[str, Value]
    seed: int
    state: str  # complete, pruned or failed
    losses: tuple[float, ...]
    oof: Array | None = None
    reason: str = ""
    seconds: float = 0.0

    @property
    def loss(self) -> float:
        """Mean loss over the folds that ran; infinite where none did."""
        return float(np.mean(self.losses)) if self.losses else float("inf")


@dataclass
class Arm:
    """One algorithm and its study."""

    entry: Entry
    study: optuna.Study
    place: int
    asked: int = 0
    best: float = float("inf")


@dataclass
class Search:
    """A search over `entries`; `run` does it, `trials` then holds all of it in the order of their numbers."""

    problem: Problem
    entries: Sequence[Entry]
    seed: int
    threads: int = 2
    trials: list[Trial] = field(default_factory=list)

    def run(self, budget: int, guard_seconds: float, told: Callable[[Trial, float], None] | None = None) -> list[Trial]:
        """Do `budget` trials, or stop at a batch's end once `guard_seconds` have passed.

        `told` is called with each trial and the best loss so far. Raises SearchError where no trial completes.
        """
        arms = [self._arm(place, entry) for place, entry in enumerate(self.entries)]
        started, best = time.monotonic(), float("inf")
        with workers(self.threads) as pool:
            while len(self.trials) < budget:
                batch = [self._ask(arms, len(self.trials) + i) for i in range(min(BATCH, budget - len(self.trials)))]
                bars = self._bars()
                jobs = [pool.submit(_attempt, self.problem, blank, bars) for _, _, blank in batch]
                for (arm, asked, _), job in zip(batch, jobs, strict=True):
                    trial = job.result()
                    self._tell(arm, asked, trial)
                    best = min(best, trial.loss if trial.state == "complete" else best)
                    if told:
                        told(trial, best)
                if time.monotonic() - started > guard_seconds:
                    log.warning("search: stopped by its guard of %g s after %d trials", guard_seconds, len(self.trials))
                    break
        if not any(trial.state == "complete" for trial in self.trials):
            reasons = "; ".join(f"{t.entry.key}: {t.reason}" for t in self.trials[:3])
            raise SearchError(f"none of {len(self.trials)} trials completed ({reasons}). Check the inputs' values.")
        return self.trials

    def _arm(self, place: int, entry: Entry) -> Arm:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(seed=derived(self.seed, entry.key), n_startup_trials=4)
        study = optuna.create_study(sampler=sampler, study_name=entry.key)
        study.enqueue_trial({s.name: s.default for s in settings(entry.space)})
        return Arm(entry, study, place)

    def _ask(self, arms: Sequence[Arm], number: int) -> tuple[Arm, optuna.Trial, Trial]:
        arm = chosen(arms)
        asked = arm.study.ask(to_optuna(arm.entry.space))
        arm.asked += 1
        params = active(arm.entry.space, asked.params) if arm.entry.space else {}
        return arm, asked, Trial(number, arm.entry, params, derived(self.seed, arm.entry.key, number), "asked", ())

    def _tell(self, arm: Arm, asked: optuna.Trial, trial: Trial) -> None:
        import optuna

        for step, loss in enumerate(np.cumsum(trial.losses) / np.arange(1, len(trial.losses) + 1)):
            asked.report(float(loss), step)
        match trial.state:
            case "complete":
                arm.study.tell(asked, trial.loss)
                arm.best = min(arm.best, trial.loss)
            case "pruned":
                arm.study.tell(asked, state=optuna.trial.TrialState.PRUNED)
                arm.best = trial.loss if np.isinf(arm.best) else arm.best
            case _:
                arm.study.tell(asked, state=optuna.trial.TrialState.FAIL)
        self.trials.append(trial)

    def _bars(self) -> list[float]:
        """Per fold the median running loss of the trials that are done; a later trial above it is cut."""
        done = [t.losses for t in self.trials if t.state == "complete"]
        if len(done) < _PRUNE_AFTER:
            return [float("inf")] * len(self.problem.folds)
        running = np.cumsum(done, axis=1) / np.arange(1, len(self.problem.folds) + 1)
        return [float(bar) for bar in np.median(running, axis=0)]


def chosen(arms: Sequence[Arm]) -> Arm:
    """The algorithm whose turn it is: each once by its defaults, then with shares that fall with its rank and its cost."""
    fresh = [arm for arm in arms if arm.asked == 0]
    if fresh:
        return fresh[0]
    ranked = sorted(arms, key=lambda arm: (arm.best, arm.place))

    def served(each: tuple[int, Arm]) -> tuple[float, int]:
        rank, arm = each
        return rank * arm.asked * float(np.sqrt(arm.entry.cost)), rank

    return min(enumerate(ranked, start=1), key=served)[1]


def derived(*parts: Any) -> int:
    """A seed in 31 bits from any values.

    >>> derived(7, "ridge") == derived(7, "ridge") != derived(7, "mlp")
    True
    """
    return int(sha256_of_value(parts)[:8], 16) & 0x7FFFFFFF


def _attempt(problem: Problem, blank: Trial, bars: Sequence[float]) -> Trial:
    """Fit and judge fold by fold; what goes wrong is written into the trial, so that the search goes on."""
    clock = time.perf_counter()
    losses: list[float] = []
    oof = np.full((len(problem.X), problem.outputs), np.nan)
    state, reason = "complete", ""
    try:
        for (train, held), bar in zip(problem.folds, bars, strict=True):
            model = Fitted.fit(
                blank.entry, blank.params, blank.seed, problem.X[train], problem.y[train], problem.outputs
            )
            oof[held] = model.scores(problem.X[held])
            losses.append(problem.metric.loss(problem.y[held], oof[held]))
            if not np.isfinite(losses[-1]):
                raise SearchError(f"its {problem.metric.name} is not a number")
            if len(losses) < len(problem.folds) and float(np.mean(losses)) > bar:
                state, reason = "pruned", f"worse than the median after {len(losses)} folds"
                break
    except Exception as error:
        state, reason = "failed", f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        losses = []
        log.info("search: trial %d of %s failed", blank.number, blank.entry.key, exc_info=True)
    return Trial(
        blank.number,
        blank.entry,
        blank.params,
        blank.seed,
        state,
        tuple(losses),
        oof if state == "complete" else None,
        reason,
        time.perf_counter() - clock,
    )


@contextmanager
def workers(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Threads in which numerical libraries use one thread each; their warnings about single fits are kept quiet."""
    import warnings

    import sklearn.utils._openmp_helpers  # noqa: F401 - so that its OpenMP is there to be limited
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with warnings.catch_warnings(), threadpool_limits(limits=1):
        warnings.simplefilter("ignore")
        with ThreadPoolExecutor(threads, initializer=lambda: threadpool_limits(limits=1) and None) as pool:
            yield pool
