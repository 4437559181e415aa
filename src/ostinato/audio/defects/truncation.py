"""Truncation: a recording that begins or ends in the middle of sound."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ostinato.audio.defects.chunk import Chunk, Samples, Setting
from ostinato.audio.defects.report import Defect, certainty, decibels, severity_of

_SILENT = 1e-4  # -80 dBFS: what lies outside of the sound
_FIRST, _AFTER, _LAST = 0.0005, 0.02, 0.01  # seconds
_LEAST_FIRST = 3  # samples
_CUT_DB = -20.0  # RMS of the last 10 ms against that of the recording; a linear fade of 0.06 s brings -20 dB
_LEVEL_DB, _MOVES_DB = -20.0, -13.0  # the first 0.5 ms against the recording: RMS, and steps from sample to sample
_OPENING_DB = -15.0, -9.0  # and against the first 20 ms: an attack rises
_FAINT_DB = -30.0  # RMS of the first 0.5 ms against that of the recording: below, it is a room's noise that begins
_QUIETEST = 1e-3  # RMS of a recording with nothing to cut


class TruncationMonitor:
    """Hears sound that stops or starts without a decay or an attack.

    End: the last 10 ms that sound are within 20 dB of the recording's RMS, so a fade of less than about 0.06 s counts as a
    cut. Begin: the first 0.5 ms that sound are within 20 dB of the recording's RMS and within 15 dB of the 20 ms they
    open; or, as low notes cross zero, their steps from sample to sample, the step out of silence among them, are within
    13 dB of the recording's and within 9 dB of those of the 20 ms. The attack of a plucked string or a drum takes a
    millisecond or more to grow. Silence outside the cut makes no difference. An excerpt is truncated by
    this definition, and rightly.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._head: Samples | None = None
        self._head_at = 0
        self._tail: Samples = np.zeros((setting.channels, 0), np.float32)
        self._tail_end = 0
        self._energy, self._moves, self._count = 0.0, 0.0, 0

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
            self._moves += float(np.square(np.diff(chunk.y, axis=1)).sum(axis=1).max())
            self._count += chunk.y.shape[1]
        return iter(())

    def finish(self) -> Iterator[Defect]:
        """The cuts at both ends."""
        if self._head is None or not self._count:
            return
        level, sr = float(np.sqrt(self._energy / self._count)), self._setting.sr
        if level < _QUIETEST:
            return
        yield from self._begin(level)
        last = decibels(_rms(self._tail[:, -self._setting.samples(_LAST) :]) / level)
        if last > _CUT_DB - 12:
            end = self._tail_end / sr
            why = f"the last 10 ms stand {last:+.0f} dB against the recording's RMS: no decay"
            yield self._defect(max(0.0, end - _LAST), end, last, _CUT_DB, why)

    def _begin(self, level: float) -> Iterator[Defect]:
        """The cut at the begin of a recording of RMS `level`."""
        if self._head is None:
            return
        count, at = max(_LEAST_FIRST, self._setting.samples(_FIRST)), self._head_at / self._setting.sr
        opening = self._head[:, : max(count, self._setting.samples(_AFTER))]
        rise = decibels(_rms(opening[:, :count]) / level)
        if rise < _FAINT_DB:
            return
        moves = np.diff(opening, axis=1, prepend=0)
        steps = decibels(_rms(moves[:, :count]) / max(float(np.sqrt(self._moves / self._count)), 1e-9))
        sides = (opening, rise - _LEVEL_DB, _OPENING_DB[0]), (moves, steps - _MOVES_DB, _OPENING_DB[1])
        evidence = max(
            min(beyond, decibels(_rms(y[:, :count]) / max(_rms(y), 1e-9)) - limit) for y, beyond, limit in sides
        )
        if evidence > -12:  # noqa: PLR2004 - dB below which nothing is worth a confidence
            why = (
                f"the first 0.5 ms stand {rise:+.0f} dB against the recording's RMS and their steps {steps:+.0f} dB "
                "against its steps: no attack before them"
            )
            yield self._defect(at, at + _FIRST, evidence + _CUT_DB, _CUT_DB, why)

    def _defect(self, start: float, end: float, evidence: float, threshold: float, why: str) -> Defect:
        sure = certainty(evidence, threshold, 3.0)
        return Defect(start, end, "truncation", None, sure, severity_of(evidence, -12.0, 0.0), why)


def _rms(y: Samples) -> float:
    """RMS of the loudest channel."""
    return float(np.sqrt(np.square(y, dtype=np.float64).mean(axis=1).max())) if y.shape[1] else 0.0
