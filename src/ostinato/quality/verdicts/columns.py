"""Columns of the rows that are judged, with what was already found out about them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ostinato.quality.verdicts.text import Text
from ostinato.quality.verdicts.unsure import Unsure

Mask = NDArray[np.bool_]


class Column:
    """One column; `series` keeps the labels of the rows that are judged, `rows` is their number."""

    def __init__(self, series: pd.Series[Any]) -> None:
        self.series = series
        self.rows = len(series)

    @cached_property
    def kind(self) -> str:
        """`number` (int64, float64), `flag`, `time`, `text` (only str and gaps) or `other`, which nothing is certain of."""
        dtype = self.series.dtype
        if isinstance(dtype, pd.DatetimeTZDtype):
            return "time"
        if not isinstance(dtype, np.dtype):
            return "other"
        if dtype.kind == "O":
            return "other" if self._text is None else "text"
        if dtype in (np.dtype("int64"), np.dtype("float64")):
            return "number"
        return {"b": "flag", "M": "time"}.get(dtype.kind, "other")

    @cached_property
    def _text(self) -> Text | None:
        return Text.of(self.series.to_numpy())

    @property
    def text(self) -> Text:
        """The column as strings."""
        if self.series.dtype != object or self._text is None:
            raise Unsure
        return self._text

    @cached_property
    def filled(self) -> Mask:
        """Rows with a value."""
        return self.text.filled if self.kind == "text" else self.series.notna().to_numpy(dtype=bool)

    @cached_property
    def gaps(self) -> int:
        """How many rows have no value."""
        return self.rows - int(np.count_nonzero(self.filled))

    @cached_property
    def values(self) -> pd.Series[Any]:
        """The values that are there, which is what the vendor's conditions see."""
        return self.series if self.gaps == 0 else self.series[self.filled]

    def spread(self, among_values: Mask) -> Mask:
        """A mask over the values as one over all rows, false where there is no value."""
        if self.gaps == 0:
            return among_values
        mask = np.zeros(self.rows, dtype=bool)
        mask[self.filled] = among_values
        return mask
