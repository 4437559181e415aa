"""Assign folds and test, and audit them for leaks."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ostinato.core.errors import SplitError
from ostinato.core.files import write_json, write_table
from ostinato.core.params import Split, Task
from ostinato.features.inputs import Inputs, load_inputs
from ostinato.features.leakage import LeakageAuditor, LeakageReport
from ostinato.features.splits import TEST, Assignment, assign, overlap, pairs_of, protocol, shared

_MOST_ROWS = 20  # of a finding, in the report
_NAMED = 5  # of them in the log

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SplitReport:
    """How the rows of a problem were split."""

    problem: str
    rows: int
    test_rows: int
    groups: int
    labels: int
    left_out: dict[str, int]
    protocol: str


def split(
    task: Task, split: Split, *, problem: str, clean: Path, features: Path, folds: Path, report: Path
) -> SplitReport:
    """Write `folds` (track_id, fold, group; fold -1 is the test) and the audit; raises SplitError."""
    try:
        inputs = load_inputs(task, split, clean=clean, features=features)
        done = assign(inputs, task, split)
    except SplitError as error:
        raise SplitError(f"problem {problem}: {error}") from error
    kept = inputs.rows(done.frame["track_id"].tolist())
    if leaks := overlap(done.frame):
        raise SplitError(f"problem {problem}: {leaks} groups stand in more than one fold; this is a fault of the split")
    audit = _audited(kept, done, split)
    facts = _facts(kept, done, task, split, audit)
    write_table(folds, done.frame)
    write_json(report, facts)
    if done.left_out:
        log.warning("split %s: labels with too few clips are left out: %s", problem, done.left_out)
    for each in audit.critical:
        rows = ", ".join(kept.ids[row] for row in each.rows[:_NAMED]) or "all"
        log.warning("split %s: %s: %s %s Tracks: %s", problem, each.kind, each.what, each.advice, rows)
    log.info("split %s: %s", problem, facts["protocol"])
    own = {name: facts[name] for name in ("rows", "test_rows", "groups", "labels", "left_out", "protocol")}
    return SplitReport(problem=problem, **own)


def _audited(kept: Inputs, done: Assignment, split: Split) -> LeakageReport:
    """The audit of the inputs by what the tracks say: their group, time, file and its hash."""
    frame, tracks = done.frame, kept.tracks
    column = getattr(split, "column", None)
    known = {name: tracks[name].astype(object).to_numpy() for name in ("sha256", "path") if name in tracks}
    auditor = LeakageAuditor(most_rows=_MOST_ROWS)
    numbers = frame["fold"].to_numpy()
    folds = numbers if column is None else [*pairs_of(frame, split), _test_pair(numbers)]
    return auditor.audit(
        kept.X,
        kept.y,
        folds,
        groups=frame["group"].to_numpy(),
        time=None if column is None else tracks[column],
        recordings=known,
    )


def _test_pair(folds: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    return np.flatnonzero(folds != TEST), np.flatnonzero(folds == TEST)


def _facts(kept: Inputs, done: Assignment, task: Task, split: Split, audit: LeakageReport) -> dict[str, Any]:
    frame = done.frame
    numbers = frame["fold"].to_numpy()
    alike = audit.of("exact_duplicates", "near_duplicates")
    leaks = {
        "groups_across_folds": overlap(frame),
        "identical_files_across_folds": shared(kept.tracks["sha256"].tolist(), numbers)
        if "sha256" in kept.tracks
        else 0,
        "near_identical_inputs_across_folds": sum(int(each.facts.get("pairs", 0)) for each in alike),
    }
    return {
        "kind": split.kind,
        "folds": split.folds,
        "rows": len(frame),
        "inputs": int(kept.X.shape[1]),
        "test_rows": int((numbers == TEST).sum()),
        "groups": int(frame["group"].nunique()),
        "labels": 0 if task.kind == "regression" else len(set(kept.y.tolist())),
        "left_out": done.left_out,
        "left_out_rows": sum(done.left_out.values()),
        "per_fold": _per_fold(frame, kept, task),
        "leaks": leaks,
        "audit": _named(audit, kept),
        "protocol": protocol(split, frame),
    }


def _named(audit: LeakageReport, kept: Inputs) -> dict[str, Any]:
    """The audit with the tracks beside the rows."""
    said = audit.to_dict()
    for each in said["findings"]:
        each["tracks"] = [kept.ids[row] for row in each["rows"]]
    return said


def _per_fold(frame: pd.DataFrame, kept: Inputs, task: Task) -> dict[str, Any]:
    found = {}
    for fold, rows in frame.groupby("fold", sort=True):
        own: dict[str, Any] = {"rows": len(rows), "groups": int(rows["group"].nunique())}
        if task.kind == "regression":
            own["mean"] = round(float(kept.y[rows.index].mean()), 6)
        else:
            own["labels"] = {
                str(k): int(n) for k, n in pd.Series(kept.y[rows.index]).value_counts().sort_index().items()
            }
        found["test" if fold == TEST else f"fold_{fold}"] = own
    return found
