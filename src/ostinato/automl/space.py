"""Search spaces as data: what a setting may be, its default, and the one translation to Optuna."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Value = float | int | str | bool | None


@dataclass(frozen=True)
class Float:
    """A real setting in `[low, high]`, drawn on a log scale where `log`."""

    name: str
    low: float
    high: float
    default: float
    log: bool = False


@dataclass(frozen=True)
class Int:
    """A whole setting in `[low, high]`, drawn on a log scale where `log`."""

    name: str
    low: int
    high: int
    default: int
    log: bool = False


@dataclass(frozen=True)
class Choice:
    """One of a few values."""

    name: str
    options: tuple[Value, ...]
    default: Value


@dataclass(frozen=True)
class Bool:
    """Yes or no."""

    name: str
    default: bool


@dataclass(frozen=True)
class When:
    """Settings that exist only where another one has a value.

    The search draws them always, so that a space is one flat thing; `active` leaves them out where they do not apply.
    """

    name: str
    equals: Value
    then: tuple[Float | Int | Choice | Bool, ...]


Setting = Float | Int | Choice | Bool
Space = tuple[Setting | When, ...]


def settings(space: Space) -> Iterator[Setting]:
    """Every setting of a space, those behind a condition too."""
    for item in space:
        if isinstance(item, When):
            yield from item.then
        else:
            yield item


def defaults(space: Space) -> dict[str, Value]:
    """The default point of a space, with settings that do not apply left out.

    >>> defaults((Float("C", 0.1, 10.0, default=1.0), Bool("bias", default=True)))
    {'C': 1.0, 'bias': True}
    """
    return active(space, {setting.name: setting.default for setting in settings(space)})


def active(space: Space, point: Mapping[str, Value]) -> dict[str, Value]:
    """`point` without the settings whose condition does not hold."""
    hidden = {
        setting.name
        for item in space
        if isinstance(item, When) and point[item.name] != item.equals
        for setting in item.then
    }
    return {name: value for name, value in point.items() if name not in hidden}


def to_optuna(space: Space) -> dict[str, BaseDistribution]:
    """Distributions for `study.ask(fixed_distributions)`, by setting."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found: dict[str, BaseDistribution] = {}
    for setting in settings(space):
        match setting:
            case Float():
                found[setting.name] = FloatDistribution(setting.low, setting.high, log=setting.log)
            case Int():
                found[setting.name] = IntDistribution(setting.low, setting.high, log=setting.log)
            case Choice():
                found[setting.name] = CategoricalDistribution(setting.options)
            case Bool():
                found[setting.name] = CategoricalDistribution((False, True))
    return found
