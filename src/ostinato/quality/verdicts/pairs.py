"""Rows that break an expectation of two columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ostinato.quality.verdicts.columns import Column, Mask
from ostinato.quality.verdicts.unsure import Unsure

PAIRS = ("expect_column_pair_values_a_to_be_greater_than_b", "expect_column_pair_values_to_be_equal")


def considered(first: Column, second: Column, ignore: Any) -> Mask:
    """Rows that count, by `ignore_row_if`."""
    if ignore == "both_values_are_missing":
        return first.filled | second.filled
    if ignore == "either_value_is_missing":
        return first.filled & second.filled
    if ignore == "neither":
        return np.ones(first.rows, dtype=bool)
    raise Unsure


def unexpected(first: Column, second: Column, expectation: Any) -> Mask:
    """Rows that break the expectation, among all; the vendor's operation on both columns as they are."""
    if expectation.column_A == expectation.column_B:
        raise Unsure  # the vendor then lists pairs of pairs
    kinds = {first.kind, second.kind}
    if expectation.expectation_type == PAIRS[1]:
        if kinds not in ({"number"}, {"text"}):
            raise Unsure
        fits = first.series == second.series
    else:
        if kinds != {"number"}:
            raise Unsure
        fits = first.series >= second.series if expectation.or_equal else first.series > second.series
    if not isinstance(fits, pd.Series) or fits.dtype != bool:
        raise Unsure
    return ~fits.to_numpy()
