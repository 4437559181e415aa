"""Proposals that are given, as an Optuna sampler: warm starts, points of a grid, points of a study that is taken up again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from optuna.samplers import BaseSampler

from ostinato.automl.space import Value

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial, TrialState


class Given(BaseSampler):
    """Proposes `point`; an `inner` sampler is asked all the same, so that it keeps its own books."""

    def __init__(self, point: Mapping[str, Value], inner: BaseSampler | None = None) -> None:
        self.point, self.inner = dict(point), inner

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """What the inner sampler would infer."""
        return self.inner.infer_relative_search_space(study, trial) if self.inner else {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The given values of what the inner sampler would propose together."""
        drawn = self.inner.sample_relative(study, trial, search_space) if self.inner else {}
        return {name: self.point[name] for name in drawn}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The given value."""
        return self.point[param_name]

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Pass it on."""
        if self.inner:
            self.inner.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Any) -> None:
        """Pass it on."""
        if self.inner:
            self.inner.after_trial(study, trial, state, values)
