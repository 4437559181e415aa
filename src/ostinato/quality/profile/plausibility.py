"""Moments and numbers that can hardly be meant: several zones, days that do not exist, infinities, one value too often, far out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ostinato.quality.profile.cells import NAIVE
from ostinato.quality.profile.finding import EXAMPLES, Finding, counted, percent
from ostinato.quality.profile.spelling import examples
from ostinato.quality.profile.view import View

_OLD, _AHEAD = "1900-01-02", "2100-01-01"
_FILLERS = ("1970-01-01T00:00:00", "1900-01-01T00:00:00", "9999-12-31T00:00:00")
_SENTINELS = (-1.0, -9.0, -99.0, -999.0, -9999.0, 999.0, 9999.0, 99999.0, 999999.0)
_SPIKE, _TIMES = 0.03, 5.0  # share of one value at the edge, and how often it is what a value occurs otherwise
_SPIKY = 50  # distinct values from which one can stand out
_FEWEST = 20  # cells of one value that make a spike
_FAR = 0.05  # share of far values beyond which the spread is long, and they are no outliers


def zones(view: View) -> Iterator[Finding]:
    """Moments of several zones, or some without one."""
    moments = view.profile.moments
    if moments is None or len(moments.zones) < 2:  # noqa: PLR2004 - one zone is no mix
        return
    bare = moments.zones.get(NAIVE, 0) + moments.zones.get("moment without a zone", 0)
    said = ", ".join(f"{counted(rows, 'row')} {_zone(name)}" for name, rows in moments.zones.items())
    yield Finding(
        "time_zones",
        "critical" if bare else "warning",
        (view.name,),
        f"moments are in {len(moments.zones)} zones: {said}",
        "Say which zone those without one are in; they were read as UTC" if bare else "Convert all to UTC",
        bare or sum(moments.zones.values()) - max(moments.zones.values()),
    )


def _zone(name: str) -> str:
    return "without a zone" if name in (NAIVE, "moment without a zone") else name.replace("moment ", "")


def dates(view: View) -> Iterator[Finding]:
    """Days that do not exist, and ends that are hardly meant."""
    moments = view.profile.moments
    if moments is None:
        return
    if moments.unreadable:
        yield Finding(
            "impossible_dates",
            "warning",
            (view.name,),
            f"{counted(moments.unreadable, 'value')} have the form of a date and name a day that does not exist",
            "Mend them at the source, or treat them as missing",
            moments.unreadable,
        )
    odd = [end for end in (moments.first, moments.last) if end in _FILLERS or end < _OLD or end > _AHEAD]
    if odd:
        yield Finding(
            "unlikely_dates",
            "warning",
            (view.name,),
            f"it reaches from {moments.first} to {moments.last}",
            f"Look whether {' and '.join(odd)} stand{'s' * (len(odd) == 1)} for an unknown date",
        )


def numbers(view: View, target: str | None) -> Iterator[Finding]:
    """Infinite numbers, and one value far oftener than others, which weighs more in the `target`."""
    spread = view.profile.spread
    if spread is None:
        return
    if spread.infinite:
        numbers = view.numbers()
        odd = np.isinf(numbers)
        yield Finding(
            "infinite",
            "warning",
            (view.name,),
            f"{counted(spread.infinite, 'value')} {'are' if spread.infinite > 1 else 'is'} infinite",
            "Treat them as missing; look for a division by zero where the column is made",
            spread.infinite,
            *examples(view, odd),
        )
    low, high = spread.quantiles["0"], spread.quantiles["1"]
    if view.profile.meaning != "number" or spread.distinct < _SPIKY:
        return
    ordinary = (view.profile.filled - spread.mode_count) / max(spread.distinct - 1, 1)
    edge = spread.mode in (low, high, 0.0)
    if edge and spread.mode_count >= max(_SPIKE * view.profile.filled, _TIMES * ordinary, _FEWEST):
        odd = view.numbers() == spread.mode
        sentinel = spread.mode in _SENTINELS
        yield Finding(
            "spike",
            "warning" if sentinel or view.name == target else "info",
            (view.name,),
            f"{percent(spread.mode_count / view.profile.filled)} of its values are {spread.mode:g}, "
            f"{_times(spread.mode_count / max(ordinary, 1e-9))} as often as other values",
            f"Find out whether {spread.mode:g} is measured or stands for unknown; if unknown, make it missing",
            spread.mode_count,
            tuple(np.flatnonzero(odd)[:EXAMPLES].tolist()),
        )


def _times(ratio: float) -> str:
    return f"{float(f'{ratio:.2g}'):,.0f} times"


def far_out(views: Sequence[View]) -> list[Finding]:
    """One finding for all columns with values far outside, the most of them first, with the farthest of each."""
    own = [
        view
        for view in views
        if (s := view.profile.spread)
        and view.profile.meaning == "number"
        and 0 < s.far_out <= _FAR * view.profile.filled
    ]
    own.sort(key=lambda view: (-view.profile.spread.far_out, view.name))  # type: ignore[union-attr]
    if not own:
        return []
    said, rows, values = [], [], []
    for view in own:
        spread = view.profile.spread
        assert spread is not None  # chosen so
        numbers = view.numbers()
        distance = np.where(np.isfinite(numbers), np.abs(numbers - spread.quantiles["0.5"]), -1.0)
        worst = int(np.argmax(distance))
        said.append(f"{view.name} {spread.far_out:,} ({percent(spread.far_out / view.profile.filled)})")
        rows.append(worst)
        values.append(f"{view.name} {numbers[worst]:.6g}")
    return [
        Finding(
            "far_out",
            "info",
            tuple(view.name for view in own),
            f"values lie beyond 3 interquartile ranges of the quartiles: {', '.join(said[:EXAMPLES])}"
            + (f" and {len(said) - EXAMPLES} more columns" if len(said) > EXAMPLES else ""),
            "Look at the farthest; keep what was measured, clip or set aside what was not",
            None,
            tuple(rows[:EXAMPLES]),
            tuple(values[:EXAMPLES]),
        )
    ]
