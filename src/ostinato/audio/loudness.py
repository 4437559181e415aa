"""How loud a programme is and how far its loudness moves: EBU R 128, by ITU-R BS.1770-4 and EBU Tech 3342.

Audio comes in blocks of any length and leaves a few numbers a second behind, so hours take no more memory than seconds. Both
filters run as matrix products over 64 samples at a time: a recursion sample by sample would be slow in numpy, and
scipy.signal takes a hundred clips' time to import.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import UsageError

Array = npt.NDArray[np.floating]
Single = npt.NDArray[np.float32]

FLOOR = -70.0  # LUFS below which nothing is heard: BS.1770's absolute gate
_OFFSET = -0.691  # dB by which the weighting raises a tone of 1 kHz: BS.1770-4
_INTEGRATED_GATE, _RANGE_GATE = -10.0, -20.0  # LU below the mean of what is heard: BS.1770-4; Tech 3342
_MOMENTARY, _SHORT_TERM = 4, 30  # tenths of a second
_QUIET_SHARE, _LOUD_SHARE = 0.10, 0.95  # percentiles between which the range lies: Tech 3342
_SURROUND = 1.41  # weight of channels from behind: BS.1770-4
# the order of WAVE files, low frequencies left out, as BS.1770 asks: L R C | L R Ls Rs | L R C Ls Rs | L R C LFE Ls Rs
_WEIGHTS: dict[int, tuple[float, ...]] = {
    1: (1.0,),
    2: (1.0, 1.0),
    3: (1.0, 1.0, 1.0),
    4: (1.0, 1.0, _SURROUND, _SURROUND),
    5: (1.0, 1.0, 1.0, _SURROUND, _SURROUND),
    6: (1.0, 1.0, 1.0, 0.0, _SURROUND, _SURROUND),
}
_LOWEST_RATE = 4_000  # Hz; below, the shelf of the weighting has no room
_ROW = 64  # samples a matrix product takes at once
_CHUNK = 1024 * _ROW  # samples that stay in the processor's cache
_NEGLIGIBLE = 1e-9  # of a filter's memory, below the rounding of a float32
_OVERSAMPLING = 4  # BS.1770-4 asks for four times at least
_TAPS, _KAISER = 24, 4.0  # of the interpolation: within 0.07 dB up to 0.42 sr, and 0.25 dB up to 0.45 sr
_PIECE = 32  # samples that are interpolated or passed over together
_TOGETHER = 128  # pieces a product; the memory of larger ones goes back to the system each time, and is slow to return


@dataclass(frozen=True)
class Loudness:
    """Integrated loudness in LUFS, loudness range in LU, true peak in dBTP; -inf, 0 and -inf for silence."""

    integrated: float
    range: float
    true_peak: float

    def bounded(self, floor: float = FLOOR) -> Loudness:
        """For tables of features: integrated loudness and true peak not below `floor`, so that silence is a number.

        Nothing is lost: what BS.1770 hears lies above its absolute gate of -70 LUFS, and a peak below -70 dBTP is not heard.

        >>> Loudness(float("-inf"), 0.0, float("-inf")).bounded()
        Loudness(integrated=-70.0, range=0.0, true_peak=-70.0)
        """
        return Loudness(max(self.integrated, floor), self.range, max(self.true_peak, floor))


def loudness(y: Array, sr: float) -> Loudness:
    """Loudness of samples `(n,)` or `(channels, n)`, full scale being 1, at `sr` Hz.

    One channel counts once, so mono is 3 LU softer than the same in two. Up to 6 channels in the order of WAVE files. A clip
    shorter than the 0.4 s of a gating block counts as one block of its own length; a range needs more than 3 s, else it is 0.
    Raises UsageError for integers, other shapes, non-finite samples, or rates below 4 kHz.

    >>> tone = 10 ** (-23 / 20) * np.sin(2 * np.pi * 1000 / 48_000 * np.arange(480_000))
    >>> round(loudness(np.stack([tone, tone]), 48_000).integrated, 1)
    -23.0
    """
    meter = LoudnessMeter(sr, 1 if y.ndim == 1 else len(y))
    meter.feed(y)
    return meter.result()


class LoudnessMeter:
    """Loudness of a stream: feed blocks as they come, ask for the result at any time.

    The numbers do not depend on how the stream is cut. Memory grows by ten numbers a second.
    """

    def __init__(self, sr: float, channels: int = 1) -> None:
        if not sr >= _LOWEST_RATE:
            raise UsageError(f"sr={sr} Hz is too low for BS.1770's weighting; expected at least {_LOWEST_RATE}.")
        if channels not in _WEIGHTS:
            raise UsageError(f"{channels} channels: expected (n,) or (channels, n) with 1 to {max(_WEIGHTS)} channels.")
        self._sr, self._weights = sr, _WEIGHTS[channels]
        self._memory = np.zeros((channels, 4))  # of the weighting
        self._last = np.zeros((channels, _TAPS - 1), dtype=np.float32)  # of the oversampling
        self._waiting = np.zeros((channels, 0), dtype=np.float32)
        self._heard = 0  # samples
        self._energies: list[float] = []  # of whole tenths of a second
        self._open = 0.0  # energy of the tenth that has begun
        self._peak = 0.0

    def feed(self, y: Array) -> None:
        """Hear the next samples, `(n,)` or `(channels, n)`."""
        y = np.atleast_2d(y)
        if y.ndim != 2 or len(y) != len(self._weights) or not np.issubdtype(y.dtype, np.floating):  # noqa: PLR2004
            raise UsageError(
                f"samples of shape {y.shape} and type {y.dtype}; expected floats between -1 and 1 "
                f"of shape (n,) or ({len(self._weights)}, n)."
            )
        begin, missing = 0, _CHUNK - self._waiting.shape[1]
        # always the same chunks, so that rounding does not depend on how the stream was cut
        while y.shape[1] - begin >= missing:
            self._hear(self._joined(y[:, begin : begin + missing]), _CHUNK)
            self._waiting = self._waiting[:, :0]
            begin, missing = begin + missing, _CHUNK
        self._waiting = self._joined(y[:, begin:]).copy()

    def _joined(self, y: Array) -> Single:
        y = y.astype(np.float32, copy=False)
        return np.concatenate([self._waiting, y], axis=1) if self._waiting.size else y

    def _hear(self, x: Single, count: int) -> None:
        """Take `x (channels, a multiple of _ROW)` in, of which the first `count` samples are signal and the rest is silence."""
        edges = self._edges(self._heard, self._heard + count)
        energies = np.zeros(len(edges) - 1)
        memory, last = np.empty_like(self._memory), x[:, x.shape[1] - _TAPS + 1 :].copy()
        with np.errstate(over="ignore", invalid="ignore"):  # said below
            for channel, weight in enumerate(self._weights):
                weighted, memory[channel] = _weighted(x[channel], self._memory[channel], self._sr)
                parts = (weighted[a:b] for a, b in pairwise(edges))
                energies += [weight * float(np.dot(part, part)) for part in parts]
                self._peak = _true_peak(x[channel], self._last[channel], self._peak)
        if not np.isfinite(energies).all():
            raise UsageError(
                "samples that are not finite, or are far beyond full scale; expected floats between -1 and 1."
            )
        energies[0] += self._open
        self._energies += energies[:-1].tolist()
        self._open, self._heard, self._memory, self._last = float(energies[-1]), self._heard + count, memory, last

    def _edges(self, start: int, stop: int) -> list[int]:
        """0, the samples after `start` at which a tenth of a second ends, and `stop`, all relative to `start`."""
        first, last = int(start * 10 // self._sr), int(stop * 10 // self._sr) + 2
        ends = (self._end(k) for k in range(first, last))
        return [0, *(end - start for end in ends if start < end <= stop), stop - start]

    def _end(self, tenths: int) -> int:
        return round(tenths * self._sr / 10)

    def result(self) -> Loudness:
        """Loudness of all samples so far; more may be fed afterwards."""
        end = copy.copy(self)
        end._energies = self._energies.copy()
        count = self._waiting.shape[1]
        # with silence behind, for the filter to come down and the last peak to be seen
        rest = np.pad(self._waiting, [(0, 0), (0, _TAPS + -(count + _TAPS) % _ROW)])
        end._hear(rest, count)
        return Loudness(end._integrated(), end._range(), float(_db(end._peak**2)))

    def _powers(self, tenths: int) -> Array:
        """Mean weighted power of every window of so many tenths of a second."""
        if len(self._energies) < tenths:
            return np.zeros(0)
        sums = np.lib.stride_tricks.sliding_window_view(np.array(self._energies), tenths).sum(axis=1)
        ends = np.array([self._end(k) for k in range(len(self._energies) + 1)])
        result: Array = sums / (ends[tenths:] - ends[:-tenths])
        return result

    def _integrated(self) -> float:
        powers = self._powers(_MOMENTARY)
        if not len(powers) and self._heard:
            powers = np.array([(sum(self._energies) + self._open) / self._heard])
        heard = _gated(powers, _INTEGRATED_GATE)
        return float(_lufs(heard.mean())) if len(heard) else -np.inf

    def _range(self) -> float:
        heard = np.sort(_lufs(_gated(self._powers(_SHORT_TERM), _RANGE_GATE)))
        if not len(heard):
            return 0.0
        quiet, loud = (heard[int((len(heard) - 1) * share + 0.5)] for share in (_QUIET_SHARE, _LOUD_SHARE))
        return float(loud - quiet)


def _db(power: Array | float) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(10.0 * np.log10(power))


def _lufs(power: Array | float) -> Array:
    return _OFFSET + _db(power)


def _gated(powers: Array, gate: float) -> Array:
    """Powers above the absolute gate, and above the mean of those by `gate` LU."""
    heard: Array = powers[_lufs(powers) > FLOOR]
    return heard[_lufs(heard) > _lufs(heard.mean()) + gate] if len(heard) else heard


def k_weighting(sr: float) -> Array:
    """BS.1770's weighting at any rate as second-order sections `(2, 6)`: a shelf for the head, and a high-pass.

    The recommendation prints coefficients for 48 kHz. These are the analogue filters behind them, carried to `sr` by the
    bilinear transform; their parameters from De Man 2014, "Evaluation of implementations of the EBU R128 loudness
    measurement", as in libebur128.
    """
    f0, gain, q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
    k, high = np.tan(np.pi * f0 / sr), 10 ** (gain / 20)
    band, a0 = high**0.4996667741545416, 1 + k / q + k * k
    b = np.array([high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k]) / a0
    shelf = [*b, 1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]
    f0, q = 38.13547087602444, 0.5003270373238773
    k = np.tan(np.pi * f0 / sr)
    a0 = 1 + k / q + k * k
    return np.array([shelf, [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]])


@lru_cache(maxsize=8)
def _matrices(sr: float) -> tuple[Single, Single, Single, Array]:
    """The weighting over `_ROW` samples: input to output, memory to output, input to memory, memory to memory."""
    (b, a), (d, c) = ((section[:3], section[3:]) for section in k_weighting(sr))
    # both sections in transposed direct form II: x -> v = b0 x + s0 -> d0 v + s2
    through = np.array(
        [[-a[1], 1, 0, 0], [-a[2], 0, 0, 0], [d[1] - c[1] * d[0], 0, -c[1], 1], [d[2] - c[2] * d[0], 0, -c[2], 0]]
    )
    into = np.array([b[1] - a[1] * b[0], b[2] - a[2] * b[0], (d[1] - c[1] * d[0]) * b[0], (d[2] - c[2] * d[0]) * b[0]])
    out, direct = np.array([d[0], 0, 1, 0]), d[0] * b[0]
    powers = [np.linalg.matrix_power(through, n) for n in range(_ROW + 1)]
    response = np.array([direct, *(out @ power @ into for power in powers[: _ROW - 1])])
    ahead = np.arange(_ROW) - np.arange(_ROW)[:, None]
    to_output = np.where(ahead >= 0, response[np.abs(ahead)], 0.0)
    from_memory = np.array([out @ power for power in powers[:_ROW]]).T
    to_memory = np.array([power @ into for power in powers[_ROW - 1 :: -1]])
    return to_output.astype(np.float32), from_memory.astype(np.float32), to_memory.astype(np.float32), powers[_ROW].T


def _weighted(x: Single, memory: Array, sr: float) -> tuple[Single, Array]:
    """`x`, a multiple of `_ROW` samples, through the weighting, and the filter's memory after it."""
    to_output, from_memory, to_memory, step = _matrices(sr)
    rows = x.reshape(-1, _ROW)
    # what each row starts from: its predecessors' traces, gathered from 1, 2, 4, ... rows back
    memories = np.concatenate([memory[None], rows @ to_memory])
    back = 1
    while back < len(memories) and np.abs(step).max() > _NEGLIGIBLE:
        memories[back:] += memories[:-back] @ step
        back, step = 2 * back, step @ step
    y = rows @ to_output
    y += memories[:-1].astype(np.float32) @ from_memory
    return y.reshape(-1), memories[-1]


