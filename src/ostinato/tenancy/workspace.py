"""A workspace is a folder with `params.yaml`, `dvc.yaml` and `data/`; this module knows its identity and its paths.

The repository root is the default workspace. A source of one's own gets `workspaces/<name>/`, a git and DVC repository of
its own. MLflow's store belongs to the installation (`home`), where names keep workspaces apart: `<name>.<problem>`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ostinato.core.errors import ParamsError, RegistryError, UsageError
from ostinato.core.params import Params, load_params
from ostinato.core.settings import settings


def find_home(start: Path | None = None) -> Path:
    """The installation's root: `OSTINATO_HOME`, or the nearest folder upwards with `params.yaml` that no other home holds."""
    if (said := settings().home) is not None:
        return said.expanduser().resolve()
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "params.yaml").is_file():
            return folder.parent.parent if folder.parent.name == "workspaces" else folder
    raise UsageError(
        f"{here}: no params.yaml here or above. Run from the repository, or set OSTINATO_HOME to its path."
    )


@dataclass(frozen=True)
class Workspace:
    """One workspace of an installation."""

    root: Path
    home: Path

    @classmethod
    def at(cls, root: Path, home: Path | None = None) -> Workspace:
        """The workspace whose root is `root`."""
        root = root.resolve()
        if not (root / "params.yaml").is_file():
            raise UsageError(f"{root}: not a workspace, for it has no params.yaml. Make one: ostinato run --source DIR")
        return cls(root, home or find_home(root))

    @classmethod
    def current(cls) -> Workspace:
        """The workspace of the working directory, or the default one of the installation."""
        here = Path.cwd().resolve()
        for folder in (here, *here.parents):
            if (folder / "params.yaml").is_file():
                return cls.at(folder)
        return cls.at(find_home())

    @classmethod
    def of_model(cls, model: str, home: Path | None = None) -> tuple[Workspace, str]:
        """The workspace and the problem that a model's name `<workspace>.<problem>` speaks of."""
        home = home or find_home()
        name, dot, problem = model.partition(".")
        if not dot or not name or not problem:
            raise UsageError(f"{model!r} is not a model's name; expected <workspace>.<problem>, such as demo.genre")
        known = {}
        for workspace in all_workspaces(home):
            try:
                known[workspace.name] = workspace
            except ParamsError:  # another workspace's fault is no reason to refuse this one
                if workspace.root.name == name:
                    raise
        if name not in known:
            raise RegistryError(
                f"{model}: there is no workspace {name!r} here (known: {', '.join(sorted(known)) or 'none'})"
            )
        return known[name], problem

    @cached_property
    def params(self) -> Params:
        """The checked `params.yaml`; raises ParamsError."""
        return load_params(self.root / "params.yaml")

    @cached_property
    def name(self) -> str:
        """The workspace's name, which prefixes its models."""
        return self.params.name

    @property
    def state(self) -> Path:
        """What this machine remembers of the workspace: caches, records, predictions; never versioned."""
        return self.root / ".ostinato"

    @property
    def data(self) -> Path:
        """What DVC tracks."""
        return self.root / "data"

    @property
    def configs(self) -> Path:
        """The workspace's configuration files."""
        return self.root / "configs"

    def model_name(self, problem: str) -> str:
        """The registered name of a problem's model."""
        return f"{self.name}.{problem}"


def all_workspaces(home: Path) -> list[Workspace]:
    """Every workspace of an installation, the default one first."""
    roots = [home, *sorted(p for p in (home / "workspaces").glob("*") if p.is_dir())]
    return [Workspace(root, home) for root in roots if (root / "params.yaml").is_file()]
