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
from ostinato.core.errors import SourceError

TABLE_SUFFIXES = (".csv", ".parquet")
# Columns whose equal values should not stand on both sides of a split, the strongest first.
GROUP_COLUMNS = ("artist", "artist_id", "composer", "album", "work", "group")
_GROUPS_A_FOLD = 2


@dataclass(frozen=True)
class SourceDescription:
    """What a source seems to be; `labels` counts tracks by label, `group` is the column to keep together, if any."""

    kind: Literal["folder", "table"]
    labels: Mapping[str, int]
    columns: tuple[str, ...]
    group: str | None
    files: int  # audio files, or rows of a table


def describe_source(path: Path, folds: int = 4) -> SourceDescription:
    """Look at a folder or a table; raises SourceError where it is missing, empty, of no known kind or has a single label."""
    path = path.expanduser()
    if path.is_file():
        if path.suffix.lower() not in TABLE_SUFFIXES:
            raise SourceError(
                f"source {path}: it is one file. Expected a folder DIR/<label>/<file>, DIR/tracks.csv, or a table "
                f"({', '.join(TABLE_SUFFIXES)})"
            )
        return _of_table("table", path, folds)
    require_folder(path)
    if (path / TRACKS_CSV).is_file():
        return _of_table("folder", path / TRACKS_CSV, folds)
    listing = list_audio(path)
    require_labels(pd.Series([found.label for found in listing.files], dtype=object), path)
    return SourceDescription("folder", listing.labels(), ("track_id", "path", "label"), None, len(listing.files))


def _of_table(kind: Literal["folder", "table"], path: Path, folds: int) -> SourceDescription:
    frame = read_frame(path)
    if kind == "folder":
        require_paths(frame, path)
    if "label" in frame and frame["label"].notna().any():
        require_labels(frame["label"], path)
    counts = frame["label"].dropna().value_counts().sort_index() if "label" in frame else pd.Series(dtype="int64")
    labels = {str(label): int(count) for label, count in counts.items()}
    return SourceDescription(kind, labels, tuple(frame.columns), likely_group(frame, folds), len(frame))


def likely_group(frame: pd.DataFrame, folds: int) -> str | None:
    """The first of the usual columns with repeated values, and with enough of them for `folds` folds and a test."""
    for name in GROUP_COLUMNS:
        if name in frame:
            values = frame[name].dropna()
            if len(values) == len(frame) and _GROUPS_A_FOLD * folds <= values.nunique() < len(values):
                return name
    return None
