"""A table of numbers, dates and categories as one matrix with NaN for what is missing, and back again.

Categories are codes 0 … K-1 in the order of their first occurrence; a level that was not there while learning is K.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ostinato.core.errors import UsageError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
_NUMBERS = frozenset({"integer", "floating", "mixed-integer-float", "decimal"})
_SHOWN = 5


@dataclass(frozen=True)
class Column:
    """What a column holds; `levels` are a category's values in the order of their codes, `whole` that numbers are integers."""

    name: Any
    kind: Literal["number", "moment", "category"]
    levels: Any = None
    whole: bool = False

    @property
    def n_levels(self) -> int:
        """Different values of a category, 0 for a number."""
        return 0 if self.levels is None else len(self.levels)

    def read(self, values: pd.Series[Any]) -> Array:
        """The column `(n,)` as numbers or codes; raises UsageError where a number was expected and is not there."""
        if self.kind == "category":
            missing = values.isna().to_numpy()
            codes: Array = self.levels.get_indexer(values.astype(object)).astype(np.float64)
            codes[codes < 0] = self.n_levels
            codes[missing] = np.nan
            return codes
        if self.kind == "moment":
            return _ticks(self.name, values)
        try:
            return values.to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError):
            raise UsageError(
                f"column {self.name!r} was numbers when it was learnt and now holds {_odd(values)!r}; give numbers or NaN"
            ) from None

    def filled(self, values: pd.Series[Any], rows: Mask, drawn: Array) -> pd.Series[Any]:
        """The column with what was drawn for `rows`, of the same dtype where that can hold it."""
        done = values.copy()
        if self.kind == "category":
            levels = self.levels.take(drawn.astype(np.intp))
            if isinstance(values.dtype, pd.CategoricalDtype):
                done = done.cat.add_categories(levels.unique().difference(values.cat.categories, sort=False))
            elif pd.api.types.is_bool_dtype(values.dtype) and not all(
                isinstance(each, bool | np.bool_) for each in levels
            ):
                raise UsageError(
                    f"column {self.name!r} holds yes or no and cannot be filled with {levels[0]!r}; name a fill_value for it"
                )
            done[rows] = levels
        elif self.kind == "moment":
            ticks = pd.Series(np.rint(drawn).astype(np.int64), index=values.index[rows])
            done[rows] = _moments(ticks, values.dtype)
        else:
            # assigning by position: an index may hold a label twice
            fit = np.rint(drawn) if self.whole and pd.api.types.is_integer_dtype(values.dtype) else drawn
            done.iloc[np.flatnonzero(rows)] = fit.astype(values.dtype) if isinstance(values.dtype, np.dtype) else fit
        return done


def _ticks(name: Any, values: pd.Series[Any]) -> Array:
    """Dates or durations as floats of their unit."""
    if values.dtype.kind not in "mM":
        raise UsageError(
            f"column {name!r} was dates when it was learnt and now is {values.dtype}; read it by pandas.to_datetime"
        )
    ticks = np.asarray(values.astype("int64"), dtype=np.float64).copy()
    ticks[values.isna().to_numpy()] = np.nan
    return ticks


def _moments(ticks: Any, dtype: Any) -> Any:
    unit = dtype.unit if hasattr(dtype, "unit") else np.datetime_data(dtype)[0]
    if dtype.kind == "m":
        return ticks.astype(f"timedelta64[{unit}]").array
    if isinstance(dtype, pd.DatetimeTZDtype):
        return ticks.astype(f"datetime64[{unit}]").dt.tz_localize("UTC").dt.tz_convert(dtype.tz).array
    return ticks.astype(f"datetime64[{unit}]").array


def _odd(values: pd.Series[Any]) -> Any:
    return next((each for each in values.dropna() if not isinstance(each, int | float | np.number)), "text")


