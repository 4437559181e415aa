"""`OptunaOptimizer`: the best point of a space, found with a budget, by any sampler, in a study that can be taken up again."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ostinato.automl.optimizers import grid
from ostinato.automl.optimizers.budget import Budget
from ostinato.automl.optimizers.points import checked, completed
from ostinato.automl.optimizers.pruning import Fidelity, PrunerName, pruner_named
from ostinato.automl.optimizers.sampling import SamplerName, sampling
from ostinato.automl.optimizers.trial import Record, State, Trial
from ostinato.automl.space import Space, Value, active
from ostinato.core.errors import SearchError, UsageError
from ostinato.core.hashing import derived_seed

if TYPE_CHECKING:
    import pandas as pd

    from ostinato.automl.optimizers.storage import Direction, Store
    from ostinato.automl.pareto import ParetoFront

log = logging.getLogger(__name__)
Function = Callable[[Trial], float | Sequence[float]]


class OptunaOptimizer:
    """Asks for points of `space` and is told what they gave.

    `sampler` is "tpe", "random", "grid", "nsga2", or, where their packages are installed, "cmaes", "gp", "hyperopt" or "skopt".
    Points of `warm_start` come first; results of `prior`, pairs of a point and its values, are known from the start. With
    `storage`, a journal file or a `postgresql://` address, the study of that `name` goes on where it was. Point n is proposed from
    the results of points 0 … n - `lag`; up to `lag` trials run at once, and how many do changes nothing.

    >>> from ostinato.automl.space import Float
    >>> optimizer = OptunaOptimizer((Float("x", -4.0, 4.0, default=0.0),), seed=1)
    >>> best = optimizer.minimise(lambda trial: (trial["x"] - 1) ** 2, trials=40)
    >>> abs(best.params["x"] - 1) < 0.3
    True
    """

    def __init__(
        self,
        space: Space,
        *,
        sampler: SamplerName = "tpe",
        direction: Direction | Sequence[Direction] = "minimize",
        objectives: Sequence[str] = ("loss",),
        seed: int = 0,
        storage: str | Path | None = None,
        name: str = "study",
        warm_start: Sequence[Mapping[str, Value]] = (),
        prior: Sequence[tuple[Mapping[str, Value], float | Sequence[float]]] = (),
        pruner: PrunerName | None = "median",
        fidelity: Fidelity | None = None,
        startup: int = 8,
        lag: int = 2,
    ) -> None:
        from ostinato.automl.optimizers.study import LaggedStudy

        self.space, self.objectives, self.seed, self.lag, self.name = checked(space), tuple(objectives), seed, lag, name
        self.directions = _directions(direction, self.objectives)
        if lag < 1 or startup < 1:
            raise UsageError(f"lag={lag}, startup={startup}: both have to be 1 or more")
        self._signs = [-1.0 if each == "maximize" else 1.0 for each in self.directions]
        self._first = [completed(self.space, point) for point in warm_start]
        known = [(completed(self.space, point), self._values(values)) for point, values in prior]
        drawn = sampling(sampler, self.space, seed, len(self.objectives), startup)
        self._pruner, self._fidelity = pruner_named(pruner, fidelity, startup), fidelity
        self.size = drawn.size if drawn.size is not None else grid.size(self.space)
        self._study = LaggedStudy(self.space, drawn, self._signs, lag)
        for point, values in known:
            self._study.know(point, values)
        self._known: dict[int, Record] = {}
        self._untold: set[int] = set()
        self._seen: dict[str, Record] = {}  # complete trials that the sampler was told of, by point
        self.tried: set[str] = set()
        self.waiting: deque[Trial] = deque()  # asked for and then left, by an interrupt or the end of a budget
        self.asked = 0
        self._kept: dict[int, Record] = {}
        self._again: dict[int, Mapping[str, Value]] = {}
        contract = {
            "space": repr(self.space), "objectives": self.objectives, "directions": self.directions, "sampler": sampler,
            "seed": seed, "lag": lag, "startup": startup, "pruner": pruner, "fidelity": repr(fidelity),
            "warm_start": self._first, "prior": known,
        }  # fmt: skip
        self.store = self._opened(storage, contract)

    def _opened(self, storage: str | Path | None, contract: Mapping[str, Any]) -> Store | None:
        """Open the store and take up what it holds."""
        if storage is None:
            return None
        from ostinato.automl.optimizers.storage import Store

        store = Store(storage, self.name, self.space, self.directions, contract)
        try:
            kept = store.load()
        except BaseException:
            store.close()
            raise
        self._kept, self._again = kept.records, {number: point for number, (point, _) in kept.again.items()}
        while self.asked in self._kept:
            self.propose()
        return store

    # what is known

    @property
    def records(self) -> tuple[Record, ...]:
        """Trials that are over, by number."""
        return tuple(self._known[number] for number in sorted(self._known))

    @property
    def best(self) -> Record:
        """The complete trial that is best in the first objective; raises SearchError where none completed."""
        complete = [record for record in self.records if record.state == "complete"]
        if not complete:
            reasons = "; ".join(f"trial {r.number}: {r.reason}" for r in self.records[:3])
            raise SearchError(
                f"none of {len(self._known)} trials completed ({reasons or 'none was run'}). Check the function and the budget."
            )
        return min(complete, key=lambda record: self._signs[0] * record.value)

    @property
    def pareto(self) -> ParetoFront:
        """Complete trials that no other one beats in every objective, and those that they beat."""
        from ostinato.automl.pareto import ParetoFront

        complete = [record for record in self.records if record.state == "complete"]
        return ParetoFront.of(
            {str(record.number): record.values for record in complete},
            self.objectives,
            self.directions,
            {str(record.number): dict(record.params) for record in complete},
        )

    def trials_frame(self) -> pd.DataFrame:
        """One row a trial: trial, state, each objective, seconds, reason, and `params_…` for each setting."""
        import pandas as pd

        rows = [
            {"trial": r.number, "state": r.state}
            | dict(zip(self.objectives, r.values or [math.nan] * len(self.objectives), strict=True))
            | {"seconds": r.seconds, "steps": len(r.steps), "reason": r.reason}
            | {f"params_{name}": value for name, value in r.params.items()}
            for r in self.records
        ]
        return pd.DataFrame(rows)

    # ask and tell

    def ask(self) -> Trial:
        """The next point to try; it waits for `tell`. One whose process was killed comes first, once."""
        while True:
            trial = self.propose()
            if not self.is_over(trial):
                if self.store:
                    self.store.begin(trial.number, trial.point)
                return trial

    def tell(
        self, trial: Trial, values: float | Sequence[float] | None = None, state: State = "complete", reason: str = ""
    ) -> Record:
        """What a point gave: its values, or that it was cut or failed."""
        if self.is_over(trial):
            raise UsageError(f"trial {trial.number} was told before")
        if trial.number >= self.asked:
            raise UsageError(f"trial {trial.number} was not asked for here")
        if state != "complete" and values is not None:
            raise UsageError(f"trial {trial.number}: a {state} trial has no values; leave them out")
        record = self.record(trial, values, state, reason)
        if self.store:
            self.store.finish(record)
        self.keep(record)
        return record

    def record(self, trial: Trial, values: Any, state: State, reason: str) -> Record:
        """What is remembered of a trial; one whose values are no numbers failed."""
        found = self._values(values) if state == "complete" else ()
        if not all(math.isfinite(value) for value in found):
            state, reason, found = "failed", f"it gave {', '.join(map(str, found))}", ()
        seconds = round(time.monotonic() - trial.started, 6)
        return Record(trial.number, trial.params, trial.point, state, found, tuple(trial.steps), seconds, reason)

    def keep(self, record: Record) -> None:
        """Remember a record; the sampler is told of it in its turn."""
        self._known[record.number] = record
        self._untold.add(record.number)

    def is_over(self, trial: Trial) -> bool:
        """Whether it has a record."""
        return trial.number in self._known

    def propose(self) -> Trial:
        """The next point: one that waits, one that was given, one that is known, or one drawn after what is over by then."""
        if self.waiting:
            return self.waiting.popleft()
        number, self.asked = self.asked, self.asked + 1
        self._tell_study(number - self.lag)
        given = self._first[number] if number < len(self._first) else self._again.get(number)
        kept = self._kept.get(number)
        point = self._study.ask(number, number - len(self._first), kept.point if kept else given)
        params = active(self.space, point) if self.space else {}
        bracket = self._pruner.bracket(number) if self._pruner else 0
        trial = Trial(number, params, point, derived_seed(self.seed, "trial", number), sign=self._signs[0])
        if self._pruner:
            trial.bars = self._pruner.bars(tuple(self._study.told), self._signs[0], bracket)
        if self._fidelity:
            trial.levels = self._fidelity.levels(bracket)
        trial.repeats = self._seen.get(grid.key(params))
        self.tried.add(grid.key(params))
        if kept:
            self.keep(kept)
        return trial

    def _tell_study(self, last: int) -> None:
        """Tell the sampler results up to number `last`, in the order of their numbers."""
        for number in sorted(each for each in self._untold if each <= last):
            self._untold.remove(number)
            record = self._known[number]
            self._study.tell(record)
            if record.state == "complete":
                self._seen.setdefault(grid.key(record.params), record)

    def _values(self, values: Any) -> tuple[float, ...]:
        try:
            found = tuple(map(float, values)) if hasattr(values, "__iter__") else (float(values),)
        except (TypeError, ValueError):
            found = ()
        if len(found) != len(self.objectives):
            raise UsageError(
                f"values {values!r}: expected {len(self.objectives)} number(s): {', '.join(self.objectives)}"
            )
        return found

    def minimise(
        self,
        function: Function,
        trials: int | None = None,
        seconds: float | None = None,
        memory: float | None = None,
        jobs: int = 1,
        told: Callable[[Record], None] | None = None,
    ) -> Record:
        """Try points by `function(trial)` until the study has `trials`, or `seconds` of this call or `memory` (bytes) are used.

        Returns the best record. A function that raises costs its own trial. One that runs in this process cannot be stopped: it
        is given `trial.seconds_left`, and `trial.report` cuts it when the time is over. Settings drawn before are not tried again
        but have their known values. Raises SearchError where no trial completes.
        """
        if "maximize" in self.directions[:1]:
            raise UsageError("this study was made with direction='maximize'; call maximise")
        return self._run(function, Budget(trials, seconds, memory), jobs, told)

    def maximise(
        self,
        function: Function,
        trials: int | None = None,
        seconds: float | None = None,
        memory: float | None = None,
        jobs: int = 1,
        told: Callable[[Record], None] | None = None,
    ) -> Record:
        """As `minimise`, for a study that was made with direction="maximize"."""
        if "minimize" in self.directions[:1]:
            raise UsageError("this study was made with direction='minimize'; call minimise")
        return self._run(function, Budget(trials, seconds, memory), jobs, told)

    def _run(self, function: Function, budget: Budget, jobs: int, told: Callable[[Record], None] | None) -> Record:
        from ostinato.automl.optimizers.loop import run

        if not budget.bounded and self.size is None:
            raise UsageError("the search would never end: give trials or seconds")
        if not 1 <= jobs <= self.lag:
            raise UsageError(
                f"jobs={jobs}: expected 1 to lag={self.lag}; make the optimiser with a larger lag for more"
            )
        run(self, function, budget, jobs, told)
        return self.best

    def close(self) -> None:
        """Let others write the study."""
        if self.store:
            self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _directions(direction: Direction | Sequence[Direction], objectives: Sequence[str]) -> tuple[Direction, ...]:
    """One direction an objective; raises UsageError where they do not fit."""
    found = (direction,) * len(objectives) if isinstance(direction, str) else tuple(direction)
    if not objectives or len(set(objectives)) < len(objectives):
        raise UsageError(f"objectives={tuple(objectives)}: expected one or more different names")
    if len(found) != len(objectives) or not set(found) <= {"minimize", "maximize"}:
        raise UsageError(
            f"direction={direction!r}: expected 'minimize' or 'maximize', or one of them for each objective"
        )
    return found
