"""What a feature store survives: crashes, two writers, damage, time."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest

from ostinato import FeatureStore, FeatureView
from ostinato.core.errors import BusyError, FeatureStoreError, UsageError
from ostinato.features.store.lock import writing

NOON = pd.Timestamp("2026-01-01 12:00", tz="UTC")
VIEW = FeatureView("v", "user", {"x": "int64"})


def frame(start: int, n: int = 10) -> pd.DataFrame:
    steps = range(start, start + n)
    return pd.DataFrame(
        {
            "user": [f"u{i % 4}" for i in steps],
            "event_time": [NOON + pd.Timedelta(minutes=i) for i in steps],
            "x": list(steps),
        }
    )


def held(store: FeatureStore) -> list[int]:
    """Every value that the store holds."""
    return sorted(store.sql("SELECT x FROM v")["x"].tolist())


KILLED = """
import os, signal, sys
import pandas as pd
from ostinato.features.store import FeatureStore, FeatureView
from ostinato.features.store import manifest, parts, writing
from tests.unit.features.test_store_durability import VIEW, frame
def die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)
where = sys.argv[2]
if where == "before any file": writing.Batch.slices = die
if where == "within a part": parts.pq.write_table = lambda table, path, **_: (path.write_bytes(b"PAR1 half"), die())
if where == "between two parts":
    save, seen = parts.save, []
    def second(*words):
        if seen: die()
        seen.append(1)
        return save(*words)
    parts.save = second
if where == "before the facts": writing.write_json = die
if where == "before the manifest": writing.save_manifest = die
if where == "within the manifest":
    manifest.sync = lambda path: die() if path.suffix == ".part" and "manifest" in path.name else None
FeatureStore(sys.argv[1], part_rows=3).write(VIEW, frame(10))
"""


@pytest.mark.parametrize(
    "where",
    [
        "before any file", "within a part", "between two parts", "before the facts", "before the manifest",
        "within the manifest",
    ],
)  # fmt: skip
def test_a_writer_that_is_killed_has_written_nothing(tmp_path, where):
    store = FeatureStore(tmp_path, part_rows=3)
    store.write(VIEW, frame(0))
    version = store.data_version("v")
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), where], check=False, cwd=root)
    assert done.returncode == -9
    again = FeatureStore(tmp_path, part_rows=3)
    assert held(again) == list(range(10))
    assert again.data_version("v") == version
    assert again.verify() == []
    again.write(VIEW, frame(10))  # the same write, repeated
    assert held(again) == list(range(20))
    named = {part.path for part in again.manifest("v").parts[VIEW.version]}
    folder = tmp_path / "views" / "v"
    assert {p.relative_to(folder).as_posix() for p in folder.rglob("*.parquet")} == named
    assert not list(tmp_path.rglob("*.part"))
    assert len(list((folder / "statistics").iterdir())) == 2


def _writer(root: str, start: int) -> None:
    store = FeatureStore(root)
    for turn in range(5):
        store.write(VIEW, frame(start + 10 * turn))


def test_writers_at_once_lose_nothing(tmp_path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_writer, args=(str(tmp_path / "store"), 1000 * n)) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    store = FeatureStore(tmp_path / "store")
    assert held(store) == sorted(1000 * n + i for n in range(3) for i in range(50))
    assert [each.number for each in store.lineage("v")] == list(range(1, 16))
    assert store.verify() == []


def test_threads_at_once_lose_nothing(tmp_path):
    store = FeatureStore(tmp_path)
    threads = [threading.Thread(target=store.write, args=(VIEW, frame(100 * n))) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.lineage("v")) == 6
    assert len(held(store)) == 60


def test_a_writer_that_waits_too_long_says_so(tmp_path):
    store = FeatureStore(tmp_path, patience=0.1)
    store.write(VIEW, frame(0))
    with writing(tmp_path / "views" / "v", 1), pytest.raises(BusyError, match=r"has been writing here for 0\.1 s"):
        store.write(VIEW, frame(10))
    assert held(store) == list(range(10))


@pytest.mark.parametrize("name", ["store.json", "views/v/manifest.json"])
def test_a_store_of_a_newer_release_is_refused_and_left_alone(tmp_path, name):
    FeatureStore(tmp_path).write(VIEW, frame(0))
    path = tmp_path / name
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    for act in (lambda s: s.write(VIEW, frame(10)), lambda s: s.historical(frame(0)[["user", "event_time"]], ["v"])):
        with pytest.raises(FeatureStoreError, match=r"written by a newer release.*format 2.*Upgrade"):
            act(FeatureStore(tmp_path))
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "replaced"])
def test_a_damaged_part_is_named(tmp_path, damage):
    store = FeatureStore(tmp_path, part_rows=100)
    store.write(VIEW, frame(0, 500))
    part = store.manifest("v").parts[VIEW.version][2]
    path = tmp_path / "views" / "v" / part.path
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        # a bit of a page of values, not of the footer: found by the page's checksum
        data[len(data) // 8] ^= 0x10
    changed = {"cut": data[:-20], "flipped": data, "emptied": b"", "replaced": b"PAR1" + b"x" * 500}[damage]
    path.write_bytes(changed)
    question = frame(0, 500)[["user", "event_time"]]
    with pytest.raises(FeatureStoreError, match=f"{path.name} is damaged.*Restore it from a backup"):
        store.historical(question, ["v"])
    assert store.verify() == [f"{path} is not as it was written: {part.rows} rows of view 'v'"]


def test_a_part_that_is_gone_is_named(tmp_path):
    store = FeatureStore(tmp_path)
    store.write(VIEW, frame(0))
    (path,) = tmp_path.rglob("*.parquet")
    path.unlink()
    with pytest.raises(FeatureStoreError, match=f"{path.name} is gone, but belongs to view 'v'"):
        store.historical(frame(0)[["user", "event_time"]], ["v"])
    assert store.verify() == [f"{path} is gone: 10 rows of view 'v'"]


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 1}', "null"])
def test_a_damaged_manifest_is_named(tmp_path, text):
    FeatureStore(tmp_path).write(VIEW, frame(0))
    (tmp_path / "views" / "v" / "manifest.json").write_text(text)
    with pytest.raises(FeatureStoreError, match=r"manifest\.json is damaged"):
        FeatureStore(tmp_path).write(VIEW, frame(0))
    (tmp_path / "store.json").write_text(text)
    with pytest.raises(FeatureStoreError, match=r"store\.json is damaged"):
        FeatureStore(tmp_path)


def test_a_folder_of_others_is_not_taken(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="neither empty nor a feature store"):
        FeatureStore(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_compaction_keeps_every_answer(tmp_path):
    store = FeatureStore(tmp_path, part_rows=40)
    versions = [store.write(VIEW, frame(start)).data_version for start in range(0, 200, 10)]
    question = frame(0, 220)[["user", "event_time"]]

    def answers() -> list[pd.DataFrame]:
        pins = [None, *({"v": version} for version in versions[::7])]
        return [
            store.historical(question, ["v"], pinned=pin, known_at=known) for pin in pins for known in (None, "row")
        ]

    before = answers()
    reader = FeatureStore(tmp_path)
    reader.manifest("v")  # knows the old files
    assert store.compact("v") == 5
    assert len(list(tmp_path.rglob("*.parquet"))) == 5
    for one, other in zip(before, answers(), strict=True):
        pd.testing.assert_frame_equal(one, other)
    pd.testing.assert_frame_equal(reader.historical(question, ["v"]), before[0])
    assert store.compact("v") == 5
    assert store.write(VIEW, frame(30)).repeated
    assert store.verify() == []
