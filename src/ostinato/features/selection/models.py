"""The boosted trees that selectors ask, and the folds they ask them on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.errors import UsageError

Array = NDArray[np.float64]
Pairs = list[tuple[NDArray[Any], NDArray[Any]]]


def boosted(classification: bool, seed: int, trees: int = 100) -> Any:
    """A small LightGBM on one thread, the same from run to run."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    kind = LGBMClassifier if classification else LGBMRegressor
    return kind(
        n_estimators=trees, num_leaves=15, learning_rate=0.1, min_child_samples=10, subsample=0.8, subsample_freq=1,
        colsample_bytree=0.8, importance_type="gain", n_jobs=1, random_state=seed, deterministic=True, verbose=-1,
    )  # fmt: skip


def folds(cv: Any, y: Array, groups: NDArray[np.int64] | None, classification: bool, seed: int) -> Pairs:
    """Pairs of rows: of a splitter, of given pairs, or of so many folds, by groups where there are some, else by class."""
    from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

    rows = np.zeros((len(y), 1))
    if hasattr(cv, "split") and not isinstance(cv, str):
        return [(np.asarray(a), np.asarray(b)) for a, b in cv.split(rows, y, groups)]
    pairs: Any = cv
    if not isinstance(cv, int | np.integer) or isinstance(cv, bool):
        try:
            return [(np.asarray(a), np.asarray(b)) for a, b in pairs]
        except (TypeError, ValueError) as error:
            raise UsageError(f"cv={cv!r} is no number of folds, splitter or list of pairs of rows") from error
    parts = len(y) if groups is None else int(groups.max()) + 1
    if groups is None and classification:
        parts = int(np.bincount(y.astype(int)).min())
        classification = parts >= 2  # noqa: PLR2004 - a class of one row cannot be in two folds
        parts = parts if classification else len(y)
    count = min(int(cv), parts)
    if count < 2:  # noqa: PLR2004
        raise UsageError(
            f"cv={cv!r} with {parts} group(s) leaves nothing to test on; give at least two folds and groups"
        )
    kind = GroupKFold if groups is not None else StratifiedKFold if classification else KFold
    return list(kind(count, shuffle=True, random_state=seed).split(rows, y, groups))
