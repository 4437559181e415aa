"""The Optuna study in memory that proposes: told with a fixed lag, so that any number of jobs sees the same history.

Point n is proposed after the results of points 0 … n - lag, and of no later one, however early they came.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ostinato.automl.optimizers.proposals import Given
from ostinato.automl.optimizers.sampling import Sampling
from ostinato.automl.optimizers.trial import Record
from ostinato.automl.space import Space, Value, to_optuna

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
        self.study.add_trial(
            optuna.trial.create_trial(params=dict(point), distributions=self.distributions, values=losses)
        )

    def ask(self, number: int, drawn: int, point: Mapping[str, Value] | None) -> dict[str, Value]:
        """The full point `number`: the given one, or the sampler's own `drawn`-th."""
        sampler = self.sampling.at(max(drawn, 0)) if point is None or self.sampling.remembers else None
        self.study.sampler = sampler if point is None and sampler else Given(point or {}, sampler)
        trial = self.study.ask(self.distributions)
        self.open[number] = trial
        return dict(trial.params)

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
