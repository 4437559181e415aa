"""What Prefect and DVC add to the bare step functions, on a demo catalogue of 1,000 clips.

    python -m benchmarks.overhead [--clips N] [--seconds S]

Both sides in one run and from nothing: first every step function by itself, one after the other in one process; then the same
line in a second folder through `flows.training` (Prefect's server of its own, DVC, a process a step). Bounds: a task takes at
most 4 s more than its bare function, and a run at most 15 s beside its tasks (start of the flow, its server, planning, the end).
A second run with nothing changed: at most 15 s. What an installation pays once, Prefect making its database, is shown and not
counted.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

REPOSITORY = Path(__file__).resolve().parents[1]
STEP_BOUND, RUN_BOUND, AGAIN_BOUND = 4.0, 15.0, 15.0
BARE = """
import sys, time
from pathlib import Path
from ostinato.execution import run_step
from ostinato.pipeline import calls
from ostinato.tenancy.workspace import Workspace
place = Workspace.at(Path.cwd())
for call in calls(place.params.problems):
    began = time.perf_counter()
    run_step(call.name, place)
    print("STEP", call.name, time.perf_counter() - began, flush=True)
"""


def make_home(root: Path, clips: int, seconds: float) -> None:
    """An installation with the repository's flows and parameters, and `clips` clips to render."""
    root.mkdir()
    for name in ("flows", "tasks", "configs", ".dvc"):
        shutil.copytree(REPOSITORY / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "cache", "tmp"))
    value = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    value["ingest"]["source"] |= {"clips": clips, "seconds": seconds}
    value["problems"]["genre"]["evaluate"]["envelope"]["max_p99_ms"] = 1000.0
    (root / "params.yaml").write_text(yaml.safe_dump(value))
    (root / ".gitignore").write_text("/.ostinato/\n/data/\n__pycache__/\n")
    run(root, "git", "init", "--quiet")
    run(root, sys.executable, "-m", "ostinato", "render")
    run(root, "git", "add", "--all")
    run(root, "git", "-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "--quiet", "-m", "Start")


def run(root: Path, *words: str) -> str:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("OSTINATO_", "PREFECT_"))}
    env |= {"DO_NOT_TRACK": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "OSTINATO_PROGRESS": "off"}
    done = subprocess.run(words, cwd=root, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(words)[:80]} failed in {root}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout


def bare(root: Path) -> dict[str, float]:
    """Seconds of each step function in one process."""
    lines = [line.split() for line in run(root, sys.executable, "-c", BARE).splitlines() if line.startswith("STEP ")]
    return {name: float(seconds) for _, name, seconds in lines}


def make_database(root: Path) -> float:
    """Seconds of Prefect's migrations from an empty database."""
    from ostinato.operations.orchestration import prefect_environment

    env = os.environ | prefect_environment(root)
    began = time.perf_counter()
    prefect = str(Path(sys.executable).with_name("prefect"))
    subprocess.run([prefect, "server", "database", "upgrade", "-y"], cwd=root, env=env, check=True, capture_output=True)
    return time.perf_counter() - began


def through_the_line(root: Path) -> tuple[dict[str, float], float]:
    """Wall seconds of each task, and of the whole flow from start to end."""
    from ostinato.core.progress import MARK
    from ostinato.operations.orchestration import start_flow
    from ostinato.tenancy.workspace import Workspace

    began, started, walls = time.perf_counter(), {}, {}
    for event in start_flow("training", Workspace.at(root, root), {}):
        if event[MARK] == "task" and event["state"] == "started":
            started[event["step"]] = time.perf_counter()
        elif event[MARK] == "task":
            walls[event["step"]] = time.perf_counter() - started[event["step"]]
    return walls, time.perf_counter() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=6.0)
    said = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="overhead-"))
    try:
        for name in ("bare", "line"):
            make_home(folder / name, said.clips, said.seconds)
        functions = bare(folder / "bare")
        once = make_database(folder / "line")
        walls, whole = through_the_line(folder / "line")
        began = time.perf_counter()
        assert "Nothing changed" in run(folder / "line", sys.executable, "-m", "ostinato", "run")
        again = time.perf_counter() - began
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return report(functions, walls, whole, again, once, said.clips)


def report(
    functions: dict[str, float], walls: dict[str, float], whole: float, again: float, once: float, clips: int
) -> int:
    table = Table("", "bare s", "line s", "added s", "bound s", "line / bare", title=f"{clips} clips")
    for name, seconds in functions.items():
        added = walls[name] - seconds
        row = (
            f"{seconds:.2f}",
            f"{walls[name]:.2f}",
            f"{added:.2f}",
            f"{STEP_BOUND:.0f}",
            f"{walls[name] / seconds:.2f}",
        )
        table.add_row(name, *row)
    total, tasks = sum(functions.values()), sum(walls.values())
    table.add_section()
    table.add_row("beside the tasks", "", f"{whole - tasks:.2f}", f"{whole - tasks:.2f}", f"{RUN_BOUND:.0f}", "")
    table.add_row("the run", f"{total:.2f}", f"{whole:.2f}", f"{whole - total:.2f}", "", f"{whole / total:.2f}")
    table.add_row("again, nothing changed", "", f"{again:.2f}", "", f"{AGAIN_BOUND:.0f}", "")
    table.add_row("once: Prefect's database", "", f"{once:.2f}", "", "", "")
    Console().print(table)
    worst = max(walls[name] - seconds for name, seconds in functions.items())
    return int(worst > STEP_BOUND or whole - tasks > RUN_BOUND or again > AGAIN_BOUND)


if __name__ == "__main__":
    sys.exit(main())
