"""Checks of what the workspace stands on: the installed packages, the disk, parameters and configuration."""

from __future__ import annotations

import platform
import re
import shutil
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ostinato.core.errors import OstinatoError, QualityError, StorageError
from ostinato.core.params import load_params, read_yaml
from ostinato.operations.validation.config import FILE, Configuration, Environment, load_bounds, megabytes
from ostinato.operations.validation.finding import Finding, found
from ostinato.tenancy.workspace import Workspace

_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)\s*(;[^\\]*)?", re.MULTILINE)


def environment(workspace: Workspace, bounds: Environment) -> Finding:
    """Python, every locked package at its version, a disk that takes a file and has room."""
    lock = workspace.home / "requirements.lock"
    if not lock.is_file():
        raise QualityError(
            f"{lock} is not there, so nothing says which packages belong here; take it from the repository"
        )
    pinned = _PINNED.findall(lock.read_text(encoding="utf-8"))
    if not pinned:
        raise QualityError(f"{lock}: no package is pinned in it; renew it: make lock")
    differing = [words for name, wanted, marker in pinned if (words := _difference(name, wanted, marker))]
    faults = differing if len(differing) > bounds.differing else []
    here = ".".join(platform.python_version_tuple()[:2])
    if here != bounds.python:
        faults.append(f"Python {here} runs, expected {bounds.python}")
    free = shutil.disk_usage(workspace.root).free
    if free < bounds.free_bytes:
        faults.append(f"{megabytes(free)} free on the disk of {workspace.root}")
    faults += _unwritable(workspace.state)
    figure = f"{len(differing)} of {len(pinned)} packages differ, Python {here}, {megabytes(free)} free"
    return found(figure, len(differing), faults)


def _difference(name: str, wanted: str, marker: str) -> str | None:
    if marker:
        from packaging.markers import Marker

        if not Marker(marker.lstrip("; ").strip()).evaluate():
            return None
    try:
        here = version(name)
    except PackageNotFoundError:
        return f"{name} {wanted} is not installed"
    return None if here == wanted else f"{name} is {here}, locked {wanted}"


def _unwritable(folder: Path) -> list[str]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0" * 4096)
            file.flush()
    except OSError as error:
        return [str(StorageError.from_os(error, folder))]
    return []


def configuration(workspace: Workspace, bounds: Configuration) -> Finding:
    """Every file of parameters and configuration by its model, what one names of another, and dvc.yaml as rendered."""
    faults: list[str] = []
    files = [workspace.root / "params.yaml", *sorted(workspace.configs.rglob("*.yaml"))]
    for path in files:
        try:
            _read(path, workspace)
        except OstinatoError as error:
            faults.append(str(error))
    if not faults:
        faults += _names(workspace)
        faults += _rendering(workspace)
    return found(
        f"{len(faults)} faults in {len(files) + 1} files",
        len(faults),
        faults if len(faults) > bounds.faults else [],
    )


def _read(path: Path, workspace: Workspace) -> None:
    match path.relative_to(workspace.root).parts:
        case ("params.yaml",):
            load_params(path)
        case ("configs", "approval.yaml"):
            from ostinato.core.params import load_yaml
            from ostinato.registry.approval import ApprovalConfig

            load_yaml(path, ApprovalConfig)
        case ("configs", "drift.yaml"):
            from ostinato.monitoring.config import load_drift

            load_drift(path)
        case ("configs", name) if name == FILE:
            load_bounds(path)
        case ("configs", "quality", "rights.yaml"):
            from ostinato.quality.rights import load_rights

            load_rights(path)
        case ("configs", "quality", _):
            from ostinato.quality.suites import load_suite

            load_suite(path)
        case _:
            read_yaml(path)


def _names(workspace: Workspace) -> list[str]:
    """What params.yaml names and nothing defines."""
    from ostinato.automl.index import suitable
    from ostinato.registry.approval import load_policy

    faults = [
        f"params.yaml: check.suites names {name!r}, and configs/quality/{name}.yaml is not there"
        for name in workspace.params.check.suites
        if not (workspace.configs / "quality" / f"{name}.yaml").is_file()
    ]
    for problem in workspace.params.problems.values():
        try:
            load_policy(workspace.configs / "approval.yaml", problem.register_.policy)
            suitable(problem.task.kind, 1000, 100, problem.search.algorithms)
        except OstinatoError as error:
            faults.append(str(error))
    return faults


def _rendering(workspace: Workspace) -> list[str]:
    from ostinato.rendering import rendered_text

    path = workspace.root / "dvc.yaml"
    if not path.is_file():
        return ["dvc.yaml is not there; write it: ostinato render"]
    if path.read_text(encoding="utf-8") != rendered_text(workspace):
        return ["dvc.yaml differs from its rendering; write it anew: ostinato render"]
    return []
