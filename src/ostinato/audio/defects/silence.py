"""Silence: nothing to hear before, within or after the sound, or at all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ostinato.audio.defects.chunk import Chunk, Setting
from ostinato.audio.defects.report import Defect, Severity, certainty, severity_of

_BLOCK = 64  # samples; the resolution of begin and end
_STILL = 2e-4  # most that samples of a block differ: -80 dBFS up and down, below the dither of 16 bits twice over
LEADING, INSIDE, TRAILING = 1.0, 1.0, 2.0  # seconds; a second of room before the end is customary


class SilenceMonitor:
    """Hears stretches in which no channel moves by more than -80 dBFS around its offset.

    From 1 s on at the begin and within, from 2 s on at the end; or the whole recording, however short. Noise of a room,
    a tape or a microphone lies above -80 dBFS and is no silence.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._since = 0  # first sample of the present silence
        self._heard = False
        self._end = 0

    def feed(self, chunk: Chunk) -> Iterator[Defect]:
        """Silences that sound ended."""
        self._end = chunk.end
        loud = np.flatnonzero(_moves(chunk) > _STILL)
        if not len(loud):
            return
        places = np.concatenate([[self._since], chunk.start + (loud + 1) * _BLOCK])
        begins, ends = places[:-1], chunk.start + loud * _BLOCK
        least = self._setting.samples(INSIDE if self._heard else LEADING)
        for k in np.flatnonzero(ends - begins >= least):
            yield self._defect(int(begins[k]), int(ends[k]), "within the sound" if self._heard else "before the sound")
        self._heard, self._since = True, int(min(places[-1], chunk.end))

    def finish(self) -> Iterator[Defect]:
        """The silence at the end, or the recording that is all silence."""
        length = self._end - self._since
        if not self._end:
            return
        if not self._heard:
            yield self._defect(0, self._end, "from begin to end: nothing sounds", "high")
        elif length >= self._setting.samples(TRAILING):
            yield self._defect(self._since, self._end, "after the sound")

    def _defect(self, begin: int, end: int, where: str, severity: Severity | None = None) -> Defect:
        sr = self._setting.sr
        seconds = (end - begin) / sr
        sure = 1.0 if severity else certainty(float(np.log2(seconds / LEADING)), -0.5, 0.4)
        why = f"{seconds:.2f} s below -80 dBFS {where}"
        return Defect(begin / sr, end / sr, "silence", None, sure, severity or severity_of(seconds, 2.0, 10.0), why)


def _moves(chunk: Chunk) -> np.ndarray:
    """How far samples of each block differ, the most of all channels."""
    channels, n = chunk.y.shape
    whole = n // _BLOCK
    blocks = chunk.y[:, : whole * _BLOCK].reshape(channels, whole, _BLOCK)
    moves = (blocks.max(axis=2) - blocks.min(axis=2)).max(axis=0)
    rest = chunk.y[:, whole * _BLOCK :]
    return np.append(moves, np.ptp(rest, axis=1).max()) if rest.shape[1] else moves
