"""Checks of what the search kept and of the vote: recomputed from the out-of-fold predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ostinato.automl.candidates import Candidate, Candidates
from ostinato.automl.metrics import METRICS
from ostinato.core.files import read_json, read_table
from ostinato.core.params import Problem
from ostinato.engines.artefact import MODEL as MODEL_FILE
from ostinato.engines.artefact import ModelArtefact
from ostinato.operations.validation.config import Ensemble, Search
from ostinato.operations.validation.finding import Finding, found, of_problem
from ostinato.pipeline import CANDIDATES, CLEAN, FEATURES, FOLDS, MODEL, REPORTS
from ostinato.tenancy.workspace import Workspace

_WEIGHTS = 1e-9  # how far a sum of weights may lie from one


def search(workspace: Workspace, bounds: Search) -> Finding:
    """Of each kept candidate: its score from its out-of-fold predictions, its ONNX loaded and run on the training rows."""
    worst = 0.0
    faults: list[str] = []
    said: list[str] = []
    for name, problem in workspace.params.problems.items():
        candidates = Candidates.load(of_problem(workspace, CANDIDATES, name))
        gap, wrong = _scores(workspace, name, problem, candidates, bounds.difference)
        worst, faults = max(worst, gap), faults + wrong + _onnx(workspace, name, problem, candidates)
        trials, families = _tried(workspace, name)
        said.append(f"{trials} trials of {families} families")
        if trials < bounds.trials or families < bounds.families:
            faults.append(f"{name}: the search made {said[-1]}, fewer than asked for")
    return found(f"largest difference {worst:.2g}; {'; '.join(said)}", worst, faults)


def _scores(
    workspace: Workspace, name: str, problem: Problem, candidates: Candidates, most: float
) -> tuple[float, list[str]]:
    from ostinato.features.splits import TEST, pairs_of

    folds = read_table(of_problem(workspace, FOLDS, name))
    folds = folds[folds["fold"] != TEST]
    if tuple(folds["track_id"].astype(str)) != candidates.ids:
        return 0.0, [f"{name}: the candidates were fitted on other rows than the folds hold; run the step search again"]
    faults = _truth(workspace, name, problem, candidates)
    metric = METRICS[problem.task.metric]
    board = read_table(of_problem(workspace, f"{REPORTS}/leaderboard.csv", name)).set_index("algorithm")
    held = [rows for _, rows in pairs_of(folds, problem.split)]
    worst = 0.0
    for each in candidates.kept:
        score = metric.score(float(np.mean([metric.loss(candidates.truth[rows], each.oof[rows]) for rows in held])))
        gap = abs(score - each.score)
        if not gap <= most:
            faults.append(f"{name}: {each.name} says {metric.name} {each.score:.6f}, recomputed it is {score:.6f}")
        worst = max(worst, gap if np.isfinite(gap) else float("inf"))
    best: dict[str, float] = {}
    for each in candidates.kept:
        best.setdefault(each.key, each.score)
    for key, score in best.items():
        listed = float(board["score"].get(key, np.nan))
        # a better trial of the algorithm may have been dropped because it could not be shipped
        if key not in {drop["key"] for drop in candidates.dropped} and not abs(listed - score) <= most:
            faults.append(f"{name}: the leaderboard says {listed:.6f} of {key}, its best candidate {score:.6f}")
    return worst, faults


def _truth(workspace: Workspace, name: str, problem: Problem, candidates: Candidates) -> list[str]:
    """The answers beside the predictions are those of the catalogue."""
    tracks = read_table(workspace.root / CLEAN)
    tracks = tracks.assign(track_id=tracks["track_id"].astype(str)).set_index("track_id")
    from ostinato.features.inputs import target_of

    truth: Any = target_of(tracks.loc[list(candidates.ids)], problem.task)
    kept: Any = (
        np.asarray(candidates.classes, dtype=object)[candidates.truth] if candidates.classes else candidates.truth
    )
    wrong = int((truth != kept).sum())
    return [f"{name}: {wrong} answers beside the out-of-fold predictions are not the catalogue's"] if wrong else []


def _onnx(workspace: Workspace, name: str, problem: Problem, candidates: Candidates) -> list[str]:
    from ostinato.automl.fitting import run_onnx
    from ostinato.features.inputs import load_inputs

    inputs = load_inputs(
        problem.task, problem.split, clean=workspace.root / CLEAN, features=workspace.root / FEATURES
    ).rows(list(candidates.ids))
    matrix = candidates.encoder.encode(inputs.X)
    faults = []
    for each in candidates.kept:
        try:
            scores = [run_onnx(model, matrix) for bag in (False, True) for model in each.models(bag=bag)]
        except Exception as error:  # noqa: BLE001 - whatever ONNX Runtime says of a model is this check's finding
            faults.append(f"{name}: {each.name} cannot be run ({' '.join(str(error).split())[:200]})")
            continue
        if any(own.shape != each.oof.shape or not np.isfinite(own).all() for own in scores):
            faults.append(f"{name}: {each.name} gives {scores[0].shape} scores, not {each.oof.shape} finite ones")
    return faults


def _tried(workspace: Workspace, name: str) -> tuple[int, int]:
    """Trials and families of a search: all where the journal is there, else those of the leaderboard."""
    from ostinato.automl.index import algorithms

    journal = workspace.root / REPORTS.format(problem=name) / "measured" / "trials.csv"
    if journal.is_file():
        tried = read_table(journal)["algorithm"]
        return len(tried), len({algorithms()[key].family for key in tried.unique() if key in algorithms()})
    board: pd.DataFrame = read_table(of_problem(workspace, f"{REPORTS}/leaderboard.csv", name))
    return int(board["trials"].sum()), int(board["family"].nunique())


def ensemble(workspace: Workspace, bounds: Ensemble) -> Finding:
    """The vote's out-of-fold metric beside the best single candidate's, its weights, its members and its digest."""
    least = float("inf")
    faults: list[str] = []
    for name in workspace.params.problems:
        candidates = Candidates.load(of_problem(workspace, CANDIDATES, name))
        gain, wrong = _vote(
            name,
            candidates,
            of_problem(workspace, MODEL, name),
            read_json(of_problem(workspace, f"{REPORTS}/ensemble.json", name)),
            bounds,
        )
        least, faults = min(least, gain), faults + wrong
        if not gain >= bounds.gain:
            faults.append(f"{name}: the vote is worse than the best single candidate by {-gain:.6f}")
    return found(f"gain {least:.4f}", least, faults)


def _merged(artefact: ModelArtefact, by_name: dict[str, Candidate]) -> bytes:
    """The graph that the candidates make with the weights that the artefact says."""
    from ostinato.automl.export.merge import Part, merged

    parts = [
        Part(float(m["weight"]), by_name[m["name"]].models(bag=m["models"] > 1)) for m in artefact.manifest["members"]
    ]
    outputs = max(1, len(artefact.classes))
    classes = bool(artefact.classes) and artefact.kind != "multilabel"
    columns, temperature = len(artefact.encoder.outputs), float(artefact.manifest["temperature"])
    return merged(parts, columns, outputs, temperature=temperature, classes=classes)


def _vote(
    name: str, candidates: Candidates, model: Path, said: dict[str, Any], bounds: Ensemble
) -> tuple[float, list[str]]:
    artefact, metric = ModelArtefact.load(model), METRICS[candidates.metric]
    by_name = {each.name: each for each in candidates.kept}
    weights = {m["name"]: float(m["weight"]) for m in artefact.manifest["members"]}
    if strangers := sorted(set(weights) - set(by_name)):
        return -float("inf"), [f"{name}: the artefact holds {strangers[0]}, which the search did not keep"]
    faults = []
    if abs(sum(weights.values()) - 1) > _WEIGHTS:
        faults.append(f"{name}: the weights sum to {sum(weights.values()):.9f}, not to 1")
    if (model / MODEL_FILE).read_bytes() != _merged(artefact, by_name):
        faults.append(f"{name}: {MODEL_FILE} is not what the candidates and the weights make")
    if artefact.digest != said["digest"]:
        faults.append(f"{name}: ensemble.json speaks of {said['digest'][:12]}, the artefact is {artefact.digest[:12]}")
    held = np.isfinite(np.hstack([each.oof for each in candidates.kept])).all(axis=1)
    truth = candidates.truth[held]
    mixed = sum(weight * by_name[key].oof[held] for key, weight in weights.items())
    single = [metric.of(truth, each.oof[held]) for each in candidates.kept]
    best = max(single) if metric.greater else min(single)
    vote = metric.of(truth, np.asarray(mixed))
    for key, value in (("ensemble", vote), ("best_single", best)):
        if not abs(value - said[key]) <= bounds.difference:
            faults.append(f"{name}: ensemble.json says {key} {said[key]:.6f}, recomputed it is {value:.6f}")
    return metric.gain(vote, best), faults
