"""Columns of a table read as numbers, words or times, with the row of what cannot be read."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ostinato.core.errors import UsageError
from ostinato.core.numbers import as_number

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Role = Literal["number", "category", "date", "text", "empty"]
_NUMBERS = frozenset({"integer", "floating", "mixed-integer-float", "decimal", "boolean"})
_DATES = frozenset({"datetime", "datetime64", "date"})
_SECONDS = 1e6
_ISO = r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}.*)?"
_FEWEST_TEXTS, _WORDS_OF_A_TEXT, _DIFFERENT_TEXTS = 8, 3.0, 0.5


@dataclass(frozen=True)
class Words:
    """A column of categories: `codes (n,)` into `levels`, -1 where a value is missing; `values` are the first of each level."""

    codes: Index
    levels: list[str]
    values: list[Any]

    @cached_property
    def counts(self) -> Index:
        """Rows of each level."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.levels))

    @cached_property
    def missing(self) -> bool:
        """Whether a value is missing anywhere."""
        return bool((self.codes < 0).any())

    def mapped(self, places: dict[str, int], unseen: int, missing: int) -> Index:
        """The place of each row's level `(n,)`."""
        own = np.array([*(places.get(level, unseen) for level in self.levels), missing], dtype=np.intp)
        return own[self.codes]

    def row_of(self, level: str) -> int:
        """The first row that holds it."""
        return int(np.argmax(self.codes == self.levels.index(level)))


class Table:
    """A DataFrame whose columns are read once for every block that asks."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self._read: dict[tuple[Hashable, ...], Any] = {}

    def __len__(self) -> int:
        return len(self.frame)

    def column(self, name: str) -> pd.Series:
        """The column as it came."""
        return self.frame[name]

    def numbers(self, name: str) -> Array:
        """A column as float64, NaN for gaps. Raises UsageError for words, dates and infinite values."""
        if ("number", name) not in self._read:
            self._read["number", name] = _numbers(self.frame[name], name)
        found: Array = self._read["number", name]
        return found

    def words(self, *names: str) -> Words:
        """A column as levels, or the combinations of several; compared by their text, so 1, 1.0 and "1" are one level."""
        key = ("words", *names)
        if key not in self._read:
            self._read[key] = (
                _words(self.frame[names[0]]) if len(names) == 1 else _crossed([self.words(n) for n in names])
            )
        found: Words = self._read[key]
        return found

    def times(self, name: str, form: str | None = None) -> Array:
        """A column of dates as seconds since 1970 UTC, NaN for gaps. Raises UsageError for what is no date."""
        key = ("times", name, form)
        if key not in self._read:
            self._read[key] = _times(self.frame[name], name, form)
        found: Array = self._read[key]
        return found

    def texts(self, name: str) -> list[str]:
        """A column as texts, "" for gaps."""
        words = self.words(name)
        levels = [*words.levels, ""]
        return [levels[code] for code in words.codes]


def role_of(values: pd.Series) -> Role:  # noqa: PLR0911 - a question a line
    """What a column looks like."""
    if values.isna().all():
        return "empty"
    if isinstance(values.dtype, pd.CategoricalDtype):
        return "category"
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind in _NUMBERS or pd.api.types.is_numeric_dtype(values):
        return "number"
    if kind in _DATES or pd.api.types.is_datetime64_any_dtype(values):
        return "date"
    if kind != "string":
        return "category"
    stated = values.dropna()
    if stated.str.fullmatch(_ISO).all():
        return "date"
    return "text" if _is_text(stated) else "category"


def text_of(value: Any) -> str:
    """The text by which a level is compared.

    >>> text_of(3.0), text_of(3), text_of("3"), text_of(True), text_of(0.5)
    ('3', '3', '3', 'True', '0.5')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, float | np.floating):
        return str(int(value)) if np.isfinite(value) and value == int(value) else repr(float(value))
    return str(value)


def _is_text(stated: pd.Series) -> bool:
    if len(stated) < _FEWEST_TEXTS or stated.nunique() < _DIFFERENT_TEXTS * len(stated):
        return False
    sample = stated.iloc[:1000]
    return bool(sample.str.split().str.len().mean() >= _WORDS_OF_A_TEXT)


