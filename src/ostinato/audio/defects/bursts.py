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
_EDGE_DB = 9.0  # within two frames: where a burst may begin or end
_UNEVEN_DB = 12.0  # noise keeps its level: frames of 8 samples of it, at 8 kHz, spread over as much
_CORE_DB = 7.0  # frames this near the burst's peak are its core
_NEAR, _AROUND = 3, 8  # frames before and after the core: of the prediction error, and of the sound
_BURST_DB = 17.0
_HEARD_DB = 8.0  # by which the sound's own level makes up for the prediction error's: 9 dB of it are enough
_ALONE, _ALONE_DB = 25, 8.0  # frames in which nothing else comes as near as 9 dB: pulses of a low voice come in rows
_RETURN_DB, _SURE_DB = 8.0, 18.0  # a drum leaves the sound louder than it found it; so may music after a steep burst
_QUIETEST_DB = -65.0
_FLOOR = 1e-11  # power below which nothing is heard: -110 dBFS


class BurstMonitor:
    """Hears clicks and bursts of noise up to 90 ms that stand out by 17 dB in what linear prediction leaves.

    Sound is predicted from its past by an autoregressive model of order 16 (Godsill and Rayner, Digital Audio
    Restoration, 1998, chapter 5). The error's level in frames of 1 ms must rise and fall by 17 dB within 1 ms each, keep
    its level between, and the sound itself must rise by 9 dB and be as loud afterwards as it was before. A drum or a pick
    rises as fast but rings: neither its error nor its level returns at once. Crackling (a fire, a record) is found too,
    whether wanted or not.
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
        if ready - track.judged < 1 or len(track.residual) < 2 * _AROUND:
            return
        residual, level = 10 * np.log10(track.residual + _FLOOR), 10 * np.log10(track.level + _FLOOR)
        places = [place for place in _between_edges(residual) if track.judged <= place[0] < ready]
        found = sorted((_evidence(residual, level, *place) for place in places), reverse=True)
        taken: list[tuple[int, int]] = []
        for evidence, first, after in found:
            if evidence > _BURST_DB - 6 and all(after <= begin or end <= first for begin, end in taken):
                taken.append((first, after))
                yield self._defect(channel, track.first + first, track.first + after, evidence)
        track.forget(ready)

    def _defect(self, channel: int, begin: int, end: int, evidence: float) -> Defect:
        sr = self._setting.sr
        start, stop = begin * self._m / sr, end * self._m / sr
        what = "click" if end - begin <= 2 else "burst of noise"  # noqa: PLR2004 - frames
        why = (
            f"a {what} of {1000 * (stop - start):.0f} ms that stands {evidence:.0f} dB above "
            "what linear prediction leaves before and after it"
        )
        severity = severity_of(evidence, 20.0, 30.0)
        return Defect(start, stop, "noise_burst", channel, certainty(evidence, _BURST_DB, 1.5), severity, why)


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


def _between_edges(residual: np.ndarray) -> Iterator[tuple[int, int]]:
    """First and last frames of stretches that begin with a steep rise, end with a steep fall, and are level between."""
    steps = residual[2:] - residual[:-2]
    begins, ends = runs(steps >= _EDGE_DB)
    rises = np.maximum(begins, ends - 2) + 2  # the last two steps that rise reach the first frame and the one after it
    begins, ends = runs(steps <= -_EDGE_DB)
    falls = np.minimum(begins + 1, ends - 1)
    for rise in rises:
        k = int(np.searchsorted(falls, rise))
        if k < len(falls) and (fall := int(falls[k])) - rise < _LONGEST:
            inside = residual[rise : fall + 1]
            if inside.max() - inside[1:-1].min(initial=np.inf) <= _UNEVEN_DB:
                yield int(rise), fall


def _evidence(residual: np.ndarray, level: np.ndarray, begin: int, end: int) -> tuple[float, int, int]:
    """How much the frames `begin` to `end` stand out in time (dB), and the begin and end of their core."""
    inside = residual[begin : end + 1]
    core = begin + np.flatnonzero(inside >= inside.max() - _CORE_DB)
    first, after = int(core[0]), int(core[-1]) + 1
    if first - 1 < _AROUND or after + 1 + _NEAR > len(residual):
        return -np.inf, first, after
    error, sound = float(np.median(residual[first:after])), float(np.median(level[first:after]))
    rise = error - float(np.median(residual[first - 1 - _NEAR : first - 1]))
    fall = error - float(np.median(residual[after + 1 : after + 1 + _NEAR]))
    before, behind = (_mean_db(part) for part in (level[first - 1 - _AROUND : first - 1], level[after + 1 :][:_AROUND]))
    heard = sound - max(before, behind) + _HEARD_DB
    near = np.concatenate([residual[max(0, first - 1 - _ALONE) : first - 1], residual[after + 1 :][:_ALONE]])
    alone = error - float(near.max()) + _ALONE_DB
    steep = min(rise, fall)
    drum = max(0.0, abs(behind - before) - _RETURN_DB - 2 * max(0.0, steep - _SURE_DB))
    return min(steep, heard, alone) - drum if sound > _QUIETEST_DB else -np.inf, first, after


def _mean_db(levels: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(10 ** (levels / 10))))
