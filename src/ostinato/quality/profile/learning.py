"""A suite of expectations learnt from a profile, for a person to review: every rule says on what it was read off.

Rules are kept looser than what was seen, because the next table is another one: ranges get a margin, sets are only learnt
of categories whose levels are few and each common, shares of gaps may double. What was wrong with the table is not learnt
as right: a key that repeats is asked to be unique with the severity `warning`, and a date form is asked of all values when
most have it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ostinato.core.files import replacing
from ostinato.quality.profile.column import ColumnProfile
from ostinato.quality.profile.finding import percent
from ostinato.quality.profile.formats import BY_NAME
from ostinato.quality.profile.meaning import MOST

if TYPE_CHECKING:
    from ostinato.quality.profile.report import QualityReport

_MOST_LEVELS = 30
_FEWEST_OF_A_LEVEL = 5
_MARGIN = 0.5  # of the range between least and most
_ROWS = (0.5, 2.0)  # how far the number of rows may move from what was seen
_FORMED = ("ISRC", "ISWC", "identifier", "reference", "URL", "e-mail", "date", "path", "duration")
_HEAD = """\
# Learnt from {name}: {rows:,} rows, {columns} columns. Review before use: a rule here says what was seen, not what is right.
#   Set severity to critical where a failure must stop the run, quarantine to true where rows that break a rule are to be set aside.
table: {table}
expectations:
"""


@dataclass(frozen=True)
class LearntRule:
    """One expectation in the form of `configs/quality/*.yaml`, and why it was learnt."""

    type: str
    says: str
    why: str
    column: str | None = None
    kwargs: dict[str, Any] = field(default_factory=dict)
    severity: str = "warning"
    mostly: float | None = None
    optional: bool = False


@dataclass(frozen=True)
class LearntSuite:
    """Rules for one table; `to_yaml` writes them as a file that `ostinato.quality.suites.load_suite` reads."""

    table: str
    name: str
    rows: int
    columns: int
    rules: tuple[LearntRule, ...]

    def to_yaml(self, path: Path | str | None = None) -> str:
        """The suite as YAML with a comment over each rule; written to `path` too where one is given."""
        head = _HEAD.format(name=_line(self.name), rows=self.rows, columns=self.columns, table=self.table)
        text = head + "".join(_written(rule) for rule in self.rules)
        if path is not None:
            with replacing(Path(path)) as part:
                part.write_text(text, encoding="utf-8")
        return text


def suite_from(report: QualityReport, table: str = "tracks") -> LearntSuite:
    """Learn rules for `table` from a report; raises nothing, and learns only the number of rows from an empty table.

    >>> import pandas as pd
    >>> from ostinato import DataQualityAnalyzer
    >>> report = DataQualityAnalyzer().analyze(pd.DataFrame({"mode": ["major", "minor"] * 30}))
    >>> [rule.type for rule in suite_from(report).rules][-2:]
    ['expect_column_values_to_not_be_null', 'expect_column_values_to_be_in_set']
    """
    low = max(1, math.floor(report.rows * _ROWS[0]))
    rules = [
        LearntRule(
            "expect_table_row_count_to_be_between",
            f"there are not between {low} and {max(low, math.ceil(report.rows * _ROWS[1]))} rows",
            f"{report.rows:,} rows were seen; half and twice as many are taken as usual",
            kwargs={"min_value": low, "max_value": max(low, math.ceil(report.rows * _ROWS[1]))},
        )
    ]
    keys = (
        {key.columns[0]: key.repeats for key in report.duplicates.keys if len(key.columns) == 1}
        if report.duplicates
        else {}
    )
    for column in report.columns:
        rules += _rules(column, keys)
    return LearntSuite(table, report.name, report.rows, len(report.columns), tuple(rules))


def _rules(column: ColumnProfile, keys: dict[str, int]) -> Iterator[LearntRule]:
    yield LearntRule(
        "expect_column_to_exist",
        "the column is missing",
        f"it holds {column.meaning}",
        column.name,
        severity="critical",
    )
    if not column.filled:
        return
    yield _gaps(column)
    if column.name in keys:
        repeats = keys[column.name]
        why = f"{repeats:,} rows repeat a key; learnt as it should be" if repeats else "each value occurs once"
        yield LearntRule(
            "expect_column_values_to_be_unique", "the key is used more than once", why, column.name, optional=True
        )
    if column.meaning in ("category", "yes or no", "language", "constant") and (rule := _set(column)) is not None:
        yield rule
    elif column.spread is not None and column.storage not in ("object", "string", "str", "category"):
        yield from _range(column)
    if column.words is not None and (rule := _form(column)) is not None:
        yield rule


def _gaps(column: ColumnProfile) -> LearntRule:
    mostly = 1.0 if not column.missing else max(0.01, math.floor(100 * (1 - 2 * column.missing / column.rows)) / 100)
    why = f"{percent(column.missing / column.rows)} were missing" + (
        "; twice as many are allowed" if column.missing else ""
    )
    return LearntRule(
        "expect_column_values_to_not_be_null",
        "the value is missing",
        why,
        column.name,
        mostly=mostly if mostly < 1 else None,
    )


def _set(column: ColumnProfile) -> LearntRule | None:
    levels = [value for value, _ in column.top]
    if column.distinct > min(_MOST_LEVELS, len(levels)) or column.blank or column.spread is not None:
        return _numbers_set(column)
    if min(count for _, count in column.top) < _FEWEST_OF_A_LEVEL or any(level.endswith("…") for level in levels):
        return None
    why = f"all {column.filled:,} values are among these {len(levels)}, the rarest of them {column.top[-1][1]:,} times"
    return LearntRule(
        "expect_column_values_to_be_in_set",
        "the value is none of those known",
        why,
        column.name,
        {"value_set": sorted(levels)},
        optional=True,
    )


def _numbers_set(column: ColumnProfile) -> LearntRule | None:
    spread = column.spread
    if spread is None or not spread.histogram.exact or not spread.whole or spread.infinite or column.words is not None:
        return None
    if min(spread.histogram.counts) < _FEWEST_OF_A_LEVEL:
        return None
    values: list[Any] = [int(value) for value in spread.histogram.edges]
    if column.storage in ("bool", "boolean"):
        values = [bool(value) for value in values]
    why = f"all {column.filled:,} values are among these {len(values)}"
    return LearntRule(
        "expect_column_values_to_be_in_set",
        "the value is none of those known",
        why,
        column.name,
        {"value_set": values},
        optional=True,
    )


def _range(column: ColumnProfile) -> Iterator[LearntRule]:
    spread = column.spread
    assert spread is not None
    if column.meaning in ("identifier", "reference", "date") or spread.infinite:
        return
    low, high = spread.quantiles["0"], spread.quantiles["1"]
    room = _MARGIN * (high - low)
    natural = low >= 0, (low, high) == (0, 1) or (low >= 0 and 0.9 <= high <= 1)  # noqa: PLR2004 - a share
    bounds = (0.0 if natural[0] and low - room < 0 else low - room, 1.0 if natural[1] else high + room)
    bounds = (_rounded(bounds[0], down=True), _rounded(bounds[1], down=False))
    if not all(math.isfinite(bound) for bound in bounds):
        return
    why = f"values were between {low:g} and {high:g}; half of that range is allowed beyond"
    why += "; a share stays a share" if natural[1] else "; what is not negative stays so" if natural[0] else ""
    yield LearntRule(
        "expect_column_values_to_be_between",
        f"the value is not between {bounds[0]:g} and {bounds[1]:g}",
        why,
        column.name,
        {"min_value": bounds[0], "max_value": bounds[1]},
        optional=True,
    )


def _rounded(value: float, *, down: bool) -> float:
    """Two significant digits, away from the data."""
    if value == 0 or not math.isfinite(value):
        return value
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    return float(f"{(math.floor(value / unit) if down else math.ceil(value / unit)) * unit:.12g}")


def _form(column: ColumnProfile) -> LearntRule | None:
    words = column.words
    assert words is not None
    forms = {name: rows for name, rows in words.forms.items() if name in BY_NAME}
    if column.meaning not in _FORMED or not forms:
        return None
    main = max(forms, key=lambda name: (forms[name], name))
    if forms[main] < MOST * column.filled:
        return None
    rest = column.filled - forms[main]
    why = f"{percent(forms[main] / column.filled)} of the values have the form of {main}" + (
        f"; {rest:,} do not, and are learnt as wrong" if rest else ""
    )
    mostly = None if not rest else math.floor(100 * forms[main] / column.filled) / 100
    return LearntRule(
        "expect_column_values_to_match_regex",
        f"the value does not have the form of {main}",
        why,
        column.name,
        {"regex": _python(BY_NAME[main].pattern)},
        mostly=mostly,
        optional=True,
    )


def _python(pattern: str) -> str:
    """An expression for Python's `re`, where flags have to come first."""
    flags = pattern[: pattern.index(")") + 1] if pattern.startswith("(?i)") or pattern.startswith("(?s)") else ""
    return f"{flags}^(?:{pattern[len(flags) :]})$"


def _written(rule: LearntRule) -> str:
    """A rule as YAML; JSON's strings and lists are YAML's too."""
    lines = [f"  # {_line(rule.why)}", f"  - type: {rule.type}"]
    if rule.column is not None:
        lines.append(f"    column: {_json(rule.column)}")
    if rule.kwargs:
        lines.append(f"    kwargs: {_json(rule.kwargs)}")
    if rule.mostly is not None:
        lines.append(f"    mostly: {rule.mostly:g}")
    lines.append(f"    severity: {rule.severity}")
    if rule.optional:
        lines.append("    optional: true")
    lines.append(f"    says: {_json(rule.says)}")
    return "\n".join(lines) + "\n"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _line(text: str) -> str:
    return " ".join(text.split())
