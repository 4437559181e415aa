"""Proofs that take minutes: the same hashes twice, and after kills at any moment. `make test-long` runs them."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ostinato.operations.orchestration import prefect_environment
from ostinato.pipeline import calls
from tests.flow.installation import REPOSITORY, Installation, small_params

pytestmark = [pytest.mark.long, pytest.mark.flow, pytest.mark.timeout(3600)]
KILLS = 20


def tiny(root: Path) -> Installation:
    made = Installation.make(root)

    def change(value):
        small_params(value)
        value["ingest"]["source"] |= {"clips": 56, "seconds": 2}
        value["problems"]["genre"]["search"] |= {"trials": 4, "keep": 2}
        value["problems"]["genre"]["evaluate"]["bootstrap"] = 5

    made.change(change)
    made.commit("Make it tiny")
    return made


def test_two_runs_from_one_commit_have_the_same_hashes(tmp_path: Path):
    locks = []
    for name in ("one", "two"):
        made = Installation.make(tmp_path / name / "home")
        made.ostinato("run")
        locks.append(made.lock())
    assert locks[0] == locks[1]
    assert set(locks[0]) == {call.name for call in calls(["genre"])}


def test_killed_at_any_moment_the_next_run_ends_with_the_same_hashes(tmp_path: Path):
    reference = tiny(tmp_path / "reference" / "home")
    reference.run("prefect", "server", "database", "upgrade", "-y", **prefect_environment(reference.root))
    template = shutil.copytree(reference.root, tmp_path / "template", symlinks=True)
    started = time.monotonic()
    reference.ostinato("run")
    length, wanted = time.monotonic() - started, reference.lock()
    moments = random.Random(20)
    for i in range(KILLS):
        root = tmp_path / f"kill{i}" / "home"
        made = again_from(template, root) if i % 4 else tiny(root)
        at = moments.uniform(0.5, length)
        finished = killed(made, at, whole_group=i % 2 == 0)
        said = made.ostinato("run", code=None)
        assert said.returncode == 0, f"kill {i} at {at:.1f} s: {said.stdout}\n{said.stderr}"
        assert made.lock() == wanted, f"kill {i} at {at:.1f} s"
        again = [step for step, when in finished.items() if when != started_at(made, step)]
        assert len(again) <= 1, f"kill {i} at {at:.1f} s: {again} ran again"
        assert "Nothing changed" in made.ostinato("run").stdout
        assert not survivors(made), f"kill {i} at {at:.1f} s"
        shutil.rmtree(root.parent)


def again_from(template: Path, root: Path) -> Installation:
    """A copy of an installation that has never run but whose Prefect database is made; every fourth has to make its own."""
    root.parent.mkdir()
    shutil.copytree(template, root, symlinks=True)
    return Installation(root)


def killed(made: Installation, after: float, whole_group: bool) -> dict[str, str]:
    """Start a run, kill it, and return when each step that dvc.lock holds had started."""
    process = made.start("run")
    try:
        process.wait(timeout=after)
    except subprocess.TimeoutExpired:
        if whole_group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    held = made.lock() if (made.root / "dvc.lock").is_file() else {}
    process.communicate(timeout=60) if whole_group else process.wait(timeout=60)
    return {step: started_at(made, step) for step in held}


def started_at(made: Installation, step: str) -> str:
    return json.loads((made.root / ".ostinato" / "steps" / f"{step}.json").read_text())["started"]


def survivors(made: Installation) -> list[str]:
    import psutil

    mark = str(made.root)
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("OSTINATO_RUN_OF") == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except (psutil.Error, OSError):
            continue
    return found


def test_a_fresh_clone_runs_with_an_empty_home(tmp_path: Path):
    clone, home = tmp_path / "clone", tmp_path / "empty home"
    home.mkdir()
    subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(clone)], check=True)
    keep = {
        k: v
        for k, v in os.environ.items()
        if k.startswith(("PIP_", "UV_", "SSL_", "REQUESTS_")) or k.endswith("_proxy")
    }
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", **keep}
    done = subprocess.run(["make", "run"], cwd=clone, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "demo.genre 1.0.0: challenger, approval pending" in done.stdout
    status = subprocess.run(["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True)
    assert status.stdout.split() in ([], ["??", "dvc.lock"], ["M", "dvc.lock"])
    again = subprocess.run(["make", "run"], cwd=clone, env=env, capture_output=True, text=True, check=True)
    assert "Nothing changed" in again.stdout
