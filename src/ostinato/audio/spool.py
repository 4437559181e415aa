"""Rows that grow: in memory while they are few, in a temporary file when a recording lasts for hours."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO

import numpy as np

from ostinato.audio.stft import Array

IN_MEMORY = 4 << 20  # bytes; a listener has up to thirty of these

_ROWS_A_PASS = 1 << 13


class Spool:
    """An array `(n, width)` float32 that is appended to and read in parts; beyond 4 MiB it lies on disk."""

    def __init__(self, width: int = 1, in_memory: int = IN_MEMORY) -> None:
        self.width = width
        self._limit = in_memory // (4 * width)
        self._parts: list[Array] = []
        self._held = 0
        self._written = 0
        self._file: IO[bytes] | None = None

    def __len__(self) -> int:
        return self._written + self._held

    def append(self, rows: Array) -> None:
        """Add rows `(k, width)`, or `(k,)` where the width is 1; they are copied only when they go to disk."""
        if not len(rows):
            return
        self._parts.append(np.asarray(rows, dtype=np.float32).reshape(len(rows), self.width))
        self._held += len(rows)
        if self._held > self._limit:
            self._file = self._file or tempfile.TemporaryFile()  # noqa: SIM115 - ends with this object
            self._file.seek(0, 2)
            for part in self._parts:
                self._file.write(np.ascontiguousarray(part).data)
            self._written, self._held, self._parts = len(self), 0, []

    def read(self, start: int = 0, stop: int | None = None) -> Array:
        """Rows `start` to `stop`, `(k, width)`."""
        stop = len(self) if stop is None else min(stop, len(self))
        start = min(start, stop)
        parts = [self._on_disk(start, min(stop, self._written))] if start < self._written else []
        if stop > self._written:
            held = self._parts[0] if len(self._parts) == 1 else self._joined()
            parts.append(held[max(0, start - self._written) : stop - self._written])
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.empty((0, self.width), dtype=np.float32)

    def blocks(self, rows: int) -> Iterator[tuple[int, Array]]:
        """First row and rows of consecutive parts of at most `rows` rows."""
        for start in range(0, len(self), rows):
            yield start, self.read(start, start + rows)

    def columns(self, start: int, stop: int) -> Array:
        """Columns `start` to `stop` of all rows, `(n, stop - start)`; what lies on disk is passed through part by part."""
        found = np.empty((len(self), stop - start), dtype=np.float32)
        for first, block in self.blocks(_ROWS_A_PASS):
            found[first : first + len(block)] = block[:, start:stop]
        return found

    def _on_disk(self, start: int, stop: int) -> Array:
        if self._file is None:
            raise RuntimeError("rows were counted as written without a file")
        self._file.seek(start * self.width * 4)
        rows = np.frombuffer(self._file.read((stop - start) * self.width * 4), dtype=np.float32)
        return rows.reshape(stop - start, self.width)

    def _joined(self) -> Array:
        self._parts = [np.concatenate(self._parts)]
        return self._parts[0]