@lru_cache(maxsize=1)
def _interpolation() -> tuple[Single, float]:
    """Matrix from `_PIECE + _TAPS - 1` samples to the points between `_PIECE` of them, and its highest gain."""
    offsets = np.arange(_TAPS) - (_TAPS // 2 - 1)
    phases = np.arange(1, _OVERSAMPLING) / _OVERSAMPLING
    distance = offsets[None, :] - phases[:, None]
    kaiser = np.i0(_KAISER * np.sqrt(np.maximum(0.0, 1 - (distance / (_TAPS / 2)) ** 2))) / np.i0(_KAISER)
    taps = np.sinc(distance) * kaiser
    taps /= taps.sum(axis=1, keepdims=True)
    matrix = np.zeros((_PIECE + _TAPS - 1, len(phases), _PIECE), dtype=np.float32)
    for k in range(_PIECE):
        matrix[k : k + _TAPS, :, k] = taps.T
    return matrix.reshape(len(matrix), -1), float(np.abs(taps).sum(axis=1).max())


def _true_peak(x: Single, last: Single, peak: float) -> float:
    """The highest of `peak`, the samples `x` and the points between them; `last` came before `x`.

    Only pieces are interpolated whose samples are high enough for a point between them to pass the highest sample.
    """
    matrix, gain = _interpolation()
    # turned, because numpy finds the maxima of long columns faster than those of short rows
    highest = np.abs(x).reshape(-1, _PIECE).T.copy().max(axis=0)
    reach = np.maximum(highest, np.concatenate([[np.abs(last).max()], highest[:-1]]))
    peak = max(peak, float(highest.max()))
    pieces = np.flatnonzero(reach * gain > peak)
    samples = np.lib.stride_tricks.sliding_window_view(np.concatenate([last, x]), len(matrix))[::_PIECE]
    for k in range(0, len(pieces), _TOGETHER):
        between = samples[pieces[k : k + _TOGETHER]] @ matrix
        peak = max(peak, float(between.max()), -float(between.min()))
    return peak
