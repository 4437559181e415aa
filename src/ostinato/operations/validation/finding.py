"""What a check hands back, and what checks share: results that must be there, a step run anew beside the real one."""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ostinato.core.errors import QualityError
from ostinato.core.settings import settings
from ostinato.execution import positional
from ostinato.pipeline import Call
from ostinato.pipeline import find as find_call
from ostinato.tenancy.workspace import Workspace

FIRST = "run the line first: make run"
_MOST_FAULTS = 4


@dataclass(frozen=True)
class Finding:
    """The measured figure in words and as a number, whether it lies within its bound, and what there is to say."""

    figure: str
    value: float
    passed: bool
    note: str = ""


def found(figure: str, value: float, faults: Sequence[str], note: str = "") -> Finding:
    """A finding that passes where there are no faults; the note names the first of them."""
    if faults:
        more = f"; and {len(faults) - _MOST_FAULTS} more" if len(faults) > _MOST_FAULTS else ""
        note = "; ".join(faults[:_MOST_FAULTS]) + more
    return Finding(figure, value, not faults, note)


def need(workspace: Workspace, path: str) -> Path:
    """A result of the line; raises QualityError where it is not there."""
    there = workspace.root / path
    if not there.exists():
        raise QualityError(f"{path} is not there; {FIRST}")
    return there


def of_problem(workspace: Workspace, template: str, problem: str) -> Path:
    """A problem's result of the line; raises QualityError where it is not there."""
    return need(workspace, template.format(problem=problem))


@contextmanager
def scratch() -> Iterator[Path]:
    """A temporary folder."""
    with tempfile.TemporaryDirectory(prefix="ostinato-validation-") as folder:
        yield Path(folder).resolve()


def rerun(name: str, workspace: Workspace, into: Path) -> dict[str, Path]:
    """Run a step on the workspace's own inputs, writing below `into`; returns what it wrote, by its path in the workspace."""
    call: Call = find_call(name, workspace.params.problems)
    reads = {key: need(workspace, call.path(path)) for key, path in call.step.deps.items()}
    writes = {key: into / call.path(path) for key, path in {**call.step.writes(), **call.step.beside}.items()}
    extra = {"problem": call.problem} if call.problem else {}
    module, _, function = call.step.target.partition(":")
    getattr(importlib.import_module(module), function)(*positional(call, workspace), **reads, **writes, **extra)
    return {path: into / path for path in call.writes()}


@contextmanager
def at_home(home: Path) -> Iterator[None]:
    """Within the block the installation is `home`, whatever the working directory."""
    before = os.environ.get("OSTINATO_HOME")
    os.environ["OSTINATO_HOME"] = str(home)
    settings.cache_clear()
    try:
        yield
    finally:
        if before is None:
            del os.environ["OSTINATO_HOME"]
        else:
            os.environ["OSTINATO_HOME"] = before
        settings.cache_clear()
