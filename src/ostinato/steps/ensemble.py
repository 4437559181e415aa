"""Weigh candidates by their out-of-fold predictions; write the model artefact."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from ostinato.automl.candidates import Candidates
from ostinato.core.errors import ArtefactError
from ostinato.core.files import read_table, write_json
from ostinato.core.params import EnsembleParams, ExtractParams, Task
from ostinato.engines import assembly
from ostinato.features.splits import TEST

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EnsembleReport:
    """The vote and what it reaches out of fold."""

    problem: str
    members: int
    metric: str
    best_single: float
    ensemble: float
    temperature: float
    bytes: int
    digest: str


def ensemble(
    task: Task,
    params: EnsembleParams,
    extract: ExtractParams,
    *,
    problem: str,
    candidates: Path,
    folds: Path,
    model: Path,
    report: Path,
) -> EnsembleReport:
    """Write the artefact `model` and the report; raises ArtefactError where candidates do not belong to these folds."""
    found = Candidates.load(candidates)
    table = read_table(folds)
    training = tuple(table.loc[table["fold"] != TEST, "track_id"].astype(str))
    if training != found.ids:
        raise ArtefactError(
            f"{candidates}: these candidates were fitted on other folds than {folds}; run the step search again"
        )
    heard = extract.model_dump(mode="json") if "audio" in task.inputs else None
    picked = assembly.chosen(
        found, params.rounds, params.max_members, assembly.Room.of(len(found.encoder.names), len(found.classes))
    )
    artefact = assembly.assembled(found, picked, lambda each, bag: each.models(bag=bag), heard)
    facts = assembly.report(found, picked, artefact)
    artefact.save(model)
    write_json(report, facts)
    log.info(
        "ensemble %s: %d members, %s %.4f out of fold", problem, len(facts["members"]), task.metric, facts["calibrated"]
    )
    return EnsembleReport(
        problem=problem,
        members=len(facts["members"]),
        metric=facts["metric"],
        best_single=facts["best_single"],
        ensemble=facts["ensemble"],
        temperature=facts["temperature"],
        bytes=facts["bytes"],
        digest=facts["digest"],
    )
