"""What all tests share: a seeded generator, a quiet environment, homes in temporary folders, servers where there are some."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings as hypothesis_settings

from tests.flow.installation import Installation

# a slow machine is no fault of an example, and CI has to say the same thing twice
hypothesis_settings.register_profile("ostinato", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis_settings.load_profile("ostinato")


REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = REPOSITORY.parent / "shared" / "data"


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No telemetry, no settings of the person who runs the tests."""
    from ostinato.core.settings import settings

    for name in list(os.environ):
        if name.startswith(("OSTINATO_", "PREFECT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation of its own: the repository's parameters and configuration, nothing run yet."""
    root = tmp_path / "home"
    root.mkdir()
    shutil.copy(REPOSITORY / "params.yaml", root)
    shutil.copytree(REPOSITORY / "configs", root / "configs")
    monkeypatch.setenv("OSTINATO_HOME", str(root))
    monkeypatch.chdir(root)
    return root


def server(name: str, port: int) -> None:
    """Skip the test, by the server's name, where none listens; where one does, the test runs and its failure counts."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            return
    pytest.skip(f"no {name} on 127.0.0.1:{port}")


@pytest.fixture
def postgres() -> str:
    server("PostgreSQL", 5432)
    return "postgresql+psycopg2://postgres@127.0.0.1:5432"


@pytest.fixture
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("no shared data beside the checkout")
    return SHARED


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation on which the line has run once, by the command; shared, so change only what you put back."""
    made = Installation.make(tmp_path_factory.mktemp("finished") / "home")
    made.ostinato("run")
    made.commit("Train")
    return made


@pytest.fixture
def installation(finished: Installation, tmp_path: Path) -> Installation:
    """A copy of the finished installation that a test may change as it likes."""
    root = tmp_path / "home"
    shutil.copytree(finished.root, root, symlinks=True)
    return Installation(root)
