"""One system on one split, in processes of its own, and what was measured as one JSON file each."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import _automl_split as split
from benchmarks._automl_environment import PYTHON, ROOT, version
from benchmarks._automl_tables import BenchTable

STORE = ROOT / ".ostinato" / "bench" / "automl"
KEPT = ROOT / "benchmarks" / "results" / "automl.jsonl"  # what stays when `.ostinato` goes: a line a result
CORES = 2
PACKAGE = {
    "autogluon-good": "autogluon.tabular",
    "autogluon-medium": "autogluon.tabular",
    "flaml": "flaml",
    "catboost": "catboost",
}
SYSTEMS = ("ostinato", *PACKAGE)
BUDGETLESS, UNBOUNDED = {"catboost"}, "60s"  # the name under which their results are kept
Result = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """Who, on what, how: the key of a result. The budget of a system that knows none is not part of it."""

    system: str
    table: BenchTable
    seed: int
    budget: float

    def file(self, version: str) -> Path:
        """Where the result of a version of the system lies."""
        budget = UNBOUNDED if self.system in BUDGETLESS else f"{self.budget:g}s"
        return STORE / f"{self.system}_{version}_{self.table.name}_seed{self.seed}_{budget}.json"

    def stored(self) -> Result | None:
        """The result of the system's present version, else the newest of another one; those of this workspace go first."""
        now = self.file(version_of(self.system))
        if now.exists():
            found: Result = json.loads(now.read_text())
            return found
        others = [json.loads(path.read_text()) for path in STORE.glob(self.file("*").name)]
        others += [each for each in kept() if self._is_of(each)]
        return max(others, key=lambda each: (each["version"] == version_of(self.system), each["date"]), default=None)

    def _is_of(self, result: Result) -> bool:
        same = (result["system"], result["table"], result["seed"]) == (self.system, self.table.name, self.seed)
        return same and (self.system in BUDGETLESS or result["budget"] == self.budget)


@cache
def kept() -> tuple[Result, ...]:
    """The results that travel with the repository."""
    return tuple(json.loads(line) for line in KEPT.read_text().splitlines()) if KEPT.exists() else ()


def keep(results: Iterable[Result]) -> None:
    """Let results travel with the repository, one of each system, table, seed and budget."""
    every = {_key(each): each for each in (*kept(), *results)}
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    KEPT.write_text("".join(json.dumps(every[key], sort_keys=True) + "\n" for key in sorted(every)))
    kept.cache_clear()


def _key(result: Result) -> tuple[str, str, int, float]:
    budget = 0.0 if result["system"] in BUDGETLESS else float(result["budget"])
    return result["table"], result["system"], int(result["seed"]), budget


def version_of(system: str) -> str:
    """A peer's version; Ostinato's is a digest of its sources, for between two commits it has no other."""
    if system in PACKAGE:
        return version(PACKAGE[system])
    digest = hashlib.sha256()
    for path in sorted((ROOT / "src" / "ostinato").rglob("*.py")):
        digest.update(path.read_bytes())
    return f"src-{digest.hexdigest()[:10]}"


def machine() -> str:
    """Processor, cores and memory, in words."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [line.split(":", 1)[1].strip() for line in info.splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores, {memory:.0f} GiB"


def measure(run: Run) -> Result:
    """Split, run, judge and store; a system that fails is a result with its reason."""
    with tempfile.TemporaryDirectory(prefix="automl-") as made:
        folder = Path(made)
        result: Result = {
            "system": run.system,
            "version": version_of(run.system),
            "table": run.table.name,
            "kind": run.table.kind,
            "seed": run.seed,
            "budget": run.budget,
            "cores": CORES,
            "machine": machine(),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            **split.write(run.table, run.seed, folder),
        }
        job = {key: result[key] for key in ("system", "table", "kind", "seed", "budget", "cores")} | {"folder": made}
        (folder / "job.json").write_text(json.dumps(job))
        try:
            with _others(result):
                result |= _ostinato(folder, run) if run.system == "ostinato" else _peer(folder, run)
            result |= _judged(folder, run, result["classes"])
        except RuntimeError as error:
            result["error"] = str(error)
    STORE.mkdir(parents=True, exist_ok=True)
    run.file(result["version"]).write_text(json.dumps(result, indent=1))
    return result


def _peer(folder: Path, run: Run) -> Result:
    _process([str(PYTHON), str(ROOT / "benchmarks" / "peers" / "fit.py"), str(folder / "job.json")], run.budget, folder)
    told: Result = json.loads((folder / "told.json").read_text())
    return told


def _ostinato(folder: Path, run: Run) -> Result:
    rows = pd.read_parquet(folder / "test.parquet").drop(columns=["target", "group", "moment"], errors="ignore")
    (folder / "rows.json").write_text(rows.iloc[:500].to_json(orient="records"))
    told: Result = {}
    for what in ("fit", "judge", "serve"):
        _process([sys.executable, "-m", "benchmarks._automl_ostinato", what, str(folder / "job.json")], run.budget)
        told |= json.loads((folder / f"told-{what}.json").read_text())
    return told


def _judged(folder: Path, run: Run, classes: list[str]) -> Result:
    train, test = (
        pd.read_parquet(folder / f"{part}.parquet", columns=["target"])["target"] for part in ("train", "test")
    )
    guess = np.load(folder / "predictions.npy")
    if not np.isfinite(guess).all():
        raise RuntimeError(f"{int((~np.isfinite(guess)).sum())} predictions are not finite")
    spread = float(train.std()) if run.table.kind == "regression" else 1.0
    return {
        "error_value": split.error(test, guess, classes, spread),
        "dummy": split.dummy(train, test, run.table.kind),
        "metric": "rmse / sd" if run.table.kind == "regression" else "log loss",
    }


def _prefer(pid: int) -> None:
    """Let our niceness hold against other sessions too: with autogroups Linux weighs it inside a session alone."""
    group = Path(f"/proc/{pid}/autogroup")
    if group.exists() and (niceness := os.nice(0)):
        with suppress(OSError):
            group.write_text(str(niceness))


def _busy_seconds() -> float:
    """CPU seconds of the whole machine."""
    user, nice, system, *_ = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _others(result: Result) -> Iterator[None]:
    """Add the share of the machine's CPU that other processes took meanwhile: above a few percent the figures suffer."""

    def others() -> float:
        ours = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return _busy_seconds() - sum(each.ru_utime + each.ru_stime for each in ours)

    began, before = time.perf_counter(), others()
    yield
    cores = os.cpu_count() or 1
    result["others_share"] = max(0.0, (others() - before) / (time.perf_counter() - began) / cores)


def _process(command: list[str], budget: float, cwd: Path = ROOT) -> None:
    """Run to the end in `cwd`, where some peers leave files, or end it with all its children after six budgets and five minutes.

    Raises RuntimeError where it fails or is ended.
    """
    threads = {name: str(CORES) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    with tempfile.TemporaryFile("w+") as said:
        started = subprocess.Popen(
            command, cwd=cwd, env={**os.environ, **threads}, stdout=said, stderr=said, start_new_session=True
        )
        _prefer(started.pid)
        try:
            code: int | None = started.wait(6 * budget + 300)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            if started.poll() is None:
                os.killpg(started.pid, signal.SIGKILL)
                started.wait()
        said.seek(0)
        words = said.read().strip().splitlines()
    if code is None:
        raise RuntimeError(f"not done after {6 * budget + 300:g} s")
    if code != 0:
        raise RuntimeError(f"exit code {code}: {' | '.join(words[-3:])[-600:]}")
