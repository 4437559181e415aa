"""The step `ingest`: read the source and write the raw tables."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ostinato.catalog.demo.catalogue import build
from ostinato.catalog.demo.events import simulate_events
from ostinato.catalog.source import Catalogue, read_folder, read_table, with_probes
from ostinato.core.errors import SourceError
from ostinato.core.files import write_table
from ostinato.core.params import DemoSource, FolderSource, IngestParams, TableSource

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class IngestReport:
    """What came in; `labels` counts readable tracks, `notes` are what a person should know."""

    kind: str
    tracks: int
    readable: int
    labels: dict[str, int]
    events: int
    seconds_of_audio: float
    notes: tuple[str, ...]


def ingest(params: IngestParams, *, tracks: Path, events: Path, audio: Path) -> IngestReport:
    """Read the source into the tables `tracks` and `events`; the demo's clips are written below `audio`.

    Raises SourceError or UsageError where the source cannot be learnt from, before anything is written.
    """
    catalogue = read_source(params.source, audio)
    write_table(tracks, catalogue.tracks)
    write_table(events, catalogue.events)
    readable = catalogue.tracks[catalogue.tracks["readable"]]
    logger.info(
        "%d tracks, %d of them readable, %d events", len(catalogue.tracks), len(readable), len(catalogue.events)
    )
    for note in catalogue.notes:
        logger.warning("%s", note)
    return IngestReport(
        kind=params.source.kind,
        tracks=len(catalogue.tracks),
        readable=len(readable),
        labels={str(label): int(count) for label, count in readable["label"].value_counts().sort_index().items()},
        events=len(catalogue.events),
        seconds_of_audio=round(float(readable["duration"].sum()), 3),
        notes=catalogue.notes,
    )


def read_source(source: DemoSource | FolderSource | TableSource, audio: Path) -> Catalogue:
    """The catalogue of any kind of source."""
    match source:
        case DemoSource():
            tracks = _demo_tracks(source, audio)
            return Catalogue(tracks, simulate_events(tracks, source.seconds, source.seed))
        case FolderSource():
            return read_folder(Path(source.path).expanduser())
        case TableSource():
            return read_table(Path(source.path).expanduser(), source.key)


def _demo_tracks(source: DemoSource, audio: Path) -> pd.DataFrame:
    """The demo's tracks; clips that were damaged since they were made are made anew."""
    for attempt in ("first", "again"):
        rows = build(source.clips, source.seconds, source.seed, audio)
        tracks = with_probes(rows, [Path(path) for path in rows["path"]])
        broken = tracks[~tracks["readable"]]
        if broken.empty:
            return tracks
        logger.warning("%d clips of the demo are damaged (%s)", len(broken), attempt)
        for path in broken["path"]:
            Path(path).unlink(missing_ok=True)
    raise SourceError(
        f"{len(broken)} clips of the demo cannot be written so that they can be read, first {broken['path'].iloc[0]} "
        f"({broken['problem'].iloc[0]}). Check the disk below {audio} and run again."
    )
