"""Monitoring: what was scored since the last look, against the baseline; the decision and the page go to MLflow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from ostinato.core.files import read_json, read_table, write_json
from ostinato.monitoring.baseline import prediction_columns
from ostinato.monitoring.config import load_drift
from ostinato.monitoring.drift import Reference, decide
from ostinato.registry.registration import log_report
from ostinato.tenancy.workspace import Workspace

DRIFT_EVENT = "ostinato.drift.detected"


@dataclass(frozen=True)
class Watched:
    """One look: the decision, where it is kept, and its MLflow run (None where there was nothing to look at)."""

    drifted: bool
    rows: int
    decision: dict[str, Any]
    page: str | None
    run_id: str | None


def event_resource(workspace: Workspace) -> dict[str, str]:
    """How the workspace is called in Prefect's events."""
    return {"prefect.resource.id": f"ostinato.workspace.{workspace.name}", "prefect.resource.name": workspace.name}


def watch(model: str, scores: list[Path], workspace: Workspace) -> Watched:
    """Compare scored batches (tables with their `.features.parquet` beside them) with the baseline.

    Writes decision.json and drift.html below `.ostinato/monitoring/<time>/` and logs both to MLflow. Raises QualityError where
    there is no baseline.
    """
    problem = model.partition(".")[2]
    if not scores:
        return Watched(False, 0, {"reasons": ["nothing was scored since the last look"]}, None, None)
    batch = pd.concat([_batch(path, problem) for path in scores], ignore_index=True)
    folder = workspace.state / "monitoring" / datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    folder.mkdir(parents=True)
    page, kept = folder / "drift.html", folder / "decision.json"
    reference = Reference.load(workspace.data / "baseline")
    decision = decide(reference, batch, load_drift(workspace.configs / "drift.yaml"), page)
    write_json(kept, decision.facts() | {"model": model, "scores": [path.name for path in scores]})
    files = [kept, *([page] if page.is_file() else [])]
    run_id = log_report(
        workspace.home,
        f"{workspace.name}.monitoring",
        f"monitoring {model}",
        {"drifted": float(decision.drifted), "share": decision.share, "rows": float(decision.rows)},
        {"ostinato.model": model, "ostinato.drifted": str(decision.drifted).lower()},
        files,
    )
    _remember(workspace, model, scores)
    return Watched(decision.drifted, decision.rows, decision.facts(), str(page) if page.is_file() else None, run_id)


def unseen_scores(model: str, workspace: Workspace) -> list[Path]:
    """Scored tables of `model` that no look has compared yet, oldest first."""
    seen = set(_seen(workspace).get(model, []))
    tables = sorted((workspace.state / "scores").glob("*.parquet"))
    return [
        path
        for path in tables
        if not path.name.endswith(".features.parquet") and path.name not in seen and _is_of(path, model)
    ]


def _is_of(path: Path, model: str) -> bool:
    table = read_table(path)
    return bool(len(table)) and str(table["model"].iloc[0]) == model


def _batch(scores: Path, problem: str) -> pd.DataFrame:
    predicted, confidence = prediction_columns(problem)
    answers = read_table(scores)[["path", "predicted", "confidence"]]
    answers = answers.rename(columns={"predicted": predicted, "confidence": confidence})
    return read_table(scores.with_suffix(".features.parquet")).merge(answers, on="path", how="inner")


def _seen(workspace: Workspace) -> dict[str, list[str]]:
    path = workspace.state / "monitoring" / "seen.json"
    return read_json(path) if path.is_file() else {}


def _remember(workspace: Workspace, model: str, scores: list[Path]) -> None:
    seen = _seen(workspace)
    seen[model] = sorted({*seen.get(model, []), *(path.name for path in scores)})
    write_json(workspace.state / "monitoring" / "seen.json", seen)
