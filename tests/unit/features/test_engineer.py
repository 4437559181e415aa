"""Declared features: what they compute, that they leak nothing, and what is proposed."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from ostinato import FeatureEngineer
from ostinato.core.errors import UsageError


@pytest.fixture
def songs(rng):
    n = 400
    return pd.DataFrame(
        {
            "plays": rng.poisson(200, n).astype(float),
            "days": rng.integers(0, 30, n),
            "artist": rng.choice([f"Künstler {i}" for i in range(40)], n),
            "title": rng.choice(np.array(["One", "two Words", "THREE more, words!", None], dtype=object), n),
            "released": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D"),
            "heard": pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 90, n), unit="D"),
        }
    )


def test_values_of_a_row(songs):
    specs = [
        {"kind": "ratio", "of": "plays", "by": "days"},
        {"kind": "difference", "of": "plays", "minus": "days"},
        {"kind": "product", "of": "plays", "by": "days", "name": "product"},
        {"kind": "log", "of": "product"},
        {"kind": "bins", "of": "plays", "count": 4},
        {"kind": "bins", "of": "days", "edges": [10, 20]},
        {"kind": "text", "of": "title", "parts": ["characters", "words", "digits", "uppercase", "punctuation", "mean_word"]},
        {"kind": "dates", "of": "released", "parts": ["year", "month"]},
        {"kind": "elapsed", "since": "released", "until": "heard"},
        {"kind": "frequency", "of": "artist"},
    ]  # fmt: skip
    found = FeatureEngineer(specs).fit_transform(songs)
    assert list(found.columns[:6]) == list(songs.columns)
    zero = (songs["days"] == 0).to_numpy()
    assert found["plays_per_days"].isna().to_numpy().tolist() == zero.tolist()
    np.testing.assert_allclose(found["plays_per_days"][~zero], songs["plays"][~zero] / songs["days"][~zero])
    np.testing.assert_allclose(found["log_product"], np.log1p(songs["plays"] * songs["days"]))
    assert found["plays_bin"].value_counts().min() > 60
    np.testing.assert_array_equal(found["days_bin"], np.digitize(songs["days"], [10, 20]))
    three = found[songs["title"] == "THREE more, words!"].iloc[0]
    assert three[["title_words", "title_uppercase", "title_punctuation", "title_digits"]].tolist() == [3, 5, 2, 0]
    assert found.loc[songs["title"].isna(), "title_words"].isna().all()
    np.testing.assert_array_equal(found["days_released_to_heard"], (songs["heard"] - songs["released"]).dt.days)
    assert (
        found["artist_frequency"].mul(len(songs)).round().eq(songs.groupby("artist")["artist"].transform("count")).all()
    )


def test_aggregates_over_other_rows(songs, rng):
    y = rng.normal(size=len(songs))
    specs = [
        {"kind": "aggregate", "by": "artist"},
        {"kind": "aggregate", "by": "artist", "of": "plays", "how": "all"},
        {"kind": "aggregate", "by": "artist", "of": "plays", "stat": "max", "name": "most"},
    ]
    engineer = FeatureEngineer(specs, keep=False)
    found = engineer.fit_transform(songs, y)
    np.testing.assert_allclose(found["plays_mean_by_artist"], songs.groupby("artist")["plays"].transform("mean"))
    # a row's own target never reaches it: turn one up and its feature stays
    loud = y.copy()
    loud[7] += 1e6
    assert (
        engineer.fit_transform(songs, loud)["target_mean_by_artist"].iloc[7] == found["target_mean_by_artist"].iloc[7]
    )
    most = songs.assign(plays=songs["plays"].where(songs.index != 7, 1e9))
    assert engineer.fit_transform(most, y)["most"].iloc[7] < 1e9
    new = engineer.fit(songs, y).transform(songs.assign(artist="never seen"))
    np.testing.assert_allclose(new["target_mean_by_artist"], y.mean())
    assert new["most"].isna().all()


def test_aggregates_over_earlier_rows(songs, rng):
    y = rng.normal(size=len(songs))
    engineer = FeatureEngineer([{"kind": "aggregate", "by": "artist", "how": "past", "time": "heard"}], keep=False)
    found = engineer.fit_transform(songs, y)["target_mean_by_artist"]
    for row in (3, 100, 399):
        earlier = (songs["artist"] == songs["artist"][row]) & (songs["heard"] < songs["heard"][row])
        assert found[row] == pytest.approx(y[earlier].mean() if earlier.any() else np.nan, nan_ok=True)
    later = songs.assign(heard=pd.Timestamp("2030-01-01"))
    np.testing.assert_allclose(
        engineer.transform(later)["target_mean_by_artist"],
        pd.Series(y).groupby(songs["artist"]).mean()[songs["artist"]],
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_target_of_noise_stays_at_chance(seed):
    rng = np.random.default_rng(seed)
    n = 1500
    X = pd.DataFrame({"key": rng.integers(0, 500, n), "city": rng.integers(0, 50, n).astype(str)})
    y = rng.integers(0, 2, n)
    engineer = FeatureEngineer([{"kind": "aggregate", "by": "key"}, {"kind": "aggregate", "by": "city"}], keep=False)
    score = cross_val_score(make_pipeline(engineer, LogisticRegression()), X, y, cv=5, scoring="roc_auc").mean()
    assert abs(score - 0.5) < 0.05
    # nor does a model that judges its own training rows see more than chance
    own = engineer.fit_transform(X, y)
    assert LogisticRegression().fit(own, y).score(own, y) < 0.56


def test_groups_stay_together(rng):
    n = 300
    X = pd.DataFrame({"album": rng.integers(0, 60, n), "artist": rng.integers(0, 10, n)})
    y = rng.normal(size=n)
    engineer = FeatureEngineer([{"kind": "aggregate", "by": "album"}], keep=False, groups="album")
    found = engineer.fit_transform(X, y)["target_mean_by_album"]
    assert found.nunique() <= 5  # each album is unknown in its own fold, and has the mean of all others


def test_classes(rng):
    X = pd.DataFrame({"k": rng.integers(0, 5, 200)})
    y = rng.choice(["jazz", "rock", "waltz"], 200)
    found = FeatureEngineer([{"kind": "aggregate", "by": "k"}], keep=False).fit(X, y).transform(X)
    assert list(found.columns) == ["target_jazz_mean_by_k", "target_rock_mean_by_k", "target_waltz_mean_by_k"]
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_temporal_features(songs):
    past = {"kind": "temporal", "time": "heard", "entity": "artist", "features": [{"kind": "lag", "of": "plays"}]}
    found = FeatureEngineer([past, {"kind": "ratio", "of": "plays", "by": "plays_lag_1"}]).fit_transform(songs)
    ordered = songs.drop_duplicates(["artist", "heard"], keep=False).sort_values("heard")
    wanted = ordered.groupby("artist")["plays"].shift()
    alone = FeatureEngineer([past]).fit_transform(ordered)["plays_lag_1"]
    pd.testing.assert_series_equal(alone, wanted.rename("plays_lag_1"))
    assert "plays_per_plays_lag_1" in found


def test_conventions(songs, rng):
    specs = [{"kind": "ratio", "of": "plays", "by": "days"}, {"kind": "aggregate", "by": "artist"}]
    engineer = FeatureEngineer(specs)
    assert clone(engineer).get_params() == engineer.get_params()
    X = songs.set_index(pd.Index(range(1000, 1400)))
    before = X.copy()
    found = engineer.set_output(transform="pandas").fit_transform(X, rng.integers(0, 2, 400))
    pd.testing.assert_frame_equal(X, before)
    assert list(found.columns) == list(engineer.get_feature_names_out())
    assert found.index.equals(X.index)
    described = engineer.describe()
    assert described.loc["plays_per_days", "formula"] == "plays / days"
    assert described.loc["target_mean_by_artist", "inputs"] == ["artist"]
    again = FeatureEngineer(json.loads(json.dumps(described["spec"].tolist())))
    pd.testing.assert_frame_equal(
        again.fit(X[["plays", "days", "artist"]], [1] * 400).transform(X)[["plays_per_days"]], found[["plays_per_days"]]
    )


@pytest.mark.parametrize(
    ("specs", "said"),
    [
        ([{"kind": "ratioo"}], "1 faults"),
        ([{"kind": "ratio", "of": "plays"}], r"by\]: Field required"),
        ([{"kind": "ratio", "of": "plays", "by": "gone"}], "'gone', which the table does not have"),
        ([{"kind": "ratio", "of": "plays", "by": "title"}], "is no number"),
        ([{"kind": "log", "of": "heard"}], "holds dates"),
        ([{"kind": "aggregate", "by": "artist", "how": "all"}], "its own"),
        ([{"kind": "aggregate", "by": "artist", "how": "past"}], "needs the column of the time"),
        ([{"kind": "aggregate", "by": "artist"}], "no y was given"),
        ([{"kind": "bins", "of": "plays", "edges": [3, 1]}], "ascend"),
        ([{"kind": "log", "of": "plays"}] * 2, "is called 'log_plays' already"),
        ([{"kind": "dates", "of": "title"}], "no ISO date"),
        (3, "no list of features"),
    ],
)
def test_formulas_that_are_wrong(songs, specs, said):
    with pytest.raises(UsageError, match=said):
        FeatureEngineer(specs).fit(songs)


def test_tables_that_are_wrong(songs):
    engineer = FeatureEngineer([{"kind": "ratio", "of": "plays", "by": "days"}], keep=False).fit(songs)
    with pytest.raises(UsageError, match="lacks the columns 'days'"):
        engineer.transform(songs.drop(columns="days"))
    assert engineer.transform(songs[["plays", "days"]]).shape == (400, 1)
    assert engineer.transform(songs[:0]).shape == (0, 1)
    with pytest.raises(UsageError, match="0 rows"):
        engineer.fit(songs[:0])
    with pytest.raises(UsageError, match="DataFrame"):
        engineer.fit(songs.to_numpy())
    with pytest.raises(UsageError, match="several columns"):
        engineer.fit(pd.concat([songs, songs], axis=1))
    with pytest.raises(UsageError, match="no target"):
        engineer.fit(songs, [None] * 400)
    with pytest.raises(UsageError, match="400 rows and y 3"):
        engineer.fit(songs, [1, 2, 3])


def test_odd_columns():
    X = pd.DataFrame(
        {"a": [np.inf, 1, 2, np.nan], "b": [0.0, 0, 1e308, 1], "c": ["1", "2", None, "4"], "k": [1, 1.0, None, 2]}
    )
    specs = [
        {"kind": "product", "of": "b", "by": "b"},
        {"kind": "ratio", "of": "a", "by": "c"},
        {"kind": "bins", "of": "a"},
        {"kind": "frequency", "of": "k"},
        {"kind": "aggregate", "by": "k", "of": "b", "stat": "std"},
    ]
    found = FeatureEngineer(specs, keep=False).fit_transform(X)
    assert not np.isinf(found.to_numpy()).any()
    np.testing.assert_array_equal(found["a_per_c"], [np.nan, 0.5, np.nan, np.nan])
    np.testing.assert_allclose(found["k_frequency"], [2 / 3, 2 / 3, np.nan, 1 / 3])
    assert FeatureEngineer(specs, keep=False).fit_transform(X[:1]).shape == (1, 5)
    gone = FeatureEngineer([{"kind": "bins", "of": "a"}], keep=False).fit_transform(X.assign(a=np.nan))
    assert gone["a_bin"].isna().all()


def test_proposals_find_what_was_hidden(rng):
    n = 2000
    X = pd.DataFrame({name: rng.lognormal(size=n) for name in "abcdef"})
    X["who"] = rng.choice([f"w{i}" for i in range(60)], n)
    X["on"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D")
    levels = {f"w{i}": value for i, value in enumerate(rng.normal(size=60))}
    X["y"] = (X["a"] / X["b"]).rank() / n + X["who"].map(levels) * 0.3 + (X["on"].dt.dayofweek >= 5) * 0.5
    found = FeatureEngineer.propose(X, "y")
    first = [each.formula.kind for each in found[:3]]
    assert sorted(first) == ["aggregate", "dates", "ratio"]
    assert {frozenset(each.formula.inputs) for each in found[:3]} == {
        frozenset("ab"),
        frozenset(["who"]),
        frozenset(["on"]),
    }
    assert all(f"{each.explains:.0%}" in each.reason for each in found)
    engineer = FeatureEngineer([each.formula for each in found], keep=False)
    assert engineer.fit_transform(X.drop(columns="y"), X["y"]).shape[1] == len(found)


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_proposed_for_noise(seed):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({name: rng.lognormal(size=600) for name in "abcdefgh"})
    X["who"] = rng.choice([f"w{i}" for i in range(100)], 600)
    X["text"] = [" ".join(rng.choice(["la", "di", "da"], rng.integers(2, 9))) + str(i) for i in range(600)]
    X["at"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, 600), unit="D")
    assert FeatureEngineer.propose(X, rng.normal(size=600)) == []
    assert FeatureEngineer.propose(X, rng.integers(0, 2, 600), time="at", entity="who") == []


def test_proposals_in_time(rng):
    n = 1500
    X = pd.DataFrame(
        {
            "at": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(n), unit="h"),
            "who": rng.integers(0, 12, n).astype(str),
        }
    )
    mood = rng.normal(size=12)
    y = mood[X["who"].astype(int)] + 0.2 * rng.normal(size=n)
    best = FeatureEngineer.propose(X, y, time="at", entity="who")[0]
    assert best.formula.kind == "aggregate"
    assert best.formula.how == "past"
