"""Rows that break an expectation of single values, as masks; each function says which rows are unexpected.

A condition is put to the values that are there, with the very operation of pandas that the vendor uses where it is fast enough,
and with one that is certain to be equal for strings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from ostinato.quality.verdicts.columns import Column, Mask
from ostinato.quality.verdicts.unsure import Unsure

Judge = Callable[[Column, Any], Mask]
_NARROW, _EXACT = 4, 2**53  # bytes of a number, and whole numbers up to which, that float64 holds exactly
_PLAIN = (str, bool, int, float, type(None))  # compared with a string, only an equal string is equal


def null(column: Column, expectation: Any) -> Mask:
    """Rows without a value."""
    return ~column.filled


def filled(column: Column, expectation: Any) -> Mask:
    """Rows with a value."""
    return column.filled


def outside_range(column: Column, expectation: Any) -> Mask:
    """Values below `min_value` or above `max_value`."""
    least, most = expectation.min_value, expectation.max_value
    if least is None and most is None:
        raise Unsure
    if least is not None and most is not None and least > most:
        raise Unsure
    if column.kind == "time":
        least, most = _moment(column, least), _moment(column, most)
    elif not all(type(each) in (int, float, type(None)) for each in (least, most)):
        raise Unsure
    values = column.values if column.kind in ("number", "time") else _widened(column, least, most)
    fits = np.ones(len(values), dtype=bool)
    if least is not None:
        fits &= _mask(least < values if expectation.strict_min else least <= values)
    if most is not None:
        fits &= _mask(values < most if expectation.strict_max else values <= most)
    return column.spread(~fits)


def _widened(column: Column, *bounds: Any) -> pd.Series[Any]:
    """Numbers of fewer bits as float64, which holds them exactly; the vendor compares such values one by one in Python."""
    dtype = column.series.dtype
    if not isinstance(dtype, np.dtype) or dtype.kind not in "iuf" or dtype.itemsize > _NARROW or not len(column.values):
        raise Unsure
    if any(isinstance(each, int) and abs(each) > _EXACT for each in bounds):
        raise Unsure
    return column.values.astype(np.float64)


def _moment(column: Column, bound: Any) -> Any:
    """A bound of times; the vendor reads strings with dateutil and looks row by row at naive times finer or coarser than ns."""
    from dateutil.parser import parse  # type: ignore[import-untyped]

    if isinstance(column.series.dtype, np.dtype) and column.series.dtype != np.dtype("datetime64[ns]"):
        raise Unsure
    return parse(bound) if isinstance(bound, str) else bound


def not_in_set(column: Column, expectation: Any) -> Mask:
    """Values that are not in `value_set`."""
    return ~_in_set(column, expectation.value_set) & column.filled


def in_set(column: Column, expectation: Any) -> Mask:
    """Values that are in `value_set`."""
    if column.kind == "time":
        raise Unsure
    return _in_set(column, expectation.value_set)


def _in_set(column: Column, members: Any) -> Mask:
    if not isinstance(members, list | tuple | set):
        raise Unsure
    if column.kind == "text":
        if not all(type(each) in _PLAIN for each in members):
            raise Unsure
        return column.text.among([each for each in members if isinstance(each, str)])
    if column.kind == "other":
        raise Unsure
    return column.spread(_mask(column.values.isin(members)))


def repeated(column: Column, expectation: Any) -> Mask:
    """Values that occur more than once."""
    if column.kind == "text":
        return column.text.repeats[0]
    if column.kind == "other":
        raise Unsure
    return column.spread(_mask(column.values.duplicated(keep=False)))


def without_pattern(column: Column, expectation: Any) -> Mask:
    """Values in which `regex` is not found."""
    return ~_matches(column, expectation.regex) & column.filled


def with_pattern(column: Column, expectation: Any) -> Mask:
    """Values in which `regex` is found."""
    return _matches(column, expectation.regex)


def _matches(column: Column, pattern: Any) -> Mask:
    if not isinstance(pattern, str):
        raise Unsure
    return column.text.matching(pattern)


def outside_lengths(column: Column, expectation: Any) -> Mask:
    """Strings shorter than `min_value` or longer than `max_value`."""
    least, most = expectation.min_value, expectation.max_value
    if not all(type(each) in (int, float, type(None)) for each in (least, most)) or (least is None and most is None):
        raise Unsure
    lengths = column.text.lengths
    fits = np.ones(column.rows, dtype=bool)
    if least is not None:
        fits &= lengths > least if expectation.strict_min else lengths >= least
    if most is not None:
        fits &= lengths < most if expectation.strict_max else lengths <= most
    return ~fits & column.filled


def other_length(column: Column, expectation: Any) -> Mask:
    """Strings that are not `value` long."""
    if type(expectation.value) not in (int, float):
        raise Unsure
    wrong: Mask = np.not_equal(column.text.lengths, expectation.value) & column.filled
    return wrong


def other_type(column: Column, expectation: Any) -> Mask:
    """For a column of objects only; the vendor compares the types of other columns as a whole."""
    names = [expectation.type_] if hasattr(expectation, "type_") else expectation.type_list
    if not isinstance(names, list | tuple) or not set(names) <= {"str", "int", "float", "bool"} or not names:
        raise Unsure
    if column.kind != "text":
        raise Unsure
    is_text = "str" in names
    return np.zeros(column.rows, dtype=bool) if is_text else column.filled


def _mask(found: Any) -> Mask:
    if isinstance(found, pd.Series):
        if found.dtype != bool:
            raise Unsure
        found = found.to_numpy()
    return np.asarray(found, dtype=bool)


JUDGES: dict[str, Judge] = {
    "expect_column_values_to_not_be_null": null,
    "expect_column_values_to_be_null": filled,
    "expect_column_values_to_be_between": outside_range,
    "expect_column_values_to_be_in_set": not_in_set,
    "expect_column_values_to_not_be_in_set": in_set,
    "expect_column_values_to_be_unique": repeated,
    "expect_column_values_to_match_regex": without_pattern,
    "expect_column_values_to_not_match_regex": with_pattern,
    "expect_column_value_lengths_to_be_between": outside_lengths,
    "expect_column_value_lengths_to_equal": other_length,
    "expect_column_values_to_be_of_type": other_type,
    "expect_column_values_to_be_in_type_list": other_type,
}
