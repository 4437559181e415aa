"""The embedded online database: one SQLite file, read by many processes while one writes."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from ostinato.core.errors import FeatureStoreError, StorageError
from ostinato.features.store.serving import Kept, Mark

_PATIENCE = 60.0  # seconds to wait for another process's write
_BATCH = 5000  # rows of one transaction: readers wait for none, other writers for one
_MOST = 500  # keys of one question
_SCHEMA = """
CREATE TABLE IF NOT EXISTS copies (
    id INTEGER PRIMARY KEY, view TEXT NOT NULL, version TEXT NOT NULL, data_version TEXT, write INTEGER, until INTEGER,
    UNIQUE (view, version)
);
CREATE TABLE IF NOT EXISTS served (
    copy INTEGER NOT NULL, key TEXT NOT NULL, event INTEGER NOT NULL, created INTEGER NOT NULL, write INTEGER NOT NULL,
    payload TEXT NOT NULL, PRIMARY KEY (copy, key)
) WITHOUT ROWID;
"""
_PUT = """
INSERT INTO served VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (copy, key) DO UPDATE SET
    event = excluded.event, created = excluded.created, write = excluded.write, payload = excluded.payload
WHERE (excluded.event, excluded.created, excluded.write) > (served.event, served.created, served.write)
"""


class EmbeddedStore:
    """Latest values in a SQLite file with a write-ahead log: reads never wait, a killed writer leaves the last whole batch.

    Threads share a connection, a forked process opens its own. Raises StorageError where the disk refuses, FeatureStoreError
    where the file is damaged: it can be deleted and filled anew by `materialize`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._owner = -1
        self._connection: sqlite3.Connection
        self._parents: list[sqlite3.Connection] = []

    def read(self, view: str, version: str, keys: Sequence[str]) -> list[Kept | None]:
        """What is kept for each key, in their order."""
        found: dict[str, Kept] = {}
        with self._base() as base:
            for start in range(0, len(keys), _MOST):
                some = keys[start : start + _MOST]
                rows = base.execute(_reading(len(some)), (view, version, *some))
                found.update((row[0], Kept(*row[1:])) for row in rows)
        return [found.get(key) for key in keys]

    def put(self, view: str, version: str, rows: Iterable[tuple[str, Kept]]) -> int:
        """Keep rows that are later than what is kept; returns how many were."""
        waiting, count = iter(rows), 0
        with self._base() as base:
            base.execute("INSERT OR IGNORE INTO copies (view, version) VALUES (?, ?)", (view, version))
            (copy,) = base.execute("SELECT id FROM copies WHERE view = ? AND version = ?", (view, version)).fetchone()
            while some := list(islice(waiting, _BATCH)):
                with _transaction(base):
                    before = base.total_changes
                    base.executemany(_PUT, ((copy, key, *kept) for key, kept in some))
                    count += base.total_changes - before
        return count

    def finish(self, view: str, mark: Mark) -> None:
        """Say how far the view was copied, and forget its other versions."""
        with self._base() as base, _transaction(base):
            base.execute(
                "INSERT INTO copies (view, version, data_version, write, until) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (view, version) DO UPDATE SET data_version = excluded.data_version, write = excluded.write, "
                "until = excluded.until",
                (view, mark.version, mark.data_version, mark.write, mark.until),
            )
            others = "SELECT id FROM copies WHERE view = ? AND version <> ?"
            base.execute(f"DELETE FROM served WHERE copy IN ({others})", (view, mark.version))
            base.execute("DELETE FROM copies WHERE view = ? AND version <> ?", (view, mark.version))

    def mark(self, view: str) -> Mark | None:
        """How far the view was copied; None: never."""
        with self._base() as base:
            row = base.execute(
                "SELECT version, data_version, write, until FROM copies WHERE view = ? AND data_version IS NOT NULL",
                (view,),
            ).fetchone()
        return Mark(*row) if row else None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._owner == os.getpid():
                self._connection.close()
            self._owner = -1

    @contextmanager
    def _base(self) -> Iterator[sqlite3.Connection]:
        if self._owner not in (-1, os.getpid()):
            # a fork: the parent's lock may be held for ever, and closing its connection here would disturb it
            self._lock, self._owner = threading.RLock(), -1
            self._parents.append(self._connection)
        with self._lock:
            try:
                if self._owner != os.getpid():
                    self._connection, self._owner = self._opened(), os.getpid()
                yield self._connection
            except sqlite3.OperationalError as error:
                raise StorageError(
                    f"{self.path}: {error}. Check that the disk has room and can be written to."
                ) from error
            except sqlite3.DatabaseError as error:
                raise FeatureStoreError(
                    f"{self.path} is damaged ({error}). It holds copies only: delete it and call materialize for each view."
                ) from error

    def _opened(self) -> sqlite3.Connection:
        base = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        try:
            base.execute("PRAGMA journal_mode=WAL")
            base.execute(
                "PRAGMA synchronous=NORMAL"
            )  # a crash of the machine may lose the last batches, which are copies
            base.executescript(_SCHEMA)
        except sqlite3.Error:
            base.close()
            raise
        return base


def _reading(keys: int) -> str:
    return (
        "SELECT key, event, created, write, payload FROM served WHERE copy = "
        f"(SELECT id FROM copies WHERE view = ? AND version = ?) AND key IN ({','.join('?' * keys)})"
    )


@contextmanager
def _transaction(base: sqlite3.Connection) -> Iterator[None]:
    base.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        base.execute("ROLLBACK")
        raise
    base.execute("COMMIT")
