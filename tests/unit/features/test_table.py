import datetime
import json

import numpy as np
import pandas as pd
import pytest

from ostinato.core.errors import UsageError
from ostinato.features.table import TableEncoder


def frame(n=60):
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "number": rng.normal(size=n),
            "whole": rng.integers(0, 9, n),
            "big": 1_700_000_000_000 + np.arange(n),
            "written": [f"{i / 4}" for i in range(n)],
            "blank": [" " if i == 7 else str(i) for i in range(n)],
            "flag": rng.random(n) < 0.5,
            "city": rng.choice(["Köln", "東京", "Lyon"], n),
            "grade": pd.Categorical(rng.choice(["a", "b"], n)),
            "day": [f"2020-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(n)],
            "euro": [f"{1 + i % 27:02d}.{1 + i % 12:02d}.2020" for i in range(n)],
            "text": [f"the {['red', 'blue'][i % 2]} house number {i}" for i in range(n)],
        }
    )


def outputs(encoder, name):
    return [out for column in encoder.columns if column.name == name for out in column.outputs]


def test_each_column_is_what_it_looks_like():
    encoder = TableEncoder.learnt(frame())
    kinds = {column.name: column.kind for column in encoder.columns}
    assert kinds == {
        **dict.fromkeys(["number", "whole", "big", "written", "blank", "flag"], "number"),
        **dict.fromkeys(["city", "grade"], "category"),
        **dict.fromkeys(["day", "euro"], "moment"),
        "text": "text",
    }
    assert outputs(encoder, "day") == ["day (days)", "day (month)", "day (day)", "day (weekday)"]
    assert {"text: red", "text: blue", "text (words)"} <= set(outputs(encoder, "text"))
    assert dict(zip(encoder.outputs, encoder.levels, strict=True))["city"] == 3
    assert encoder.is_plain is False


def test_values_come_out_as_they_went_in():
    X = frame()
    encoder = TableEncoder.learnt(X)
    matrix = dict(zip(encoder.outputs, encoder.encode(X).T, strict=True))
    np.testing.assert_array_equal(matrix["number"], X["number"].astype(np.float32))
    np.testing.assert_array_equal(np.diff(matrix["big"]), 1), "whole numbers beyond float32 keep their differences"
    assert np.isnan(matrix["blank"][7])
    assert matrix["blank"][8] == 8
    np.testing.assert_array_equal(matrix["flag"], X["flag"])
    codes = {"Köln": None, "東京": None, "Lyon": None}
    for city in codes:
        found = set(matrix["city"][X["city"] == city].tolist())
        assert len(found) == 1
        codes[city] = found.pop()
    assert sorted(codes.values()) == [0, 1, 2]
    days = [datetime.date.fromisoformat(day).toordinal() - 719163 for day in X["day"]]
    np.testing.assert_array_equal(matrix["day (days)"], days)
    np.testing.assert_array_equal(matrix["euro (month)"], [1 + i % 12 for i in range(60)])
    np.testing.assert_array_equal(matrix["text: red"], [i % 2 == 0 for i in range(60)])


def test_every_form_of_a_table_reads_the_same_and_json_keeps_it():
    X = frame()
    encoder = TableEncoder.learnt(X)
    whole = encoder.encode(X)
    again = TableEncoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    rows = X.to_dict("records")
    for found in (
        again.encode(X),
        again.encode(X[X.columns[::-1]]),
        again.encode(X.to_numpy()),
        again.encode(rows),
        np.concatenate([again.encode(row) for row in rows]),
    ):
        np.testing.assert_array_equal(found, whole)


def test_plain_numbers_are_read_without_a_detour():
    X = np.random.default_rng(0).normal(size=(20, 4))
    encoder = TableEncoder.learnt(pd.DataFrame(X, columns=list("abcd")))
    assert encoder.is_plain
    np.testing.assert_array_equal(encoder.encode(X), X.astype(np.float32))
    np.testing.assert_array_equal(encoder.encode(X[3]), X[3:4].astype(np.float32))
    assert encoder == TableEncoder.of_numbers(list("abcd"))


@pytest.mark.parametrize("gap", [None, np.nan, pd.NA, pd.NaT, "never seen"])
def test_gaps_and_strangers_are_missing(gap):
    X = frame()
    encoder = TableEncoder.learnt(X)
    strange = isinstance(gap, str)
    row = {**X.iloc[0].to_dict(), "city": gap, "day": gap, **({} if strange else {"number": gap})}
    found = dict(zip(encoder.outputs, encoder.encode(row)[0], strict=True))
    assert np.isnan(found["city"])
    assert np.isnan(found["day (days)"])
    assert strange or np.isnan(found["number"])


def test_whole_numbers_as_words_and_numbers_are_one_category():
    X = pd.DataFrame({"code": [1, "1", 1.0, "x", "x", 2, "2", None] * 4, "other": range(32)})
    encoder = TableEncoder.learnt(X)
    codes = encoder.encode(X)[:, 0]
    assert codes[0] == codes[1] == codes[2] != codes[3]
    assert np.isnan(codes[7])


def test_rare_levels_are_missing_and_many_are_bounded():
    names = [f"n{i}" for i in range(3000) for _ in range(2)] + ["once"]
    X = pd.DataFrame({"name": names, "x": range(6001)})
    column = TableEncoder.learnt(X).columns[0]
    assert len(column.values) == 2000
    assert "once" not in column.values


def test_a_hash_that_looks_like_a_huge_number_does_no_harm():
    X = pd.DataFrame({"hash": ["5e41230987124387", "1e5"] * 20, "x": range(40)})
    matrix = TableEncoder.learnt(X).encode(X)
    assert matrix.shape == (40, 2)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (pd.DataFrame(np.ones((3, 2)), columns=["a", "a"]), "more than one column called 'a'"),
        (pd.DataFrame({"a": [1.0, 1.0]}), "no column of X tells anything .*'a': it has one value only"),
        (pd.DataFrame({"a": [{}, {}], "b": [1, 2]}), "column 'a' holds dict values"),
        (pd.DataFrame({"a": [1j, 2j]}), "column 'a' holds complex numbers"),
        (pd.DataFrame(), "no column of X tells anything"),
    ],
)
def test_what_cannot_be_read_is_named(X, message):
    with pytest.raises(UsageError, match=message):
        TableEncoder.learnt(X)


def test_a_wrong_shape_or_a_missing_column_is_named():
    encoder = TableEncoder.of_numbers(["a", "b"])
    with pytest.raises(UsageError, match=r"expected an array \(n, 2\).*got shape \(3,\)"):
        encoder.encode(np.zeros(3))
    with pytest.raises(UsageError, match="lacks 1 of the 2 columns that the model reads: b"):
        encoder.encode({"a": 1.0})


def test_made_up_rows_are_of_the_right_kinds():
    encoder = TableEncoder.learnt(frame())
    rng = np.random.default_rng(0)
    matrix = encoder.encode([encoder.example(rng) for _ in range(50)])
    assert np.isfinite(matrix[:, encoder.outputs.index("city")]).all()
    assert np.isfinite(matrix[:, encoder.outputs.index("euro (month)")]).all()
