"""A catalogue over a real Dask cluster: a scheduler and workers as processes, the step as DVC calls it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml

from ostinato.core.files import write_table
from ostinato.core.hashing import sha256_of_file
from ostinato.core.settings import settings
from tasks.cluster import temporary_cluster
from tests.flow.installation import REPOSITORY, free_port

pytestmark = [pytest.mark.flow]
DASK = Path(sys.executable).with_name("dask")
CLIPS = 40


@dataclass
class Cluster:
    """`dask scheduler` and `dask worker` on this machine."""

    folder: Path
    address: str = ""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, workers: int = 2) -> Cluster:
        port = free_port()
        self.address = f"tcp://127.0.0.1:{port}"
        self.run("scheduler", "--host", "127.0.0.1", "--port", str(port))
        for _ in range(workers):
            self.run("worker", self.address, "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny")
        return self

    def run(self, *words: str) -> None:
        # a batch that one worker's death takes along is given up at once, the hardest of the scheduler's settings
        env = os.environ | {"PYTHONPATH": str(REPOSITORY / "src"), "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
        log = (self.folder / f"dask-{len(self.processes)}.log").open("wb")
        command = [DASK, *words, "--no-dashboard", "--local-directory", str(self.folder)]
        if words[0] == "scheduler":
            command = command[:-2]
        self.processes.append(subprocess.Popen(command, env=env, cwd=self.folder, stdout=log, stderr=log))
        log.close()

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two workers, for all tests here; whoever kills one starts another."""
    made = Cluster(tmp_path_factory.mktemp("cluster")).start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose tracks are ready to be heard: 40 clips, one of them no audio, and what this machine makes of them."""
    root = tmp_path_factory.mktemp("catalogue")
    shutil.copytree(REPOSITORY / "configs", root / "configs")
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    params["extract"] |= {"preset": "fma", "seconds": 5}
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    rng, rows = np.random.default_rng(0), []
    for number in range(CLIPS):
        path = root / f"{number:03d}.wav"
        tone = 0.3 * np.sin(2 * np.pi * 110 * 2 ** (number / 12) * np.arange(5 * 22_050) / 22_050)
        soundfile.write(path, tone + rng.normal(0, 0.05, len(tone)), 22_050)
        if number == 7:
            path.write_bytes(b"RIFF, but no sound")
        rows.append({"track_id": f"t{number:03d}", "path": path.name, "sha256": sha256_of_file(path)})
    clean = root / "data" / "clean"
    clean.mkdir(parents=True)
    write_table(clean / "tracks.parquet", pd.DataFrame(rows))
    extracted(root)
    (root / "data" / "features").rename(root / "here")
    return root


def step(root: Path, **env: str) -> subprocess.Popen[str]:
    shutil.rmtree(root / ".ostinato", ignore_errors=True)  # the cache of vectors, too
    (root / "data" / "features").mkdir(parents=True, exist_ok=True)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OSTINATO_")}
    paths = {"PYTHONPATH": str(REPOSITORY / "src"), "OSTINATO_HOME": str(root), "OSTINATO_PROGRESS": "json"}
    command = [sys.executable, "-m", "ostinato", "step", "extract"]
    return subprocess.Popen(
        command, cwd=root, env=clean | paths | env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def extracted(root: Path, **env: str) -> str:
    process = step(root, **env)
    said, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return said


def halfway(root: Path, cluster: Cluster) -> subprocess.Popen[str]:
    """The step, after the first clips came back."""
    process = step(root, OSTINATO_DASK=cluster.address)
    assert process.stdout is not None
    for line in process.stdout:
        if '"done"' in line and '"done": 0' not in line:
            break
    return process


def assert_as_here(root: Path) -> None:
    for name in ("audio.parquet", "failures.csv"):
        assert (root / "data" / "features" / name).read_bytes() == (root / "here" / name).read_bytes()
    assert len(pd.read_csv(root / "data" / "features" / "failures.csv")) == 1


def test_two_workers_give_the_same_bytes(catalogue: Path, cluster: Cluster) -> None:
    said = extracted(catalogue, OSTINATO_DASK=cluster.address)
    assert_as_here(catalogue)
    assert f'"done": {CLIPS}, "total": {CLIPS}' in said


def test_a_worker_that_is_killed_loses_nothing(catalogue: Path, cluster: Cluster) -> None:
    process = halfway(catalogue, cluster)
    cluster.processes[-1].kill()
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert_as_here(catalogue)


def test_a_scheduler_that_goes_away_or_is_not_there(catalogue: Path, tmp_path: Path) -> None:
    lone = Cluster(tmp_path).start(workers=1)
    try:
        process = halfway(catalogue, lone)
        lone.processes[0].kill()
        _, errors = process.communicate(timeout=120)
    finally:
        lone.stop()
    says = f"ostinato: the Dask scheduler at {lone.address} (setting OSTINATO_DASK) "
    assert process.returncode == 1
    assert errors.startswith(f"{says}went away"), errors
    assert "Traceback" not in errors
    again = step(catalogue, OSTINATO_DASK=lone.address)
    _, errors = again.communicate(timeout=60)
    assert again.returncode == 1
    assert errors.startswith(f"{says}does not answer"), errors


def test_prefect_dask_brings_up_workers_for_one_run(catalogue: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSTINATO_DASK", "local:2")
    settings.cache_clear()
    with temporary_cluster() as address:
        assert address == os.environ["OSTINATO_DASK"]
        assert str(address).startswith("tcp://127.0.0.1:")
        extracted(catalogue, OSTINATO_DASK=str(address))
    assert os.environ["OSTINATO_DASK"] == "local:2"
    assert_as_here(catalogue)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(str(address).rpartition(":")[2])))  # nothing listens any more
