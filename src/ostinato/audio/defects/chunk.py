"""The pieces in which all monitors hear a recording: equal, whatever the blocks in which it arrives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ostinato.audio.defects.report import Defect

Samples = npt.NDArray[np.float32]
CHUNK_SECONDS = 0.25


@dataclass(frozen=True)
class Setting:
    """What every monitor is told once: Hz, and the number of channels."""

    sr: int
    channels: int

    def samples(self, seconds: float) -> int:
        """`seconds` in samples, at least one."""
        return max(1, int(seconds * self.sr + 0.5))


@dataclass(frozen=True)
class Chunk:
    """`y` `(channels, n)`, contiguous, whose first sample is number `start` of the recording."""

    y: Samples
    start: int

    @property
    def end(self) -> int:
        """Number of the first sample after it."""
        return self.start + int(self.y.shape[1])

    @cached_property
    def peak(self) -> npt.NDArray[np.float32]:
        """Largest magnitude of each channel, `(channels,)`."""
        peak: npt.NDArray[np.float32] = np.maximum(self.y.max(axis=1), -self.y.min(axis=1))
        return peak

    @cached_property
    def power(self) -> npt.NDArray[np.float64]:
        """Mean square of each channel, `(channels,)`."""
        power: npt.NDArray[np.float64] = np.einsum("cn,cn->c", self.y, self.y).astype(np.float64) / self.y.shape[1]
        return power


class Monitor(Protocol):
    """One that listens for one kind of defect; it is told all chunks in order, then that there are no more."""

    def feed(self, chunk: Chunk) -> Iterable[Defect]:
        """Defects whose extent this chunk made known."""
        ...

    def finish(self) -> Iterable[Defect]:
        """Defects that last to the end, and those that only the whole recording shows."""
        ...


def runs(mask: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Begins and ends (exclusive) of the runs of True.

    >>> [list(map(int, each)) for each in runs(np.array([False, True, True, False, True]))]
    [[1, 4], [3, 5]]
    """
    padded = np.zeros(len(mask) + 2, dtype=np.int8)
    padded[1:-1] = mask
    steps = np.diff(padded)
    return np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
