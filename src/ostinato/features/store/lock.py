"""One writer at a time in a folder: a file that the system unlocks however its holder dies."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ostinato.core.errors import BusyError

_PAUSE = 0.02


@contextmanager
def writing(folder: Path, patience: float, name: str = ".lock") -> Iterator[None]:
    """Hold the folder for writing; waits `patience` seconds for another thread or process, then raises BusyError."""
    folder.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + patience
    with (folder / name).open("a+b") as file:
        while not _taken(file.fileno()):
            if time.monotonic() >= until:
                raise BusyError(
                    f"{folder}: another process has been writing here for {patience:g} s. "
                    "Wait for it to end, or give the store more patience."
                )
            time.sleep(_PAUSE)
        yield


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
