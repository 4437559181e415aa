"""Features of the clock alone: parts of the date, holidays, waves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ostinato.core.errors import UsageError
from ostinato.features.temporal.clock import DAY, Ints, duration, local
from ostinato.features.temporal.specs import Dates, Fourier, Holidays
from ostinato.features.temporal.windows import Named

_SATURDAY = 5


def dates(spec: Dates, time: Ints, tz: str | None) -> Named:
    """Parts of the wall clock's date as numbers; `dayofweek` counts from Monday, 0; `week` is ISO's."""
    clock = local(time, tz)
    for part in spec.parts:
        yield f"at_{part}", _part(clock, part), f"{part} of the row's moment{_in(tz)}"


def fourier(spec: Fourier, time: Ints, tz: str | None) -> Named:
    """`order` sines and cosines of the wall clock in its cycle."""
    period = duration(spec.period, "period")
    # whole nanoseconds first: a float of them since 1970 has lost the last digits
    turn = 2 * np.pi * (_nanoseconds(time, tz) % period) / period
    for order in range(1, spec.order + 1):
        words = f"of {order} turn{'s' * (order > 1)} in {spec.period}{_in(tz)}"
        yield f"sin_{spec.period}_{order}", np.sin(order * turn), f"sine {words}"
        yield f"cos_{spec.period}_{order}", np.cos(order * turn), f"cosine {words}"


def holidays(spec: Holidays, time: Ints, tz: str | None) -> Named:
    """Whether the wall clock's day is a public holiday, and the days to its neighbours."""
    day = _nanoseconds(time, tz) // DAY
    known = _holidays(spec, day)
    after = np.searchsorted(known, day, side="right")
    past = np.minimum(day - known[after - 1], spec.most)
    ahead = np.minimum(known[np.searchsorted(known, day)] - day, spec.most)
    where = spec.country if spec.subdivision is None else f"{spec.country}_{spec.subdivision}"
    yield f"holiday_{where}", (past == 0).astype(np.float64), f"1 on a public holiday of {where}{_in(tz)}"
    yield f"days_after_holiday_{where}", past.astype(np.float64), f"days since a public holiday, at most {spec.most}"
    yield f"days_to_holiday_{where}", ahead.astype(np.float64), f"days until a public holiday, at most {spec.most}"


def _nanoseconds(time: Ints, tz: str | None) -> Ints:
    return local(time, tz).to_numpy().astype("datetime64[ns]").astype(np.int64)


def _part(clock: pd.DatetimeIndex, part: str) -> Any:
    found: Any
    match part:
        case "weekend":
            found = clock.dayofweek >= _SATURDAY
        case "week":
            found = clock.isocalendar().week
        case "month_start" | "month_end":
            found = getattr(clock, f"is_{part}")
        case _:
            found = getattr(clock, part)
    return np.asarray(found, dtype=np.float64)


def _holidays(spec: Holidays, day: Ints) -> Ints:
    """The country's holidays around these days as days since 1970, with one at each end that no row reaches."""
    import holidays as calendar

    years = (
        pd.DatetimeIndex(np.array([day.min(initial=0), day.max(initial=0)]) * DAY).year if len(day) else [1970, 1970]
    )
    try:
        found = calendar.country_holidays(
            spec.country, subdiv=spec.subdivision, years=range(years[0] - 1, years[1] + 2)
        )
    except (NotImplementedError, KeyError) as error:
        raise UsageError(
            f"no holidays are known for country {spec.country!r}, subdivision {spec.subdivision!r}: {error}; "
            "give codes of ISO 3166, such as country 'AT', subdivision '9'"
        ) from error
    known = np.unique(np.array(sorted(found), dtype="datetime64[D]").astype(np.int64))
    far = 10 * spec.most + 400
    return np.concatenate([[day.min(initial=0) - far], known, [day.max(initial=0) + far]]).astype(np.int64)


def _in(tz: str | None) -> str:
    return "" if tz is None else f" in {tz}"
