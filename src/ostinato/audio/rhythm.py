"""Rhythm without tempo: how a piece divides its beat, whatever the speed at which it is played."""

from __future__ import annotations

import numpy as np
from scipy import fft

from ostinato.audio.stft import Array

# multiples of the beat that tell metres apart: Prockup et al. 2015, as in librosa.feature.tempogram_ratio
RATIOS = (4, 8 / 3, 3, 2, 4 / 3, 3 / 2, 2 / 3, 3 / 4, 1 / 2, 1 / 3, 3 / 8, 1 / 4)
SCALES = 32
INTERVALS = (-2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0)  # edges in octaves around the median interval between onsets
_SHORTEST, _LONGEST = 0.06, 6.0  # seconds of lag that carry rhythm
_START_BPM, _SPREAD_OCTAVES = 120.0, 1.0  # librosa.feature.tempo's prior


def autocorrelation(envelope: Array) -> Array:
    """Autocorrelation of an envelope less its mean, unbiased, 1 at lag 0 (all 0 for a constant envelope)."""
    centred = np.asarray(envelope, dtype=np.float64) - np.mean(envelope)
    n = len(centred)
    power = np.abs(fft.rfft(centred, fft.next_fast_len(2 * n, real=True))) ** 2
    raw = fft.irfft(power, fft.next_fast_len(2 * n, real=True))[:n]
    if raw[0] <= np.finfo(np.float32).eps * n:
        return np.zeros(n)
    result: Array = raw / raw[0] * (n / (n - np.arange(n) * 0.5))
    return result


def beat_period(acf: Array, frame_rate: float) -> float:
    """Frames a beat: the highest peak of the autocorrelation under librosa's prior around 120 beats a minute."""
    lags = np.arange(1, len(acf))
    if not len(lags):
        return 1.0
    bpm = 60.0 * frame_rate / lags
    prior = np.exp(-0.5 * (np.log2(bpm / _START_BPM) / _SPREAD_OCTAVES) ** 2)
    return float(lags[np.argmax(np.maximum(acf[1:], 0.0) * prior)])


def scale_transform(acf: Array, frame_rate: float) -> Array:
    """Magnitudes of the scale (Mellin) transform of an autocorrelation, `(SCALES,)`.

    Stretching time shifts the logarithm of the lag, which a Fourier magnitude does not see: the same dance at another
    tempo has the same transform (Holzapfel and Stylianou 2011).
    """
    log_lags = np.linspace(np.log(_SHORTEST), np.log(_LONGEST), 512)
    sampled = np.interp(np.exp(log_lags) * frame_rate, np.arange(len(acf)), acf, right=0.0) * np.exp(log_lags / 2)
    magnitude = np.abs(fft.rfft(sampled * np.hanning(len(sampled))))[: SCALES + 1]
    total = magnitude.sum()
    result: Array = magnitude[1:] / total if total > 0 else np.zeros(SCALES)
    return result


def onsets(envelope: Array) -> Array:
    """Frames at which the envelope peaks above its surroundings."""
    if len(envelope) < 3 or envelope.max() <= 0:  # noqa: PLR2004 - a peak has two neighbours
        return np.zeros(0)
    width = 9
    local = np.convolve(np.pad(envelope, width // 2), np.ones(width) / width, mode="valid")
    middle = envelope[1:-1]
    peak = (middle > envelope[:-2]) & (middle >= envelope[2:]) & (middle > local[1:-1] + 0.05 * envelope.max())
    return np.flatnonzero(peak) + 1.0


def rhythm_vector(envelope: Array, frame_rate: float) -> dict[str, Array]:
    """Numbers of a whole clip, by name: metre ratios, scale transform, onsets a beat, spread of their intervals."""
    acf = autocorrelation(envelope)
    period = beat_period(acf, frame_rate)
    frames = np.arange(len(acf))
    found = onsets(envelope)
    gaps = np.diff(found)
    ratios = np.log2(gaps / np.median(gaps)) if len(gaps) else np.zeros(0)
    shares = np.bincount(np.digitize(ratios, INTERVALS), minlength=len(INTERVALS) + 1) / max(1, len(gaps))
    return {
        "beat_ratio": np.interp(np.array(RATIOS) * period, frames, acf, right=0.0),
        "scale_transform": scale_transform(acf, frame_rate),
        "onset_interval": shares,
        "onset_interval_std": np.array([ratios.std() if len(ratios) else 0.0]),
        "onsets_a_beat": np.array([len(found) * period / max(1, len(envelope))]),
        "pulse_clarity": np.array([np.interp(period, frames, acf)]),
    }
