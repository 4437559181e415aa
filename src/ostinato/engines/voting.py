"""From candidates to the artefact: greedy weights and a temperature, both learnt on out-of-fold scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ostinato.automl.candidates import Candidates
from ostinato.automl.metrics import METRICS
from ostinato.engines.artefact import Member, ModelArtefact
from ostinato.ensemble.greedy import Vote, greedy
from ostinato.ensemble.temperature import fitted_temperature, tempered

_DIGITS = 9


def voted(
    candidates: Candidates, rounds: int, max_members: int, extract: Mapping[str, Any] | None = None
) -> tuple[ModelArtefact, dict[str, Any]]:
    """The artefact of the best vote, and what is known of it out of fold: members, temperature, losses, improvement."""
    metric = METRICS[candidates.metric]
    held = np.isfinite(np.hstack([each.oof for each in candidates.kept])).all(axis=1)
    truth = candidates.truth[held]
    scores = [each.oof[held] for each in candidates.kept]
    vote = greedy(scores, lambda p: metric.loss(truth, p), rounds, max_members)
    mixed = np.tensordot(np.asarray(vote.weights), np.stack(scores), axes=1)
    temperature = 1.0
    if candidates.classes:
        temperature = fitted_temperature(mixed, truth)
        mixed = tempered(mixed, temperature)
    members = [
        Member(each.name, weight, each.onnx, _facts(each.facts()))
        for each, weight in zip(candidates.kept, vote.weights, strict=True)
        if weight > 0
    ]
    artefact = ModelArtefact.assembled(
        members,
        kind=candidates.kind,
        target=candidates.target,
        classes=candidates.classes,
        features=candidates.features,
        inputs=candidates.inputs,
        extract=extract,
        temperature=temperature,
    )
    final = metric.score(metric.loss(truth, mixed))
    return artefact, _report(candidates, vote, artefact, final, int(held.sum()))


def _facts(known: Mapping[str, Any]) -> dict[str, Any]:
    return {name: known[name] for name in ("key", "family", "params", "seed", "score")}


def _report(candidates: Candidates, vote: Vote, artefact: ModelArtefact, final: float, rows: int) -> dict[str, Any]:
    metric = METRICS[candidates.metric]
    return {
        "metric": metric.name,
        "rows": rows,
        "members": [{"name": m["file"][8:-5], "weight": m["weight"]} for m in artefact.manifest["members"]],
        "temperature": artefact.manifest["temperature"],
        "best_single": round(metric.score(vote.best_single), _DIGITS),
        "ensemble": round(metric.score(vote.loss), _DIGITS),
        "calibrated": round(final, _DIGITS),
        "bytes": artefact.bytes,
        "digest": artefact.digest,
        "dropped": [dict(each) for each in candidates.dropped],
    }
