"""What all selectors share: a table read as numbers, a mask, and a reason for every column."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from ostinato.core.errors import UsageError
from ostinato.features.selection.matrix import Matrix

Array = NDArray[np.float64]
Problem = Literal["auto", "classification", "regression"]
_MOST_CLASSES = 50
_FEWEST_ROWS = 10


@dataclass(frozen=True)
class Reason:
    """Why a column was kept or dropped, with the figures that said so."""

    kept: bool
    why: str
    figures: dict[str, float]

    def __str__(self) -> str:
        return f"{'kept' if self.kept else 'dropped'}: {self.why}"


Judged = dict[int, Reason]


class Selector(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """A selector learns `support_ (d,)`, a mask, and `reasons_`, a `Reason` by column; `ranking()` shows them as a table.

    Constant columns and those without any value are dropped before the method looks. `problem="auto"` takes y of words, yes and no
    and few whole numbers for classes.
    """

    problem: Problem
    random_state: int

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags

    def fit(self, X: Any, y: Any, groups: Any = None) -> Self:
        """Learn which of the columns of `X (n, d)` tell of `y (n,)`; rows of one of `groups (n,)` are never parted.

        Raises UsageError for tables and targets that cannot be read, and parameters that cannot be.
        """
        self._check()
        X = self._read(X)
        matrix = Matrix.of(X)
        y = self._target(y, len(matrix.values))
        if groups is not None and len(groups) != len(y):
            raise UsageError(f"X has {len(y)} rows and groups {len(groups)}; give one group a row")
        judged: Judged = {
            place: Reason(False, "it has no value" if empty else "it is constant", {})
            for place, empty in matrix.dull.items()
        }
        useful = np.array([place for place in range(matrix.values.shape[1]) if place not in judged], dtype=np.int64)
        if len(useful):
            found = self._judge(matrix.only(useful), y, None if groups is None else pd.factorize(np.asarray(groups))[0])
            judged |= {int(useful[place]): reason for place, reason in found.items()}
        self.support_ = np.array([judged[place].kept for place in range(matrix.values.shape[1])])
        names = getattr(self, "feature_names_in_", [f"x{place}" for place in range(len(self.support_))])
        self.reasons_ = {str(name): judged[place] for place, name in enumerate(names)}
        return self

    def transform(self, X: Any) -> Any:
        """The columns that are kept, as they are in X; none, with a warning, where all were dropped."""
        check_is_fitted(self)
        X = self._read(X, reset=False)
        if not self.support_.any():
            warnings.warn(f"{type(self).__name__} kept no column; reasons_ says why", UserWarning, stacklevel=2)
        return X.loc[:, self.support_] if isinstance(X, pd.DataFrame) else X[:, self.support_]

    def ranking(self) -> pd.DataFrame:
        """One row a column: kept, why, and the figures; kept ones first."""
        check_is_fitted(self)
        rows = [{"column": name, "kept": r.kept, **r.figures, "why": r.why} for name, r in self.reasons_.items()]
        return pd.DataFrame(rows).set_index("column").sort_values("kept", ascending=False, kind="stable")

    @abstractmethod
    def _judge(self, matrix: Matrix, y: Array, groups: NDArray[np.int64] | None) -> Judged:
        """A reason for each column of the matrix; `self.is_classification_` says whether y numbers classes."""

    def _check(self) -> None:
        """Raise UsageError for parameters that cannot be."""
        if self.problem not in {"auto", "classification", "regression"}:
            raise UsageError(f"problem={self.problem!r} is none of auto, classification, regression")

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self)
        return self.support_

    def _read(self, X: Any, *, reset: bool = True) -> Any:
        if not isinstance(X, pd.DataFrame):
            return validate_data(self, X, reset=reset, dtype=None, ensure_all_finite=False, ensure_min_samples=1)
        if not X.columns.is_unique:
            raise UsageError(
                f"the table has several columns called {X.columns[X.columns.duplicated()][0]!r}; rename all but one"
            )
        validate_data(self, X, reset=reset, skip_check_array=True)
        if not X.shape[1]:
            raise UsageError(f"Found a table with 0 feature(s) (shape={X.shape}) while a minimum of 1 is required")
        return X

    def _target(self, y: Any, rows: int) -> Array:
        if y is None:
            raise UsageError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        if not isinstance(y, pd.Series):
            y = np.asarray(y)
        if y.ndim != 1 and y.shape[1:] != (1,):
            raise UsageError(f"y has shape {y.shape}; select for one target (n,) at a time")
        column = pd.Series(np.asarray(y).ravel())
        if len(column) != rows:
            raise UsageError(f"X has {rows} rows and y {len(column)}; give one target a row")
        if rows < _FEWEST_ROWS:
            raise UsageError(
                f"X has {rows} row(s) (n_samples={rows}); from fewer than {_FEWEST_ROWS} nothing can be told from chance"
            )
        if column.isna().any():
            raise UsageError(f"y: {int(column.isna().sum())} rows have no target (NaN); drop them")
        self.is_classification_ = self.problem == "classification" or (self.problem == "auto" and _is_classes(column))
        if not self.is_classification_:
            values = column.to_numpy(dtype=np.float64)
            if not np.isfinite(values).all():
                raise UsageError("y holds infinite values (inf); drop those rows")
            return values
        codes = pd.factorize(column.astype(str), sort=True)[0].astype(np.float64)
        if not codes.any():
            raise UsageError("y has one class only; with nothing to tell apart no column can help")
        return codes


def _is_classes(column: pd.Series[Any]) -> bool:
    if not pd.api.types.is_numeric_dtype(column.dtype):
        return True
    kind = type_of_target(column.to_numpy()) if np.isfinite(column.to_numpy(dtype=np.float64)).all() else "continuous"
    return kind == "binary" or (kind == "multiclass" and column.nunique() <= min(_MOST_CLASSES, len(column) // 5))
