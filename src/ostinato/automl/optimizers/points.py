"""Spaces and points as people write them: checked before anything runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from ostinato.automl.space import Bool, Choice, Float, Int, Setting, Space, Value, When, settings
from ostinato.core.errors import UsageError


def checked(space: Iterable[Setting | When]) -> Space:
    """The space as a tuple; raises UsageError for equal names, bounds that hold nothing, defaults outside, loose conditions."""
    found = tuple(space)
    names: list[str] = []
    for setting in settings(found):
        if setting.name in names:
            raise UsageError(f"space: two settings are called {setting.name!r}; rename one")
        names.append(setting.name)
        if fault := _fault(setting):
            raise UsageError(f"space: {setting} {fault}")
    known, loose = (
        {s.name for s in found if not isinstance(s, When)},
        [item for item in found if isinstance(item, When)],
    )
    while settled := [item for item in loose if item.name in known]:
        known |= {setting.name for item in settled for setting in item.then}
        loose = [item for item in loose if item not in settled]
    if loose:
        raise UsageError(f"space: a condition on {loose[0].name!r} cannot be settled; there are {', '.join(names)}")
    return found


def _fault(setting: Setting) -> str:
    match setting:
        case Float() | Int() if not (
            math.isfinite(setting.low) and math.isfinite(setting.high) and setting.low <= setting.high
        ):
            return "has to have finite bounds, the lower one first"
        case Float() | Int() if setting.log and setting.low <= 0:
            return "has a log scale, so its lower bound has to be above 0"
        case Choice() if not setting.options:
            return "has no options"
    return "" if fits(setting, setting.default) else "has a default outside of itself"


def completed(space: Space, point: Mapping[str, Value]) -> dict[str, Value]:
    """A point with the defaults of the settings that it leaves out; raises UsageError for unknown names and values out of range."""
    known = {setting.name: setting for setting in settings(space)}
    if strange := sorted(set(point) - set(known)):
        raise UsageError(f"point {dict(point)}: there is no setting {strange[0]!r}; there are {', '.join(known)}")
    full = {name: point.get(name, setting.default) for name, setting in known.items()}
    for name, value in full.items():
        if isinstance(value, np.generic):
            full[name] = value.item()
        if not fits(known[name], full[name]):
            raise UsageError(f"point {dict(point)}: {name}={value!r} is outside of {known[name]}")
    return full


def fits(setting: Setting, value: Value) -> bool:
    """Whether a setting may have this value; 1 is not True here, and a whole number may stand for a real one."""
    match setting:
        case Choice():
            return any(value == each and type(value) is type(each) for each in setting.options)
        case Bool():
            return isinstance(value, bool)
        case Int():
            return isinstance(value, int) and not isinstance(value, bool) and setting.low <= value <= setting.high
        case Float():
            return (
                isinstance(value, int | float) and not isinstance(value, bool) and setting.low <= value <= setting.high
            )
