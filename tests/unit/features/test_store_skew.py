"""Skew between training and serving is found, named by feature and row, and not made up."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from ostinato import FeatureStore, FeatureView
from ostinato.core.errors import FeatureStoreError

NOW = pd.Timestamp.now(tz="UTC").floor("s")
VIEW = FeatureView("plays", "user", {"count": "int64", "mood": "string", "share": "float64"}, ttl=timedelta(days=30))
FEATURES = ["plays:count", "plays:mood", "plays:share"]


@pytest.fixture
def store(tmp_path, rng) -> FeatureStore:
    n = 600
    store = FeatureStore(tmp_path)
    events = pd.DataFrame(
        {
            "user": [f"u{i:03d}" for i in range(n // 2)] * 2,
            "event_time": [NOW - timedelta(days=10)] * (n // 2) + [NOW - timedelta(days=1)] * (n // 2),
            "count": rng.poisson(5, n),
            "mood": rng.choice(["calm", "wild"], n),
            "share": rng.normal(size=n),
        }
    )
    store.write(VIEW, events)
    store.materialize("plays")
    return store


@pytest.fixture
def training(store) -> pd.DataFrame:
    rows = pd.DataFrame({"user": [f"u{i:03d}" for i in range(300)], "event_time": NOW - timedelta(hours=12)})
    return store.historical(rows, FEATURES)


def test_what_is_the_same_has_no_skew(store, training):
    report = store.skew(training, FEATURES)
    assert report.ok, str(report)
    assert str(report) == "no skew in 3 features"
    assert [each.training.rows for each in report.features] == [300] * 3
    assert json.loads(json.dumps(report.to_dict()))["ok"]


def test_a_training_value_that_history_does_not_say_is_named(store, training):
    training.loc[17, "count"] += 1
    training.loc[20, "mood"] = None
    report = store.skew(training, FEATURES)
    count, mood, share = report.features
    assert (count.training.differing, count.training.first[0][0]) == (1, 17)
    assert (mood.training.differing, mood.training.first) == (1, ((20, None, mood.training.first[0][2]),))
    assert share.problems == ()
    assert "plays:count: training: 1 of 300 rows are not what history says: 17 has" in str(report)


def test_a_leak_from_the_future_is_skew(store, training):
    early = training.assign(event_time=NOW - timedelta(days=5))  # with values that were known four days later
    report = store.skew(early, FEATURES)
    assert all(each.training.differing > 100 for each in report.features)


def test_serving_that_lags_behind_is_skew(store, training):
    newer = pd.DataFrame(
        {"user": ["u007"], "event_time": [NOW - timedelta(hours=1)], "count": [99], "mood": ["odd"], "share": [0.5]}
    )
    store.write(VIEW, newer)
    report = store.skew(training, FEATURES)
    assert [each.served.differing for each in report.features] == [1, 1, 1]
    assert report.features[0].served.first[0][0] == "u007"
    assert report.features[0].served.first[0][2] == 99
    store.materialize("plays")
    assert store.skew(training, FEATURES).ok


def test_the_log_of_a_service_is_compared(store, training):
    log = training.copy()
    assert store.skew(training, FEATURES, served=log).ok
    log["share"] = log["share"].astype(np.float32).astype(float)  # a service that rounds
    report = store.skew(training, FEATURES, served=log)
    assert report.features[2].served.differing == 300
    assert store.skew(training, FEATURES, served=log, tolerance=1e-6).ok


def test_another_population_is_a_shift_and_chance_is_none(store, training):
    one = training[training["share"] > 0]
    report = store.skew(training, ["plays:share"], served=one)
    assert report.features[0].psi > 0.5
    assert any("PSI" in problem for problem in report.features[0].problems)
    assert store.skew(training, FEATURES, served=training.sample(60, random_state=1)).ok


def test_gaps_that_only_serving_has_are_named(store, training):
    log = training.copy()
    log.loc[:100, "mood"] = None
    problems = store.skew(training, FEATURES, served=log).features[1].problems
    assert any("missing in 0% of training and in 34% of what is served" in problem for problem in problems)


def test_frames_that_cannot_be_compared(store, training):
    with pytest.raises(FeatureStoreError, match="training frame lacks 'mood'"):
        store.skew(training.drop(columns="mood"), FEATURES)
    with pytest.raises(FeatureStoreError, match="served frame lacks 'user'"):
        store.skew(training, FEATURES, served=training.drop(columns="user"))
    assert store.skew(training[:0], FEATURES).ok
    assert store.skew(training[:1], FEATURES).ok


def test_keys_of_several_columns(tmp_path):
    store = FeatureStore(tmp_path)
    pair = FeatureView("pair", {"user": "string", "track": "int64"}, {"again": "bool"})
    rows = pd.DataFrame(
        {"user": list("aab"), "track": [1, 2, 1], "event_time": [NOW] * 3, "again": [True, None, False]}
    )
    store.write(pair, rows)
    store.materialize("pair")
    assert store.skew(store.historical(rows.drop(columns="again"), ["pair"]), ["pair"]).ok
    wrong = rows.assign(again=[True, True, False])
    assert store.skew(wrong, ["pair"]).features[0].training.first == ((1, True, None),)
