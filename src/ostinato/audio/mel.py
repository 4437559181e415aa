"""Mel spectra, decibels and cepstra: librosa's names, arguments, shapes and numbers."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import fft

from ostinato.audio.stft import Array, fft_frequencies

AMIN, TOP_DB = 1e-10, 80.0  # librosa.power_to_db's
_MEL_BREAK_HZ, _MEL_LINEAR, _MEL_LOG = 1000.0, 200.0 / 3.0, np.log(6.4) / 27.0  # Slaney's Auditory Toolbox


@lru_cache(maxsize=8)
def mel_filters(sr: float, n_fft: int, n_mels: int = 128, fmin: float = 0.0, fmax: float | None = None) -> Array:
    """Slaney's triangular filters of equal area, `(n_mels, 1 + n_fft / 2)`, float32."""
    low, top = _hz_to_mel(fmin), _hz_to_mel(sr / 2 if fmax is None else fmax)
    edges = _mel_to_hz(np.linspace(low, top, n_mels + 2))
    widths = np.diff(edges)
    ramps = edges[:, None] - fft_frequencies(sr, n_fft)[None, :]
    lower, upper = -ramps[:-2] / widths[:-1, None], ramps[2:] / widths[1:, None]
    filters: Array = np.maximum(0.0, np.minimum(lower, upper)).astype(
        np.float32
    )  # rounded before scaling, as librosa does
    filters *= (2.0 / (edges[2:] - edges[:-2]))[:, None]
    filters.flags.writeable = False
    return filters


def _hz_to_mel(hz: float) -> float:
    if hz < _MEL_BREAK_HZ:
        return hz / _MEL_LINEAR
    return float(_MEL_BREAK_HZ / _MEL_LINEAR + np.log(hz / _MEL_BREAK_HZ) / _MEL_LOG)


def _mel_to_hz(mels: Array) -> Array:
    at_break = _MEL_BREAK_HZ / _MEL_LINEAR
    logarithmic = _MEL_BREAK_HZ * np.exp(_MEL_LOG * (np.maximum(mels, at_break) - at_break))
    result: Array = np.where(mels < at_break, mels * _MEL_LINEAR, logarithmic)
    return result


def mel_of_power(
    power: Array, sr: float, n_fft: int, n_mels: int = 128, fmin: float = 0.0, fmax: float | None = None
) -> Array:
    """Mel spectrogram `(n_mels, n_frames)` of a power spectrogram `(1 + n_fft / 2, n_frames)`."""
    result: Array = (power.T @ mel_filters(sr, n_fft, n_mels, fmin, fmax).T).T
    return result


def power_to_db(S: Array, *, ref: float = 1.0, amin: float = AMIN, top_db: float | None = TOP_DB) -> Array:
    """Decibels of a power spectrogram, cut `top_db` below its peak; `top_db=None` cuts nothing."""
    db = np.log10(np.maximum(S, amin))
    db *= 10.0
    if ref != 1.0:
        db -= 10.0 * np.log10(max(amin, abs(ref)))
    if top_db is not None and db.size:
        np.maximum(db, db.max() - top_db, out=db)
    return db


def mfcc_of_mel(log_mel: Array, n_mfcc: int = 20) -> Array:
    """Cepstral coefficients `(n_mfcc, n_frames)` of a mel spectrogram in dB."""
    result: Array = fft.dct(log_mel.T, axis=1, type=2, norm="ortho")[:, :n_mfcc].T
    return result
