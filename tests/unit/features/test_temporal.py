"""Features in time: equal to a naive reference, and blind to everything later than the row."""

from __future__ import annotations

import json

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from sklearn.base import clone

from ostinato import TemporalFeatureExtractor
from ostinato.core.errors import UsageError

ALL = ["count", "sum", "mean", "std", "min", "max", "median", "distinct", "first", "last"]
PAST = [
    {"kind": "lag", "of": "v", "steps": [1, 2], "spans": ["3h"]},
    {"kind": "rolling", "of": "v", "window": 3, "stats": ALL},
    {"kind": "rolling", "of": "v", "window": "5h", "stats": ALL, "least": 2},
    {"kind": "rolling", "of": "w", "window": "5h", "stats": ["distinct", "count"]},
    {"kind": "expanding", "of": "v", "stats": ["mean", "std", "median", "distinct"]},
    {"kind": "exponential", "of": "v", "halflife": 2},
    {"kind": "exponential", "of": "v", "halflife": "4h"},
    {"kind": "trend", "of": "v", "window": 4},
    {"kind": "trend", "of": "v", "window": "9h"},
    {"kind": "seasonal", "of": "v", "every": "1h", "period": 2},
    {"kind": "seasonal", "every": "1h", "period": 3, "stat": "count", "refit": 1},
    {"kind": "rolling", "window": "1D", "stats": ["count"], "where": {"w": ["a", "b"]}},
    {"kind": "lag", "of": "v", "where": {"w": "a"}},
    {"kind": "sessions", "gap": "2h"},
    {"kind": "activity", "of": "v", "spans": ["4h", "1D"]},
]
CLOCK = [
    {"kind": "fourier", "period": "1D", "order": 2},
    {"kind": "dates", "parts": ["year", "week", "dayofweek", "hour", "weekend", "month_end"]},
    {"kind": "holidays", "country": "AT"},
]
START = pd.Timestamp("2024-05-01")


def table(rows: list[tuple[int, int, float | None, str | None]]) -> pd.DataFrame:
    hours, users, values, words = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "at": START + pd.to_timedelta(np.array(hours) * 30, unit="min"),
            "user": [f"ü{user}" for user in users],
            "v": np.array([np.nan if v is None else v for v in values], dtype=float),
            "w": pd.Series(words, dtype=object),
        }
    )


def random_table(rng: np.random.Generator, n: int = 120) -> pd.DataFrame:
    values = np.where(rng.random(n) < 0.1, np.nan, np.round(rng.normal(size=n), 1))
    words = rng.choice(np.array(["a", "b", "c", None], dtype=object), n)
    return table(list(zip(rng.integers(0, 60, n), rng.integers(0, 4, n), values, words, strict=True)))


CELLS = st.tuples(
    st.integers(0, 40),
    st.integers(0, 2),
    st.one_of(st.none(), st.floats(-1e6, 1e6), st.sampled_from([0.0, 1.0, 1e-9])),
    st.sampled_from(["a", "b", None]),
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=st.lists(CELLS, min_size=2, max_size=30), data=st.data(), ties=st.sampled_from(["exclude", "order"]))
def test_what_is_later_changes_nothing(rows, data, ties):
    X = table(rows)
    t = data.draw(st.integers(0, len(X) - 1))
    extractor = TemporalFeatureExtractor("at", "user", features=PAST + CLOCK, ties=ties)
    before = extractor.fit_transform(X)
    later = (X["at"] > X["at"].iloc[t]).to_numpy()
    if ties == "exclude":  # nor does what happens at the same moment, the row itself included
        later |= (X["at"] == X["at"].iloc[t]).to_numpy()
    changed = X.copy()
    changed.loc[later, "v"] = data.draw(st.one_of(st.just(np.nan), st.floats(-1e9, 1e9)))
    changed.loc[later, "w"] = data.draw(st.sampled_from(["a", "zzz", None]))
    keep = np.arange(len(X)) == t
    drop = np.array(data.draw(st.lists(st.booleans(), min_size=len(X), max_size=len(X)))) & later & ~keep
    changed = changed[~drop]
    after = extractor.fit_transform(changed)
    pd.testing.assert_series_equal(before.loc[t], after.loc[t], check_exact=True)


