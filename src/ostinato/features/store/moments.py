"""Moments as microseconds since 1970 in UTC, from whatever clocks a column was written by."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ostinato.core.errors import FeatureStoreError

Micros = NDArray[np.int64]
NEVER = np.iinfo(np.int64).min  # what NaT is, and earlier than any moment
_ZONE = re.compile(r"(?:Z|z|[+-]\d{2}:?\d{2}|[+-]\d{2})$")
_DATE = re.compile(r"\d{4}-?\d{2}-?\d{2}(?!\d)")
_NS = 1000


def now() -> int:
    """This moment in microseconds."""
    return instant(None)


def instant(at: datetime | None) -> int:
    """A plain datetime with its zone in microseconds, this moment for None."""
    if at is None:
        return time.time_ns() // _NS
    if at.tzinfo is None:
        raise FeatureStoreError(f"at={at} has no time zone; give it one: at.replace(tzinfo=UTC)")
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def moment(value: Any, name: str) -> int:
    """One moment in microseconds; a naive one is refused."""
    if value is None:
        raise FeatureStoreError(f"{name} is None; expected a moment with its time zone")
    return int(micros(pd.Series([value]), name)[0])


def stamp(at: int) -> str:
    """A moment in words.

    >>> stamp(0)
    '1970-01-01T00:00:00+00:00'
    """
    return datetime.fromtimestamp(at / 1e6, UTC).isoformat()


def micros(
    column: pd.Series[Any], name: str, *, assume_utc: bool = False, upwards: bool = False, gaps: bool = False
) -> Micros:
    """The moments of a column; raises FeatureStoreError that names the column and the first row it cannot place in time.

    Columns with a zone, and objects or ISO 8601 texts that each carry their own, become UTC. Moments without a zone are refused
    unless `assume_utc`. Nanoseconds are rounded down, or up where `upwards`: events are rounded up and questions down, so that
    rounding never shows a row its future. With `gaps`, missing moments are `NEVER`; otherwise they are refused.
    """
    if isinstance(column.dtype, pd.ArrowDtype) or not pd.api.types.is_datetime64_any_dtype(column.dtype):
        column = _read(column, name, assume_utc)
    if column.dt.tz is None:
        if not assume_utc and column.notna().any():
            raise _naive(name, int(np.argmax(column.notna().to_numpy())), column)
    else:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    if not gaps and column.isna().any():
        row = int(np.argmax(column.isna().to_numpy()))
        raise FeatureStoreError(
            f"column {name!r} is missing in {int(column.isna().sum())} of {len(column)} rows, first in row {row}. "
            "A value without its moment cannot be placed in time: drop those rows, or find out when they were."
        )
    return _whole(column.to_numpy(), upwards)


def _whole(values: NDArray[Any], upwards: bool) -> Micros:
    if values.dtype != np.dtype("datetime64[ns]"):
        return values.astype("datetime64[us]").astype(np.int64)
    exact = values.astype(np.int64)
    missing = exact == NEVER
    whole = -(-exact // _NS) if upwards else exact // _NS
    return np.where(missing, NEVER, whole)


def _read(column: pd.Series[Any], name: str, assume_utc: bool) -> pd.Series[Any]:
    """Texts and objects as moments in UTC."""
    values = np.asarray(column.astype(object).to_numpy())
    missing = np.asarray(pd.isna(values))
    known = values[~missing]
    places = np.flatnonzero(~missing)
    kinds = [_zoned(value) for value in known]
    for row, kind, value in zip(places, kinds, known, strict=True):
        if kind is None:
            raise FeatureStoreError(
                f"column {name!r} holds {value!r} ({type(value).__name__}) in row {row}, which is no moment. Expected datetimes "
                "or ISO 8601 texts with their zone (2026-01-31T12:00:00+01:00). Other forms are ambiguous: convert texts with "
                "pandas.to_datetime and a format, numbers with a unit."
            )
        if not kind and not assume_utc:
            raise _naive(name, int(row), column)
    try:
        read = pd.to_datetime(pd.Series(known, dtype=object), utc=True, format="ISO8601", errors="coerce")
    except (ValueError, TypeError, OverflowError) as error:
        raise FeatureStoreError(f"column {name!r} cannot be read as moments: {error}") from error
    if read.isna().any():
        wrong = int(np.argmax(read.isna().to_numpy()))
        raise FeatureStoreError(
            f"column {name!r} holds {known[wrong]!r} in row {places[wrong]}, which is no moment in ISO 8601 "
            "(2026-01-31T12:00:00+01:00) of the years 1678 to 2261"
        )
    whole = pd.Series(pd.NaT, index=range(len(values)), dtype="datetime64[ns, UTC]")
    whole.iloc[places] = read.to_numpy()
    return whole


def _zoned(value: Any) -> bool | None:
    """Whether a value says its zone; None where it is no moment."""
    if isinstance(value, str):
        return bool(_ZONE.search(value.strip())) and ":" in value if _DATE.match(value.strip()) else None
    if isinstance(value, datetime):
        return value.tzinfo is not None
    return False if isinstance(value, np.datetime64) else None


def _naive(name: str, row: int, column: pd.Series[Any]) -> FeatureStoreError:
    return FeatureStoreError(
        f"column {name!r} says {column.iloc[row]!s} in row {row} without a time zone, so nobody knows which moment that is. "
        f"Give it one (frame[{name!r}].dt.tz_localize('Europe/Berlin')), or pass assume_utc=True if it is UTC."
    )
