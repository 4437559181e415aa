"""Truncation: a recording that begins or ends in the middle of sound."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ostinato.audio.defects.chunk import Chunk, Samples, Setting
from ostinato.audio.defects.report import Defect, certainty, decibels, severity_of

_SILENT = 1e-4  # -80 dBFS: what lies outside of the sound
_FIRST, _AFTER, _LAST = 0.0003, 0.02, 0.01  # seconds
_LEAST_FIRST = 3  # samples
_CUT_DB = -24.0  # RMS of the last 10 ms against that of the recording; a linear fade of 0.1 s brings -25 dB
_START_DB = -22.0  # RMS of the first 0.3 ms against that of the recording
_STEADY_DB = -18.0  # and against that of the first 20 ms: an attack rises
_QUIETEST = 1e-3  # RMS of a recording with nothing to cut


class TruncationMonitor:
    """Hears sound that stops or starts without a decay or an attack.

    End: the last 10 ms that sound are within 24 dB of the recording's RMS, so a fade of less than about 0.1 s counts as a
    cut. Begin: the first 0.3 ms that sound are within 22 dB of it and within 18 dB of the 20 ms they open; the attack of a
    plucked string or a drum takes a millisecond or more to grow. Silence outside the cut makes no difference. An excerpt
    is truncated by this definition, and rightly.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._head: Samples | None = None
        self._head_at = 0
        self._tail: Samples = np.zeros((setting.channels, 0), np.float32)
        self._tail_end = 0
        self._energy, self._count = 0.0, 0

    def feed(self, chunk: Chunk) -> Iterator[Defect]:
        """Nothing before the end: how loud the recording is has to be known."""
        if float(chunk.peak.max()) > _SILENT:
            loud = np.flatnonzero(np.abs(chunk.y).max(axis=0) > _SILENT)
            first, last = int(loud[0]), int(loud[-1]) + 1
            if self._head is None:
                self._head, self._head_at = chunk.y[:, first:].copy(), chunk.start + first
            elif self._head.shape[1] < self._setting.samples(_AFTER):
                self._head = np.concatenate([self._head, chunk.y], axis=1)
            before = (
                self._tail[:, -self._setting.samples(_LAST) :] if self._tail_end == chunk.start else self._tail[:, :0]
            )
            self._tail, self._tail_end = np.concatenate([before, chunk.y[:, :last]], axis=1), chunk.start + last
            self._energy += float(chunk.power.max()) * chunk.y.shape[1]
            self._count += chunk.y.shape[1]
        return iter(())

    def finish(self) -> Iterator[Defect]:
        """The cuts at both ends."""
        if self._head is None or not self._count:
            return
        level, sr = float(np.sqrt(self._energy / self._count)), self._setting.sr
        if level < _QUIETEST:
            return
        first = _rms(self._head[:, : max(_LEAST_FIRST, self._setting.samples(_FIRST))])
        opening = _rms(self._head[:, : self._setting.samples(_AFTER)])
        rise, at = decibels(first / level), self._head_at / sr
        if (evidence := min(rise, decibels(first / max(opening, 1e-9)) + _START_DB - _STEADY_DB)) > _START_DB - 12:
            why = f"the first 0.3 ms stand {rise:+.0f} dB against the recording's RMS: no attack before them"
            yield self._defect(at, at + _FIRST, evidence, _START_DB, why)
        last = decibels(_rms(self._tail[:, -self._setting.samples(_LAST) :]) / level)
        if last > _CUT_DB - 12:
            end = self._tail_end / sr
            why = f"the last 10 ms stand {last:+.0f} dB against the recording's RMS: no decay"
            yield self._defect(max(0.0, end - _LAST), end, last, _CUT_DB, why)

    def _defect(self, start: float, end: float, evidence: float, threshold: float, why: str) -> Defect:
        sure = certainty(evidence, threshold, 3.0)
        return Defect(start, end, "truncation", None, sure, severity_of(evidence, -12.0, 0.0), why)


def _rms(y: Samples) -> float:
    """RMS of the loudest channel."""
    return float(np.sqrt(np.square(y, dtype=np.float64).mean(axis=1).max())) if y.shape[1] else 0.0
