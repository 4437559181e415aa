"""Workers: as many as said, and none left when the parent is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from ostinato.catalog.workers import job_count
from ostinato.core.settings import settings


def test_job_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSTINATO_JOBS", "3")
    settings.cache_clear()
    assert [job_count(tasks) for tasks in (0, 1, 2, 9)] == [1, 1, 2, 3]


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_workers_die_with_their_parent(tmp_path: Path, kill: signal.Signals) -> None:
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background job ignores it
        "from pathlib import Path; from ostinato.catalog.demo.catalogue import build\n"
        "if __name__ == '__main__': build(2000, 12, 1, Path('audio'))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "OSTINATO_JOBS": "2"}
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    process = psutil.Process(parent.pid)
    try:
        deadline = time.monotonic() + 60
        while len(list(tmp_path.glob("audio/*/*.flac"))) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        workers = process.children(recursive=True)
        assert len(workers) >= 2
    finally:
        parent.send_signal(kill)
        parent.wait(timeout=60)
    _, alive = psutil.wait_procs(workers, timeout=10)
    for orphan in alive:
        orphan.kill()
    assert not alive
    assert parent.returncode != 0
