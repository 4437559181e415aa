"""A table as the checks see it: every column as numbers, dates or words, with a code for each distinct value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ostinato.core.errors import UsageError

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]

_ISO = r"\d{4}-\d{2}(-\d{2}([T ]\d{2}:\d{2}.*)?)?"
_NUMBER = r"\s*[+-]?(\d{1,40}\.?\d{0,40}|\.\d{1,40})([eE][+-]?\d{1,2})?\s*"
_MOSTLY = 0.95  # share of readable values above which words are taken as numbers or dates


@dataclass(frozen=True)
class Column:
    """One column: `values (n,)` as float64 where they are numbers or dates (NaN for gaps), `codes (n,)` with -1 for gaps."""

    name: str
    kind: Literal["number", "date", "word"]
    values: Floats
    codes: Codes
    words: tuple[str, ...] = ()  # of the codes, where kind is word

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Which rows have no value."""
        return self.codes < 0

    @cached_property
    def distinct(self) -> int:
        """The number of distinct values."""
        return int(self.codes.max(initial=-1)) + 1


@dataclass(frozen=True)
class Table:
    """The columns of `X`, and its number of rows."""

    columns: tuple[Column, ...]
    rows: int

    @classmethod
    def of(cls, X: Any) -> Table:
        """From a frame, an array `(n, d)` or lists; raises UsageError for what is no table."""
        if not isinstance(X, pd.DataFrame):
            values = X if isinstance(X, np.ndarray) else np.asarray(X, dtype=object)
            if values.ndim != 2:  # noqa: PLR2004
                raise UsageError(f"X has the shape {values.shape}; give a table of rows and columns")
            X = pd.DataFrame(values).infer_objects()
            X.columns = [f"x{n}" for n in range(X.shape[1])]
        names = [str(name) for name in X.columns]
        return cls(tuple(column(name, X.iloc[:, n]) for n, name in enumerate(names)), len(X))

    def without(self, names: set[str]) -> Table:
        """The other columns."""
        return Table(tuple(each for each in self.columns if each.name not in names), self.rows)


def column(name: str, values: pd.Series[Any]) -> Column:
    """Read one column."""
    values = values.reset_index(drop=True)
    kind = values.dtype
    objects = isinstance(kind, np.dtype) and kind.kind == "O"
    if objects or isinstance(kind, pd.CategoricalDtype) or pd.api.types.is_string_dtype(kind):
        return _of_objects(name, values.astype(object))
    if pd.api.types.is_datetime64_any_dtype(kind) or isinstance(kind, pd.PeriodDtype):
        return _of_dates(name, values)
    if pd.api.types.is_timedelta64_dtype(kind):
        values = values.dt.total_seconds()
    if pd.api.types.is_complex_dtype(kind):
        return _of_objects(name, values.astype(object))
    return _of_numbers(name, pd.to_numeric(values).to_numpy(dtype=np.float64, na_value=np.nan))


def _of_numbers(name: str, values: Floats) -> Column:
    codes = np.asarray(pd.factorize(values)[0], dtype=np.int64)
    return Column(name, "number", np.where(np.isfinite(values), values, np.nan), codes)


def _of_dates(name: str, values: pd.Series[Any]) -> Column:
    if isinstance(values.dtype, pd.PeriodDtype):
        values = values.dt.to_timestamp()
    stamps = pd.to_datetime(values, utc=True).dt.as_unit("ns").astype("int64").to_numpy().astype(np.float64)
    stamps[values.isna().to_numpy()] = np.nan
    return Column(name, "date", stamps, np.asarray(pd.factorize(stamps)[0], dtype=np.int64))


def _of_objects(name: str, values: pd.Series[Any]) -> Column:
    words = values.map(str, na_action="ignore")
    codes, unique = pd.factorize(words)
    known = pd.Series(np.asarray(unique, dtype=object), dtype=object)
    if len(known) == 0:
        return Column(name, "word", np.full(len(values), np.nan), np.asarray(codes, dtype=np.int64))
    numbers = np.full(len(known), np.nan)
    # to_numeric of pandas 2.3 crashes the process on hashes such as 5e41230987124387
    written = known.str.fullmatch(_NUMBER).to_numpy(dtype=bool)
    if written.mean() >= _MOSTLY:
        numbers[written] = pd.to_numeric(known[written]).to_numpy(dtype=np.float64)
    flags = values.map(lambda each: isinstance(each, (bool, np.bool_))).all() if len(known) <= 2 else False  # noqa: PLR2004
    if flags:
        numbers = (known == "True").to_numpy(dtype=np.float64)
    stamps = np.full(len(known), np.nan)
    if np.isfinite(numbers).mean() < _MOSTLY and known.str.fullmatch(_ISO).mean() >= _MOSTLY:
        dates = pd.to_datetime(known, errors="coerce", utc=True, format="ISO8601")
        stamps = dates.dt.as_unit("ns").astype("int64").to_numpy().astype(np.float64)
        stamps[dates.isna().to_numpy()] = np.nan
    for kind, found in (("number", numbers), ("date", stamps)):
        if np.isfinite(found).mean() >= _MOSTLY:
            spread = np.append(np.where(np.isfinite(found), found, np.nan), np.nan)[codes]
            return Column(name, kind, spread, np.asarray(codes, dtype=np.int64))  # type: ignore[arg-type]
    return Column(name, "word", np.full(len(values), np.nan), np.asarray(codes, dtype=np.int64), tuple(known))
