"""A folder of music: `DIR/<label>/<file>`, where the first folder below DIR is the label."""

from __future__ import annotations

import itertools
import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ostinato.core.errors import SourceError

SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".au", ".opus"})


@dataclass(frozen=True)
class Found:
    """One audio file of a folder; `label` is None where it lies in no sub-folder."""

    path: Path
    track_id: str
    label: str | None


@dataclass(frozen=True)
class Listing:
    """The audio files of a folder by track_id, and what was passed over."""

    files: tuple[Found, ...]
    ignored: int = 0  # files with other suffixes
    faults: tuple[str, ...] = field(default=())  # folders that could not be read

    def labels(self) -> dict[str, int]:
        """How many files each label has, by name."""
        counts: dict[str, int] = {}
        for found in self.files:
            if found.label is not None:
                counts[found.label] = counts.get(found.label, 0) + 1
        return dict(sorted(counts.items()))


def list_audio(root: Path) -> Listing:
    """Every audio file below `root`, whatever its depth; hidden ones are left out, links are followed once.

    Names are compared in Unicode's composed form, so that one label spelt in two forms is one label. Raises
    SourceError where `root` is missing, no folder, or holds no audio file.
    """
    require_folder(root)
    walk = _Walk(root)
    paths = sorted(walk.files(root))
    if not paths:
        raise SourceError(_nothing_found(root, walk))
    taken: set[str] = set()
    found = []
    for path in paths:
        relative = path.relative_to(root)
        name = key = readable_name(relative.as_posix())
        for number in itertools.count(2):  # names that differ on the disk alone stay two tracks
            if key not in taken:
                break
            key = f"{name}#{number}"
        taken.add(key)
        label = readable_name(relative.parts[0]) if len(relative.parts) > 1 else None
        found.append(Found(path, key, label))
    found.sort(key=lambda each: each.track_id)
    return Listing(tuple(found), walk.ignored, tuple(walk.faults))


def require_folder(root: Path) -> None:
    """Raise SourceError unless `root` is a folder that can be listed."""
    if not root.exists():
        raise SourceError.missing(root)
    if not root.is_dir():
        raise SourceError(
            f"source {root}: it is a file, not a folder. Expected a folder DIR/<label>/<file> or DIR/tracks.csv"
        )
    try:
        with os.scandir(root) as entries:
            next(entries, None)
    except OSError as error:
        raise SourceError(f"source {root}: cannot be listed ({error.strerror}); check its permissions") from None


def readable_name(name: str) -> str:
    """A file's name as text: composed form (NFC), bytes that are no UTF-8 replaced.

    >>> readable_name("Cafe\\u0301") == "Caf\\u00e9"
    True
    """
    return unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", errors="replace"))


def _nothing_found(root: Path, walk: _Walk) -> str:
    faults = f"; {len(walk.faults)} folders could not be read, first {walk.faults[0]}" if walk.faults else ""
    others = f" ({walk.ignored} other files are there)" if walk.ignored else ""
    return (
        f"source {root}: no audio file in it{others}{faults}. "
        f"Expected DIR/<label>/<file> with one of {', '.join(sorted(SUFFIXES))}, or DIR/tracks.csv"
    )


class _Walk:
    """One walk over a folder: counts what it passes over, and enters no folder twice."""

    def __init__(self, root: Path) -> None:
        self.ignored = 0
        self.faults: list[str] = []
        self._entered = {_identity(root)}

    def files(self, folder: Path) -> Iterator[Path]:
        try:
            with os.scandir(folder) as listing:
                # real folders before links to them, so that a file is known by its own name
                entries = sorted(listing, key=lambda entry: (entry.is_symlink(), entry.name))
        except OSError as error:
            self.faults.append(f"{readable_name(str(folder))}: {error.strerror}")
            return
        for entry in entries:
            if entry.name.startswith("."):
                continue
            path = Path(entry.path)
            if path.is_dir():
                if self._enter(path):
                    yield from self.files(path)
            elif path.suffix.lower() in SUFFIXES:
                yield path
            else:
                self.ignored += 1

    def _enter(self, folder: Path) -> bool:
        try:
            identity = _identity(folder)
        except OSError as error:
            self.faults.append(f"{readable_name(str(folder))}: {error.strerror}")
            return False
        new = identity not in self._entered
        self._entered.add(identity)
        return new


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino
