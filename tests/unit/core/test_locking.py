import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from ostinato.core.errors import BusyError
from ostinato.core.locking import MARK, STARTED_BY, is_running, run_lock

HOLD = """
import sys, time
from pathlib import Path
from ostinato.core.locking import run_lock
with run_lock(Path(sys.argv[1]), "training"):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(root: Path, **env: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root)], stdout=subprocess.PIPE, text=True, env={**os.environ, **env}
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_run_is_told_who_holds_the_lock(tmp_path: Path):
    process = holder(tmp_path)
    try:
        assert is_running(tmp_path)
        with pytest.raises(BusyError, match=f"training of process {process.pid}"), run_lock(tmp_path):
            pass
    finally:
        process.kill()
        process.wait()
    assert not is_running(tmp_path)


def test_a_killed_holder_leaves_no_lock_and_its_children_are_ended(tmp_path: Path):
    orphan = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], env={**os.environ, MARK: str(tmp_path)}
    )
    stranger = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], env={**os.environ, MARK: "/other"}
    )
    # both are children of this test, and relatives are spared: look from a process that is none
    code = "import sys; from pathlib import Path; from ostinato.core.locking import run_lock\nwith run_lock(Path(sys.argv[1])) as n: print(n)"
    try:
        said = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
        assert said.stdout.strip() == "1"
        assert orphan.wait(timeout=5) != 0
        assert stranger.poll() is None
    finally:
        for process in (orphan, stranger):
            process.kill()
            process.wait()


def test_a_flow_whose_command_was_killed_gives_way(tmp_path: Path):
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait()
    process = holder(tmp_path, **{STARTED_BY: f"{dead.pid}:1.0"})
    with run_lock(tmp_path):
        process.wait(timeout=5)
        assert not psutil.pid_exists(process.pid)


def test_a_flow_whose_command_lives_does_not(tmp_path: Path):
    me = psutil.Process()
    process = holder(tmp_path, **{STARTED_BY: f"{me.pid}:{me.create_time()}"})
    try:
        with pytest.raises(BusyError), run_lock(tmp_path):
            pass
        time.sleep(0.1)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
