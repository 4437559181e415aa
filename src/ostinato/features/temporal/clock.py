"""Moments of a table on one clock: int64 nanoseconds, of UTC where the table says zones, of its own clock where it does not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ostinato.core.errors import UsageError

Ints = NDArray[np.int64]
Unit = Literal["D", "h", "m", "s", "ms", "us", "ns"]
SECOND = 1_000_000_000
DAY = 86_400 * SECOND
_NS: dict[str, int] = {
    "D": DAY, "h": 3600 * SECOND, "m": 60 * SECOND, "s": SECOND, "ms": 1_000_000, "us": 1000, "ns": 1,
}  # fmt: skip
_ZONED = r"\d{1,2}(?::?\d{2}){0,2}(?:\.\d+)?\s?(?:[Zz]|[+-]\d{2}(?::?\d{2})?)$"
_LATEST = np.iinfo(np.int64).max
_SHOWN = 3


@dataclass(frozen=True)
class Moments:
    """Nanoseconds `(n,)` since 1970 and whether they are known to be UTC."""

    ns: Ints
    zoned: bool


def duration(text: str | int | float, name: str) -> int:
    """A positive span such as "7D" in nanoseconds; raises UsageError for anything else.

    >>> duration("36h", "window") == 36 * 3600 * 10**9
    True
    """
    try:
        if isinstance(text, bool | int | float):
            raise ValueError
        found = int(pd.Timedelta(text).value)
    except (ValueError, TypeError, OverflowError):
        found = 0
    if found <= 0:
        raise UsageError(f"{name}={text!r} is no span of time; give one such as '7D', '12h' or '30min'")
    return found


def moments(column: pd.Series[Any], unit: Unit | None = None, tz: str | None = None) -> Moments:
    """The moments of a column `(n,)`.

    Dates with offsets or zones, also several in one column, become UTC. Dates without one are taken as clocks of `tz`; without
    `tz` they are left on their own clock, which all rows are then taken to share. Numbers count `unit`s since 1970, UTC.
    Raises UsageError for gaps, words that are no ISO dates, a mixture of zoned and naive dates, and hours that a change of clocks
    skips or repeats.

    >>> moments(pd.Series(["2024-05-01T12:00+02:00", "2024-05-01T10:00Z"])).ns.tolist()
    [1714557600000000000, 1714557600000000000]
    """
    gaps = column.isna().to_numpy()
    if gaps.any():
        raise UsageError(
            f"column {column.name!r}: {int(gaps.sum())} rows have no time ({_rows(gaps)}); "
            "a row without a moment has no past: fill or drop them"
        )
    if pd.api.types.is_bool_dtype(column.dtype):
        raise UsageError(f"column {column.name!r} holds yes and no, not moments; name the column of the time")
    if pd.api.types.is_numeric_dtype(column.dtype):
        return Moments(_counted(column, unit), zoned=True)
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return Moments(_nanoseconds(column.dt.tz_convert("UTC").dt.tz_localize(None), column.name), zoned=True)
    if pd.api.types.is_datetime64_dtype(column.dtype):
        return _placed(column, tz)
    return _read(column, tz)


def local(ns: Ints, tz: str | None) -> pd.DatetimeIndex:
    """The wall clock of moments: of `tz` where one is said, else as they stand."""
    index = pd.DatetimeIndex(ns)
    return index if tz is None else index.tz_localize("UTC").tz_convert(tz).tz_localize(None)


def check_zone(tz: str | None) -> None:
    """Raise UsageError for a zone that there is not."""
    try:
        pd.DatetimeIndex([]).tz_localize(tz)
    except (KeyError, ValueError, TypeError, OSError) as error:
        raise UsageError(f"tz={tz!r} is no time zone; give a name such as 'Europe/Vienna' or 'UTC'") from error


def _counted(column: pd.Series[Any], unit: Unit | None) -> Ints:
    if unit is None or unit not in _NS:
        raise UsageError(
            f"column {column.name!r} holds numbers such as {column.iloc[0]!r}; say what they count since 1970 by "
            f"unit=, one of {', '.join(_NS)}" + ("" if unit is None else f"; it is {unit!r}")
        )
    factor = _NS[unit]
    values = column.to_numpy()
    if values.dtype.kind in "iu":
        _bounded(np.abs(values.astype(np.float64)), factor, column)
        return np.asarray(values.astype(np.int64) * factor)
    numbers = column.to_numpy(dtype=np.float64)
    _bounded(np.abs(numbers), factor, column)
    whole = np.floor(numbers)
    # a float64 of nanoseconds would round to a quarter of a microsecond
    return np.asarray(whole.astype(np.int64) * factor + np.rint((numbers - whole) * factor).astype(np.int64))


def _bounded(sizes: NDArray[np.float64], factor: int, column: pd.Series[Any]) -> None:
    beyond = ~(sizes < _LATEST / factor)
    if beyond.any():
        worst = int(np.argmax(beyond))
        raise UsageError(
            f"column {column.name!r}, row {worst}: {column.iloc[worst]!r} lies outside the years 1678 to 2262; "
            "check the unit, or drop the row"
        )


def _nanoseconds(naive: pd.Series[Any], name: Any) -> Ints:
    try:
        return np.asarray(naive.dt.as_unit("ns").to_numpy().astype(np.int64))
    except (pd.errors.OutOfBoundsDatetime, OverflowError) as error:
        raise _beyond(name, error) from error


def _beyond(name: Any, error: Exception) -> UsageError:
    return UsageError(f"column {name!r}: a date lies outside the years 1678 to 2262 ({error}); mend or drop it")


def _placed(naive: pd.Series[Any], tz: str | None) -> Moments:
    ns = _nanoseconds(naive, naive.name)
    if tz is None:
        return Moments(ns, zoned=False)
    check_zone(tz)
    placed = pd.DatetimeIndex(ns).tz_localize(tz, ambiguous="NaT", nonexistent="NaT")
    unsure = np.asarray(placed.isna())
    if unsure.any():
        shown = naive.iloc[int(np.argmax(unsure))]
        raise UsageError(
            f"column {naive.name!r}: {int(unsure.sum())} moments such as {shown} cannot be placed in {tz}, for the clocks were "
            "changed in that hour; write them with their offset, such as 2024-10-27T02:30+01:00"
        )
    return Moments(placed.tz_convert("UTC").as_unit("ns").to_numpy().astype(np.int64), zoned=True)


def _read(column: pd.Series[Any], tz: str | None) -> Moments:
    values = column.astype(object)
    words = np.array([isinstance(value, str) for value in values.tolist()], dtype=bool)
    _only_dates(values[~words], column.name)
    zoned = np.zeros(len(values), dtype=bool)
    if words.any():
        zoned[words] = values[words].str.strip().str.contains(_ZONED, regex=True).to_numpy(dtype=bool)
        dated_only = values[words].str.strip().str.fullmatch(r"\d{4}-?\d{2}-?\d{2}").to_numpy(dtype=bool)
        zoned[np.flatnonzero(words)[dated_only]] = False
    zoned[~words] = [getattr(value, "tzinfo", None) is not None for value in values[~words].tolist()]
    if zoned.any() and not zoned.all() and tz is None:
        raise UsageError(
            f"column {column.name!r} mixes moments with a zone ({_rows(zoned)}) and without ({_rows(~zoned)}); "
            "say by tz= which zone the clocks without one show"
        )
    ns = np.empty(len(values), dtype=np.int64)
    if zoned.any():
        parsed = _parsed(values[zoned], column.name, utc=True)
        ns[zoned] = _nanoseconds(parsed.dt.tz_localize(None), column.name)
    if not zoned.all():
        ns[~zoned] = _placed(_parsed(values[~zoned], column.name, utc=False), tz).ns
    return Moments(ns, zoned=bool(zoned.any()) or tz is not None)


def _only_dates(values: pd.Series[Any], name: Any) -> None:
    for row, value in zip(values.index.tolist(), values.tolist(), strict=True):
        if not isinstance(value, date | datetime | np.datetime64):
            raise UsageError(
                f"column {name!r}, row {row!r}: {value!r} is no moment; give dates, or ISO words such as 2024-05-01"
            )


def _parsed(values: pd.Series[Any], name: Any, *, utc: bool) -> pd.Series[Any]:
    try:
        return pd.to_datetime(values, format="ISO8601", utc=utc)
    except pd.errors.OutOfBoundsDatetime as error:
        raise _beyond(name, error) from error
    except (ValueError, TypeError) as error:
        read = pd.to_datetime(values, format="ISO8601", utc=utc, errors="coerce")
        wrong = read.isna().to_numpy()
        shown = repr(values.iloc[int(np.argmax(wrong))]) if wrong.any() else str(error)
        raise UsageError(
            f"column {name!r}: {int(wrong.sum())} of {len(values)} rows hold no ISO date, such as {shown}; day and month of other "
            "forms cannot be told apart: convert them with pandas.to_datetime(…, format=…) first"
        ) from error


def _rows(mask: NDArray[np.bool_]) -> str:
    places = np.flatnonzero(mask)
    return f"row {', '.join(map(str, places[:_SHOWN].tolist()))}" + (", …" if len(places) > _SHOWN else "")
