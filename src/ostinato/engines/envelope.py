"""What a shipped artefact costs, measured on the artefact itself in a fresh process: bytes, memory, milliseconds a row."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.errors import ArtefactError
from ostinato.core.params import Envelope
from ostinato.engines.artefact import ModelArtefact

_ROUNDS, _CALLS, _WARM_UP = 5, 300, 50
_TIMEOUT_SECONDS = 120


def measure(folder: Path) -> dict[str, Any]:
    """Measure `folder` in a process of its own.

    A row's time is its least over a few rounds, for what else the machine does can only add to it; p50 and p99 are over rows.
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
    clock = time.perf_counter()
    artefact = ModelArtefact.load(folder)
    load = time.perf_counter() - clock
    rows = np.random.default_rng(0).normal(size=(_CALLS, len(artefact.features))).astype(np.float32)
    for i in range(_WARM_UP):
        artefact.scores(rows[i : i + 1])
    times = np.array([_round(artefact, rows) for _ in range(_ROUNDS)])  # (rounds, calls) in ms
    p50, p99 = np.quantile(times.min(axis=0), [0.5, 0.99])
    return {
        "bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        "peak_rss_bytes": _peak_rss(),
        "load_ms": round(load * 1000, 3),
        "p50_ms": round(float(p50), 4),
        "p99_ms": round(float(p99), 4),
        "p99_of_all_calls_ms": round(float(np.quantile(times, 0.99)), 4),
        "calls": _ROUNDS * _CALLS,
        "digest": artefact.digest,
    }


def _round(artefact: ModelArtefact, rows: NDArray[np.float32]) -> list[float]:
    times = []
    for i in range(_CALLS):
        row = rows[i % len(rows) : i % len(rows) + 1]
        clock = time.perf_counter()
        artefact.scores(row)
        times.append((time.perf_counter() - clock) * 1000)
    return times


def _peak_rss() -> int:
    # ru_maxrss would start from the peak of the process that started this one
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import psutil

    return int(psutil.Process().memory_info().rss)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_measure_here(Path(sys.argv[1]))) + "\n")
