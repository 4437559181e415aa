"""The point-in-time join against a reference that a person can check."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ostinato import FeatureStore, FeatureView
from ostinato.core.errors import FeatureStoreError, UsageError
from ostinato.features.store.asof import last_at, last_known, runs

DAY = 86_400_000_000


def at(day: float) -> pd.Timestamp:
    return pd.Timestamp("2026-01-01", tz="UTC") + pd.Timedelta(days=day)


def view(**rest) -> FeatureView:
    return FeatureView("listening", "user", {"plays": "int64", "mood": "string"}, created="created", **rest)


def rows(*those: tuple[str, float, float, int]) -> pd.DataFrame:
    """(user, event day, creation day, plays)."""
    return pd.DataFrame(
        {
            "user": [user for user, *_ in those],
            "event_time": [at(event) for _, event, _, _ in those],
            "created": [at(created) for _, _, created, _ in those],
            "plays": [plays for *_, plays in those],
            "mood": [f"m{plays}" for *_, plays in those],
        }
    )


def asked(*those: tuple[str, float]) -> pd.DataFrame:
    return pd.DataFrame({"user": [user for user, _ in those], "event_time": [at(day) for _, day in those]})


def naive(writes, questions, ttl, known) -> list[int | None]:
    """Every row of every write against every question."""
    answers: list[int | None] = []
    for user, day in questions:
        best = None
        for number, write in enumerate(writes):
            for place, (owner, event, created, plays) in enumerate(write):
                limit = day if known == "row" else known
                if owner != user or event > day or (limit is not None and created > limit):
                    continue
                best = max(best or (-np.inf,), (event, created, number, place, plays))
        gone = best is None or (ttl is not None and day - best[0] > ttl)
        answers.append(None if gone else best[-1])
    return answers


USERS = st.sampled_from(["ada", "bob", "Çelik", ""])
DAYS = st.integers(0, 12)
ROWS = st.tuples(USERS, DAYS, DAYS, st.integers(-(2**63), 2**63 - 1))


@settings(max_examples=40, deadline=None)
@example(  # more rows of one moment than a part holds
    writes=[[("ada", 0, 0, 0)], [("ada", 0, 0, 1)], [("ada", 0, 0, -1)]],
    questions=[],
    ttl=None,
    known=None,
    part_rows=2,
    compact=True,
)
@given(
    writes=st.lists(st.lists(ROWS, min_size=1, max_size=15), min_size=1, max_size=4),
    questions=st.lists(st.tuples(USERS, DAYS), max_size=25),
    ttl=st.none() | st.integers(1, 6),
    known=st.none() | st.just("row") | DAYS,
    part_rows=st.sampled_from([2, 5, 1000]),
    compact=st.booleans(),
)
def test_the_join_is_that_of_the_reference(writes, questions, ttl, known, part_rows, compact):
    # equal contents are one write, wherever they stand
    kept = [w for n, w in enumerate(writes) if sorted(set_of(w)) not in [sorted(set_of(v)) for v in writes[:n]]]
    with tempfile.TemporaryDirectory() as folder:
        store = FeatureStore(folder, part_rows=part_rows)
        named = view(ttl=None if ttl is None else timedelta(days=ttl))
        versions = [store.write(named, rows(*write)).data_version for write in kept]
        if compact:
            store.compact("listening")
        limit = at(known) if isinstance(known, int) else known
        for count, version in enumerate(versions, start=1):
            found = store.historical(
                asked(*questions) if questions else asked(("x", 0))[:0],
                ["listening"],
                known_at=limit,
                pinned={"listening": version} if count < len(versions) else None,
            )
            expected = naive(kept[:count], questions, ttl, known)
            assert [None if pd.isna(value) else int(value) for value in found["plays"]] == expected
            assert found["mood"].tolist() == [None if value is None else f"m{value}" for value in expected]


def set_of(write):
    """What remains of a write: the last row of each user, event and creation."""
    return {(user, event, created): plays for user, event, created, plays in write}.items()


def test_it_equals_merge_asof_on_many_rows(tmp_path, rng):
    n, m = 20_000, 5_000
    events = pd.DataFrame(
        {
            "track": rng.integers(0, 300, n),
            "event_time": pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(rng.permutation(n), unit="s"),
            "level": rng.normal(size=n).astype(np.float32),
        }
    )
    store = FeatureStore(tmp_path, part_rows=3000)
    named = FeatureView("loudness", {"track": "int64"}, {"level": "float32"}, ttl=timedelta(seconds=40))
    for some in np.array_split(rng.permutation(n), 3):
        store.write(named, events.iloc[some])
    questions = pd.DataFrame(
        {
            "track": rng.integers(0, 400, m),
            "event_time": pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(rng.integers(0, n, m), unit="s"),
        },
        index=rng.permutation(m),
    )
    found = store.historical(questions, ["loudness:level"], with_origin=True)
    ordered = questions.reset_index(names="place").sort_values("event_time")
    expected = pd.merge_asof(
        ordered, events.sort_values("event_time"), on="event_time", by="track", tolerance=pd.Timedelta(seconds=40)
    ).set_index("place")
    assert found.index.tolist() == questions.index.tolist()
    assert found["level"].dtype == np.float32
    assert found["level"].notna().sum() > 100
    pd.testing.assert_series_equal(found["level"], expected["level"].reindex(questions.index), check_names=False)
    age = found["event_time"] - found["loudness__event_time"]
    assert age.dropna().between(pd.Timedelta(0), pd.Timedelta(seconds=40)).all()


def test_late_rows_and_corrections_change_what_is_known_and_not_what_was(tmp_path):
    store = FeatureStore(tmp_path)
    store.write(view(), rows(("ada", 1, 1, 10), ("ada", 5, 5, 50)))
    store.write(view(), rows(("ada", 3, 8, 30), ("ada", 1, 9, 11)))  # one late, one corrected
    question = asked(("ada", 2), ("ada", 4), ("ada", 6))
    assert store.historical(question, ["listening:plays"])["plays"].tolist() == [11, 30, 50]
    assert store.historical(question, ["listening:plays"], known_at="row")["plays"].tolist() == [10, 10, 50]
    assert store.historical(question, ["listening:plays"], known_at=at(8))["plays"].tolist() == [10, 30, 50]


def test_a_value_holds_for_its_time_and_not_a_microsecond_more(tmp_path):
    store = FeatureStore(tmp_path)
    store.write(view(ttl=timedelta(days=2)), rows(("ada", 1, 1, 10)))
    question = asked(("ada", 3), ("ada", 1), ("ada", 0))
    question.loc[3] = ["ada", at(3) + pd.Timedelta(microseconds=1)]
    assert store.historical(question, ["listening:plays"])["plays"].tolist() == [10, 10, pd.NA, pd.NA]


def test_where_a_value_came_from(tmp_path):
    store = FeatureStore(tmp_path)
    store.write(view(), rows(("ada", 1, 1, 10)))
    store.write(view(), rows(("ada", 2, 2, 20)))
    found = store.historical(asked(("ada", 3), ("ada", 1), ("bob", 1)), ["listening:plays"], with_origin=True)
    assert found["listening__event_time"].tolist() == [at(2), at(1), pd.NaT]
    assert found["listening__write"].tolist() == [2, 1, pd.NA]


@pytest.mark.parametrize(
    "index", [[5, 5, 5], pd.MultiIndex.from_tuples([(1, "a"), (0, "b"), (1, "a")]), ["z", None, 3]]
)
def test_the_index_stays_whatever_it_is(tmp_path, index):
    store = FeatureStore(tmp_path)
    store.write(view(), rows(("ada", 1, 1, 10)))
    question = asked(("ada", 3), ("bob", 1), ("ada", 0)).set_axis(index)
    found = store.historical(question, ["listening:plays"], with_origin=True)
    assert found.index.equals(question.index)
    assert found["plays"].tolist() == [10, pd.NA, pd.NA]


def test_nanoseconds_never_show_the_future(tmp_path):
    store = FeatureStore(tmp_path)
    moment = pd.Timestamp("2026-01-01T00:00:00.000000900", tz="UTC")
    store.write(
        FeatureView("v", "user", {"x": "float64"}), pd.DataFrame({"user": ["a"], "event_time": [moment], "x": [1.0]})
    )
    before = pd.DataFrame({"user": ["a", "a"], "event_time": [moment - pd.Timedelta(100, "ns"), moment.ceil("us")]})
    assert store.historical(before, ["v"])["x"].isna().tolist() == [True, False]


def test_several_views_and_keys_of_several_columns(tmp_path):
    store = FeatureStore(tmp_path)
    pairs = FeatureView("pair", {"user": "string", "track": "int64"}, {"plays": "int64"})
    when = [at(1)] * 3
    store.write(
        pairs, pd.DataFrame({"user": list("aab"), "track": [1, 2, 1], "event_time": when, "plays": [11, 12, 21]})
    )
    store.write(view(), rows(("a", 1, 1, 7)))
    question = pd.DataFrame({"user": ["b", "a", "b", None, "a"], "track": [1, 2, 2, 1, 9], "event_time": [at(2)] * 5})
    found = store.historical(question, ["pair", "listening:plays"], full_names=True)
    assert found["pair__plays"].tolist() == [21, 12, pd.NA, pd.NA, pd.NA]
    assert found["listening__plays"].tolist() == [pd.NA, 7, pd.NA, pd.NA, 7]
    with pytest.raises(UsageError, match="full_names"):
        store.historical(question, ["pair", "listening"])


def test_clocks_of_several_zones_are_one(tmp_path):
    store = FeatureStore(tmp_path)
    frame = rows(("ada", 1, 1, 10))
    frame["event_time"] = ["2026-01-02T05:00:00+05:00"]
    store.write(view(), frame)
    moments = [
        "2026-01-01T19:00:00-05:00",
        "2026-01-02T00:59:59+01:00",
        pd.Timestamp("2026-01-02 09:00", tz="Asia/Tokyo"),
    ]
    question = pd.DataFrame({"user": "ada", "event_time": pd.Series(moments, dtype=object)})
    assert store.historical(question, ["listening:plays"])["plays"].tolist() == [10, pd.NA, 10]
    with pytest.raises(FeatureStoreError, match="row 1 without a time zone"):
        store.historical(
            question.assign(event_time=pd.Series([moments[0], "2026-01-02T00:00:00", moments[2]], dtype=object)),
            ["listening"],
        )


@pytest.mark.parametrize(
    ("features", "said"),
    [
        (["nothing"], "no feature view 'nothing'.*it has: listening"),
        (["listening:tempo"], "no feature 'tempo'; it has: plays, mood"),
        (["listening", "listening:plays"], "asked for twice"),
        ("listening", "expected a list"),
        ([], "expected a list"),
    ],
)
def test_features_that_are_not_there(tmp_path, features, said):
    store = FeatureStore(tmp_path)
    store.register(view())
    with pytest.raises(UsageError, match=said):
        store.historical(asked(("ada", 1)), features)


def test_questions_that_cannot_be_asked(tmp_path):
    store = FeatureStore(tmp_path)
    store.register(view())
    question = asked(("ada", 1))
    assert store.historical(question, ["listening"])["plays"].tolist() == [pd.NA]  # nothing was written yet
    with pytest.raises(FeatureStoreError, match="no column 'when'.*timestamp="):
        store.historical(question, ["listening"], timestamp="when")
    with pytest.raises(FeatureStoreError, match="lacks 'user'"):
        store.historical(question.drop(columns="user"), ["listening"])
    with pytest.raises(FeatureStoreError, match="'user'.*declared string, but row 0 holds 7"):
        store.historical(question.assign(user=7), ["listening"])
    with pytest.raises(UsageError, match="no data version 'x'"):
        store.historical(question, ["listening"], pinned={"listening": "x"})
    with pytest.raises(UsageError, match="known_at='later'"):
        store.historical(question, ["listening"], known_at="later")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="expected a pandas DataFrame, got dict"):
        store.historical({"user": ["ada"]}, ["listening"])  # type: ignore[arg-type]
    with pytest.raises(FeatureStoreError, match="several columns named 'user'"):
        store.historical(pd.concat([question, question[["user"]]], axis=1), ["listening"])
    empty = store.historical(question[:0], ["listening"])
    assert len(empty) == 0
    assert empty["plays"].dtype == pd.Int64Dtype()


@given(st.lists(st.lists(st.integers(0, 9), max_size=9), min_size=1, max_size=6), st.integers(-1, 10))
def test_halving_and_the_tree_of_minima(groups, moment):
    times = np.array([time for group in groups for time in sorted(group)], dtype=np.int64)
    known = np.array([time for group in groups for time in group], dtype=np.int64)
    edges = list(pairwise(np.cumsum([0, *map(len, groups)])))
    starts, ends = (np.array([edge[side] for edge in edges], dtype=np.int64) for side in (0, 1))
    moments = np.full(len(groups), moment)
    expected = [max([i for i in range(a, b) if times[i] <= moment], default=-1) for a, b in edges]
    assert last_at(times, starts, ends, moments).tolist() == expected
    expected = [max([i for i in range(a, b) if known[i] <= moment], default=-1) for a, b in edges]
    assert last_known(known, np.where(ends > starts, ends - 1, -1), starts, moments).tolist() == expected


def test_no_rows_have_no_runs():
    assert [each.tolist() for each in runs(np.array([]))] == [[], []]


def test_logs_of_thirty_days_that_come_out_of_order(tmp_path, shared, rng):
    days = sorted((shared / "events" / "sparkify").glob("*.json"))
    logs = [pd.read_json(day, lines=True, dtype={"userId": str, "ts": "int64"}, convert_dates=False) for day in days]
    events = pd.concat(logs, keys=range(len(days)), names=["day", None]).query("userId != ''")
    events = events.assign(event_time=pd.to_datetime(events["ts"], unit="ms", utc=True)).drop_duplicates(
        ["userId", "ts"]
    )
    named = FeatureView("session", {"userId": "string"}, {"sessionId": "int64", "level": "string", "song": "string"})
    store = FeatureStore(tmp_path)
    for day in rng.permutation(len(days)):
        store.write(named, events.loc[day])
    rows = events.iloc[rng.integers(0, len(events), 400)].reset_index(drop=True)
    rows["event_time"] += pd.to_timedelta(rng.integers(-5, 5, 400), unit="min")
    question = rows[["userId", "event_time"]]
    found = store.historical(question, ["session"])
    for row in found.itertuples():
        own = events[(events["userId"] == row.userId) & (events["event_time"] <= row.event_time)]
        if own.empty:
            assert pd.isna(row.sessionId)
            continue
        last = own.loc[own["event_time"].idxmax()]
        assert (row.sessionId, row.level, row.song) == (last["sessionId"], last["level"], last["song"])
    assert found["sessionId"].notna().sum() > 300
