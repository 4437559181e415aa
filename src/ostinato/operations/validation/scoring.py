"""Checks of scoring: what one row costs, and one clip from the file to the answer and back to the file."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd

from ostinato.core.files import read_table
from ostinato.core.hashing import sha256_of_file
from ostinato.engines.artefact import ModelArtefact
from ostinato.operations.validation.config import EndToEnd, Scoring, cost, megabytes
from ostinato.operations.validation.finding import Finding, found, need, of_problem
from ostinato.operations.validation.governance import registered
from ostinato.pipeline import CLEAN, FEATURES, MODEL, PREDICTIONS
from ostinato.tenancy.workspace import Workspace

_ANSWERS = 5  # lineage questions, of which the median counts


def scoring(workspace: Workspace, bounds: Scoring) -> Finding:
    """Bytes, milliseconds a row and peak memory of each artefact, measured on itself in a process of its own."""
    from ostinato.engines import envelope

    faults, figures, slowest = [], [], 0.0
    for problem in workspace.params.problems:
        measured = envelope.measure(of_problem(workspace, MODEL, problem))
        p50, p99 = measured["p50_ms"], measured["p99_ms"]
        size, rss = measured["bytes"], measured["peak_rss_bytes"]
        figures.append(cost(p50, p99, size, rss))
        slowest = max(slowest, p99)
        if p50 > bounds.p50_ms:
            faults.append(f"{problem}: half of the rows take more than {p50:.2f} ms, the bound is {bounds.p50_ms:g}")
        if p99 > bounds.p99_ms:
            faults.append(f"{problem}: 1 in 100 rows takes more than {p99:.2f} ms, the bound is {bounds.p99_ms:g}")
        if size > bounds.bytes:
            faults.append(f"{problem}: the artefact has {size:,} bytes, the bound is {bounds.bytes:,}")
        if rss > bounds.rss_bytes:
            faults.append(
                f"{problem}: scoring takes {megabytes(rss)} of memory, the bound is {megabytes(bounds.rss_bytes)}"
            )
    return found("; ".join(figures), slowest, faults)


def end_to_end(workspace: Workspace, bounds: EndToEnd) -> Finding:
    """One catalogue clip by the registered model: the stored features' answer, and a lineage that leads to the file."""
    tracks = read_table(need(workspace, CLEAN))
    stored = read_table(need(workspace, FEATURES))
    heard = [name for name, problem in workspace.params.problems.items() if problem.task.inputs == ("audio",)]
    if not heard or stored.empty:
        return Finding("no audio", 0.0, True, "no problem of this workspace is answered from audio alone")
    faults, slowest = [], 0.0
    for problem in heard:
        # a clip of the test fold, which the model has not learnt from
        track = str(read_table(of_problem(workspace, PREDICTIONS, problem))["track_id"].iloc[0])
        rows = tracks[tracks["track_id"].astype(str) == track]
        if rows.empty:
            faults.append(f"{problem}: {track} was predicted and is not among the clean tracks")
            continue
        wrong, milliseconds = _there_and_back(workspace, problem, rows.iloc[0], stored, bounds.difference)
        faults, slowest = faults + wrong, max(slowest, milliseconds)
    if slowest > bounds.lineage_ms:
        faults.append(f"a lineage answer takes {slowest:.1f} ms")
    return found(f"lineage {slowest:.1f} ms", slowest, faults)


def _there_and_back(
    workspace: Workspace, problem: str, track: pd.Series, stored: pd.DataFrame, most: float
) -> tuple[list[str], float]:
    from ostinato.operations.scoring import score_files

    version, path = registered(workspace, problem), workspace.root / str(track["path"])
    if not path.is_file():
        return [f"{problem}: {path} is not there any more"], 0.0
    scored = score_files(version.name, [path], version.version)
    if scored.failures:
        return [f"{problem}: {path} cannot be scored: {next(iter(scored.failures.values()))}"], 0.0
    answer = scored.table.iloc[0]
    artefact = ModelArtefact.load(of_problem(workspace, MODEL, problem))
    row = stored[stored["track_id"].astype(str) == str(track["track_id"])]
    expected = artefact.scores(row)[0]
    faults = []
    names = [f"p_{label}" for label in artefact.classes] or ["predicted"]
    gap = float(np.abs(answer[names].to_numpy(np.float64) - expected).max())
    if not gap <= most:
        faults.append(f"{problem}: {path.name} scored from its file differs by {gap:.3g} from its stored features")
    if artefact.classes and answer["predicted"] != str(artefact.classes[int(expected.argmax())]):
        faults.append(
            f"{problem}: {path.name} is {answer['predicted']!r} from its file, not so from its stored features"
        )
    wrong, milliseconds = _back(str(answer["prediction_id"]), problem, track, path)
    return faults + wrong, milliseconds


def _back(prediction: str, problem: str, track: pd.Series, path: Path) -> tuple[list[str], float]:
    """From a prediction id to the raw file: the same track, the same bytes."""
    from ostinato.operations.tracing import lineage

    times = []
    for _ in range(_ANSWERS):
        clock = time.perf_counter()
        known = lineage(prediction)
        times.append((time.perf_counter() - clock) * 1000)
    faults, digest = [], sha256_of_file(path)
    files = {str(file["track_id"]): file for file in known["files"]}
    raw = files.get(str(track["track_id"]))
    if raw is None:
        faults.append(
            f"{problem}: the lineage of {prediction} has {len(files)} raw files, and {track['track_id']} is not one"
        )
    elif raw["sha256"] != digest or known["prediction"]["sha256"] != digest:
        faults.append(
            f"{problem}: {path.name} is not the file that the lineage of {prediction} leads to: its content differs"
        )
    if not known["prediction"]["input_was_in_the_catalogue"]:
        faults.append(f"{problem}: the lineage of {prediction} does not know its input as a track of the catalogue")
    return faults, float(np.median(times))
