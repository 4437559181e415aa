"""One step of the line as a Prefect task: DVC redoes it, its progress shows in the Prefect UI."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import get_run_logger, task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Completed
from prefect.tasks import Task

from ostinato.core import progress
from ostinato.core.errors import StepError
from ostinato.operations.versioning import reproduce
from ostinato.pipeline import find
from ostinato.tenancy.workspace import Workspace

_SECONDS_BETWEEN_UPDATES = 1.0


def _worth_retrying(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Only a process that was killed (memory, a restart) is tried again: a step that said why it failed says so again."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, StepError) and "its process ended with -" in str(error)


@task(
    task_run_name="{step}",
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=_worth_retrying,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def run_step(step: str, workspace: str, force: bool = False) -> dict[str, Any]:
    """Let DVC redo `step` in the workspace at the path `workspace`; returns what it reported."""
    place = Workspace.at(Path(workspace))
    call = find(step, place.params.problems)
    logger = get_run_logger()
    progress.emit("task", step=step, state="started", says=call.step.says)
    shown = _Shown(step)
    result = reproduce(call, place, shown.event, force=force)
    shown.end()
    state = "done" if result.ran else "unchanged"
    progress.emit("task", step=step, state=state, seconds=result.seconds, report=result.report)
    logger.info("%s: %s", step, result.report if result.ran else "unchanged")
    return {"step": step, "ran": result.ran, "seconds": result.seconds, "report": result.report}


@task(task_run_name="{step}", cache_policy=NO_CACHE, persist_result=False)
def skip_step(step: str) -> State[None]:
    """A step with nothing to do: shown, so that a run shows the whole line."""
    progress.emit("task", step=step, state="unchanged")
    return Completed(name="Unchanged", message="inputs, code and parameters are what they were")


class _Shown:
    """The progress of a step as a Prefect artifact and as lines of the flow's own output."""

    def __init__(self, step: str) -> None:
        self.step, self.last = step, 0.0
        made = create_progress_artifact(0.0, key=_key(step), description=step)
        assert isinstance(made, UUID)  # a coroutine only where the caller is one
        self.artifact = made

    def event(self, event: Mapping[str, Any]) -> None:
        if event[progress.MARK] != "progress":
            return
        progress.emit(**{"kind": "progress", **{k: v for k, v in event.items() if k != progress.MARK}})
        now = time.monotonic()
        if event.get("total") and now - self.last >= _SECONDS_BETWEEN_UPDATES:
            self.last = now
            words = f"{self.step}: {event['what']} {event['done']}/{event['total']} {event.get('note', '')}"
            update_progress_artifact(self.artifact, 100.0 * event["done"] / event["total"], description=words)

    def end(self) -> None:
        update_progress_artifact(self.artifact, 100.0, description=self.step)


def _key(step: str) -> str:
    return "step-" + "".join(c if c.isalnum() else "-" for c in step.lower())
