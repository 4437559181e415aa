"""The training flow: every step of the line in its order, those with nothing to do marked so.

`python -m flows.training --workspace DIR` runs it here (the command `ostinato run` does so); the deployment `training/nightly`
runs it on a worker.
"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger

from flows.process import run_as_process
from ostinato.core import progress
from ostinato.core.locking import run_lock
from ostinato.operations.running import current_version
from ostinato.operations.versioning import mend, plan
from ostinato.operations.workspaces import refresh
from ostinato.pipeline import Call
from ostinato.tenancy.workspace import Workspace
from tasks.cluster import temporary_cluster
from tasks.publish import publish
from tasks.step import run_step, skip_step


@flow(name="training", flow_run_name="training {workspace}", persist_result=False)
def training(workspace: str = ".", problem: str | None = None, publish_to: str | None = None) -> dict[str, Any]:
    """Bring a workspace up to date; with `publish_to`, commit dvc.lock to that branch and push data afterwards."""
    place = Workspace.at(Path(workspace))
    logger = get_run_logger()
    with run_lock(place.root, "training") as orphans:
        if orphans:
            _note(f"ended {orphans} process(es) of a run that was killed")
        for mended in mend(place):
            _note(mended)
        refresh(place)
        line, stale = plan(place, problem)
        logger.info(
            "%d of %d steps to run: %s", len(stale), len(line), ", ".join(call.name for call in stale) or "none"
        )
        names = {call.name for call in stale}
        with temporary_cluster() if "extract" in names else nullcontext():
            ran = [name for call in line if (name := _run(call, place, call.name in names))]
        missing = _register_missing(place, [call for call in line if call.name not in ran])
        if publish_to:
            publish(str(place.root), publish_to, f"Train {place.name}")
    return {"workspace": place.name, "ran": ran + missing}


def _run(call: Call, place: Workspace, stale: bool) -> str | None:
    if not stale:
        skip_step(call.name)
        return None
    done = run_step.with_options(timeout_seconds=call.step.timeout_seconds)(call.name, str(place.root))
    return call.name if done["ran"] else None


def _register_missing(place: Workspace, line: list[Call]) -> list[str]:
    """Register anew what DVC holds for registered but the registry does not know: its store was lost or replaced."""
    again = []
    for call in line:
        if call.step.name == "register" and call.problem and current_version(place, call.problem) is None:
            run_step(call.name, str(place.root), force=True)
            again.append(call.name)
    return again


def _note(message: str) -> None:
    progress.emit("note", message=message)
    get_run_logger().warning(message)


if __name__ == "__main__":
    run_as_process(training, {"problem": None, "publish-to": None})
