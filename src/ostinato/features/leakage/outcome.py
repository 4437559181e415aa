"""Columns that are filled in only after what is to be foretold has happened."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.features.leakage.report import Finding, shown
from ostinato.features.leakage.table import Column, Floats, Table
from ostinato.features.leakage.target import Target

_HINT = re.compile(
    r"(^|_)(post|after|outcome|result|final|resolved|resolution|closed|cancel\w*|refund\w*|settled|actual|ended?)(_|$)",
    re.I,
)
_PURE = 0.995  # share of one class among the rows that tell
_CHANCE = -8.0  # log10 of the chance that so many rows are of one class
_FEWEST = 20  # rows that tell
_COVERS, _COVERS_COMMON = 0.2, 0.5  # share of the class that they make up
_APART = 0.99  # share of a value's range that gaps tell apart
_LATE, _FEWEST_LATE = 0.01, 5  # share, and number, of rows whose date lies after the prediction
_HINTED, _LEAD = 0.75, 0.25  # what a column with a telling name foretells, and how far it leads the others


def after_outcome(table: Table, target: Target, moments: Floats | None, most: int) -> list[Finding]:
    """Columns whose being filled, whose dates, or whose name and strength together show that they came after the outcome."""
    found = []
    for each in table.columns:
        reason, rows = _by_filling(each, target)
        if not reason and moments is not None and each.kind == "date":
            late = each.values > moments
            if late.mean() >= _LATE and late.sum() >= _FEWEST_LATE:
                share = f"{int(late.sum())} rows hold a date later than the moment of their prediction"
                found.append(_finding(each, share, np.flatnonzero(late), "warning", most))
                continue
        if reason:
            found.append(_finding(each, reason, rows, "critical", most))
    return found + _by_name(table, target, {each.columns[0] for each in found}, most)


def _finding(each: Column, reason: str, rows: NDArray[Any], severity: Any, most: int) -> Finding:
    hint = "; its name says so too" if _HINT.search(each.name) else ""
    return Finding(
        kind="after_outcome",
        severity=severity,
        what=f"Column {each.name!r} looks filled in after the outcome: {reason}{hint}.",
        advice="Leave it out, or keep only what was known at the moment of prediction.",
        columns=(each.name,),
        rows=shown(rows, most),
        total=len(rows),
    )


def _by_filling(each: Column, target: Target) -> tuple[str, NDArray[Any]]:
    filled = ~each.missing[target.rows]
    masks = []
    if not filled.all() and filled.any():
        masks = [("is filled", filled, _COVERS), ("is empty", ~filled, _COVERS_COMMON)]
    elif each.distinct > (3 if target.values is None else _FEWEST):
        codes = each.codes[target.rows]
        common = int(np.bincount(codes + 1).argmax()) - 1
        masks = [("differs from its commonest value", codes != common, _COVERS_COMMON)]
        if (codes == common).mean() < _COVERS:
            return "", np.zeros(0, np.int64)
    for words, mask, covers in masks:
        reason = _one_class(mask, target, covers) if target.codes is not None else ""
        reason = reason or (_one_end(mask, target) if target.values is not None else "")
        if reason:
            return f"where it {words}, {reason}", target.rows[mask]
    return "", np.zeros(0, np.int64)


def _one_class(mask: NDArray[np.bool_], target: Target, covers: float) -> str:
    assert target.codes is not None
    total, own = np.bincount(target.codes), np.bincount(target.codes[mask], minlength=int(target.codes.max()) + 1)
    count, best = int(mask.sum()), int(own.argmax())
    base = total[best] / len(target.codes)
    chance = count * np.log10(base) if base < 1 else 0.0
    pure = own[best] >= _PURE * count and chance < _CHANCE
    if count < _FEWEST or not pure or own[best] < covers * total[best]:
        return ""
    return f"{own[best] / count:.1%} of {count} rows are of one class, which has {base:.0%} of all rows"


def _one_end(mask: NDArray[np.bool_], target: Target) -> str:
    count = int(mask.sum())
    if min(count, len(mask) - count) < _FEWEST:
        return ""
    above = (target.ranks[mask].sum() - count * (count + 1) / 2) / (count * (len(mask) - count))
    return f"the target lies at one end of its range in {count} rows" if abs(above - 0.5) >= _APART / 2 else ""


def _by_name(table: Table, target: Target, passed: set[str], most: int) -> list[Finding]:
    """A telling name counts only where the column leads all others by far."""
    hinted = [
        each for each in table.columns if _HINT.search(each.name) and each.name not in passed and each.distinct > 1
    ]
    if not hinted or len(target.rows) < _FEWEST:
        return []
    others = [target.foretold(each) for each in table.columns if each not in hinted and each.name not in passed]
    found = []
    for each in hinted:
        skill = target.foretold(each)
        if skill >= _HINTED and skill - max(others, default=0.0) >= _LEAD:
            reason = f"it alone foretells {skill:.0%} of the target, the next column {max(others, default=0.0):.0%}"
            found.append(_finding(each, reason, target.rows, "warning", most))
    return found
