"""Noise bursts and clicks: what no neighbour predicts, gone as fast as it came."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ostinato.audio.defects.chunk import Chunk, Samples, Setting, runs
from ostinato.audio.defects.report import Defect, certainty, severity_of

_ORDER = 16
_FRAME = 0.001  # seconds
_CONTEXT = 120  # frames on both sides
_LONGEST = 90  # frames of a burst
_HOT_DB, _BURST_DB = 9.0, 12.0
_CORE_DB = 7.0  # frames this near the burst's peak are its core
_NEAR = 5  # frames compared before and after the core
_RETURN_DB = 8.0  # a drum leaves the sound louder than it found it
_FLOOR = 1e-11  # power below which nothing is heard: -110 dBFS


class BurstMonitor:
    """Hears clicks and bursts of noise up to 90 ms, 12 dB above what surrounds them after linear prediction.

    Sound is predicted from its past by an autoregressive model of order 16 (Godsill and Rayner, Digital Audio
    Restoration, 1998, chapter 5); the residual's level in frames of 1 ms must rise and fall by 12 dB within 1 ms each,
    and the sound afterwards must be as loud as before. A drum or a pick rises as fast but rings: neither its residual
    nor its level returns at once. Crackling (a fire, a record) is what this finds, whether wanted or not.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._m = max(4, round(_FRAME * setting.sr))
        self._tracks = [_Track() for _ in range(setting.channels)]

    def feed(self, chunk: Chunk) -> Iterator[Defect]:
        """Bursts whose surroundings are known."""
        for channel, y in enumerate(chunk.y):
            track = self._tracks[channel]
            track.hear(y, self._m)
            yield from self._judged(channel, track, last=False)

    def finish(self) -> Iterator[Defect]:
        """Bursts near the end."""
        for channel, track in enumerate(self._tracks):
            yield from self._judged(channel, track, last=True)

    def _judged(self, channel: int, track: _Track, last: bool) -> Iterator[Defect]:
        ready = len(track.residual) - (0 if last else _CONTEXT)
        if ready - track.judged < 1 or len(track.residual) < 4 * _NEAR:
            return
        residual, level = 10 * np.log10(track.residual + _FLOOR), 10 * np.log10(track.level + _FLOOR)
        ground = _ground(residual)
        begins, ends = runs(residual > ground + _HOT_DB)
        for begin, end in zip(begins, ends, strict=True):
            if not track.judged <= begin < ready or end - begin > _LONGEST:
                continue
            evidence, core = _evidence(residual, level, int(begin), int(end), float(ground[begin:end].max()))
            if evidence > _BURST_DB - 6:
                yield self._defect(channel, track.first + core[0], track.first + core[1], evidence)
        track.forget(ready)

    def _defect(self, channel: int, begin: int, end: int, evidence: float) -> Defect:
        sr = self._setting.sr
        start, stop = begin * self._m / sr, end * self._m / sr
        what = "click" if end - begin <= 2 else "burst of noise"  # noqa: PLR2004 - frames
        why = (
            f"a {what} of {1000 * (stop - start):.0f} ms whose prediction error stands {evidence:.0f} dB above "
            "what is before and after it"
        )
        severity = severity_of(evidence, 18.0, 30.0)
        return Defect(start, stop, "noise_burst", channel, certainty(evidence, _BURST_DB, 2.0), severity, why)


class _Track:
    """One channel: its levels in frames, with as much of the past as judging needs."""

    def __init__(self) -> None:
        self.residual, self.level = np.zeros(0), np.zeros(0)
        self.first, self.judged = 0, 0
        self._past: Samples = np.zeros(_ORDER, np.float32)
        self._left: Samples = np.zeros((2, 0), np.float32)
        self._lags: np.ndarray | None = None

    def hear(self, y: Samples, m: int) -> None:
        """Append the frames that `y` completes."""
        joined = np.concatenate([self._past, y])
        error = _prediction_error(joined, self._coefficients(y, m))
        both = np.concatenate([self._left, np.stack([error, y])], axis=1)
        whole = both.shape[1] // m
        frames = both[:, : whole * m].reshape(2, whole, m)
        power = np.einsum("cfm,cfm->cf", frames, frames).astype(np.float64) / m
        self.residual = np.concatenate([self.residual, power[0]])
        self.level = np.concatenate([self.level, power[1]])
        self._left, self._past = both[:, whole * m :].copy(), joined[-_ORDER:].copy()

    def forget(self, ready: int) -> None:
        """Frames before `ready` are judged; keep the context that those after them need."""
        drop = max(0, ready - _CONTEXT)
        self.residual, self.level = self.residual[drop:], self.level[drop:]
        self.first += drop
        self.judged = ready - drop

    def _coefficients(self, y: Samples, m: int) -> np.ndarray:
        """Predictor of this chunk and those before, every stretch of 8 frames counting the same, however loud."""
        from scipy.linalg import solve_toeplitz

        step = 8 * m
        whole = len(y) // step
        if whole:
            parts = y[: whole * step].reshape(whole, step)
            size = np.sqrt(np.einsum("fs,fs->f", parts, parts) / step)
            even = (parts / np.maximum(size, 1e-5)[:, None]).ravel()
            n = len(even)
            lags = np.array([even[: n - k] @ even[k:] for k in range(_ORDER + 1)], dtype=np.float64) / n
            self._lags = lags if self._lags is None else 0.5 * self._lags + 0.5 * lags
        if self._lags is None or self._lags[0] < 1e-3:  # noqa: PLR2004 - nothing but zeros so far
            return np.zeros(_ORDER)
        regular = self._lags.copy()
        regular[0] *= 1 + 1e-5
        predictor: np.ndarray = solve_toeplitz(regular[:-1], regular[1:])
        return predictor


def _prediction_error(joined: Samples, predictor: np.ndarray) -> Samples:
    """What the predictor leaves of the samples after the first `_ORDER`."""
    kernel = np.concatenate([[1.0], -predictor]).astype(np.float32)
    error: Samples = np.convolve(joined, kernel, mode="valid").astype(np.float32, copy=False)
    return error


def _ground(residual: np.ndarray) -> np.ndarray:
    """Median level around each frame, taken every 10 frames and joined by lines."""
    size = 2 * _CONTEXT + 1
    padded = np.pad(residual, _CONTEXT, mode="reflect" if len(residual) > _CONTEXT else "edge")
    places = np.arange(0, len(residual), 10)
    medians = np.median(np.lib.stride_tricks.sliding_window_view(padded, size)[places], axis=1)
    ground: np.ndarray = np.interp(np.arange(len(residual)), places, medians)
    return ground


def _evidence(
    residual: np.ndarray, level: np.ndarray, begin: int, end: int, ground: float
) -> tuple[float, tuple[int, int]]:
    """How much the burst in `begin:end` stands out in time (dB), and the frames of its core."""
    peak = float(residual[begin:end].max())
    core = begin + np.flatnonzero(residual[begin:end] >= peak - _CORE_DB)
    first, last = int(core[0]), int(core[-1]) + 1
    before, after = slice(max(0, first - 1 - _NEAR), max(0, first - 1)), slice(last + 1, last + 1 + _NEAR)
    if first - 1 < _NEAR or last + 1 + _NEAR > len(residual):
        return -np.inf, (first, last)
    inside = float(np.median(residual[first:last]))
    rise = inside - float(residual[before].max())
    fall = inside - float(residual[after].max())
    returned = float(level[after].mean() - level[before].mean())
    evidence = min(rise, fall, inside - ground) - max(0.0, abs(returned) - _RETURN_DB)
    return evidence, (first, last)
