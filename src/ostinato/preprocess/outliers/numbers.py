"""The columns of a table that are numbers, as cells without gaps, and back again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ostinato.core.errors import UsageError

Array = NDArray[np.float64]
Index = NDArray[np.intp]
_BEYOND = 10.0  # spans of a column by which an infinite value lies beyond its largest


@dataclass(frozen=True)
class Numbers:
    """Places and names of the numbers, names of the rest; `median` fills gaps, `least` and `most` stand for infinite values."""

    places: Index
    names: tuple[Any, ...]
    others: tuple[Any, ...]
    median: Array
    least: Array
    most: Array

    @classmethod
    def learnt(cls, X: Any) -> Numbers:
        """Learn from a DataFrame or an array of numbers; raises UsageError where no column holds numbers."""
        names = list(X.columns) if isinstance(X, pd.DataFrame) else [f"x{place}" for place in range(X.shape[1])]
        places = [j for j in range(len(names)) if not isinstance(X, pd.DataFrame) or _is_number(X.iloc[:, j])]
        if not places:
            raise UsageError("no column of X holds numbers, and outliers are looked for among numbers; convert some")
        found = cls(np.array(places), tuple(names[j] for j in places), (), *(np.zeros(0),) * 3)
        cells = found.read(X)
        finite = np.where(np.isfinite(cells), cells, np.nan)
        known = ~np.isnan(finite).all(axis=0)
        median, least, most = np.zeros((3, len(places)))
        median[known] = np.nanmedian(finite[:, known], axis=0)
        least[known], most[known] = np.nanmin(finite[:, known], axis=0), np.nanmax(finite[:, known], axis=0)
        reach = np.where(most > least, _BEYOND * (most - least), np.maximum(np.abs(most), 1.0))
        others = tuple(name for name in names if name not in set(found.names))
        return cls(found.places, found.names, others, median, least - reach, most + reach)

    def read(self, X: Any) -> Array:
        """The numbers `(n, d)` with NaN; raises UsageError where a column holds something else than when it was learnt."""
        if not isinstance(X, pd.DataFrame):
            return np.asarray(X, dtype=np.float64)[:, self.places]
        cells = np.empty((len(X), len(self.places)))
        for place, j in enumerate(self.places):
            try:
                cells[:, place] = X.iloc[:, j].to_numpy(dtype=np.float64, na_value=np.nan)
            except (TypeError, ValueError):
                raise UsageError(
                    f"column {self.names[place]!r} held numbers when it was learnt and now holds {X.dtypes.iloc[j]}; convert it"
                ) from None
        return cells

    def complete(self, cells: Array) -> Array:
        """Cells with gaps at the median and infinite values far beyond the learnt ones."""
        full: Array = np.clip(np.where(np.isnan(cells), self.median, cells), -1e300, 1e300)
        return np.where(np.isinf(cells), np.where(cells > 0, self.most, self.least), full)

    def write(self, X: Any, cells: Array, changed: Array, where: NDArray[np.bool_]) -> Any:
        """`X` with `changed` cells `where` True; whole numbers stay whole unless that cannot hold."""
        if not isinstance(X, pd.DataFrame):
            done = X.astype(np.float64) if X.dtype.kind != "f" else X.copy()
            done[:, self.places] = np.where(where, changed, cells)
            return done
        found = X.copy()
        for place, j in enumerate(self.places):
            rows = where[:, place]
            if rows.any():
                own = X.iloc[:, j]
                values = (
                    np.rint(changed[rows, place]) if pd.api.types.is_integer_dtype(own.dtype) else changed[rows, place]
                )
                own = own.copy()
                own.iloc[np.flatnonzero(rows)] = values.astype(own.dtype) if isinstance(own.dtype, np.dtype) else values
                found[X.columns[j]] = own
        return found


def _is_number(values: pd.Series[Any]) -> bool:
    return bool(
        pd.api.types.is_numeric_dtype(values)
        and not pd.api.types.is_bool_dtype(values)
        and not pd.api.types.is_complex_dtype(values)
    )
