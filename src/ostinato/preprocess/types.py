"""Give the columns of a table the types that their text states: numbers, yes or no, dates, and tidy text."""

from __future__ import annotations

import unicodedata
from typing import Any

import pandas as pd

from ostinato.core.numbers import numeric

_TRUE, _FALSE = {"true", "yes"}, {"false", "no"}
_NUMBER = r"[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"  # no leading zeros: 0071 is a code
_DATE = r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"


def typed(tracks: pd.DataFrame, text: frozenset[str]) -> pd.DataFrame:
    """A copy with every column typed; those named in `text` stay text whatever they look like.

    Text is stripped and brought to NFC, and is null where nothing is left. A column becomes a number, a `boolean` or a
    date (UTC) only where every value of it reads as one, so nothing is lost on the way.
    """
    return tracks.assign(**{name: _typed(tracks[name], name in text) for name in tracks.columns})


def _typed(values: pd.Series, stays_text: bool) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(values):
        return pd.to_datetime(values, utc=True).astype("datetime64[us, UTC]")
    if not (values.dtype == object or pd.api.types.is_string_dtype(values)):
        return values
    tidy = values.map(_tidy).astype(object)
    read = None if stays_text else _read(tidy)
    return tidy.map(_text).astype(object) if read is None else read


def _read(tidy: pd.Series) -> pd.Series | None:
    """The column as yes or no, numbers or dates; None where it is text."""
    stated = tidy.dropna()
    words = stated.map(str)
    if stated.empty:
        return None
    if words.str.casefold().isin(_TRUE | _FALSE).all():
        return tidy.map(lambda value: None if value is None else str(value).casefold() in _TRUE).astype("boolean")
    if words.str.fullmatch(_NUMBER).all():
        return numeric(tidy.map(_text))
    if words.str.fullmatch(_DATE).all():
        dates = pd.to_datetime(tidy.map(_text), utc=True, format="ISO8601", errors="coerce")
        return dates.astype("datetime64[us, UTC]") if dates.notna().sum() == len(stated) else None
    return None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _tidy(value: Any) -> Any:
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value).strip() or None
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return None
    return value
