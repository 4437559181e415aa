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
_SEGMENT, _HOP = 0.5, 0.25  # seconds: pauses between notes are short
_BESIDE = (-14.0, -11.0, -8.0, -6.0, 6.0, 8.0, 11.0, 14.0)  # Hz from a line; a Hann window of 0.5 s reaches 4 Hz
_BESIDE_SHARE = 80  # percentile of those: a drum machine has lines of its own, a beat's rate apart
_SPAN = 240  # segments judged together: a minute
_LEAST = 15  # segments: 4 s
_HUM_DB = 17.5  # power of the lines, summed over segments, against what is beside them and changes in them
_ALONE_DB = 4.0  # how much more a single line needs: harmonics that agree in frequency speak for each other
_LEAST_LINE, _CLEAR_LINE = 4.0, 8.0  # that power of a line that counts, and of one that speaks
_LOW_MULTIPLE = 2.5  # hum has a line at the mains or, from rectifiers, at twice it
_LISTENING_DB = 80.0  # dB SPL at which a recording's RMS is played
_QUIET = (
    (50, 63, 80, 100, 125, 160, 200, 250, 315, 400),
    (44.0, 37.5, 31.5, 26.5, 22.1, 17.9, 14.4, 11.4, 8.6, 6.2),
)  # Hz, dB SPL: ISO 226
_NOTHING = 1e-6  # amplitude of a segment that holds digital silence
_ROUNDS = 4  # of weighting segments down that do not show the line
_CLOSE = 0.5  # share of its amplitude by which a segment may differ from the line
_WITNESSES, _STEADY = 4, 0.7  # segments quiet enough to show the line, and the share of them that must
_SPREAD = 0.3  # share of the time that the witnesses lie apart
_QUIET_SHARE = 80  # percentile of the weights beyond which silence counts no more


@dataclass(frozen=True)
class _Line:
    hz: float
    amplitude: float
    power: float  # summed over segments, against what is beside it


