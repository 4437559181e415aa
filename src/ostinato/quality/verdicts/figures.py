"""Figures of a whole column or table under the vendor's names, by the very operations of pandas that the vendor uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from ostinato.quality.verdicts.columns import Column
from ostinato.quality.verdicts.unsure import Unsure

Figures = dict[str, Any]
Figure = Callable[[Column, Any], Figures]


def _number(column: Column) -> pd.Series[Any]:
    if column.kind != "number":
        raise Unsure
    return column.series


def _ordered(column: Column) -> pd.Series[Any]:
    if column.kind not in ("number", "time"):
        raise Unsure
    return column.series


def mean(column: Column, expectation: Any) -> Figures:
    """The mean."""
    return {"column.mean": _number(column).mean()}


def median(column: Column, expectation: Any) -> Figures:
    """The median of the values that are there."""
    return {"column.median": _number(column)[column.filled].median() if column.gaps else _number(column).median()}


def deviation(column: Column, expectation: Any) -> Figures:
    """The standard deviation of a sample."""
    return {"column.standard_deviation": _number(column).std()}


def total(column: Column, expectation: Any) -> Figures:
    """The sum."""
    return {"column.sum": _number(column).sum()}


def least(column: Column, expectation: Any) -> Figures:
    """The least value."""
    return {"column.min": _ordered(column).min()}


def most(column: Column, expectation: Any) -> Figures:
    """The greatest value."""
    return {"column.max": _ordered(column).max()}


def quantiles(column: Column, expectation: Any) -> Figures:
    """The quantiles that are asked for."""
    asked = expectation.configuration.kwargs["quantile_ranges"]["quantiles"]
    how = expectation.allow_relative_error or "nearest"
    if how not in ("linear", "lower", "higher", "midpoint", "nearest") or not isinstance(asked, list):
        raise Unsure
    values: Any = _number(column)
    return {"column.quantile_values": values.quantile(asked, interpolation=how).tolist()}


def different(column: Column, expectation: Any) -> Figures:
    """How many different values there are."""
    return {"column.distinct_values.count": _different(column)}


def _different(column: Column) -> int:
    if column.kind == "text":
        return column.text.repeats[1]
    if column.kind == "other":
        raise Unsure
    return int(column.series.nunique())


def share_of_different(column: Column, expectation: Any) -> Figures:
    """Different values per value."""
    number = _different(column)
    return {"column.unique_proportion": number / (column.rows - column.gaps) if column.rows > column.gaps else 0}


def beyond_set(column: Column, expectation: Any) -> Figures:
    """Different values that are not in `value_set`, their number and the first of them."""
    from great_expectations.constants import MAX_DISTINCT_VALUES
    from great_expectations.expectations.metrics.column_aggregate_metrics import column_distinct_values as vendor

    if column.kind not in ("text", "number"):
        raise Unsure
    found = column.text.different() if column.kind == "text" else set(column.series.dropna().unique())
    expected = vendor._coerce_value_set_to_column_type(found, expectation.value_set)
    beyond = sorted(found - expected)
    named = "column.distinct_values.not_in_set"
    return {f"{named}.count": len(beyond), named: beyond[:MAX_DISTINCT_VALUES]}


FIGURES: dict[str, Figure] = {
    "expect_column_mean_to_be_between": mean,
    "expect_column_median_to_be_between": median,
    "expect_column_stdev_to_be_between": deviation,
    "expect_column_sum_to_be_between": total,
    "expect_column_min_to_be_between": least,
    "expect_column_max_to_be_between": most,
    "expect_column_quantile_values_to_be_between": quantiles,
    "expect_column_unique_value_count_to_be_between": different,
    "expect_column_proportion_of_unique_values_to_be_between": share_of_different,
    "expect_column_distinct_values_to_be_in_set": beyond_set,
}


def of_table(frame: pd.DataFrame) -> Figures:
    """What expectations of a whole table ask for."""
    return {"table.row_count": len(frame), "table.column_count": frame.shape[1], "table.columns": list(frame.columns)}


TABLE = (
    "expect_table_row_count_to_be_between",
    "expect_table_row_count_to_equal",
    "expect_table_column_count_to_be_between",
    "expect_table_column_count_to_equal",
    "expect_column_to_exist",
    "expect_table_columns_to_match_set",
    "expect_table_columns_to_match_ordered_list",
)
