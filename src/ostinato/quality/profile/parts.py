"""Which parts of a table are compared for drift: a reference and this one, or its first and last third in time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ostinato.quality.profile.cells import Ints
from ostinato.quality.profile.drift import Drift, Part, drift_between
from ostinato.quality.profile.finding import Finding, counted, percent
from ostinato.quality.profile.view import View

_FEWEST = 60  # rows with a time from which thirds are compared
_EXACTLY = 200_000  # rows of a part that are compared; of more every k-th


def against(views: Sequence[View], reference: Sequence[View]) -> tuple[Drift, list[Finding]]:
    """This table against an earlier one: columns by name."""
    known = {view.name: view for view in reference}
    own = {view.name for view in views}
    rows = len(reference[0].absent), len(views[0].absent)
    pairs = [
        (Part(known[view.name], _thinned(rows[0])), Part(view, _thinned(rows[1])))
        for view in views
        if view.name in known
    ]
    drift, findings = drift_between(pairs, ("the reference", "this table"), rows)
    gone = tuple(view.name for view in reference if view.name not in own)
    new = tuple(view.name for view in views if view.name not in known)
    if gone:
        says = f"{counted(len(gone), 'column')} of the reference {'is' if len(gone) == 1 else 'are'} not in this table"
        findings.append(Finding("columns_gone", "critical", gone, says, "Bring them back, or learn anew without them"))
    if new:
        says = f"{counted(len(new), 'column')} {'is' if len(new) == 1 else 'are'} not in the reference"
        findings.append(
            Finding("columns_new", "info", new, says, "A model that learnt from the reference does not read them")
        )
    for before, after in pairs:
        was, now = before.view.profile.meaning, after.view.profile.meaning
        if was != now and "constant" not in (was, now):
            says = f"it was {was} in the reference and is {now} here"
            todo = "Look whether the source writes it otherwise now"
            findings.append(Finding("meaning_changed", "warning", (after.view.name,), says, todo))
    return Drift(drift.before, drift.after, drift.rows, drift.shifts, gone, new), findings


def over_time(views: Sequence[View], time: str) -> tuple[Drift | None, list[Finding]]:
    """The first third in time against the last; rows without a time belong to neither."""
    clock = next(view for view in views if view.name == time)
    moments = clock.numbers()
    known = np.flatnonzero(np.isfinite(moments))
    findings = _clock_findings(clock, moments[known], len(moments) - len(known))
    if len(known) < _FEWEST or np.ptp(moments[known]) == 0:
        return None, findings
    low, high = np.quantile(moments[known], [1 / 3, 2 / 3])
    first, last = known[moments[known] <= low], known[moments[known] >= high]
    if low >= high:
        return None, findings
    pairs = [(Part(view, _every(first)), Part(view, _every(last))) for view in views if view.name != time]
    drift, shifted = drift_between(pairs, ("the first third", "the last third in time"), (len(first), len(last)))
    return drift, [*findings, *shifted]


def _clock_findings(clock: View, moments: np.ndarray, gaps: int) -> list[Finding]:
    found = []
    if gaps and clock.profile.meaning != "nothing":
        says = f"{counted(gaps, 'row')} ({percent(gaps / len(clock.absent))}) have no time that can be read"
        found.append(
            Finding(
                "no_time",
                "warning",
                (clock.name,),
                says,
                "They cannot be put before or after others; set them aside",
                gaps,
            )
        )
    if not clock.is_number:
        says = f"it should order the rows, and holds {clock.profile.meaning}"
        found.append(Finding("no_time", "critical", (clock.name,), says, "Name a column of dates or numbers as time"))
    back = int((np.diff(moments) < 0).sum())
    if back:
        says = f"rows are not in order of time: {back:,} come after a later one"
        found.append(
            Finding("out_of_order", "info", (clock.name,), says, "Sort by it before making lags or windows", back)
        )
    return found


def _thinned(rows: int) -> Ints | None:
    return None if rows <= _EXACTLY else np.arange(0, rows, -(-rows // _EXACTLY))


def _every(rows: Ints) -> Ints:
    return rows[:: -(-len(rows) // _EXACTLY)]
