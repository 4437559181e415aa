"""Harmonic and percussive by medians at several scales, weighed by a small network instead of by a formula.

librosa's HPSS compares one median over time with one over frequency, in one resolution. Here every bin of a spectrogram
is described by some twenty of them: over 0.1 to 1 s and 50 to 900 Hz, before and after it, in windows four times as long
(which tell tones apart) and four times as short (which tell strokes apart). What the frame holds in four bands is told
beside them. A network of two hidden layers gives the share of the bin that is harmonic. Its weights (`masks.npz`) were
fitted by `benchmarks/_mask_training.py` to scores and drums played by a synthesiser.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ostinato.audio.median import running_median
from ostinato.audio.separation.transform import Spectra, istft, loudness, magnitudes, stft
from ostinato.core.errors import UsageError

Array = npt.NDArray[np.float32]

STEMS = ("harmonic", "percussive")
TRAINED_RATE, TRAINED_N_FFT = 22_050, 2_048  # all lengths below are those of the training, in its frames and bins
MIN_RATE = 8_000
_OVERLAP, _ZOOM = 4, 4  # windows over a sample; how much longer and shorter the other two resolutions are
_OVER_TIME, _OVER_FREQUENCY = (5, 11, 21, 43), (5, 13, 31, 81)
_SHIFTED = ((0, 3), (1, 6))  # (which median over time, by how many frames both ways)
_LONG_MEDIANS, _SHORT_MEDIANS = (11, 31), (31, 9)  # over time, over frequency
_AROUND = (-6, -3, 3, 6)  # short frames that a stroke stands out from
_BANDS = (0, 10, 40, 200, 1025)  # bins; up to 108 Hz, 430 Hz, 2.2 kHz and 11 kHz
_LAGS = (0, 2, 6)  # frames
_FLOOR = np.float32(1e-5)  # of the clip's root mean square: 100 dB below it is silence
_LOW = 8.0  # bins
_LONG_HOP = 2  # hops of the grid, by which long windows move
_STEEPEST = 30.0  # the logistic function is 0 or 1 beyond it, in single precision


class Resolution(NamedTuple):
    """Window and hop of the spectrogram that is masked, in samples."""

    n_fft: int
    hop_length: int


def resolution(sr: int) -> Resolution:
    """The resolution in samples at `sr` Hz, as long as the trained one in seconds; raises UsageError below 8 kHz."""
    if sr < MIN_RATE:
        raise UsageError(f"harmonic and percussive parts need a rate of at least {MIN_RATE} Hz; got {sr}")
    from scipy import fft

    unit = _OVERLAP * _ZOOM
    n_fft = unit * fft.next_fast_len(round(TRAINED_N_FFT * sr / TRAINED_RATE / unit), real=True)
    return Resolution(n_fft, n_fft // _OVERLAP)


class Described(NamedTuple):
    """What the network is told of a spectrogram `(n_frames, n_bins)`, all of it in logarithms.

    Description `k` of bin `f` in frame `t` is `maps[k][rows[k][t], f]`; `frames` `(n_frames, n_more)` is of whole frames.
    """

    maps: list[Array]
    rows: list[npt.NDArray[np.intp]]
    frames: Array


def describe(y: Array, D: Spectra, at: Resolution) -> Described:
    """The medians around every bin of the spectra `D` `(channels, n_frames, n_bins)` of a signal `y` `(channels, n)`."""
    S = loudness(D)
    level = float(np.sqrt(np.mean(np.square(S), dtype=np.float64))) + float(np.finfo(np.float32).tiny)
    S *= np.float32(1 / level)
    n_frames, n_bins = S.shape
    here = np.arange(n_frames)
    over_time = [running_median(S, width, axis=0) for width in _OVER_TIME]
    over_frequency = [running_median(S, width, axis=1) for width in _OVER_FREQUENCY]
    frames = _envelopes(over_time[2], over_frequency[2])
    same = [_logarithm(each) for each in (S, *over_time, *over_frequency)]
    moved = [(same[1 + which], _earlier(here, sign * by)) for which, by in _SHIFTED for sign in (1, -1)]
    long = [_logarithm(_from_long(each, n_bins)) for each in _long_windows(y, level, at)]
    short = [_widened(_logarithm(_from_short(each, n_frames)), n_bins) for each in _short_windows(y, level, at)]
    return Described(
        [*same, *(each for each, _ in moved), *long, *short],
        [here] * len(same) + [rows for _, rows in moved] + [here // _LONG_HOP] * len(long) + [here] * len(short),
        frames,
    )


def _earlier(frames: npt.NDArray[np.intp], by: int) -> npt.NDArray[np.intp]:
    return np.clip(frames - by, 0, len(frames) - 1)


def _logarithm(X: Array) -> Array:
    X += _FLOOR
    return np.log(X, out=X)


def _long_windows(y: Array, level: float, at: Resolution) -> list[Array]:
    """Magnitudes and both medians in windows that tell tones apart, `(n_long_frames, n_long_bins)`."""
    # the same loudness for noise in any window, whose power grows with its length
    S = magnitudes(y, at.n_fft * _ZOOM, at.hop_length * _LONG_HOP) * np.float32(1 / (_ZOOM**0.5 * level))
    return [S, *(running_median(S, width, axis) for axis, width in enumerate(_LONG_MEDIANS))]


def _short_windows(y: Array, level: float, at: Resolution) -> list[Array]:
    """Magnitudes, both medians and the least frame around in windows that tell strokes apart."""
    S = magnitudes(y, at.n_fft // _ZOOM, at.hop_length // _ZOOM) * np.float32(_ZOOM**0.5 / level)
    least = np.minimum.reduce([S[_earlier(np.arange(len(S)), by)] for by in _AROUND])
    return [S, *(running_median(S, width, axis) for axis, width in enumerate(_SHORT_MEDIANS)), least]


def _from_long(X: Array, n_bins: int) -> Array:
    """The long bins around each bin of the grid summed by power, `(n_long_frames, n_bins)`."""
    around = np.zeros((len(X), n_bins * _ZOOM), dtype=np.float32)
    before = _ZOOM // 2
    np.square(X[:, : n_bins * _ZOOM - before], out=around[:, before : before + X.shape[1]])
    power = around.reshape(-1, _ZOOM) @ np.ones(_ZOOM, dtype=np.float32)
    return np.sqrt(power, out=power).reshape(len(X), n_bins)


def _from_short(X: Array, n_frames: int) -> Array:
    """The short frames around each frame of the grid averaged by power, `(n_frames, n_short_bins)`."""
    around = np.square(X[_earlier(np.arange(len(X) + 2 * _ZOOM), _ZOOM // 2).clip(max=len(X) - 1)])
    power: Array = around[: n_frames * _ZOOM].reshape(n_frames, _ZOOM, X.shape[1]).mean(axis=1)
    return np.sqrt(power, out=power)


def _widened(X: Array, n_bins: int) -> Array:
    """Short bins on the grid, each as often as it is wide."""
    return np.repeat(X, _ZOOM, axis=1)[:, 1 : n_bins + 1]


def _envelopes(harmonic: Array, percussive: Array) -> Array:
    """Levels of both medians in four bands, the percussive ones also as they were some frames ago; `(n_frames, 16)`."""
    columns: list[Array] = []
    frames = np.arange(len(harmonic))
    for low, high in pairwise(_BANDS):
        now, tones = (
            np.log(np.sqrt(np.mean(np.square(each[:, low:high]), axis=1)) + _FLOOR) for each in (percussive, harmonic)
        )
        columns += [*(now[_earlier(frames, lag)] for lag in _LAGS), tones]
    return np.stack(columns, axis=1)


def positions(n_bins: int) -> Array:
    """Where a bin lies, `(2, n_bins)`: the logarithm of its frequency, and how near to the bottom it is."""
    k = np.arange(n_bins)
    return np.stack([np.log(np.minimum(k, _BANDS[-1]) + 2.0), 4 * np.exp(-k / _LOW)]).astype(np.float32)


@lru_cache(maxsize=1)
def weights() -> tuple[tuple[Array, Array], ...]:
    """The network: for each layer its matrix `(n_out, n_in)` and its offsets `(n_out,)`."""
    with resources.files(__package__).joinpath("masks.npz").open("rb") as file, np.load(file) as kept:
        arrays = [kept[name] for name in kept.files]
    return tuple(zip(arrays[::2], arrays[1::2], strict=True))


def harmonic_mask(described: Described) -> Array:
    """The share of every bin that is harmonic, `(n_frames, n_bins)`, from 0 to 1."""
    (first, offset), *deeper = weights()
    n_local, n_bins = len(described.maps), described.maps[0].shape[1]
    told = n_local + 2
    matrix = np.ascontiguousarray(first[:, :told])
    offsets = described.frames @ first[:, told:].T + offset  # what is told of a whole frame joins the offsets
    X = np.empty((told, n_bins), dtype=np.float32)
    X[n_local:] = positions(n_bins)
    mask = np.empty((len(described.frames), n_bins), dtype=np.float32)
    for t, more in enumerate(offsets):
        for k in range(n_local):
            X[k] = described.maps[k][described.rows[k][t]]
        Z = matrix @ X
        Z += more[:, None]
        for inner, added in deeper:
            np.maximum(Z, 0, out=Z)
            Z = inner @ Z
            Z += added[:, None]
        mask[t] = Z[0]
    np.clip(mask, -_STEEPEST, _STEEPEST, out=mask)
    np.exp(np.negative(mask, out=mask), out=mask)
    mask += 1
    return np.divide(1, mask, out=mask)


def separate(y: Array, sr: int) -> Array:
    """The harmonic and the percussive part `(2, channels, n)` of a signal `(channels, n)`; they sum to it."""
    at = resolution(sr)
    D = stft(y, *at)
    D *= harmonic_mask(describe(y, D, at))
    harmonic = istft(D, *at, y.shape[1])
    return np.stack([harmonic, y - harmonic])
