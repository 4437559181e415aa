"""One write: parts first, then the facts about it, then the manifest that makes it true."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ostinato.core.errors import FeatureStoreError, StorageError
from ostinato.core.files import write_json
from ostinato.core.hashing import sha256_of_file
from ostinato.features.store import parts as parquet
from ostinato.features.store.batch import WRITE, Batch
from ostinato.features.store.manifest import FILE, Manifest, Part, Write
from ostinato.features.store.statistics import statistics_of

_log = logging.getLogger(__name__)


def written(
    folder: Path, manifest: Manifest, batch: Batch, written_at: int, sources: Sequence[str | Path], rows: int
) -> tuple[Manifest, Write]:
    """Add a batch to a view whose lock is held; returns the manifest as it is now on disk, and the write.

    Rows that were written before, all of them and no others, change nothing. A process that dies on the way leaves parts that no
    manifest names; the next write removes them.
    """
    view, version = manifest.view, manifest.version
    digest = batch.digest()
    for before in manifest.writes_of(version):
        if before.digest == digest:
            return manifest, replace(before, repeated=True)
    named = sources_of(sources)
    clean(folder, manifest)
    number = max((each.number for each in manifest.writes), default=0) + 1
    saved: list[Part] = []
    for slice_ in batch.slices(rows):
        table = slice_.append_column(WRITE, pa.array(np.full(len(slice_), number, dtype=np.int32)))
        saved.append(parquet.save(folder, view, table, digest))
    parts = tuple(saved)
    write = Write(
        number=number, version=version, digest=digest, data_version=manifest.data_version(version, digest),
        written_at=written_at, rows=len(batch), sources=named, files={part.path: part.rows for part in parts},
        replaced=batch.replaced, ignored=batch.ignored,
        event_from=min(part.event_from for part in parts), event_to=max(part.event_to for part in parts),
        created_from=min(part.created_from for part in parts), created_to=max(part.created_to for part in parts),
    )  # fmt: skip
    _save_facts(folder, write, statistics_of(batch.table, view.names))
    after = manifest.with_write(write, parts)
    save_manifest(folder, after)
    return after, write


def save_manifest(folder: Path, manifest: Manifest) -> None:
    """Make a manifest the view's; a disk that is full or read-only is a StorageError."""
    try:
        manifest.save(folder)
    except OSError as error:
        raise StorageError.from_os(error, folder / FILE) from error


def sources_of(paths: Sequence[str | Path]) -> dict[str, str]:
    """The digests of the files that values were computed from."""
    found: dict[str, str] = {}
    for path in map(Path, paths):
        if not path.is_file():
            raise FeatureStoreError(
                f"source {path}: there is no such file. Lineage names the files that values came from."
            )
        found[path.as_posix()] = sha256_of_file(path)
    return found


def facts_of(folder: Path, number: int) -> Path:
    """The file with the statistics of a write."""
    return folder / "statistics" / f"{number}.json"


def clean(folder: Path, manifest: Manifest) -> int:
    """Remove what a killed writer left: files that the manifest does not name. Only with the lock held. Returns how many."""
    named = {part.path for parts in manifest.parts.values() for part in parts}
    numbers = {str(write.number) for write in manifest.writes}
    found = [path for path in folder.glob("*/*") if path.is_file()] + list(folder.glob(f".{FILE}.*.part"))
    left = [
        path for path in found
        if path.suffix == ".part"
        or (path.suffix == ".parquet" and path.relative_to(folder).as_posix() not in named)
        or (path.parent.name == "statistics" and path.stem not in numbers)
    ]  # fmt: skip
    for path in left:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
    if left:
        _log.warning("%s: removed %d files of a write that never ended", folder, len(left))
    return len(left)


def _save_facts(folder: Path, write: Write, statistics: dict[str, Any]) -> None:
    path = facts_of(folder, write.number)
    try:
        write_json(path, {"number": write.number, "version": write.version, "features": statistics})
    except OSError as error:
        raise StorageError.from_os(error, path) from error
