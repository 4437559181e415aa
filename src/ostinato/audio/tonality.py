"""Harmony and melody without key: which intervals a piece uses, whatever the pitch it is transposed to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ostinato.audio.key import key_correlations
from ostinato.audio.stft import Array, magnitudes

N = 12
LAGS = (1, 2, 4)  # frames between the two pitch classes of a step, 93 ms each at 22,050 Hz
_LOWEST, _HIGHEST = 55.0, 4000.0  # Hz
_FLOOR = 10 ** (-40 / 20)  # of the frame's highest peak
_QUIET = 10 ** (-50 / 20)  # of the clip's loudest frame


def spectral_peaks(y: Array, sr: float) -> tuple[npt.NDArray[np.intp], Array, Array, int]:
    """Frame, pitch (MIDI) and magnitude of the peaks of a fine spectrum, and the number of frames.

    The spectrum has bins of 2.7 Hz at 22,050 Hz, fine enough for semitones from about 55 Hz up.
    """
    n_fft = 1 << round(np.log2(0.3715 * sr))
    S = magnitudes(y, n_fft, n_fft // 4)
    low, high = max(1, int(_LOWEST * n_fft / sr)), min(len(S) - 1, int(_HIGHEST * n_fft / sr))
    X = S.T[:, low - 1 : high + 1]
    top = X.max(axis=1, keepdims=True)
    middle = X[:, 1:-1]
    is_peak = (middle > X[:, :-2]) & (middle >= X[:, 2:]) & (middle > _FLOOR * top) & (top > _QUIET * top.max())
    frames, bins = np.nonzero(is_peak)
    a, b, c = (np.log(np.maximum(X[frames, bins + k], 1e-12)).astype(np.float64) for k in range(3))
    curve = a - 2 * b + c
    shift = np.where(curve < 0, 0.5 * (a - c) / np.minimum(curve, -1e-12), 0.0)
    hz = (bins + low + np.clip(shift, -0.5, 0.5)) * sr / n_fft
    return frames, 69.0 + 12.0 * np.log2(hz / 440.0), X[frames, bins + 1].astype(np.float64), len(X)


def tuning(pitch: Array, weight: Array) -> float:
    """Deviation from A = 440 Hz in semitones, -0.5 to 0.5: the circular mean over peaks."""
    return float(np.angle(np.sum(weight * np.exp(2j * np.pi * pitch))) / (2 * np.pi))


def pitch_classes(y: Array, sr: float) -> tuple[Array, Array, Array]:
    """Share of each pitch class in each sounding frame `(n_sounding, 12)`, and those frames' mean pitch and spread."""
    frames, pitch, magnitude, n_frames = spectral_peaks(y, sr)
    # partials get weaker with height; the square root keeps inner voices beside a loud one
    weight = np.sqrt(magnitude) * 2.0 ** (-(pitch - 69.0) / 24.0)
    classes = np.rint(pitch - tuning(pitch, weight)).astype(int) % N
    chroma = np.bincount(frames * N + classes, weights=weight, minlength=n_frames * N).reshape(n_frames, N)
    total = chroma.sum(axis=1)
    sounding = total > 0
    scale = np.where(sounding, total, 1.0)
    height = np.bincount(frames, weights=weight * pitch, minlength=n_frames) / scale
    square = np.bincount(frames, weights=weight * np.square(pitch), minlength=n_frames) / scale
    spread = np.sqrt(np.maximum(square - height**2, 0.0))
    return (chroma / scale[:, None])[sounding], height[sounding], spread[sounding]


def best_key(profile: Array) -> tuple[int, float, float]:
    """Tonic (0 is C), how well the best key fits (-1 to 1), and how much better the best major than the best minor."""
    fits = key_correlations(profile)
    return int(np.argmax(fits.max(axis=0))), float(fits.max()), float(fits[0].max() - fits[1].max())


def _entropy(shares: Array) -> Array:
    result: Array = -np.sum(shares * np.log2(np.maximum(shares, 1e-12)), axis=-1)
    return result


def tonal_vector(y: Array, sr: float) -> dict[str, Array]:
    """Numbers of a whole clip, by name: scale degrees, key, intervals, steps, density and movement."""
    chroma, height, spread = pitch_classes(y, sr)
    if not len(chroma):
        chroma, height, spread = np.full((1, N), 1.0 / N), np.zeros(1), np.zeros(1)
    profile = chroma.mean(axis=0)
    tonic, clarity, mode = best_key(profile)
    steps = {}
    for lag in LAGS:
        before, after = (chroma[:-lag], chroma[lag:]) if len(chroma) > lag else (chroma, chroma)
        joint = before.T @ after / len(before)
        steps[f"pitch_step_{lag}"] = np.array([np.mean(np.diag(np.roll(joint, -k, axis=1))) * N for k in range(N)])
    together = chroma.T @ chroma / len(chroma)
    interval = [np.mean(np.diag(np.roll(together, -k, axis=1))) * N for k in range(1, N // 2 + 1)]
    moved = np.abs(np.diff(chroma, axis=0)).sum(axis=1) if len(chroma) > 1 else np.zeros(1)
    density, leaps = _entropy(chroma), np.abs(np.diff(height)) if len(height) > 1 else np.zeros(1)
    return {
        "scale_degree": np.roll(profile, -tonic),
        "key_clarity": np.array([clarity]),
        "key_mode": np.array([mode]),
        "interval": np.array(interval),
        **steps,
        "pitch_class_entropy": np.array([_entropy(profile)]),
        "pitch_class_density": np.array([density.mean(), density.std()]),
        "pitch_class_change": np.array([moved.mean(), moved.std()]),
        "pitch_spread": np.array([spread.mean(), spread.std()]),
        "pitch_range": np.array([height.std(), leaps.mean()]),
    }
