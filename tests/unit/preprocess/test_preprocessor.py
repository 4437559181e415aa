"""A table is prepared in one step that tells what it did, is the same each time, and travels as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from ostinato import DataPreprocessor, FeatureTransformer, MissingValueHandler
from ostinato.core.errors import StorageError, UsageError
from ostinato.preprocess import record
from ostinato.preprocess.outliers import OutlierDetector


@parametrize_with_checks(
    [
        DataPreprocessor(missing="median"),
        DataPreprocessor(missing="median", outliers={"method": "iqr", "action": "clip"}, features="auto"),
    ]
)
def test_scikit_learn_accepts(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.fixture(scope="module")
def songs() -> pd.DataFrame:
    rng, n = np.random.default_rng(0), 160
    table = pd.DataFrame(
        {
            "track_id": [f"t{k}" for k in range(n)],
            "tempo": rng.normal(120, 10, n),
            "energy": rng.normal(0, 1, n),
            "style": rng.choice(["waltz", "reel", "jig"], n),
            "artist": rng.choice([f"a{k}" for k in range(30)], n),
        },
        index=np.arange(n) + 1000,
    )
    table.loc[table.index[::10], "tempo"] = np.nan
    table.loc[table.index[::16], "style"] = None
    table.loc[table.index[5], "tempo"] = 9999.0
    return table


@pytest.fixture(scope="module")
def hits(songs: pd.DataFrame) -> pd.Series:
    return pd.Series(np.random.default_rng(1).integers(0, 2, len(songs)), index=songs.index)


def made(**more: Any) -> DataPreprocessor:
    settings: dict[str, Any] = {
        "missing": "mice",
        "outliers": {"method": "modified_z", "action": "clip"},
        "protected": ["track_id"],
    }
    return DataPreprocessor(**(settings | more))


def test_gaps_are_filled_outliers_clipped_and_keys_left_alone(songs: pd.DataFrame) -> None:
    before = songs.copy(deep=True)
    step = made()
    found = step.fit_transform(songs)
    pd.testing.assert_frame_equal(songs, before)
    assert not found.isna().any(axis=None)
    assert found["tempo"].max() < 200
    assert found.columns.tolist() == ["tempo", "energy", "style", "artist", "track_id"]
    pd.testing.assert_series_equal(found["track_id"], songs["track_id"])


def test_the_report_counts_what_was_done(songs: pd.DataFrame, hits: pd.Series) -> None:
    step = made(features={"columns": {"artist": "target"}})
    step.fit(songs, hits)
    report = json.loads(json.dumps(step.report_, allow_nan=False))
    assert report["rows"] == {"given": 160, "kept": 160, "dropped": 0, "outliers": 1}
    assert report["cells"] == {"missing": 26, "filled": 26, "outliers": 1}
    assert report["columns"]["tempo"] == {"missing": 16, "filled": 16, "outliers": 1, "becomes": ["tempo"]}
    assert report["columns"]["style"]["becomes"] == ["style=jig", "style=reel", "style=waltz"]
    assert report["protected"] == ["track_id"]


def test_rows_are_dropped_only_from_what_is_learnt_from(songs: pd.DataFrame, hits: pd.Series) -> None:
    step = made(outliers={"method": "modified_z", "action": "drop"}, features="auto")
    found, kept = step.fit_resample(songs, hits)
    assert len(found) == len(kept) == 159
    assert found.index.equals(kept.index)
    assert 1005 not in found.index
    assert step.report_["rows"]["dropped"] == 1
    assert not step.kept_[5]
    assert len(step.transform(songs)) == 160
    assert len(step.fit_resample(songs, hits.to_numpy())[1]) == 159


def test_outliers_can_be_told_in_a_column(songs: pd.DataFrame) -> None:
    step = made(outliers={"method": "modified_z", "action": "flag"}, features="auto")
    found = step.fit_transform(songs)
    assert found.index[found["outlier"]].tolist() == [1005]
    assert step.transform(songs.tail(3))["outlier"].tolist() == [False] * 3
    assert step.get_feature_names_out().tolist() == found.columns.tolist()


@pytest.mark.parametrize(
    ("missing", "outliers"),
    [
        *((missing, "iqr") for missing in ("mice", "mean", "mode", "knn", "autoencoder", None)),
        *(("mice", outliers) for outliers in ("isolation_forest", "mahalanobis", "lof", "ensemble")),
    ],
)
def test_a_saved_preprocessor_prepares_alike(
    songs: pd.DataFrame, hits: pd.Series, tmp_path: Path, missing: Any, outliers: str
) -> None:
    action = "impute" if missing == "mice" else "clip"
    features = {"columns": {"artist": ["target", "onehot"], "tempo": ["quantile", "power"]}}
    step = made(missing=missing, outliers={"method": outliers, "action": action}, features=features).fit(songs, hits)
    again = DataPreprocessor.load(step.save(tmp_path / "made.json"))
    new = songs.sample(60, random_state=1).assign(artist=["nobody"] * 60)
    pd.testing.assert_frame_equal(again.transform(new), step.transform(new))
    assert again.description() == step.description()
    assert (tmp_path / "made.json").read_bytes() == again.save(tmp_path / "again.json").read_bytes()
    assert clone(again).fit(songs, hits).report_ == step.report_


def test_a_saved_file_holds_no_table(songs: pd.DataFrame, tmp_path: Path) -> None:
    text = made(outliers=None).fit(songs).save(tmp_path / "made.json").read_text(encoding="utf-8")
    assert "t17" not in text


def test_equal_seeds_give_equal_tables(songs: pd.DataFrame) -> None:
    one, other = (
        made(outliers={"method": "isolation_forest", "action": "impute"}).fit_transform(songs) for _ in range(2)
    )
    pd.testing.assert_frame_equal(one, other)


def test_steps_are_words_mappings_or_estimators(songs: pd.DataFrame) -> None:
    seed = 7
    asked = [
        DataPreprocessor("median", "iqr", "auto", ["track_id"]),
        DataPreprocessor({"strategy": "median"}, {"method": "iqr"}, {"rest": "auto"}, ["track_id"]),
        DataPreprocessor(
            MissingValueHandler("median"), OutlierDetector("iqr"), FeatureTransformer(random_state=seed), ["track_id"]
        ),
    ]
    first, *others = [each.fit_transform(songs) for each in asked]
    for other in others:
        pd.testing.assert_frame_equal(other, first)
    assert json.dumps(asked[2].description()["params"], allow_nan=False)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"protected": ["isrc"]}, "no column isrc"),
        ({"missing": {"stratgy": "mice"}}, "no setting stratgy"),
        ({"missing": 3}, "no MissingValueHandler"),
        ({"missing": "magic"}, "strategy='magic'"),
        ({"outliers": "magic"}, "method='magic'"),
        ({"features": {"columns": {"tempo": "magic"}}}, "magic"),
        ({"features": {"columns": {"artist": "target"}}}, "needs a target"),
    ],
)
def test_what_is_asked_wrongly_is_refused(songs: pd.DataFrame, asked: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        made(**asked).fit(songs)


def test_targets_and_folders_have_to_be_there(songs: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="y is None"):
        made().fit_resample(songs, None)
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        made(missing="median").fit(songs).save(tmp_path / "file" / "made.json")


def test_tables_that_cannot_be_read_are_refused(songs: pd.DataFrame) -> None:
    step = made(missing="median").fit(songs)
    for table, words in (
        (songs.drop(columns="tempo"), "missing"),
        (songs.head(0), "0 sample"),
        (songs.assign(new=1), "unseen"),
    ):
        with pytest.raises(UsageError, match=words):
            step.transform(table)
    with pytest.raises(UsageError, match="more than once"):
        made().fit(pd.concat([songs, songs[["tempo"]]], axis=1))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda told: told | {"format": 9}, "format 9"),
        (lambda told: {"a": 1}, "no file that save"),
        (lambda told: told | {"learnt": 3}, "holds a int"),
        (lambda told: told | {"learnt": {"$object": "os:system", "state": {}}}, "not read"),
        (lambda told: told | {"learnt": {"$object": "ostinato.preprocess.gone:Gone", "state": {}}}, "does not have"),
        (
            lambda told: told | {"learnt": {"$object": "ostinato.preprocess.record:importlib.import_module"}},
            "does not have",
        ),
        (lambda told: told | {"learnt": {"$object": "ostinato.preprocess.record:encode"}}, "no class"),
        (lambda told: told | {"learnt": {"$array": "AAAA", "dtype": "|O", "shape": [1]}}, "array of objects"),
        (lambda told: told | {"learnt": {"$array": "AAAA", "dtype": "<f8", "shape": [9]}}, "damaged"),
        (lambda told: told | {"learnt": {"$what": 1}}, "unknown"),
    ],
)
def test_files_that_cannot_be_read_are_refused(songs: pd.DataFrame, tmp_path: Path, change: Any, words: str) -> None:
    path = made(missing="median", outliers=None).fit(songs).save(tmp_path / "made.json")
    path.write_text(json.dumps(change(json.loads(path.read_text(encoding="utf-8")))), encoding="utf-8")
    with pytest.raises(UsageError, match=words):
        DataPreprocessor.load(path)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(UsageError, match="no JSON"):
        DataPreprocessor.load(path)
    with pytest.raises(UsageError, match="no such file"):
        DataPreprocessor.load(tmp_path / "none.json")


def test_damaged_trees_are_refused() -> None:
    forest = OutlierDetector("isolation_forest", n_estimators=2).fit(np.random.default_rng(0).normal(size=(50, 2)))
    trees = record.decode(record.encode(forest))
    assert trees.description() == forest.description()
    tree = record.encode(forest._scorer._forest.estimators_[0].tree_)
    nodes = record.decode(tree["state"]["nodes"])
    nodes["left_child"][0] = 10_000
    tree["state"]["nodes"] = record.encode(nodes)
    with pytest.raises(UsageError, match="damaged"):
        record.decode(tree)


@pytest.mark.parametrize(
    "value",
    [
        {"a": (1, 2.5, None, True), 3: [np.float32(1.5), np.int64(2)], ("x", 1): frozenset({"u", "v"})},
        [float("nan"), float("inf"), -0.0, 1e-320],
        np.array([["a", None], [1.5, (2, 3)]], dtype=object),
        np.array([np.datetime64("2020-01-01"), np.datetime64("NaT")]),
        pd.Timestamp("2020-01-01T12:00:00Z"),
        pd.Index(["ä", 2]),
        {"$a": 1},
    ],
    ids=["dict", "floats", "objects", "dates", "moment", "index", "dollar"],
)
def test_values_go_through_json_as_they_are(value: Any) -> None:
    told = json.loads(json.dumps(record.encode(value), allow_nan=False))
    assert repr(record.decode(told)) == repr(value)


def test_what_is_no_value_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        record.encode(object())
