"""Run one step in this process: gather its arguments, call its function, leave a record of what it did."""

from __future__ import annotations

import dataclasses
import importlib
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ostinato.core import progress
from ostinato.core.errors import StorageError
from ostinato.core.files import write_json
from ostinato.pipeline import Call, find
from ostinato.tenancy.workspace import Workspace


def run_step(name: str, workspace: Workspace) -> dict[str, Any]:
    """Run the step `name` with the workspace's parameters and return its report; paths are relative to the workspace."""
    os.chdir(workspace.root)
    call = find(name, workspace.params.problems)
    module, _, function = call.step.target.partition(":")
    started, clock = datetime.now(UTC), time.perf_counter()
    progress.emit("step", step=call.name, says=call.step.says)
    try:
        report = getattr(importlib.import_module(module), function)(*positional(call, workspace), **keywords(call))
        seconds = time.perf_counter() - clock
        facts = dataclasses.asdict(report)
        write_json(
            workspace.state / "steps" / f"{call.name}.json",
            {"step": call.name, "started": started.isoformat(), "seconds": round(seconds, 3), "report": facts},
        )
    except Exception as error:
        said = StorageError.behind(error)
        if said is None or said is error:
            raise
        raise said from error
    progress.emit("report", step=call.name, seconds=round(seconds, 3), report=facts)
    return facts


def positional(call: Call, workspace: Workspace) -> list[Any]:
    """The sections of params.yaml that a step is given."""
    params: Any = workspace.params
    problem: Any = params.problems[call.problem] if call.problem else None
    values = []
    for section in call.step.sections:
        owner, name = (problem, section[1:]) if section.startswith(".") else (params, section)
        values.append(getattr(owner, "register_" if name == "register" else name))
    return values


def keywords(call: Call) -> dict[str, Any]:
    """The paths that a step is given, and its problem."""
    step = call.step
    paths: dict[str, Any] = {
        key: Path(call.path(path)) for key, path in {**step.deps, **step.writes(), **step.beside}.items()
    }
    return paths | {"problem": call.problem} if step.per_problem else paths
