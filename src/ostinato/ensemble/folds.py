"""Folds for out-of-fold predictions: classes spread evenly, groups kept whole, every row held out once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ostinato.core.errors import SplitError

Codes = NDArray[np.int64]
Pair = tuple[Codes, Codes]
_BINS = 8  # of a regression's target, to spread evenly


def fold_numbers(strata: ArrayLike, groups: ArrayLike | None, folds: int, seed: int) -> Codes:
    """The fold `(n,)` of each row, 0 … folds-1; no more folds than groups (or rows). Deterministic under `seed`.

    Groups go, largest first, to the fold that is shortest of what they hold.
    """
    _, codes = np.unique(np.asarray(strata), return_inverse=True)
    n, rng = len(codes), np.random.default_rng(seed)
    units = np.arange(n) if groups is None else np.unique(np.asarray(groups).astype(str), return_inverse=True)[1]
    n_units = int(units.max(initial=-1)) + 1
    if min(folds, n_units) < 2:  # noqa: PLR2004
        what = "rows" if groups is None else "groups"
        raise SplitError(
            f"folds need at least two {what} and two folds, got {n_units} {what} and cv={folds} (n_samples={n}); add data"
        )
    folds = min(folds, n_units)
    if n_units == n:
        # every row on its own: deal the shuffled rows of each stratum in turn
        order = np.lexsort((rng.permutation(n), codes))
        number = np.empty(n, dtype=np.int64)
        number[order] = np.arange(n) % folds
        return number
    return _grouped(codes, units, n_units, folds, rng)[units]


def _grouped(codes: Codes, units: Codes, n_units: int, folds: int, rng: np.random.Generator) -> Codes:
    counts = np.zeros((n_units, int(codes.max()) + 1))
    np.add.at(counts, (units, codes), 1.0)
    shuffled = rng.permutation(n_units)
    order = shuffled[np.argsort(-counts.sum(axis=1)[shuffled], kind="stable")]
    total = counts.sum(axis=0)
    filled, rows, number = np.zeros((folds, len(total))), np.zeros(folds), np.empty(n_units, dtype=np.int64)
    for unit in order:
        own = counts[unit]
        of = np.flatnonzero(own)
        cost = (filled[:, of] * own[of] / total[of]).sum(axis=1) / own.sum() + 1e-3 * rows / len(codes)
        number[unit] = fold = int(np.argmin(np.round(cost, 12)))
        filled[fold] += own
        rows[fold] += own.sum()
    return number


def pairs_of(y: ArrayLike, groups: ArrayLike | None, cv: Any, seed: int, discrete: bool, X: Any) -> list[Pair]:
    """Rows to learn from and rows held out, from `cv`: a number of folds, a scikit-learn splitter, or such pairs.

    Raises SplitError where a row is held out twice, or where what is held out, or its group, is learnt from.
    """
    target = np.asarray(y)
    if isinstance(cv, int | np.integer):
        number = fold_numbers(target if discrete else binned(target), groups, int(cv), seed)
        return [(np.flatnonzero(number != fold), np.flatnonzero(number == fold)) for fold in np.unique(number)]
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


def binned(y: ArrayLike) -> Codes:
    """Equally full bins of a value, to spread by."""
    value = np.asarray(y, dtype=np.float64)
    edges = np.unique(np.quantile(value, np.linspace(0, 1, _BINS + 1)[1:-1])) if len(value) else np.zeros(0)
    return np.searchsorted(edges, value, side="right").astype(np.int64)
