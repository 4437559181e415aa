"""The check of reproducibility: cheap steps made anew, and every result beside what DVC recorded of it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml

from ostinato.core.errors import QualityError
from ostinato.core.hashing import sha256_of_file, sha256_of_folder
from ostinato.operations.validation.config import Differing
from ostinato.operations.validation.finding import FIRST, Finding, found, need, rerun, scratch
from ostinato.pipeline import BY_NAME
from ostinato.tenancy.workspace import Workspace

_AGAIN = ("split", "ensemble")
_BLOCK = 1 << 20


def reproducibility(workspace: Workspace, bounds: Differing) -> Finding:
    """Split and ensemble of each problem run anew give the bytes of data/; all of data/ has the hashes of dvc.lock.

    The clips themselves are left to the checks that read them, by the content hashes of the raw table.
    """
    recorded = _recorded(workspace)
    differing: list[str] = []
    compared = 0
    with scratch() as into:
        for problem in workspace.params.problems:
            for name in _AGAIN:
                for path, new in rerun(f"{name}@{problem}", workspace, into).items():
                    compared += 1
                    if _content(new) != _content(need(workspace, path)):
                        differing.append(f"{path} differs from the one made anew by {name}@{problem}")
    for path, md5 in recorded.items():
        compared += 1
        if not (workspace.root / path).exists():
            differing.append(f"{path} is in dvc.lock and not on the disk")
        elif md5_of(workspace.root / path) != md5:
            differing.append(f"{path} is not what dvc.lock recorded")
    return found(
        f"{len(differing)} of {compared} results differ",
        len(differing),
        differing if len(differing) > bounds.differing else [],
    )


def _recorded(workspace: Workspace) -> dict[str, str]:
    path = workspace.root / "dvc.lock"
    if not path.is_file():
        raise QualityError(f"dvc.lock is not there, so nothing is recorded; {FIRST}")
    value: Any = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    audio = BY_NAME["ingest"].beside["audio"]
    stages = value.get("stages", {})
    return {o["path"]: o["md5"] for stage in stages.values() for o in stage.get("outs", []) if o["path"] != audio}


def _content(path: Path) -> str:
    return sha256_of_folder(path) if path.is_dir() else sha256_of_file(path)


def md5_of(path: Path) -> str:
    """The hash by which DVC records a file, or a folder: that of the sorted list of its files and their hashes."""
    if not path.is_dir():
        digest = hashlib.md5(usedforsecurity=False)
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest()
    files = sorted((p.relative_to(path).parts, p) for p in path.rglob("*") if p.is_file())
    listing = [{"md5": md5_of(file), "relpath": "/".join(parts)} for parts, file in files]
    return hashlib.md5(json.dumps(listing, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"
