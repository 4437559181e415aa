"""What a feature store takes in: types, moments, twins; and what it says of what it does not."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from ostinato import FeatureStore, FeatureView
from ostinato.core.errors import FeatureStoreError, UsageError
from ostinato.features.store import DTYPES, code_of

NOON = pd.Timestamp("2026-01-01 12:00", tz="UTC")
ALL = {
    "weight": "float64", "level": "float32", "plays": "int64", "liked": "bool", "größe": "string", "seen": "timestamp"
}  # fmt: skip


def frame(n: int = 3, **columns) -> pd.DataFrame:
    return pd.DataFrame({"user": [f"u{i}" for i in range(n)], "event_time": [NOON] * n, **columns})


def one(column, dtype: str, tmp_path) -> list:
    """A column written and read again."""
    store = FeatureStore(tmp_path)
    values = pd.Series(column)
    given = frame(len(values), x=values)
    store.write(FeatureView("v", "user", {"x": dtype}), given)
    return store.historical(given[["user", "event_time"]], ["v"])["x"]


def refused(frame_: pd.DataFrame, view: FeatureView, tmp_path, said: str, **how) -> None:
    store = FeatureStore(tmp_path)
    store.register(view)
    with pytest.raises(FeatureStoreError, match=said):
        store.write(view, frame_, **how)
    assert store.lineage(view.name) == []


@pytest.mark.parametrize(
    ("dtype", "given", "expected"),
    [
        ("float64", [1, 2.5, None], [1.0, 2.5, None]),
        ("float64", [math.inf, -math.inf, math.nan], [math.inf, -math.inf, None]),
        ("float64", pd.array([1, None], dtype="Int64"), [1.0, None]),
        ("float32", np.array([0.1], dtype=np.float32), [float(np.float32(0.1))]),
        ("int64", [1.0, None, -3.0], [1, None, -3]),
        ("int64", pd.array([2**62 + 1, None], dtype="Int64"), [2**62 + 1, None]),
        ("int64", pd.array([2**63 - 1], dtype="UInt64"), [2**63 - 1]),
        ("int64", pd.Series([7, None], dtype="int64[pyarrow]"), [7, None]),
        ("bool", [True, None, False], [True, None, False]),
        ("bool", pd.array([True, None], dtype="boolean"), [True, None]),
        ("string", ["Å", "", None], ["Å", "", None]),
        ("string", pd.Categorical(["a", None, "b"]), ["a", None, "b"]),
        ("string", pd.Series(["a", None], dtype="string"), ["a", None]),
        ("timestamp", [NOON, None], [NOON, None]),
        ("timestamp", ["2026-01-01T13:00:00+01:00", None], [NOON, None]),
        ("float64", [None, None], [None, None]),
        ("string", [None], [None]),
    ],
)
def test_values_come_back_as_they_went(dtype, given, expected, tmp_path):
    found = one(given, dtype, tmp_path)
    assert [None if pd.isna(value) else value for value in found] == expected


def test_types_do_not_depend_on_gaps(tmp_path):
    values = [1.0, np.float32(1), 1, True, "a", NOON]
    store = FeatureStore(tmp_path)
    view = FeatureView("v", "user", ALL)
    store.write(view, frame(1, **{name: [value] for name, value in zip(ALL, values, strict=True)}))
    full = store.historical(frame(1), ["v"])
    gaps = store.historical(frame(2), ["v"])
    assert full.dtypes.astype(str).tolist() == gaps.dtypes.astype(str).tolist()
    assert set(ALL.values()) == set(DTYPES)


@pytest.mark.parametrize(
    ("dtype", "given", "said"),
    [
        ("int64", [1, 2, "many"], r"feature 'x' of view 'v' is declared int64, but row 2 holds 'many' \(str\)"),
        ("int64", [1.0, 1.5, 2.5], r"row 1 holds 1.5 \(float\), and 1 further rows"),
        ("int64", [1.0, math.inf], "row 1 holds inf"),
        ("int64", [True, False], "row 0 holds True"),
        ("int64", pd.array([2**63], dtype="UInt64"), "row 0 holds 9223372036854775808"),
        ("float64", ["1.0", "2.0"], "row 0 holds '1.0'"),
        ("float64", [2**53 + 1, 1], "integers to 2"),
        ("float32", [1.0, 1e300], "row 1 holds 1e"),
        ("bool", [1, 0], "row 0 holds 1"),
        ("bool", ["yes", True], "row 0 holds 'yes'"),
        ("string", ["a", 1], "row 1 holds 1 "),
        ("string", ["a", b"b"], "row 1 holds b'b'"),
        ("string", ["\ud800"], "not Unicode"),
        ("timestamp", [NOON, NOON.tz_localize(None)], "row 1 without a time zone"),
        ("timestamp", [20260101], "which is no moment"),
    ],
)
def test_a_wrong_value_is_named_by_column_and_row(dtype, given, said, tmp_path):
    view = FeatureView("v", "user", {"x": dtype})
    refused(
        frame(len(given), x=pd.Series(given, dtype=None if hasattr(given, "dtype") else object)), view, tmp_path, said
    )


@pytest.mark.parametrize(
    ("moments", "said"),
    [
        ([NOON.tz_localize(None)] * 3, "row 0 without a time zone.*tz_localize.*assume_utc"),
        (["2026-01-01T12:00:00Z", "2026-01-01T12:00:00Z", "2026-01-01T12:00:00"], "row 2 without a time zone"),
        ([NOON, None, NOON], "missing in 1 of 3 rows, first in row 1"),
        (["2026-01-01T12:00:00Z", "01/02/2026 12:00:00Z", "x"], "row 1.*ISO 8601"),
        (["2026-01-01T12:00:00Z", "last Friday", "x"], "'last Friday'.*row 1, which is no moment"),
        (["2026-01-01T12:00:00Z", "2026-02-30T12:00:00Z", "2026-01-01T12:00:00Z"], "'2026-02-30T12:00:00Z' in row 1"),
        ([1767268800] * 3, "row 0, which is no moment"),
    ],
)
def test_moments_that_cannot_be_placed(moments, said, tmp_path):
    view = FeatureView("v", "user", {"x": "float64"})
    refused(frame(x=[1.0] * 3).assign(event_time=pd.Series(moments, dtype=object)), view, tmp_path, said)


def test_naive_moments_are_utc_when_one_says_so(tmp_path):
    view = FeatureView("v", "user", {"x": "float64"})
    given = frame(x=[1.0, 2.0, 3.0])
    store = FeatureStore(tmp_path)
    store.write(view, given.assign(event_time=given["event_time"].dt.tz_localize(None)), assume_utc=True)
    assert store.historical(given[["user", "event_time"]], ["v"])["x"].tolist() == [1, 2, 3]


def test_frames_that_lack_what_is_needed(tmp_path):
    view = FeatureView("v", "user", {"x": "float64", "y": "float64"})
    refused(frame(x=[1.0] * 3), view, tmp_path / "a", "lacks 1 of 4 columns: 'y'")
    refused(
        frame(x=[1.0] * 3, y=[1.0] * 3).assign(user=["a", None, "b"]), view, tmp_path / "b", "'user'.*missing in 1 of 3"
    )
    refused(frame(x=[1.0] * 3, y=[1.0] * 3)[:0], view, tmp_path / "c", "no rows")
    twice = pd.concat([frame(x=[1.0] * 3), frame(y=[1.0] * 3)[["y", "event_time"]]], axis=1)
    refused(twice, view, tmp_path / "d", "several columns named 'event_time'")
    refused(frame(x=[1.0] * 3, y=[1.0] * 3).assign(user=[1, 2, 3]), view, tmp_path / "e", "'user'.*declared string")


def test_the_last_created_of_twins_wins_and_then_the_last_written(tmp_path):
    store = FeatureStore(tmp_path)
    view = FeatureView("v", "user", {"x": "float64"}, created="known")
    hours = [NOON + timedelta(hours=h) for h in (3, 1, 3)]
    first = store.write(
        view, pd.DataFrame({"user": "a", "event_time": NOON, "known": hours, "x": [1.0, 2.0, 3.0], "more": 1})
    )
    assert (first.rows, first.replaced, first.ignored) == (2, 1, ("more",))
    question = pd.DataFrame({"user": ["a"], "event_time": [NOON]})
    assert store.historical(question, ["v"])["x"].tolist() == [3]
    store.write(view, pd.DataFrame({"user": "a", "event_time": NOON, "known": [NOON], "x": [4.0]}))  # known before
    assert store.historical(question, ["v"])["x"].tolist() == [3]
    store.write(view, pd.DataFrame({"user": "a", "event_time": NOON, "known": hours[:1], "x": [5.0]}))
    assert store.historical(question, ["v"])["x"].tolist() == [5]


def test_the_same_rows_written_again_change_nothing(tmp_path, rng):
    store = FeatureStore(tmp_path, part_rows=10)
    view = FeatureView("v", "user", {"x": "float64"})
    given = frame(50, x=rng.normal(size=50))
    first = store.write(view, given)
    version = store.data_version("v")
    files = sorted(tmp_path.rglob("*.parquet"))
    again = store.write(view, given.sample(frac=1, random_state=1).reset_index(drop=True))
    assert again.repeated
    assert (again.number, again.data_version) == (first.number, version)
    assert sorted(tmp_path.rglob("*.parquet")) == files
    given.loc[7, "x"] += 1e-9
    assert not store.write(view, given).repeated
    assert store.data_version("v") != version


def test_versions_are_those_of_content_and_code(tmp_path):
    def stores():
        for name, values in (("a", [1.0]), ("b", [1.0]), ("c", [2.0])):
            store = FeatureStore(tmp_path / name)
            store.write(FeatureView("v", "user", {"x": "float64"}), frame(1, x=values))
            yield store.data_version("v")

    same, also, other = stores()
    assert same == also != other
    assert FeatureView("v", "user", {"x": "float64"}, code="2").version != same.rpartition(".")[0]


def test_code_is_known_by_what_it_does_and_not_by_how_it_looks(tmp_path):
    import importlib.util

    found = []
    for name, source in {
        "plain": "def f(x):\n    return x + 1\n",
        "pretty": "def f(x):\n    # adds\n\n    return (x +\n        1)\n",
        "other": "def f(x):\n    return x + 2\n",
    }.items():
        path = tmp_path / f"{name}.py"
        path.write_text(source)
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found.append(code_of(module.f))
    assert found[0] == found[1] != found[2]
    with pytest.raises(UsageError, match="version of your own"):
        code_of(len)


def test_another_definition_is_no_accident(tmp_path):
    store = FeatureStore(tmp_path)
    store.write(FeatureView("v", "user", {"x": "float64"}, code="1"), frame(1, x=[1.0]))
    old = store.data_version("v")
    new = FeatureView("v", "user", {"x": "string", "y": "int64"}, code="2")
    with pytest.raises(
        FeatureStoreError,
        match=r"'x' was float64 and is string; feature 'y' is new; its code was '1' and is '2'.*register",
    ):
        store.write(new, frame(1, x=["a"], y=[1]))
    store.register(new)
    assert store.historical(frame(1), ["v:x"])["x"].tolist() == [None]  # rows of versions are never mixed
    store.write(new, frame(1, x=["a"], y=[1]))
    assert store.historical(frame(1), ["v:x"])["x"].tolist() == ["a"]
    assert store.historical(frame(1), ["v:x"], pinned={"v": old})["x"].tolist() == [1.0]


def test_what_is_no_version_changes_at_once(tmp_path):
    store = FeatureStore(tmp_path)
    store.write(FeatureView("v", "user", {"x": "float64"}), frame(1, x=[1.0]))
    store.register(FeatureView("v", "user", {"x": "float64"}, ttl=timedelta(hours=1), owner="Music", tags=["a", "b"]))
    view = FeatureStore(tmp_path).view("v")
    assert (view.owner, view.tags, view.ttl) == ("Music", ("a", "b"), timedelta(hours=1))
    late = frame(1).assign(event_time=NOON + timedelta(hours=2))
    assert store.historical(late, ["v"])["x"].isna().all()


def test_a_view_says_all_its_faults_at_once():
    with pytest.raises(UsageError) as caught:
        FeatureView("no name", {"user": "float64"}, {"a:b": "float16", "__c": "bool", "user": "bool"}, ttl=timedelta(0))
    for said in (
        "no name",
        "'user' is of type 'float64'",
        "float16",
        "'a:b'",
        "'__c'",
        "'user' is named twice",
        "positive",
    ):
        assert said in str(caught.value)
    with pytest.raises(UsageError, match="no features"):
        FeatureView("v", "user", {})
    with pytest.raises(UsageError, match="no entity"):
        FeatureView("v", (), {"x": "bool"})


def test_lineage_and_statistics_of_each_write(tmp_path):
    source = tmp_path / "plays.csv"
    source.write_text("user,x\n")
    store = FeatureStore(tmp_path / "store")
    view = FeatureView("v", "user", {"x": "float64", "word": "string"})
    words = ["b", "a", "b", None]
    write = store.write(view, frame(4, x=[1.0, 3.0, math.inf, None], word=words), sources=[source])
    assert store.lineage("v") == [write]
    (digest,) = write.sources.values()
    assert len(digest) == 64
    assert list(write.files.values()) == [4]
    assert write.event_from == write.event_to == int(NOON.timestamp() * 1e6)
    said = store.statistics("v")
    assert (said["x"]["count"], said["x"]["null_share"], said["x"]["mean"], said["x"]["infinite"]) == (4, 0.25, 2.0, 1)
    assert said["word"]["top"] == [["b", 2], ["a", 1]]
    with pytest.raises(FeatureStoreError, match="no such file"):
        store.write(view, frame(4, x=[1.0] * 4, word=words), sources=[tmp_path / "gone.csv"])
    with pytest.raises(UsageError, match="no write 9"):
        store.statistics("v", 9)


def test_sql_sees_the_views(tmp_path):
    store = FeatureStore(tmp_path)
    store.write(FeatureView("v", "user", {"größe": "float64"}), frame(3, **{"größe": [1.0, 2.0, 3.0]}))
    found = store.sql(
        'SELECT user, "größe" FROM v WHERE event_time >= TIMESTAMPTZ \'2026-01-01\' AND "größe" > 1 ORDER BY 1'
    )
    assert found["user"].tolist() == ["u1", "u2"]
    with pytest.raises(UsageError, match="Tables are .*: v"):
        store.sql("SELECT * FROM w")


def test_python_datetimes_are_moments_too(tmp_path):
    store = FeatureStore(tmp_path)
    view = FeatureView("v", "user", {"x": "float64"})
    store.write(view, frame(1, x=[1.0]).assign(event_time=[NOON.to_pydatetime()]))
    found = store.historical(frame(1), ["v"], known_at=datetime.fromisoformat("2020-01-01T00:00:00+00:00"))
    assert found["x"].isna().all()
