"""The target as columns to be averaged, and the folds that keep a row's own target from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ostinato.core.errors import UsageError

Array = NDArray[np.float64]
Index = NDArray[np.intp]
TargetType = Literal["auto", "binary", "multiclass", "continuous"]
_MOST_CLASSES = 20  # whole numbers with more different values are quantities


@dataclass(frozen=True, eq=False)
class Goal:
    """`values (n, k)`: a column a class from three classes on, else one; `suffixes` name them. `groups (n,)` are codes or None."""

    values: Array
    suffixes: tuple[str, ...]
    strata: Index
    groups: Index | None
    seed: int
    _known: dict[int, Index] = field(default_factory=dict)

    @classmethod
    def of(cls, y: Any, groups: Any, target_type: TargetType, rows: int, seed: int) -> Goal:
        """Raises UsageError for a target with gaps, of another length, or of another type than stated."""
        series = pd.Series(np.asarray(y).ravel() if np.ndim(y) > 1 and np.shape(y)[1] == 1 else y)
        if np.ndim(y) > 1 and np.shape(y)[1] > 1:
            raise UsageError(
                f"y has shape {np.shape(y)}; encoding by target takes one target, (n,): fit one transformer a target"
            )
        if len(series) != rows:
            raise UsageError(f"y has {len(series)} values and X {rows} rows; they have to be equally many")
        if series.isna().any():
            raise UsageError(f"y is missing in {int(series.isna().sum())} of {rows} rows; leave these rows out")
        values, suffixes, strata = _columns(series.reset_index(drop=True), target_type)
        return cls(values, suffixes, strata, _groups(groups, rows), seed)

    def folds(self, count: int) -> Index:
        """The fold of each row `(n,)`, stratified by class, whole groups together; one fold only where no more can be had."""
        if count not in self._known:
            self._known[count] = _folds(self, count)
        return self._known[count]


def _columns(y: pd.Series, target_type: TargetType) -> tuple[Array, tuple[str, ...], Index]:
    numeric = pd.api.types.is_numeric_dtype(y) and not pd.api.types.is_bool_dtype(y)
    codes, found = pd.factorize(y)
    order = sorted(range(len(found)), key=lambda k: found[k] if numeric else str(found[k]))
    classes, codes = [found[k] for k in order], np.argsort(order)[codes]
    if target_type == "auto":
        quantity = numeric and (len(classes) > _MOST_CLASSES or not np.array_equal(y, np.round(y.astype(float))))
        target_type = "continuous" if quantity else "binary" if len(classes) <= 2 else "multiclass"  # noqa: PLR2004
    if target_type == "continuous":
        if not numeric or not np.isfinite(y.to_numpy(dtype=float)).all():
            raise UsageError("y holds words or infinite values and target_type='continuous' wants numbers")
        return y.to_numpy(dtype=np.float64)[:, None], ("",), np.zeros(len(y), dtype=np.intp)
    if target_type == "binary":
        if len(classes) > 2:  # noqa: PLR2004
            raise UsageError(f"y has {len(classes)} classes and target_type='binary' wants two; take 'multiclass'")
        return (
            (codes == len(classes) - 1).astype(np.float64)[:, None] * (len(classes) > 1),
            ("",),
            codes.astype(np.intp),
        )
    return np.eye(len(classes))[codes], tuple(f"={each}" for each in classes), codes.astype(np.intp)


def _groups(groups: Any, rows: int) -> Index | None:
    if groups is None:
        return None
    codes = pd.factorize(pd.Series(groups).reset_index(drop=True), use_na_sentinel=False)[0]
    if len(codes) != rows:
        raise UsageError(f"groups have {len(codes)} values and X {rows} rows; they have to be equally many")
    return codes.astype(np.intp)


def _folds(goal: Goal, count: int) -> Index:
    from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

    rows = len(goal.values)
    fold = np.zeros(rows, dtype=np.intp)
    if goal.groups is not None:
        count = min(count, int(goal.groups.max()) + 1)
        splitter: Any = GroupKFold(count, shuffle=True, random_state=goal.seed) if count > 1 else None
    else:
        count = min(count, rows)
        counts = np.bincount(goal.strata)
        stratified = len(counts) > 1 and counts[counts > 0].min() >= count
        kind = StratifiedKFold if stratified else KFold
        splitter = kind(count, shuffle=True, random_state=goal.seed) if count > 1 else None
    if splitter is None:
        return fold
    for number, (_, held) in enumerate(splitter.split(np.zeros(rows), goal.strata, goal.groups)):
        fold[held] = number
    return fold
