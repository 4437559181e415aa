"""Run a suite over a table with Great Expectations; keep its verdict and the rows that broke it as plain values."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ostinato.core.errors import QualityError, listed
from ostinato.quality.facts import key_of, with_facts
from ostinato.quality.quarantine import BadRow
from ostinato.quality.suites import Rule, Severity, Suite, expectation_of, load_suite
from ostinato.quality.verdicts.validation import validate

logger = logging.getLogger(__name__)
_SHOWN = 80  # characters of a value that a reason shows
_EXAMPLES = 5  # rows that an error shows


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

    The table is judged with some columns more than it has (`facts.with_facts`): events and features for instance with
    `track_known`, whether their track is in `tables["tracks"]`.
    """
    frame = with_facts(suite.table, tables)
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


def judge_features(suites: Path, features: pd.DataFrame, tracks: pd.DataFrame | None = None) -> Judgement:
    """What `features.yaml` below a folder of suites says of feature vectors, and whether they belong to `tracks`."""
    tables = {"features": features} | ({} if tracks is None else {"tracks": tracks})
    return judge("features", load_suite(suites / "features.yaml"), tables)


def judge_predictions(suites: Path, predictions: pd.DataFrame) -> Judgement:
    """What `predictions.yaml` below a folder of suites says of a table that `evaluate` or `score` writes."""
    return judge("predictions", load_suite(suites / "predictions.yaml"), {"predictions": predictions})


def refuse_critical(judgement: Judgement, todo: str) -> None:
    """Raise QualityError with every critical failure of a judgement, some of its rows, and what to do."""
    if not judgement.critical:
        return
    faults = [
        f"{failure.says} [{failure.expectation}({failure.column})]{_told(failure)}" for failure in judgement.critical
    ]
    kinds = {(failure.expectation, failure.column) for failure in judgement.critical}
    rows = [bad for bad in judgement.bad_rows if (bad.expectation, bad.column) in kinds]
    examples = [f"{bad.track_id or f'row {bad.row}'}: {bad.reason}" for bad in rows]
    shown = f"\nFor instance\n{listed(examples, _EXAMPLES)}" if examples else ""
    raise QualityError(
        f"the table of {judgement.table} fails {len(faults)} critical check{'s' * (len(faults) != 1)}\n"
        f"{listed(faults)}{shown}\n{todo}"
    )


def _told(failure: Failure) -> str:
    if failure.unexpected is not None:
        return f"; {failure.unexpected} of {failure.evaluated} rows"
    return f"; observed: {failure.observed}" if failure.observed is not None else ""


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
    rows = sorted((item.result or {}).get("unexpected_index_list") or ())
    key = key_of(frame)
    keys, values, reasons = (_values(frame, name, rows) for name in (key, rule.column, rule.because))
    column = ",".join(rule.columns)
    return [
        BadRow(table, "" if _absent(called) else str(called), int(row), suite, rule.type, column, reason)
        for row, called, reason in zip(rows, keys, _reasons(rule, key, values, reasons), strict=True)
    ]


def _values(frame: pd.DataFrame, column: str | None, rows: list[int]) -> list[Any]:
    return frame[column].iloc[np.array(rows, dtype=np.int64)].tolist() if column in frame else [None] * len(rows)


def _reasons(rule: Rule, key: str | None, values: list[Any], because: list[Any]) -> Iterator[str]:
    for value, cause in zip(values, because, strict=True):
        if not _absent(cause):
            yield f"{rule.says}: {_shown(cause)}"
        else:
            yield rule.says if _absent(value) or rule.column == key else f"{rule.says}: {_shown(value)}"


def _absent(value: Any) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def _shown(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
