"""Channels: one turned upside down, one missing, or two that are the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ostinato.audio.defects.chunk import Chunk, Setting
from ostinato.audio.defects.report import Defect, certainty, decibels, severity_of

_LOW_HZ = 300  # below it, channels of a stereo recording move together: wavelengths beyond 1 m, bass in the middle
_INVERTED = 0.35  # mean of the two negated correlations
_LEAST_INVERTED, _LEAST_MISSING = 2.0, 1.0  # seconds
_MISSING_DB = -50.0  # a channel against the loudest
_ABSENT = 1e-4  # peak of a channel with nothing in it, -80 dBFS
_AUDIBLE = 3e-3  # RMS of the loudest channel where one may be missed: -50 dBFS
_SAME = 1e-4  # difference of identical channels, against their peak
_STEREO = 2


@dataclass
class _Pair:
    """Sums over the present run of negative correlation."""

    start: int = -1
    end: int = 0
    sums: np.ndarray = field(default_factory=lambda: np.zeros(6))


class InversionMonitor:
    """Hears two neighbouring channels (0 and 1, 2 and 3, …) of which one has the wrong sign, for 2 s or more.

    The correlation of left and right, and that below 300 Hz, where spaced microphones and mixes agree, are averaged: a
    wide stereo image has about 0, mono in both with one sign turned has -1. From -0.35 down on it is a defect; hard-panned
    instruments with nothing in common have no sign to judge by.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._pairs = [_Pair() for _ in range(setting.channels // 2)]
        self._step = max(1, setting.sr // (2 * _LOW_HZ))
        self._end = 0

    def feed(self, chunk: Chunk) -> Iterator[Defect]:
        """Inversions that ended."""
        self._end = chunk.end
        for k, pair in enumerate(self._pairs):
            if float(chunk.power[2 * k : 2 * k + 2].min()) < _ABSENT**2:
                continue
            sums = self._sums(chunk.y[2 * k : 2 * k + 2])
            if _evidence(sums) > 0:
                if pair.start < 0:
                    pair.start, pair.sums = chunk.start, np.zeros(6)
                pair.sums += sums
                pair.end = chunk.end
            elif pair.start >= 0 and _evidence(pair.sums + 2 * sums) < _INVERTED / 2:
                yield from self._closed(k, pair)

    def finish(self) -> Iterator[Defect]:
        """Inversions that last to the end."""
        for k, pair in enumerate(self._pairs):
            yield from self._closed(k, pair)

    def _sums(self, y: np.ndarray) -> np.ndarray:
        whole = y.shape[1] // self._step * self._step
        low = y[:, :whole].reshape(2, -1, self._step).mean(axis=2)
        return np.array(
            [a @ b for part in (y, low) for a, b in ((part[0], part[1]), (part[0], part[0]), (part[1], part[1]))]
        )

    def _closed(self, k: int, pair: _Pair) -> Iterator[Defect]:
        start, pair.start = pair.start, -1
        seconds = (pair.end - start) / self._setting.sr
        if start < 0 or pair.end - start < min(self._setting.samples(_LEAST_INVERTED), self._end):
            return
        evidence, sr = _evidence(pair.sums), self._setting.sr
        full, low = _correlation(pair.sums[:3]), _correlation(pair.sums[3:])
        why = (
            f"channels {2 * k} and {2 * k + 1} correlate by {full:+.2f}, and by {low:+.2f} below {_LOW_HZ} Hz, "
            f"for {seconds:.1f} s"
        )
        sure = certainty(evidence, _INVERTED, 0.06)
        yield Defect(start / sr, pair.end / sr, "inverted_channel", 2 * k + 1, sure, severity_of(-full, 0.3, 0.7), why)


class MissingMonitor:
    """Hears a channel that holds nothing while another sounds: 1 s or more of it, or the whole recording.

    Nothing means 50 dB below the loudest channel or -80 dBFS; with more than two channels only the latter, since effects and
    surround channels rest by design. Two channels that are the same to 1e-4 of their peak are `dual_mono`: no fault to
    hear, but sold as stereo.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._since = [-1] * setting.channels
        self._until = [0] * setting.channels
        self._energy = np.zeros((setting.channels, 2))
        self._same = [True] * (setting.channels // 2)
        self._heard, self._end = 0, 0

    def feed(self, chunk: Chunk) -> Iterator[Defect]:
        """Channels that came back."""
        self._end = chunk.end
        loudest = float(chunk.power.max())
        if self._setting.channels < _STEREO or loudest < _AUDIBLE**2:
            return
        self._heard += 1
        self._compare(chunk)
        floor = 10 ** (_MISSING_DB / 10) * loudest if self._setting.channels == _STEREO else 0.0
        for channel in range(self._setting.channels):
            absent = float(chunk.power[channel]) <= floor or float(chunk.peak[channel]) <= _ABSENT
            if absent:
                if self._since[channel] < 0:
                    self._since[channel], self._energy[channel] = chunk.start, 0.0
                self._until[channel] = chunk.end
                self._energy[channel] += chunk.power[channel], loudest
            elif self._since[channel] >= 0:
                yield from self._closed(channel)

    def finish(self) -> Iterator[Defect]:
        """Channels that did not come back, and pairs that were the same throughout."""
        for channel in range(self._setting.channels):
            yield from self._closed(channel)
        if self._heard:
            for k, same in enumerate(self._same):
                if same:
                    why = f"channels {2 * k} and {2 * k + 1} hold the same samples: mono in two channels"
                    yield Defect(0.0, self._end / self._setting.sr, "dual_mono", None, 1.0, "low", why)

    def _compare(self, chunk: Chunk) -> None:
        for k, same in enumerate(self._same):
            if same:
                peak = float(chunk.peak[2 * k : 2 * k + 2].max())
                difference = float(np.abs(chunk.y[2 * k] - chunk.y[2 * k + 1]).max())
                self._same[k] = peak > _ABSENT and difference <= _SAME * peak

    def _closed(self, channel: int) -> Iterator[Defect]:
        start, self._since[channel] = self._since[channel], -1
        end, sr = self._until[channel], self._setting.sr
        if start < 0 or end - start < min(self._setting.samples(_LEAST_MISSING), self._end):
            return
        own, loudest = self._energy[channel]
        below = decibels(float(np.sqrt(own / loudest)))
        why = f"channel {channel} lies {-below:.0f} dB below the loudest for {(end - start) / sr:.1f} s"
        sure = certainty(-below, -_MISSING_DB - 3, 3.0)
        share = (end - start) / max(self._end, 1)
        yield Defect(start / sr, end / sr, "missing_channel", channel, sure, severity_of(share, 0.05, 0.5), why)


def _correlation(sums: np.ndarray) -> float:
    return float(sums[0] / np.sqrt(max(sums[1] * sums[2], 1e-30)))


def _evidence(sums: np.ndarray) -> float:
    return -(_correlation(sums[:3]) + _correlation(sums[3:])) / 2
