"""What a source seems to be, without decoding anything: enough to write the parameters of its workspace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from ostinato.catalog.folder import list_audio, require_folder
from ostinato.catalog.source import TRACKS_CSV, require_labels, require_paths
from ostinato.catalog.table import read_frame
from ostinato.core.errors import SourceError, UsageError

TABLE_SUFFIXES = (".csv", ".parquet")
# Columns whose equal values should not stand on both sides of a split, the strongest first.
GROUP_COLUMNS = ("artist", "artist_id", "track_artist", "composer", "album", "work", "group")
_GROUPS_A_FOLD = 2
_FILLED = 0.9  # share of rows; one of unknown group is a group of its own
_MOST_CLASSES_OF_NUMBERS = 20  # different numbers, beyond which they are values and no labels


@dataclass(frozen=True)
class SourceDescription:
    """What a source seems to be; `labels` counts tracks by label, `group` is the column to keep together, if any."""

    kind: Literal["folder", "table"]
    labels: Mapping[str, int]
    columns: tuple[str, ...]
    group: str | None
    files: int  # audio files, or rows of a table
    target: Target | None = None  # what was asked to be predicted


@dataclass(frozen=True)
class Target:
    """A column to predict, and the kind of problem that its values make."""

    column: str
    kind: Literal["binary", "multiclass", "regression"]


def describe_source(path: Path, folds: int = 4, target: str | None = None) -> SourceDescription:
    """Look at a folder or a table; raises SourceError where it is missing, empty, of no known kind or has a single label.

    `target` is the column that is to be predicted, by default `label`; UsageError where there is none of that name.
    """
    path = path.expanduser()
    if path.is_file():
        if path.suffix.lower() not in TABLE_SUFFIXES:
            raise SourceError(
                f"source {path}: it is one file. Expected a folder DIR/<label>/<file>, DIR/tracks.csv, or a table "
                f"({', '.join(TABLE_SUFFIXES)})"
            )
        return _of_table("table", path, folds, target)
    require_folder(path)
    if (path / TRACKS_CSV).is_file():
        return _of_table("folder", path / TRACKS_CSV, folds, target)
    if target not in (None, "label"):
        raise UsageError(
            f"source {path}: a folder of audio has no column {target!r}; describe its files in {path / TRACKS_CSV}"
        )
    listing = list_audio(path)
    require_labels(pd.Series([found.label for found in listing.files], dtype=object), path)
    return SourceDescription("folder", listing.labels(), ("track_id", "path", "label"), None, len(listing.files))


def _of_table(kind: Literal["folder", "table"], path: Path, folds: int, target: str | None) -> SourceDescription:
    frame = read_frame(path)
    if kind == "folder":
        require_paths(frame, path)
    wanted = None if target is None else target_in(frame, target, path)
    if wanted is None and "label" not in frame:
        raise UsageError(
            f"source {path}: there is no column `label`; say which one to predict: --target COLUMN. "
            f"Columns: {', '.join(map(str, frame.columns))}"
        )
    if "label" in frame and frame["label"].notna().any():
        require_labels(frame["label"], path)
    counts = frame["label"].dropna().value_counts().sort_index() if "label" in frame else pd.Series(dtype="int64")
    labels = {str(label): int(count) for label, count in counts.items()}
    return SourceDescription(kind, labels, tuple(frame.columns), likely_group(frame, folds), len(frame), wanted)


def target_in(frame: pd.DataFrame, column: str, where: Path) -> Target:
    """The kind of problem that a column makes: two values, more of them, or numbers.

    Raises UsageError where there is no such column, SourceError where all its values are the same.
    """
    if column not in frame:
        names = ", ".join(map(str, frame.columns))
        raise UsageError(f"source {where}: there is no column {column!r} to predict; columns: {names}")
    values = frame[column].dropna()
    distinct = values.nunique()
    if distinct < 2:  # noqa: PLR2004 - two is what telling apart takes
        raise SourceError(f"source {where}: column {column!r} has {distinct} values, so there is nothing to predict")
    if distinct == 2:  # noqa: PLR2004
        return Target(column, "binary")
    numbers = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    return Target(column, "regression" if numbers and distinct > _MOST_CLASSES_OF_NUMBERS else "multiclass")


def likely_group(frame: pd.DataFrame, folds: int) -> str | None:
    """The first of the usual columns with repeated values, and with enough of them for `folds` folds and a test."""
    for name in GROUP_COLUMNS:
        if name in frame:
            values = frame[name].dropna()
            if len(values) >= _FILLED * len(frame) and _GROUPS_A_FOLD * folds <= values.nunique() < len(values):
                return name
    return None
