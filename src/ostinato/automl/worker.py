"""A process that fits one fold of one trial at a time: jobs come in on stdin, answers go out on stdout, arrays by files.

Started as `python -m ostinato.automl.worker` rather than by multiprocessing, so that it works from any script or notebook
without a guard, ends when its parent is gone, and what crashes, hangs or eats memory in it costs one trial and nothing else.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import struct
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.entry import Entry
from ostinato.automl.metrics import Metric
from ostinato.automl.space import Value
from ostinato.core.errors import SearchError

WHOLE = -1  # instead of a fold: fit on all rows
_MOST_PROOF_ROWS = 400
_LATENCY_CALLS = 60
_SECONDS_BETWEEN_LOOKS = 1.0


@dataclass(frozen=True)
class Job:
    """Fit one algorithm on the training rows of a fold, or on all rows."""

    trial: int
    fold: int
    entry: Entry
    params: Mapping[str, Value]
    seed: int
    seconds: float | None = None  # after which boosting makes do with the rounds it has
    bar: float = float("inf")  # a loss above it is not worth writing the model
    rows: int | None = None  # training rows at most
    rounds: int | None = None  # of boosting, known from the folds


@dataclass(frozen=True)
class Answer:
    """What came of a job; `reason` says why nothing did. Scores and model lie in files named after trial and fold."""

    trial: int
    fold: int
    loss: float = float("inf")
    rounds: int | None = None
    seconds: float = 0.0
    cost: tuple[float, float] = (0.0, 0.0)  # of the model: microseconds a row in a batch, bytes
    latency: float = 0.0  # measured: microseconds of a single row, the median of some
    reason: str = ""
    cut: bool = False  # ended by the clock


@dataclass(frozen=True)
class Setup:
    """Where a problem's arrays lie, and what every job of it has in common."""

    folder: str
    outputs: int
    metric: Metric
    preload: Sequence[str] = field(default_factory=tuple)


def scores_path(folder: str | Path, trial: int, fold: int) -> Path:
    """Where the scores of a fold's held-out rows `(n, outputs)` are kept."""
    return Path(folder) / f"{trial:05d}_{fold}.npy"


def model_path(folder: str | Path, trial: int, fold: int) -> Path:
    """Where the model of a fold, or of all rows, is kept as ONNX."""
    return Path(folder) / f"{trial:05d}_{fold if fold != WHOLE else 'whole'}.onnx"


def write_frame(stream: BinaryIO, value: Any) -> None:
    """Write one pickled value, its length first."""
    body = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(struct.pack("<Q", len(body)) + body)
    stream.flush()


def read_frame(stream: BinaryIO) -> Any:
    """Read what `write_frame` wrote; raises EOFError where the other side is gone."""
    head = stream.read(8)
    if len(head) < 8:  # noqa: PLR2004
        raise EOFError
    (size,) = struct.unpack("<Q", head)
    body = stream.read(size)
    if len(body) < size:
        raise EOFError
    return pickle.loads(body)


def _arrays(folder: str) -> dict[str, Any]:
    at = Path(folder)
    return {name: np.load(at / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ("X", "y", "levels")}


def attempt(setup: Setup, job: Job) -> Answer:
    """Do a job; whatever goes wrong in it becomes the answer's reason."""
    clock = time.perf_counter()
    try:
        return _attempted(setup, job, clock)
    except Exception as error:
        logging.getLogger(__name__).info("trial %d failed", job.trial, exc_info=True)
        said = " ".join(str(error).split())[:300]
        return Answer(
            job.trial, job.fold, seconds=time.perf_counter() - clock, reason=f"{type(error).__name__}: {said}"
        )


def _attempted(setup: Setup, job: Job, clock: float) -> Answer:
    from ostinato.automl.export.cost import cost_of
    from ostinato.automl.fitting import Fitted

    data = _arrays(setup.folder)
    X, y, levels = data["X"], data["y"], np.asarray(data["levels"])
    train, held = _rows(setup.folder, job, len(X))
    params = dict(job.params)
    if job.rounds is not None and job.entry.rounds is not None:
        params[job.entry.rounds] = job.rounds
    judged = None if held is None else (np.asarray(X[held]), np.asarray(y[held]))
    model = Fitted.fit(
        job.entry,
        params,
        job.seed,
        np.asarray(X[train]),
        np.asarray(y[train]),
        setup.outputs,
        levels=levels,
        held=judged,
        seconds=job.seconds,
        # one scale for all folds, so that the forests of a bag can be fused
        scale=(float(np.mean(y)), float(np.std(y)) or 1.0) if setup.outputs == 1 and y.ndim == 1 else None,
    )
    loss = float("nan")
    if judged is not None and held is not None:
        scores = model.scores(judged[0])
        loss = setup.metric.loss(judged[1], scores)
        if not np.isfinite(loss):
            raise SearchError(f"its {setup.metric.name} is not a number")
        np.save(scores_path(setup.folder, job.trial, job.fold), scores, allow_pickle=False)
        if loss > job.bar:
            return Answer(job.trial, job.fold, loss, model.rounds, time.perf_counter() - clock)
    proof = np.asarray(X[train[:_MOST_PROOF_ROWS]]) if judged is None else judged[0][:_MOST_PROOF_ROWS]
    content = model.exported(proof)
    path = model_path(setup.folder, job.trial, job.fold)
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)
    seconds, latency = time.perf_counter() - clock, _latency(content, proof)
    return Answer(job.trial, job.fold, loss, model.rounds, seconds, cost_of(content), latency)


def _latency(content: bytes, rows: NDArray[np.float32]) -> float:
    from ostinato.automl.fitting import session_of

    session = session_of(content)
    times = []
    for i in range(_LATENCY_CALLS):
        clock = time.perf_counter()
        session.run(None, {"X": rows[i % len(rows)][None]})
        times.append(time.perf_counter() - clock)
    return round(float(np.median(times)) * 1e6, 2)


def _rows(folder: str, job: Job, rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
    if job.fold == WHOLE:
        train, held = np.arange(rows), None
    else:
        train = np.load(Path(folder) / f"train_{job.fold}.npy", allow_pickle=False)
        held = np.load(Path(folder) / f"held_{job.fold}.npy", allow_pickle=False)
    if job.rows is not None and len(train) > job.rows:
        chosen = np.random.default_rng(job.seed).permutation(len(train))[: job.rows]
        train = train[np.sort(chosen)]
    return train, held


def _end_with_parent() -> None:
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    """Serve jobs until stdin closes."""
    import importlib
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when it is over
    said = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the answers
    _end_with_parent()
    stream = sys.stdin.buffer
    try:
        setup: Setup = read_frame(stream)
        for name in setup.preload:
            with contextlib.suppress(ImportError):  # the job that needs it will say so
                importlib.import_module(name)
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        write_frame(said, "ready")
        while True:
            job: Job = read_frame(stream)
            with threadpool_limits(1):
                answer = attempt(setup, job)
            write_frame(said, answer)
    except (EOFError, BrokenPipeError):
        return


if __name__ == "__main__":
    # through the module's own name, so that what is pickled here is known there
    from ostinato.automl.worker import main as serve

    serve()
