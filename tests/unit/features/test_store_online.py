"""Serving: the same on the embedded database and on Redis."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from ostinato import FeatureStore, FeatureView
from ostinato.core.errors import FeatureStoreError, StorageError, UsageError
from tests.conftest import server

NOON = pd.Timestamp("2026-01-01 12:00", tz="UTC")
URL = "redis://127.0.0.1:6379/0"
PLAYS = FeatureView("plays", "user", {"count": "int64", "share": "float64"}, ttl=timedelta(hours=6))


@pytest.fixture(params=["embedded", "Redis"])
def store(request, tmp_path) -> Iterator[FeatureStore]:
    if request.param == "embedded":
        yield FeatureStore(tmp_path / "store")
        return
    server("Redis", 6379)
    import redis

    found = FeatureStore(tmp_path / "store", online=URL)
    yield found
    with redis.Redis.from_url(URL) as client:
        for key in client.scan_iter(f"ostinato:{found._id}:*"):
            client.delete(key)
    found.close()


def plays(*those: tuple[str, float, int]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "user": [user for user, *_ in those],
            "event_time": [NOON + timedelta(hours=hour) for _, hour, _ in those],
            "count": [count for *_, count in those],
            "share": [count / 7 for *_, count in those],
        }
    )


def test_the_latest_values_are_served(store):
    store.write(PLAYS, plays(("ada", 0, 1), ("ada", 2, 3), ("Çelik", 1, 2), ("bob", 9, 9)))
    done = store.materialize("plays", NOON + timedelta(hours=3))
    assert (done.entities, done.updated) == (3, 2)
    found = store.online("plays", ["ada", "Çelik", "bob", "eve"], at=NOON + timedelta(hours=3))
    assert [each.status for each in found.values()] == ["fresh", "fresh", "absent", "absent"]
    assert found["ada"].values == {"count": 3, "share": 3 / 7}
    assert found["ada"].age == timedelta(hours=1)
    assert found["bob"].values == {"count": None, "share": None}
    np.testing.assert_array_equal(found["Çelik"].vector(), [2, 2 / 7])
    assert np.isnan(found["eve"].vector()).all()


def test_old_values_are_stale_to_the_microsecond(store):
    store.write(PLAYS, plays(("ada", 0, 1)))
    store.materialize("plays")
    limit = NOON + timedelta(hours=6)
    assert store.online("plays", ["ada"], at=limit)["ada"].status == "fresh"
    late = store.online("plays", ["ada"], at=limit + timedelta(microseconds=1))["ada"]
    assert (late.status, late.values, late.event_time) == ("stale", {"count": None, "share": None}, NOON)
    assert store.online("plays", ["ada"])["ada"].status == "stale"  # by now


def test_what_is_served_never_goes_back_in_time(store):
    store.write(PLAYS, plays(("ada", 2, 3)))
    store.materialize("plays", NOON + timedelta(hours=2))
    store.write(PLAYS, plays(("ada", 1, 2), ("bob", 1, 5)))  # late
    done = store.materialize("plays", NOON + timedelta(hours=2))
    assert (done.entities, done.updated) == (2, 1)
    at = NOON + timedelta(hours=2)
    assert [each.values["count"] for each in store.online("plays", ["ada", "bob"], at=at).values()] == [3, 5]
    store.write(PLAYS, plays(("ada", 2, 33)))  # a correction
    assert store.materialize("plays", NOON).updated == 0
    assert store.materialize("plays", at).updated == 1
    assert store.online("plays", ["ada"], at=at)["ada"].values["count"] == 33
    assert store.materialize("plays", at).entities == 0  # nothing new


def test_a_moment_that_comes_is_copied_then(store):
    store.write(PLAYS, plays(("ada", 0, 1), ("ada", 4, 4)))
    for hour, count in ((1, 1), (5, 4)):
        store.materialize("plays", NOON + timedelta(hours=hour))
        assert store.online("plays", ["ada"], at=NOON + timedelta(hours=hour))["ada"].values["count"] == count


def test_keys_that_were_lost_come_back_anew(store):
    store.write(PLAYS, plays(("ada", 0, 1)))
    store.materialize("plays")
    if (path := store.root / "online.sqlite").exists():
        with sqlite3.connect(path) as base:
            base.execute("DELETE FROM served")
    else:
        store.online_store._client.delete(store.online_store._key("plays", PLAYS.version, '["ada"]'))
    assert store.materialize("plays").updated == 0
    assert store.materialize("plays", anew=True).updated == 1
    assert store.online("plays", ["ada"], at=NOON)["ada"].status == "fresh"


def test_all_types_come_back_as_they_are(store):
    view = FeatureView(
        "all", {"user": "string", "track": "int64"},
        {"a": "float64", "b": "float32", "c": "int64", "d": "bool", "größe": "string", "f": "timestamp"},
    )  # fmt: skip
    rows = pd.DataFrame(
        {
            "user": ['a"\\ :', "b"], "track": [-1, 2**62], "event_time": [NOON, NOON], "a": [0.1, np.inf],
            "b": np.array([0.1, np.nan], np.float32), "c": pd.array([2**62 + 1, None], dtype="Int64"), "d": [True, None],
            "größe": ["Å\n€", None], "f": [NOON, None],
        }
    )  # fmt: skip
    store.write(view, rows)
    store.materialize("all")
    found = store.online("all", [('a"\\ :', -1), ("b", 2**62)])
    first, second = found.values()
    assert first.values == {
        "a": 0.1,
        "b": float(np.float32(0.1)),
        "c": 2**62 + 1,
        "d": True,
        "größe": "Å\n€",
        "f": NOON,
    }
    assert second.values == {"a": np.inf, "b": None, "c": None, "d": None, "größe": None, "f": None}
    with pytest.raises(UsageError, match="'größe', 'f' are no numbers"):
        first.vector()


def test_one_row_for_a_model_from_several_views(store):
    pair = FeatureView("pair", {"user": "string", "track": "int64"}, {"again": "bool"})
    store.write(PLAYS, plays(("ada", 0, 1)))
    store.write(pair, pd.DataFrame({"user": ["ada"], "track": [5], "event_time": [NOON], "again": [True]}))
    for name in ("plays", "pair"):
        store.materialize(name)
    row = store.online_row(["pair:again", "plays"], {"user": "ada", "track": 5}, at=NOON)
    assert row == {"again": True, "count": 1, "share": 1 / 7}
    with pytest.raises(UsageError, match="lacks 'track'"):
        store.online_row(["pair"], {"user": "ada"})


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("ada", "expected a list"),
        ([7], "'user' of view 'plays' is string, and this is int"),
        ([("a", "b")], "has 2 parts"),
    ],
)
def test_keys_of_another_kind_are_refused(store, keys, said):
    store.register(PLAYS)
    with pytest.raises(UsageError, match=said):
        store.online("plays", keys)


def test_a_new_version_takes_the_place_of_the_old(store):
    store.write(PLAYS, plays(("ada", 0, 1)))
    store.materialize("plays")
    new = FeatureView("plays", "user", {"count": "int64"})
    store.register(new)
    assert store.online("plays", ["ada"])["ada"].status == "absent"
    store.write(new, plays(("bob", 0, 2)))
    store.materialize("plays")
    assert [each.status for each in store.online("plays", ["ada", "bob"]).values()] == ["absent", "fresh"]
    assert store.online_store.read("plays", PLAYS.version, ['["ada"]']) == [None]


def test_many_keys_at_once(store):
    many = [(f"u{i:05d}", i / 1e4, i) for i in range(3000)]
    store.write(PLAYS, plays(*many))
    assert store.materialize("plays").updated == 3000
    found = store.online("plays", [user for user, *_ in many], at=NOON + timedelta(hours=1))
    assert [each.values["count"] for each in found.values()] == list(range(3000))


def test_readers_read_whole_rows_while_one_writes(store):
    store.write(PLAYS, plays(*[(f"u{i}", 0, 0) for i in range(50)]))
    store.materialize("plays")
    wrong, stop = [], threading.Event()

    def read() -> None:
        while not stop.is_set():
            for each in store.online("plays", [f"u{i}" for i in range(50)], at=NOON + timedelta(hours=1)).values():
                if each.values["share"] != each.values["count"] / 7:
                    wrong.append(each)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for turn in range(1, 6):
        store.write(PLAYS, plays(*[(f"u{i}", turn / 100, turn) for i in range(50)]))
        store.materialize("plays")
    stop.set()
    for reader in readers:
        reader.join()
    assert wrong == []


def test_another_process_reads_what_this_one_wrote(store):
    store.write(PLAYS, plays(("ada", 0, 41)))
    store.materialize("plays")
    child = os.fork()
    if child == 0:  # a worker of a pre-forking server
        found = store.online("plays", ["ada"], at=NOON)["ada"].values["count"]
        os._exit(int(found or 0))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 41
    assert store.online("plays", ["ada"], at=NOON)["ada"].values["count"] == 41


def test_the_setting_chooses_redis(tmp_path, monkeypatch):
    server("Redis", 6379)
    from ostinato.core.settings import settings

    monkeypatch.setenv("OSTINATO_ONLINE_STORE", URL)
    settings.cache_clear()
    store = FeatureStore(tmp_path / "store")
    view = FeatureView("v" + uuid.uuid4().hex[:6], "user", {"x": "bool"})
    store.write(view, pd.DataFrame({"user": ["a"], "event_time": [NOON], "x": [True]}))
    store.materialize(view.name)
    assert store.online(view.name, ["a"])["a"].values == {"x": True}
    assert not (tmp_path / "store" / "online.sqlite").exists()
    import redis

    with redis.Redis.from_url(URL) as client:
        assert client.delete(*client.scan_iter(f"ostinato:{store._id}:*")) == 2


def test_a_redis_that_does_not_answer_is_named_without_its_password(tmp_path):
    store = FeatureStore(tmp_path, online="redis://:secret@127.0.0.1:1/0")
    store.register(PLAYS)
    with pytest.raises(StorageError, match=r"Redis at 127\.0\.0\.1:1 refuses") as caught:
        store.online("plays", ["ada"])
    assert "secret" not in str(caught.value)


def test_a_damaged_file_says_what_to_do(tmp_path):
    store = FeatureStore(tmp_path)
    store.write(PLAYS, plays(("ada", 0, 1)))
    (tmp_path / "online.sqlite").write_bytes(b"no database at all, and long enough to be looked at" * 50)
    with pytest.raises(FeatureStoreError, match=r"online\.sqlite is damaged .*delete it and call materialize"):
        store.materialize("plays")
    (tmp_path / "online.sqlite").unlink()
    assert store.materialize("plays").updated == 1


def test_a_copy_that_was_killed_is_completed_by_the_next(tmp_path):
    store = FeatureStore(tmp_path)
    store.write(PLAYS, plays(*[(f"u{i:05d}", 0, i) for i in range(12_000)]))
    killed = f"""
import os, signal
from ostinato.features.store import FeatureStore, embedded
put = embedded._transaction
def once(base, seen=[]):
    if seen: os.kill(os.getpid(), signal.SIGKILL)
    seen.append(1)
    return put(base)
embedded._transaction = once
FeatureStore({str(tmp_path)!r}).materialize("plays")
"""
    assert subprocess.run([sys.executable, "-c", killed], check=False).returncode == -9
    with sqlite3.connect(tmp_path / "online.sqlite") as base:
        assert base.execute("SELECT COUNT(*) FROM served").fetchone() == (5000,)  # one batch, whole
    assert store.materialize("plays").updated == 7000
