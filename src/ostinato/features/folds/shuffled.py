"""Folds in which order means nothing: single rows or whole groups, stratified by the target, once or several times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.errors import SplitError, UsageError
from ostinato.features.folds.balance import Codes, balanced
from ostinato.features.folds.plan import FoldPlan, Planned, at_least_two, group_codes, row_count
from ostinato.features.folds.strata import Problem, codes_of, members_of, target

_ENOUGH = 0.99  # share of rows whose label must have a row (or group) in every fold


@dataclass(frozen=True)
class StratifiedFolds(Planned):
    """Single rows, every label (or part of a value's range) in every fold. Not where rows belong together or follow in time.

    Labels with fewer rows than folds are spread; fewer folds are made where such labels are more than 1 % of the rows, or
    fewer than two labels would be in every fold. `y (n, L)` of 0 and 1 is balanced in every label.

    >>> [test.tolist() for _, test in StratifiedFolds(2, seed=1).split(y=["a", "a", "b", "b"])]
    [[0, 2], [1, 3]]
    """

    n_splits: int = 5
    seed: int = 0
    problem: Problem | None = None

    def plan(self, X: Any = None, y: Any = None, groups: Any = None, time: Any = None) -> FoldPlan:
        """The folds of these rows; `groups` and `time` are not looked at."""
        rows = row_count(X, y)
        return FoldPlan.of_folds("stratified", *_dealt(self, y, rows, None))


@dataclass(frozen=True)
class GroupedFolds(Planned):
    """Whole groups (artists, patients), stratified by the target as well as groups allow.

    A row whose group is missing (None, NaN) is a group of its own. Raises SplitError for fewer than two groups.

    >>> [test.tolist() for _, test in GroupedFolds(2).split(y=[0, 0, 1, 1], groups=["a", "a", "b", "b"])]
    [[0, 1], [2, 3]]
    """

    n_splits: int = 5
    seed: int = 0
    problem: Problem | None = None

    def plan(self, X: Any = None, y: Any = None, groups: Any = None, time: Any = None) -> FoldPlan:
        """The folds of these rows; `time` is not looked at."""
        if groups is None:
            raise UsageError(
                "grouped folds need groups: one a row, such as the artist; without any use StratifiedFolds"
            )
        rows = row_count(X, y, groups)
        return FoldPlan.of_folds("grouped", *_dealt(self, y, rows, group_codes(groups)))


@dataclass(frozen=True)
class RepeatedFolds(Planned):
    """The folds of `base` several times, each with a seed of its own; the first round is that of `base` alone."""

    base: StratifiedFolds | GroupedFolds
    repeats: int = 3

    def __post_init__(self) -> None:
        if not hasattr(self.base, "seed"):
            raise UsageError(f"{type(self.base).__name__} cannot be repeated: folds in time are the same each time")
        if self.repeats < 1:
            raise UsageError(f"repeats is {self.repeats}; give 1 or more")

    @property
    def n_splits(self) -> int:  # type: ignore[override]
        """Pairs of all rounds, as asked for."""
        return self.base.n_splits * self.repeats

    def plan(self, X: Any = None, y: Any = None, groups: Any = None, time: Any = None) -> FoldPlan:
        """The pairs of all rounds, one after the other."""
        rounds = [
            replace(self.base, seed=seed).plan(X, y, groups, time) for seed in seeds(self.base.seed, self.repeats)
        ]
        pairs = tuple(pair for one in rounds for pair in one.pairs)
        kind = f"{rounds[0].kind}, {self.repeats} times"
        return FoldPlan(kind, pairs, rounds[0].fold, rounds[0].notes)


def seeds(seed: int, count: int) -> list[int]:
    """`seed` itself and seeds derived from it.

    >>> seeds(7, 3)[0]
    7
    """
    derived = (np.random.SeedSequence([seed, n]).generate_state(1)[0] for n in range(1, count))
    return [seed, *map(int, derived)]


def _dealt(
    asked: StratifiedFolds | GroupedFolds, y: Any, rows: int, unit: Codes | None
) -> tuple[Codes, tuple[str, ...]]:
    at_least_two(asked.n_splits)
    values, problem = target(np.zeros(rows, dtype=np.int64) if y is None else y, asked.problem)
    units = rows if unit is None else int(unit.max()) + 1
    noun = "rows" if unit is None else "groups"
    if units < 2:  # noqa: PLR2004
        raise SplitError(
            f"all {rows} rows are one group, so nothing can be held out honestly; give rows of two groups or more"
        )
    most = min(asked.n_splits, units)
    folds, notes = (most, ()) if y is None else how_many(values, problem, unit, most)
    if units < asked.n_splits:
        notes = (f"{units} {noun} fill {units} folds at most; {asked.n_splits} were asked for.", *notes)
    chosen = balanced(members_of(values, problem, unit), np.full(folds, 1 / folds), asked.seed)
    return np.unique(chosen if unit is None else chosen[unit], return_inverse=True)[1].astype(np.int64), notes


def how_many(y: NDArray[Any], problem: Problem, unit: Codes | None, most: int) -> tuple[int, tuple[str, ...]]:
    """So many folds that two labels and 99 % of the rows can be in each, `most` at most, two at least; and notes on it."""
    if problem == "regression":
        return most, ()
    counts, have = _per_label(y, problem, unit)
    noun = "rows" if unit is None else "groups"
    total = counts.sum()
    folds = most
    while folds > 2 and (  # noqa: PLR2004
        (have >= folds).sum() < min(2, len(have)) or counts[have >= folds].sum() < _ENOUGH * total
    ):
        folds -= 1
    notes = []
    if len(have) == 1 and problem != "multilabel":
        notes.append("y has one label only: nothing can be told apart.")
    if folds < most:
        notes.append(f"{folds} folds instead of {most}: the rarest labels have {int(have.min())} {noun} or few more.")
    rare = have < folds
    if rare.any():
        notes.append(
            f"{int(rare.sum())} labels have fewer than {folds} {noun} ({int(counts[rare].sum())} rows); they are spread, "
            "so some folds neither train on them nor test them."
        )
    return folds, tuple(notes)


def _per_label(y: NDArray[Any], problem: Problem, unit: Codes | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows, and rows or groups, of each label that occurs."""
    if problem == "multilabel":
        row, label = np.nonzero(y)
        label = label.astype(np.int64)
    else:
        row, label = np.arange(len(y)), codes_of(y, problem)
    counts = np.bincount(label)
    if unit is None:
        have = counts
    else:
        width = int(label.max(initial=0)) + 1
        have = np.bincount(np.unique(unit[row] * width + label) % width, minlength=width)
    there = counts > 0
    return (counts[there], have[there]) if there.any() else (np.array([len(y)]), np.array([len(y)]))