class HumMonitor:
    """Hears lines at 50 or 60 Hz and their harmonics that keep frequency, phase and level for 4 s or more.

    Stretches of 0.5 s are compared with multiples of the mains, and their complex amplitudes added up in phase over a
    minute, all multiples of one frequency together; stretches with much sound 6 to 14 Hz beside a line, or with something
    else in it, count little, so that pauses count most. A bass note has a pitch of its own (49.0, 51.9, 58.3 or 61.7 Hz in
    equal temperament), begins and ends: 70 % of the stretches that are quiet enough to show a line must show it, within
    half of its amplitude, in phase. One of the lines must be the first or the second multiple, and one be
    above the threshold of hearing where the recording is played at 80 dB SPL. Under bass that is louder
    throughout, hum is not found, and hardly heard.
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
        self._hz = np.unique([base * h for base in _MAINS for h in range(1, _HARMONICS + 1)])
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
        live = (np.abs(values).max(axis=(1, 2)) > _NOTHING).astype(np.float64)
        if live.sum() < _LEAST:
            return
        best, found = -np.inf, list[_Line]()
        for base in _MAINS:
            multiples = np.round(self._hz / base, 6)
            own = np.flatnonzero((multiples % 1 == 0) & (multiples <= _HARMONICS))
            evidence, lines = _steady_lines(values[:, own], live, base, multiples[own], self._hop / self._rate)
            if evidence > best:
                best, found = evidence, lines
        if best > _HUM_DB - 6 and self._audible(found):
            yield self._defect(best, found, self._done - len(self._lines), len(segments))

    def _audible(self, lines: list[_Line]) -> bool:
        """Whether one of the lines is above the threshold of hearing, the recording played at 80 dB SPL."""
        rms = float(np.sqrt(self._energy / max(self._count, 1)))
        levels = [_LISTENING_DB + decibels(line.amplitude / np.sqrt(2) / max(rms, 1e-9)) for line in lines]
        return any(level > np.interp(line.hz, *_QUIET) for level, line in zip(levels, lines, strict=True))

    def _defect(self, evidence: float, lines: list[_Line], first: int, count: int) -> Defect:
        start = first * self._hop / self._rate
        end = min(start + ((count - 1) * self._hop + self._size) / self._rate + _HOP, self._end / self._setting.sr)
        rms = float(np.sqrt(self._energy / max(self._count, 1)))
        level = decibels(float(np.sqrt(sum(line.amplitude**2 for line in lines) / 2)) / max(rms, 1e-9))
        named = ", ".join(f"{line.hz:.2f}" for line in lines)
        why = f"a steady line at {named} Hz, {level:+.0f} dB against the recording's RMS, {evidence:.0f} dB above what is beside it"
        return Defect(start, end, "hum", None, certainty(evidence, _HUM_DB, 1.5), severity_of(level, -40.0, -25.0), why)


def _steady_lines(
    values: np.ndarray, live: np.ndarray, base: float, multiples: np.ndarray, hop: float
) -> tuple[float, list[_Line]]:
    """Evidence (dB) and lines at `multiples` of one frequency near `base`.

    `values` `(n_segments, n_lines, 1 + beside)` are complex amplitudes, `hop` seconds apart; `live` is 0 for segments of
    digital silence, which say nothing.
    """
    z, n = values[:, :, 0], len(values)
    noise = np.percentile(np.abs(values[:, :, 1:]) ** 2, _BESIDE_SHARE, axis=2) + 1e-14
    noise = np.maximum(noise, np.percentile(noise[live > 0], 100 - _QUIET_SHARE, axis=0))
    n_fft = 1 << int(np.ceil(np.log2(8 * n)))
    places = (
        np.arange(-round(_DRIFT * hop * n_fft * _HARMONICS), round(_DRIFT * hop * n_fft * _HARMONICS) + 1) / _HARMONICS
    )
    bins = np.round(places[:, None] * multiples).astype(int)  # (candidates, lines)
    weights, t = live[:, None] / noise, np.arange(n) * hop
    for _ in range(_ROUNDS):
        sums = np.take_along_axis(np.fft.fft(weights * z, n_fft, axis=0), bins % n_fft, axis=0)
        power = np.abs(sums) ** 2 / weights.sum(axis=0)
        best = int(np.argmax(power.sum(axis=1)))
        line = sums[best] / weights.sum(axis=0)
        hz = bins[best] / (hop * n_fft)
        apart = np.abs(z * np.exp(-2j * np.pi * t[:, None] * hz) - line) ** 2
        weights = live[:, None] / (noise + apart)
    power = np.abs(line) ** 2 * weights.sum(axis=0)
    lines = [
        _Line(float(base * h + f), float(abs(a)), float(p))
        for k, (h, f, a, p) in enumerate(zip(multiples, hz, line, power, strict=True))
        if p >= _LEAST_LINE and _is_steady(noise[live > 0, k], apart[live > 0, k], float(abs(a)) ** 2)
    ]
    low = any(each.hz < _LOW_MULTIPLE * base for each in lines)
    if not low or max(each.power for each in lines) < _CLEAR_LINE:
        return -np.inf, []
    alone = sum(each.power >= _CLEAR_LINE for each in lines) == 1
    return 10 * np.log10(sum(each.power for each in lines)) - _ALONE_DB * alone, lines


def _is_steady(noise: np.ndarray, apart: np.ndarray, power: float) -> bool:
    """Whether the segments quiet enough to show a line of `power` show it, here and there; too few of them say nothing."""
    able = noise < power * _CLOSE
    if able.sum() < _WITNESSES:
        return True
    spread = np.ptp(np.flatnonzero(able)) >= _SPREAD * len(noise)
    return bool(spread and np.mean(apart[able] < power * _CLOSE**2 + 2 * noise[able]) >= _STEADY)
