"""From candidates to the artefact: greedy weights that fit the envelope, bags where there is room, a temperature, one graph.

Weights and temperature are learnt on out-of-fold scores. A candidate enters as one model fitted on all rows; what is left of the
envelope then goes to bags, the models of the folds together, which are steadier than one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.candidates import Candidate, Candidates
from ostinato.automl.export.merge import Part, merged
from ostinato.automl.metrics import METRICS, Metric
from ostinato.engines.artefact import Member, ModelArtefact
from ostinato.ensemble.greedy import Vote, greedy
from ostinato.ensemble.running import LogLoss, SquaredLoss
from ostinato.ensemble.temperature import fitted_temperature, tempered

Array = NDArray[np.float64]
_DIGITS = 9
_LEAST_WEIGHT = 0.02
_ROWS_FOR_GREEDY = 20_000


@dataclass(frozen=True)
class Room:
    """What a shipped model may cost by the estimate: microseconds a row in a batch on one core, bytes."""

    row_us: float = 15.0
    bytes: float = 4_500_000.0

    @classmethod
    def of(cls, columns: int, outputs: int = 1, max_bytes: int = 5_000_000) -> Room:
        """Room for 100,000 rows a second on two cores at 20 columns and two classes, with a third left for reading the table.

        Wider rows, and rows of more classes, may take longer, by the root of how much wider and how many more.
        """
        return cls(13.0 * float(np.sqrt(max(1.0, columns / 20) * max(1.0, outputs / 2))), 0.9 * max_bytes)


@dataclass(frozen=True)
class Chosen:
    """The vote: per kept candidate its weight, and whether its bag is shipped; what is known of it out of fold."""

    vote: Vote
    bagged: tuple[bool, ...]
    temperature: float
    calibrated: float
    rows: int
    scores: Array = field(repr=False, default_factory=lambda: np.zeros((0, 1)))  # of the vote, out of fold
    held: NDArray[np.int64] = field(repr=False, default_factory=lambda: np.zeros(0, dtype=np.int64))  # their rows


def chosen(candidates: Candidates, rounds: int, max_members: int, room: Room) -> Chosen:
    """Weigh the candidates under the room and decide whose bags are shipped; raises SearchError where nothing fits."""
    metric = METRICS[candidates.metric]
    held = np.flatnonzero(np.isfinite(candidates.kept[0].oof).all(axis=1))
    for each in candidates.kept[1:]:
        held = held[np.isfinite(each.oof[held]).all(axis=1)]
    truth = candidates.truth[held]
    scores = [each.oof[held] for each in candidates.kept]
    costs = np.array([each.cost for each in candidates.kept])
    # where no model fits, the lightest one does all the same
    budget = np.array([room.row_us, room.bytes])
    if not (costs <= budget).all(axis=1).any():
        budget = costs[int(np.argmin((costs / budget).max(axis=1)))] * 1.001
    some = _some(len(held))
    loss = _loss(metric, truth[some], len(candidates.classes), candidates.kind)
    vote = greedy([each[some] for each in scores], loss, rounds, max_members, costs=costs, budget=budget)
    vote = _without_trifles(vote)
    mixed = np.tensordot(np.asarray(vote.weights), np.stack(scores), axes=1)
    temperature = 1.0
    if candidates.classes and candidates.kind != "multilabel":
        temperature = fitted_temperature(mixed, truth)
        mixed = tempered(mixed, temperature)
    bagged = _bags(candidates.kept, vote, costs, np.array([room.row_us, room.bytes]))
    final = metric.score(metric.loss(truth, mixed))
    return Chosen(vote, bagged, temperature, final, len(held), mixed, held)


def _loss(metric: Metric, truth: NDArray[Any], classes: int, kind: str) -> Any:
    if metric.name == "rmse":
        return SquaredLoss(truth)
    if metric.name == "log_loss" and kind != "multilabel" and classes:
        return LogLoss(truth)
    return lambda p: metric.loss(truth, p)


def _some(rows: int) -> Any:
    return slice(None) if rows <= _ROWS_FOR_GREEDY else np.random.default_rng(0).permutation(rows)[:_ROWS_FOR_GREEDY]


def _without_trifles(vote: Vote) -> Vote:
    weights = np.where(np.asarray(vote.weights) < _LEAST_WEIGHT, 0.0, vote.weights)
    return Vote(tuple(map(float, weights / weights.sum())), vote.loss, vote.best_single, vote.path)


def _bags(kept: Sequence[Candidate], vote: Vote, costs: Array, room: Array) -> tuple[bool, ...]:
    """The heaviest members first: a bag wherever what it costs more than one model is still there."""
    bagged = [False] * len(kept)
    left = room - sum(costs[i] for i, weight in enumerate(vote.weights) if weight > 0)
    for i in sorted(range(len(kept)), key=lambda i: (-vote.weights[i], i)):
        more = costs[i] * (kept[i].folds - 1)
        if vote.weights[i] > 0 and kept[i].folds > 1 and (more <= left).all():
            bagged[i] = True
            left = left - more
    return tuple(bagged)


def assembled(
    candidates: Candidates,
    picked: Chosen,
    models: Callable[[Candidate, bool], tuple[bytes, ...]],
    extract: Mapping[str, Any] | None = None,
    more: Mapping[str, Any] | None = None,
) -> ModelArtefact:
    """The artefact; `models` hands out a candidate's models, those of its folds where the flag says bag, or the one of all rows."""
    parts, members = [], []
    for each, weight, bag in zip(candidates.kept, picked.vote.weights, picked.bagged, strict=True):
        if weight > 0:
            own = models(each, bag)
            parts.append(Part(weight, own))
            known = {name: each.facts()[name] for name in ("key", "family", "params", "seed", "score")}
            members.append(Member(each.name, weight, {**known, "models": len(own)}))
    encoder = candidates.encoder
    classes = bool(candidates.classes) and candidates.kind != "multilabel"
    model = merged(
        parts,
        len(encoder.outputs),
        max(1, len(candidates.classes)),
        temperature=picked.temperature,
        classes=classes,
    )
    return ModelArtefact.assembled(
        model,
        members,
        kind=candidates.kind,
        target=candidates.target,
        classes=candidates.classes,
        encoder=encoder,
        inputs=candidates.inputs,
        extract=extract,
        temperature=picked.temperature,
        more=more,
    )


def report(candidates: Candidates, picked: Chosen, artefact: ModelArtefact) -> dict[str, Any]:
    """What is known of the vote out of fold: members, temperature, losses, improvement."""
    metric = METRICS[candidates.metric]
    return {
        "metric": metric.name,
        "rows": picked.rows,
        "members": [{n: m[n] for n in ("name", "weight", "models")} for m in artefact.manifest["members"]],
        "temperature": picked.temperature,
        "best_single": round(metric.score(picked.vote.best_single), _DIGITS),
        "ensemble": round(metric.score(picked.vote.loss), _DIGITS),
        "calibrated": round(picked.calibrated, _DIGITS),
        "bytes": artefact.bytes,
        "digest": artefact.digest,
        "dropped": [dict(each) for each in candidates.dropped],
    }
