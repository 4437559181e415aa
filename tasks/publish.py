"""After a run: dvc.lock on a branch, data at the remote, when one is asked for."""

from __future__ import annotations

from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from ostinato.operations.versioning import commit_lock, has_remote, push
from ostinato.tenancy.workspace import Workspace


@task(task_run_name="publish", retries=3, retry_delay_seconds=30, timeout_seconds=3600, cache_policy=NO_CACHE)
def publish(workspace: str, branch: str, message: str) -> dict[str, str | None]:
    """Commit dvc.lock onto `branch` and push data to the default remote where there is one."""
    place = Workspace.at(Path(workspace))
    commit = commit_lock(place, branch, message)
    pushed = push(place) if has_remote(place) else None
    return {"commit": commit, "pushed": pushed}
