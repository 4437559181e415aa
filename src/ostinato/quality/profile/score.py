"""One number for a table, and the parts that it is made of, each a share between 0 and 1.

    completeness   share of cells that hold a value; blanks and words for nothing do not count as one
    uniqueness     share of rows that are no repeat: of an earlier row, or of an earlier key where a key was named or found
    validity       share of filled cells that can be what their column is: finite numbers, days that exist, values of its form
    consistency    share of filled cells written as most of their column is: its type, its date form, its zone, its letters
    information    share of columns that tell rows apart: neither empty, nor constant, nor a copy of another

The total is 100 times the geometric mean of the parts with the weights below, so that one bad part cannot be hidden by good ones. A
part that a table cannot have (it has no rows, or no columns) is 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ostinato.quality.profile.duplicates import Duplicates
from ostinato.quality.profile.finding import Finding
from ostinato.quality.profile.view import View

WEIGHTS = {"completeness": 0.3, "uniqueness": 0.2, "validity": 0.2, "consistency": 0.2, "information": 0.1}
_INVALID = ("mixed_content", "impossible_dates", "infinite")
_INCONSISTENT = ("mixed_types", "date_forms", "date_order_unclear", "time_zones", "spellings", "garbled")
_IDLE = ("empty_column", "constant_column")


@dataclass(frozen=True)
class Score:
    """`total` from 0 to 100, and its parts from 0 to 1."""

    total: float
    parts: dict[str, float]

    def shown(self) -> str:
        """The total, rounded down: what is not whole never reads as 100."""
        return f"{math.floor(10 * self.total + 1e-9) / 10:g}"

    def words(self) -> str:
        """The parts in one line, in per cent, rounded down so that what is not whole never reads as whole."""
        return ", ".join(f"{name} {math.floor(100 * value + 1e-9)}" for name, value in self.parts.items())


def score_of(views: Sequence[View], duplicates: Duplicates | None, findings: Iterable[Finding]) -> Score:
    """The score of a table by its columns and findings."""
    rows = len(views[0].absent) if views else 0
    if not rows or duplicates is None:
        return Score(0.0, dict.fromkeys(WEIGHTS, 0.0))
    findings = list(findings)
    filled = sum(view.profile.filled for view in views)
    held = sum(view.cells.filled for view in views)
    idle = {name for f in findings if f.kind in _IDLE for name in f.columns}
    idle |= {name for f in findings if f.kind == "equal_columns" for name in f.columns[1:]}
    repeats = max([duplicates.rows, *(key.repeats for key in duplicates.keys)])
    parts = {
        "completeness": filled / (rows * len(views)),
        "uniqueness": 1 - repeats / rows,
        "validity": 1 - _cells(findings, _INVALID) / max(held, 1),
        "consistency": 1 - _cells(findings, _INCONSISTENT) / max(held, 1),
        "information": 1 - len(idle) / len(views),
    }
    parts = {name: min(max(value, 0.0), 1.0) for name, value in parts.items()}
    total = 100 * math.prod(parts[name] ** weight for name, weight in WEIGHTS.items())
    return Score(total, parts)


def _cells(findings: Iterable[Finding], kinds: tuple[str, ...]) -> int:
    return sum(finding.count or 0 for finding in findings if finding.kind in kinds)
