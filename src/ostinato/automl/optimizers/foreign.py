"""Hyperopt and scikit-optimize as Optuna samplers, rebuilt from the study's finished trials each time they are asked."""

from __future__ import annotations

import importlib
import math
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from ostinato.automl.space import Bool, Choice, Float, Int, Setting, Space, Value, When, active, settings, to_optuna

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial


class _Foreign(BaseSampler):
    """Proposes whole points by another library; a subclass says how, in `proposed`."""

    def __init__(self, space: Space, seed: int, number: int, startup: int) -> None:
        self.space, self.seed, self.number, self.startup = space, seed, number, startup

    def proposed(self, points: list[dict[str, Value]], losses: list[float]) -> Mapping[str, Value]:
        """The next point after these, with settings that do not apply set or left out."""
        raise NotImplementedError

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """All of it."""
        return to_optuna(self.space)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The proposal, inside its bounds, with defaults where a setting does not apply."""
        done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        points = [_canonical(self.space, each.params) for each in done]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            drawn = self.proposed(points, [each.values[0] for each in done])
        return {s.name: _inside(s, drawn.get(s.name, s.default)) for s in settings(self.space)}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Never asked, for all is proposed together."""
        raise NotImplementedError(param_name)


class HyperoptSampler(_Foreign):
    """Hyperopt's tree of Parzen estimators (Bergstra et al. 2013), with its own conditions for settings that may not apply."""

    def proposed(self, points: list[dict[str, Value]], losses: list[float]) -> Mapping[str, Value]:
        """Ask `hyperopt.tpe` after these points."""
        hyperopt = importlib.import_module("hyperopt")
        tpe = importlib.import_module("hyperopt.tpe")
        domain = hyperopt.Domain(lambda _: 0.0, _hyperopt_space(self.space, hyperopt.hp))
        trials = hyperopt.Trials()
        documents = [
            self._document(trials, tid, point, loss)
            for tid, (point, loss) in enumerate(zip(points, losses, strict=True))
        ]
        trials.insert_trial_docs(documents)
        trials.refresh()
        asked = tpe.suggest([len(points)], domain, trials, self.seed, n_startup_jobs=self.startup)
        values = asked[0]["misc"]["vals"]
        return {s.name: _from_hyperopt(s, values[s.name][0]) for s in settings(self.space) if values.get(s.name)}

    def _document(self, trials: Any, tid: int, point: Mapping[str, Value], loss: float) -> Any:
        """A finished trial in Hyperopt's words."""
        applies = active(self.space, point)
        known = {s.name: [_to_hyperopt(s, point[s.name])] if s.name in applies else [] for s in settings(self.space)}
        misc = {
            "tid": tid,
            "cmd": ("domain_attachment", "FMinIter_Domain"),
            "workdir": None,
            "vals": known,
            "idxs": {name: [tid] if values else [] for name, values in known.items()},
        }
        document = trials.new_trial_docs([tid], [None], [{"loss": loss, "status": "ok"}], [misc])[0]
        document["state"] = 2  # done
        return document


class SkoptSampler(_Foreign):
    """scikit-optimize's Gaussian process; settings that do not apply stand at their defaults in its model."""

    def proposed(self, points: list[dict[str, Value]], losses: list[float]) -> Mapping[str, Value]:
        """Ask `skopt.Optimizer` after these points."""
        skopt = importlib.import_module("skopt")
        dims = [_skopt_dimension(s, importlib.import_module("skopt.space")) for s in settings(self.space)]
        optimizer = skopt.Optimizer(dims, base_estimator="GP", random_state=self.seed, n_initial_points=self.startup)
        if points:
            optimizer.tell([[_coded(s, p[s.name]) for s in settings(self.space)] for p in points], losses)
        drawn = optimizer.ask()
        return {s.name: _decoded(s, v) for s, v in zip(settings(self.space), drawn, strict=True)}


def _canonical(space: Space, drawn: Mapping[str, Any]) -> dict[str, Value]:
    point = {s.name: drawn.get(s.name, s.default) for s in settings(space)}
    applies = active(space, point)
    return {s.name: point[s.name] if s.name in applies else s.default for s in settings(space)}


def _inside(setting: Setting, value: Any) -> Value:
    match setting:
        case Float():
            return float(np.clip(value, setting.low, setting.high))
        case Int():
            return int(np.clip(round(float(value)), setting.low, setting.high))
        case _:
            drawn: Value = value
            return drawn


def _options(setting: Setting) -> tuple[Value, ...] | None:
    match setting:
        case Choice():
            return setting.options
        case Bool():
            return (False, True)
        case _:
            return None


def _place(options: tuple[Value, ...], value: Value) -> int:
    """Where a value stands; True is not 1 here."""
    return next(i for i, each in enumerate(options) if each == value and type(each) is type(value))


def _coded(setting: Setting, value: Value) -> Any:
    options = _options(setting)
    return value if options is None else str(_place(options, value))


def _decoded(setting: Setting, value: Any) -> Any:
    options = _options(setting)
    return value if options is None else options[int(value)]


def _to_hyperopt(setting: Setting, value: Value) -> Any:
    options = _options(setting)
    return value if options is None else _place(options, value)


_from_hyperopt = _decoded


def _skopt_dimension(setting: Setting, space: Any) -> Any:
    match setting:
        case Float():
            return space.Real(setting.low, setting.high, prior="log-uniform" if setting.log else "uniform")
        case Int():
            return space.Integer(setting.low, setting.high, prior="log-uniform" if setting.log else "uniform")
        case _:
            return space.Categorical([str(i) for i in range(len(_options(setting) or ()))])


def _hyperopt_space(space: Space, hp: Any) -> dict[str, Any]:
    """One expression a setting; those behind a condition hang below the option that they belong to.

    Hyperopt knows conditions on choices only: what hangs on a number is drawn always.
    """
    parents = {item.name: item for item in space if isinstance(item, Choice | Bool)}
    hanging = [item for item in space if isinstance(item, When) and item.name in parents]
    found: dict[str, Any] = {}
    for item in space:
        if isinstance(item, When):
            found |= {} if item in hanging else {s.name: _hyperopt_leaf(s, hp) for s in item.then}
        elif (options := _options(item)) is not None:
            below = [
                {
                    s.name: _hyperopt_leaf(s, hp)
                    for when in hanging
                    if when.name == item.name and when.equals == option
                    for s in when.then
                }
                for option in options
            ]
            found[item.name] = hp.choice(item.name, [{"": place} | each for place, each in enumerate(below)])
        else:
            found[item.name] = _hyperopt_leaf(item, hp)
    return found


def _hyperopt_leaf(setting: Setting, hp: Any) -> Any:
    match setting:
        case Float() if setting.log:
            return hp.loguniform(setting.name, math.log(setting.low), math.log(setting.high))
        case Float():
            return hp.uniform(setting.name, setting.low, setting.high)
        case Int() if setting.log:
            return hp.qloguniform(setting.name, math.log(setting.low), math.log(setting.high), 1)
        case Int():
            return hp.uniformint(setting.name, setting.low, setting.high)
        case _:
            return hp.choice(setting.name, list(range(len(_options(setting) or ()))))
