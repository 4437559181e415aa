"""The short-time Fourier transform that all spectral features of a clip share.

A spectrogram `S` has librosa's shape `(1 + n_fft / 2, n_frames)`; in memory its frames are contiguous (it is the transpose
of an array `(n_frames, 1 + n_fft / 2)`), so that a frame's bins lie side by side for sums, sorts and filters.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import fft

Array = npt.NDArray[np.floating]
PadMode = Literal["constant", "edge", "reflect", "symmetric"]

_CHUNK = 32  # frames whose transform stays in the processor's second cache


def frame(y: Array, frame_length: int, hop_length: int) -> Array:
    """Overlapping windows of `y`, a view of shape `(n_frames, frame_length)`."""
    return np.lib.stride_tricks.sliding_window_view(y, frame_length)[::hop_length]


def centred(y: Array, frame_length: int, pad_mode: PadMode = "constant") -> Array:
    """`y` padded by half a window on both sides: frame `t` is then centred on sample `t * hop_length`."""
    half = frame_length // 2
    if pad_mode == "constant":
        padded = np.zeros(len(y) + 2 * half, dtype=np.float32)
        padded[half : half + len(y)] = y
        return padded
    return np.pad(np.asarray(y, dtype=np.float32), half, mode=pad_mode)


@lru_cache(maxsize=8)
def hann(n: int) -> Array:
    """The periodic Hann window of `n` samples."""
    window: Array = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    window.flags.writeable = False
    return window


def magnitudes(
    y: Array, n_fft: int = 2_048, hop_length: int = 512, *, center: bool = True, pad_mode: PadMode = "constant"
) -> Array:
    """|STFT| of a mono signal under a Hann window, float32.

    Transformed in double precision, as librosa does: in single, the quiet bins beside a loud tone are rounding errors.
    """
    samples = centred(y, n_fft, pad_mode) if center else np.asarray(y, dtype=np.float32)
    return frame_magnitudes(frame(samples, n_fft, hop_length)).T


def frame_magnitudes(frames: Array) -> Array:
    """|FFT| of windows `(n_frames, n_fft)` under a Hann window: `(n_frames, 1 + n_fft / 2)`, float32."""
    n_fft = frames.shape[1]
    result = np.empty((len(frames), 1 + n_fft // 2), dtype=np.float32)
    for start in range(0, len(frames), _CHUNK):
        block = frames[start : start + _CHUNK] * hann(n_fft)
        spectrum = fft.rfft(block, axis=1, overwrite_x=True)
        np.abs(spectrum.astype(np.complex64), out=result[start : start + _CHUNK])
    return result


def fft_frequencies(sr: float, n_fft: int) -> Array:
    """Centre frequencies of the bins in Hz."""
    return np.fft.rfftfreq(n_fft, 1.0 / sr)


def windowed_sums(x: Array, frame_length: int, hop_length: int) -> npt.NDArray[np.float64]:
    """Sums of `x` over overlapping windows, `(n_frames,)`."""
    n_frames = 1 + (len(x) - frame_length) // hop_length
    if frame_length % hop_length == 0:  # each hop is summed once
        n_hops = n_frames - 1 + frame_length // hop_length
        hops = x[: n_hops * hop_length].reshape(n_hops, hop_length).sum(axis=1, dtype=x.dtype).astype(np.float64)
        result: npt.NDArray[np.float64] = frame(hops, frame_length // hop_length, 1).sum(axis=1)
        return result
    rising = np.concatenate([[0.0], np.cumsum(x, dtype=np.float64)])
    starts = np.arange(n_frames) * hop_length
    differences: npt.NDArray[np.float64] = rising[starts + frame_length] - rising[starts]
    return np.maximum(differences, 0.0)
