from pathlib import Path

import pytest
import yaml

from ostinato.core.errors import ParamsError, RegistryError, UsageError
from ostinato.tenancy.workspace import Workspace, all_workspaces, find_home


def make(home: Path, name: str) -> Path:
    root = home / "workspaces" / name
    root.mkdir(parents=True)
    value = yaml.safe_load((home / "params.yaml").read_text()) | {"name": name}
    (root / "params.yaml").write_text(yaml.safe_dump(value))
    return root


def test_a_model_is_found_by_its_workspace(home: Path):
    make(home, "mine")
    workspace, problem = Workspace.of_model("mine.genre")
    assert (workspace.root.name, problem) == ("mine", "genre")
    assert Workspace.of_model("demo.genre")[0].root == home
    assert [w.name for w in all_workspaces(home)] == ["demo", "mine"]


def test_one_broken_workspace_is_its_own_trouble(home: Path):
    make(home, "mine")
    (make(home, "broken") / "params.yaml").write_text("name: [")
    assert Workspace.of_model("mine.genre")[0].name == "mine"
    with pytest.raises(ParamsError, match="broken"):
        Workspace.of_model("broken.genre")


@pytest.mark.parametrize("name", ["demo", ".genre", "demo.", "", "../x.genre"])
def test_what_is_no_model_is_said(home: Path, name: str):
    with pytest.raises((UsageError, RegistryError)):
        Workspace.of_model(name)


def test_home_is_the_repository_from_anywhere_below(home: Path, monkeypatch: pytest.MonkeyPatch):
    from ostinato.core.settings import settings

    monkeypatch.delenv("OSTINATO_HOME")
    settings.cache_clear()
    below = make(home, "mine") / "data" / "raw"
    below.mkdir(parents=True)
    assert find_home(below) == home
    with pytest.raises(UsageError, match="OSTINATO_HOME"):
        find_home(home.parent)