@settings(max_examples=15, deadline=None)
@given(rows=st.lists(CELLS, min_size=2, max_size=25), delay=st.sampled_from(["1h", "7h"]))
def test_a_delay_hides_what_is_younger(rows, delay):
    X = table(rows)
    own = TemporalFeatureExtractor("at", "user", features=PAST, delay=delay)
    before = own.fit_transform(X)
    t = int(X["at"].argmax())
    young = (X["at"] > X["at"].iloc[t] - pd.Timedelta(delay)).to_numpy() & (np.arange(len(X)) != t)
    after = own.fit_transform(X[~young].assign(v=lambda f: f["v"].where(f.index != t, -77.0)))
    pd.testing.assert_series_equal(before.loc[t], after.loc[t], check_exact=True)


def naive(X: pd.DataFrame, ties: str, now: bool = False) -> pd.DataFrame:
    """What a person would write: for each row, the rows before it, and pandas on them."""
    X, rows = X.assign(place=np.arange(len(X))), []
    for row in X.itertuples():
        own = X[X["user"] == row.user]
        seen = own["at"] <= row.at if now else own["at"] < row.at
        if ties == "order":
            seen = (own["at"] < row.at) | ((own["at"] == row.at) & (own["place"] < row.place + now))
        past = own[seen].sort_values(["at", "place"])
        hours = (
            past[past["at"] > row.at - pd.Timedelta("5h")] if now else past[past["at"] >= row.at - pd.Timedelta("5h")]
        )
        rows.append({**_lags(past, row), **_window(past.tail(3), "3", 1), **_window(hours, "5h", 2), **_weights(past)})
    return pd.DataFrame(rows, index=X.index)


def _lags(past, row):
    v = past["v"].to_numpy()
    old = past[past["at"] <= row.at - pd.Timedelta("3h")]["v"].to_numpy()
    return {
        "v_lag_1": v[-1] if len(v) else np.nan,
        "v_lag_2": v[-2] if len(v) > 1 else np.nan,
        "v_before_3h": old[-1] if len(old) else np.nan,
    }


def _window(own, label, least):
    v = own["v"]
    told = {
        "mean": v.mean(), "std": v.std(), "min": v.min(), "max": v.max(), "median": v.median(),
        "first": v.iloc[0] if len(v) else np.nan, "last": v.iloc[-1] if len(v) else np.nan,
        "sum": v.sum(), "count": v.count(), "distinct": v.nunique(),
    }  # fmt: skip
    if v.count() < least:
        told = {
            name: value if name in ("count", "sum", "distinct") and least == 1 else np.nan
            for name, value in told.items()
        }
    return {f"v_{name}_{label}": value for name, value in told.items()}


def _weights(past):
    by_rows, by_time = np.nan, np.nan
    if past["v"].notna().any():
        by_rows = past["v"].ewm(halflife=2, ignore_na=False).mean().iloc[-1]
        age = (past["at"].iloc[-1] - past["at"]) / pd.Timedelta("4h")
        weight = np.where(past["v"].notna(), 0.5**age, 0)
        by_time = (weight * past["v"].fillna(0)).sum() / weight.sum()
    days = (past["at"] - START) / pd.Timedelta("1D")
    last = past.tail(4).dropna(subset=["v"])
    moves = len(last) and days[last.index].nunique() > 1
    slope = np.polyfit(days[last.index], last["v"], 1)[0] if moves else np.nan
    return {"v_exponential_2": by_rows, "v_exponential_4h": by_time, "v_slope_4": slope}


