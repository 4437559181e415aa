"""From a source to the raw tables: every track with its content hash and what can be said of its file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ostinato.catalog.folder import list_audio, readable_name, require_folder
from ostinato.catalog.probe import Probe, probe_all
from ostinato.catalog.table import MEASURED, empty_events, read_events, read_frame, resolve_paths, with_keys
from ostinato.core.errors import SourceError
from ostinato.core.hashing import sha256_of_value

TRACKS_CSV, EVENTS_CSV = "tracks.csv", "events.csv"
FIRST_COLUMNS = (
    "track_id",
    "path",
    "sha256",
    "bytes",
    "readable",
    "problem",
    "sample_rate",
    "channels",
    "duration",
    "label",
)
_NOT_UTF8 = "its name is not UTF-8; rename the file"
_MOST_NAMED = 10


@dataclass(frozen=True)
class Catalogue:
    """The raw tables of a source, and what a person should know about how they were read."""

    tracks: pd.DataFrame  # one row a track, sorted by track_id
    events: pd.DataFrame
    notes: tuple[str, ...] = ()


def read_folder(root: Path) -> Catalogue:
    """The catalogue of a folder: `DIR/tracks.csv` where there is one, else `DIR/<label>/<file>`.

    Raises SourceError where nothing can be learnt from it: missing, empty, or with fewer than two labels.
    """
    require_folder(root)
    if (root / TRACKS_CSV).is_file():
        return _read_tracks(root / TRACKS_CSV, key=None, audio=True)
    listing = list_audio(root)
    notes = []
    if listing.ignored:
        notes.append(f"{listing.ignored} files without an audio suffix were passed over")
    if listing.faults:
        notes.append(f"{len(listing.faults)} folders could not be read: {_named(listing.faults)}")
    frame = pd.DataFrame(
        {
            "track_id": [found.track_id for found in listing.files],
            "label": pd.Series([found.label for found in listing.files], dtype=object),
        }
    )
    require_labels(frame["label"], root)
    tracks = with_probes(frame, [found.path.absolute() for found in listing.files])
    return Catalogue(_sorted(tracks), empty_events(), (*notes, *_notes(tracks)))


def read_table(path: Path, key: str | None) -> Catalogue:
    """The catalogue of a CSV or Parquet table; audio only where it has a column `path`, relative to the table's folder."""
    return _read_tracks(path, key, audio=False)


def _read_tracks(path: Path, key: str | None, *, audio: bool) -> Catalogue:
    frame = read_frame(path)
    root = path.absolute().parent
    if audio:
        require_paths(frame, path)
    frame = frame.rename(columns={name: f"source_{name}" for name in MEASURED if name in frame})
    named = "path" in frame
    paths: list[Path | None] = resolve_paths(list(frame["path"]), root, path) if named else [None] * len(frame)
    if audio and key is None and "track_id" not in frame:
        frame["track_id"] = [
            readable_name(p.relative_to(root).as_posix()) if p is not None else f"row-{row}"
            for row, p in enumerate(paths, start=1)
        ]
    frame = with_keys(frame, key, path)
    if "label" not in frame:
        frame["label"] = pd.Series([None] * len(frame), dtype=object)
    elif frame["label"].notna().any():
        require_labels(frame["label"], path)
    tracks = with_probes(frame, paths, audio=audio)
    return Catalogue(_sorted(tracks), read_events(root / EVENTS_CSV), tuple(_notes(tracks)))


def with_probes(frame: pd.DataFrame, paths: Sequence[Path | None], *, audio: bool = True) -> pd.DataFrame:
    """The table with what was found out about each row's file; a row without one gets the digest of its values."""
    files = [path for path in paths if path is not None]
    probes = dict(zip(files, probe_all(files), strict=True)) if files else {}
    rows = frame.drop(columns="path", errors="ignore").to_dict("records") if len(files) < len(paths) else []
    found: list[Probe] = []
    texts: list[str | None] = []
    for row, path in enumerate(paths):
        if path is None:
            problem = "the row names no file" if audio else None
            found.append(Probe(sha256_of_value(rows[row]), 0, problem is None, problem))
            texts.append(None)
            continue
        text = path.as_posix()
        sound = _is_utf8(text)
        one = probes[path]
        found.append(one if sound else Probe(one.sha256, one.bytes, False, _NOT_UTF8))
        texts.append(text if sound else readable_name(text))
    facts = pd.DataFrame([vars(each) for each in found], index=frame.index)
    facts = facts.astype({"bytes": "int64", "sample_rate": "int64", "channels": "int64", "duration": "float64"})
    facts["problem"] = pd.Series([each.problem for each in found], index=frame.index, dtype=object)
    facts["path"] = pd.Series(texts, index=frame.index, dtype=object)
    whole = pd.concat([frame.drop(columns="path", errors="ignore"), facts], axis=1)
    return whole[[*FIRST_COLUMNS, *(name for name in whole.columns if name not in FIRST_COLUMNS)]]


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _sorted(tracks: pd.DataFrame) -> pd.DataFrame:
    return tracks.sort_values("track_id", kind="stable", ignore_index=True)


def require_paths(frame: pd.DataFrame, where: Path) -> None:
    """Raise SourceError where a table that describes a folder does not say which files it means."""
    if "path" not in frame:
        raise SourceError(
            f"{where}: there is no column `path`; columns: {', '.join(frame.columns)}. Name the column with the files "
            f"`path`, or, for a table without audio, give the table itself: --source {where}"
        )


def require_labels(labels: pd.Series, where: Path) -> None:
    """Raise SourceError unless there are two labels to tell apart."""
    known = sorted(labels.dropna().unique())
    if len(known) < 2:  # noqa: PLR2004 - two is what telling apart takes
        what = f"only one label, {known[0]!r}," if known else "no label"
        raise SourceError(
            f"source {where}: {what} for {len(labels)} tracks; at least 2 labels are needed to learn to tell them apart. "
            "Put the files into one folder a label: DIR/<label>/<file>, or fill the column `label` of DIR/tracks.csv"
        )


def _notes(tracks: pd.DataFrame) -> list[str]:
    """What a person should know of a table of tracks."""
    notes = []
    unreadable = tracks[~tracks["readable"]]
    if len(unreadable):
        named = _named([f"{row.track_id} ({row.problem})" for row in unreadable.itertuples()], most=3)
        notes.append(f"{len(unreadable)} files cannot be read: {named}")
    if (unlabelled := int(tracks["label"].isna().sum())) and unlabelled < len(tracks):
        notes.append(f"{unlabelled} tracks have no label")
    counts = Counter(tracks.loc[tracks["readable"], "label"].dropna())
    rare = sorted(label for label in set(tracks["label"].dropna()) if counts[label] < 2)  # noqa: PLR2004
    if rare:
        notes.append(
            f"{len(rare)} labels have fewer than 2 readable tracks and cannot be both learnt and tested: {_named(rare)}"
        )
    copies = int(tracks.loc[tracks["path"].notna() & (tracks["bytes"] > 0)].duplicated("sha256").sum())
    if copies:
        notes.append(f"{copies} files hold the same bytes as another")
    twice = tracks.loc[tracks.duplicated("track_id"), "track_id"].unique()
    if len(twice):
        notes.append(f"{len(twice)} keys are used more than once: {_named(sorted(twice))}")
    return notes


def _named(names: list[str] | tuple[str, ...], most: int = _MOST_NAMED) -> str:
    rest = f" … and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
