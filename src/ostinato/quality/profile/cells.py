"""One column read once: which cells are missing, and the others as numbers, as moments, or as codes of distinct words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Store = Literal["number", "boolean", "moment", "words", "nothing"]
NAT = np.iinfo(np.int64).min
NAIVE = "none"  # the zone of a moment that names none
_NUMBERS = ("integer", "floating", "mixed-integer-float", "decimal")
_NAMES = {"int": "whole number", "float": "number", "Decimal": "number", "str": "text", "bool": "yes or no"}
_SCALARS = {
    "int64": "whole number",
    "float64": "number",
    "bool_": "yes or no",
    "Timestamp": "moment",
    "datetime": "moment",
}


@dataclass(frozen=True, eq=False)
class Cells:
    """A column of `n` cells.

    `values` holds numbers in their own width, or moments as int64 nanoseconds since 1970 in UTC (`NAT` where missing);
    `codes` (-1 where missing) point into `levels`, the distinct words in order of appearance, and `counts` says how often
    each occurs. `types` counts Python types where a column holds several of them, and `type_codes` says which cell has
    which.
    """

    name: str
    storage: str
    store: Store
    missing: Bools
    values: NDArray[Any] | None = None
    codes: NDArray[np.int32] | None = None
    levels: Any = None  # pyarrow.StringArray
    counts: Ints | None = None
    types: dict[str, int] = field(default_factory=dict)
    type_codes: NDArray[np.int8] | None = None
    zones: dict[str, int] = field(default_factory=dict)
    declared: bool = False  # a pandas categorical: its levels were chosen by somebody

    @property
    def filled(self) -> int:
        """Number of cells that hold something."""
        return len(self.missing) - int(self.missing.sum())


def read_cells(column: pd.Series[Any], name: str) -> Cells:  # noqa: PLR0911 - one return a type
    """Read a column of any type; what pandas knows no kind for is read as words."""
    import pandas as pd

    missing = np.asarray(column.isna().to_numpy(), dtype=bool)
    dtype = column.dtype
    storage = str(dtype) if len(str(dtype)) <= 40 else type(dtype).__name__  # noqa: PLR2004 - a line of a table
    if missing.all():
        return Cells(name, storage, "nothing", missing)
    if isinstance(dtype, pd.CategoricalDtype):
        return _categorical(column, name, missing)
    if isinstance(dtype, pd.SparseDtype):
        return read_cells(pd.Series(np.asarray(column.to_numpy()), name=column.name), name)
    if pd.api.types.is_bool_dtype(dtype):
        values = column.to_numpy(dtype=bool, na_value=False) if missing.any() else column.to_numpy(dtype=bool)
        return Cells(name, storage, "boolean", missing, values=values.astype(np.int8))
    if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype):
        return Cells(name, storage, "number", missing, values=_native(column, missing))
    if pd.api.types.is_timedelta64_dtype(dtype):
        return Cells(name, storage, "number", missing, values=column.dt.total_seconds().to_numpy(dtype=np.float64))
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return _moments(column, name, storage, missing)
    return _objects(column, name, storage, missing)


def _native(column: pd.Series[Any], missing: Bools) -> NDArray[Any]:
    """Numbers as NumPy has them: whole numbers stay whole where none is missing, or they would lose digits."""
    if isinstance(column.dtype, np.dtype):
        values = column.to_numpy()
        return values.astype(np.float64) if values.dtype.kind == "f" else values
    if missing.any():
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    kind = np.int64 if "int" in str(column.dtype).lower() else np.float64
    return np.asarray(column.to_numpy(dtype=kind))


def _categorical(column: pd.Series[Any], name: str, missing: Bools) -> Cells:
    codes = np.asarray(column.cat.codes.to_numpy(), dtype=np.int32)
    levels = _arrow([str(level) for level in column.cat.categories])
    counts = np.bincount(codes[codes >= 0], minlength=len(levels)).astype(np.int64)
    return Cells(name, "category", "words", missing, codes=codes, levels=levels, counts=counts, declared=True)


def _moments(column: pd.Series[Any], name: str, storage: str, missing: Bools) -> Cells:
    zone = str(getattr(column.dtype, "tz", None) or NAIVE)
    bare = column.dt.tz_convert("UTC").dt.tz_localize(None) if zone != NAIVE else column
    values = bare.astype("datetime64[ns]").to_numpy().view(np.int64)
    return Cells(name, storage, "moment", missing, values=values, zones={zone: int((~missing).sum())})


def _objects(column: pd.Series[Any], name: str, storage: str, missing: Bools) -> Cells:
    import pandas as pd

    inferred = pd.api.types.infer_dtype(column, skipna=True)
    held = np.asarray(column.to_numpy(dtype=object))
    if inferred == "string":
        return words(name, storage, missing, held)
    if inferred in _NUMBERS and (numbers := _as_floats(held, missing)) is not None:
        return Cells(name, storage, "number", missing, values=numbers)
    if inferred == "boolean":
        found = np.where(missing, False, held).astype(np.int8)
        return Cells(name, storage, "boolean", missing, values=found)
    if inferred in ("datetime64", "datetime", "date") and (read := _as_moments(held, missing)) is not None:
        values, zones = read
        return Cells(name, f"{storage} of {inferred}", "moment", missing, values=values, zones=zones)
    types = [_type_name(value) for value in held.tolist()]
    counts = Counter(kind for kind, gone in zip(types, missing.tolist(), strict=True) if not gone)
    order = {kind: code for code, (kind, _) in enumerate(counts.most_common(100))}
    type_codes = np.array([order.get(kind, -1) for kind in types], dtype=np.int8)
    type_codes[missing] = -1
    text = np.array([None if gone else str(v) for v, gone in zip(held.tolist(), missing, strict=True)], dtype=object)
    many = dict(counts) if len(counts) > 1 else {}
    return words(name, storage, missing, text, types=many, type_codes=type_codes if many else None)


def words(name: str, storage: str, missing: Bools, held: NDArray[Any], **more: Any) -> Cells:
    """Words as codes of their distinct values."""
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = pc.dictionary_encode(_arrow(held, missing))
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    counts = np.bincount(codes[codes >= 0], minlength=len(encoded.dictionary)).astype(np.int64)
    return Cells(name, storage, "words", missing, codes=codes, levels=encoded.dictionary, counts=counts, **more)


def _arrow(held: Any, missing: Bools | None = None) -> Any:
    import pyarrow as pa

    try:
        return pa.array(held, type=pa.string(), from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        gone = np.zeros(len(held), dtype=bool) if missing is None else missing
        mended = [
            None if absent else str(each).encode("utf-8", "backslashreplace").decode()
            for each, absent in zip(held, gone, strict=True)
        ]
        return pa.array(mended, type=pa.string())


def _type_name(value: Any) -> str:
    name = type(value).__name__
    return _NAMES.get(name) or _SCALARS.get(name) or name


def _as_floats(held: NDArray[Any], missing: Bools) -> Array | None:
    try:
        return np.array([np.nan if gone else float(v) for v, gone in zip(held, missing, strict=True)], dtype=np.float64)
    except (OverflowError, ValueError, TypeError):
        return None


def _as_moments(held: NDArray[Any], missing: Bools) -> tuple[Ints, dict[str, int]] | None:
    import pandas as pd

    zones: Counter[str] = Counter()
    values = np.full(len(held), NAT, dtype=np.int64)
    try:
        for row in np.flatnonzero(~missing).tolist():
            value = held[row]
            moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
            zones[_zone(moment)] += 1
            stamp = pd.Timestamp(moment)
            values[row] = (stamp.tz_convert("UTC") if stamp.tzinfo else stamp).as_unit("ns").value
    except (ValueError, OverflowError, AttributeError, pd.errors.OutOfBoundsDatetime):
        return None
    return values, dict(sorted(zones.items()))


def _zone(moment: date) -> str:
    zone = getattr(moment, "tzinfo", None)
    return NAIVE if zone is None else str(zone)
