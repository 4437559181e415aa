"""Vectors kept on disk by content: one SQLite file, safe to kill, shared by processes, bounded in size."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import StorageError

Vector = npt.NDArray[np.float32]

_log = logging.getLogger(__name__)
_FILE = "vectors.sqlite"
_PATIENCE = 60.0  # seconds to wait for another process's write
_SPARE = 0.9  # eviction goes down to this share of the bound, so that it is rare
_ROW_BYTES = 160  # key, times and SQLite's own share of a row
_SCHEMA = """
CREATE TABLE IF NOT EXISTS vectors (
    key TEXT PRIMARY KEY, vector BLOB NOT NULL, bytes INTEGER NOT NULL, used INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_use ON vectors (used);
"""


@dataclass(frozen=True)
class CacheStats:
    """How full a cache is, and how often this process found what it asked for."""

    entries: int
    bytes: int
    max_bytes: int
    hits: int
    misses: int


class FeatureCache:
    """float32 vectors by key in `folder`, at most about `max_bytes` of them; the least recently used go first.

    Every `put` is one transaction: a process killed between two of them loses nothing that it had put, and no reader
    sees half a vector. Threads and processes may share a folder. A damaged file is moved aside and the cache begins
    anew, for all in it can be computed again. Raises StorageError where the disk is full or read-only.
    """

    def __init__(self, folder: Path, max_bytes: int = 2_000_000_000) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self._lock = threading.RLock()
        self._hits = self._misses = 0
        self._now = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._base = self._opened()
        except OSError as error:
            raise StorageError.from_os(error, folder) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, key: str) -> Vector | None:
        """The vector kept under `key`, or None."""
        with self._lock, self._errors():
            row = self._base.execute("SELECT vector, used FROM vectors WHERE key = ?", (key,)).fetchone()
            if row is None:
                self._misses += 1
                return None
            self._hits += 1
            if self._tick() - row[1] > _REMEMBERED:
                self._base.execute("UPDATE vectors SET used = ? WHERE key = ?", (self._now, key))
            return np.frombuffer(row[0], dtype=np.float32)

    def put(self, key: str, vector: Vector) -> None:
        """Keep a vector, at once and durably against this process's death."""
        blob = np.ascontiguousarray(vector, dtype=np.float32).tobytes()
        size = len(blob) + _ROW_BYTES
        if size > self.max_bytes:
            return
        with self._lock, self._errors():
            self._base.execute("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", (key, blob, size, self._tick()))
            self._held += size
            if self._held > self.max_bytes:
                self._evict()

    def clear(self) -> int:
        """Forget everything and give the space back; returns how many vectors there were."""
        with self._lock, self._errors():
            gone = self._base.execute("DELETE FROM vectors").rowcount
            self._held = 0
            self._base.execute("VACUUM")
            self._base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return gone

    def stats(self) -> CacheStats:
        """How full it is now, whoever filled it."""
        with self._lock, self._errors():
            entries, held = self._base.execute("SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM vectors").fetchone()
            return CacheStats(entries, held, self.max_bytes, self._hits, self._misses)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._base.close()

    def _opened(self) -> sqlite3.Connection:
        try:
            return self._connected()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise StorageError(f"{self.folder / _FILE}: {error}; check the disk and its permissions") from error
            aside = self.folder / f"{_FILE}.damaged-{time.time_ns()}"
            (self.folder / _FILE).replace(aside)
            for leftover in self.folder.glob(f"{_FILE}-*"):
                leftover.unlink(missing_ok=True)
            _log.warning("feature cache %s is damaged (%s); moved to %s, starting anew", self.folder, error, aside.name)
            return self._connected()

    def _connected(self) -> sqlite3.Connection:
        base = sqlite3.connect(self.folder / _FILE, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        try:
            base.execute("PRAGMA journal_mode=WAL")
            base.execute(
                "PRAGMA synchronous=NORMAL"
            )  # with WAL: a crash of the machine may lose the last puts, never tear
            base.executescript(_SCHEMA)
            held, last = base.execute("SELECT COALESCE(SUM(bytes), 0), COALESCE(MAX(used), 0) FROM vectors").fetchone()
        except sqlite3.Error:
            base.close()
            raise
        self._held, self._now = int(held), int(last)
        return base

    def _tick(self) -> int:
        """Microseconds, never going back."""
        self._now = max(self._now + 1, time.time_ns() // 1000)
        return self._now

    def _evict(self) -> None:
        """Forget the least recently used until there is room to spare."""
        self._base.execute("BEGIN IMMEDIATE")
        try:
            (held,) = self._base.execute("SELECT COALESCE(SUM(bytes), 0) FROM vectors").fetchone()
            with closing(self._base.execute("SELECT key, bytes FROM vectors ORDER BY used")) as oldest:
                gone = []
                for key, size in oldest:
                    if held <= self.max_bytes * _SPARE:
                        break
                    gone.append((key,))
                    held -= size
            self._base.executemany("DELETE FROM vectors WHERE key = ?", gone)
            self._base.execute("COMMIT")
        except BaseException:
            self._base.execute("ROLLBACK")
            raise
        self._held = int(held)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StorageError(
                f"{self.folder / _FILE}: {error}. Check that the disk has room and can be written to; "
                "`ostinato cache clear` empties the caches."
            ) from error


_REMEMBERED = 3_600_000_000  # microseconds: a use within the last hour need not be written again
