"""`LeakageAuditor`: every check that the given rows, folds and columns allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ostinato.core.errors import UsageError
from ostinato.features.folds.ordered import is_dated, moments
from ostinato.features.leakage import copies, duplicates, identifiers, membership, near, order, outcome, preprocessing
from ostinato.features.leakage.report import KINDS, Finding, LeakageReport
from ostinato.features.leakage.sides import Sides
from ostinato.features.leakage.table import Table
from ostinato.features.leakage.target import Target


@dataclass(frozen=True)
class LeakageAuditor:
    """Looks for what makes figures too good, and names it with columns and rows; `most_rows` bounds the rows that are named.

    The same input gives the same report. Nothing is changed and nothing is fitted that lasts.

    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> X[31] = X[2]
    >>> report = LeakageAuditor().audit(X, np.arange(60) % 2, np.arange(60) % 5)
    >>> [(each.kind, each.rows) for each in report.findings]
    [('exact_duplicates', (2, 31))]
    """

    most_rows: int = 50

    def audit(
        self,
        X: Any,
        y: Any = None,
        folds: Any = None,
        groups: Any = None,
        time: Any = None,
        ids: Any = None,
        recordings: Any = None,
        preprocessing: Any = None,
    ) -> LeakageReport:
        """Audit inputs `X (n, d)` as they are before preparation, of numbers, dates and words with gaps.

        `y (n,)` or `(n, L)` is the target. `folds` is the fold of each row (-1: the test), pairs (train, test) of positions,
        or a `FoldPlan`. `groups`, `time`, `ids` `(n,)` are what else is known of the rows; `recordings (n,)`, or several by
        name, are paths or hashes of what a row was cut from. `preprocessing` is `{column: {"mean": …, "median": …}}`, or
        fitted scikit-learn scalers and imputers. Raises UsageError for lengths that differ.
        """
        table = Table.of(X)
        _same_length(table.rows, y=y, groups=groups, time=time, ids=ids)
        if table.rows < 2:  # noqa: PLR2004
            return LeakageReport((), table.rows, len(table.columns), 0, ("everything: fewer than two rows",))
        sides = Sides.of(folds, table.rows)
        targets = () if y is None else Target.all_of(y)
        when = None if time is None else moments(None, time, None, table.rows)
        named = identifiers.identifiers(table, ids, self.most_rows)
        found = [*named, *self._columns(table, targets, when if is_dated(None, time, None) else None, named)]
        if sides is not None:
            found += self._rows(table.without({each.columns[0] for each in named}), sides)
            found += membership.groups(groups, sides, self.most_rows) if groups is not None else []
            found += membership.recordings(_by_name(recordings, ids, table.rows), table, sides, self.most_rows)
            if when is not None:
                found += order.order(when, sides, self.most_rows)
            else:
                found += order.drift(table, targets, sides, self.most_rows)
            found += _prepared(preprocessing, table, targets, sides, self.most_rows)
        found.sort(key=lambda each: (each.severity != "critical", KINDS.index(each.kind), each.columns))
        skipped = _skipped(sides, y, targets, time)
        return LeakageReport(tuple(found), table.rows, len(table.columns), 0 if sides is None else sides.count, skipped)

    def _rows(self, table: Table, sides: Sides) -> list[Finding]:
        if not table.columns:
            return []
        same = duplicates.twins(table)
        found = duplicates.exact(table, sides, same, self.most_rows)
        return found + near.near(table, sides, same, self.most_rows)

    def _columns(self, table: Table, targets: tuple[Target, ...], when: Any, named: list[Finding]) -> list[Finding]:
        found: list[Finding] = []
        for target in targets:
            passed = {each.columns[0] for each in (*named, *found)}
            late = outcome.after_outcome(table.without(passed), target, when, self.most_rows)
            found += late
            found += copies.copies(table, target, passed | {each.columns[0] for each in late})
        return found


def _prepared(given: Any, table: Table, targets: tuple[Target, ...], sides: Sides, most: int) -> list[Finding]:
    claimed = [] if given is None else preprocessing.claimed(given, table, targets, sides, most)
    return claimed + preprocessing.traces(table, targets, sides, most)


def _by_name(recordings: Any, ids: Any, rows: int) -> dict[str, Any]:
    found = (
        dict(recordings)
        if isinstance(recordings, Mapping)
        else {}
        if recordings is None
        else {"recordings": recordings}
    )
    _same_length(rows, **found)
    if ids is not None:
        # ids are unique by their nature, so that only names of slices can tell anything
        found.setdefault("ids", ids)
    return found


def _same_length(rows: int, **given: Any) -> None:
    for name, values in given.items():
        if values is not None and np.shape(values)[:1] != (rows,):
            raise UsageError(
                f"{name} has {np.shape(values)[0] if np.ndim(values) else 'no'} rows, X has {rows}; give one a row"
            )


def _skipped(sides: Sides | None, y: Any, targets: tuple[Target, ...], time: Any) -> tuple[str, ...]:
    notes = []
    if sides is None:
        notes.append("everything across folds: no folds were given")
    if y is None:
        notes.append("copies of the target and columns filled after the outcome: no target was given")
    elif not targets:
        notes.append("copies of the target and columns filled after the outcome: the target does not vary")
    if time is None:
        notes.append("order in time: no time was given")
    return tuple(notes)
