from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import distributed
import pandas as pd
import pytest
import soundfile

from ostinato.audio import cluster
from ostinato.audio.extractor import AudioFeatureExtractor
from ostinato.audio.presets import Hearing
from ostinato.core.errors import MissingExtraError, OstinatoError, ParamsError, UsageError
from ostinato.core.hashing import sha256_of_file
from ostinato.core.settings import settings
from tests.flow.installation import free_port

from .conftest import SR, melody

QUIET = {"threads_per_worker": 1, "dashboard_address": None, "processes": False, "silence_logs": 40}


@pytest.fixture
def two_workers() -> Iterator[distributed.LocalCluster]:
    """A scheduler and two workers in this process; the listening itself is in processes of its own."""
    with distributed.LocalCluster(n_workers=2, **QUIET) as found:
        yield found
    for mine in list(cluster._free):
        cluster._end_if_free(*mine)


def heard(paths: list[Path], address: str, digests: list[str] | None = None) -> dict[int, object]:
    return dict(cluster.vectors([str(p) for p in paths], Hearing("fast"), address, digests or [""] * len(paths)))


@pytest.mark.parametrize(("clips", "threads"), [(1, 1), (7, 2), (440, 2), (100_000, 64), (3, 500)])
def test_batches_hold_every_clip_once(clips: int, threads: int) -> None:
    batches = list(cluster._batches(clips, threads))
    assert [position for batch in batches for position in batch] == list(range(clips))
    assert max(map(len, batches)) <= cluster.MOST_A_BATCH
    assert len(batches) >= min(clips, threads * 4)


def test_same_bits_same_failures(clips: list[Path], tmp_path: Path, two_workers: distributed.LocalCluster) -> None:
    bad, short, folder = tmp_path / "bad.wav", tmp_path / "short.wav", tmp_path / "folder.wav"
    bad.write_bytes(b"no audio")
    soundfile.write(short, melody(0.05), SR)
    folder.mkdir()
    given = [*clips, bad, short, folder, clips[0]]
    alone = AudioFeatureExtractor("fast", n_jobs=1)
    spread = AudioFeatureExtractor("fast", cluster=two_workers.scheduler_address)
    pd.testing.assert_frame_equal(spread.transform(given), alone.transform(given), check_exact=True)
    assert spread.failures_ == alone.failures_
    assert len(spread.failures_) == 3
    assert spread.extracted_ == 10


def test_vectors_reach_the_cache_as_they_come(clips: list[Path], two_workers: distributed.LocalCluster) -> None:
    class Kept(dict):
        def put(self, key: str, vector: object) -> None:
            self[key] = vector

    kept = Kept()
    spread = AudioFeatureExtractor("fast", cache=kept, cluster=two_workers.scheduler_address)
    first = spread.transform(clips)
    assert len(kept) == 10
    again = AudioFeatureExtractor("fast", cache=kept, cluster="tcp://127.0.0.1:1")
    pd.testing.assert_frame_equal(again.transform(clips), first, check_exact=True)
    assert (again.cached_, again.extracted_) == (10, 0)


def test_what_a_worker_cannot_see_is_a_failure_that_names_it(
    clips: list[Path], tmp_path: Path, two_workers: distributed.LocalCluster
) -> None:
    digests = [sha256_of_file(path) for path in clips[:3]]
    soundfile.write(clips[1], melody(1.5, seed=77), SR)
    outcomes = heard([*clips[:3], tmp_path / "gone.wav"], two_workers.scheduler_address, [*digests, "0" * 64])
    assert not isinstance(outcomes[0], str)
    assert "holds other bytes" in str(outcomes[1])
    assert str(outcomes[3]).startswith("cannot be read on worker inproc://")
    assert "No such file" in str(outcomes[3])
    unhashed = heard([tmp_path / "gone.wav"], two_workers.scheduler_address)
    assert str(unhashed[0]).startswith("cannot be read on worker inproc://")


def test_relative_paths_mean_this_folder(
    clips: list[Path], two_workers: distributed.LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clips[0].parent)
    relative = AudioFeatureExtractor("fast", cluster=two_workers.scheduler_address).transform([p.name for p in clips])
    assert list(relative.index) == [p.name for p in clips]


