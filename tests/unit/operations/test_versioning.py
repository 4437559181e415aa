"""What a killed run or a full disk leaves of DVC's files is mended, and nothing that lives is touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ostinato.operations.versioning import dvc, mend
from ostinato.tenancy.workspace import Workspace


@pytest.fixture
def workspace(home: Path) -> Workspace:
    quiet = os.environ | {"DVC_NO_ANALYTICS": "1"}
    subprocess.run(
        [str(Path(sys.executable).with_name("dvc")), "init", "--no-scm", "-q"], cwd=home, env=quiet, check=True
    )
    (home / ".dvc" / "tmp").mkdir(exist_ok=True)
    return Workspace.at(home, home)


def rwlock(workspace: Workspace) -> Path:
    return workspace.root / ".dvc" / "tmp" / "rwlock"


def holder(pid: int) -> str:
    return json.dumps({"read": {"data/raw": [{"pid": pid, "cmd": "dvc repro"}]}, "write": {}})


@pytest.mark.parametrize("torn", ["", "\n", '{"read": {"data', "[1]", '{"read": 3}'])
def test_a_torn_lock_is_removed(workspace: Workspace, torn: str) -> None:
    rwlock(workspace).write_text(torn)
    assert mend(workspace) == ["DVC's lock of a dead process is removed"]
    assert not rwlock(workspace).exists()


@pytest.mark.parametrize("torn", ["", '{"read": {"data'])
def test_a_torn_lock_stops_no_question(workspace: Workspace, torn: str) -> None:
    rwlock(workspace).write_text(torn)
    (workspace.root / "dvc.yaml").write_text("stages: {}\n")
    assert json.loads(dvc(workspace, "status", "--json").stdout or "{}") == {}


def test_the_lock_of_a_dead_process_is_removed(workspace: Workspace) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    rwlock(workspace).write_text(holder(dead.pid))
    assert mend(workspace)


def test_the_lock_of_a_living_dvc_stays(workspace: Workspace) -> None:
    script = workspace.root / "dvc"
    script.write_text("import time; time.sleep(60)")
    living = subprocess.Popen([sys.executable, str(script)])
    try:
        rwlock(workspace).write_text(holder(living.pid))
        assert mend(workspace) == []
        assert rwlock(workspace).is_file()
    finally:
        living.kill()
        living.wait()


def test_an_empty_register_of_locks_is_left_alone(workspace: Workspace) -> None:
    rwlock(workspace).write_text("{}")
    assert mend(workspace) == []