@pytest.mark.parametrize("ties", ["exclude", "order"])
@pytest.mark.parametrize("seed", [0, 1])
def test_equals_a_naive_reference(ties, seed):
    X = random_table(np.random.default_rng(seed))
    wanted = naive(X, ties)
    found = TemporalFeatureExtractor("at", "user", features=PAST, ties=ties).fit_transform(X)
    pd.testing.assert_frame_equal(found[wanted.columns], wanted.astype(float), check_exact=False, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("ties", ["exclude", "order"])
def test_windows_that_end_with_the_row(rng, ties):
    X = random_table(rng)
    wanted = naive(X, ties, now=True)
    specs = [
        each | {"now": True}
        for each in PAST
        if each["kind"] in ("rolling", "exponential", "trend") and each.get("of") == "v"
    ]
    found = TemporalFeatureExtractor("at", "user", features=specs, ties=ties).fit_transform(X)
    found.columns = [name.removesuffix("_now") for name in found.columns]
    both = [name for name in wanted.columns if name in found.columns]
    assert len(both) > 20
    pd.testing.assert_frame_equal(found[both], wanted[both].astype(float), check_exact=False, rtol=1e-9, atol=1e-9)


def test_filtered_features_are_those_of_the_filtered_table(rng):
    X = random_table(rng)
    specs = [
        {"kind": "rolling", "of": "v", "window": 3, "stats": ["mean"], "where": {"w": "a"}},
        {"kind": "sessions", "where": {"w": "a"}},
    ]
    found = TemporalFeatureExtractor("at", "user", features=specs).fit_transform(X)
    plain = TemporalFeatureExtractor(
        "at", "user", features=[{k: v for k, v in s.items() if k != "where"} for s in specs]
    )
    wanted = plain.fit(X[X["w"] == "a"]).as_of(X)
    assert list(found.columns) == [f"{name}_when_w_a" for name in wanted.columns]
    np.testing.assert_array_equal(found.to_numpy(), wanted.to_numpy())


def test_the_order_of_the_table_does_not_matter(rng):
    X = random_table(rng).drop_duplicates(["at", "user"])
    own = TemporalFeatureExtractor("at", "user", features=PAST)
    shuffled = own.fit_transform(X.sample(frac=1, random_state=1)).loc[X.index]
    pd.testing.assert_frame_equal(own.fit_transform(X), shuffled)


def test_sessions_and_activity_by_hand():
    at = pd.to_datetime(
        ["2024-05-01 10:00", "2024-05-01 10:10", "2024-05-01 12:00", "2024-05-01 12:05", "2024-05-03 12:05"]
    )
    X = pd.DataFrame({"at": at, "user": "a", "v": [1.0, 2.0, 3.0, 4.0, 5.0]})
    own = TemporalFeatureExtractor(
        "at", "user", features=[{"kind": "sessions"}, {"kind": "activity", "of": "v", "spans": ["1h"]}]
    )
    found = own.fit_transform(X)
    assert found["session_number_30min"].tolist() == [1, 1, 2, 2, 3]
    assert found["session_events_30min"].tolist() == [0, 1, 0, 1, 0]
    assert found["session_seconds_30min"].tolist() == [0, 600, 0, 300, 0]
    np.testing.assert_array_equal(found["session_mean_events_30min"], [np.nan, np.nan, 2, 2, 2])
    np.testing.assert_array_equal(found["session_mean_seconds_30min"], [np.nan, np.nan, 600, 600, 450])
    np.testing.assert_allclose(found["recency_days"], [np.nan, 1 / 144, 11 / 144, 1 / 288, 2])
    assert found["events_so_far"].tolist() == [0, 1, 2, 3, 4]
    assert found["active_days"].tolist() == [0, 1, 1, 1, 1]
    assert found["v_sum_1h"].tolist() == [0, 1, 0, 3, 0]


def test_a_season_is_found_in_the_past():
    days = np.arange(70)
    X = pd.DataFrame(
        {"at": pd.Timestamp("2024-01-01") + pd.to_timedelta(days, unit="D"), "v": 10 + 5.0 * (days % 7 == 0)}
    )
    found = TemporalFeatureExtractor(features=[{"kind": "seasonal", "of": "v"}]).fit_transform(X)
    assert found.iloc[:14].isna().all(axis=None)
    late = found.iloc[-14:]
    high = late.index.to_numpy() % 7 == 0
    assert late.loc[high, "v_mean_season_7x1D"].min() > 3
    assert late.loc[~high, "v_mean_season_7x1D"].max() < 1
    assert late["v_mean_season_strength_7x1D"].min() > 0.95


def test_several_zones_are_one_clock():
    words = ["2024-05-01T12:00:00+02:00", "2024-05-01T11:00:00Z", "2024-05-01T05:30:00-04:00"]
    X = pd.DataFrame({"at": words, "v": [1.0, 2.0, 3.0]})
    found = TemporalFeatureExtractor(features=[{"kind": "lag", "of": "v"}]).fit_transform(X)
    np.testing.assert_array_equal(found["v_lag_1"], [3.0, 1.0, np.nan])
    utc = TemporalFeatureExtractor(features=[{"kind": "dates", "parts": ["hour"]}])
    assert utc.fit_transform(X)["at_hour"].tolist() == [10, 11, 9]
    vienna = TemporalFeatureExtractor(features=[{"kind": "dates", "parts": ["hour"]}], tz="Europe/Vienna")
    assert vienna.fit_transform(X)["at_hour"].tolist() == [12, 13, 11]


def test_numbers_keep_every_millisecond():
    X = pd.DataFrame({"ts": [1540991795796.0, 1540991795797.0], "v": [1.0, 2.0]})
    own = TemporalFeatureExtractor("ts", features=[{"kind": "activity"}], unit="ms")
    assert own.fit_transform(X)["recency_days"].iloc[1] * 86_400 == pytest.approx(0.001, abs=1e-12)


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (["2024-05-01", None], "1 rows have no time"),
        (["2024-05-01T10:00Z", "2024-05-01T10:00"], "mixes moments with a zone"),
        (["2024-05-01", "01/05/2024"], "no ISO date, such as '01/05/2024'"),
        (["2024-05-01", 7], "7 is no moment"),
        ([1, 2], "unit="),
        ([True, False], "not moments"),
        (["9999-01-01", "2024-05-01"], "1678 to 2262"),
    ],
)
def test_moments_that_cannot_be_read(at, said):
    X = pd.DataFrame({"at": pd.Series(at), "v": [1.0, 2.0]})
    with pytest.raises(UsageError, match=said):
        TemporalFeatureExtractor(values=["v"]).fit(X)


