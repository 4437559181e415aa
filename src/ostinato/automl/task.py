"""A table and its target read for a search: encoder, matrix, codes, folds, and what had to be given up, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.metrics import METRICS
from ostinato.automl.search import Problem
from ostinato.automl.target import Target, target_of
from ostinato.core.errors import UsageError
from ostinato.features.folds import folds_for
from ostinato.features.table import TableEncoder

if TYPE_CHECKING:
    import pandas as pd

_CELLS_PER_SECOND = 120_000  # of the table, times its seconds, beyond which rows are sampled
_FEWEST_ROWS = 2_000
_FEWEST_ROWS_OF_A_CLASS = 20
_FOLDS = ((5_000, 5), (40_000, 4), (200_000, 3))  # rows below which so many folds judge
_HOLDOUT_ROWS = 200_000  # from here on one fold judges


@dataclass(frozen=True)
class LearningTask:
    """What is learnt from what; `groups` are those of the rows that are left."""

    encoder: TableEncoder
    target: Target
    problem: Problem
    groups: NDArray[Any] | None
    notes: tuple[str, ...]


def read_task(
    kind: str,
    metric: str | None,
    X: Any,
    y: Any,
    groups: Any = None,
    time: Any = None,
    *,
    seconds: float | None = None,
    seed: int = 0,
) -> LearningTask:
    """Read `X (n, d)` and `y`; with `seconds` a table that is too large for them is sampled.

    Raises UsageError for inputs that do not fit together, SplitError where no honest folds exist.
    """
    frame = _frame(X)
    target = target_of(kind, metric, y, len(frame))
    groups, time = (_beside(each, name, len(frame)) for each, name in ((groups, "groups"), (time, "time")))
    rows, notes = _sampled(frame, target, seconds)
    if rows is not None:
        frame, target = frame.iloc[rows].reset_index(drop=True), target.rows(rows)
        groups, time = (None if each is None else each[rows] for each in (groups, time))
    encoder = TableEncoder.learnt(frame)
    plan = folds_for(kind, target.codes, groups, time, folds=_fold_count(len(frame)), seed=seed)  # type: ignore[arg-type]
    folds = plan.pairs if len(frame) < _HOLDOUT_ROWS else plan.pairs[-1:]
    problem = Problem(
        encoder.encode(frame), target.codes, target.outputs, folds, METRICS[target.metric], encoder.levels
    )
    left_out = (f"Column {name!r} is left out: {why}." for name, why in encoder.left_out.items())
    return LearningTask(encoder, target, problem, groups, (*notes, *plan.notes, *left_out))


def _fold_count(rows: int) -> int:
    return next((folds for most, folds in _FOLDS if rows < most), 5)


def _beside(values: Any, name: str, rows: int) -> NDArray[Any] | None:
    if values is None:
        return None
    array = np.asarray(values)
    if array.shape != (rows,):
        raise UsageError(f"{name} has shape {array.shape}; expected ({rows},), one for each row of X")
    return array


def _frame(X: Any) -> pd.DataFrame:
    import pandas as pd

    if not isinstance(X, pd.DataFrame):
        array = np.asarray(X)
        if array.ndim != 2:  # noqa: PLR2004
            raise UsageError(f"X has shape {array.shape}; expected rows and columns (n, d)")
        X = pd.DataFrame(array, columns=[f"x{i}" for i in range(array.shape[1])])
        X = X.infer_objects() if array.dtype == object else X
    if len(X) == 0:
        raise UsageError("X has no rows; give some")
    frame: pd.DataFrame = X.reset_index(drop=True)
    return frame


def _sampled(
    frame: pd.DataFrame, target: Target, seconds: float | None
) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    """Rows to learn from where the table is too large for the time; classes keep at least some rows each."""
    if seconds is None:
        return None, ()
    most = max(_FEWEST_ROWS, int(_CELLS_PER_SECOND * seconds / max(1, frame.shape[1])))
    if len(frame) <= most:
        return None, ()
    order = np.random.default_rng(0).permutation(len(frame))
    if target.codes.ndim == 1 and target.outputs > 1:
        ranks = np.empty(len(frame), dtype=np.int64)
        by_class = order[np.argsort(target.codes[order], kind="stable")]
        starts = np.searchsorted(target.codes[by_class], target.codes[by_class])
        ranks[by_class] = np.arange(len(frame)) - starts
        order = np.concatenate(
            [order[ranks[order] < _FEWEST_ROWS_OF_A_CLASS], order[ranks[order] >= _FEWEST_ROWS_OF_A_CLASS]]
        )
    rows = np.sort(order[:most])
    return rows, (f"Learnt from {most:,} of {len(frame):,} rows, for more would not have fitted into the time.",)
