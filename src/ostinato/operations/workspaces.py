"""Making a workspace for a source of one's own: parameters, configuration, dvc.yaml, a git and DVC repository."""

from __future__ import annotations

import re
import shutil
import subprocess
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ostinato.core.errors import SourceError, StorageError, UsageError
from ostinato.core.params import NAME, load_params
from ostinato.operations.versioning import dvc
from ostinato.rendering import write_dvc_yaml
from ostinato.tenancy.workspace import Workspace

if TYPE_CHECKING:
    from ostinato.catalog.describe import SourceDescription

GITIGNORE = "/.ostinato/\n/data/\n__pycache__/\n"
DVC_CONFIG = """\
[core]
    analytics = false
    autostage = false
    remote = folder
['remote "folder"']
    url = ../.ostinato/remote
"""
_MIN_FOLDS, _FOLDS = 2, 4


def name_for(source: Path) -> str:
    """A workspace's name after its folder or table: lower case, ASCII, dashes.

    >>> name_for(Path("/music/My Röck Songs"))
    'my-rock-songs'
    """
    name = source.stem if source.suffix.lower() in (".csv", ".parquet") else source.name
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_]+", "-", plain).strip("-_")[:63] or "source"


def for_source(source: Path, home: Path, name: str | None = None, target: str | None = None) -> Workspace:
    """The workspace of a source, made where it does not exist; raises SourceError or UsageError, and leaves nothing half-made.

    `target` is the column that its problem predicts, by default `label`.
    """
    source = source.expanduser()
    source = source.resolve() if ".." in source.parts else source.absolute()
    _require_there(source)
    name = name or name_for(source)
    if not NAME.match(name):
        raise UsageError(f"{name!r} is not a workspace's name: lower-case letters, digits, - and _, at most 63, no dot")
    root = home / "workspaces" / name
    if root.resolve().is_relative_to(source.resolve()):
        raise SourceError(
            f"source {source}: this installation lies in it, so it would learn from itself; name the folder of music"
        )
    default = load_params(home / "params.yaml")
    if name == default.name:
        raise UsageError(f"{name!r} is the name of the default workspace; choose another: --name NAME")
    if (root / "params.yaml").is_file():
        return _existing(Workspace.at(root, home), source, target)
    part = root.with_name(f".{name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        _fill(part, source, home, name, target)
        part.rename(root)
    except OSError as error:
        raise StorageError.from_os(error, root) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    workspace = Workspace.at(root, home)
    _make_repository(workspace)
    return workspace


def _require_there(source: Path) -> None:
    try:
        source.stat()
    except FileNotFoundError:
        raise SourceError.missing(source) from None
    except (OSError, ValueError) as error:
        raise SourceError(
            f"source {source}: cannot be looked at ({getattr(error, 'strerror', None) or error})"
        ) from None


def refresh(workspace: Workspace) -> None:
    """Bring what is generated in a workspace up to date with the code: dvc.yaml, and a repository that was cut half-way."""
    if workspace.root == workspace.home:
        return
    if not (workspace.root / ".dvc" / "config").is_file() or not (workspace.root / ".git").exists():
        _make_repository(workspace)
    for missing in _missing_configuration(workspace):
        missing.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(workspace.home / missing.relative_to(workspace.root), missing)
    write_dvc_yaml(workspace)


def _missing_configuration(workspace: Workspace) -> list[Path]:
    """Files of configuration that the code has come to need since the workspace was made."""
    home = workspace.home / "configs"
    files = (workspace.root / "configs" / each.relative_to(home) for each in sorted(home.rglob("*.yaml")))
    return [each for each in files if not each.exists()]


def _existing(workspace: Workspace, source: Path, target: str | None) -> Workspace:
    said = getattr(workspace.params.ingest.source, "path", None)
    if said is not None and Path(said) != source:
        raise UsageError(
            f"workspace {workspace.name!r} belongs to {said}, not to {source}. Give this one another name: --name NAME"
        )
    predicted = [problem.task.target for problem in workspace.params.problems.values()]
    if target is not None and target not in predicted:
        raise UsageError(
            f"workspace {workspace.name!r} predicts {', '.join(predicted)}, not {target!r}. Add a problem to "
            f"{workspace.root / 'params.yaml'}, or give this one another name: --name NAME"
        )
    refresh(workspace)
    return workspace


def _fill(root: Path, source: Path, home: Path, name: str, target: str | None) -> None:
    root.mkdir(parents=True)
    (root / "params.yaml").write_text(_params_text(source, home, name, target), encoding="utf-8")
    shutil.copytree(home / "configs", root / "configs")
    (root / ".gitignore").write_text(GITIGNORE, encoding="utf-8")
    (root / ".dvcignore").write_text(".ostinato\n.git\n", encoding="utf-8")


def _params_text(source: Path, home: Path, name: str, target: str | None) -> str:
    """The default workspace's parameters, fitted to what the source holds."""
    from ostinato.catalog.describe import describe_source

    found = describe_source(source, target=target)
    value: dict[str, Any] = yaml.safe_load((home / "params.yaml").read_text(encoding="utf-8"))
    value["name"] = name
    kind = {"kind": "folder", "path": str(source)} if found.kind == "folder" else {
        "kind": "table", "path": str(source), "key": None}  # fmt: skip
    value["ingest"]["source"] = kind
    problem = value["problems"]["genre"]
    _fit_problem(problem, found)
    problem["register"]["purpose"] = f"Name the {target or 'label'} of a recording of {name}."
    called = "genre" if target in (None, "label") else name_for(Path(str(target)))
    header = (
        f"# Everything that changes a result of the workspace {name}. Made from {str(source)!r}; edit and run again.\n"
    )
    return header + yaml.safe_dump({**value, "problems": {called: problem}}, sort_keys=False, allow_unicode=True)


def _fit_problem(problem: dict[str, Any], found: SourceDescription) -> None:
    """Let the default problem predict what was asked for, from what the source has, split as it allows."""
    if "path" not in found.columns:
        problem["task"]["inputs"] = ["table"]
    if found.group:
        problem["split"] |= {"group": found.group}
    else:
        seed = problem["split"]["seed"]
        problem["split"] = {"kind": "stratified", "folds": _FOLDS, "test_share": 0.25, "seed": seed}
    if found.target is None:
        smallest = min(found.labels.values(), default=0)
        problem["split"]["folds"] = max(_MIN_FOLDS, min(_FOLDS, smallest - 1))
    else:
        problem["task"] |= {"target": found.target.column, "kind": found.target.kind}
        problem["evaluate"]["gates"]["better_than_dummy"] = 0.0  # in units that nobody has stated yet
    if found.target is not None and found.target.kind == "regression":
        problem["task"]["metric"] = "rmse"
        problem["evaluate"]["gates"]["max_calibration_error"] = None
    problem["evaluate"]["slices"] = []


def _make_repository(workspace: Workspace) -> None:
    root = workspace.root
    if not (root / ".git").exists():
        _git(root, "init", "--quiet", "--initial-branch=main")
    if not (root / ".dvc" / "config").is_file():
        dvc(workspace, "init", "--quiet", "--force")
        (root / ".dvc" / "config").write_text(DVC_CONFIG, encoding="utf-8")
    write_dvc_yaml(workspace)
    _git(root, "add", "--all")
    _git(
        root, "-c", "user.name=ostinato", "-c", "user.email=ostinato@localhost", "commit", "--quiet", "--allow-empty",
        "--message", f"Make the workspace {workspace.name}",
    )  # fmt: skip


def _git(root: Path, *words: str) -> None:
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StorageError(f"{root}: git {words[0]} failed: {done.stderr.strip()[:300]}")
