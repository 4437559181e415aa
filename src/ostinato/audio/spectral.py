"""Shape of the spectrum, frame by frame: centroid, bandwidth, roll-off, contrast, flatness; and level and zero crossings.

Names, shapes and numbers are librosa's under its defaults. `S` is a magnitude spectrogram `(1 + n_fft / 2, n_frames)`;
functions that need the same sums share them by `moments`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ostinato.audio.mel import AMIN, power_to_db
from ostinato.audio.stft import Array, fft_frequencies, windowed_sums

N_BANDS, CONTRAST_FMIN, CONTRAST_QUANTILE = 6, 200.0, 0.02  # librosa.feature.spectral_contrast's
ROLL_PERCENT = 0.85
_SILENT = 1e-10  # samples up to this magnitude count as zero in zero crossings
_BLOCK = 64  # frames that stay in the processor's second cache


@dataclass(frozen=True)
class Moments:
    """Sum of each frame's magnitudes, and their first and second moment over frequency (Hz, Hz²), each `(n_frames,)`."""

    total: npt.NDArray[np.float64]
    first: npt.NDArray[np.float64]
    second: npt.NDArray[np.float64]


@lru_cache(maxsize=8)
def _powers_of_frequency(sr: float, n_fft: int) -> Array:
    freq = fft_frequencies(sr, n_fft)
    return np.stack([np.ones_like(freq), freq, freq**2], axis=1)


def moments(S: Array, sr: float, n_fft: int) -> Moments:
    """The sums that centroid and bandwidth share, in double precision: a bandwidth is a difference of large numbers."""
    X, powers = S.T, _powers_of_frequency(sr, n_fft)
    sums = np.empty((len(X), 3))
    for start in range(0, len(X), _BLOCK):
        sums[start : start + _BLOCK] = X[start : start + _BLOCK].astype(np.float64) @ powers
    total = np.where(sums[:, 0] > 0, sums[:, 0], 1.0)
    return Moments(sums[:, 0], sums[:, 1] / total, sums[:, 2] / total)


def centroid_of(m: Moments) -> Array:
    """Mean frequency of each frame in Hz, `(1, n_frames)`; 0 in silence."""
    return m.first[None, :]


def bandwidth_of(m: Moments) -> Array:
    """Spread of each frame around its centroid in Hz, `(1, n_frames)`; 0 in silence."""
    result: Array = np.sqrt(np.maximum(m.second - m.first**2, 0.0))[None, :]
    return result


def spectral_rolloff(S: Array, sr: float, n_fft: int, roll_percent: float = ROLL_PERCENT) -> Array:
    """Frequency below which `roll_percent` of each frame's magnitude lies, in Hz, `(1, n_frames)`.

    Summed bin by bin in single precision, as librosa does: the answer is a bin, and rounding decides between two.
    """
    X = S.T
    bins = np.empty(len(X), dtype=np.intp)
    for start in range(0, len(X), _BLOCK):
        rising = np.cumsum(X[start : start + _BLOCK], axis=1)
        threshold = (roll_percent * rising[:, -1]).astype(rising.dtype)
        bins[start : start + _BLOCK] = np.count_nonzero(rising < threshold[:, None], axis=1)
    result: Array = fft_frequencies(sr, n_fft)[bins][None, :]
    return result


def spectral_flatness(S: Array, power: float = 2.0) -> Array:
    """Geometric over arithmetic mean of each frame's power, 0 (tone) to 1 (noise), `(1, n_frames)`."""
    X = S.T
    result = np.empty(len(X), dtype=np.float32)
    for start in range(0, len(X), _BLOCK):
        block = X[start : start + _BLOCK]
        squared = np.maximum(np.square(block) if power == 2.0 else block**power, np.float32(AMIN))  # noqa: PLR2004
        result[start : start + _BLOCK] = np.exp(np.log(squared).mean(axis=1)) / squared.mean(axis=1)
    return result[None, :]


@dataclass(frozen=True)
class Extremes:
    """Mean of the loudest and of the quietest bins of each octave band, each `(n_bands + 1, n_frames)`."""

    peak: Array
    valley: Array


@lru_cache(maxsize=8)
def contrast_bands(
    sr: float, n_fft: int, fmin: float = CONTRAST_FMIN, n_bands: int = N_BANDS, quantile: float = CONTRAST_QUANTILE
) -> tuple[tuple[int, int, int], ...]:
    """First bin, one past the last bin, and number of bins averaged, of each band.

    librosa refuses rates whose Nyquist frequency lies below the highest band; here such bands are left out.
    """
    freq = fft_frequencies(sr, n_fft)
    n_bands = max(1, min(n_bands, int(np.ceil(np.log2(sr / 2 / fmin)))))
    edges = np.concatenate([[0.0], fmin * 2.0 ** np.arange(n_bands + 1)])
    bands = []
    for k in range(n_bands + 1):
        inside = np.flatnonzero((freq >= edges[k]) & (freq <= edges[k + 1]))
        first = int(inside[0]) - (k > 0)
        last = len(freq) - 1 if k == n_bands else int(inside[-1])
        count = max(1, round(quantile * (last - first + 1)))
        bands.append((first, last + (k == n_bands), count))
    return tuple(bands)


def band_extremes(S: Array, bands: tuple[tuple[int, int, int], ...]) -> Extremes:
    """Peaks and valleys of octave bands of each frame."""
    X = S.T
    peak, valley = np.empty((2, len(bands), len(X)), dtype=np.float32)
    for row, (first, stop, count) in enumerate(bands):
        ordered = np.sort(X[:, first:stop], axis=1)
        valley[row] = ordered[:, :count].mean(axis=1)
        peak[row] = ordered[:, -count:].mean(axis=1)
    return Extremes(peak, valley)


def contrast_of(extremes: Extremes) -> Array:
    """Peak over valley in dB, `(n_bands + 1, n_frames)`; both are cut 80 dB below the clip's highest."""
    result: Array = power_to_db(extremes.peak) - power_to_db(extremes.valley)
    return result


def zero_crossing_rate(y: Array, frame_length: int = 2_048, hop_length: int = 512, *, center: bool = True) -> Array:
    """Share of samples of each frame at which the sign changes, `(1, n_frames)`."""
    padded = np.pad(y, frame_length // 2, mode="edge") if center else y
    return crossings_of(padded, frame_length, hop_length)


def crossings_of(padded: Array, frame_length: int, hop_length: int) -> Array:
    """`zero_crossing_rate` of samples that are padded already."""
    negative = padded < -_SILENT
    changes = np.zeros(len(padded), dtype=np.float32)
    np.not_equal(negative[1:], negative[:-1], out=changes[1:], casting="unsafe")
    sums = windowed_sums(changes, frame_length, hop_length)
    first = changes[::hop_length][: len(sums)]  # against the sample before the frame: not inside it
    result: Array = ((sums - first) / frame_length)[None, :]
    return result


def rms(y: Array, frame_length: int = 2_048, hop_length: int = 512, *, center: bool = True) -> Array:
    """Root mean square of each frame, `(1, n_frames)`."""
    samples = np.asarray(y, dtype=np.float32)
    return level_of(np.pad(samples, frame_length // 2) if center else samples, frame_length, hop_length)


def level_of(padded: Array, frame_length: int, hop_length: int) -> Array:
    """`rms` of samples that are padded already."""
    result: Array = np.sqrt(windowed_sums(np.square(padded), frame_length, hop_length) / frame_length)[None, :]
    return result
