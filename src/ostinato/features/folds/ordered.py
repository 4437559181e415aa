"""Folds in time: never shuffled. What is tested lies after what was learnt, or is fenced off from it on both sides."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ostinato.core.errors import SplitError, UsageError
from ostinato.features.folds.balance import Codes
from ostinato.features.folds.plan import FoldPlan, Pair, Planned, at_least_two, group_codes, row_count

Duration = float | str | datetime.timedelta | np.timedelta64


@dataclass(frozen=True)
class TimeFolds(Planned):
    """Blocks of equal size in order; each but the first is tested by what was learnt from all earlier ones.

    Time is `time`, or `column` of X, or the order of the rows. Equal moments stay in one block. With groups, rows of a group
    that is tested are left out of training, so that no group stands on both sides.

    >>> [(a.tolist(), b.tolist()) for a, b in TimeFolds(2).split(np.zeros((6, 1)))]
    [([0, 1], [2, 3]), ([0, 1, 2, 3], [4, 5])]
    """

    n_splits: int = 5
    column: str | None = None

    def plan(self, X: Any = None, y: Any = None, groups: Any = None, time: Any = None) -> FoldPlan:
        """The folds of these rows."""
        at_least_two(self.n_splits)
        rows = row_count(X, y, groups, time)
        start = moments(X, time, self.column, rows)
        block, notes = blocks(start, self.n_splits + 1)
        pairs = [(np.flatnonzero(block < n), np.flatnonzero(block == n)) for n in range(1, int(block.max()) + 1)]
        pairs, dropped = without_shared_groups(pairs, groups)
        return FoldPlan.of_pairs("time", pairs, block, (*notes, *dropped))


@dataclass(frozen=True)
class PurgedFolds(Planned):
    """Blocks in time with what overlaps them purged from training, and an embargo after them (Lopez de Prado 2018, ch. 7).

    A label known only `purge` after its row is learnt from only if it was known before the tested block began; rows that
    begin within `embargo` after the last tested label is known are left out as well. Both are in the units of the time: rows
    where none is given, the column's numbers, or durations such as "7D" for dates. `ends` of `plan` gives each row's own
    moment in place of `purge`. With `past_only` training ends before the test, as in `TimeFolds`, else rows after it serve too.

    >>> [a.tolist() for a, _ in PurgedFolds(2, purge=1, embargo=1).split(np.zeros((8, 1)))]
    [[6, 7], [0, 1, 2]]
    """

    n_splits: int = 5
    purge: Duration = 0
    embargo: Duration = 0
    past_only: bool = False
    column: str | None = None

    def plan(self, X: Any = None, y: Any = None, groups: Any = None, time: Any = None, ends: Any = None) -> FoldPlan:
        """The folds of these rows; `ends (n,)` are the moments at which the labels are known."""
        at_least_two(self.n_splits)
        rows = row_count(X, y, groups, time, ends)
        start = moments(X, time, self.column, rows)
        dated = is_dated(X, time, self.column)
        block, notes = blocks(start, self.n_splits + int(self.past_only))
        end = start + length(self.purge, dated, "purge") if ends is None else moments(None, ends, None, rows)
        if (end < start).any():
            raise SplitError(
                f"ends: row {int(np.argmax(end < start))} ends before it begins; a label is known at its row or later"
            )
        embargo = length(self.embargo, dated, "embargo")
        numbers = range(int(self.past_only), int(block.max()) + 1)
        pairs = [_fenced(block == n, start, end, embargo, self.past_only) for n in numbers]
        kept = [pair for pair in pairs if len(pair[0])]
        if len(kept) < len(pairs):
            notes = (
                *notes,
                f"{len(pairs) - len(kept)} folds are left out: purge and embargo leave nothing to train on.",
            )
        kept, dropped = without_shared_groups(kept, groups)
        return FoldPlan.of_pairs("purged", kept, block, (*notes, *dropped))


def _fenced(test: NDArray[np.bool_], start: NDArray[Any], end: NDArray[Any], embargo: Any, past_only: bool) -> Pair:
    first, last = start[test].min(), end[test].max()
    before = ~test & (end < first)
    after = ~test & (start > last + embargo) & (not past_only)
    return np.flatnonzero(before | after), np.flatnonzero(test)


def is_dated(X: Any, time: Any, column: str | None) -> bool:
    """Whether time is in dates rather than in numbers or rows."""
    given = time if time is not None else (X[column] if column is not None else None)
    return given is not None and not pd.api.types.is_numeric_dtype(pd.Series(given).dtype)


def moments(X: Any, time: Any, column: str | None, rows: int) -> NDArray[Any]:
    """Moments `(n,)`: nanoseconds (int64) of dates, else numbers, else the place of the row; raises SplitError for gaps."""
    if time is None and column is not None:
        if not hasattr(X, "columns") or column not in X.columns:
            raise SplitError(f"column: X has no column {column!r} to order by; name one of its columns, or give time")
        time = X[column]
    if time is None:
        return np.arange(rows, dtype=np.float64)
    series = pd.Series(time.to_numpy() if hasattr(time, "to_numpy") else np.asarray(time))
    if pd.api.types.is_numeric_dtype(series.dtype):
        values = series.to_numpy(dtype=np.float64)
        missing = ~np.isfinite(values)
    else:
        dates = pd.to_datetime(series, errors="coerce", utc=True, format="mixed" if series.dtype == object else None)
        missing = dates.isna().to_numpy()
        values = dates.dt.as_unit("ns").astype("int64").to_numpy()
    if missing.any():
        raise SplitError(
            f"time: {int(missing.sum())} rows have no moment that can be read, such as row {int(np.argmax(missing))} "
            f"({series.iloc[int(np.argmax(missing))]!r}); fill or drop them"
        )
    return values


def length(value: Duration, dated: bool, name: str) -> Any:
    """A duration in the units of `moments`; raises UsageError where it does not suit them."""
    if not dated:
        if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)) or not value >= 0:
            raise UsageError(f"{name} is {value!r}; time is in numbers or rows, so give a number of them, 0 or more")
        return value
    if isinstance(value, (int, float)) and value != 0:
        raise UsageError(f"{name} is {value!r}; time is in dates, so give a duration such as '7D'")
    try:
        found = int(pd.Timedelta(0 if isinstance(value, (int, float)) else value).value)
    except ValueError:
        found = -1
    if found < 0:
        raise UsageError(f"{name} is {value!r}, which is no duration; give one such as '7D' or '12h'")
    return found


def blocks(start: NDArray[Any], count: int) -> tuple[Codes, tuple[str, ...]]:
    """Blocks of equal size in order; equal moments stay in one block; fewer blocks where there are fewer moments."""
    _, code, counts = np.unique(start, return_inverse=True, return_counts=True)
    if len(counts) < 2:  # noqa: PLR2004
        raise SplitError("all rows have the same moment, so there is no order to split by; give time, or split by rows")
    middle = (np.cumsum(counts) - counts / 2)[code] / len(start)
    block = np.unique(np.floor(middle * count).astype(np.int64), return_inverse=True)[1].astype(np.int64)
    if block.max() == 0:  # one moment outweighs all: it against the rest
        block = (code > (0 if counts.argmax() == 0 else counts.argmax() - 1)).astype(np.int64)
    found = int(block.max()) + 1
    if found == count:
        return block, ()
    return block, (f"{found} blocks in time instead of {count}: equal moments stay together.",)


def without_shared_groups(pairs: list[Pair], groups: Any) -> tuple[list[Pair], tuple[str, ...]]:
    """The pairs without training rows of tested groups; pairs that then have nothing to train on are left out."""
    if groups is None:
        return pairs, ()
    codes = group_codes(groups)
    kept, lost = [], 0
    for train, test in pairs:
        tested = np.zeros(int(codes.max()) + 1, dtype=bool)
        tested[codes[test]] = True
        own = train[~tested[codes[train]]]
        lost += len(train) - len(own)
        if len(own):
            kept.append((own, test))
    notes = []
    if lost:
        notes.append(f"{lost} training rows are left out in all, for their groups are tested.")
    if len(kept) < len(pairs):
        notes.append(
            f"{len(pairs) - len(kept)} folds are left out: every row before them is of a group that they test."
        )
    return kept, tuple(notes)
