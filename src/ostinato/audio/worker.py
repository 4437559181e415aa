"""A process that turns files into vectors: paths come in on stdin, vectors go out on stdout, one at a time.

Started as `python -m ostinato.audio.worker` rather than by multiprocessing, so that it works from any script or
notebook, ends by itself when its parent is gone (stdin closes), and leaves no doubt on which file it died.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

from ostinato.audio.decode import stream
from ostinato.audio.presets import Hearing
from ostinato.core.errors import AudioError

Vector = npt.NDArray[np.float32]
_READY: Final = b"ready\n"


def hear(path: str, how: Hearing) -> Vector:
    """The feature vector of a file, float32; raises AudioError with the reason, whatever went wrong with this file."""
    try:
        return vector_of(stream(path, how.sr, seconds=how.seconds), how, path)
    except AudioError:
        raise
    except MemoryError:
        raise AudioError(path, "not enough memory to read it") from None
    except Exception as error:  # the boundary: one file must not end the work on all others
        raise AudioError(path, f"{type(error).__name__}: {error}") from error


def vector_of(blocks: Iterable[npt.NDArray[np.float32]], how: Hearing, name: str) -> Vector:
    """The feature vector of a mono signal in blocks; AudioError where it is too short or a feature is not finite."""
    columns = how.vector_of_blocks(_long_enough(blocks, how, name))
    vector = np.fromiter(columns.values(), dtype=np.float32, count=len(columns))
    if not np.isfinite(vector).all():
        bad = [column for column, value in zip(columns, vector, strict=True) if not np.isfinite(value)]
        raise AudioError(name, f"no finite value for {', '.join(bad[:3])}")
    return vector


def _long_enough(
    blocks: Iterable[npt.NDArray[np.float32]], how: Hearing, name: str
) -> Iterator[npt.NDArray[np.float32]]:
    samples = 0
    for block in blocks:
        samples += len(block)
        yield block
    if samples < how.n_fft:
        least = how.n_fft / how.sr
        raise AudioError(name, f"too short: {samples / how.sr:.3f} s, where at least {least:.3f} s are needed")


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer each line (a JSON path; the first line is the Hearing) with a JSON head and the vector's bytes."""
    how = Hearing(**json.loads(requests.readline()))
    replies.write(_READY)
    replies.flush()
    for line in requests:
        try:
            body = hear(json.loads(line), how).tobytes()
            head: dict[str, object] = {"bytes": len(body)}
        except AudioError as error:
            head, body = {"reason": error.reason}, b""
        replies.write(json.dumps(head).encode() + b"\n" + body)
        replies.flush()


def main() -> None:
    """Serve on stdin and a private copy of stdout; whatever a codec prints goes to stderr."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends the workers
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        serve(sys.stdin.buffer, replies)
    except BrokenPipeError:
        os._exit(0)  # the parent is gone


def environment() -> dict[str, str]:
    """The environment of a worker: this process's import path, one thread for numerics."""
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA", "BLIS")}
    path = os.pathsep.join(str(Path(entry or ".").absolute()) for entry in sys.path)
    return {**os.environ, **threads, "PYTHONPATH": path}


if __name__ == "__main__":
    main()
