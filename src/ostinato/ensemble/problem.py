"""What an ensemble has to tell: classes or a value, found from its members and the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import is_classifier, is_regressor
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from ostinato.core.errors import UsageError

Array = NDArray[np.float64]
_SHOWN = 8


@dataclass(frozen=True, eq=False)
class Problem:
    """The classes, sorted, or None for a value; how many columns the scores of one model have."""

    classes: NDArray[Any] | None

    @property
    def outputs(self) -> int:
        """Columns of scores."""
        return 1 if self.classes is None else len(self.classes)

    @property
    def kind(self) -> str:
        """`classification` or `regression`."""
        return "regression" if self.classes is None else "classification"

    def decoded(self, scores: Array) -> NDArray[Any]:
        """Labels or values `(n,)` of scores `(n, outputs)`."""
        return scores[:, 0] if self.classes is None else np.asarray(self.classes[scores.argmax(axis=1)])


def kind_of(models: Sequence[tuple[str, Any]]) -> str | None:
    """`classification` or `regression` where the members agree, None where none of them says; raises where they differ."""
    told = {
        name: "classification" if is_classifier(m) else "regression"
        for name, m in models
        if is_classifier(m) or is_regressor(m)
    }
    if len(set(told.values())) > 1:
        raise UsageError(f"members of one ensemble have to be all classifiers or all regressors, got {told}")
    return next(iter(told.values()), None)


def understood(y: ArrayLike, kind: str | None) -> tuple[Problem, NDArray[Any]]:
    """The problem and its target `(n,)`: codes of classes, or float64; raises UsageError naming the first faulty rows."""
    if y is None:
        raise UsageError("This ensemble requires y to be passed, but the target y is None.")
    target = column_or_1d(y, warn=True)
    missing = missing_rows(target)
    if target.dtype.kind == "f":
        missing |= ~np.isfinite(target)
    if missing.any():
        rows = np.flatnonzero(missing)
        raise UsageError(
            f"Input y contains NaN or infinity in {len(rows)} rows, first {rows[:_SHOWN].tolist()}; drop those rows"
        )
    if (kind or _kind(target)) == "regression":
        try:
            return Problem(None), np.asarray(target, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise UsageError(f"a regression's target has to be numbers, got {target.dtype}: {error}") from error
    check_classification_targets(target)
    classes, codes = np.unique(target, return_inverse=True)
    if len(classes) < 2:  # noqa: PLR2004
        raise UsageError(
            f"y has one class only ({classes[:1].tolist()}): nothing can be told apart. Give rows of two or more."
        )
    return Problem(classes), codes.astype(np.int64)


def missing_rows(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of `(n,)` values of any kind are None, NaN, NaT or NA."""
    import pandas as pd

    return np.asarray(pd.isna(values), dtype=np.bool_)


def _kind(target: NDArray[Any]) -> str:
    return "regression" if type_of_target(target).startswith("continuous") else "classification"
