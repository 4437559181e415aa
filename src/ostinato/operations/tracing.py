"""Lineage: from a prediction id to the model, its run, the hashes of dvc.lock and the raw files."""

from __future__ import annotations

from typing import Any

from ostinato.core.errors import RegistryError
from ostinato.registry.lineage import trace
from ostinato.tenancy.workspace import all_workspaces, find_home


def lineage(prediction: str) -> dict[str, Any]:
    """Everything behind a prediction id, looked up in every workspace; raises RegistryError where none knows it."""
    for workspace in all_workspaces(find_home()):
        found = trace(workspace.state / "lineage.db", prediction)
        if found is not None:
            return {**found, "workspace": workspace.root.name if workspace.root != workspace.home else "default"}
    raise RegistryError(
        f"{prediction}: no workspace knows this prediction. Ids look like p-3f…; `ostinato predict` prints them."
    )
