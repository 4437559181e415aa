"""One tree of exceptions; each leaf is also the builtin that a caller would expect.

    OstinatoError
    ├── UsageError          ValueError          the command or the call was put wrongly (exit code 2)
    │   └── ParamsError                         params.yaml or a file under configs/ is wrong
    ├── SourceError         ValueError          a catalogue that cannot be learnt from
    ├── AudioError          ValueError          one file that is not the audio it says it is
    ├── QualityError        ValueError          a critical quality gate failed; the run stops
    ├── FeatureStoreError   ValueError          a feature store is damaged, newer than this, or refuses what is written
    ├── SplitError          ValueError          no honest split exists for this problem
    ├── SearchError         RuntimeError        no candidate model could be fitted
    ├── ArtefactError       ValueError          a model artefact is missing, torn, changed or refused by its envelope
    ├── RegistryError       LookupError         no such model, version or prediction
    ├── ApprovalError       PermissionError     policy refuses who asks or what is asked
    ├── BusyError           RuntimeError        a workspace or a port is in use
    ├── NotFittedError      ValueError, AttributeError    an estimator was asked before it learnt
    ├── StepError           RuntimeError        a step of the line failed in its own process
    ├── StorageError        OSError             the disk is full or read-only
    └── MissingExtraError   ImportError         an optional package is not installed

A message says what is wrong with which value, what was expected, and what to do.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path
from typing import Self

_MOST_FAULTS = 12
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EIO)
_SQLITE = (
    "database or disk is full",
    "attempt to write a readonly database",
    "unable to open database file",
    "disk I/O error",
)


def listed(faults: Sequence[str], most: int = _MOST_FAULTS) -> str:
    """Faults as indented lines, cut after `most` with the count of the rest.

    >>> print(listed(["a", "b", "c"], most=2))
      - a
      - b
      … and 1 more
    """
    lines = [f"  - {fault}" for fault in faults[:most]]
    if len(faults) > most:
        lines.append(f"  … and {len(faults) - most} more")
    return "\n".join(lines)


class OstinatoError(Exception):
    """Anything that Ostinato refuses or fails at for a reason it can name."""

    exit_code = 1


class UsageError(OstinatoError, ValueError):
    """The command or the call was put wrongly."""

    exit_code = 2


class ParamsError(UsageError):
    """`params.yaml` or a file under `configs/` is wrong."""

    @classmethod
    def in_file(cls, path: Path, faults: Sequence[str]) -> Self:
        """All faults of one file at once."""
        return cls(f"{path}: {len(faults)} fault{'s' * (len(faults) != 1)}\n{listed(faults)}")


class SourceError(OstinatoError, ValueError):
    """A catalogue that cannot be learnt from."""

    @classmethod
    def missing(cls, path: Path) -> Self:
        """The path of a source does not exist."""
        return cls(
            f"source {path}: there is no such folder. "
            "Expected a folder DIR/<label>/<file> or DIR/tracks.csv; check the path for typing errors."
        )


class AudioError(OstinatoError, ValueError):
    """One file that is not the audio it says it is."""

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class QualityError(OstinatoError, ValueError):
    """A critical quality gate failed; the run stops."""


class FeatureStoreError(OstinatoError, ValueError):
    """A feature store is damaged, newer than this release, or refuses what is written to it."""


class SplitError(OstinatoError, ValueError):
    """No honest split exists for this problem."""


class SearchError(OstinatoError, RuntimeError):
    """No candidate model could be fitted."""


class ArtefactError(OstinatoError, ValueError):
    """A model artefact is missing, torn, changed, or refused by its envelope."""


class RegistryError(OstinatoError, LookupError):
    """No such model, version or prediction."""


class ApprovalError(OstinatoError, PermissionError):
    """Policy refuses who asks or what is asked."""


class BusyError(OstinatoError, RuntimeError):
    """A workspace or a port is in use."""


class NotFittedError(OstinatoError, ValueError, AttributeError):
    """An estimator was asked before it learnt."""


class StepError(OstinatoError, RuntimeError):
    """A step of the line failed in its own process."""


class StorageError(OstinatoError, OSError):
    """The disk is full or read-only."""

    @classmethod
    def from_os(cls, error: OSError, path: Path | str | None = None) -> Self:
        """Words for the errno of a failed write."""
        where = path or error.filename or "the workspace"
        match error.errno:
            case errno.ENOSPC | errno.EDQUOT:
                what, todo = "no space is left", "free some space (`ostinato cache clear` empties the caches)"
            case errno.EROFS | errno.EACCES | errno.EPERM:
                what, todo = (
                    "it cannot be written to",
                    "check its permissions, or copy the workspace to a writable disk",
                )
            case errno.EFBIG:
                what, todo = "the file would be larger than this system allows", "raise the limit (`ulimit -f`)"
            case _:
                what, todo = error.strerror or str(error), "check the disk"
        return cls(f"{where}: {what}. What was already computed is kept; {todo} and run the same command again.")

    @classmethod
    def behind(cls, error: BaseException) -> Self | None:
        """The full or read-only disk that an error of any library tells of, itself or in what caused it; else None."""
        seen: BaseException | None = error
        while seen is not None:
            if isinstance(seen, cls):
                return seen
            if isinstance(seen, OSError) and seen.errno in _DISK:
                return cls.from_os(seen)
            if words := next((each for each in _SQLITE if each in str(seen)), None):
                return cls(
                    f"a database of the workspace cannot be written to: {words}. What was already computed is kept; "
                    "make room or mend the permissions, and run the same command again."
                )
            seen = seen.__cause__ or seen.__context__
        return None


class MissingExtraError(OstinatoError, ImportError):
    """An optional package is not installed."""

    @classmethod
    def named(cls, package: str, extra: str) -> Self:
        """The install line that brings `package`."""
        return cls(f"{package} is not installed. It comes with: pip install 'ostinato[{extra}]'")
