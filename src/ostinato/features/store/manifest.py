"""What belongs to a view: one JSON file that is replaced whole, so that a write has happened or has not."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from ostinato.core.errors import FeatureStoreError
from ostinato.core.files import replacing
from ostinato.core.hashing import sha256_of_value
from ostinato.features.store.view import VERSION_DIGITS, FeatureView

FORMAT = 1  # of the store's files; a reader refuses what is newer
FILE = "manifest.json"


@dataclass(frozen=True)
class Part:
    """One Parquet file: a slice of time of one write, sorted by entity and moment. Moments are microseconds, both ends included."""

    path: str
    rows: int
    sha256: str
    event_from: int
    event_to: int
    created_from: int
    created_to: int
    writes: tuple[int, int]


@dataclass(frozen=True)
class Write:
    """One write: where its values came from and what it holds.

    `number` counts the writes of a view; `version` is the view's (schema and code), `data_version` that of everything written up
    to and with this. `sources` names files by path with the SHA-256 they had, `files` the Parquet files as they were written with
    their rows (a compaction merges them). `replaced` rows were twins of later ones, `ignored` columns are none of the view's.
    `repeated`: the same rows were there already.
    """

    number: int
    version: str
    digest: str
    data_version: str
    written_at: int
    rows: int
    event_from: int
    event_to: int
    created_from: int
    created_to: int
    sources: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, int] = field(default_factory=dict)
    replaced: int = 0
    ignored: tuple[str, ...] = ()
    repeated: bool = False


@dataclass(frozen=True)
class Manifest:
    """A view as registered, its earlier versions, and the writes and parts of all of them."""

    view: FeatureView
    views: Mapping[str, FeatureView]
    writes: tuple[Write, ...] = ()
    parts: Mapping[str, tuple[Part, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, view: FeatureView) -> Self:
        """A view without rows."""
        return cls(view, {view.version: view})

    @property
    def version(self) -> str:
        """The version of the view in force."""
        return self.view.version

    def writes_of(self, version: str) -> list[Write]:
        """The writes of one version of the view, in their order."""
        return [write for write in self.writes if write.version == version]

    def data_version(self, version: str, digest: str) -> str:
        """The version of the data after a write of these rows: each names all before it."""
        before = self.writes_of(version)
        tail = sha256_of_value([before[-1].data_version if before else "", digest])[:VERSION_DIGITS]
        return f"{version}.{tail}"

    def with_view(self, view: FeatureView) -> Self:
        """The same with this definition in force."""
        return replace(self, view=view, views={**self.views, view.version: view})

    def with_write(self, write: Write, parts: tuple[Part, ...]) -> Self:
        """The same with one write more."""
        held = {**self.parts, write.version: (*self.parts.get(write.version, ()), *parts)}
        return replace(self, writes=(*self.writes, write), parts=held)

    def save(self, folder: Path) -> None:
        """Replace the manifest on disk, durably: its parts must be there already."""
        said = {
            "format": FORMAT,
            "view": self.view.version,
            "views": {version: view.to_dict() for version, view in self.views.items()},
            "writes": [asdict(write) for write in self.writes],
            "parts": {version: [asdict(part) for part in parts] for version, parts in self.parts.items()},
        }
        with replacing(folder / FILE) as part:
            part.write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8")
            sync(part)
        sync(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The manifest of a view's folder; raises FeatureStoreError where it is damaged or newer than this release."""
        path = folder / FILE
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            refuse_newer(path, said["format"])
            views = {version: FeatureView.from_dict(each) for version, each in said["views"].items()}
            return cls(
                views[said["view"]],
                views,
                tuple(Write(**{**each, "ignored": tuple(each["ignored"])}) for each in said["writes"]),
                {
                    version: tuple(Part(**{**each, "writes": tuple(each["writes"])}) for each in parts)
                    for version, parts in said["parts"].items()
                },
            )
        except (ValueError, KeyError, TypeError) as error:
            if isinstance(error, FeatureStoreError):
                raise
            raise FeatureStoreError(
                f"{path} is damaged ({type(error).__name__}: {error}). It names what belongs to the view; "
                "restore this one file from a backup, the Parquet files beside it are not touched."
            ) from error


def refuse_newer(path: Path, format_: Any) -> None:
    """Raise where a file was written by a newer release."""
    if not isinstance(format_, int) or format_ > FORMAT:
        raise FeatureStoreError(
            f"{path} was written by a newer release: it is of format {format_!r}, and this one reads up to {FORMAT}. "
            "Upgrade ostinato; nothing was changed."
        )


def sync(path: Path) -> None:
    """Wait until a file or the names in a folder are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def differs(known: FeatureView, given: FeatureView) -> str:
    """In words, how a definition differs from the one in force, and what to do."""
    old, new = dict(known.features), dict(given.features)
    changes = [f"feature {name!r} is new" for name in new.keys() - old.keys()]
    changes += [f"feature {name!r} is gone" for name in old.keys() - new.keys()]
    changes += [f"feature {n!r} was {old[n]} and is {new[n]}" for n in old.keys() & new.keys() if old[n] != new[n]]
    if known.code != given.code:
        changes.append(f"its code was {known.code!r} and is {given.code!r}")
    if (known.entity, known.entity_types) != (given.entity, given.entity_types):
        changes.append("its entity differs")
    return (
        f"view {known.name!r} is registered as version {known.version}, and this is version {given.version}: "
        f"{'; '.join(sorted(changes)) or 'the order of its features differs'}. "
        "Call register(view) to begin the new version, then write its rows; those of the old version stay readable by `pinned`."
    )
