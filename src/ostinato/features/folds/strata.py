"""What folds are balanced by: the label, the labels of a multilabel row, or equally full bins of a value."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ostinato.core.errors import SplitError, UsageError
from ostinato.features.folds.balance import Codes, Members

Problem = Literal["binary", "multiclass", "multilabel", "regression"]
PROBLEMS: tuple[Problem, ...] = ("binary", "multiclass", "multilabel", "regression")

_BINS = 8  # of a regression's target
_MANY = 50_000  # multilabel rows above which whole label sets are strata, which is dealt at once


def problem_of(y: NDArray[Any]) -> Problem:
    """What a target looks like: two-dimensional is multilabel, numbers with fractions a regression, else labels.

    >>> problem_of(np.array([0.5, 1.0])), problem_of(np.array(["a", "b"])), problem_of(np.eye(2))
    ('regression', 'multiclass', 'multilabel')
    """
    if y.ndim == 2:  # noqa: PLR2004
        return "multilabel"
    if y.dtype.kind == "f" and (np.isfinite(y) & (y != np.round(y))).any():
        return "regression"
    return "multiclass"


def target(y: Any, problem: Problem | None) -> tuple[NDArray[Any], Problem]:
    """The target as an array, and its problem; raises SplitError for rows without a target, naming them."""
    values = y.to_numpy() if hasattr(y, "to_numpy") else np.asarray(y)
    if problem is not None and problem not in PROBLEMS:
        raise UsageError(f"problem is {problem!r}; give one of {', '.join(PROBLEMS)}, or None to go by y")
    problem = problem or problem_of(values)
    if values.ndim == 2 and values.shape[1] == 1 and problem != "multilabel":  # noqa: PLR2004
        values = values[:, 0]
    if values.ndim != (2 if problem == "multilabel" else 1):
        raise UsageError(f"y has the shape {values.shape}; {problem} needs {_shape(problem)}")
    if problem in ("regression", "multilabel"):
        try:
            values = values.astype(np.float64)
        except (TypeError, ValueError):
            raise SplitError(f"y holds {_first_word(values)!r}, which is no number; {problem} needs numbers") from None
        missing = ~np.isfinite(values.reshape(len(values), -1)).all(axis=1)
    else:
        missing = np.asarray(pd.isna(values))
    if missing.any():
        rows = ", ".join(map(str, np.flatnonzero(missing)[:8].tolist()))
        raise SplitError(
            f"y is missing or not finite in {int(missing.sum())} rows ({rows} …); drop these rows or fill them"
        )
    if problem == "multilabel" and not np.isin(values, (0, 1)).all():
        raise SplitError(
            "y of a multilabel problem holds other values than 0 and 1; give a column of 0 and 1 per label"
        )
    return values, problem


def codes_of(y: NDArray[Any], problem: Problem) -> Codes:
    """One stratum a row `(n,)`; several labels a row are taken by their rarest."""
    if problem == "regression":
        return bins_of(y)
    if problem == "multilabel":
        frequency = y.sum(axis=0)
        rarest: Codes = np.where(y > 0, frequency, np.inf).argmin(axis=1).astype(np.int64)
        return np.where(y.any(axis=1), rarest, np.int64(y.shape[1]))
    return codes_of_values(y)


def codes_of_values(values: Any) -> Codes:
    """Numbers `(n,)` from 0 for equal values, in sorted order where the values can be sorted; gaps are one value."""
    flat = np.asarray(values)
    if flat.dtype.kind == "O":
        # 1 and "1" cannot be sorted side by side, and are told apart by nobody who reads a table
        series = pd.Series(flat)
        words = series.where(series.notna(), "").map(str)
        return np.asarray(pd.factorize(words, sort=True)[0], dtype=np.int64)
    return np.asarray(pd.factorize(flat, sort=True, use_na_sentinel=False)[0], dtype=np.int64)


def bins_of(y: NDArray[Any]) -> Codes:
    """Equally full bins of a value."""
    edges = np.unique(np.quantile(y.astype(np.float64), np.linspace(0, 1, _BINS + 1)[1:-1]))
    return np.searchsorted(edges, y.astype(np.float64), side="right").astype(np.int64)


def members_of(y: NDArray[Any], problem: Problem, unit: Codes | None) -> Members:
    """What each unit holds; rows of several labels count in each of them (after Sechidis et al. 2011)."""
    if problem != "multilabel":
        return Members.of(unit, _compact(codes_of(y, problem)))
    if unit is None and len(y) > _MANY:
        return Members.of(None, _label_sets(y))
    row, label = np.nonzero(y)
    bare = np.flatnonzero(~y.any(axis=1))
    row = np.concatenate([row, bare])
    label = np.concatenate([label, np.full(len(bare), y.shape[1])])
    order = np.lexsort((label, row))
    return Members.of(unit, _compact(label[order].astype(np.int64)), row[order].astype(np.int64))


def _label_sets(y: NDArray[Any], fewest: int = 20) -> Codes:
    """The set of labels as stratum; sets of fewer than `fewest` rows go by their rarest label."""
    packed = np.packbits(y > 0, axis=1)
    whole = codes_of_values(np.ascontiguousarray(packed).view(f"S{packed.shape[1]}").ravel().astype(object))
    rare = np.bincount(whole)[whole] < fewest
    return _compact(np.where(rare, codes_of(y, "multilabel") + whole.max() + 1, whole))


def _compact(codes: Codes) -> Codes:
    return np.unique(codes, return_inverse=True)[1].astype(np.int64)


def _shape(problem: Problem) -> str:
    return "(rows, labels) of 0 and 1" if problem == "multilabel" else "one value a row"


def _first_word(values: NDArray[Any]) -> Any:
    for each in values.ravel().tolist():
        try:
            float(each)
        except (TypeError, ValueError):
            return each
    return values.ravel()[0]
