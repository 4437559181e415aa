"""Assign folds and test, and audit them for leaks."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ostinato.core.errors import SplitError
from ostinato.core.files import write_json, write_table
from ostinato.core.params import Split, Task
from ostinato.features.inputs import Inputs, load_inputs
from ostinato.features.splits import TEST, Assignment, assign, near_identical, overlap, protocol, shared

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
    facts = _facts(kept, done, task, split)
    write_table(folds, done.frame)
    write_json(report, facts)
    if done.left_out:
        log.warning("split %s: labels with too few clips are left out: %s", problem, done.left_out)
    log.info("split %s: %s", problem, facts["protocol"])
    own = {name: facts[name] for name in ("rows", "test_rows", "groups", "labels", "left_out", "protocol")}
    return SplitReport(problem=problem, **own)


def _facts(kept: Inputs, done: Assignment, task: Task, split: Split) -> dict[str, Any]:
    frame = done.frame
    numbers = frame["fold"].to_numpy()
    leaks = {
        "groups_across_folds": overlap(frame),
        "identical_files_across_folds": shared(kept.tracks["sha256"].tolist(), numbers)
        if "sha256" in kept.tracks
        else 0,
        "near_identical_inputs_across_folds": near_identical(kept.X, numbers),
    }
    if leaks["groups_across_folds"]:
        raise SplitError(
            f"{leaks['groups_across_folds']} groups stand in more than one fold; this is a fault of the split"
        )
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
        "protocol": protocol(split, frame),
    }


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
