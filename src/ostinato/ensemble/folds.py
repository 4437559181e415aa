"""Folds for out-of-fold predictions: a number of them, a splitter or pairs, in which no row is held out twice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ostinato.core.errors import SplitError
from ostinato.features.folds import folds_for

Codes = NDArray[np.int64]
Pair = tuple[Codes, Codes]


def pairs_of(y: ArrayLike, groups: ArrayLike | None, cv: Any, seed: int, discrete: bool, X: Any) -> list[Pair]:
    """Rows to learn from and rows held out, from `cv`: a number of folds, a scikit-learn splitter, or such pairs.

    Raises SplitError where a row is held out twice, or where what is held out, or its group, is learnt from.
    """
    target = np.asarray(y)
    if isinstance(cv, int | np.integer):
        return list(
            folds_for("multiclass" if discrete else "regression", target, groups, folds=int(cv), seed=seed).pairs
        )
    given: Iterable[Any] = cv.split(X, target, groups) if hasattr(cv, "split") else cv
    pairs = [(np.asarray(train, dtype=np.int64), np.asarray(test, dtype=np.int64)) for train, test in given]
    units = (
        np.arange(len(target)) if groups is None else np.unique(np.asarray(groups).astype(str), return_inverse=True)[1]
    )
    held = np.zeros(len(target), dtype=np.int64)
    for fold, (train, test) in enumerate(pairs):
        held[test] += 1
        if both := len(np.intersect1d(units[train], units[test])):
            what = "rows" if groups is None else "groups"
            raise SplitError(
                f"fold {fold} of cv learns from {both} {what} that it holds out; use a splitter that keeps {what} apart"
            )
    if not pairs or held.max(initial=0) != 1:
        raise SplitError(
            "cv has to hold some rows out, and each at most once; repeated splitters are no use for out-of-fold scores"
        )
    return pairs
