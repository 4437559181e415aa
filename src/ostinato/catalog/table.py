"""Tables of a source: tracks as CSV or Parquet, and the listening events that may lie beside them."""

from __future__ import annotations

import csv
import os
import unicodedata
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from ostinato.core.errors import SourceError, UsageError, listed
from ostinato.core.numbers import numeric

TEXT_COLUMNS = ("track_id", "path", "label", "licence", "territory")
# Columns that ingest writes itself; a source may hold them (it may be another workspace's table) and is not believed.
MEASURED = ("sha256", "bytes", "readable", "problem", "sample_rate", "channels", "duration")
EVENT_COLUMNS = ("user_id", "track_id", "at", "kind", "seconds")
EVENT_KINDS = ("play", "skip", "like")
_SEPARATORS = (",", ";", "\t")


def read_frame(path: Path, text: tuple[str, ...] = TEXT_COLUMNS) -> pd.DataFrame:
    """A CSV (comma, semicolon or tab; UTF-8) or Parquet file as it is; columns named in `text` stay text.

    Raises SourceError where it is missing, empty, has a name twice, or cannot be read.
    """
    if not path.is_file():
        what = "it is a folder, not a table" if path.is_dir() else "there is no such file"
        raise SourceError(f"{path}: {what}. Expected a CSV or Parquet table of tracks")
    try:
        frame = pd.read_parquet(path) if path.suffix.lower() == ".parquet" else _read_csv(path, text)
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except pd.errors.EmptyDataError:
        raise SourceError(
            f"{path}: not readable as a table: it is empty. Write a header, such as path,label, and a row a track"
        ) from None
    except (pd.errors.ParserError, csv.Error, OSError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        raise SourceError(
            f"{path}: not readable as a table: {said}. Save it as CSV with a header, or as Parquet"
        ) from None
    frame.columns = [str(name).strip() for name in frame.columns]
    twice = sorted({name for name in frame.columns if list(frame.columns).count(name) > 1})
    if twice:
        raise SourceError(f"{path}: more than one column is named {', '.join(twice)}; rename one")
    if frame.empty:
        raise SourceError(f"{path}: it has a header and no rows")
    for name in text:
        if name in frame:
            # a path stays as it is spelt: the disk may hold either form
            frame[name] = [_text(value, form=None if name == "path" else "NFC") for value in frame[name]]
    return frame


def _read_csv(path: Path, text: tuple[str, ...]) -> pd.DataFrame:
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = file.readline()
        separator = max(_SEPARATORS, key=head.count)
        header = next(csv.reader([head], delimiter=separator), [])
    twice = sorted({name.strip() for name in header if header.count(name) > 1})
    if twice:
        raise SourceError(f"{path}: more than one column is named {', '.join(twice)}; rename one")
    # converters keep text as written: a label "NA" or "007" is a label, and not a missing value or a number
    keep = {name: str for name in header if name.strip() in text}
    return pd.read_csv(
        path, sep=separator, encoding="utf-8-sig", converters=keep, low_memory=False, on_bad_lines="error"
    )


def _text(value: Any, form: Literal["NFC"] | None = "NFC") -> str | None:
    """A cell as text, in Unicode's composed form unless told otherwise; None where it is blank."""
    if value is None or (isinstance(value, float) and pd.isna(value)) or value is pd.NA:
        return None
    text = str(value).strip()
    return (unicodedata.normalize(form, text) if form else text) or None


def with_keys(frame: pd.DataFrame, key: str | None, where: Path) -> pd.DataFrame:
    """The table with a text column `track_id` from column `key`, `track_id` or the row's number.

    Raises UsageError where `key` is no column, SourceError where cells of it are blank. Equal keys stay: the quality
    suite and `prepare` deal with them.
    """
    if key is not None and key not in frame:
        raise UsageError(
            f"{where}: there is no column {key!r} for the key; columns: {', '.join(map(str, frame.columns))}"
        )
    name = key or ("track_id" if "track_id" in frame else None)
    if name is None:
        width = len(str(len(frame)))
        return frame.assign(track_id=[f"row-{row:0{width}d}" for row in range(1, len(frame) + 1)])
    keys = [_text(value) for value in frame[name]]
    blank = [f"row {row}" for row, value in enumerate(keys, start=1) if value is None]
    if blank:
        raise SourceError(f"{where}: {len(blank)} rows have no {name}\n{listed(blank)}\nGive each row its key.")
    return frame.assign(track_id=pd.Series(keys, index=frame.index, dtype=object))


def resolve_paths(paths: list[str | None], root: Path, where: Path) -> list[Path | None]:
    """Paths of a table, relative ones seen from `root`; None where the cell is blank.

    Raises SourceError with every path that leads out of `root`: a table may only name files of its own folder.
    """
    inside = root.absolute()
    found: list[Path | None] = []
    faults = []
    for row, text in enumerate(paths, start=1):
        if text is None:
            found.append(None)
            continue
        path = _on_disk(inside, text)
        if path is None or inside not in path.parents:
            faults.append(f"row {row}: {text!r}")
        found.append(path)
    if faults:
        raise SourceError(
            f"{where}: {len(faults)} paths lead out of {root}\n{listed(faults)}\n"
            "A table may only name files below its own folder; copy or link them there."
        )
    return found


def _on_disk(root: Path, text: str) -> Path | None:
    """The file that a cell names, `..` resolved by its words alone; other spellings are tried where the first is no file."""
    if "\0" in text:
        return None
    forward = text.replace("\\", "/")
    spellings = [text, *(unicodedata.normalize(form, word) for word in (text, forward) for form in ("NFC", "NFD"))]
    paths = [Path(os.path.normpath(root / word)) for word in spellings]
    return next((path for path in paths if path.is_file()), paths[0])


def read_events(path: Path) -> pd.DataFrame:
    """Listening events of a source: user_id, track_id, at (UTC), kind, seconds; empty where there is no such file.

    Raises SourceError where columns are missing; a cell of a wrong type becomes a missing value, for the suite to judge.
    """
    if not path.exists():
        return empty_events()
    frame = read_frame(path, text=("user_id", "track_id", "kind"))
    missing = [name for name in EVENT_COLUMNS if name not in frame]
    if missing:
        raise SourceError(
            f"{path}: columns {', '.join(missing)} are missing; expected {', '.join(EVENT_COLUMNS)}, "
            f"kind being one of {', '.join(EVENT_KINDS)}"
        )
    events = frame[list(EVENT_COLUMNS)].assign(
        at=pd.to_datetime(frame["at"], utc=True, errors="coerce", format="mixed"),
        seconds=numeric(frame["seconds"]),
    )
    return typed_events(events)


def typed_events(events: pd.DataFrame) -> pd.DataFrame:
    """Events with their types, sorted by time, user, track and kind."""
    typed = events.astype({"user_id": "object", "track_id": "object", "kind": "object", "seconds": "float64"})
    typed["at"] = pd.to_datetime(typed["at"], utc=True).astype("datetime64[us, UTC]")
    return typed.sort_values(["at", "user_id", "track_id", "kind"], ignore_index=True)


def empty_events() -> pd.DataFrame:
    """No events, with the columns and types that events have."""
    return typed_events(pd.DataFrame({name: [] for name in EVENT_COLUMNS}))
