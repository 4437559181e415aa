"""Run a suite over a table with Great Expectations; keep its verdict and the rows that broke it as plain values."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from ostinato.quality.quarantine import BadRow
from ostinato.quality.suites import Rule, Severity, Suite, expectation_of
from ostinato.quality.verdicts.validation import validate

logger = logging.getLogger(__name__)
_SHOWN = 80  # characters of a value that a reason shows


@dataclass(frozen=True)
class Failure:
    """An expectation that failed; `unexpected` of `evaluated` rows broke it, where it speaks of rows at all."""

    expectation: str
    column: str
    severity: Severity
    says: str
    evaluated: int | None
    unexpected: int | None
    observed: str | None


@dataclass(frozen=True)
class Judgement:
    """What one suite says of one table. `success` is Great Expectations' own word: no expectation failed."""

    suite: str
    table: str
    success: bool
    rows: int
    evaluated: int
    skipped: tuple[str, ...]
    failures: tuple[Failure, ...]
    bad_rows: tuple[BadRow, ...]
    result: Any  # the vendor's validation result, for the Data Docs

    @property
    def critical(self) -> tuple[Failure, ...]:
        """Failures that stop the run."""
        return tuple(failure for failure in self.failures if failure.severity == "critical")

    def facts(self) -> dict[str, Any]:
        """The verdict as JSON-able values, equal from run to run."""
        return {
            "table": self.table,
            "success": self.success,
            "rows": self.rows,
            "evaluated": self.evaluated,
            "failed": {
                level: sum(f.severity == level for f in self.failures) for level in ("critical", "warning", "info")
            },
            "skipped": list(self.skipped),
            "failures": [asdict(failure) for failure in self.failures],
        }


def judge(name: str, suite: Suite, tables: Mapping[str, pd.DataFrame]) -> Judgement:
    """Judge `tables[suite.table]` by a suite called `name`; the rows are not changed.

    Events are judged with one more column, `track_known`: whether their track is in `tables["tracks"]`.
    """
    frame = tables[suite.table].reset_index(drop=True)
    if suite.table == "events":
        frame = frame.assign(track_known=frame["track_id"].isin(tables["tracks"]["track_id"]))
    skipped = {index for index, rule in enumerate(suite.expectations) if rule.optional and not _holds(frame, rule)}
    rules = {index: rule for index, rule in enumerate(suite.expectations) if index not in skipped}
    result = _validate(name, rules, frame)
    failures: list[Failure] = []
    bad: list[BadRow] = []
    by_rule = {item.expectation_config.meta["rule"]: item for item in result.results}
    for index, rule in rules.items():
        item = by_rule[index]
        if not item.success:
            failures.append(_failure(rule, item))
        if rule.quarantine:
            bad.extend(_bad_rows(name, suite.table, rule, item, frame))
    return Judgement(
        suite=name,
        table=suite.table,
        success=bool(result.success),
        rows=len(frame),
        evaluated=len(rules),
        skipped=tuple(suite.expectations[index].key for index in sorted(skipped)),
        failures=tuple(failures),
        bad_rows=tuple(bad),
        result=result,
    )


def _holds(frame: pd.DataFrame, rule: Rule) -> bool:
    """Whether every column that the rule needs is there with a value."""
    return all(c in frame and bool(frame[c].notna().any()) for c in (*rule.columns, *rule.where))


def _validate(name: str, rules: Mapping[int, Rule], frame: pd.DataFrame) -> Any:
    logger.info("suite %s: %d expectations on %d rows", name, len(rules), len(frame))
    return validate(name, [expectation_of(rule, {"rule": index}) for index, rule in rules.items()], frame)


def _failure(rule: Rule, item: Any) -> Failure:
    facts = item.result or {}
    observed = facts.get("observed_value")
    return Failure(
        expectation=rule.type,
        column=",".join(rule.columns),
        severity=rule.severity,
        says=rule.says,
        evaluated=facts.get("element_count"),
        unexpected=facts.get("unexpected_count"),
        observed=_shown(observed) if observed is not None else _exception(item),
    )


def _exception(item: Any) -> str | None:
    """Why an expectation could not be judged: most often a column that is missing."""
    info = item.exception_info or {}
    for found in (info, *(value for value in info.values() if isinstance(value, dict))):
        if found.get("raised_exception"):
            return " ".join(str(found.get("exception_message")).split())[:300]
    return None


def _bad_rows(suite: str, table: str, rule: Rule, item: Any, frame: pd.DataFrame) -> list[BadRow]:
    found = []
    for row in sorted((item.result or {}).get("unexpected_index_list") or ()):
        record = frame.loc[row]
        because = record.get(rule.because) if rule.because else None
        value = record.get(rule.column) if rule.column else None
        if because is not None and not pd.isna(because):
            reason = f"{rule.says}: {_shown(because)}"
        else:
            told = value is None or pd.isna(value) or rule.column == "track_id"
            reason = rule.says if told else f"{rule.says}: {_shown(value)}"
        key = "" if pd.isna(record["track_id"]) else str(record["track_id"])
        found.append(BadRow(table, key, int(row), suite, rule.type, ",".join(rule.columns), reason))
    return found


def _shown(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
