"""Worker processes that are watched: each job has its time and its memory, and what overdoes either is ended and written down."""

from __future__ import annotations

import contextlib
import os
import queue
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ostinato.automl.worker import Answer, Job, Setup, read_frame, write_frame
from ostinato.core.errors import SearchError

_SECONDS_BETWEEN_LOOKS = 0.1
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class Crew:
    """`size` workers for one problem; `submit` hands them jobs in the order in which they come."""

    def __init__(self, setup: Setup, size: int, memory: int | None = None) -> None:
        self._setup, self._memory = setup, memory
        self._todo: queue.SimpleQueue[tuple[Job, float | None, Future[Answer]] | None] = queue.SimpleQueue()
        self._workers = [_Worker(setup) for _ in range(size)]
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._drive, args=(each,), daemon=True) for each in self._workers]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job, deadline: float | None = None) -> Future[Answer]:
        """Queue a job that is ended at `deadline`, a moment of `time.monotonic()`."""
        future: Future[Answer] = Future()
        self._todo.put((job, deadline, future))
        return future

    def close(self) -> None:
        """End all workers, now; jobs that are not done get an answer that says so."""
        self._ended.set()
        for _ in self._threads:
            self._todo.put(None)
        for worker in self._workers:
            worker.kill()
        for thread in self._threads:
            thread.join()
        with contextlib.suppress(queue.Empty):
            while True:
                item = self._todo.get_nowait()
                if item is not None:
                    item[2].set_result(_stopped(item[0], "the search was over", cut=True))

    def _drive(self, worker: _Worker) -> None:
        with contextlib.suppress(SearchError):
            if not self._ended.is_set():
                worker.start()
        while (item := self._todo.get()) is not None:
            job, deadline, future = item
            if self._ended.is_set():
                future.set_result(_stopped(job, "the search was over", cut=True))
                continue
            if deadline is not None and time.monotonic() >= deadline:
                future.set_result(_stopped(job, "its time was over before it began", cut=True))
                continue
            try:
                future.set_result(worker.ask(job, deadline, self._memory, self._ended))
            except SearchError as error:
                future.set_result(_stopped(job, str(error)))
            except BaseException as error:  # noqa: BLE001 - handed to whoever waits, who raises it
                future.set_exception(error)
        worker.kill()


@contextmanager
def crew(setup: Setup, size: int, memory: int | None = None) -> Iterator[Crew]:
    """Workers that end with the block."""
    workers = Crew(setup, size, memory)
    try:
        yield workers
    finally:
        workers.close()


def _stopped(job: Job, why: str, *, cut: bool = False) -> Answer:
    return Answer(job.trial, job.fold, reason=why, cut=cut)


class _Worker:
    """One process, started when needed and anew after a death."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._lock = threading.Lock()

    def ask(self, job: Job, deadline: float | None, memory: int | None, ended: threading.Event) -> Answer:
        """The answer to a job, also where the process had to be ended or died over it."""
        process = self.start()
        clock = time.monotonic()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            write_frame(process.stdin, job)  # type: ignore[arg-type]
        except OSError:
            return _stopped(job, self._death(process))
        while True:
            if select.select([process.stdout], [], [], _SECONDS_BETWEEN_LOOKS)[0]:
                try:
                    said = read_frame(process.stdout)  # type: ignore[arg-type]
                except (EOFError, OSError, ValueError):
                    return _stopped(job, self._death(process))
                if isinstance(said, Answer):
                    return said
                continue  # it says that it is ready
            if ended.is_set():
                self.kill()
                return _stopped(job, "the search was over", cut=True)
            if deadline is not None and time.monotonic() > deadline:
                self.kill()
                return _stopped(job, f"no result within {time.monotonic() - clock:.1f} s; it was ended", cut=True)
            if memory is not None and (used := _resident(process.pid)) > memory:
                self.kill()
                return _stopped(
                    job, f"used {used / 1e6:,.0f} MB where {memory / 1e6:,.0f} MB are allowed; it was ended"
                )

    def start(self) -> subprocess.Popen[bytes]:
        """The process, which may not be ready yet; raises SearchError where none can be started."""
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                return self._process
            self._errors = self._errors or tempfile.TemporaryFile()  # noqa: SIM115 - closed with the worker
            command = [sys.executable, "-W", "ignore", "-m", "ostinato.automl.worker"]
            process = self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, env=_environment()
            )
        assert process.stdin is not None
        try:
            write_frame(process.stdin, self._setup)  # type: ignore[arg-type]
        except OSError:
            raise SearchError(f"a worker process did not start: {self._death(process)}") from None
        return process

    def kill(self) -> None:
        """End the process, now."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    if pipe is not None:
                        pipe.close()

    def _death(self, process: subprocess.Popen[bytes]) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)
        code = process.poll()
        self.kill()
        said = b""
        if self._errors is not None:
            self._errors.seek(0)
            said = self._errors.read()[-400:]
        last = said.decode("utf-8", "replace").strip().rpartition("\n")[2]
        cause = "was ended" if code is None else f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"the process died over it ({cause}{': ' + last if last else ''})"


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        import psutil

        try:
            return int(psutil.Process(pid).memory_info().rss)
        except psutil.Error:
            return 0


def _environment() -> dict[str, Any]:
    root = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join(dict.fromkeys([root, *(path for path in sys.path if path)]))
    return {**os.environ, **dict.fromkeys(_ONE_THREAD, "1"), "PYTHONPATH": paths, "PYTHONHASHSEED": "0"}
