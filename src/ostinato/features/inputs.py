"""What a problem learns from: the rows that have a target, their input columns, and what they must not be judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ostinato.core.errors import SplitError
from ostinato.core.files import read_table
from ostinato.core.numbers import numeric
from ostinato.core.params import Split, Task
from ostinato.core.tracks import RIGHTS
from ostinato.features.table import TableEncoder

KEYS = ("track_id", "path", "sha256", "bytes", "readable", "problem", "sample_rate", "channels")
NOTES = ("imputed",)  # what `prepare` says of a row


@dataclass(frozen=True)
class Inputs:
    """Rows sorted by `ids`: inputs `X (n, d)`, target `y (n,)` of labels (str) or values, and the tracks' columns.

    Numbers in `X` are float32; words and dates, which only table inputs have, stay as they are for a `TableEncoder`.
    """

    X: pd.DataFrame
    y: NDArray[Any]
    ids: tuple[str, ...]
    tracks: pd.DataFrame

    @property
    def encoder(self) -> TableEncoder:
        """How these rows become a matrix: as they are where all are numbers, else by an encoder learnt from them."""
        if all(dtype == np.float32 for dtype in self.X.dtypes):
            return TableEncoder.of_numbers(tuple(map(str, self.X.columns)))
        return TableEncoder.learnt(self.X)

    def rows(self, ids: Sequence[str]) -> Inputs:
        """The rows of `ids`, in that order; raises SplitError for one that is not there."""
        place = {each: position for position, each in enumerate(self.ids)}
        missing = [each for each in ids if each not in place]
        if missing:
            raise SplitError(
                f"{len(missing)} tracks of the folds have no inputs now, such as {missing[0]!r}; run the step split again"
            )
        chosen = [place[each] for each in ids]
        return Inputs(
            self.X.iloc[chosen].reset_index(drop=True),
            self.y[chosen],
            tuple(ids),
            self.tracks.iloc[chosen].reset_index(drop=True),
        )


def load_inputs(task: Task, split: Split, *, clean: Path, features: Path) -> Inputs:
    """Join the clean tracks with their features.

    `audio` inputs are the columns of the feature table, of tracks whose audio worked; `table` inputs are the columns of the
    tracks besides target, keys, rights and the column of the split: numbers, words and dates. Raises SplitError where there is
    no such target or nothing to learn from.
    """
    tracks = read_table(clean)
    if task.target not in tracks.columns:
        raise SplitError(
            f"{clean}: no column {task.target!r} to predict; the columns are {', '.join(map(str, tracks.columns))}. "
            "Set problems.<name>.task.target to one of them."
        )
    tracks = tracks[tracks[task.target].notna()].sort_values("track_id").reset_index(drop=True)
    tracks["track_id"] = tracks["track_id"].astype(str)
    if tracks.empty:
        raise SplitError(f"{clean}: column {task.target!r} is empty for every track, so there is nothing to learn from")
    parts = []
    if "table" in task.inputs:
        parts.append(table_columns(tracks, task, split))
    if "audio" in task.inputs:
        tracks, parts, heard = _with_audio(tracks, parts, read_table(features), features)
        parts.append(heard)
    X = pd.concat(parts, axis=1)
    if X.shape[1] == 0:
        raise SplitError(
            f"{clean}: no column that varies is left as an input for {task.target!r}. "
            "Add columns, or set problems.<name>.task.inputs to [audio]."
        )
    return Inputs(X, target_of(tracks, task), tuple(tracks["track_id"]), tracks)


def _with_audio(
    tracks: pd.DataFrame, parts: list[pd.DataFrame], heard: pd.DataFrame, where: Path
) -> tuple[pd.DataFrame, list[pd.DataFrame], pd.DataFrame]:
    heard = heard.assign(track_id=heard["track_id"].astype(str)).set_index("track_id").sort_index(axis=1)
    there = tracks["track_id"].isin(heard.index).to_numpy()
    if not there.any():
        raise SplitError(
            f"{where}: no track with a target has audio features. "
            "Check data/features/failures.csv, or set problems.<name>.task.inputs to [table]."
        )
    tracks = tracks[there].reset_index(drop=True)
    parts = [part[there].reset_index(drop=True) for part in parts]
    return tracks, parts, heard.loc[tracks["track_id"]].reset_index(drop=True).astype(np.float32)


def table_columns(tracks: pd.DataFrame, task: Task, split: Split) -> pd.DataFrame:
    """Columns that may be learnt from and that vary, sorted by name; numbers and yes-or-no as float32."""
    held = {task.target, *KEYS, *RIGHTS, *NOTES, getattr(split, "group", ""), getattr(split, "column", "")}
    names = [name for name in sorted(map(str, tracks.columns)) if name not in held and tracks[name].nunique() > 1]
    numbers = {name: np.float32 for name in names if pd.api.types.is_numeric_dtype(tracks[name])}
    return tracks[names].astype(numbers)


def target_of(tracks: pd.DataFrame, task: Task) -> NDArray[Any]:
    """The target's values as float64 for regression, else as labels of type str; raises SplitError for words in numbers."""
    column = tracks[task.target]
    if task.kind == "regression":
        values = numeric(column).to_numpy(dtype=np.float64)
        if not np.isfinite(values).all():
            bad = column[~np.isfinite(values)].iloc[0]
            raise SplitError(
                f"column {task.target!r} holds {bad!r}, which is no number; a regression needs numbers "
                "(or set problems.<name>.task.kind to multiclass)"
            )
        return values
    if pd.api.types.is_float_dtype(column) and (column == column.round()).all():
        column = column.astype("int64")
    labels: NDArray[Any] = column.astype(str).to_numpy(dtype=object)
    return labels
