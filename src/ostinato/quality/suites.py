"""Suites as data: files of `configs/quality/`, checked whole and turned into expectations of Great Expectations."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from ostinato.core.params import Section, load_yaml

Severity = Literal["critical", "warning", "info"]
RESERVED = ("column", "mostly", "severity", "row_condition", "condition_parser", "meta", "notes", "id", "description")


class Rule(Section):
    """One expectation, and what it means that it fails."""

    type: str
    column: str | None = None
    kwargs: dict[str, Any] = Field(default_factory=dict)
    mostly: float | None = Field(default=None, gt=0, le=1)
    severity: Severity
    quarantine: bool = False
    where: dict[str, str | bool | int | float] = Field(default_factory=dict)
    optional: bool = False
    because: str | None = None
    says: str = Field(min_length=3, max_length=200)

    @model_validator(mode="after")
    def _is_an_expectation(self) -> Self:
        if taken := sorted(set(self.kwargs) & set(RESERVED)):
            raise ValueError(f"kwargs holds {', '.join(taken)}, which are written beside it")
        expectation_of(self)
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the rule judges."""
        named = [self.column, self.kwargs.get("column_A"), self.kwargs.get("column_B")]
        return tuple(dict.fromkeys(c for c in [*named, *self.kwargs.get("column_list", ())] if c))

    @property
    def key(self) -> str:
        """What tells the rule from the others of its suite."""
        where = ",".join(f"{column}={value}" for column, value in sorted(self.where.items()))
        return " ".join(part for part in (self.type, ",".join(self.columns), where) if part)


class Suite(Section):
    """All rules for one table."""

    table: Literal["tracks", "events", "features", "predictions"]
    expectations: tuple[Rule, ...]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if not self.expectations:
            raise ValueError("expectations is empty, so that everything would pass")
        keys = [rule.key for rule in self.expectations]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise ValueError(f"written twice: {'; '.join(twice)}")
        return self


def load_suite(path: Path) -> Suite:
    """The suite of a file; raises ParamsError with every fault at once, unknown expectations and arguments included."""
    return load_yaml(path, Suite)


@cache
def great_expectations() -> Any:
    """The vendor's module, told before its first import to send nothing; the import takes seconds."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    os.environ.setdefault("DO_NOT_TRACK", "1")
    import great_expectations as gx

    return gx


def expectation_of(rule: Rule, meta: dict[str, Any] | None = None) -> Any:
    """The rule as an expectation; raises ValueError where no such type exists or it does not take its arguments."""
    gx = great_expectations()
    name = "".join(word.capitalize() for word in rule.type.split("_"))
    kind = getattr(gx.expectations, name, None)
    if not rule.type.startswith("expect_") or kind is None:
        raise ValueError(f"{rule.type!r} is no expectation of Great Expectations; they are called expect_column_…")
    arguments = dict(rule.kwargs) | {"severity": rule.severity, "meta": meta or {}, "description": rule.says}
    if rule.column is not None:
        arguments["column"] = rule.column
    if rule.mostly is not None:
        arguments["mostly"] = rule.mostly
    if rule.where:
        arguments["row_condition"] = _condition(rule.where)
    try:
        return kind(**arguments)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{rule.type}: {' '.join(str(error).split())[:300]}") from None


def _condition(where: dict[str, str | bool | int | float]) -> Any:
    from great_expectations.expectations.row_conditions import Column

    parts = [
        Column(name).is_not_null() if value == "filled" else Column(name) == value for name, value in where.items()
    ]
    condition = parts[0]
    for part in parts[1:]:
        condition = condition & part
    return condition
