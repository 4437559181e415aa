"""Honest splits: whole groups, single rows, or time. A test that is set aside once, and folds of what is left.

Fold -1 is the test; folds 0 … k-1 serve cross-validation. All is deterministic under the split's seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ostinato.core.errors import SplitError, UsageError
from ostinato.core.params import GroupedSplit, PurgedSplit, RepeatedSplit, Split, StratifiedSplit, Task, TimeSplit
from ostinato.features.folds.balance import Codes, Members, balanced
from ostinato.features.folds.ordered import is_dated, length, moments
from ostinato.features.folds.shuffled import seeds
from ostinato.features.folds.strata import bins_of
from ostinato.features.inputs import Inputs

TEST = -1


@dataclass(frozen=True)
class Assignment:
    """Rows that take part, their fold and group; labels that were left out, with their number of clips.

    `frame` has the columns track_id, fold and group, sorted by track_id; fold_2, fold_3 … for repeats; begins and ends, as
    numbers, of what is purged by.
    """

    frame: pd.DataFrame
    left_out: dict[str, int]


def assign(inputs: Inputs, task: Task, split: Split) -> Assignment:
    """Assign every row to the test or a fold; raises SplitError where no honest split exists."""
    groups = groups_of(inputs.tracks, split)
    kept, left_out = _enough(inputs.y, groups, task, split)
    y, groups = inputs.y[kept], groups[kept]
    if task.kind == "regression" and len(y) < 2 * (split.folds + 1):
        raise SplitError(f"{len(y)} rows are too few for {split.folds} folds and a test; add tracks or set fewer folds")
    more: dict[str, Any] = {}
    match split:
        case TimeSplit():
            folds = _by_time(inputs.tracks.loc[kept, split.column], split)
        case PurgedSplit():
            moment = inputs.tracks.loc[kept, split.column]
            folds = _by_time(moment, split)
            more = _window(moment, split)
        case _:
            folds = _with_test(y, groups, task, split)
            if isinstance(split, RepeatedSplit):
                more = {f"fold_{n}": each for n, each in enumerate(_again(y, groups, folds, task, split), start=2)}
    _check(y, folds, task, split)
    ids = np.asarray(inputs.ids, dtype=object)[kept]
    frame = pd.DataFrame({"track_id": ids, "fold": folds, "group": groups, **more})
    if isinstance(split, PurgedSplit):
        frame = _before_the_test(frame)
        left_out = {**left_out, **_purged_away(len(ids) - len(frame))}
    return Assignment(frame.sort_values("track_id").reset_index(drop=True), left_out)


def _with_test(
    y: NDArray[Any], groups: NDArray[Any], task: Task, split: GroupedSplit | StratifiedSplit | RepeatedSplit
) -> Codes:
    if (found := len(np.unique(groups))) < split.folds + 1:
        raise SplitError(
            f"{found} groups cannot fill {split.folds} folds and a test; set split.folds to at most "
            f"{max(found - 1, 0)}, choose another split.group, or add tracks"
        )
    shares = np.array([split.test_share, *[(1 - split.test_share) / split.folds] * split.folds])
    return _balanced(_strata(y, task), groups, shares, split.seed) + TEST


def _again(y: NDArray[Any], groups: NDArray[Any], folds: Codes, task: Task, split: RepeatedSplit) -> list[Codes]:
    """The further rounds of folds over the rows that are not the test."""
    rest, shares = folds != TEST, np.full(split.folds, 1 / split.folds)
    rounds = []
    for seed in seeds(split.seed, split.repeats)[1:]:
        own = np.full(len(y), TEST, dtype=np.int64)
        own[rest] = _balanced(_strata(y[rest], task), groups[rest], shares, seed)
        rounds.append(own)
    return rounds


def _window(when: pd.Series[Any], split: PurgedSplit) -> dict[str, Any]:
    """From when to when each row's label forms, and until when nothing is learnt from after it."""
    dated = is_dated(None, when, None)
    begins = moments(None, when, None, len(when))
    try:
        ends = begins + length(split.purge, dated, "split.purge")
        return {"begins": begins, "ends": ends, "embargo": ends + length(split.embargo, dated, "split.embargo")}
    except UsageError as error:
        raise SplitError(str(error)) from error


def _before_the_test(frame: pd.DataFrame) -> pd.DataFrame:
    """Without the rows whose label is known only once the test has begun: no model that is tested may learn from them."""
    test = frame["fold"] == TEST
    known: pd.DataFrame = frame[test | (frame["ends"] < frame.loc[test, "begins"].min())]
    return known


def _purged_away(rows: int) -> dict[str, int]:
    return {"(label known only during the test)": rows} if rows else {}


