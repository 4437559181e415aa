"""Which algorithm is tried next, and with what settings: a portfolio in its order, then one Optuna study an algorithm."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ostinato.automl.entry import Entry
from ostinato.automl.preparation import PREFIX, Index
from ostinato.automl.space import Choice, Space, Value, active, settings, to_optuna
from ostinato.core.hashing import derived_seed

if TYPE_CHECKING:
    import optuna

    from ostinato.automl.portfolio import Configuration
    from ostinato.automl.search import Trial

_STARTUP_TRIALS = 4
_SERVED = 8  # of the best algorithms, which get further trials
_SOON, _LATER = 0.25, 0.7  # shares of the time that is left
_FRESH_EVERY = 2  # after the portfolio every second trial is an algorithm's first one, as long as there are such


@dataclass
class Arm:
    """One algorithm and its study."""

    entry: Entry
    space: Space
    place: int
    study: optuna.Study
    asked: int = 0
    best: float = float("inf")
    queue: list[Mapping[str, Value]] = field(default_factory=list)


Asked = tuple[Arm, Any, Mapping[str, Value]]


class Arms:
    """The algorithms of a search; `ask` and `tell` go through here in the order of the trials' numbers."""

    def __init__(
        self,
        entries: Sequence[Entry],
        portfolio: Sequence[Configuration],
        seed: int,
        levels: Index | None,
    ) -> None:
        categorical = levels is not None and bool((np.asarray(levels) > 0).any())
        known = {
            entry.key: Arm(entry, viewed(entry, categorical), i, _study(entry, seed)) for i, entry in enumerate(entries)
        }
        self._arms = list(known.values())
        self._first: list[tuple[Arm, Mapping[str, Value]]] = [
            (known[each.key], each.params) for each in portfolio if each.key in known
        ]
        self._since = 0  # trials since the portfolio was over

    def first_modules(self, count: int) -> tuple[str, ...]:
        """The modules of the algorithms that will be tried first, for workers to import ahead."""
        first = [arm for arm, _ in self._first[:count]] or self._arms[:count]
        return tuple(dict.fromkeys(arm.entry.target.partition(":")[0] for arm in first))

    def ask(self, share: Callable[[Entry], float]) -> Asked | None:
        """The next point; None where nothing fits the time that is left.

        `share` foresees how much of that time a trial of an algorithm takes. The portfolio goes in its order, but what would take
        much of the time waits until the rest of it is done.
        """
        for most in (_SOON, _LATER):
            for place, (arm, params) in enumerate(self._first):
                if share(arm.entry) <= most:
                    del self._first[place]
                    return self._from(arm, params)
        fitting = [arm for arm in self._arms if share(arm.entry) <= 1]
        fresh = [arm for arm in fitting if arm.asked == 0 and share(arm.entry) <= _SOON]
        known = [arm for arm in fitting if arm.asked > 0]
        self._since += 1
        if fresh and (self._since % _FRESH_EVERY == 1 or not known):
            return self._from(fresh[0], {})
        if known:
            return self._asked(chosen(known))
        return self._lightest() if not any(arm.asked for arm in self._arms) else None

    def _lightest(self) -> Asked:
        """What is tried where nothing fits: better late than nothing."""
        place = min(range(len(self._first)), key=lambda i: self._first[i][0].entry.cost) if self._first else None
        arm, params = (self._arms[0], {}) if place is None else self._first.pop(place)
        return self._from(arm, params)

    def _from(self, arm: Arm, params: Mapping[str, Value]) -> Asked:
        arm.study.enqueue_trial(_complete(arm.space, params))
        return self._asked(arm)

    def _asked(self, arm: Arm) -> Asked:
        asked = arm.study.ask(to_optuna(arm.space))
        arm.asked += 1
        return arm, asked, active(arm.space, asked.params) if arm.space else {}

    def tell(self, arm: Arm, asked: Any, trial: Trial) -> None:
        """Let the study know what came of a point."""
        import optuna

        match trial.state:
            case "complete":
                arm.study.tell(asked, trial.loss)
                arm.best = min(arm.best, trial.loss)
            case "pruned":
                asked.report(trial.loss, 0)
                arm.study.tell(asked, state=optuna.trial.TrialState.PRUNED)
                arm.best = trial.loss if np.isinf(arm.best) else arm.best
            case _:
                arm.study.tell(asked, state=optuna.trial.TrialState.FAIL)


def viewed(entry: Entry, categorical: bool) -> Space:
    """An algorithm's space together with how it may see the table."""
    more: list[Choice] = []
    if entry.scaled:
        more.append(Choice(PREFIX + "numbers", ("standard", "quantile"), default="standard"))
    if categorical:
        options = ("indicators", "target") if entry.scaled else ("both", "target", "ordinal", "pairs")
        more.append(Choice(PREFIX + "categories", options, default=options[0]))
    return (*entry.space, *more)


def _complete(space: Space, params: Mapping[str, Value]) -> dict[str, Value]:
    """Every setting of the space, those that `params` do not name by their defaults."""
    whole = {setting.name: setting.default for setting in settings(space)}
    return {**whole, **{name: value for name, value in params.items() if name in whole}}


def _study(entry: Entry, seed: int) -> optuna.Study:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    own = derived_seed(seed, entry.key)
    sampler = optuna.samplers.TPESampler(seed=own, n_startup_trials=_STARTUP_TRIALS)
    return optuna.create_study(sampler=sampler, study_name=entry.key)


def chosen(arms: Sequence[Arm]) -> Arm:
    """The algorithm whose turn it is: one of the best, with shares that fall with rank and cost."""
    ranked = sorted(arms, key=lambda arm: (arm.best, arm.place))[:_SERVED]

    def served(each: tuple[int, Arm]) -> tuple[float, int]:
        rank, arm = each
        return rank * arm.asked * float(np.sqrt(arm.entry.cost)), rank

    return min(enumerate(ranked, start=1), key=served)[1]
