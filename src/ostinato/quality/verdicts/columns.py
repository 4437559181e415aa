"""Columns of the rows that are judged, with what was already found out about them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ostinato.quality.verdicts.unsure import Unsure
from ostinato.quality.verdicts.words import Words

Mask = NDArray[np.bool_]
_SAMPLE, _FEW = 4096, 1024  # a column is worth a dictionary where a sample of it has few different values


class Column:
    """One column; `series` keeps the labels of the rows that are judged, `rows` is their number."""

    def __init__(self, series: pd.Series[Any]) -> None:
        self.series = series
        self.rows = len(series)

    @property
    def kind(self) -> str:
        """`number` (int64, float64), `flag`, `time`, `text` (only str and gaps) or `other`, which nothing is certain of."""
        dtype = self.series.dtype
        if isinstance(dtype, pd.DatetimeTZDtype):
            return "time"
        if not isinstance(dtype, np.dtype):
            return "other"
        if dtype == object:
            return "text" if self._inferred in ("string", "empty") else "other"
        if dtype in (np.dtype("int64"), np.dtype("float64")):
            return "number"
        return {"b": "flag", "M": "time"}.get(dtype.kind, "other")

    @cached_property
    def _inferred(self) -> str:
        return pd.api.types.infer_dtype(self.series, skipna=True)

    @cached_property
    def filled(self) -> Mask:
        """Rows with a value."""
        if self.kind == "text":
            return np.asarray(self.text.array.is_valid())
        return self.series.notna().to_numpy(dtype=bool)

    @cached_property
    def gaps(self) -> int:
        """How many rows have no value."""
        return self.rows - int(np.count_nonzero(self.filled))

    @cached_property
    def values(self) -> pd.Series[Any]:
        """The values that are there, which is what the vendor's conditions see."""
        return self.series if self.gaps == 0 else self.series[self.filled]

    @cached_property
    def text(self) -> Text:
        """The column as strings."""
        if self.kind != "text":
            raise Unsure
        return Text(self.series)

    def spread(self, among_values: Mask) -> Mask:
        """A mask over the values as one over all rows, false where there is no value."""
        if self.gaps == 0:
            return among_values
        mask = np.zeros(self.rows, dtype=bool)
        mask[self.filled] = among_values
        return mask


class Text:
    """A column that holds nothing but `str` and gaps, as an Arrow array."""

    def __init__(self, series: pd.Series[Any]) -> None:
        array = pa.array(series.to_numpy(), type=pa.large_string(), from_pandas=True)
        self.array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array

    @cached_property
    def ascii(self) -> bool:
        """Whether every character is below 128; gaps may hold anything and hold nothing."""
        data = self.array.buffers()[2]
        return data is None or data.size == 0 or int(np.frombuffer(data, dtype=np.uint8).max()) < 128  # noqa: PLR2004

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Characters of each value, -1 for a gap."""
        return np.asarray(pc.fill_null(pc.utf8_length(self.array), -1), dtype=np.int64)

    @cached_property
    def repeats(self) -> tuple[Mask, int]:
        """Rows whose value occurs more than once, and the number of different values."""
        sample = self.array.slice(0, _SAMPLE)
        if pc.count_distinct(sample).as_py() <= _FEW:
            return self._repeats_of_few()
        return self._repeats_of_many()

    def _repeats_of_few(self) -> tuple[Mask, int]:
        encoded = pc.dictionary_encode(self.array)
        codes = np.asarray(pc.fill_null(encoded.indices, len(encoded.dictionary)), dtype=np.int64)
        often = np.bincount(codes, minlength=len(encoded.dictionary) + 1) > 1
        often[-1] = False
        return often[codes], len(encoded.dictionary)

    def _repeats_of_many(self) -> tuple[Mask, int]:
        """By sorting digests of the bytes; values with equal digests are then compared byte by byte."""
        at = np.flatnonzero(np.asarray(self.array.is_valid()))
        words = Words.of(self.array, at)
        order = np.argsort(digests := words.digests())
        ranked = digests[order]
        twin = np.flatnonzero(ranked[1:] == ranked[:-1])
        left, right = order[twin], order[twin + 1]
        if not words.equal(left, right):
            raise Unsure
        mask = np.zeros(len(self.array), dtype=bool)
        mask[at[left]] = True
        mask[at[right]] = True
        return mask, len(at) - len(twin)

    def different(self) -> set[str]:
        """The values, each once."""
        return set(pc.unique(pc.drop_null(self.array)).to_pylist())