def test_processes_are_reused_and_end_when_idle(
    clips: list[Path], two_workers: distributed.LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_SECONDS_IDLE", 1.0)
    heard(clips, two_workers.scheduler_address)
    kept = [process for _, process in cluster._free]
    assert 1 <= len(kept) <= 2
    heard(clips[:4], two_workers.scheduler_address)
    assert [process for _, process in cluster._free if process not in kept] == []
    end = time.monotonic() + 10
    while cluster._free and time.monotonic() < end:
        time.sleep(0.05)
    assert not cluster._free
    assert all(process._process is None for process in kept)


def test_workers_with_other_software_are_refused(
    clips: list[Path], two_workers: distributed.LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = cluster.software()
    monkeypatch.setattr(cluster._Work, "submit", submit_as(real | {"numpy": "1.0"}))
    with pytest.raises(
        OstinatoError, match=r"worker inproc.* has numpy .* and not 1\.0\. What was already heard is kept"
    ):
        heard(clips, two_workers.scheduler_address)


def submit_as(software: dict[str, str]):
    def submit(self: cluster._Work, positions: list[int]) -> None:
        batch = [self._clips[position] for position in positions]
        future = self._client.submit(cluster.hear_batch, batch, self._how, software, pure=False)
        self._asked[future.key] = (future, positions)
        future.add_done_callback(lambda done: self._done.put(done.key))

    return submit


def test_workers_that_join_late(clips: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_SECONDS_BETWEEN_LOOKS", 0.1)
    with distributed.LocalCluster(n_workers=0, **QUIET) as empty:
        timer = threading.Timer(1.0, empty.scale, [1])
        timer.start()
        assert len(heard(clips, empty.scheduler_address)) == 10
        empty.scale(0)
        monkeypatch.setattr(cluster, "_SECONDS_WITHOUT_WORKERS", 0.5)
        with pytest.raises(OstinatoError, match=r"OSTINATO_DASK\) has had no worker for 0 s"):
            heard(clips, empty.scheduler_address)


def test_a_scheduler_that_does_not_answer(clips: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_SECONDS_TO_CONNECT", 0.5)
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(OstinatoError, match=rf"{address} \(setting OSTINATO_DASK\) does not answer") as caught:
        heard(clips, address)
    assert caught.value.exit_code == 1
    with pytest.raises(OstinatoError, match="OSTINATO_DASK"):
        heard(clips, "carrier-pigeon://somewhere")
    with pytest.raises(UsageError, match="OSTINATO_DASK=local:2"):
        heard(clips, "local:2")


def test_without_dask(clips: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ostinato\[dask\]'"):
        heard(clips, "tcp://127.0.0.1:1")
    assert len(AudioFeatureExtractor("fast", cluster="tcp://127.0.0.1:1").transform(clips[:6])) == 6  # few: heard here


@pytest.mark.parametrize(
    "good", ["tcp://10.0.0.1:8786", "tls://dask.example:8786", "local:4", "dask_jobqueue.SLURMCluster:20"]
)
def test_what_the_setting_may_say(good: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSTINATO_DASK", good)
    assert settings().dask == good


@pytest.mark.parametrize("wrong", ["", "10.0.0.1", "local:0", "local", "tcp:// somewhere", "10.0.0.1:http"])
def test_what_it_may_not(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSTINATO_DASK", wrong)
    with pytest.raises(ParamsError, match="OSTINATO_DASK"):
        settings()


class Killed:
    """A future over whose task a worker died."""

    key, status = "hear", "error"

    def result(self) -> object:
        raise distributed.KilledWorker("hear", SimpleNamespace(address="tcp://10.0.0.7:1234"), 3)


def test_a_clip_over_which_worker_after_worker_dies_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    work = cluster._Work(None, "tcp://10.0.0.1:8786", Hearing(), [("/a.wav", ""), ("/b.wav", "")])
    asked_again: list[list[int]] = []
    monkeypatch.setattr(work, "submit", asked_again.append)
    assert list(work._came(Killed(), [0, 1])) == []
    assert asked_again == [[0], [1]]
    assert list(work._came(Killed(), [1])) == [(1, "Dask workers died over it, the last at tcp://10.0.0.7:1234")]