def _numbers(values: pd.Series, name: str) -> Array:
    if pd.api.types.is_datetime64_any_dtype(values) or pd.api.types.is_timedelta64_dtype(values):
        raise UsageError(
            f"column {name!r} holds {values.dtype} and is wanted as numbers; ask for 'date', or convert it"
        )
    if pd.api.types.is_complex_dtype(values):
        raise UsageError(f"Complex data not supported: column {name!r}; take its real and imaginary parts")
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        found: Array = values.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        found = _parsed(values.astype(object), name)
    if np.isinf(found).any():
        row = int(np.argmax(np.isinf(found)))
        raise UsageError(
            f"column {name!r} holds {found[row]} in row {row}; infinite values have no scale: make them missing or clip"
        )
    return found


def _parsed(values: pd.Series, name: str) -> Array:
    found = np.empty(len(values))
    for row, (value, gap) in enumerate(zip(values.tolist(), values.isna().tolist(), strict=True)):
        number = np.nan if gap else as_number(value)
        if number is None:
            raise UsageError(
                f"column {name!r} is wanted as numbers and holds {value!r} in row {row}; mend the value, make it missing, "
                "or ask for a category"
            )
        found[row] = number
    return found


def _words(values: pd.Series) -> Words:
    try:
        codes, raw = pd.factorize(values, use_na_sentinel=True)
    except TypeError:  # lists and mappings have no hash
        codes, raw = pd.factorize(values.map(text_of, na_action="ignore"), use_na_sentinel=True)
    places: dict[str, int] = {}
    first: list[Any] = []
    moved = np.empty(len(raw) + 1, dtype=np.intp)
    moved[-1] = -1
    for place, value in enumerate(raw):
        text = text_of(value)
        if text not in places:
            places[text] = len(places)
            first.append(value)
        moved[place] = places[text]
    return Words(moved[codes], list(places), first)


def _crossed(columns: list[Words]) -> Words:
    gap = "∅"
    stacked = np.stack([each.codes for each in columns])
    whole, codes = np.unique(stacked, axis=1, return_inverse=True)
    levels = [
        " × ".join(each.levels[code] if code >= 0 else gap for each, code in zip(columns, combination, strict=True))
        for combination in whole.T.tolist()
    ]
    frame = pd.Series(np.array(levels, dtype=object)[codes.ravel()] if levels else [], dtype=object)
    return _words(frame)


def _times(values: pd.Series, name: str, form: str | None) -> Array:
    if pd.api.types.is_numeric_dtype(values) and not values.isna().all():
        raise UsageError(
            f"column {name!r} is wanted as dates and holds numbers; convert it, for numbers do not say their unit"
        )
    if pd.api.types.is_datetime64_any_dtype(values):
        found = pd.to_datetime(values, utc=True)
    else:
        found = pd.to_datetime(values.astype(object), utc=True, format=form or "ISO8601", errors="coerce")
    bad = (found.isna() & values.isna().eq(False)).to_numpy()
    if bad.any():
        row = int(np.argmax(bad))
        wanted = f"the format {form!r}" if form else "ISO 8601 such as 2024-05-31T18:00:00Z"
        raise UsageError(
            f"column {name!r} holds {values.iloc[row]!r} in row {row}, which is no date in {wanted}, or outside the years 1678 to "
            f"2261 that text is read in ({int(bad.sum())} such rows); "
            "state `format`, or mend the values"
        )
    seconds = found.to_numpy(dtype="datetime64[us]").astype(np.int64) / _SECONDS  # as nanoseconds 1066 would overflow
    out: Array = np.where(found.isna().to_numpy(), np.nan, seconds)
    return out


def restored(values: Any, dtype: str, index: pd.Index | None) -> pd.Series:
    """Values `(n,)` as a column of the type that was learnt from, where they fit into it."""
    column = pd.Series(values, index=index).infer_objects()
    if pd.api.types.is_datetime64_any_dtype(column):
        _, _, zone = dtype.partition(", ")
        if not dtype.startswith("datetime64") or column.dt.tz is None:
            return column
        return column.dt.tz_convert(zone.rstrip("]") or None)
    whole = dtype.lower().startswith(("int", "uint", "bool"))
    if whole and pd.api.types.is_numeric_dtype(column) and column.notna().all():
        column[:] = column.round()
        return pd.Series(column.to_numpy(), index=column.index, dtype=dtype)
    return column.astype("category") if dtype == "category" else column
