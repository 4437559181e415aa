"""Files to vectors on a Dask cluster, for catalogues that outgrow a machine; the numbers are those of this machine.

Each thread of each Dask worker drives one of the pool's watched processes, so a file that kills or hangs its process is a
failure there as it is here, and the Dask worker lives on. Every worker has to see the catalogue at the same paths and to
run the same software: what it hears must be the bytes that were hashed here, by the code that stands here.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import queue
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from ostinato.audio.pool import Outcome, Worker, asked
from ostinato.audio.presets import Hearing
from ostinato.audio.worker import Vector
from ostinato.core.errors import AudioError, MissingExtraError, OstinatoError, UsageError
from ostinato.core.hashing import sha256_of_file, sha256_of_value

Clip = tuple[str, str]  # absolute path, SHA-256 of its bytes or "" where nobody hashed them

MOST_A_BATCH = 32  # clips a task: Dask's own cost, some milliseconds a task, then vanishes beside the listening
_BATCHES_A_THREAD = 4  # at least, so that a slow worker at the end does not hold up all others
_THREADS_EXPECTED = 16  # where no worker has joined yet, as with clusters that grow when there is work
_SECONDS_TO_CONNECT = 10.0
_SECONDS_BETWEEN_LOOKS = 5.0
_SECONDS_WITHOUT_WORKERS = 120.0
_SECONDS_IDLE = 30.0
_KEPT = "What was already heard is kept; run the same command again to go on."


def vectors(paths: Sequence[str], how: Hearing, address: str, digests: Sequence[str]) -> Iterator[Outcome]:
    """Vectors of `paths` from the workers of the Dask scheduler at `address`, in the order in which they get done.

    `digests` holds the SHA-256 of each file as it is here, or "". What a worker that dies had in hand goes to another.
    Raises OstinatoError where the scheduler cannot be reached, goes away, has no workers, or has workers with other
    software, and MissingExtraError without Dask.
    """
    clips = [(os.path.abspath(path), digest) for path, digest in zip(paths, digests, strict=True)]  # noqa: PTH100 - as written, links kept
    with _connected(address) as client:
        work = _Work(client, address, how, clips)
        for batch in _batches(len(clips), sum(work.threads().values()) or _THREADS_EXPECTED):
            work.submit(batch)
        yield from work.outcomes()


def _batches(clips: int, threads: int) -> Iterator[list[int]]:
    """Positions `0` to `clips - 1` in runs of equal length."""
    size = max(1, min(MOST_A_BATCH, clips // (threads * _BATCHES_A_THREAD)))
    for start in range(0, clips, size):
        yield list(range(start, min(start + size, clips)))


@contextlib.contextmanager
def _connected(address: str) -> Iterator[Any]:
    try:
        from distributed import Client
    except ImportError:
        raise MissingExtraError.named("Dask", "dask") from None
    if "://" not in address:
        raise UsageError(
            f"OSTINATO_DASK={address}: a cluster for one run is brought up by `ostinato run`; here, name the scheduler "
            "of one that is up, such as tcp://127.0.0.1:8786"
        )
    with _silenced("distributed.client"):
        try:
            client = Client(address, timeout=_SECONDS_TO_CONNECT, set_as_default=False)
        except (OSError, ValueError) as error:
            raise _unreachable(address, f"does not answer ({error})") from None
        with client:
            yield client


@contextlib.contextmanager
def _silenced(name: str) -> Iterator[None]:
    """Nothing of a logger that prints as tracebacks what is raised here in words."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def _unreachable(address: str, why: str) -> OstinatoError:
    return OstinatoError(
        f"the Dask scheduler at {address} (setting OSTINATO_DASK) {why}. {_KEPT} "
        "Start it (`dask scheduler`), mend the address, or unset OSTINATO_DASK to work on this machine alone."
    )


