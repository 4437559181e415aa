"""The search: a portfolio of good configurations first, then more trials where they pay, fold by fold in watched processes.

Each algorithm has its own Optuna study over its own space. Trial `t` is asked, and pruned, by what is known of the trials up to
`t - LAG` and told in the order of the numbers, so that the number of workers changes the time and nothing else. A search
that seconds alone bound tells trials as they are done, so that a slow one holds up no other; what a trial would take of the time
that is left is foreseen from those that are done.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.arms import Arm, Arms
from ostinato.automl.crew import Crew
from ostinato.automl.entry import Entry
from ostinato.automl.metrics import Metric
from ostinato.automl.pace import Pace
from ostinato.automl.preparation import Index, Matrix
from ostinato.automl.record import Record, digest_of
from ostinato.automl.space import Value
from ostinato.automl.worker import WHOLE, Answer, Job, Setup, model_path, scores_path
from ostinato.core.errors import SearchError
from ostinato.core.hashing import derived_seed

if TYPE_CHECKING:
    from ostinato.automl.portfolio import Configuration

log = logging.getLogger(__name__)
Array = NDArray[np.float64]
Fold = tuple[NDArray[np.int64], NDArray[np.int64]]
LAG = 4
_PRUNE_AFTER = 5  # finished trials before any is compared with them
_SLACK, _LEEWAY = (
    0.5,
    0.05,
)  # of the way from best to median, and of the median: how much worse than it is not pruned yet
_LAST_SHARE, _MOST_SHARE = (
    0.12,
    0.35,
)  # of the seconds: what is kept at least, and at most, for what comes after the search
_SECONDS_OF_A_TICK = 0.5
_PUTTING_TOGETHER = 0.06  # share of the seconds that is needed for putting a model together


@dataclass(frozen=True)
class Problem:
    """What is learnt: rows `X (n, d)`, codes, values or labels `y`, folds, the metric that decides, levels of columns `(d,)`."""

    X: Matrix
    y: NDArray[Any]
    outputs: int
    folds: Sequence[Fold]
    metric: Metric
    levels: Index | None = None


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
    rounds: int | None = None
    cost: tuple[float, float] = (0.0, 0.0)  # foreseen of one fold's model: microseconds a row in a batch, bytes
    latency: float = 0.0  # measured on one fold's model: microseconds of a single row
    cut: bool = False  # ended by the clock, not by itself

    @property
    def loss(self) -> float:
        """Mean loss over the folds that ran; infinite where none did."""
        return float(np.mean(self.losses)) if self.losses else float("inf")


@dataclass
class _Running:
    number: int
    arm: Arm
    asked: Any
    params: Mapping[str, Value]
    seed: int
    bar: float
    answers: dict[int, Answer] = field(default_factory=dict)
    waiting: set[Future[Answer]] = field(default_factory=set)
    done: Trial | None = None


@dataclass
class Budget:
    """What a search may use; None where it may use all it wants of it. `memory` is bytes of one worker."""

    trials: int | None = None
    seconds: float | None = None
    memory: int | None = None
    started: float = field(default_factory=time.monotonic)
    reserve: float = _LAST_SHARE  # share of the seconds that is kept for what comes after the search

    @property
    def left(self) -> float:
        """Seconds until the end; infinite where there is none."""
        return float("inf") if self.seconds is None else self.started + self.seconds - time.monotonic()

    @property
    def deadline(self) -> float | None:
        """The end as a moment of `time.monotonic()`."""
        return None if self.seconds is None else self.started + self.seconds

    @property
    def last_trial(self) -> float | None:
        """The moment at which the search ends, so that there is time for what comes after it."""
        return None if self.seconds is None else self.started + self.seconds * (1 - self.reserve)

    @property
    def search_left(self) -> float:
        """Seconds until the search ends; infinite where it has no end."""
        return float("inf") if self.last_trial is None else self.last_trial - time.monotonic()


class Search(AbstractContextManager["Search"]):
    """A search over `entries` that starts with a `portfolio`; a context, for its workers and their files end with it."""

    def __init__(
        self,
        problem: Problem,
        entries: Sequence[Entry],
        seed: int,
        *,
        portfolio: Sequence[Configuration] = (),
        threads: int = 2,
        memory: int | None = None,
        folder: Path | None = None,
        prune: bool = True,
    ) -> None:
        self._prune = prune
        self.problem, self.seed, self.trials = problem, seed, list[Trial]()
        self._arms = Arms(entries, portfolio, seed, problem.levels)
        self._size = max(1, threads)
        self._temporary = None if folder else tempfile.TemporaryDirectory(prefix="ostinato-search-")
        self._folder = folder.resolve() if folder else Path(str(self._temporary and self._temporary.name))
        self._record = Record(self._folder, digest_of(problem, seed)) if folder else None
        self._write()
        preload = (*self._arms.first_modules(LAG), "onnx", "onnxruntime")
        self._crew = Crew(Setup(str(self._folder), problem.outputs, problem.metric, preload), self._size, memory)
        self._pace = Pace(problem.X.shape, problem.outputs, len(problem.folds), self._size)

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._crew.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def __enter__(self) -> Self:
        return self

    def run(
        self,
        budget: Budget,
        told: Callable[[Trial, float], None] | None = None,
        tick: Callable[[], None] | None = None,
    ) -> list[Trial]:
        """Try until the budget is used; `told` is called with each trial and the best loss so far, `tick` now and then.

        Raises SearchError where no trial completes.
        """
        running: dict[int, _Running] = {}
        best = float("inf")
        self._fill(running, budget)
        while running:
            futures = {future: each for each in running.values() for future in each.waiting}
            if futures and self._told_next(running, budget) is None:
                for future in wait(futures, timeout=_SECONDS_OF_A_TICK, return_when=FIRST_COMPLETED).done:
                    self._answered(futures[future], future, budget)
                if tick:
                    tick()
            while (first := self._told_next(running, budget)) is not None:
                trial = running.pop(first.number).done
                assert trial is not None
                self._arms.tell(first.arm, first.asked, trial)
                self.trials.append(trial)
                self._pace.learn(trial)
                if self._record is not None:
                    self._record.keep(trial)
                if trial.state == "complete" and trial.loss < best:
                    best = trial.loss
                    self._keep_time(trial, budget)
                if told:
                    told(trial, best)
                self._fill(running, budget)  # before the next one is told: a trial knows of all but the last LAG
        if not any(trial.state == "complete" for trial in self.trials):
            raise SearchError(_none(self.trials))
        return self.trials

    def _keep_time(self, best: Trial, budget: Budget) -> None:
        """Keep enough time to fit the best trial once more, on all rows."""
        if budget.seconds is not None:
            wanted = 1.3 * self.foreseen(best) / budget.seconds + _PUTTING_TOGETHER
            budget.reserve = min(_MOST_SHARE, max(_LAST_SHARE, wanted))

    def _told_next(self, running: dict[int, _Running], budget: Budget) -> _Running | None:
        """The trial that is told next: in the order of numbers where they bound the search, else in that of being done."""
        if budget.trials is not None:
            first = running.get(len(self.trials))
            return first if first is not None and first.done is not None else None
        return next((each for each in running.values() if each.done is not None), None)

    def _fill(self, running: dict[int, _Running], budget: Budget) -> None:
        number = len(self.trials) + len(running)
        while len(running) < LAG and (begun := self._begin(number, budget)) is not None:
            running[number] = begun
            number += 1

    def whole(self, trial: Trial, deadline: float | None = None) -> Future[Answer]:
        """Fit a trial's point on all rows, with as many rounds of boosting as its folds kept."""
        seconds = None if deadline is None else max(0.1, (deadline - time.monotonic()) * 0.9)
        job = Job(trial.number, WHOLE, trial.entry, trial.params, trial.seed, seconds, rounds=self._whole_rounds(trial))
        return self._crew.submit(job, deadline)

    def foreseen(self, trial: Trial) -> float:
        """Seconds that fitting a trial on all rows will take, by what its folds took."""
        return trial.seconds / max(1, len(trial.losses)) * len(self.problem.folds) / max(1, len(self.problem.folds) - 1)

    def model(self, trial: Trial, fold: int) -> bytes:
        """The ONNX model of a fold, or of all rows (`WHOLE`) once that was fitted."""
        return model_path(self._folder, trial.number, fold).read_bytes()

    def _whole_rounds(self, trial: Trial) -> int | None:
        if trial.rounds is None:
            return None
        # all rows are more than a fold had, and more rows bear more rounds
        folds = len(self.problem.folds)
        return round(trial.rounds * (1 + 0.5 / max(1, folds - 1)))

    def _write(self) -> None:
        folder, problem = self._folder, self.problem
        levels = np.zeros(problem.X.shape[1], dtype=np.int64) if problem.levels is None else problem.levels
        arrays = {"X": np.asarray(problem.X, dtype=np.float32), "y": problem.y, "levels": levels}
        for number, (train, held) in enumerate(problem.folds):
            arrays |= {f"train_{number}": train, f"held_{number}": held}
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)

    def _begin(self, number: int, budget: Budget) -> _Running | None:
        """Ask for a point and submit its first fold; None where the budget has no room for another trial."""
        if budget.trials is not None and number >= budget.trials:
            return None
        left = budget.search_left
        if left <= 0:
            return None
        counted = budget.trials is not None  # then the time is only a guard, and must not choose
        chosen = self._arms.ask(lambda entry: 0.0 if counted else self._pace.foreseen(entry) / left)
        if chosen is None:
            return None
        arm, asked, params = chosen
        seed = derived_seed(self.seed, arm.entry.key, number)
        running = _Running(number, arm, asked, params, seed, self._bar())
        known = None if self._record is None else self._record.find(number, arm.entry.key, params, seed)
        if known is not None:
            running.done = self._remembered(running, known)
            return running
        self._submit(running, 0, budget, running.bar)
        return running

    def _remembered(self, running: _Running, facts: Mapping[str, Any]) -> Trial:
        oof = self._oof(running.number) if facts["state"] == "complete" else None
        return Trial(
            running.number,
            running.arm.entry,
            running.params,
            running.seed,
            facts["state"],
            tuple(facts["losses"]),
            oof,
            facts["reason"],
            facts["seconds"],
            facts["rounds"],
            (facts["cost"][0], facts["cost"][1]),
            facts["latency"],
        )

    def _submit(self, running: _Running, fold: int, budget: Budget, bar: float = float("inf")) -> None:
        seconds = None
        if budget.seconds is not None:
            # a fold may take its share of what is left, so that the others can follow
            rest = len(self.problem.folds) - fold
            seconds = max(0.2, budget.search_left * self._size / max(self._size, rest) * 0.8)
        job = Job(running.number, fold, running.arm.entry, running.params, running.seed, seconds, bar)
        running.waiting.add(self._crew.submit(job, budget.last_trial))

    def _answered(self, running: _Running, future: Future[Answer], budget: Budget) -> None:
        running.waiting.discard(future)
        answer = future.result()
        running.answers[answer.fold] = answer
        if running.done is not None:
            return
        if answer.reason:
            running.done = self._finished(running, "failed", answer.reason)
        elif answer.fold == 0 and answer.loss > running.bar and len(self.problem.folds) > 1:
            running.done = self._finished(running, "pruned", "its first fold is worse than most others'")
        elif len(running.answers) == len(self.problem.folds):
            running.done = self._finished(running, "complete", "")
        elif answer.fold == 0:
            for fold in range(1, len(self.problem.folds)):
                self._submit(running, fold, budget)

    def _finished(self, running: _Running, state: str, reason: str) -> Trial:
        answers = [running.answers[fold] for fold in sorted(running.answers)]
        good = [each for each in answers if not each.reason]
        rounds = [each.rounds for each in good if each.rounds is not None]
        return Trial(
            running.number,
            running.arm.entry,
            running.params,
            running.seed,
            state,
            () if state == "failed" else tuple(each.loss for each in good),
            self._oof(running.number) if state == "complete" else None,
            reason,
            sum(each.seconds for each in answers),
            round(float(np.mean(rounds))) if rounds else None,
            tuple(np.mean([each.cost for each in good], axis=0).tolist()) if good else (0.0, 0.0),
            float(np.median([each.latency for each in good])) if good else 0.0,
            any(each.cut for each in answers),
        )

    def _oof(self, number: int) -> Array:
        oof = np.full((len(self.problem.X), self.problem.outputs), np.nan)
        for fold, (_, held) in enumerate(self.problem.folds):
            oof[held] = np.load(scores_path(self._folder, number, fold), allow_pickle=False)
        return oof

    def _bar(self) -> float:
        """The loss of a first fold above which a trial is cut: somewhat worse than the median of those that are done."""
        firsts = [trial.losses[0] for trial in self.trials if trial.state == "complete"]
        if len(firsts) < _PRUNE_AFTER or not self._prune:
            return float("inf")
        middle, least = float(np.median(firsts)), float(np.min(firsts))
        return middle + _SLACK * (middle - least) + _LEEWAY * abs(middle)


def _none(trials: Sequence[Trial]) -> str:
    if not trials:
        return "the time was over before any trial was done. Give more seconds, or fewer rows."
    reasons = "; ".join(f"{t.entry.key}: {t.reason}" for t in trials[:3])
    return f"none of {len(trials)} trials completed ({reasons}). Check the inputs' values, or give more seconds."
