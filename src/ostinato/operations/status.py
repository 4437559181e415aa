"""What there is: workspaces, whether they are up to date, registered versions and what waits for a person."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ostinato.core.locking import is_running
from ostinato.operations.versioning import plan
from ostinato.registry.versions import ModelVersion, all_models, versions
from ostinato.tenancy.workspace import Workspace


@dataclass(frozen=True)
class Status:
    """The state of one workspace."""

    workspace: str
    root: str
    running: bool
    steps: dict[str, str]  # step → "up to date" or "to do"
    models: list[dict[str, Any]]


def status(workspace: Workspace) -> Status:
    """The state of a workspace; asks DVC and MLflow."""
    running = is_running(workspace.root)
    line, stale = ([], []) if running else plan(workspace)
    todo = {call.name for call in stale}
    steps = {call.name: "to do" if call.name in todo else "up to date" for call in line}
    names = [name for name in all_models(workspace.home) if name.partition(".")[0] == workspace.name]
    found = [describe(version) for name in names for version in versions(name, workspace.home)]
    return Status(workspace.name, str(workspace.root), running, steps, found)


def describe(version: ModelVersion) -> dict[str, Any]:
    """A version as plain data."""
    value = asdict(version)
    tags = value.pop("tags")
    return value | {"gates": tags.get("ostinato.gates"), "protocol": tags.get("ostinato.protocol")}
