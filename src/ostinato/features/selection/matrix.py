"""A table as numbers that selectors can look at: gaps filled, words and dates as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ostinato.core.errors import UsageError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Matrix:
    """Values `(n, d)` with NaN for gaps, which columns are `discrete (d,)`, and the `dull`: by place, whether without any value."""

    values: Array
    discrete: NDArray[np.bool_]
    names: tuple[str, ...]
    dull: dict[int, bool]

    @classmethod
    def of(cls, X: Any) -> Self:
        """Numbers as they are, words as codes by falling frequency, dates as days; infinite values are refused.

        >>> Matrix.of(pd.DataFrame({"a": ["x", "y", "x"], "b": [1, 1, 1]})).dull
        {1: False}
        """
        frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(X).infer_objects()
        read = [_numbers(frame.iloc[:, place], str(name)) for place, name in enumerate(frame.columns)]
        values = np.column_stack([column for column, _ in read]).astype(np.float64)
        there = ~np.isnan(values)
        dull = {}
        for place in range(values.shape[1]):
            known = values[there[:, place], place]
            if not len(known) or ((known == known[0]).all() and there[:, place].all()):
                dull[place] = not len(known)
        return cls(values, np.array([words for _, words in read], dtype=bool), tuple(map(str, frame.columns)), dull)

    def only(self, places: NDArray[Any]) -> Matrix:
        """Some of the columns."""
        names = tuple(self.names[place] for place in places)
        return Matrix(self.values[:, places], self.discrete[places], names, {})

    @cached_property
    def filled(self) -> Array:
        """Gaps filled by the median, of words by a code of their own."""
        middle = np.where(self.discrete, -1.0, np.nanmedian(self.values, axis=0))
        return np.where(np.isnan(self.values), middle, self.values)

    @cached_property
    def scaled(self) -> Array:
        """`filled` by mean 0 and deviation 1."""
        spread = self.filled.std(axis=0)
        found: Array = (self.filled - self.filled.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
        return found


def _numbers(column: pd.Series[Any], name: str) -> tuple[Array, bool]:
    if pd.api.types.is_complex_dtype(column.dtype):
        raise UsageError(f"Complex data not supported: column {name!r}; give the parts or magnitudes")
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        found = (column - column.min()) / pd.Timedelta("1D")
        return found.to_numpy(dtype=np.float64), False
    if pd.api.types.is_numeric_dtype(column.dtype):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        if np.isinf(values).any():
            raise UsageError(f"column {name!r} holds infinity (inf), which no method can weigh; replace it")
        return values, bool(pd.api.types.is_bool_dtype(column.dtype))
    there = column.notna()
    if there.any() and isinstance(column[there].iloc[0], dict | list | set | np.ndarray):
        raise UsageError(
            f"column {name!r}: argument must be a string or a number, not {type(column[there].iloc[0]).__name__}"
        )
    words = column.astype(object).map(str, na_action="ignore")
    counts = words.value_counts()
    order = {word: code for code, word in enumerate(sorted(counts.index, key=lambda w: (-counts[w], w)))}
    return words.map(order).to_numpy(dtype=np.float64), True
