"""A frame that is judged: its columns, and the rows that a condition leaves."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ostinato.quality.verdicts.columns import Column
from ostinato.quality.verdicts.unsure import Unsure


class Table:
    """A frame whose rows are numbered from 0; what is learnt about a column is kept for the next expectation."""

    def __init__(self, frame: pd.DataFrame) -> None:
        index = frame.index
        numbered = type(index) is pd.RangeIndex and (index.start, index.step, index.name) == (0, 1, None)
        self.certain = numbered and frame.columns.is_unique and type(frame) is pd.DataFrame
        self.frame = frame
        self._columns: dict[tuple[str, str], Column] = {}
        self._rows: dict[str, Any] = {"": None}

    def column(self, name: str, condition: Any, parser: Any) -> Column:
        """A column of the rows for which a condition holds; None is every row."""
        key = "" if condition is None else repr(condition)
        if name not in self.frame.columns:
            raise Unsure
        if (key, name) not in self._columns:
            labels = self.rows(condition, parser)
            series = self.frame[name]
            self._columns[key, name] = Column(series if labels is None else series.loc[labels])
        return self._columns[key, name]

    def rows(self, condition: Any, parser: Any) -> pd.Index[Any] | None:
        """Labels of the rows for which a condition holds, by the vendor's own reading of it; None is every row."""
        key = "" if condition is None else repr(condition)
        if key not in self._rows:
            self._rows[key] = self._holding(condition, parser)
        rows: pd.Index[Any] | None = self._rows[key]
        return rows

    def _holding(self, condition: Any, parser: Any) -> pd.Index[Any]:
        from great_expectations.execution_engine import PandasExecutionEngine

        named = columns_of(condition)
        if named is None or not named <= set(self.frame.columns):
            raise Unsure
        part = self.frame[sorted(named)]
        engine = PandasExecutionEngine()
        rows: pd.Index[Any] = engine._apply_row_condition_filter(part, condition, {"condition_parser": parser}).index
        return rows


def columns_of(condition: Any) -> set[str] | None:
    """Columns that a condition names; None where it is text, which may name anything."""
    if condition is None:
        return set()
    if isinstance(condition, str):
        return None
    from great_expectations.expectations import row_conditions as kinds

    if isinstance(condition, dict):
        condition = kinds.deserialize_row_condition(condition)
    if isinstance(condition, kinds.AndCondition | kinds.OrCondition):
        inner = [columns_of(each) for each in condition.conditions]
        return None if any(each is None for each in inner) else set().union(*(each or set() for each in inner))
    if isinstance(condition, kinds.ComparisonCondition | kinds.NullityCondition):
        return {condition.column.name}
    return None
