"""Samplers by name: who proposes the next point.

Each point has a sampler of its own whose seed comes from the study's seed and the point's number. So what is proposed depends on
the numbers and values told so far and on nothing else: neither on a stop in between nor on the number of jobs.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ostinato.automl.optimizers.grid import grid
from ostinato.automl.space import Space
from ostinato.core.errors import MissingExtraError, UsageError
from ostinato.core.hashing import derived_seed

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

SamplerName = Literal["tpe", "random", "grid", "cmaes", "gp", "nsga2", "hyperopt", "skopt"]
# package to look for, by sampler, and the line that installs it
NEEDS: Mapping[str, tuple[str, str]] = {
    "cmaes": ("cmaes", "pip install cmaes"),
    "gp": ("torch", "pip install 'ostinato[neural]'"),
    "hyperopt": ("hyperopt", "pip install hyperopt setuptools"),
    "skopt": ("skopt", "pip install scikit-optimize"),
}
SEVERAL = ("tpe", "random", "grid", "gp", "nsga2")  # can weigh several objectives


@dataclass(frozen=True)
class Sampling:
    """A sampler for each number; one that `remembers` has to be asked again for points that are known already."""

    at: Callable[[int], BaseSampler]
    remembers: bool = False
    flat: bool = False  # draws settings that do not apply too
    size: int | None = None  # how many points there are, where that is bounded


def sampling(name: str, space: Space, seed: int, objectives: int, startup: int) -> Sampling:
    """The sampler that a name stands for, from point `startup` on learning from earlier ones.

    Raises UsageError for an unknown name or several objectives where it can weigh only one, MissingExtraError where its package
    is not installed.
    """
    makers: dict[str, Callable[[], Sampling]] = {
        "tpe": lambda: Sampling(
            lambda n: _quiet(_optuna().TPESampler, seed=derived_seed(seed, n), n_startup_trials=startup)
        ),
        "random": lambda: Sampling(lambda n: _optuna().RandomSampler(seed=derived_seed(seed, n))),
        "grid": lambda: _grid(space, seed),
        "cmaes": lambda: Sampling(
            lambda n: _quiet(
                _optuna().CmaEsSampler,
                seed=derived_seed(seed, n),
                n_startup_trials=startup,
                warn_independent_sampling=False,
            ),
            remembers=True,
            flat=True,
        ),
        "gp": lambda: Sampling(
            lambda n: _quiet(_optuna().GPSampler, seed=derived_seed(seed, n), n_startup_trials=startup), flat=True
        ),
        "nsga2": lambda: Sampling(
            lambda n: _quiet(_optuna().NSGAIISampler, seed=derived_seed(seed, n), population_size=max(startup, 4)),
            remembers=True,
        ),
        "hyperopt": lambda: _foreign("HyperoptSampler", space, seed, startup),
        "skopt": lambda: _foreign("SkoptSampler", space, seed, startup),
    }
    if name not in makers:
        raise UsageError(f"sampler={name!r}: there are {', '.join(makers)}")
    if objectives > 1 and name not in SEVERAL:
        raise UsageError(f"sampler={name!r} weighs one objective, not {objectives}; take one of {', '.join(SEVERAL)}")
    require(name)
    return makers[name]()


def require(name: str) -> None:
    """Raise MissingExtraError, with the line that installs it, where a sampler's package is missing."""
    package, line = NEEDS.get(name, ("", ""))
    if package and importlib.util.find_spec(package) is None:
        raise MissingExtraError(f"sampler={name!r} needs {package}, which is not installed. Install: {line}")


def _optuna() -> Any:
    import optuna

    return optuna.samplers


def _quiet(make: Callable[..., BaseSampler], **options: Any) -> BaseSampler:
    """A sampler without Optuna's word that it is experimental."""
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return make(**options)


def _grid(space: Space, seed: int) -> Sampling:
    from ostinato.automl.optimizers.proposals import Given

    points = grid(space)
    order = np.random.default_rng(seed).permutation(len(points))
    return Sampling(lambda n: Given(points[order[n % len(points)]]), size=len(points))


def _foreign(name: str, space: Space, seed: int, startup: int) -> Sampling:
    from ostinato.automl.optimizers import foreign

    made = getattr(foreign, name)
    return Sampling(lambda n: made(space, derived_seed(seed, n), n, startup))