def folds_only(inputs: Inputs, task: Task, split: GroupedSplit | StratifiedSplit) -> NDArray[np.int64]:
    """Folds `(n,)` for cross-validation alone, no test set aside, in the order of the rows; every row takes part.

    Fewer folds are used where a label, or all rows, have fewer groups than `split.folds`; raises SplitError below two.
    """
    groups = groups_of(inputs.tracks, split)
    strata = _strata(inputs.y, task)
    fewest = len(np.unique(groups))
    if task.kind != "regression":
        labels = sorted(set(inputs.y.tolist()))
        if len(labels) < 2:  # noqa: PLR2004
            raise SplitError(
                f"y has one label only ({labels[0]!r}): nothing can be told apart. Give rows of two or more."
            )
        fewest = min(len(np.unique(groups[inputs.y == label])) for label in labels)
    folds = min(split.folds, fewest)
    if folds < 2:  # noqa: PLR2004
        raise SplitError(
            "cross-validation needs two groups (or rows) of every label; drop the labels that have only one, or add rows"
        )
    return _balanced(strata, groups, np.full(folds, 1 / folds), split.seed)


def groups_of(tracks: pd.DataFrame, split: Split) -> NDArray[Any]:
    """What a row belongs to, as str: its group, or itself where rows are split singly or in time."""
    grouped = getattr(split, "group", None) is not None
    needed = "group" if grouped else "column" if hasattr(split, "column") else None
    column = getattr(split, needed) if needed else "track_id"
    if column not in tracks.columns:
        raise SplitError(
            f"split.{needed}: the tracks have no column {column!r}; their columns are {', '.join(map(str, tracks.columns))}. "
            "Name one of them, or set split.kind to stratified where no groups are known."
        )
    if not grouped:
        column = "track_id"
    values = tracks[column].astype(object)
    # a track of unknown group is a group of its own
    own = "?" + tracks["track_id"].astype(str)
    return np.asarray(values.where(values.notna(), own).astype(str), dtype=object)


def pairs(folds: NDArray[np.int64], kind: str) -> list[tuple[Codes, Codes]]:
    """Rows to train on and rows held out, per fold; in time a fold is trained on earlier ones only.

    >>> [(a.tolist(), b.tolist()) for a, b in pairs(np.array([0, 1, -1, 2]), "time")]
    [([0], [1]), ([0, 1], [3])]
    """
    numbers = sorted(set(folds.tolist()) - {TEST})
    if kind == "purged":
        raise UsageError("purged folds need the moments of the rows; call pairs_of with the assignment's frame")
    if kind == "time":
        return [(np.flatnonzero((folds < n) & (folds != TEST)), np.flatnonzero(folds == n)) for n in numbers[1:]]
    return [(np.flatnonzero((folds != n) & (folds != TEST)), np.flatnonzero(folds == n)) for n in numbers]


def pairs_of(frame: pd.DataFrame, split: Split) -> list[tuple[Codes, Codes]]:
    """Rows to train on and rows held out of an assignment's `frame`, per fold and round, as its split asks for."""
    if not isinstance(split, PurgedSplit):
        rounds = [name for name in frame.columns if name == "fold" or str(name).startswith("fold_")]
        return [pair for name in rounds for pair in pairs(frame[name].to_numpy(), split.kind)]
    fold, begins, ends, embargo = (frame[name].to_numpy() for name in ("fold", "begins", "ends", "embargo"))
    found = []
    for number in sorted(set(fold.tolist()) - {TEST}):
        held = fold == number
        apart = (ends < begins[held].min()) | (begins > embargo[held].max())
        found.append((np.flatnonzero(apart & ~held & (fold != TEST)), np.flatnonzero(held)))
    return [(train, held) for train, held in found if len(train)]


def protocol(split: Split, folds: pd.DataFrame) -> str:
    """One sentence that says how the figures were come by."""
    test = folds["fold"] == TEST
    rows = f"test = {int(test.sum())} of {len(folds)} tracks"
    match split:
        case RepeatedSplit():
            return f"{protocol(split.once(), folds)}; {split.repeats} rounds of folds"
        case GroupedSplit():
            own = folds.loc[test, "group"].nunique()
            every = folds["group"].nunique()
            return (
                f"grouped by {split.group}: {split.folds} folds, {rows} from {own} of {every} groups "
                f"({own / every:.0%} of {split.group} groups), never seen in search, weighting or fitting"
            )
        case TimeSplit():
            return (
                f"in time by {split.column}: {split.folds} folds, each learnt from earlier ones only; "
                f"{rows}, the latest ones, never seen in search, weighting or fitting"
            )
        case PurgedSplit():
            return (
                f"in time by {split.column}: {split.folds} folds, each apart from what overlaps it "
                f"(purge {split.purge}, embargo {split.embargo}); {rows}, the latest ones, "
                "never seen in search, weighting or fitting"
            )
        case _:
            return (
                f"stratified single tracks: {split.folds} folds, {rows}, never seen in search, weighting or fitting; "
                "no groups were known, so tracks of one artist or work may stand on both sides and the figure may be optimistic"
            )


