"""The trials of a search on disk: one JSON line each, so that a search that was stopped or killed goes on where it was.

A trial is asked again as it was the first time, found here, and not run. What the clock cut is not kept, for with more time it
may do. A torn last line, which a kill may leave, is dropped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ostinato.core.errors import UsageError

if TYPE_CHECKING:
    from ostinato.automl.search import Problem, Trial

_NAME = "trials.jsonl"


def digest_of(problem: Problem, seed: int) -> str:
    """What a search is about: its rows, targets, folds, metric and seed."""
    found = hashlib.sha256(f"{problem.metric.name} {problem.outputs} {seed}".encode())
    for array in (problem.X, problem.y, *(rows for fold in problem.folds for rows in fold)):
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


class Record:
    """The lines of one folder; raises UsageError where they are about other data or another seed."""

    def __init__(self, folder: Path, digest: str) -> None:
        self._path = folder / _NAME
        self._known: dict[int, dict[str, Any]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        lines = self._path.read_bytes().split(b"\n") if self._path.exists() else []
        whole = [line for line in lines[:-1] if line]
        if whole:
            head = json.loads(whole[0])
            if head.get("digest") != digest:
                raise UsageError(
                    f"{folder}: it keeps a search on other data, folds, metric or seed; name another storage, or remove it"
                )
            for line in whole[1:]:
                facts = json.loads(line)
                self._known[facts["number"]] = facts
        kept = b"".join(line + b"\n" for line in whole) or json.dumps({"digest": digest}).encode() + b"\n"
        if kept != b"\n".join(lines):
            self._path.write_bytes(kept)

    def find(self, number: int, key: str, params: Mapping[str, Any], seed: int) -> dict[str, Any] | None:
        """The facts of a trial that was done already, where it is the same one."""
        facts = self._known.get(number)
        same = facts is not None and (facts["key"], facts["params"], facts["seed"]) == (key, dict(params), seed)
        return facts if same else None

    def keep(self, trial: Trial) -> None:
        """Append a trial."""
        if trial.cut or trial.number in self._known:
            return
        facts = {
            "number": trial.number,
            "key": trial.entry.key,
            "params": dict(trial.params),
            "seed": trial.seed,
            "state": trial.state,
            "losses": list(trial.losses),
            "reason": trial.reason,
            "seconds": round(trial.seconds, 4),
            "rounds": trial.rounds,
            "cost": list(trial.cost),
            "latency": trial.latency,
        }
        with self._path.open("ab") as stream:
            stream.write(json.dumps(facts).encode() + b"\n")
