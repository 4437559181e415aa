"""Judge the model on the test fold: metrics, intervals, slices, gates, envelope, plots, card."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ostinato.automl.metrics import METRICS
from ostinato.core import progress
from ostinato.core.errors import ArtefactError
from ostinato.core.files import read_table, replacing, write_json, write_table
from ostinato.core.params import EvaluateParams, Split, Task
from ostinato.engines import envelope, plots
from ostinato.engines.artefact import ModelArtefact
from ostinato.engines.card import card as card_of
from ostinato.engines.importance import permutation_importance
from ostinato.engines.judgement import Judged, dummy_scores, judge
from ostinato.features.inputs import Inputs, load_inputs
from ostinato.features.splits import TEST, protocol

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EvaluateReport:
    """The figures of a model on its test fold."""

    problem: str
    metric: str
    value: float
    dummy: float
    rows: int
    groups: int
    gates: dict[str, bool]
    protocol: str
    bytes: int
    p99_ms: float


def evaluate(
    task: Task,
    split: Split,
    params: EvaluateParams,
    *,
    problem: str,
    clean: Path,
    features: Path,
    folds: Path,
    model: Path,
    predictions: Path,
    card: Path,
    evaluation: Path,
    metrics: Path,
    confusion: Path,
    importance: Path,
    measured: Path,
) -> EvaluateReport:
    """Write predictions, metrics, card and tables, and beside them pictures and the measured envelope.

    A failed gate is written down and stops nothing here; an artefact that does not fit its envelope raises ArtefactError,
    after everything is written.
    """
    artefact = ModelArtefact.load(model)
    table = read_table(folds).astype({"track_id": str})
    inputs = load_inputs(task, split, clean=clean, features=features).rows(table["track_id"].tolist())
    held = table["fold"].to_numpy() == TEST
    test = inputs.rows(table.loc[held, "track_id"].tolist())
    with progress.track("evaluate", 4) as advance:
        seen = _judged(task, artefact, inputs.y[~held], test, table.loc[held, "group"].to_numpy())
        advance(note="figures")
        facts: dict[str, Any] = {"problem": problem, "protocol": protocol(split, table), "digest": artefact.digest}
        facts |= judge(task, params, seen, test.tracks)
        advance(note="importance")
        encoder = artefact.encoder
        ranked = permutation_importance(
            artefact.scores_of,
            encoder.encode(test.X),
            encoder.places,
            seen.truth,
            METRICS[task.metric],
            seed=params.seed,
        )
        advance(note="envelope")
        cost = envelope.measure(model)
        advance()
    facts["gates"] |= envelope.verdicts(cost, params.envelope)
    facts["passed"] = all(gate["passed"] for gate in facts["gates"].values())
    write_table(predictions, _predictions(artefact, seen, test))
    write_table(confusion, _pairs(artefact, seen))
    write_table(importance, ranked)
    write_json(evaluation, facts)
    write_json(metrics, facts["test"] | {"gain_over_dummy": facts["gain_over_dummy"], "passed": facts["passed"]})
    _write_card(card, card_of(problem, artefact, facts, zip(ranked["feature"], ranked["importance"], strict=True)))
    _beside(measured, seen, ranked, cost, task)
    envelope.enforce(cost, params.envelope, problem)
    log.info("evaluate %s: %s %.4f; %s", problem, task.metric, facts["test"][task.metric], facts["protocol"])
    return _report(facts, cost)


def _report(facts: dict[str, Any], cost: dict[str, Any]) -> EvaluateReport:
    return EvaluateReport(
        problem=facts["problem"],
        metric=facts["metric"],
        value=facts["test"][facts["metric"]],
        dummy=facts["dummy"][facts["metric"]],
        rows=facts["rows"],
        groups=facts["groups"],
        gates={name: gate["passed"] for name, gate in facts["gates"].items()},
        protocol=facts["protocol"],
        bytes=cost["bytes"],
        p99_ms=cost["p99_ms"],
    )


def _write_card(path: Path, text: str) -> None:
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")


def _judged(task: Task, artefact: ModelArtefact, training: NDArray[Any], test: Inputs, groups: NDArray[Any]) -> Judged:
    scores = artefact.scores(test.X)
    if task.kind == "regression":
        return Judged(test.y, scores, dummy_scores(task, training, 1, len(scores)), groups, ())
    codes = {label: code for code, label in enumerate(artefact.classes)}
    if unknown := sorted((set(test.y.tolist()) | set(training.tolist())) - set(codes)):
        raise ArtefactError(f"the model does not know the labels {', '.join(unknown)}; run the step search again")
    truth = np.array([codes[label] for label in test.y], dtype=np.int64)
    known = np.array([codes[label] for label in training], dtype=np.int64)
    return Judged(
        truth, scores, dummy_scores(task, known, len(codes), len(scores)), groups, tuple(map(str, artefact.classes))
    )


def _predictions(artefact: ModelArtefact, seen: Judged, test: Inputs) -> pd.DataFrame:
    frame = pd.DataFrame({"track_id": list(test.ids), "fold": np.int64(TEST), "actual": test.y})
    if not seen.names:
        frame["predicted"], frame["confidence"] = seen.scores[:, 0], np.nan
        return frame.sort_values("track_id")
    frame["predicted"] = np.asarray(artefact.classes, dtype=object)[seen.scores.argmax(axis=1)]
    frame["confidence"] = seen.scores.max(axis=1)
    for code, name in enumerate(seen.names):
        frame[f"p_{name}"] = seen.scores[:, code]
    return frame.sort_values("track_id")


def _pairs(artefact: ModelArtefact, seen: Judged) -> pd.DataFrame:
    """One row a track, which is what the confusion template counts."""
    if not seen.names:
        return pd.DataFrame({"actual": seen.truth, "predicted": seen.scores[:, 0]}).sort_values(["actual", "predicted"])
    names = np.asarray(artefact.classes, dtype=object)
    frame = pd.DataFrame({"actual": names[seen.truth], "predicted": names[seen.scores.argmax(axis=1)]})
    return frame.sort_values(["actual", "predicted"])


def _beside(folder: Path, seen: Judged, ranked: pd.DataFrame, cost: dict[str, Any], task: Task) -> None:
    write_json(folder / "envelope.json", cost)
    if seen.names:
        plots.draw_confusion(folder / "confusion.png", seen.truth, seen.scores.argmax(axis=1), seen.names)
    else:
        plots.draw_values(folder / "confusion.png", seen.truth, seen.scores[:, 0])
    label = f"loss of {task.metric} when shuffled"
    names, values = ranked["feature"].tolist(), ranked["importance"].tolist()
    plots.draw_bars(
        folder / "importance.png", names, values, title="Permutation importance on the test fold", label=label
    )
