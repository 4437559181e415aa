"""librosa's spectral features, in numpy alone.

The names, shapes and numbers are librosa's (`feature.mfcc`, `feature.spectral_centroid`, …; its defaults). They are
written out here because importing `librosa.core` compiles for twenty seconds on a fresh machine, and because one
shared STFT is all that a clip needs. `S` is a magnitude spectrogram `(1 + n_fft / 2, n_frames)`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import fft

Array = npt.NDArray[np.floating]

_AMIN = 1e-10
_TOP_DB = 80.0
_CHUNK = 64  # frames that stay in the processor's cache
_SILENT = 1e-10  # samples below this magnitude count as zero in zero crossings


def frame(y: Array, n_fft: int, hop_length: int) -> Array:
    """Overlapping windows of `y`, a view of shape `(n_frames, n_fft)`."""
    return np.lib.stride_tricks.sliding_window_view(y, n_fft)[::hop_length]


@lru_cache(maxsize=8)
def hann(n: int) -> Array:
    """The periodic Hann window of `n` samples."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)


def magnitudes(y: Array, n_fft: int, hop_length: int) -> Array:
    """|STFT| of a signal padded with zeros so that frame `t` is centred on sample `t * hop_length`; float32.

    Transformed in double precision, as librosa does: in single, the quiet bins beside a loud tone are rounding errors.
    """
    padded = np.pad(np.asarray(y, dtype=np.float32), n_fft // 2)
    frames = frame(padded, n_fft, hop_length)
    result = np.empty((len(frames), 1 + n_fft // 2), dtype=np.float32)
    for start in range(0, len(frames), _CHUNK):
        block = frames[start : start + _CHUNK] * hann(n_fft)
        result[start : start + _CHUNK] = np.abs(fft.rfft(block, axis=1, overwrite_x=True).astype(np.complex64))
    return result.T


def fft_frequencies(sr: float, n_fft: int) -> Array:
    """Centre frequencies of the bins in Hz."""
    return np.fft.rfftfreq(n_fft, 1.0 / sr)


def power_to_db(S: Array, ref: float = 1.0) -> Array:
    """Decibels of a power spectrogram, cut at 80 dB below its peak."""
    db = 10.0 * np.log10(np.maximum(S, _AMIN)) - 10.0 * np.log10(max(_AMIN, ref))
    result: Array = np.maximum(db, db.max() - _TOP_DB)
    return result


@lru_cache(maxsize=8)
def mel_filters(sr: float, n_fft: int, n_mels: int = 128) -> Array:
    """Slaney's triangular filters of equal area, `(n_mels, 1 + n_fft / 2)`."""
    top = _hz_to_mel(sr / 2)
    edges = _mel_to_hz(np.linspace(0.0, top, n_mels + 2))
    widths = np.diff(edges)
    ramps = edges[:, None] - fft_frequencies(sr, n_fft)[None, :]
    lower, upper = -ramps[:-2] / widths[:-1, None], ramps[2:] / widths[1:, None]
    weights = np.maximum(0.0, np.minimum(lower, upper)) * (2.0 / (edges[2:] - edges[:-2]))[:, None]
    return weights.astype(np.float32)


_MEL_BREAK_HZ, _MEL_LINEAR, _MEL_LOG = 1000.0, 200.0 / 3.0, np.log(6.4) / 27.0  # Slaney's Auditory Toolbox


def _hz_to_mel(hz: float) -> float:
    if hz < _MEL_BREAK_HZ:
        return hz / _MEL_LINEAR
    return float(_MEL_BREAK_HZ / _MEL_LINEAR + np.log(hz / _MEL_BREAK_HZ) / _MEL_LOG)


def _mel_to_hz(mels: Array) -> Array:
    at_break = _MEL_BREAK_HZ / _MEL_LINEAR
    logarithmic = _MEL_BREAK_HZ * np.exp(_MEL_LOG * (np.maximum(mels, at_break) - at_break))
    result: Array = np.where(mels < at_break, mels * _MEL_LINEAR, logarithmic)
    return result


def melspectrogram(S: Array, sr: float, n_fft: int, n_mels: int = 128) -> Array:
    """Mel power spectrogram `(n_mels, n_frames)` of magnitudes `S`."""
    result: Array = mel_filters(sr, n_fft, n_mels) @ np.square(S)
    return result


def mfcc(log_mel: Array, n_mfcc: int = 20) -> Array:
    """Cepstral coefficients `(n_mfcc, n_frames)` of a mel spectrogram in dB."""
    result: Array = fft.dct(log_mel, axis=0, type=2, norm="ortho")[:n_mfcc]
    return result


def _share_of_bins(S: Array) -> Array:
    total = S.sum(axis=0, dtype=np.float64, keepdims=True)
    result: Array = S / np.where(total > 0, total, 1.0)
    return result


def spectral_centroid(S: Array, freq: Array) -> Array:
    """Mean frequency of each frame in Hz, `(1, n_frames)`; 0 in silence."""
    return np.asarray(freq @ _share_of_bins(S))[None, :]


def spectral_bandwidth(S: Array, freq: Array, centroid: Array) -> Array:
    """Spread of each frame around its centroid in Hz, `(1, n_frames)`."""
    share = _share_of_bins(S)
    variance = np.square(freq) @ share - np.square(centroid[0]) * (2.0 - share.sum(axis=0))
    result: Array = np.sqrt(np.maximum(variance, 0.0))[None, :]
    return result


def spectral_rolloff(S: Array, freq: Array, roll_percent: float = 0.85) -> Array:
    """Frequency below which `roll_percent` of each frame's magnitude lies, `(1, n_frames)`."""
    rising = np.cumsum(S, axis=0)
    result: Array = freq[np.argmax(rising >= roll_percent * rising[-1], axis=0)][None, :]
    return result


def spectral_flatness(S: Array) -> Array:
    """Geometric over arithmetic mean of each frame's power, 0 (tone) to 1 (noise), `(1, n_frames)`."""
    power = np.maximum(np.square(S), _AMIN)
    result: Array = np.exp(np.mean(np.log(power), axis=0)) / np.mean(power, axis=0)
    return result[None, :]


def spectral_contrast(S: Array, sr: float, n_fft: int, fmin: float = 200.0, quantile: float = 0.02) -> Array:
    """Peak over valley in dB for up to 6 octave bands from `fmin` and the band below, `(n_bands + 1, n_frames)`.

    librosa refuses rates whose Nyquist frequency lies below the highest band; here such bands are left out.
    """
    freq = fft_frequencies(sr, n_fft)
    n_bands = max(1, min(6, int(np.ceil(np.log2(sr / 2 / fmin)))))
    edges = np.concatenate([[0.0], fmin * 2.0 ** np.arange(n_bands + 1)])
    valleys, peaks = [], []
    for k in range(n_bands + 1):
        inside = np.flatnonzero((freq >= edges[k]) & (freq <= edges[k + 1]))
        first = inside[0] - 1 if k > 0 else inside[0]
        last = len(freq) - 1 if k == n_bands else inside[-1]
        count = last - first + 1
        n = max(1, round(quantile * count))
        band = S[first : last + (k == n_bands)]
        ordered = np.partition(band, sorted({n - 1, len(band) - n}), axis=0)
        valleys.append(ordered[:n].mean(axis=0))
        peaks.append(ordered[-n:].mean(axis=0))
    result: Array = power_to_db(np.stack(peaks)) - power_to_db(np.stack(valleys))
    return result


def zero_crossing_rate(y: Array, frame_length: int, hop_length: int) -> Array:
    """Share of samples of each frame at which the sign changes, `(1, n_frames)`."""
    padded = np.pad(y, frame_length // 2, mode="edge")
    negative = padded < -_SILENT
    changes = np.concatenate([[0], np.cumsum(negative[1:] != negative[:-1])])
    starts = np.arange(0, len(padded) - frame_length + 1, hop_length)
    result: Array = ((changes[starts + frame_length - 1] - changes[starts]) / frame_length)[None, :]
    return result


def rms(y: Array, frame_length: int, hop_length: int) -> Array:
    """Root mean square of each frame, `(1, n_frames)`."""
    padded = np.pad(np.asarray(y, dtype=np.float64), frame_length // 2)
    energy = np.concatenate([[0.0], np.cumsum(np.square(padded))])
    starts = np.arange(0, len(padded) - frame_length + 1, hop_length)
    mean = np.maximum(energy[starts + frame_length] - energy[starts], 0.0) / frame_length
    result: Array = np.sqrt(mean)[None, :]
    return result
