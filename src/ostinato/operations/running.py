"""What a run came to: whether anything is left to do, and the versions that stand in the registry."""

from __future__ import annotations

from typing import Any

from ostinato.core.errors import BusyError
from ostinato.core.files import read_json
from ostinato.core.locking import is_running, run_lock
from ostinato.operations.status import describe
from ostinato.operations.versioning import mend, plan
from ostinato.registry.versions import ModelVersion, versions
from ostinato.tenancy.workspace import Workspace


def outcome(workspace: Workspace, problem: str | None = None, *, ran: bool = False) -> dict[str, Any] | None:
    """The registered models of an up-to-date workspace, or None where steps are left to run.

    Asks DVC without starting Prefect, so that a run with nothing to do ends in seconds. Raises BusyError beside a live run.
    """
    if not ran:
        try:
            with run_lock(workspace.root, "look"):
                mend(workspace)
        except BusyError:
            if is_running(workspace.root):
                raise
        if plan(workspace, problem)[1]:
            return None
    models = []
    for key in workspace.params.problems if problem is None else [problem]:
        version = current_version(workspace, key)
        if version is None:
            return None
        models.append(describe(version) | {"metrics": _metrics(workspace, key)})
    return {"workspace": workspace.name, "ran": ran, "models": models}


def current_version(workspace: Workspace, problem: str) -> ModelVersion | None:
    """The registered version of the artefact that stands in the workspace, or None."""
    from ostinato.engines.artefact import ModelArtefact

    folder = workspace.data / "models" / problem / "model"
    if not (folder / "artefact.json").is_file():
        return None
    digest = ModelArtefact.load(folder).digest
    known = versions(workspace.model_name(problem), workspace.home)
    return next((v for v in reversed(known) if v.digest == digest), None)


def _metrics(workspace: Workspace, problem: str) -> dict[str, str]:
    path = workspace.data / "reports" / problem / "evaluation.json"
    if not path.is_file():
        return {}
    evaluation = read_json(path)
    return {key: _interval(value, evaluation["intervals"].get(key)) for key, value in evaluation["test"].items()}


def _interval(value: float, ends: dict[str, float] | None) -> str:
    return f"{value:.3f}" + (f" [{ends['low']:.3f}, {ends['high']:.3f}]" if ends else "")
