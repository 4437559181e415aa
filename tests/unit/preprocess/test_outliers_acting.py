"""What `OutlierDetector` finds and does with what it finds."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from ostinato import OutlierDetector
from ostinato.core.errors import UsageError

METHODS = ["ensemble", "isolation_forest", "lof", "z", "modified_z", "iqr", "mahalanobis"]


@pytest.fixture
def songs() -> pd.DataFrame:
    """Two columns that go together, one alone, words; row 50 has a wild tempo, row 51 breaks the relation, row 52 lacks a value."""
    rng = np.random.default_rng(0)
    energy = rng.normal(size=200)
    table = pd.DataFrame(
        {
            "energy": energy,
            "loudness": energy + 0.1 * rng.normal(size=200),
            "tempo": rng.normal(120, 10, 200),
            "plays": rng.integers(0, 50, 200),
            "title": [f"süß {n}" for n in range(200)],
        }
    )
    table.loc[50, "tempo"] = 900.0
    table.loc[51, ["energy", "loudness"]] = [1.5, -1.5]
    table.loc[52, "tempo"] = np.nan
    return table


@pytest.mark.parametrize("method", METHODS)
def test_the_wild_row_leads(songs: pd.DataFrame, method: str) -> None:
    detector = OutlierDetector(method, contamination=0.03).fit(songs)
    scores = detector.score(songs)
    assert 50 in np.argsort(scores)[-3:]
    assert detector.predict(songs)[50] == -1
    assert (detector.predict(songs) == np.where(detector.flags(songs), -1, 1)).all()
    np.testing.assert_array_equal(scores, -detector.score_samples(songs))
    json.dumps(detector.description(), allow_nan=False)


@pytest.mark.parametrize("method", ["ensemble", "mahalanobis", "lof"])
def test_a_row_that_is_odd_only_as_a_whole(songs: pd.DataFrame, method: str) -> None:
    assert OutlierDetector(method).fit(songs).predict(songs)[51] == -1
    assert OutlierDetector("z").fit(songs).predict(songs)[51] == 1


def test_rows_that_all_belong_are_left_alone() -> None:
    X = np.random.default_rng(0).normal(size=(500, 3))
    assert OutlierDetector("ensemble").fit(X).flags(X).mean() < 0.02


def test_flag(songs: pd.DataFrame) -> None:
    detector = OutlierDetector("modified_z")
    done = detector.fit_transform(songs)
    assert done["outlier"].sum() >= 1
    assert done["outlier"].dtype == bool
    assert done["outlier"][50]
    assert done.columns.tolist() == detector.get_feature_names_out().tolist()


def test_clip_draws_in_the_cell_and_no_other(songs: pd.DataFrame) -> None:
    done = OutlierDetector("modified_z", action="clip").fit_transform(songs)
    assert 130 < done.loc[50, "tempo"] < 200
    changed = (done != songs) & songs.notna()
    assert changed.sum().drop("tempo").max() <= 3
    assert done["plays"].dtype == songs["plays"].dtype
    assert np.isnan(done.loc[52, "tempo"])


def test_drop(songs: pd.DataFrame) -> None:
    done = OutlierDetector("modified_z", action="drop").fit_transform(songs)
    assert 50 not in done.index
    assert 52 in done.index
    assert len(done) > 190


def test_impute_blames_the_cell_that_the_others_belie(songs: pd.DataFrame) -> None:
    done = OutlierDetector("mahalanobis", action="impute", contamination=0.01).fit_transform(songs)
    assert 80 < done.loc[50, "tempo"] < 160
    assert abs(done.loc[51, "energy"] - done.loc[51, "loudness"]) < 3.0
    assert done.loc[51, "tempo"] == songs.loc[51, "tempo"]
    assert np.isnan(done.loc[52, "tempo"])
    pd.testing.assert_series_equal(done["title"], songs["title"])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "table",
    [
        np.array([[1.0, 2.0]]),
        np.array([[1.0, 2.0], [3.0, 4.0]]),
        np.ones((30, 2)),
        np.column_stack([np.arange(30.0)] * 3),
        np.column_stack([np.arange(30.0), np.full(30, np.nan)]),
        np.column_stack([np.r_[np.zeros(29), 5.0], np.arange(30.0)]),
        np.random.default_rng(0).normal(size=(12, 40)),
    ],
    ids=["one row", "two rows", "constant", "equal columns", "empty column", "mostly zero", "wide"],
)
def test_meagre_tables(method: str, table: np.ndarray) -> None:
    for action in ("flag", "clip", "impute"):
        detector = OutlierDetector(method, action=action, n_estimators=5, impute_strategy="median")
        assert len(detector.fit_transform(table)) == len(table)
        assert np.isfinite(detector.score(table)).all()


def test_infinite_values_are_abnormal() -> None:
    X = np.random.default_rng(0).normal(size=(200, 3))
    X[7, 1], X[8, 2] = np.inf, -np.inf
    for method in METHODS:
        assert set(np.argsort(OutlierDetector(method).fit(X).score(X))[-2:]) == {7, 8}, method


def test_what_cannot_be_judged_is_named() -> None:
    with pytest.raises(UsageError, match="no column of X holds numbers"):
        OutlierDetector().fit(pd.DataFrame({"a": ["x", "y"]}))
    with pytest.raises(UsageError, match="more than one column called 'a'"):
        OutlierDetector().fit(pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]))
    with pytest.raises(UsageError, match="'a' held numbers"):
        OutlierDetector("z").fit(pd.DataFrame({"a": [1.0, 2.0]})).score(pd.DataFrame({"a": ["x"]}))
    for params, words in (
        ({"method": "magic"}, "magic"),
        ({"contamination": 0.7}, "0.7"),
        ({"n_neighbors": 0}, "n_neighbors=0"),
    ):
        with pytest.raises(UsageError, match=words):
            OutlierDetector(**params).fit([[1.0], [2.0]])
