"""Every point of a space, with real settings at a few levels."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping

import numpy as np

from ostinato.automl.space import Bool, Choice, Float, Int, Setting, Space, Value, active, settings
from ostinato.core.errors import UsageError

MOST = 100_000


def levels(setting: Setting, most: int) -> tuple[Value, ...]:
    """At most `most` values of a number, evenly spaced on its scale; all options of a choice."""
    match setting:
        case Choice():
            return setting.options
        case Bool():
            return (False, True)
        case Float():
            space = np.geomspace if setting.log else np.linspace
            return tuple(float(v) for v in np.clip(space(setting.low, setting.high, most), setting.low, setting.high))
        case Int():
            count = min(most, setting.high - setting.low + 1)
            space = np.geomspace if setting.log and count == most else np.linspace
            return tuple(dict.fromkeys(int(v) for v in np.round(space(setting.low, setting.high, count))))


def grid(space: Space, most: int = 5) -> list[dict[str, Value]]:
    """Points that differ in settings that apply, in order; raises UsageError above 100,000 combinations.

    >>> [p["C"] for p in grid((Float("C", 0.01, 1.0, default=0.1, log=True),), most=3)]
    [0.01, 0.1, 1.0]
    """
    named = [(setting.name, levels(setting, most)) for setting in settings(space)]
    if (count := int(np.prod([float(len(values)) for _, values in named]))) > MOST:
        raise UsageError(
            f"a grid of {len(named)} settings has {count:,} points, more than {MOST:,}; leave settings out or take another sampler"
        )
    found: dict[str, dict[str, Value]] = {}
    for values in itertools.product(*(values for _, values in named)):
        point = dict(zip((name for name, _ in named), values, strict=True))
        found.setdefault(key(active(space, point)), point)
    return list(found.values())


def key(params: Mapping[str, Value]) -> str:
    """What two equal points share."""
    return json.dumps(dict(params), sort_keys=True)


def size(space: Space) -> int | None:
    """How many different points a space has; None where it has real settings or more than 100,000 points."""
    ranges = [(s.high - s.low + 1 if isinstance(s, Int) else 2) for s in settings(space) if not isinstance(s, Float)]
    if any(isinstance(setting, Float) for setting in settings(space)) or np.prod([float(r) for r in ranges]) > MOST:
        return None
    try:
        return len(grid(space, most=MOST))
    except UsageError:
        return None
