"""What a shipped artefact costs, measured on itself in a fresh process: bytes, memory, milliseconds a row, rows a second."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.errors import ArtefactError

if TYPE_CHECKING:
    from ostinato.core.params import Envelope

_ROUNDS, _CALLS, _WARM_UP = 5, 300, 50
_BATCH, _BATCHES = 20_000, 3
_TIMEOUT_SECONDS = 120


def measure(folder: Path) -> dict[str, Any]:
    """Measure `folder` in a process of its own.

    A row is a dict, or an array `(1, d)` where all columns are numbers (`row` says which), and is read, prepared and scored. Its
    time is its least over a few rounds, for what else the machine does can only add to it; p50 and p99 are over rows.
    Raises ArtefactError.
    """
    source = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join([source, *filter(None, [os.environ.get("PYTHONPATH")])])
    run = subprocess.run(
        [sys.executable, "-m", "ostinato.engines.envelope", str(Path(folder).resolve())],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_SECONDS,
        check=False,
    )
    if run.returncode != 0:
        raise ArtefactError(f"{folder}: cannot be measured: {run.stderr.strip()[-400:]}")
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def verdicts(measured: dict[str, Any], envelope: Envelope) -> dict[str, Any]:
    """Gates of the envelope; a time stands in the measured file only, for it differs from run to run."""
    return {
        "envelope_bytes": {
            "says": "the artefact's files have at most so many bytes",
            "measured": measured["bytes"],
            "bound": envelope.max_bytes,
            "passed": measured["bytes"] <= envelope.max_bytes,
        },
        "envelope_latency": {
            "says": "99 of 100 single rows take at most so many milliseconds; the measured value is in measured/envelope.json",
            "measured": None,
            "bound": envelope.max_p99_ms,
            "passed": measured["p99_ms"] <= envelope.max_p99_ms,
        },
    }


def enforce(measured: dict[str, Any], envelope: Envelope, problem: str) -> None:
    """Raise ArtefactError where the artefact costs more than its envelope allows."""
    faults = []
    if measured["bytes"] > envelope.max_bytes:
        faults.append(f"{measured['bytes']:,} bytes where max_bytes allows {envelope.max_bytes:,}")
    if measured["p99_ms"] > envelope.max_p99_ms:
        faults.append(f"{measured['p99_ms']:.2f} ms for a row (p99) where max_p99_ms allows {envelope.max_p99_ms:g}")
    if faults:
        raise ArtefactError(
            f"problem {problem}: the model does not fit its envelope: {'; '.join(faults)}. "
            "Set a smaller ensemble.max_members, name lighter search.algorithms, or raise evaluate.envelope."
        )


def _measure_here(folder: Path) -> dict[str, Any]:
    import onnxruntime  # noqa: F401 - so that the model's memory is counted without it

    from ostinato.engines.artefact import ModelArtefact

    before = _resident()
    clock = time.perf_counter()
    artefact = ModelArtefact.load(folder)
    load = time.perf_counter() - clock
    rows, kind = _rows(artefact, _CALLS)
    for row in rows[:_WARM_UP]:
        artefact.scores(row)
    times = np.array([_round(artefact.scores, rows) for _ in range(_ROUNDS)])  # (rounds, calls) in ms
    after, peak = _resident(), _peak()
    p50, p99 = np.quantile(times.min(axis=0), [0.5, 0.99])
    return {
        "bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        "model_memory_bytes": max(0, after - before),
        "process_memory_bytes": after,
        "peak_rss_bytes": peak,
        "load_ms": round(load * 1000, 3),
        "p50_ms": round(float(p50), 4),
        "p99_ms": round(float(p99), 4),
        "p99_of_all_calls_ms": round(float(np.quantile(times, 0.99)), 4),
        "calls": _ROUNDS * _CALLS,
        "row": kind,
        "columns": len(artefact.encoder.columns),
        "rows_per_second": _batch(artefact),
        "digest": artefact.digest,
    }


def _rows(artefact: Any, count: int) -> tuple[Sequence[Any], str]:
    encoder = artefact.encoder
    rng = np.random.default_rng(0)
    if encoder.is_plain:
        matrix = rng.normal(size=(count, len(encoder.names))).astype(np.float32)
        return [matrix[i : i + 1] for i in range(count)], "array"
    return [encoder.example(rng) for _ in range(count)], "dict"


def _batch(artefact: Any) -> int:
    """Rows a second of a large batch, read, prepared and scored, the best of a few."""
    encoder = artefact.encoder
    rng = np.random.default_rng(1)
    if encoder.is_plain:
        batch: NDArray[Any] = rng.normal(size=(_BATCH, len(encoder.names))).astype(np.float32)
    else:
        some = [encoder.example(rng) for _ in range(_CALLS)]
        table = np.array([[row.get(name) for name in encoder.names] for row in some], dtype=object)
        batch = table[np.arange(_BATCH) % len(table)]
    best = float("inf")
    for _ in range(_BATCHES):
        clock = time.perf_counter()
        artefact.scores(batch)
        best = min(best, time.perf_counter() - clock)
    return int(_BATCH / best)


def _round(score: Callable[[Any], Any], rows: Sequence[Any]) -> list[float]:
    times = []
    for row in rows:
        clock = time.perf_counter()
        score(row)
        times.append((time.perf_counter() - clock) * 1000)
    return times


def _resident() -> int:
    return _status("VmRSS:")


def _peak() -> int:
    # ru_maxrss would start from the peak of the process that started this one
    return _status("VmHWM:")


def _status(name: str) -> int:
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    import psutil

    return int(psutil.Process().memory_info().rss)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_measure_here(Path(sys.argv[1]))) + "\n")
