"""What every kind of folds gives: pairs of rows to train on and rows held out, and what had to be given up for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from ostinato.core.errors import SplitError, UsageError
from ostinato.features.folds.balance import Codes

Pair = tuple[Codes, Codes]


@dataclass(frozen=True)
class FoldPlan:
    """Pairs of positions (train, test), sorted; `fold (n,)` is the fold of each row; of blocks in time 0 may be learnt only.

    `notes` are sentences on what differs from what was asked for; they are empty where nothing does.
    """

    kind: str
    pairs: tuple[Pair, ...]
    fold: Codes
    notes: tuple[str, ...] = ()

    @classmethod
    def of_folds(cls, kind: str, fold: Codes, notes: tuple[str, ...] = ()) -> FoldPlan:
        """Every fold held out once, and trained on all the others."""
        pairs = tuple((np.flatnonzero(fold != n), np.flatnonzero(fold == n)) for n in range(int(fold.max()) + 1))
        return cls(kind, pairs, fold, notes)

    @classmethod
    def of_pairs(cls, kind: str, pairs: list[Pair], fold: Codes, notes: tuple[str, ...] = ()) -> FoldPlan:
        """From the pairs themselves; raises SplitError where none is left."""
        if not pairs:
            raise SplitError(
                " ".join(["no fold keeps rows to train on.", *notes, "Set fewer folds or give more rows."])
            )
        return cls(kind, tuple(pairs), fold, notes)


class Splitter(Protocol):
    """Anything with scikit-learn's convention for splitters that can also say its plan."""

    def plan(self, X: Any = None, y: Any = None, groups: Any = None, time: Any = None) -> FoldPlan:
        """The folds with notes."""
        ...

    def split(self, X: Any = None, y: Any = None, groups: Any = None, time: Any = None) -> Iterator[Pair]:
        """Pairs (train, test)."""
        ...

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """The number of pairs: as asked for, or as these rows allow."""
        ...


class Planned:
    """`split` and `get_n_splits` from `plan`, the one thing that kinds of folds say."""

    n_splits: int

    def plan(self, X: Any = None, y: Any = None, groups: Any = None, time: Any = None) -> FoldPlan:
        """The folds of these rows."""
        raise NotImplementedError

    def split(self, X: Any = None, y: Any = None, groups: Any = None, time: Any = None) -> Iterator[Pair]:
        """Pairs of positions (train, test); raises SplitError where no honest folds exist."""
        yield from self.plan(X, y, groups, time).pairs

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """The number of pairs: as asked for, or as these rows allow where they are given."""
        return self.n_splits if X is None and y is None else len(self.plan(X, y, groups).pairs)


def row_count(X: Any, y: Any, *others: Any) -> int:
    """How many rows all that is given has; raises UsageError where they differ or nothing is given."""
    given = [len(each) if not hasattr(each, "shape") else each.shape[0] for each in (X, y, *others) if each is not None]
    if not given:
        raise UsageError("folds need rows: give X or y")
    if len(set(given)) > 1:
        raise UsageError(f"X, y, groups and time differ in their number of rows: {', '.join(map(str, given))}")
    if given[0] < 2:  # noqa: PLR2004
        raise SplitError(f"cross-validation needs two rows or more; n_samples={given[0]}")
    return int(given[0])


def at_least_two(n_splits: int) -> None:
    """Raises UsageError for fewer than two folds."""
    if not isinstance(n_splits, (int, np.integer)) or n_splits < 2:  # noqa: PLR2004
        raise UsageError(f"n_splits is {n_splits!r}; cross-validation needs two folds or more")


def group_codes(groups: Any) -> Codes:
    """Numbers `(n,)` from 0 of the groups in sorted order of their words; a row of unknown group is a group of its own."""
    series = pd.Series(np.asarray(groups, dtype=object) if not isinstance(groups, pd.Series) else groups.to_numpy())
    missing = series.isna().to_numpy()
    if series.dtype == object:
        series = series.map(str, na_action="ignore")
    codes = np.asarray(pd.factorize(series, sort=True)[0], dtype=np.int64)
    codes[missing] = codes.max(initial=-1) + 1 + np.arange(int(missing.sum()))
    return codes


def taken(values: Any, rows: Codes) -> Any:
    """The rows of an array, a frame, a list or of nothing."""
    if values is None:
        return None
    return values.iloc[rows] if hasattr(values, "iloc") else np.asarray(values)[rows]
