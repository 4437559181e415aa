import pandas as pd
import pytest

from ostinato.preprocess.columns import described, known
from ostinato.preprocess.duplicates import find_duplicates
from ostinato.preprocess.impute import impute
from ostinato.preprocess.types import typed


@pytest.mark.parametrize(
    ("values", "dtype", "first"),
    [
        (["1", " 2.5", "", None], "float64", 1.0),
        (["0071", "0002", "0003", "0004"], "object", "0071"),
        (["yes", "No", None, "true"], "boolean", True),
        (
            ["2020-01-02", "1999-12-31T23:00:00Z", None, None],
            "datetime64[us, UTC]",
            pd.Timestamp("2020-01-02", tz="UTC"),
        ),
        (["2020-13-45", "2020-01-01", None, None], "object", "2020-13-45"),
        (["e\u0301tude ", "b", "c", "d"], "object", "\u00e9tude"),
        (["1", "2", "x", None], "object", "1"),
        ([True, None, False, True], "boolean", True),
        ([None, None, None, None], "object", None),
    ],
)
def test_columns_get_the_type_that_all_their_values_state(values, dtype, first):
    column = typed(pd.DataFrame({"c": values}), frozenset())["c"]
    assert str(column.dtype) == dtype
    assert column.iloc[0] == first or (first is None and column.iloc[0] is None)


def test_named_columns_stay_text():
    assert typed(pd.DataFrame({"label": ["1", "2"]}), frozenset({"label"}))["label"].tolist() == ["1", "2"]


def copies(labels, paths=True):
    n = len(labels)
    return pd.DataFrame(
        {"track_id": list("abcdef"[:n]), "path": list("abcdef"[:n]) if paths else None, "sha256": "1", "label": labels}
    )


@pytest.mark.parametrize(
    ("labels", "extra", "conflicting"),
    [
        (["x", "x", "x"], ("b", "c"), ()),
        (["x", "y"], (), ("a", "b")),
        ([None, "x"], ("a",), ()),
        ([None, None], ("b",), ()),
    ],
)
def test_one_of_equal_copies_stays_and_none_of_conflicting_ones(labels, extra, conflicting):
    found = find_duplicates(copies(labels))
    assert (found.extra, found.conflicting) == (extra, conflicting)


def test_rows_without_audio_are_no_copies():
    assert find_duplicates(copies(["x", "y"], paths=False)).conflicting == ()


def metadata():
    return pd.DataFrame(
        {
            "track_id": [f"t{i:02d}" for i in range(12)],
            "label": ["x"] * 6 + [None] * 6,
            "artist": ["one"] * 11 + [None],
            "consent": pd.array([True] * 11 + [None], dtype="boolean"),
            "duration": [1.0] * 11 + [None],
            "tempo": [60.0, 80.0, 100.0] * 3 + [None] * 3,
            "live": pd.array([True, False] + [False] * 9 + [None], dtype="boolean"),
            "mood": ["calm", "wild"] * 5 + [None, None],
            "comment": [f"text {i}" for i in range(11)] + [None],
            "year_id": [1.0] * 11 + [None],
        }
    )


def test_only_descriptive_columns_are_filled_and_each_row_says_which():
    filled, fills = impute(metadata(), "median", "mode")
    assert {(fill.column, fill.value, fill.rows) for fill in fills} == {
        ("tempo", 80.0, 3),
        ("live", False, 1),
        ("mood", "calm", 2),
    }
    for column in ("label", "artist", "consent", "duration", "comment", "year_id"):
        assert filled[column].isna().sum() == metadata()[column].isna().sum(), column
    assert filled["imputed"].tolist() == [None] * 9 + ["tempo", "tempo,mood", "tempo,live,mood"]
    assert filled["live"].dtype == bool


def test_a_filled_value_is_no_known_target():
    filled, _ = impute(metadata(), "median", "mode")
    assert known(filled, "tempo").tolist() == [True] * 9 + [False] * 3
    assert known(filled, "label").sum() == 6


def test_nothing_is_filled_where_it_is_not_asked_for():
    filled, fills = impute(metadata(), "keep", "keep")
    assert fills == ()
    assert "imputed" not in filled


def test_described_columns_are_the_numbers_a_model_may_take():
    assert described(metadata()) == ["tempo"]
