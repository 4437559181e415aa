"""A formula: a value that says which columns it reads, what it learns of them and what it makes of a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from ostinato.core.errors import UsageError
from ostinato.core.numbers import as_number

Array = NDArray[np.float64]
Pair = tuple[NDArray[Any], NDArray[Any]]
Made = Iterator[tuple[str, Any, str]]


@dataclass(frozen=True)
class Target:
    """What is to be predicted as columns of numbers `(n, L)`: itself, or one share a class."""

    values: Array
    names: tuple[str, ...]

    def of(self, rows: Any) -> Target:
        """Some rows of it."""
        return Target(self.values[rows], self.names)

    @classmethod
    def read(cls, y: Any, most: int = 30) -> Target:
        """Numbers as they are, two classes as 0 and 1, more as one column each; raises UsageError for gaps and too many.

        >>> Target.read(["yes", "no", "yes"]).values.ravel().tolist()
        [1.0, 0.0, 1.0]
        """
        column = pd.Series(np.asarray(y).ravel() if not isinstance(y, pd.Series) else y.to_numpy())
        if column.isna().any():
            raise UsageError(f"y: {int(column.isna().sum())} rows have no target; drop them before features are learnt")
        if pd.api.types.is_numeric_dtype(column.dtype):
            values = column.to_numpy(dtype=np.float64)
            if not np.isfinite(values).all():
                raise UsageError("y holds infinite values; a mean with them is none: drop those rows")
            return cls(values[:, None], ("target",))
        classes, code = np.unique(column.astype(str), return_inverse=True)
        if len(classes) > most:
            raise UsageError(f"y has {len(classes)} classes, and one feature a class would be too many; give numbers")
        if len(classes) <= 2:  # noqa: PLR2004 - the share of one class tells that of the other
            return cls((code == len(classes) - 1).astype(np.float64)[:, None], ("target",))
        return cls(np.eye(len(classes))[code], tuple(f"target_{name}" for name in classes))


class Formula(BaseModel):
    """One feature, or a few of a kind; `name` replaces the name that it would give itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns it reads: of the table, or made by formulas before it."""
        said = [getattr(self, field, None) for field in ("of", "by", "minus", "since", "until")]
        return tuple(dict.fromkeys(name for name in said if isinstance(name, str)))

    def learn(self, table: pd.DataFrame, y: Target | None) -> Any:
        """What has to be known of the training rows; most formulas need nothing."""

    def make(self, learnt: Any, table: pd.DataFrame) -> Made:
        """Name, column `(n,)` and words of each feature of these rows."""
        raise NotImplementedError

    def make_training(self, learnt: Any, table: pd.DataFrame, y: Target | None, folds: Sequence[Pair]) -> Made:
        """The features of the training rows themselves, of which none may have told of its own."""
        return self.make(learnt, table)


def numbers(table: pd.DataFrame, name: str) -> Array:
    """A column as float64, infinite values as missing; raises UsageError for words."""
    column = table[name]
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        raise UsageError(
            f"column {name!r} holds dates; take their parts by kind 'dates', or the time between two by 'elapsed'"
        )
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_complex_dtype(column.dtype):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        read = [None if gap else as_number(v) for v, gap in zip(column.tolist(), column.isna(), strict=True)]
        values = np.array([np.nan if v is None else v for v in read], dtype=np.float64)
        wrong = np.isnan(values) & column.notna().to_numpy()
        if wrong.any():
            raise UsageError(
                f"column {name!r}, row {int(np.argmax(wrong))}: {column.iloc[int(np.argmax(wrong))]!r} is no number, and "
                f"the feature computes with it ({int(wrong.sum())} such rows)"
            )
    return finite(values)


def finite(values: Array) -> Array:
    """Values with NaN for what is infinite: a quotient by nothing is not known."""
    return np.where(np.isfinite(values), values, np.nan)


def keys(table: pd.DataFrame, name: str) -> pd.Series[Any]:
    """A column as the words that name groups, missing where it is: 1 and 1.0 are one group, for a gap makes floats of a column."""
    column = table[name]
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        spelt = column.astype("float64").map(lambda v: repr(int(v)) if v.is_integer() else repr(v), na_action="ignore")
    else:
        spelt = column.astype(object).map(str, na_action="ignore")
    return spelt.astype(object).reset_index(drop=True)
