"""Pitch classes: chroma of the STFT and of the constant-Q transform, CENS, tonal centroids. librosa's numbers and shapes."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ostinato.audio.constant_q import C1, early_downsampled, highest_frequency, octave_kernels, octaves, responses
from ostinato.audio.stft import Array

N_CHROMA, N_OCTAVES, BINS_PER_OCTAVE = 12, 7, 36
HOP_MULTIPLE = 1 << (N_OCTAVES - 1)  # samples; a constant-Q hop is a multiple of it
_CENS_STEPS = (0.05, 0.1, 0.2, 0.4)  # Müller and Ewert 2011; each that a class exceeds adds a quarter
CENS_WINDOW = 41  # frames
_OCTAVE_CENTRE, _OCTAVE_WIDTH = 5.0, 2.0  # of the Gaussian over octaves, Ellis 2007
_A0 = 27.5  # Hz


def normalise(x: Array, norm: float) -> Array:
    """Each column divided by its norm (1, 2 or infinity); a column of zeros stays."""
    size = np.abs(x)
    if norm == np.inf:
        length = size.max(axis=0)
    elif norm == 1:
        length = size.sum(axis=0, dtype=np.float64)
    else:
        length = np.sqrt(np.square(x, dtype=np.float64).sum(axis=0))
    length = np.where(length < np.finfo(np.float32).tiny, 1.0, length)
    result: Array = (x / length).astype(x.dtype)
    return result


@lru_cache(maxsize=64)
def chroma_filters(sr: float, n_fft: int, tuning: float = 0.0) -> Array:
    """Gaussian bumps of each pitch class over the bins, `(12, 1 + n_fft / 2)`, float32: librosa.filters.chroma (Ellis 2007)."""
    hz = np.arange(1, n_fft) * (sr / n_fft)
    octs = np.log2(hz / (_A0 * 2.0 ** (tuning / N_CHROMA)))
    pitch = N_CHROMA * np.concatenate([[octs[0] - 1.5], octs])
    width = np.concatenate([np.maximum(np.diff(pitch), 1.0), [1.0]])
    half = N_CHROMA / 2
    distance = np.remainder(pitch[None, :] - np.arange(N_CHROMA)[:, None] + half + 10 * N_CHROMA, N_CHROMA) - half
    weights = np.exp(-0.5 * (2 * distance / width) ** 2)
    weights /= np.sqrt(np.square(weights).sum(axis=0))
    weights *= np.exp(-0.5 * ((pitch / N_CHROMA - _OCTAVE_CENTRE) / _OCTAVE_WIDTH) ** 2)
    return np.ascontiguousarray(np.roll(weights, -3, axis=0)[:, : 1 + n_fft // 2], dtype=np.float32)


def chroma_of_power(power: Array, sr: float, n_fft: int, tuning: float) -> Array:
    """chroma_stft `(12, n_frames)` of a power spectrogram `(1 + n_fft / 2, n_frames)`."""
    return normalise((power.T @ chroma_filters(sr, n_fft, tuning).T).T, np.inf)


def pitch_class_energy(y: Array, sr: float, hop_length: int, tuning: float, n_frames: int | None = None) -> Array:
    """Constant-Q magnitudes of seven octaves from C1 summed into pitch classes, `(12, n_frames)`, not normalised.

    36 filters an octave, three a semitone; `tuning` in 36ths of an octave.
    """
    n_frames = 1 + len(y) // hop_length if n_frames is None else n_frames
    lowest = C1 * 2.0 ** (tuning / BINS_PER_OCTAVE)
    y, sr, hop_length = early_downsampled(y, sr, hop_length, lowest, BINS_PER_OCTAVE, N_OCTAVES)
    matrix = octave_kernels(sr, lowest * 2.0 ** (N_OCTAVES - 1), BINS_PER_OCTAVE)
    total = np.zeros((n_frames, BINS_PER_OCTAVE), dtype=np.float32)
    for octave, (low, _) in enumerate(octaves(y, sr, N_OCTAVES)):
        for start, response in responses(low, hop_length >> octave, n_frames, matrix):
            total[start : start + len(response)] += np.abs(response)
    centred = np.roll(total, 1, axis=1)  # a semitone is its filter and both neighbours
    result: Array = centred.reshape(n_frames, N_CHROMA, -1).sum(axis=2).T
    return result


def fits(sr: float, hop_length: int) -> bool:
    """Whether seven octaves from C1 lie below the Nyquist frequency and the hop divides in their rates."""
    top = C1 * 2.0 ** (N_OCTAVES - 1 + 0.5 / BINS_PER_OCTAVE)
    return highest_frequency(top, BINS_PER_OCTAVE) <= sr / 2 and hop_length % HOP_MULTIPLE == 0


def cens_of(energy: Array, win_len_smooth: int = CENS_WINDOW) -> Array:
    """chroma_cens `(12, n_frames)` of pitch class energies: quantised, smoothed, of unit length."""
    share = normalise(energy, 1)
    steps = np.zeros(share.shape, dtype=np.float64)
    for step in _CENS_STEPS:
        steps += 0.25 * (share > step)
    return normalise(smooth(steps, win_len_smooth).astype(np.float32), 2)


def smooth(x: Array, length: int) -> Array:
    """Rows under a Hann window of `length` frames and unit sum; nothing beyond the ends."""
    window = np.hanning(length + 2)
    window = window[1:-1] / window.sum()
    return np.stack([np.convolve(row, window, mode="full")[length // 2 :][: x.shape[1]] for row in x])


@lru_cache(maxsize=1)
def _tonal_basis() -> Array:
    """Circles of fifths, minor and major thirds, `(6, 12)` (Harte, Sandler and Gasser 2006)."""
    classes = np.arange(N_CHROMA)
    turns = np.multiply.outer([7 / 6, 7 / 6, 3 / 2, 3 / 2, 2 / 3, 2 / 3], classes)
    turns[::2] -= 0.5
    radius = np.array([1, 1, 1, 1, 0.5, 0.5])
    basis: npt.NDArray[np.float64] = radius[:, None] * np.cos(np.pi * turns)
    return basis


def tonnetz_of(chroma: Array) -> Array:
    """Tonal centroids `(6, n_frames)` of chroma `(12, n_frames)`."""
    result: Array = _tonal_basis() @ normalise(chroma, 1)
    return result
