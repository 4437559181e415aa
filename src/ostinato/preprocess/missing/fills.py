"""One value a column: mean, median, mode, or one that was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ostinato.core.errors import UsageError
from ostinato.preprocess.missing.cells import Column

Array = NDArray[np.float64]
_WORD = "missing"


def fills(cells: Array, columns: Sequence[Column], rule: str) -> Array:
    """The value of each column `(d,)` by `rule`: mean, median or mode; a category always takes its mode, NaN where none is
    shown.
    """
    return np.array([_fill(cells[:, j], column, rule) for j, column in enumerate(columns)])


def _fill(values: Array, column: Column, rule: str) -> float:
    shown = values[~np.isnan(values)]
    if not len(shown):
        return float("nan")
    if rule == "mode" or column.kind == "category":
        different, count = np.unique(shown, return_counts=True)
        return float(different[count.argmax()])
    found = shown.mean() if rule == "mean" else np.median(shown)
    return float(np.rint(found) if column.whole or column.kind == "moment" else found)


def given(columns: Sequence[Column], value: Any) -> tuple[tuple[Column, ...], Array]:
    """Columns whose levels hold what they are filled with, and the fill of each `(d,)`.

    `value` is one value for all columns, a mapping by column, or None: 0 for numbers and "missing" for categories. Raises
    UsageError for columns that `value` names and the table lacks, and for a value that its column cannot hold.
    """
    named = isinstance(value, Mapping)
    if named and (odd := [name for name in value if name not in {column.name for column in columns}]):
        raise UsageError(f"fill_value names {odd[0]!r}, which the table lacks; it has {columns[0].name!r} and so on")
    done, found = [], []
    for column in columns:
        own = value.get(column.name) if named else value
        if column.kind == "category":
            level = _WORD if own is None else own
            levels = column.levels if level in column.levels else column.levels.append(pd.Index([level], dtype=object))
            done.append(replace(column, levels=levels))
            found.append(float(levels.get_loc(level)))
        else:
            done.append(column)
            found.append(_number(column, own))
    return tuple(done), np.array(found)


def _number(column: Column, value: Any) -> float:
    if column.kind == "moment":
        raise UsageError(
            f"column {column.name!r} holds dates, which strategy='constant' does not fill; take 'median' or leave it out"
        )
    try:
        return 0.0 if value is None else float(value)
    except (TypeError, ValueError):
        raise UsageError(
            f"column {column.name!r} holds numbers and cannot be filled with {value!r}; name a fill_value for each column"
        ) from None
