"""The monitoring flow: score a new batch, or take what was scored since the last look, compare it with the baseline, and on
drift emit an event, on which the deployment `training/on-drift` starts.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger
from prefect.events import emit_event

from flows.process import run_as_process
from ostinato.operations.watching import DRIFT_EVENT, event_resource
from ostinato.tenancy.workspace import Workspace
from tasks.score import score_folder
from tasks.watch import compare


@flow(name="monitoring", flow_run_name="monitoring {model}", persist_result=False)
def monitoring(model: str = "demo.genre", source: str | None = None, workspace: str = ".") -> dict[str, Any]:
    """Judge a batch: the audio below `source`, or without it everything scored since the last look."""
    place, _ = Workspace.of_model(model, Workspace.at(Path(workspace)).home)
    scores = None
    if source is not None:
        name = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ") + "-batch.parquet"
        scores = [score_folder(model, source, str(place.state / "scores" / name))["out"]]
    found = compare(model, str(place.root), scores)
    logger = get_run_logger()
    for reason in found["decision"]["reasons"]:
        logger.info(reason)
    if found["drifted"]:
        payload = {
            "model": model,
            "rows": found["rows"],
            "reasons": list(found["decision"]["reasons"]),
            "run": found["run_id"],
        }
        emit_event(DRIFT_EVENT, resource=event_resource(place), payload=payload)
        logger.warning("%s: drift; the event %s is out", model, DRIFT_EVENT)
    return found


if __name__ == "__main__":
    run_as_process(monitoring, {"model": "demo.genre", "source": None})