class _Work:
    """What was asked of a cluster and has not come back."""

    def __init__(self, client: Any, address: str, how: Hearing, clips: Sequence[Clip]) -> None:
        self._client, self._address, self._how, self._clips = client, address, how, clips
        self._asked: dict[str, tuple[Any, list[int]]] = {}
        self._done: queue.SimpleQueue[str] = queue.SimpleQueue()

    def submit(self, positions: list[int]) -> None:
        """Ask for the clips at `positions` as one task."""
        batch = [self._clips[position] for position in positions]
        future = self._client.submit(hear_batch, batch, self._how, software(), pure=False)
        self._asked[future.key] = (future, positions)
        future.add_done_callback(lambda done: self._done.put(done.key))

    def threads(self) -> Mapping[str, int]:
        """How many threads each worker has."""
        try:
            found: Mapping[str, int] = self._client.sync(
                self._client.scheduler.ncores, callback_timeout=_SECONDS_TO_CONNECT
            )
        except (OSError, TimeoutError, RuntimeError) as error:
            raise _unreachable(self._address, f"went away ({type(error).__name__})") from None
        return found

    def outcomes(self) -> Iterator[Outcome]:
        """The outcome of every clip, as the batches come."""
        last = time.monotonic()
        while self._asked:
            try:
                key = self._done.get(timeout=_SECONDS_BETWEEN_LOOKS)
            except queue.Empty:
                if self.threads():
                    last = time.monotonic()
                elif time.monotonic() - last > _SECONDS_WITHOUT_WORKERS:
                    why = f"has had no worker for {_SECONDS_WITHOUT_WORKERS:.0f} s"
                    raise _unreachable(self._address, why) from None
                continue
            last = time.monotonic()
            if key in self._asked:
                yield from self._came(*self._asked.pop(key))

    def _came(self, future: Any, positions: list[int]) -> Iterator[Outcome]:
        from distributed import KilledWorker

        try:
            heard = future.result()
        except KilledWorker as error:
            yield from self._killed(positions, error)
            return
        except Exception as error:
            if future.cancelled() or self._client.status != "running":
                raise _unreachable(self._address, "went away, or its work was cancelled there") from None
            raise self._refused(f"{type(error).__name__}: {error}") from error
        if isinstance(heard, str):
            raise self._refused(heard)
        yield from zip(positions, heard, strict=True)

    def _killed(self, positions: list[int], error: Any) -> Iterator[Outcome]:
        """Ask again for each clip of a batch over which worker after worker died; a lone clip has failed."""
        if len(positions) > 1:
            for position in positions:
                self.submit([position])
        else:
            yield positions[0], f"Dask workers died over it, the last at {error.last_worker.address}"

    def _refused(self, why: str) -> OstinatoError:
        return OstinatoError(
            f"the workers of the Dask scheduler at {self._address} (setting OSTINATO_DASK) cannot do this work: {why}. "
            f"{_KEPT} Every worker needs the same installation of ostinato as this machine."
        )


# --- on the workers -----------------------------------------------------------------------------------------------------


def hear_batch(clips: Sequence[Clip], how: Hearing, asked: Mapping[str, str]) -> list[Vector | str] | str:
    """What a Dask worker does: a vector or a reason for each clip, or in one word why this worker must not."""
    from distributed import get_worker

    name = get_worker().address
    here = software()
    other = [f"{what} {here.get(what)} and not {asked[what]}" for what in asked if here.get(what) != asked[what]]
    if other:
        return f"worker {name} has {', '.join(other)}"
    with _borrowed(how) as process:
        return [_of_clip(process, path, digest, name) for path, digest in clips]


def _of_clip(process: Worker, path: str, digest: str, name: str) -> Vector | str:
    try:
        if digest and sha256_of_file(Path(path)) != digest:
            return f"on worker {name} this path holds other bytes; all workers need the same files"
        if not digest and not os.path.lexists(path):
            raise FileNotFoundError(2, os.strerror(2))
    except (OSError, ValueError) as error:
        why = str(getattr(error, "strerror", None) or error)
        return f"cannot be read on worker {name} ({why}); all workers need the same files at the same paths"
    try:
        return asked(process, path)
    except AudioError as error:
        return error.reason


_free: list[tuple[Hearing, Worker]] = []
_lock = threading.Lock()


@contextlib.contextmanager
def _borrowed(how: Hearing) -> Iterator[Worker]:
    """A watched process for the length of a batch; it waits some seconds for the next one, as its start costs a second."""
    with _lock:
        found = next((each for each in _free if each[0] == how), None)
        if found is not None:
            _free.remove(found)
    mine = found or (how, Worker(how))
    try:
        yield mine[1]
    except BaseException:
        mine[1].stop()
        raise
    with _lock:
        _free.append(mine)
    timer = threading.Timer(_SECONDS_IDLE, _end_if_free, mine)
    timer.daemon = True
    timer.start()


def _end_if_free(how: Hearing, process: Worker) -> None:
    with _lock:
        if (how, process) not in _free:
            return
        _free.remove((how, process))
    process.stop()


@lru_cache(maxsize=1)
def software() -> Mapping[str, str]:
    """What the numbers hang on, by name: equal on two machines of one kind of processor, it gives equal bits."""
    import numpy as np
    import scipy
    import soundfile
    import soxr

    folder = Path(__file__).parent
    code = {str(file.relative_to(folder)): sha256_of_file(file) for file in sorted(folder.rglob("*.py"))}
    return {
        "ostinato.audio": sha256_of_value(code)[:12],
        "Python": ".".join(platform.python_version_tuple()[:2]),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "soxr": soxr.__version__,
        "libsndfile": soundfile.__libsndfile_version__,
        "processor": platform.machine(),
    }
