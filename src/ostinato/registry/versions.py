"""Registered model versions as values, read from and written to MLflow's registry.

A version carries its semantic number, digest, approval and lineage as tags (aliases like `v1.0.0` are not allowed by MLflow);
`challenger` and `champion` are aliases. Everything here can be read in the MLflow UI.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlparse

from ostinato.core.errors import ArtefactError, RegistryError
from ostinato.registry.store import open_client

PREFIX = "ostinato."
CHALLENGER, CHAMPION = "challenger", "champion"
Approval = Literal["pending", "approved", "rejected"]


@dataclass(frozen=True)
class ModelVersion:
    """One registered version of a model."""

    name: str
    version: str  # semantic: 1.0.0
    number: str  # MLflow's own: 1
    digest: str  # of the artefact
    approval: Approval
    aliases: tuple[str, ...]
    run_id: str
    source: str
    tags: Mapping[str, str]

    @property
    def title(self) -> str:
        """Name and version for people."""
        return f"{self.name} {self.version}"


def versions(name: str, home: Path) -> list[ModelVersion]:
    """All versions of a model, oldest first; empty where there are none."""
    client = open_client(home)
    found = client.search_model_versions(f"name = '{_quoted(name)}'", max_results=1000)
    aliases = _aliases(client, name) if found else {}
    values = [_value(item, aliases) for item in found if PREFIX + "digest" in item.tags]
    return sorted(values, key=lambda v: int(v.number))


def find(name: str, home: Path, which: str | None = None) -> ModelVersion:
    """A version by semantic number or alias; by default the champion, or the challenger where there is none yet.

    Raises RegistryError with the versions there are.
    """
    known = versions(name, home)
    if not known:
        raise RegistryError(
            f"{name}: no such model is registered. `ostinato status` lists them; `ostinato run` makes one."
        )
    for wanted in (which,) if which else (CHAMPION, CHALLENGER):
        for version in reversed(known):
            if wanted == version.version or wanted in version.aliases:
                return version
    have = ", ".join(f"{v.version}{' (' + ', '.join(v.aliases) + ')' if v.aliases else ''}" for v in known[-8:])
    raise RegistryError(f"{name}: there is no version or alias {which or CHAMPION!r}. There is {have}.")


def fetch(version: ModelVersion, home: Path) -> Path:
    """The local folder of a version's artefact, downloaded where the store is remote; raises ArtefactError if it is gone."""
    client = open_client(home)
    uri = str(client.get_model_version_download_uri(version.name, version.number))
    parts = urlparse(uri)
    local = Path(unquote(parts.path) if parts.scheme else uri) if parts.scheme in ("", "file") else None
    folder = local or _downloaded(uri, version, home)
    found = sorted((folder / "data").glob("*/artefact.json"))
    if not found:
        raise ArtefactError(
            f"{version.title}: its artefact is not at {uri}. Register it again with `ostinato run`, or restore the store."
        )
    return found[0].parent


def _downloaded(uri: str, version: ModelVersion, home: Path) -> Path:
    from mlflow.artifacts import download_artifacts

    target = home / ".ostinato" / "cache" / "models" / version.digest
    if not any((target / "data").glob("*/artefact.json")):
        target.mkdir(parents=True, exist_ok=True)
        download_artifacts(artifact_uri=uri, dst_path=str(target), tracking_uri=open_client(home).tracking_uri)
    return target


def tag(version: ModelVersion, home: Path, **tags: str) -> None:
    """Write tags (without prefix) onto a version."""
    client = open_client(home)
    for key, value in tags.items():
        client.set_model_version_tag(version.name, version.number, PREFIX + key, value)


def set_alias(version: ModelVersion, home: Path, alias: str) -> None:
    """Point an alias at a version."""
    open_client(home).set_registered_model_alias(version.name, alias, version.number)


def drop_alias(name: str, home: Path, alias: str) -> None:
    """Remove an alias where it exists."""
    open_client(home).delete_registered_model_alias(name, alias)


def all_models(home: Path) -> list[str]:
    """Names of all registered models."""
    return sorted(model.name for model in open_client(home).search_registered_models(max_results=1000))


def next_version(known: list[ModelVersion], signature: str, data: str) -> str:
    """The semantic number of the next version: a new signature is major, new data minor, a refit patch."""
    if not known:
        return "1.0.0"
    last = max(known, key=lambda v: _parts(v.version))
    major, minor, patch = _parts(last.version)
    if last.tags.get(PREFIX + "signature") != signature:
        return f"{major + 1}.0.0"
    if last.tags.get(PREFIX + "data") != data:
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + 1}"


def _parts(version: str) -> tuple[int, int, int]:
    major, minor, patch = (int(part) for part in version.split("."))
    return major, minor, patch


def _aliases(client: Any, name: str) -> dict[str, list[str]]:
    by_number: dict[str, list[str]] = {}
    for alias, number in client.get_registered_model(name).aliases.items():
        by_number.setdefault(str(number), []).append(alias)
    return by_number


def _value(item: Any, aliases: Mapping[str, list[str]]) -> ModelVersion:
    tags = dict(item.tags)
    return ModelVersion(
        name=item.name,
        version=tags[PREFIX + "version"],
        number=str(item.version),
        digest=tags[PREFIX + "digest"],
        approval=tags.get(PREFIX + "approval", "pending"),
        aliases=tuple(sorted(aliases.get(str(item.version), []))),
        run_id=item.run_id or "",
        source=item.source or "",
        tags=tags,
    )


def _quoted(name: str) -> str:
    if "'" in name or "\\" in name:
        raise RegistryError(f"{name!r} is not a model's name; expected <workspace>.<problem>, such as demo.genre")
    return name