def test_an_hour_that_occurs_twice_is_not_guessed():
    X = pd.DataFrame({"at": pd.to_datetime(["2024-10-27 02:30"]), "v": [1.0]})
    with pytest.raises(UsageError, match="clocks were changed"):
        TemporalFeatureExtractor(values=["v"], tz="Europe/Vienna").fit(X)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"features": [{"kind": "lagg", "of": "v"}]}, "1 faults"),
        ({"features": [{"kind": "rolling", "of": "v", "window": "soon"}]}, "'soon' is no span"),
        ({"features": [{"kind": "rolling", "window": 3, "stats": ["mean"]}]}, "need a column"),
        ({"features": [{"kind": "lag", "of": "v"}] * 2}, "two entries"),
        ({"features": [{"kind": "lag", "of": "gone"}]}, "lacks the columns 'gone'"),
        ({"features": [{"kind": "lag", "of": "w"}]}, "is no number"),
        ({"features": [{"kind": "holidays", "country": "Atlantis"}]}, "no holidays are known"),
        ({"features": [{"kind": "exponential", "of": "v", "halflife": 2, "now": True}], "delay": "1D"}, "drop one"),
        ({"entity": "nobody"}, "lacks the columns 'nobody'"),
        ({"ties": "toss"}, "neither 'exclude' nor 'order'"),
        ({"tz": "Mars/Base"}, "no time zone"),
        ({"delay": "-1D"}, "no span"),
    ],
)
def test_calls_that_are_wrong(rng, changes, said):
    with pytest.raises(UsageError, match=said):
        TemporalFeatureExtractor(**({"entity": "user", "values": ["v"]} | changes)).fit(random_table(rng))


def test_tables_that_are_wrong(rng):
    X = random_table(rng)
    own = TemporalFeatureExtractor(entity="user", values=["v"]).fit(X)
    for wrong, said in [
        (X.to_numpy(), "give a DataFrame"),
        (X.drop(columns="v"), "lacks the columns 'v'"),
        (X.assign(v=np.inf), "infinite"),
        (X.assign(at=X["at"].dt.tz_localize("UTC")), "put in order"),
        (X.assign(user=np.arange(len(X))), "no entity would be found again"),
    ]:
        with pytest.raises(UsageError, match=said):
            own.transform(wrong)
    with pytest.raises(UsageError, match="0 rows"):
        own.fit(X[:0])


