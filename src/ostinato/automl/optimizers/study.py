"""The Optuna study in memory that proposes: told with a fixed lag, so that any number of jobs sees the same history.

Point n is proposed after the results of points 0 … n - lag, and of no later one, however early they came.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ostinato.automl.optimizers.proposals import Given
from ostinato.automl.optimizers.sampling import Sampling
from ostinato.automl.optimizers.trial import Record
from ostinato.automl.space import Bool, Choice, Float, Int, Setting, Space, Value, When, active, to_optuna

if TYPE_CHECKING:
    import optuna


class LaggedStudy:
    """Asks a sampler for points and tells it what became of them; `signs` turn each objective so that less is better."""

    def __init__(self, space: Space, sampling: Sampling, signs: Sequence[float], lag: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.space, self.sampling, self.signs, self.lag = space, sampling, signs, lag
        self.distributions = to_optuna(space)
        self.study = optuna.create_study(directions=["minimize"] * len(signs))
        self.open: dict[int, optuna.Trial] = {}
        self.told: list[Record] = []

    def know(self, point: Mapping[str, Value], values: Sequence[float]) -> None:
        """Add a result that was there before the study."""
        import optuna

        losses = [sign * value for sign, value in zip(self.signs, values, strict=True)]
        params = dict(point) if self.sampling.flat or not self.space else active(self.space, point)
        known = {name: self.distributions[name] for name in params}
        self.study.add_trial(optuna.trial.create_trial(params=params, distributions=known, values=losses))

    def ask(self, number: int, drawn: int, point: Mapping[str, Value] | None) -> dict[str, Value]:
        """The full point `number`: the given one, or the sampler's own `drawn`-th.

        Settings that do not apply are not drawn but stand at their defaults, so that a model of the space learns nothing from
        them; a `flat` sampler, which could not model settings that come and go, draws all.
        """
        sampler = self.sampling.at(max(drawn, 0)) if point is None or self.sampling.remembers else None
        self.study.sampler = sampler if point is None and sampler else Given(point or {}, sampler)
        if self.sampling.flat:
            trial = self.study.ask(self.distributions)
        else:
            conditional = {setting.name for item in self.space if isinstance(item, When) for setting in item.then}
            trial = self.study.ask({n: d for n, d in self.distributions.items() if n not in conditional})
        self.open[number] = trial
        found = dict(trial.params)
        waiting = [] if self.sampling.flat else [item for item in self.space if isinstance(item, When)]
        while waiting:
            item = next(each for each in waiting if each.name in found)
            waiting.remove(item)
            for setting in item.then:
                applies = found[item.name] == item.equals
                found[setting.name] = _drawn(trial, setting) if applies else setting.default
        return {name: found[name] for name in self.distributions}

    def tell(self, record: Record) -> None:
        """What became of a point that was asked for."""
        from optuna.trial import TrialState

        trial = self.open.pop(record.number)
        if len(self.signs) == 1:
            for step, loss in record.steps:
                trial.report(self.signs[0] * loss, step)
        match record.state:
            case "complete":
                losses = [sign * value for sign, value in zip(self.signs, record.values, strict=True)]
                self.study.tell(trial, losses)
            case "pruned":
                self.study.tell(trial, state=TrialState.PRUNED)
            case "failed":
                self.study.tell(trial, state=TrialState.FAIL)
        self.told.append(record)


def _drawn(trial: optuna.Trial, setting: Setting) -> Value:
    match setting:
        case Float():
            return trial.suggest_float(setting.name, setting.low, setting.high, log=setting.log)
        case Int():
            return trial.suggest_int(setting.name, setting.low, setting.high, log=setting.log)
        case Choice():
            option: Value = trial.suggest_categorical(setting.name, setting.options)
            return option
        case Bool():
            return trial.suggest_categorical(setting.name, (False, True))
