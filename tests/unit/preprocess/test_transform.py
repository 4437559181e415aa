"""Tables become numbers, come back, travel as JSON, and scikit-learn's contract is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import preprocessing
from sklearn.base import clone
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.utils.estimator_checks import parametrize_with_checks

from ostinato import FeatureTransformer
from ostinato.core.errors import UsageError
from ostinato.preprocess.transform.spec import Log, OneHot


@parametrize_with_checks(
    [
        FeatureTransformer(),
        FeatureTransformer(numbers=["robust", "log"]),
        FeatureTransformer(numbers="quantile"),
        FeatureTransformer(numbers="power"),
        FeatureTransformer(numbers="onehot"),
        FeatureTransformer(numbers=["ordinal", "frequency", "hash"]),
    ]
)
def test_scikit_learn_accepts(estimator: Any, check: Any) -> None:
    check(estimator)


ALL: Mapping[str, Any] = {
    "tempo": ["standard", "quantile", {"kind": "quantile", "output": "uniform", "most": 20}],
    "duration": ["power", "log", "robust", "minmax"],
    "style": ["onehot", "ordinal"],
    "artist": ["target", "leave_one_out", "frequency", "hash", "ordinal"],
    "key": ["ordinal", {"kind": "onehot", "rare": 10, "most": 8}],
    "note": [{"kind": "text", "width": 16}, {"kind": "text", "width": 8, "analyzer": "char", "idf": False}],
    "flag": "keep",
}
TOGETHER = [
    {"kind": "polynomial", "columns": ["tempo", "duration"], "degree": 3},
    {"kind": "cross", "columns": ["style", "artist"]},
    {"kind": "cross", "columns": ["style", "key"], "by": {"kind": "onehot", "most": 10}},
]


@pytest.fixture(scope="module")
def songs() -> pd.DataFrame:
    rng, n = np.random.default_rng(3), 300
    table = pd.DataFrame(
        {
            "tempo": np.where(rng.random(n) < 0.1, np.nan, rng.normal(120, 20, n).round(1)),
            "duration": rng.lognormal(5, 1, n) - 50,
            "style": rng.choice(["waltz", "reel", "größe", None], n),
            "artist": rng.choice([f"a{k}" for k in range(40)], n),
            "key": rng.integers(0, 12, n),
            "added": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 10**8, n), unit="s"),
            "note": [f"{' '.join(rng.choice(['gut', 'slow', 'fast', 'new'], 4))} {k}" for k in range(n)],
            "flag": rng.random(n) < 0.3,
        }
    )
    table.loc[::40, "added"] = pd.NaT
    return table


@pytest.fixture(scope="module")
def hits(songs: pd.DataFrame) -> Any:
    return np.where(songs["tempo"].fillna(110) + np.random.default_rng(1).normal(0, 9, len(songs)) > 120, "hit", "miss")


def text_of(values: pd.Series) -> Any:
    return np.array([["" if pd.isna(each) else str(each)] for each in values], dtype=object)


def number_of(values: pd.Series) -> Any:
    if pd.api.types.is_datetime64_any_dtype(values):
        return np.where(values.isna(), np.nan, values.astype("datetime64[us]").astype("int64") / 1e6)[:, None]
    return values.to_numpy(dtype=float)[:, None]


# --- equal to scikit-learn --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "peer"),
    [
        ("standard", preprocessing.StandardScaler()),
        ("minmax", preprocessing.MinMaxScaler()),
        ("robust", preprocessing.RobustScaler()),
        ({"kind": "robust", "low": 10, "high": 90}, preprocessing.RobustScaler(quantile_range=(10, 90))),
        ("power", preprocessing.PowerTransformer()),
        ("quantile", preprocessing.QuantileTransformer(n_quantiles=200, output_distribution="normal", subsample=None)),
        ({"kind": "quantile", "output": "uniform", "most": 50}, preprocessing.QuantileTransformer(n_quantiles=50)),
    ],
    ids=str,
)
def test_scales_are_those_of_scikit_learn(spec: Any, peer: Any) -> None:
    rng = np.random.default_rng(0)
    X = np.stack([rng.lognormal(size=200), rng.normal(size=200).round(1), np.full(200, 3.0)], axis=1)
    X[::9, 0] = np.nan
    new = rng.normal(0, 5, (100, 3))
    ours = FeatureTransformer(numbers=spec).fit(X)
    columns = [0, 1] if spec == "quantile" or (isinstance(spec, dict) and spec["kind"] == "quantile") else [0, 1, 2]
    wanted = clone(peer).fit(X)
    stated = {"quantile"} & {spec if isinstance(spec, str) else ""}  # with fewer stated values fewer quantiles are kept
    rows = [1] if stated else columns
    np.testing.assert_allclose(ours.transform(X)[:, rows], wanted.transform(X)[:, rows], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.transform(new)[:, rows], wanted.transform(new)[:, rows], rtol=1e-9, atol=1e-12)


def test_texts_are_hashed_as_scikit_learn_hashes() -> None:
    notes = ["a slow waltz", "a fast reel and a jig", "", "größer und schneller"]
    spec = {"kind": "text", "width": 32, "idf": False}
    ours = FeatureTransformer({"note": spec}).fit_transform(pd.DataFrame({"note": notes}))
    peer = HashingVectorizer(n_features=32, ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b")
    np.testing.assert_allclose(ours, peer.transform(notes).toarray())


# --- JSON -------------------------------------------------------------------------------------------------------------


def test_a_description_is_json_and_rebuilds_an_equal_transformer(songs: pd.DataFrame, hits: Any) -> None:
    first = FeatureTransformer(ALL, TOGETHER).fit(songs, hits)
    told = json.loads(json.dumps(first.description(), allow_nan=False, sort_keys=True))
    again = FeatureTransformer.from_description(told)
    pd.testing.assert_frame_equal(again.transform(songs), first.transform(songs))
    assert again.description() == first.description()
    assert again.get_feature_names_out().tolist() == first.get_feature_names_out().tolist()
    assert clone(again).fit(songs, hits).description() == first.description()


def test_specs_are_values_words_or_mappings(songs: pd.DataFrame) -> None:
    made = [
        FeatureTransformer({"duration": spec}, rest="drop").fit_transform(songs)
        for spec in ("log", {"kind": "log"}, Log(), [Log(standardise=True)])
    ]
    for each in made[1:]:
        pd.testing.assert_frame_equal(each, made[0])
    FeatureTransformer.from_description(
        FeatureTransformer({"style": OneHot(rare=2)}).fit(songs[["style"]]).description()
    )


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"transformer": "Other"}, "no description of a FeatureTransformer"),
        ([], "no description"),
        ({"format": 99}, "newer release"),
        ({"blocks": [{"spec": {"kind": "standard"}}]}, "damaged"),
        ({"blocks": None}, "damaged"),
        ({"params": {"colour": 1}}, "damaged"),
    ],
)
def test_a_description_that_cannot_be_read_is_refused(songs: pd.DataFrame, broken: Any, words: str) -> None:
    told = FeatureTransformer().fit(songs[["tempo"]]).description()
    with pytest.raises(UsageError, match=words):
        FeatureTransformer.from_description({**told, **broken} if isinstance(broken, dict) else broken)


# --- inverse ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spec", ["standard", "minmax", "robust", "power", "log", "keep", {"kind": "log", "standardise": False}], ids=str
)
def test_scales_are_undone(songs: pd.DataFrame, spec: Any) -> None:
    table = songs[["tempo", "duration", "key", "flag"]]
    made = FeatureTransformer(numbers=spec)
    back = made.inverse_transform(made.fit_transform(table))
    pd.testing.assert_frame_equal(back, table, rtol=1e-8)


def test_ranks_are_undone_between_the_values_that_were_seen(songs: pd.DataFrame) -> None:
    made = FeatureTransformer({"duration": "quantile"}, rest="drop")
    back = made.inverse_transform(made.fit_transform(songs), partial=True)
    np.testing.assert_allclose(back["duration"], songs["duration"], rtol=1e-5)


def test_categories_and_dates_are_undone(songs: pd.DataFrame) -> None:
    table = songs[["style", "key", "added", "artist"]].assign(
        mixed=["1", 1.5, None] * 100, kind=pd.Categorical(["x", "y", "x"] * 100)
    )
    made = FeatureTransformer(
        {"style": "onehot", "key": "onehot", "artist": "ordinal", "mixed": "ordinal", "kind": "onehot"}
    )
    back = made.inverse_transform(made.fit_transform(table))
    pd.testing.assert_frame_equal(back, table, check_index_type=False)


def test_what_cannot_be_undone_is_named(songs: pd.DataFrame, hits: Any) -> None:
    made = FeatureTransformer({"artist": "target", "style": "onehot"}, rest="drop")
    codes = made.fit_transform(songs, hits)
    with pytest.raises(UsageError, match=r"columns .*artist.* cannot be told"):
        made.inverse_transform(codes)
    assert made.inverse_transform(codes, partial=True).columns.tolist() == ["style"]
    with pytest.raises(UsageError, match="shape"):
        made.inverse_transform(np.zeros((3, 99)))


# --- ONNX -------------------------------------------------------------------------------------------------------------


def test_onnx_gives_the_same_numbers(songs: pd.DataFrame, hits: Any) -> None:
    import onnxruntime

    made = FeatureTransformer(ALL, TOGETHER).fit(songs, hits)
    rng = np.random.default_rng(9)
    new = songs.sample(200, random_state=0).reset_index(drop=True)
    new["tempo"] = np.where(rng.random(200) < 0.1, np.nan, rng.normal(120, 90, 200))
    new["duration"] = rng.normal(0, 900, 200)
    new.loc[:9, ["style", "artist", "key"]] = ["unheard", "nobody", 77]
    session = onnxruntime.InferenceSession(made.to_onnx(partial=True))
    feed = {
        each.name: number_of(new[each.name]) if "double" in each.type else text_of(new[each.name])
        for each in session.get_inputs()
    }
    names = made.onnx_feature_names(partial=True)
    assert len(names) > 40
    assert not any("~" in name or "#" in name for name in names)
    np.testing.assert_allclose(session.run(None, feed)[0], made.transform(new)[names], rtol=1e-9, atol=1e-9)


def test_onnx_knows_the_calendar() -> None:
    import onnxruntime

    parts = ["year", "quarter", "month", "week", "day", "dayofyear", "weekday", "hour", "minute"]
    days = np.concatenate(
        [
            np.arange("1583-01-01", "2401-01-01", 9, "datetime64[D]"),
            np.arange("1899-12-20", "1905-01-10", 1, "datetime64[D]"),
        ]
    )
    table = pd.DataFrame(
        {"at": days.astype("datetime64[us]") + np.arange(len(days)) * np.timedelta64(6_007_000_001, "us")}
    )
    table.loc[7, "at"] = pd.NaT
    made = FeatureTransformer({"at": {"kind": "date", "parts": parts, "cyclic": parts[1:]}}).fit(table)
    found = onnxruntime.InferenceSession(made.to_onnx()).run(None, {"at": number_of(table["at"])})[0]
    np.testing.assert_allclose(found, made.transform(table), atol=1e-9)
    with pytest.raises(UsageError, match="'date' of column at"):
        FeatureTransformer({"at": {"kind": "date", "zone": "Europe/Vienna"}}).fit(table).to_onnx()


def test_onnx_names_what_it_cannot_do(songs: pd.DataFrame) -> None:
    with pytest.raises(UsageError, match="'text' of column note"):
        FeatureTransformer({"note": "text"}).fit(songs[["note", "tempo"]]).to_onnx()
    with pytest.raises(UsageError, match="no column can be written"):
        FeatureTransformer({"note": "text"}).fit(songs[["note"]]).to_onnx(partial=True)


# --- tables as they are -----------------------------------------------------------------------------------------------


def test_columns_that_are_not_named_go_by_their_type(songs: pd.DataFrame, hits: Any) -> None:
    table = songs.assign(isrc=[f"X{k:06d}" for k in range(len(songs))], empty=None)
    made = FeatureTransformer().fit(table, hits)
    names = made.get_feature_names_out().tolist()
    assert made.dropped_ == {"isrc": "each row has a value of its own", "empty": "no value is stated"}
    assert {
        "tempo",
        "flag",
        "style=größe",
        "style=<missing>",
        "artist",
        "added.year",
        "added.month.sin",
        "note~63",
    } < set(names)
    assert len(FeatureTransformer(rest="drop", columns={"tempo": "log"}).fit(table).get_feature_names_out()) == 1
    words = FeatureTransformer().fit(pd.DataFrame({"day": ["2024-05-31", None, "2024-06-01T10:00Z"]}))
    assert "day.weekday" in words.get_feature_names_out()
    keeping = FeatureTransformer(rest="keep")
    kept = keeping.fit_transform(songs)
    pd.testing.assert_frame_equal(keeping.inverse_transform(kept), songs, check_dtype=False)
    pd.testing.assert_frame_equal(kept[["style", "added"]], songs[["style", "added"]])


def test_pandas_in_pandas_out_and_arrays_in_arrays_out(songs: pd.DataFrame) -> None:
    table = songs[["tempo", "key"]].set_index(songs.index + 7)
    made = FeatureTransformer()
    assert made.fit_transform(table).index.equals(table.index)
    assert isinstance(made.fit_transform(table.to_numpy()), np.ndarray)
    framed = FeatureTransformer().set_output(transform="pandas").fit_transform(table.to_numpy())
    assert framed.columns.tolist() == ["x0", "x1"]


def test_the_table_is_left_alone(songs: pd.DataFrame, hits: Any) -> None:
    before = songs.copy(deep=True)
    FeatureTransformer(ALL, TOGETHER).fit(songs, hits).transform(songs)
    pd.testing.assert_frame_equal(songs, before)


def test_levels_that_were_not_there() -> None:
    table = pd.DataFrame({"style": ["waltz", "reel", "reel", "jig"] * 5})
    new = pd.DataFrame({"style": ["polka", None, "reel"]})
    specs = ["onehot", {"kind": "onehot", "rare": 6}, "ordinal", "target", "frequency", "hash"]
    named = dict(zip("abcdef", specs, strict=True))
    wide = pd.concat(dict.fromkeys(named, table["style"]), axis=1)
    made = FeatureTransformer(named).fit(wide, [1, 0, 0, 1] * 5)
    found = made.transform(pd.concat(dict.fromkeys(named, new["style"]), axis=1))
    assert found.loc[0, ["a=jig", "a=reel", "a=waltz", "b=reel", "b=<other>"]].tolist() == [0, 0, 0, 0, 1]
    assert found.loc[1, ["a=jig", "b=reel", "b=<other>"]].tolist() == [0, 0, 0]  # a gap is no rare level
    assert found["c"].tolist()[0] == -1
    assert np.isnan(found["c"].tolist()[1])
    assert found["d"].tolist()[:2] == [0.5, 0.5]  # the mean of all rows
    assert found["e"].tolist() == [0, 0, 0.5]
    assert found.filter(like="f#").abs().sum(axis=1).tolist() == [1, 0, 1]
    for kind in ("onehot", "ordinal"):
        strict = FeatureTransformer({"style": {"kind": kind, "unseen": "error"}}).fit(table)
        with pytest.raises(UsageError, match=r"'polka' in row 0"):
            strict.transform(new)


def test_types_that_change_between_fit_and_transform() -> None:
    made = FeatureTransformer({"n": "standard", "c": "ordinal"}).fit(pd.DataFrame({"n": [1, 2, 3], "c": [1, 2, 3]}))
    plain = made.transform(pd.DataFrame({"n": [1.0, 2.0, np.nan], "c": [1.0, 3.0, np.nan]}))
    text = made.transform(pd.DataFrame({"n": ["1", "2.0", None], "c": ["1", "3", None]}))
    nullable = made.transform(pd.DataFrame({"n": [1, 2, None], "c": [1, 3, None]}, dtype="Int64"))
    pd.testing.assert_frame_equal(text, plain)
    pd.testing.assert_frame_equal(nullable, plain)
    with pytest.raises(UsageError, match=r"column 'n' .* 'fast' in row 1"):
        made.transform(pd.DataFrame({"n": ["1", "fast"], "c": [1, 2]}))
    with pytest.raises(UsageError, match=r"'n' holds datetime64"):
        made.transform(pd.DataFrame({"n": pd.to_datetime(["2020-01-01"]), "c": [1]}))


def test_dates_in_words_zones_and_parts() -> None:
    spec = {
        "kind": "date",
        "parts": ["year", "week", "hour"],
        "cyclic": ["hour"],
        "zone": "Europe/Vienna",
        "since": "2024-01-01",
    }
    table = pd.DataFrame({"at": ["2024-06-30T23:30:00Z", "2024-01-01 00:00:00+02:00", None]})
    found = FeatureTransformer({"at": spec}).fit_transform(table)
    assert found.columns.tolist() == ["at.year", "at.week", "at.hour", "at.hour.sin", "at.hour.cos", "at.days"]
    np.testing.assert_allclose(found.loc[0], [2024, 27, 1, np.sin(np.pi / 12), np.cos(np.pi / 12), 181 + 23.5 / 24])
    np.testing.assert_allclose(found.loc[1, ["at.year", "at.hour", "at.days"]], [2023, 23, -2 / 24])
    assert found.loc[2].isna().all()
    formed = FeatureTransformer(
        {"at": {"kind": "date", "format": "%d/%m/%Y", "parts": ["month"], "cyclic": [], "age": False}}
    )
    assert formed.fit_transform(pd.DataFrame({"at": ["03/04/2020"]})).iloc[0, 0] == 4
    old = pd.DataFrame({"at": np.array(["1066-10-14", "2500-01-01"], dtype="datetime64[us]")})
    assert FeatureTransformer().fit_transform(old)["at.year"].tolist() == [1066, 2500]
    zoned = pd.DataFrame({"at": pd.to_datetime(["2024-06-30 23:30", "2024-07-01 00:00"]).tz_localize("Asia/Tokyo")})
    made = FeatureTransformer()
    assert made.inverse_transform(made.fit_transform(zoned))["at"].tolist() == zoned["at"].tolist()


@pytest.mark.parametrize(
    ("asked", "table", "words"),
    [
        ({"columns": {"z": "log"}}, {"a": [1, 2]}, "there is no column 'z'"),
        ({"columns": {"a": "logg"}}, {"a": [1, 2]}, "columns\\['a'\\]"),
        ({"columns": {"a": {"kind": "log", "base": 2}}}, {"a": [1, 2]}, "base"),
        ({"columns": {"a": 3}}, {"a": [1, 2]}, "cannot be read"),
        ({"columns": {"a": []}}, {"a": [1, 2]}, "asks for nothing"),
        ({"columns": {"a": {"kind": "robust", "low": 80, "high": 20}}}, {"a": [1, 2]}, "has to lie below"),
        ({"columns": {"a": "target"}}, {"a": [1, 2]}, "needs a target"),
        ({"combine": [{"kind": "cross", "columns": ["a", "b"]}]}, {"a": [1, 2], "b": [1, 2]}, "needs a target"),
        (
            {"combine": [{"kind": "polynomial", "columns": ["a"], "degree": 3, "interaction_only": True}]},
            {"a": [1, 2]},
            "different columns",
        ),
        ({"columns": {"a": "drop"}}, {"a": [1, 2]}, "nothing is left"),
        ({"columns": {"a": ["log", "robust"]}}, {"a": [1, 2], "a__log": [1, 2]}, "would be called"),
        ({"rest": "all"}, {"a": [1, 2]}, "rest='all'"),
        ({"columns": ["a"]}, {"a": [1, 2]}, "has to be a mapping"),
        ({"combine": [{"kind": "cross", "columns": ["a", "a"]}]}, {"a": [1, 2]}, "name one twice"),
        ({"columns": {"a": "date"}}, {"a": ["9999-12-31"]}, "1678"),
        ({"target_type": "ordinal"}, {"a": [1, 2]}, "target_type"),
        ({}, {"a": [1, np.inf]}, "'a' holds inf in row 1"),
        ({"columns": {"a": "log"}}, {"a": [1, "two"]}, "'two' in row 1"),
        ({}, {"a": []}, "0 sample"),
        ({}, {}, "0 feature"),
        ({"columns": {"a": "date"}}, {"a": [1, 2]}, "holds numbers"),
        ({"columns": {"a": "date"}}, {"a": ["2024-01-01", "03/04/2020"]}, "'03/04/2020' in row 1"),
        ({"columns": {"a": {"kind": "date", "zone": "Mars"}}}, {"a": ["2024-01-01"]}, "no time zone"),
        ({"columns": {"a": {"kind": "date", "since": "soon"}}}, {"a": ["2024-01-01"]}, "since='soon'"),
        ({"columns": {"a": {"kind": "date", "cyclic": ["year"]}}}, {"a": ["2024-01-01"]}, "come round"),
        ({"columns": {"a": {"kind": "ordinal", "order": ["x"]}}}, {"a": ["x", "y"]}, "leaves out"),
    ],
    ids=str,
)
def test_what_is_asked_wrongly_is_refused(asked: Any, table: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        FeatureTransformer(**asked).fit(pd.DataFrame(table))


def test_columns_that_are_missing_doubled_or_new_are_refused(songs: pd.DataFrame) -> None:
    made = FeatureTransformer().fit(songs[["tempo", "key"]])
    with pytest.raises(UsageError, match="missing"):
        made.transform(songs[["tempo"]])
    with pytest.raises(UsageError, match="unseen"):
        made.transform(songs[["tempo", "key", "flag"]])
    with pytest.raises(UsageError, match="more than once"):
        FeatureTransformer().fit(songs[["tempo", "tempo"]])


def test_odd_columns_give_numbers() -> None:
    table = pd.DataFrame(
        {
            "constant": [5.0] * 30,
            "empty": [np.nan] * 30,
            "mixed": [1, "one", None, 2.5, True, (1, 2)] * 5,
            "lists": [[1], [2], [1, 2]] * 10,
            "große Zahl": [1e308, -1e308, 0.0] * 10,
            "level\n": ["ß", "ﬁ", ""] * 10,
        }
    )
    kinds = ["standard", "minmax", "robust", "quantile", "power", "log"]
    specs = {"constant": kinds, "empty": kinds, "mixed": ["onehot", "frequency", "ordinal", "hash"]}
    made = FeatureTransformer(specs)
    found = made.fit_transform(table)
    assert np.isfinite(found.filter(like="constant")).all(axis=None)
    assert found.filter(like="empty").isna().all(axis=None)
    assert np.isfinite(found.drop(columns=[*found.filter(like="empty"), "mixed__ordinal"])).all(axis=None)
    again = FeatureTransformer.from_description(json.loads(json.dumps(made.description(), allow_nan=False)))
    pd.testing.assert_frame_equal(again.transform(table), found)


def test_one_row() -> None:
    table = pd.DataFrame({"n": [1.0], "c": ["x"], "t": ["2020-01-01"]})
    made = FeatureTransformer(
        {"n": ["standard", "quantile", "power"], "c": ["onehot", "target", "leave_one_out"], "t": "date"}
    )
    assert np.isfinite(made.fit_transform(table, [1])).all(axis=None)


def test_polynomials_are_products_of_standardised_columns(songs: pd.DataFrame) -> None:
    spec = {"kind": "polynomial", "columns": ["duration", "key"], "degree": 2}
    found = FeatureTransformer(rest="drop", combine=[spec]).fit_transform(songs)
    assert found.columns.tolist() == ["duration*duration", "duration*key", "key*key"]
    scaled = preprocessing.StandardScaler().fit_transform(songs[["duration", "key"]])
    np.testing.assert_allclose(found["duration*key"], scaled.prod(axis=1))