def test_odd_tables(rng):
    X = random_table(rng, 40)
    own = TemporalFeatureExtractor("at", "user", features=PAST + CLOCK)
    assert own.fit_transform(X[:1]).shape == (1, len(own.get_feature_names_out()))
    assert own.fit(X).transform(X[:0]).shape == (0, len(own.get_feature_names_out()))
    empty = own.fit_transform(X.assign(v=np.nan, w=None))
    assert empty["v_mean_3"].isna().all()
    assert (empty["v_count_3"] == 0).all()
    nobody = own.fit_transform(X.assign(user=[None, ""] * 20))
    assert nobody["events_so_far"].isna().all()
    assert nobody["at_hour"].notna().all()
    pd.testing.assert_frame_equal(own.fit_transform(X.assign(user=X["user"].astype("category"))), own.fit_transform(X))
    pd.testing.assert_frame_equal(own.fit_transform(X.assign(at=X["at"].astype(str))), own.fit_transform(X))
    assert list(own.fit_transform(X.set_index(pd.Index([7] * len(X)))).index) == [7] * len(X)


def test_new_rows_see_the_kept_ones_once(rng):
    X = random_table(rng).sort_values("at", kind="stable").reset_index(drop=True)
    own = TemporalFeatureExtractor("at", "user", features=PAST)
    whole = own.fit_transform(X)
    pd.testing.assert_frame_equal(own.transform(X), whole)
    half = int(np.searchsorted(X["at"], X["at"].iloc[60]))
    pd.testing.assert_frame_equal(own.fit(X[:half]).transform(X[half:]), whole[half:])
    pd.testing.assert_frame_equal(own.fit(X[:half]).transform(X[half - 9 :]), whole[half - 9 :])
    pd.testing.assert_frame_equal(own.fit(X[:half]).partial_fit(X[half - 5 : 90]).transform(X[90:]), whole[90:])
    pd.testing.assert_frame_equal(own.fit(X).as_of(X[["user", "at"]]), whole)
    alone = clone(own).set_params(history=False).fit(X[:half]).transform(X[half:])
    pd.testing.assert_frame_equal(alone, own.fit_transform(X[half:]))


def test_keys_with_a_gap_are_the_same_keys():
    X = pd.DataFrame({"at": pd.date_range("2024-01-01", periods=4), "user": [1, 1, 2, 1], "v": [1.0, 2.0, 3.0, 4.0]})
    own = TemporalFeatureExtractor(entity="user", values=["v"]).fit(X)
    gap = pd.concat(
        [X, pd.DataFrame({"at": [pd.Timestamp("2024-01-09")], "user": [np.nan], "v": [0.0]})], ignore_index=True
    )
    assert gap["user"].dtype == float
    pd.testing.assert_frame_equal(own.transform(gap)[:4], own.transform(X))


def test_an_entity_of_two_columns(rng):
    X = random_table(rng).assign(place=rng.integers(0, 2, 120))
    two = TemporalFeatureExtractor(entity=["user", "place"], values=["v"]).fit_transform(X)
    one = TemporalFeatureExtractor(entity="both", values=["v"])
    pd.testing.assert_frame_equal(two, one.fit_transform(X.assign(both=X["user"] + X["place"].astype(str))))


def test_scikit_learns_conventions(rng):
    X = random_table(rng)
    own = TemporalFeatureExtractor("at", "user", ["v"])
    found = own.set_output(transform="pandas").fit_transform(X)
    assert list(found.columns) == list(own.get_feature_names_out())
    assert clone(own).get_params() == own.get_params()
    assert own.feature_names_in_.tolist() == ["at", "user", "v", "w"]
    described = own.describe()
    assert list(described.index) == list(found.columns)
    specs = json.loads(json.dumps(described["spec"].tolist()))
    again = TemporalFeatureExtractor("at", "user", features=list({json.dumps(each): each for each in specs}.values()))
    pd.testing.assert_frame_equal(again.fit_transform(X), found)


def test_listening_events(shared):
    files = sorted((shared / "events" / "sparkify").glob("*.json"))
    events = pd.concat([pd.read_json(each, lines=True, convert_dates=False, dtype={"userId": str}) for each in files])
    own = TemporalFeatureExtractor("ts", "userId", unit="ms", features=[{"kind": "activity"}, {"kind": "sessions"}])
    found = own.fit_transform(events.reset_index(drop=True))
    known = (events["userId"] != "").to_numpy()
    assert found["events_so_far"].notna().to_numpy().tolist() == known.tolist()
    # the log's own sessions: the extractor's are no finer where nobody pauses for half an hour within one
    assert (
        0.7
        < found["session_number_30min"].max()
        / events.groupby("userId")["sessionId"].nunique()[lambda s: s.index != ""].max()
        < 1.5
    )
