"""Every verdict, count, list and exception is the one that Great Expectations gives, whatever the table holds."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.expectations import told
from ostinato.quality.suites import great_expectations
from ostinato.quality.verdicts import vendor
from ostinato.quality.verdicts.table import Table
from ostinato.quality.verdicts.validation import evaluate, validate
from tests.unit.quality.verdicts.generated import suite, table

QUICK, ALL = 60, 500


def compare(seed: int) -> tuple[int, int]:
    """How many of the expectations of a seed were judged here, and how many there were."""
    rng = np.random.default_rng(seed)
    frame = table(rng)
    expectations = suite(rng, frame)
    before = frame.copy(deep=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas warns of groups in patterns and of types that it casts
        own = evaluate("t", expectations, frame)
        theirs = vendor.plain_results("t", expectations, frame)
    for mine, other, expectation in zip(own.results, theirs, expectations, strict=True):
        assert told(mine) == told(other), (seed, expectation.expectation_type, expectation.configuration.kwargs)
    pd.testing.assert_frame_equal(frame, before)
    return own.here, len(expectations)


def test_generated_suites_get_the_verdicts_of_great_expectations():
    counts = np.array([compare(seed) for seed in range(QUICK)])
    assert counts[:, 0].sum() > 0.45 * counts[:, 1].sum()  # otherwise the vendor was compared with itself


@pytest.mark.long
def test_five_hundred_generated_suites_get_the_verdicts_of_great_expectations():
    counts = np.array([compare(seed) for seed in range(QUICK, QUICK + ALL)])
    assert counts[:, 0].sum() > 0.45 * counts[:, 1].sum()


def one(kind: str, frame: pd.DataFrame, **arguments: Any) -> tuple[Any, bool]:
    """The result of one expectation, equal to the vendor's, and whether it was judged here."""
    expectation = getattr(great_expectations().expectations, kind)(**arguments)
    own = evaluate("t", [expectation], frame)
    assert told(own.results[0]) == told(vendor.plain_results("t", [expectation], frame)[0])
    return own.results[0], own.here == 1


def test_a_large_column_of_strings_is_judged_here_and_equally(rng):
    n = 20_000
    keys = pd.Series([f"ключ-{i:07d}" for i in rng.permutation(n)], dtype=object)
    keys[[3, 77]] = keys[5]
    keys[11] = None
    found, here = one("ExpectColumnValuesToBeUnique", pd.DataFrame({"key": keys}), column="key")
    assert here
    assert found.result["unexpected_index_list"] == [3, 5, 77]
    frame = pd.DataFrame({"key": keys.str.replace("ключ", "key")})
    for pattern in (r"^key-\d{7}$", r"\d{3}5$", r"^(?:key|lock)-0{2,}"):
        assert one("ExpectColumnValuesToMatchRegex", frame, column="key", regex=pattern)[1]


@pytest.mark.parametrize("step", [2, -1])
def test_rows_that_are_not_numbered_from_zero_are_left_to_the_vendor(step):
    frame = pd.DataFrame({"x": [1.0, 9.0, np.nan]}, index=pd.RangeIndex(0, 3 * step, step))
    assert not one("ExpectColumnValuesToBeBetween", frame, column="x", min_value=0, max_value=5)[1]


def test_two_columns_of_one_name_are_left_to_the_vendor():
    assert not Table(pd.DataFrame([[1, 2]], columns=["x", "x"])).certain


def test_an_unknown_release_is_left_to_the_vendor(monkeypatch):
    monkeypatch.setattr(vendor, "TRIED", ("0.0.",))
    assert not one("ExpectColumnToExist", pd.DataFrame({"x": [1]}), column="x")[1]


def test_somebody_elses_expectation_is_left_to_the_vendor():
    class ExpectColumnToExist(great_expectations().expectations.ExpectColumnToExist):  # type: ignore[name-defined]
        """Under the same name, with another meaning."""

    own = evaluate("t", [ExpectColumnToExist(column="x")], pd.DataFrame({"x": [1]}))
    assert own.here == 0


def test_an_expectation_that_ends_the_vendors_validation_fails_alone():
    from great_expectations.expectations.row_conditions import Column

    gx = great_expectations().expectations
    frame = pd.DataFrame({"x": ["a"]})
    fatal = gx.ExpectColumnValuesToBeOfType(column="x", type_="str", row_condition=Column("nowhere") == 1)
    result = validate("t", [gx.ExpectColumnToExist(column="x"), fatal], frame)
    assert [item.success for item in result.results] == [True, False]
    assert "nowhere" in result.results[1].exception_info["exception_message"]
    assert result.statistics["unsuccessful_expectations"] == 1


def test_a_column_that_the_vendor_cannot_even_load_fails_with_words():
    frame = pd.DataFrame({"x": pd.Series([(1, 2), "a", 2.5], dtype=object), "y": [1, 2, 3]})
    gx = great_expectations().expectations
    expectations = [gx.ExpectColumnValuesToBeUnique(column="x"), gx.ExpectColumnMaxToBeBetween(column="y", max_value=2)]
    result = validate("t", expectations, frame)
    assert [item.success for item in result.results] == [False, False]
    assert result.results[0].exception_info["raised_exception"]
    assert result.results[1].result["observed_value"] == 3
