"""How far a recording is tuned from A = 440 Hz: librosa.estimate_tuning, over the spectrogram's peaks only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ostinato.audio.stft import Array

FMIN, FMAX = 150.0, 4000.0  # Hz, librosa.piptrack's
_THRESHOLD = 0.1  # of a frame's largest bin
_STEPS = 100  # a bin's hundredth
_A0 = 27.5  # Hz; octaves count from here


@dataclass(frozen=True)
class Peaks:
    """Interpolated peaks of a spectrogram: frequency in Hz and height, float32, each `(n_peaks,)`."""

    pitch: Array
    magnitude: Array


def spectral_peaks(S: Array, sr: float, n_fft: int = 2_048) -> Peaks:
    """The local maxima between 150 and 4,000 Hz of each frame of `S` `(1 + n_fft / 2, n_frames)`, as librosa.piptrack.

    Where librosa interpolates every bin and then looks for peaks, this interpolates at the peaks. The types are its own:
    a hundredth of a bin is decided by the last digits.
    """
    X = np.ascontiguousarray(S.T)
    hz = np.arange(X.shape[1]) * (sr / n_fft)
    inside = np.flatnonzero((hz >= FMIN) & (hz < min(FMAX, sr / 2)))
    low, high = int(inside[0]), min(int(inside[-1]) + 1, X.shape[1] - 1)
    left, middle, right = X[:, low - 1 : high - 1], X[:, low:high], X[:, low + 1 : high + 1]
    loud = middle > np.float32(_THRESHOLD) * X.max(axis=1, keepdims=True)
    is_peak = middle > left
    is_peak &= loud
    is_peak &= middle >= right
    at = np.flatnonzero(is_peak)
    frames, bins = np.divmod(at, high - low)
    where = frames * X.shape[1] + bins + low
    flat = X.reshape(-1)
    a, b, c = flat[where - 1], flat[where], flat[where + 1]
    curve = (c + a).astype(np.float64) - 2.0 * b.astype(np.float64)
    slope = (c - a).astype(np.float64) / 2.0
    safe = np.where(np.abs(slope) < np.abs(curve), curve, -np.inf)
    shift = (-slope / safe).astype(np.float32)
    pitch = ((bins + low) + shift.astype(np.float64)) * sr / n_fft
    gradient = (c - a) / np.float32(2.0)
    height = b + np.float32(0.5) * gradient * shift
    return Peaks(pitch.astype(np.float32), height)


def tuning_of(peaks: Peaks, bins_per_octave: int = 12) -> float:
    """Deviation in bins, -0.5 to 0.5 in hundredths: the commonest among the louder half of the peaks; 0 without any."""
    return tuning_of_parts([peaks], np.sort(peaks.magnitude), bins_per_octave)


def tuning_of_parts(parts: Iterable[Peaks], heights: Array, bins_per_octave: int = 12) -> float:
    """`tuning_of` peaks that come in parts; `heights` are the magnitudes of all, ascending."""
    if not len(heights):
        return 0.0
    n = len(heights)
    median = (heights[(n - 1) // 2] + heights[n // 2]) / np.float32(2.0)
    edges: npt.NDArray[np.float64] = np.linspace(-0.5, 0.5, _STEPS + 1)
    counts = np.zeros(_STEPS, dtype=np.int64)
    for peaks in parts:
        pitch = peaks.pitch[peaks.magnitude >= median]
        residual = np.mod(bins_per_octave * np.log2(pitch / np.float32(_A0)), np.float32(1.0))
        residual[residual >= 0.5] -= 1.0  # noqa: PLR2004 - the nearer neighbour
        residual.sort()
        below = np.searchsorted(residual, edges)
        below[-1] = np.searchsorted(residual, edges[-1], side="right")
        counts += np.diff(below)
    return float(edges[np.argmax(counts)])


def estimate_tuning(S: Array, sr: float, *, n_fft: int = 2_048, bins_per_octave: int = 12) -> float:
    """Tuning of a spectrogram, in parts of a bin: librosa.estimate_tuning(S=S, sr=sr, ...)."""
    return tuning_of(spectral_peaks(S, sr, n_fft), bins_per_octave)
