"""From a prediction back to the raw files: prediction → model digest → run → dvc.lock hashes → files, in one sqlite file.

Each workspace has its own. Answers take single-digit milliseconds, for every hop is a primary key.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ostinato.core.errors import RegistryError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS models (
    digest TEXT PRIMARY KEY, name TEXT, version TEXT, run_id TEXT, git_commit TEXT, lock TEXT, data TEXT, at TEXT);
CREATE TABLE IF NOT EXISTS files (
    data TEXT, track_id TEXT, path TEXT, sha256 TEXT, PRIMARY KEY (data, track_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rights (digest TEXT PRIMARY KEY, says TEXT) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS files_by_content ON files (sha256);
CREATE TABLE IF NOT EXISTS predictions (
    id TEXT PRIMARY KEY, digest TEXT, at TEXT, path TEXT, sha256 TEXT, label TEXT, confidence REAL) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Prediction:
    """One answer of a model, as it is remembered."""

    id: str
    digest: str
    path: str
    sha256: str
    label: str
    confidence: float


def new_id() -> str:
    """A prediction id: sortable by nothing, guessable by nobody."""
    return "p-" + uuid.uuid4().hex


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=30)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(_SCHEMA)
        with connection:
            yield connection
    finally:
        connection.close()


def remember_model(
    path: Path,
    *,
    digest: str,
    name: str,
    version: str,
    run_id: str,
    commit: str,
    lock: Mapping[str, Any],
    data: str,
    rights: str = "",
) -> None:
    """Remember what a model was made from, and what rights kept out of it; the same digest again replaces the entry."""
    row = (digest, name, version, run_id, commit, json.dumps(lock, sort_keys=True), data, _now())
    with _open(path) as db:
        db.execute("INSERT OR REPLACE INTO models VALUES (?,?,?,?,?,?,?,?)", row)
        db.execute("INSERT OR REPLACE INTO rights VALUES (?,?)", (digest, rights))


def remember_files(path: Path, data: str, files: Iterable[tuple[str, str | None, str]]) -> None:
    """Remember the files (track_id, path, sha256) behind a data digest."""
    with _open(path) as db:
        db.executemany("INSERT OR IGNORE INTO files VALUES (?,?,?,?)", ((data, *file) for file in files))


def remember_predictions(path: Path, predictions: Iterable[Prediction]) -> None:
    """Remember predictions by their ids."""
    at = _now()
    with _open(path) as db:
        db.executemany(
            "INSERT INTO predictions VALUES (?,?,?,?,?,?,?)",
            ((p.id, p.digest, at, p.path, p.sha256, p.label, p.confidence) for p in predictions),
        )


def scored_by(path: Path, digest: str) -> set[str]:
    """Content hashes (SHA-256) of the files that the model `digest` has answered for."""
    if not path.is_file():
        return set()
    with _open(path) as db:
        return {sha for (sha,) in db.execute("SELECT DISTINCT sha256 FROM predictions WHERE digest = ?", (digest,))}


def trace(path: Path, prediction: str) -> dict[str, Any] | None:
    """Everything behind a prediction, or None where this workspace does not know it."""
    if not path.is_file():
        return None
    with _open(path) as db:
        db.row_factory = sqlite3.Row
        found = db.execute("SELECT * FROM predictions WHERE id = ?", (prediction,)).fetchone()
        if found is None:
            return None
        model = db.execute("SELECT * FROM models WHERE digest = ?", (found["digest"],)).fetchone()
        if model is None:
            raise RegistryError(f"{prediction}: its model {found['digest'][:12]} is not in this workspace's lineage")
        rights = db.execute("SELECT says FROM rights WHERE digest = ?", (found["digest"],)).fetchone()
        files = db.execute("SELECT track_id, path, sha256 FROM files WHERE data = ?", (model["data"],)).fetchall()
        learnt = db.execute(
            "SELECT 1 FROM files WHERE sha256 = ? AND data = ?", (found["sha256"], model["data"])
        ).fetchone()
    return {
        "prediction": dict(found) | {"input_was_in_the_catalogue": learnt is not None},
        "model": {key: model[key] for key in ("name", "version", "digest", "at")},
        "rights": rights["says"] if rights else "",
        "run": {"run_id": model["run_id"], "commit": model["git_commit"]},
        "lock": json.loads(model["lock"]),
        "files": [dict(row) for row in files],
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
