"""The target of a problem as codes, checked: what is wrong with it is said with rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.metrics import METRICS
from ostinato.core.errors import UsageError

MOST_CLASSES = 1_000
_KINDS = ("binary", "multiclass", "multilabel", "regression")
_SHOWN = 5


@dataclass(frozen=True)
class Target:
    """Codes `(n,)` of `classes`, values `(n,)`, or 0 and 1 `(n, L)` of the labels `classes`."""

    name: str
    problem: str
    metric: str
    classes: tuple[Any, ...]
    codes: NDArray[Any]

    @property
    def outputs(self) -> int:
        """Number of classes or labels; 1 for a regression."""
        return max(1, len(self.classes))

    def rows(self, rows: NDArray[np.int64]) -> Target:
        """The target of some rows."""
        return replace(self, codes=self.codes[rows])


def target_of(problem: str, metric: str | None, y: Any, rows: int) -> Target:
    """Check `y` of a problem against `rows` of X; raises UsageError."""
    if problem not in _KINDS:
        raise UsageError(f"problem={problem!r}: expected one of {', '.join(map(repr, _KINDS))}")
    regression = problem == "regression"
    chosen = metric or ("rmse" if regression else "log_loss")
    if chosen not in METRICS or METRICS[chosen].probabilistic == regression:
        fitting = ", ".join(name for name, each in METRICS.items() if each.probabilistic != regression)
        raise UsageError(f"metric={chosen!r} does not suit a {problem} problem; there are {fitting}")
    name = getattr(y, "name", None)
    labels = _labels(y)
    wanted = 2 if problem == "multilabel" else 1
    if labels.ndim != wanted or len(labels) != rows:
        shape = f"({rows}, L)" if wanted == 2 else f"({rows},)"  # noqa: PLR2004
        raise UsageError(f"y has shape {labels.shape}; expected {shape}, one target for each row of X")
    _no_gaps(labels)
    said = "y" if name is None else str(name)
    if regression:
        return Target(said, problem, chosen, (), _values(labels))
    if problem == "multilabel":
        return _several(said, chosen, y, labels)
    return _classes(said, problem, chosen, labels)


def _labels(y: Any) -> NDArray[Any]:
    """The target as an array; one that mixes words and numbers stays what it is instead of becoming words."""
    labels = np.asarray(y)
    if labels.dtype.kind in "US" and not isinstance(y, np.ndarray):
        as_given = np.asarray(y, dtype=object)
        return labels if all(isinstance(value, str) for value in as_given.ravel().tolist()) else as_given
    return labels


def _no_gaps(labels: NDArray[Any]) -> None:
    import pandas as pd

    gaps = np.asarray(pd.isna(labels))
    lost = np.flatnonzero(gaps.any(axis=1) if gaps.ndim > 1 else gaps)
    if len(lost):
        raise UsageError(f"y has {len(lost)} missing values, {_at(lost)}; drop those rows")


def _at(rows: NDArray[np.int64]) -> str:
    shown = ", ".join(map(str, rows[:_SHOWN].tolist()))
    return f"in row{'s' if len(rows) > 1 else ''} {shown}{' …' if len(rows) > _SHOWN else ''}"


def _values(labels: NDArray[Any]) -> NDArray[np.float64]:
    try:
        values = labels.astype(np.float64)
    except (TypeError, ValueError):
        words = [row for row, value in enumerate(labels.tolist()) if not _number(value)]
        first = labels.tolist()[words[0] if words else 0]
        raise UsageError(
            f"y holds {first!r} {_at(np.array(words or [0]))}, which is no number; "
            "a regression needs numbers, or use problem='multiclass'"
        ) from None
    wild = np.flatnonzero(~np.isfinite(values))
    if len(wild):
        raise UsageError(f"y has {len(wild)} infinite values, {_at(wild)}; drop or bound them")
    if len(values) and float(np.ptp(values)) == 0:
        raise UsageError(f"y is {values[0]:g} in every row: there is nothing to learn. Give rows of different values.")
    return values


def _number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _classes(name: str, problem: str, metric: str, labels: NDArray[Any]) -> Target:
    try:
        classes, codes = np.unique(labels, return_inverse=True)
    except TypeError:
        kinds = sorted({type(value).__name__ for value in labels.tolist()})
        raise UsageError(f"y mixes {' and '.join(kinds)}; make all labels text, or all numbers") from None
    if len(classes) < 2:  # noqa: PLR2004
        raise UsageError(f"y has one label only ({classes[0]!r}): nothing can be told apart. Give rows of two or more.")
    if problem == "binary" and len(classes) > 2:  # noqa: PLR2004
        raise UsageError(f"y has {len(classes)} labels, a binary problem has two; use problem='multiclass'")
    if len(classes) > MOST_CLASSES:
        raise UsageError(
            f"y has {len(classes):,} labels in {len(labels):,} rows, and at most {MOST_CLASSES:,} are possible; "
            "group the rare ones, or use problem='regression' if they are numbers"
        )
    return Target(name, problem, metric, tuple(classes.tolist()), codes.astype(np.int64))


def _several(name: str, metric: str, y: Any, labels: NDArray[Any]) -> Target:
    try:
        values = labels.astype(np.float64)
    except (TypeError, ValueError):
        raise UsageError("y of a multilabel problem holds words; give 0 and 1, one column a label") from None
    wrong = np.argwhere((values != 0) & (values != 1))
    if len(wrong):
        row, column = wrong[0]
        raise UsageError(f"y holds {values[row, column]:g} in row {row}, column {column}; labels are 0 or 1")
    names = tuple(map(str, y.columns)) if hasattr(y, "columns") else tuple(f"label_{i}" for i in range(labels.shape[1]))
    if not values.any() or values.all():
        raise UsageError("no label of y varies: nothing can be told apart")
    return Target(name, "multilabel", metric, names, values.astype(np.int64))
