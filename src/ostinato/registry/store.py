"""Opening MLflow's store: sqlite and a folder by default, whatever the settings name otherwise."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ostinato.core.errors import RegistryError, StorageError
from ostinato.core.settings import settings

if TYPE_CHECKING:
    from mlflow import MlflowClient


def tracking_uri(home: Path) -> str:
    """The MLflow tracking URI of an installation."""
    return settings().mlflow_tracking_uri or f"sqlite:///{home / '.ostinato' / 'mlflow.db'}"


def artifact_root(home: Path) -> str:
    """Where MLflow keeps artefacts: a folder path or a URI such as s3://bucket/prefix."""
    return settings().mlflow_artifact_root or str(home / ".ostinato" / "artifacts")


def open_client(home: Path) -> MlflowClient:
    """A client of the installation's store; creates the sqlite file when it is not there.

    Raises RegistryError where the store is damaged or does not answer, StorageError where its disk is full or read-only.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    (home / ".ostinato").mkdir(parents=True, exist_ok=True)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    from mlflow import MlflowClient

    uri = tracking_uri(home)
    file = Path(uri.removeprefix("sqlite:///"))
    try:
        if uri.startswith("sqlite:///") and not file.exists():
            _make_sqlite(file)
        return MlflowClient(uri)
    except Exception as error:
        raise StorageError.behind(error) or _unusable(uri, error) from error


def _make_sqlite(file: Path) -> None:
    """Let MLflow make its tables in a file beside `file`, and move it there when they are whole.

    Its migrations of an empty database take seconds and are no transaction: one that is killed half-way cannot be opened again.
    """
    import psutil

    from mlflow import MlflowClient

    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        MlflowClient(f"sqlite:///{part}").search_experiments(max_results=1)
        part.replace(file)
    finally:
        for rest in file.parent.glob(f".{file.name}.*.part*"):
            pid = int(rest.name.removeprefix(f".{file.name}.").partition(".")[0])
            if pid == os.getpid() or not psutil.pid_exists(pid):
                rest.unlink(missing_ok=True)


def _unusable(uri: str, error: Exception) -> RegistryError:
    said = str(error).partition("\n")[0]
    mend = (
        "Restore that file from a copy, or move it away: `ostinato run` then registers anew the models that stand in data/."
        if uri.startswith("sqlite:")
        else "Check the server and OSTINATO_MLFLOW_TRACKING_URI, and run the same command again."
    )
    return RegistryError(f"{uri}: the model registry cannot be opened ({said}). Nothing was changed. {mend}")


def experiment_id(client: MlflowClient, home: Path, name: str) -> str:
    """The id of the experiment `name`, made on first use with its own artefact folder."""
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    root = artifact_root(home)
    if tracking_uri(home).startswith("http") and settings().mlflow_artifact_root is None:
        return str(client.create_experiment(name))  # a server decides itself where artefacts lie
    location = f"{root.rstrip('/')}/{name}" if "://" in root else (Path(root) / name).as_uri()
    return str(client.create_experiment(name, artifact_location=location))
