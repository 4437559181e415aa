"""Hum: the mains' 50 or 60 Hz and its harmonics, standing still under the sound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ostinato.audio.defects.chunk import Chunk, Setting
from ostinato.audio.defects.report import Defect, certainty, decibels, severity_of

_MAINS = (50.0, 60.0)
_HARMONICS = 6
_DRIFT = 0.3  # Hz; grids keep within 0.2 Hz, tape and converters add a little (ENTSO-E: 50 Hz +- 0.2)
_RATE = 1_200  # Hz after decimation, above twice the sixth harmonic of 60 Hz
_TAPS = 8  # the low-pass filter's length in decimated samples
_SEGMENT, _HOP = 1.0, 0.5  # seconds
_BESIDE = (-5.0, -4.0, -3.0, 3.0, 4.0, 5.0)  # Hz from a line, where a Hann window of 1 s does not see it
_SPAN = 120  # segments judged together: a minute
_LEAST = 7  # segments: 4 s
_LINE_DB = 20.0  # power of the line against chance; e^-100 by chance alone in white noise
_AGREE, _TOGETHER_DB = 0.06, 3.0  # Hz between fundamentals; what a second line adds
_GROUPS = 8
_STEADY = 0.45  # share of the line's amplitude that each part of the minute must show, in phase
_LOUD_SHARE = 80  # percentile of the weights beyond which silence counts no more


@dataclass(frozen=True)
class _Line:
    hz: float
    amplitude: float
    strength: float  # dB


class HumMonitor:
    """Hears lines at 50 or 60 Hz and their harmonics that keep frequency, phase and level for 4 s or more.

    Each second is compared with lines at multiples of the mains; the complex amplitudes are added up in phase over a
    minute, seconds weighted by how little sound there is 3 to 5 Hz beside the line, so that pauses count most. A bass note
    has a pitch of its own (49.0, 51.9, 58.3 or 61.7 Hz in equal temperament), begins and ends: each eighth of the minute
    must show 45 % of the amplitude in phase. One line 20 dB above chance, or two at multiples of one frequency, is hum.
    Under bass as loud as itself throughout, hum is neither heard nor found.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._step = max(1, setting.sr // _RATE)
        self._rate = setting.sr / self._step
        taps = np.arange(_TAPS * self._step) - (_TAPS * self._step - 1) / 2
        kernel = np.sinc(0.8 * taps / self._step) * np.hamming(len(taps))
        self._kernel = (kernel / kernel.sum()).astype(np.float32)
        self._raw = np.zeros(0, np.float32)
        self._low = np.zeros(0, np.float32)
        self._hop, self._size = round(_HOP * self._rate), round(_SEGMENT * self._rate)
        self._hz = np.array([base * h for base in _MAINS for h in range(1, _HARMONICS + 1)])
        self._hz = self._hz[self._hz < 0.4 * self._rate]
        self._demodulate = self._matrix()
        self._done = 0  # segments so far
        self._lines: list[np.ndarray] = []
        self._energy, self._count, self._end = 0.0, 0, 0

    def _matrix(self) -> np.ndarray:
        beside = np.array((0.0, *_BESIDE))
        hz = (self._hz[:, None] + beside).ravel()
        t = np.arange(self._size) / self._rate
        window = np.hanning(self._size)
        matrix: np.ndarray = (np.exp(-2j * np.pi * np.outer(t, hz)) * (2 * window / window.sum())[:, None]).astype(
            np.complex64
        )
        return matrix

    def feed(self, chunk: Chunk) -> Iterator[Defect]:
        """Hum of a minute that is over."""
        self._end = chunk.end
        self._energy += float(chunk.power.mean()) * chunk.y.shape[1]
        self._count += chunk.y.shape[1]
        self._decimate(chunk.y.mean(axis=0) if len(chunk.y) > 1 else chunk.y[0])
        while len(self._low) >= self._size:
            values = (self._low[: self._size] @ self._demodulate).reshape(len(self._hz), -1)
            t = self._done * self._hop / self._rate
            values[:, 0] *= np.exp(-2j * np.pi * self._hz * t)
            self._lines.append(values)
            self._low = self._low[self._hop :]
            self._done += 1
        if len(self._lines) >= 2 * _SPAN:
            yield from self._judged(self._lines[:_SPAN])
            del self._lines[:_SPAN]

    def finish(self) -> Iterator[Defect]:
        """Hum of what remains."""
        if len(self._lines) >= _LEAST:
            yield from self._judged(self._lines)

    def _decimate(self, y: np.ndarray) -> None:
        raw = np.concatenate([self._raw, y])
        length = len(self._kernel)
        count = (len(raw) - length) // self._step + 1
        if count < 1:
            self._raw = raw
            return
        windows = np.lib.stride_tricks.sliding_window_view(raw, length)[:: self._step][:count]
        self._low = np.concatenate([self._low, windows @ self._kernel])
        self._raw = raw[count * self._step :]

    def _judged(self, segments: list[np.ndarray]) -> Iterator[Defect]:
        values = np.array(segments)
        found: list[tuple[float, list[_Line]]] = []
        for base in _MAINS:
            own = [k for k, hz in enumerate(self._hz) if round(hz / base, 6).is_integer() and hz / base <= _HARMONICS]
            lines = [
                line for k in own if (line := self._line(values[:, k], float(self._hz[k]), round(self._hz[k] / base)))
            ]
            if lines:
                found.append((_strength(lines, base), lines))
        if not found:
            return
        evidence, lines = max(found, key=lambda each: each[0])
        if evidence < _LINE_DB - 6:
            return
        yield self._defect(evidence, lines, self._done - len(self._lines), len(segments))

    def _defect(self, evidence: float, lines: list[_Line], first: int, count: int) -> Defect:
        start = first * self._hop / self._rate
        end = min(start + ((count - 1) * self._hop + self._size) / self._rate + _HOP, self._end / self._setting.sr)
        rms = float(np.sqrt(self._energy / max(self._count, 1)))
        level = decibels(float(np.sqrt(sum(line.amplitude**2 for line in lines) / 2)) / max(rms, 1e-9))
        named = ", ".join(f"{line.hz:.2f}" for line in lines)
        why = (
            f"a steady line at {named} Hz, {level:+.0f} dB against the recording's RMS, {evidence:.0f} dB above chance"
        )
        return Defect(
            start, end, "hum", None, certainty(evidence, _LINE_DB, 2.0), severity_of(level, -40.0, -25.0), why
        )

    def _line(self, values: np.ndarray, hz: float, harmonic: int) -> _Line | None:
        """The steady line near `hz`, from `values` `(n_segments, 1 + beside)`; None where there is none."""
        noise = np.median(np.abs(values[:, 1:]) ** 2, axis=1) / np.log(2) + 1e-14
        weights = 1 / noise
        weights = np.minimum(weights, np.percentile(weights, _LOUD_SHARE))
        t = np.arange(len(values)) * self._hop / self._rate
        reach = min(_DRIFT * harmonic, 0.9)
        offsets = np.arange(-reach, reach + 1e-9, 1 / (8 * max(t[-1], 1.0)))
        turned = (weights * values[:, 0])[:, None] * np.exp(-2j * np.pi * np.outer(t, offsets))
        sums = turned.sum(axis=0)
        best = int(np.argmax(np.abs(sums)))
        line = sums[best] / weights.sum()
        strength = 10 * np.log10(max(np.abs(line) ** 2 * weights.sum() / 2, 1e-12))  # halves overlap
        if strength < _LINE_DB - 8 or not _steady(turned[:, best], weights, line):
            return None
        return _Line(hz + float(offsets[best]), float(np.abs(line)), float(strength))


def _steady(turned: np.ndarray, weights: np.ndarray, line: complex) -> bool:
    """Whether every part of the time shows the line, in phase."""
    groups = min(_GROUPS, len(weights) // 3)
    parts, sizes = np.array_split(turned, groups), np.array_split(weights, groups)
    unit = np.conj(line) / abs(line)
    for part, size in zip(parts, sizes, strict=True):
        here, slack = float((part.sum() / size.sum() * unit).real), 1.5 / np.sqrt(size.sum() / 2)
        if here + slack < _STEADY * abs(line) or here - slack > abs(line) / _STEADY:
            return False
    return True


def _strength(lines: list[_Line], base: float) -> float:
    """Evidence of the lines together: two at multiples of one frequency speak for each other."""
    best = max(line.strength for line in lines)
    pitches = [line.hz / round(line.hz / base) for line in lines]
    agreeing = sum(abs(pitch - pitches[0]) < _AGREE for pitch in pitches)
    return best + (_TOGETHER_DB if agreeing > 1 else 0.0)
