"""Looking for drift as a Prefect task."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from ostinato.operations.watching import unseen_scores, watch
from ostinato.tenancy.workspace import Workspace


@task(task_run_name="compare {model}", cache_policy=NO_CACHE, retries=1, retry_delay_seconds=10, timeout_seconds=3600)
def compare(model: str, workspace: str, scores: list[str] | None = None) -> dict[str, Any]:
    """Compare scored tables (default: those that no look has seen) with the baseline."""
    place = Workspace.at(Path(workspace))
    tables = [Path(path) for path in scores] if scores is not None else unseen_scores(model, place)
    return asdict(watch(model, tables, place))