@dataclass(frozen=True)
class Layout:
    """The columns of a table; `plain` where all of them are floats, which are read and written at once."""

    columns: tuple[Column, ...]
    plain: bool

    @classmethod
    def learnt(cls, X: Any) -> Layout:
        """Learn from a DataFrame or an array; raises UsageError for values that are neither numbers, dates nor categories."""
        if isinstance(X, np.ndarray) and X.dtype.kind in "fiub":
            return cls(tuple(Column(f"x{place}", "number") for place in range(X.shape[1])), plain=True)
        if not isinstance(X, pd.DataFrame):
            return cls.learnt(pd.DataFrame(X, columns=[f"x{place}" for place in range(X.shape[1])]))
        if all(isinstance(dtype, np.dtype) and dtype == np.float64 for dtype in X.dtypes):
            return cls(tuple(Column(name, "number") for name in X.columns), plain=True)
        return cls(tuple(_learnt(name, X.iloc[:, place]) for place, name in enumerate(X.columns)), plain=False)

    def read(self, X: Any) -> Array:
        """The cells `(n, d)`; raises UsageError for infinite values and values of another kind than were learnt."""
        cells: Array
        if isinstance(X, np.ndarray) and X.dtype.kind in "fiub":
            cells = X.astype(np.float64)
            if not self.plain:
                return self.read(pd.DataFrame(X, columns=[column.name for column in self.columns]))
        elif self.plain and isinstance(X, pd.DataFrame) and all(dtype == np.float64 for dtype in X.dtypes):
            cells = X.to_numpy(dtype=np.float64, copy=True)
        else:
            frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(X)
            cells = np.empty(frame.shape)
            for place, column in enumerate(self.columns):
                cells[:, place] = column.read(frame.iloc[:, place])
        infinite = np.isinf(cells)
        if infinite.any():
            raise _infinite(cells, infinite, [column.name for column in self.columns])
        return cells

    def write(self, X: Any, cells: Array, holes: Mask) -> Any:
        """`X` with its `holes` filled from `cells`: a DataFrame as it came, an array of floats or objects."""
        if isinstance(X, np.ndarray) and X.dtype.kind in "fiub":
            return cells.astype(X.dtype) if X.dtype.kind == "f" else cells
        if isinstance(X, np.ndarray):
            frame = self._frame(pd.DataFrame(X), cells, holes)
            return frame.to_numpy(dtype=object)
        if self.plain and all(dtype == np.float64 for dtype in X.dtypes):
            return pd.DataFrame(cells, index=X.index, columns=X.columns, copy=False)
        return self._frame(X, cells, holes)

    def _frame(self, X: pd.DataFrame, cells: Array, holes: Mask) -> pd.DataFrame:
        found: dict[int, pd.Series[Any]] = {}
        for place, column in enumerate(self.columns):
            rows, values = holes[:, place], X.iloc[:, place]
            found[place] = column.filled(values, rows, cells[rows, place]) if rows.any() else values
        return pd.DataFrame(found, index=X.index).set_axis(X.columns, axis=1)


def _learnt(name: Any, values: pd.Series[Any]) -> Column:
    dtype = values.dtype
    if dtype.kind in "mM":
        return Column(name, "moment")
    if dtype.kind == "c":
        raise UsageError(f"column {name!r} holds complex numbers; give their parts or magnitudes")
    if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype):
        return Column(name, "number", whole=pd.api.types.is_integer_dtype(dtype))
    if pd.api.types.is_object_dtype(dtype) and pd.api.types.infer_dtype(values, skipna=True) in _NUMBERS:
        return Column(name, "number")
    try:
        levels = pd.Index(values.dropna().astype(object).unique(), dtype=object)
    except TypeError:
        odd = next(each for each in values.dropna() if getattr(each, "__hash__", None) is None)
        raise UsageError(
            f"column {name!r} holds {type(odd).__name__} values; give one number, date or text a cell"
        ) from None
    return Column(name, "category", levels)


def _infinite(cells: Array, infinite: Mask, names: Sequence[Any]) -> UsageError:
    where = np.flatnonzero(infinite.any(axis=0))
    shown = ", ".join(f"{names[place]!r} ({int(infinite[:, place].sum())})" for place in where[:_SHOWN])
    more = f" and {len(where) - _SHOWN} more columns" if len(where) > _SHOWN else ""
    row = int(infinite[:, where[0]].argmax())
    return UsageError(
        f"infinite values in {shown}{more}, first {cells[row, where[0]]} in row {row}; replace them by NaN to have them imputed"
    )