def _enough(
    y: NDArray[Any], groups: NDArray[Any], task: Task, split: Split
) -> tuple[NDArray[np.bool_], dict[str, int]]:
    """Rows whose label has enough groups for every fold and the test, and the labels that have not."""
    kept = np.ones(len(y), dtype=bool)
    if task.kind == "regression":
        return kept, {}
    left_out: dict[str, int] = {}
    labels = sorted(set(y.tolist()))
    if len(labels) < 2:  # noqa: PLR2004
        raise SplitError(
            f"column {task.target!r} has one label only ({labels[0]!r}): nothing can be told apart. "
            "Give tracks of at least two labels."
        )
    for label in labels:
        own = y == label
        if len(np.unique(groups[own])) < split.folds + 1:
            left_out[label] = int(own.sum())
            kept &= ~own
    remaining = [label for label in labels if label not in left_out]
    if len(remaining) < 2:  # noqa: PLR2004
        unit = f"{split.group} groups" if isinstance(split, GroupedSplit) else "tracks"
        small = ", ".join(f"{label!r}: {count}" for label, count in list(left_out.items())[:8])
        raise SplitError(
            f"too few clips: {len(remaining)} labels of {task.target!r} have the {split.folds + 1} {unit} that "
            f"{split.folds} folds and a test need (tracks of those that have not: {small}). Add tracks, set fewer folds, "
            "or choose another split."
        )
    if task.kind == "binary" and len(remaining) > 2:  # noqa: PLR2004
        raise SplitError(
            f"column {task.target!r} has {len(remaining)} labels, a binary problem has two; set task.kind to multiclass"
        )
    return kept, left_out


def _strata(y: NDArray[Any], task: Task) -> Codes:
    """What folds are balanced by: the label, or equally full bins of a value."""
    if task.kind != "regression":
        return np.unique(y, return_inverse=True)[1].astype(np.int64)
    return bins_of(y)


def _balanced(strata: Codes, groups: NDArray[Any], shares: NDArray[np.float64], seed: int) -> Codes:
    """Whole groups into bins, so that each gets its share of every stratum."""
    place = np.asarray(pd.factorize(pd.Series(groups.astype(str), dtype=object), sort=True)[0], dtype=np.int64)
    return balanced(Members.of(place, strata), shares, seed)[place]


def _by_time(when: pd.Series[Any], split: TimeSplit | PurgedSplit) -> Codes:
    """Blocks of equal size in order; equal moments stay in one block; the latest block is the test."""
    moments = when if pd.api.types.is_numeric_dtype(when) else pd.to_datetime(when, errors="coerce", utc=True)
    if moments.isna().any():
        raise SplitError(
            f"split.column: {int(moments.isna().sum())} tracks have no moment in {split.column!r}; fill or drop them"
        )
    _, code, counts = np.unique(moments.to_numpy(), return_inverse=True, return_counts=True)
    middle = (np.cumsum(counts) - counts / 2)[code] / len(moments)
    block = np.floor(middle / (1 - split.test_share) * split.folds).astype(np.int64)
    return np.where(block >= split.folds, TEST, block)


def _check(y: NDArray[Any], folds: Codes, task: Task, split: Split) -> None:
    empty = [n for n in (TEST, *range(split.folds)) if not (folds == n).any()]
    if empty:
        where = ", ".join("the test" if n == TEST else f"fold {n}" for n in empty)
        raise SplitError(
            f"{where} stays empty: the groups are too few or too unequal. Set fewer folds or a larger split.test_share."
        )
    if task.kind == "regression":
        return
    for label in sorted(set(y.tolist())):
        if len(set(folds[y == label].tolist()) - {TEST}) == 0:
            raise SplitError(f"label {label!r} is only in the test: nothing could learn it. Choose another split.")


def overlap(folds: pd.DataFrame) -> int:
    """Number of groups that stand in more than one of test and folds."""
    return int((folds.groupby("group")["fold"].nunique() > 1).sum())


def shared(values: Sequence[Any], folds: NDArray[np.int64]) -> int:
    """Number of distinct known values that stand in more than one of test and folds."""
    frame = pd.DataFrame({"value": list(values), "fold": folds}).dropna()
    return int((frame.groupby("value")["fold"].nunique() > 1).sum())


def near_identical(X: pd.DataFrame, folds: NDArray[np.int64], limit: float = 1e-2, most: int = 4000) -> int:
    """Pairs of rows across folds whose standardised inputs differ by less than `limit` a column on the average.

    Looks at the first `most` rows. Such pairs are usually one recording under two names.
    """
    values = np.nan_to_num(X.to_numpy(dtype=np.float64)[:most])
    own = folds[:most]
    spread = values.std(axis=0)
    used = spread > 0
    scaled = (values[:, used] - values[:, used].mean(axis=0)) / spread[used]
    if scaled.shape[1] == 0:
        return 0
    found, squares = 0, (scaled**2).sum(axis=1)
    for start in range(0, len(scaled), 500):
        block = slice(start, start + 500)
        distance = (squares[block, None] + squares[None, :] - 2 * scaled[block] @ scaled.T) / scaled.shape[1]
        later = np.arange(len(scaled))[None, :] > np.arange(start, start + len(scaled[block]))[:, None]
        found += int(((distance < limit**2) & later & (own[block, None] != own[None, :])).sum())
    return found
