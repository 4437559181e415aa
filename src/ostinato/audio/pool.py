"""Files to vectors on several processes, each watched by a thread; a file that kills or hangs one counts as failed."""

from __future__ import annotations

import dataclasses
import json
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from typing import IO

import numpy as np

from ostinato.audio.presets import Hearing
from ostinato.audio.worker import Vector, environment, hear
from ostinato.core.errors import AudioError

Outcome = tuple[int, Vector | str]  # position, and a vector or the reason why there is none

FEW = 6  # up to so many files a new process costs more than it saves
_SECONDS_A_FILE = 300.0
_SECONDS_TO_STOP = 5.0


def vectors(paths: Sequence[str], how: Hearing, jobs: int) -> Iterator[Outcome]:
    """Vectors of `paths` in the order in which they get done; the numbers do not depend on `jobs`."""
    if jobs <= 1 or len(paths) <= FEW:
        yield from _here(paths, how)
    else:
        yield from _apart(paths, how, min(jobs, len(paths)))


def _here(paths: Sequence[str], how: Hearing) -> Iterator[Outcome]:
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    for position, path in enumerate(paths):
        try:
            with threadpool_limits(1):  # the workers' number, for the same sums in the same order
                vector = hear(path, how)
        except AudioError as error:
            yield position, error.reason
        else:
            yield position, vector


def _apart(paths: Sequence[str], how: Hearing, jobs: int) -> Iterator[Outcome]:
    todo: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    done: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
    for position in range(len(paths)):
        todo.put(position)
    workers = [Worker(how) for _ in range(jobs)]
    threads = [threading.Thread(target=_drive, args=(w, paths, todo, done), daemon=True) for w in workers]
    for thread in threads:
        todo.put(None)
        thread.start()
    try:
        for _ in range(len(paths)):
            outcome = done.get()
            if isinstance(outcome, BaseException):
                raise outcome
            yield outcome
    finally:
        for worker, thread in zip(workers, threads, strict=True):
            worker.stop()
            thread.join(_SECONDS_TO_STOP)


def _drive(
    worker: Worker,
    paths: Sequence[str],
    todo: queue.SimpleQueue[int | None],
    done: queue.SimpleQueue[Outcome | BaseException],
) -> None:
    try:
        while (position := todo.get()) is not None:
            try:
                done.put((position, asked(worker, paths[position])))
            except AudioError as error:
                done.put((position, error.reason))
    except BaseException as error:  # noqa: BLE001 - handed to the thread that waits, which raises it
        done.put(error)
    finally:
        worker.stop()


def asked(worker: Worker, path: str) -> Vector:
    """The vector of one file; a death is tried once more, for what killed the worker may not be this file."""
    try:
        return worker.ask(path)
    except _DiedError:
        return worker.ask(path)


class _DiedError(AudioError):
    """The worker process ended while it had this file."""


class Worker:
    """One worker process, started when first asked and anew after a death."""

    def __init__(self, how: Hearing) -> None:
        self._how = how
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None
        self._stopped = False
        self._lock = threading.Lock()

    def ask(self, path: str) -> Vector:
        """The vector of one file; raises AudioError, also where the process died over it or gave no answer in time."""
        process = self._started()
        stdin, stdout = _pipes(process)
        late = threading.Event()

        def give_up() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(_SECONDS_A_FILE, give_up)
        timer.daemon = True
        timer.start()
        try:
            stdin.write(json.dumps(path).encode() + b"\n")
            stdin.flush()
            head = json.loads(stdout.readline())
            if "reason" in head:
                raise AudioError(path, head["reason"])
            body = stdout.read(head["bytes"])
            if len(body) < head["bytes"]:
                raise EOFError
            return np.frombuffer(body, dtype=np.float32)
        except (OSError, EOFError, json.JSONDecodeError):
            if late.is_set():
                raise AudioError(path, f"no answer within {_SECONDS_A_FILE:.0f} s; given up") from None
            raise _DiedError(path, self._death(process)) from None
        finally:
            timer.cancel()

    def stop(self) -> None:
        """End the process, now; a stopped worker starts no other."""
        with self._lock:
            self._stopped = True
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            _close(process)
        if self._said is not None:
            self._said.close()

    def _started(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._stopped:
                raise InterruptedError("the work was stopped")
            if self._process is not None:
                return self._process
            self._said = self._said or tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
            command = [sys.executable, "-W", "ignore", "-m", "ostinato.audio.worker"]
            process = self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, env=environment()
            )
        stdin, stdout = _pipes(process)
        try:
            stdin.write(json.dumps(dataclasses.asdict(self._how)).encode() + b"\n")
            stdin.flush()
            ready = stdout.readline()
        except BrokenPipeError:
            ready = b""
        if not ready:
            why = self._death(process)
            if process.returncode < 0:
                raise _DiedError("a feature worker", why)  # killed, not broken: another may live
            raise RuntimeError(f"a feature worker did not start: {why}")
        return process

    def _death(self, process: subprocess.Popen[bytes]) -> str:
        process.kill()
        code = process.wait()
        _close(process)
        with self._lock:
            self._process = None
        said = b""
        if self._said is not None and not self._said.closed:
            self._said.seek(0)
            said = self._said.read()[-400:]
        last = said.decode("utf-8", "replace").strip().rpartition("\n")[2]
        cause = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"the worker process died over it ({cause}{': ' + last if last else ''})"


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("a feature worker was started without pipes")
    return process.stdin, process.stdout


def _close(process: subprocess.Popen[bytes]) -> None:
    process.wait(_SECONDS_TO_STOP)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:
                continue
