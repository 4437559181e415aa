"""The short-time Fourier transform and its inverse, frames first, on any number of channels."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Spectra = npt.NDArray[np.complex64]

_BLOCK = 1 << 16  # samples transformed at once, so that they stay in the processor's cache
_LEAST_WEIGHT = 1e-3  # of overlapping windows; only samples beyond both ends have less


@lru_cache(maxsize=16)
def hann(n: int) -> Array:
    """The periodic Hann window of `n` samples."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)).astype(np.float32)


def stft(y: Array, n_fft: int, hop_length: int) -> Spectra:
    """Spectra `(channels, n_frames, 1 + n_fft / 2)` of a signal `(channels, n)`, frame `t` centred on `t * hop_length`."""
    from scipy import fft

    padded = np.pad(y, ((0, 0), (n_fft // 2, n_fft // 2)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft, axis=1)[:, ::hop_length]
    result = np.empty((*frames.shape[:2], 1 + n_fft // 2), dtype=np.complex64)
    step = max(1, _BLOCK // n_fft)
    for channel, spectra in zip(frames, result, strict=True):
        for start in range(0, len(channel), step):
            block = channel[start : start + step] * hann(n_fft)
            spectra[start : start + step] = fft.rfft(block, axis=1, overwrite_x=True)
    return result


def istft(D: Spectra, n_fft: int, hop_length: int, length: int) -> Array:
    """The signal `(channels, length)` whose spectra come nearest to `D` (Griffin and Lim 1984); the hop divides `n_fft`."""
    from scipy import fft

    channels, n_frames, _ = D.shape
    window, overlap = hann(n_fft), n_fft // hop_length
    y = np.zeros((channels, n_frames + overlap, hop_length), dtype=np.float32)
    weight = np.zeros((n_frames + overlap, hop_length), dtype=np.float32)
    squared = np.square(window).reshape(overlap, hop_length)
    for k in range(overlap):
        weight[k : k + n_frames] += squared[k]
    step = max(1, _BLOCK // n_fft)
    for out, spectra in zip(y, D, strict=True):
        for start in range(0, n_frames, step):
            block: Any = fft.irfft(spectra[start : start + step], n_fft, axis=1) * window
            parts = block.reshape(len(block), overlap, hop_length)
            for k in range(overlap):
                out[start + k : start + k + len(block)] += parts[:, k]
    y /= np.maximum(weight, _LEAST_WEIGHT)
    middle = n_fft // 2
    whole = np.zeros((channels, length), dtype=np.float32)
    heard = y.reshape(channels, -1)[:, middle : middle + length]
    whole[:, : heard.shape[1]] = heard
    return whole


def magnitudes(y: Array, n_fft: int, hop_length: int) -> Array:
    """Magnitudes `(n_frames, 1 + n_fft / 2)` of a signal `(channels, n)`, the root mean square of its channels."""
    return loudness(stft(y, n_fft, hop_length))


def loudness(D: Spectra) -> Array:
    """The root mean square over the channels of spectra `(channels, n_frames, n_bins)`."""
    if len(D) == 1:
        single: Array = np.abs(D[0])
        return single
    power = sum(np.square(spectra.real) + np.square(spectra.imag) for spectra in D)
    result: Array = np.sqrt(power / np.float32(len(D)))
    return result
