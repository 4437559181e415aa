"""A frame as a view's types have it: every column checked, the first wrong value named by column and row."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ostinato.core.errors import FeatureStoreError
from ostinato.features.store.moments import micros

_EXACT = 2**53  # integers beyond it have no float64 of their own
_PLAIN: dict[str, Any] = {"bool": (bool, np.bool_), "string": str, "int64": Real, "float64": Real, "float32": Real}


def arrow_type(dtype: str) -> Any:
    """The Arrow type that a feature's type is stored as."""
    return pa.timestamp("us", tz="UTC") if dtype == "timestamp" else getattr(pa, dtype.replace("bool", "bool_"))()


def column_of(column: pd.Series[Any], dtype: str, what: str, *, assume_utc: bool = False) -> Any:
    """An Arrow array of the feature type `dtype`; raises FeatureStoreError that names `what` and the row.

    Missing values become null, NaN too; infinities stay. Nothing is turned into another type that would lose of it: 1.0 is an
    int64, 1.5 is none; 1 is a float64; True is no number and '1' is no number.
    """
    if dtype == "timestamp":
        at = micros(column, what, assume_utc=assume_utc, gaps=True)
        return pa.array(at, mask=at == np.iinfo(np.int64).min).cast(arrow_type(dtype))
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype if not column.isna().any() else object)
    if dtype == "string":
        return _texts(column, what)
    missing = column.isna().to_numpy()
    kind = _kind(column)
    if dtype == "bool":
        if kind != "b":
            _refuse_others(column, missing, dtype, what)
        return pa.array(np.where(missing, False, column.to_numpy(dtype=object)).astype(bool), mask=missing)
    if kind not in "iuf":
        _refuse_others(column, missing, dtype, what)
    return _integers(column, missing, what) if dtype == "int64" else _floats(column, missing, dtype, what)


def keys_of(column: pd.Series[Any], dtype: str, what: str) -> Any:
    """A column of an entity's keys: like a feature, and never missing."""
    if column.isna().any():
        row = int(np.argmax(column.isna().to_numpy()))
        raise FeatureStoreError(
            f"{what} is missing in {int(column.isna().sum())} of {len(column)} rows, first in row {row}: "
            "nobody knows whose values these are. Drop those rows, or give them a key."
        )
    return column_of(column, dtype, what)


def _kind(column: pd.Series[Any]) -> str:
    """NumPy's letter for a column's type, of pandas' own and Arrow's types too."""
    dtype = column.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return "b"
    if pd.api.types.is_unsigned_integer_dtype(dtype):
        return "u"
    if pd.api.types.is_integer_dtype(dtype):
        return "i"
    return "f" if pd.api.types.is_float_dtype(dtype) else "O"


def _texts(column: pd.Series[Any], what: str) -> Any:
    missing = column.isna().to_numpy()
    values = column.to_numpy(dtype=object)
    if pd.api.types.infer_dtype(values, skipna=True) not in ("string", "empty"):
        _refuse_others(column, missing, "string", what)
    try:
        return pa.array(values, type=pa.string(), mask=missing)
    except (pa.ArrowInvalid, UnicodeEncodeError) as error:
        raise FeatureStoreError(f"{what} holds a text that is not Unicode: {error}") from error


def _integers(column: pd.Series[Any], missing: Any, what: str) -> Any:
    values = column.to_numpy(dtype=object) if _kind(column) in "Ou" or missing.any() else column.to_numpy()
    if values.dtype == object:
        whole = np.array(
            [
                gone or (value == value // 1 and -(2**63) <= value < 2**63)
                for value, gone in zip(values, missing, strict=True)
            ]
        )
        _refuse(column, ~whole, "int64", what)
        return pa.array(
            np.array([0 if gone else int(v) for v, gone in zip(values, missing, strict=True)], dtype=np.int64),
            mask=missing,
        )
    if values.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            fits = (values == np.floor(values)) & (np.abs(values) < 2.0**63)
        _refuse(column, ~fits, "int64", what)
    return pa.array(values.astype(np.int64))


def _floats(column: pd.Series[Any], missing: Any, dtype: str, what: str) -> Any:
    if _kind(column) in "iuO":
        whole = column.to_numpy(dtype=object)
        far = [
            not gone and isinstance(v, Integral) and abs(int(v)) > _EXACT
            for v, gone in zip(whole, missing, strict=True)
        ]
        _refuse(column, np.array(far, dtype=bool), f"{dtype} (which holds integers to 2^53 exactly)", what)
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    with np.errstate(over="ignore"):
        cast = values.astype(dtype)
    _refuse(column, np.isinf(cast) & np.isfinite(values), dtype, what)
    return pa.array(cast, mask=missing)


def _refuse_others(column: pd.Series[Any], missing: Any, dtype: str, what: str) -> None:
    """Refuse values whose Python type is not that of the feature."""
    expected = _PLAIN[dtype]
    is_bool = dtype == "bool"
    values = column.to_numpy(dtype=object)
    wrong = [
        not gone and (not isinstance(value, expected) or (isinstance(value, (bool, np.bool_)) and not is_bool))
        for value, gone in zip(values, missing, strict=True)
    ]
    _refuse(column, np.array(wrong, dtype=bool), dtype, what)


def _refuse(column: pd.Series[Any], wrong: Any, dtype: str, what: str) -> None:
    if not wrong.any():
        return
    row, count = int(np.argmax(wrong)), int(wrong.sum())
    value = column.iloc[row]
    value = value.item() if isinstance(value, np.generic) else value
    more = f", and {count - 1} further rows are no better" if count > 1 else ""
    raise FeatureStoreError(
        f"{what} is declared {dtype}, but row {row} holds {value!r} ({type(value).__name__}){more}. "
        "Mend the column, or declare another type, which begins a new version of the view."
    )
