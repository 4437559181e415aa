"""librosa's feature functions by librosa's names, arguments and shapes, at a fraction of their cost.

    from ostinato.audio import feature
    feature.mfcc(y=y, sr=sr)                       # (20, n_frames)
    S = feature.spectrogram(y=y)                   # |STFT|, shared by all that follow
    feature.spectral_centroid(S=S, sr=sr)          # (1, n_frames)

Every function takes either a mono signal `y` or the intermediate that it is made of (`S`, a magnitude spectrogram; for mfcc
decibels of a mel spectrogram, for chroma_stft a power spectrogram, as librosa does), and the arguments that change its
numbers. For all features of a clip at once, `ostinato.AudioFeatureExtractor` shares everything that can be shared.
"""

from __future__ import annotations

import numpy as np

from ostinato.audio import chroma, mel, spectral, stft, tuning
from ostinato.audio.constant_q import cqt
from ostinato.audio.mel import power_to_db
from ostinato.audio.spectral import rms, zero_crossing_rate
from ostinato.audio.stft import Array
from ostinato.core.errors import UsageError

__all__ = [
    "chroma_cens",
    "chroma_cqt",
    "chroma_stft",
    "cqt",
    "estimate_tuning",
    "melspectrogram",
    "mfcc",
    "power_to_db",
    "rms",
    "spectral_bandwidth",
    "spectral_centroid",
    "spectral_contrast",
    "spectral_flatness",
    "spectral_rolloff",
    "spectrogram",
    "tonnetz",
    "zero_crossing_rate",
]


def spectrogram(
    *, y: Array, n_fft: int = 2_048, hop_length: int = 512, power: float = 1.0, center: bool = True
) -> Array:
    """|STFT| to a power under a Hann window, `(1 + n_fft / 2, n_frames)`, float32."""
    S = stft.magnitudes(_mono(y), n_fft, hop_length, center=center)
    return S if power == 1.0 else S**power


def _mono(y: Array) -> Array:
    y = np.asarray(y)
    if y.ndim != 1 or not len(y):
        raise UsageError(f"y has shape {y.shape}; expected samples of one channel (n,). Average the channels first")
    if not np.isfinite(y).all():
        raise UsageError("y has samples that are NaN or infinite")
    return y


def _spectrum(y: Array | None, S: Array | None, n_fft: int, hop_length: int, power: float = 1.0) -> tuple[Array, int]:
    """The spectrogram that was given, or that of `y`; and its window length."""
    if S is not None:
        if S.ndim != 2 or (y is not None):  # noqa: PLR2004 - bins and frames
            raise UsageError(f"expected either y or S of shape (1 + n_fft / 2, n_frames); S has shape {S.shape}")
        return np.asarray(S, dtype=np.float32), 2 * (len(S) - 1)
    if y is None:
        raise UsageError("expected y (samples) or S (a spectrogram)")
    return spectrogram(y=y, n_fft=n_fft, hop_length=hop_length, power=power), n_fft


def melspectrogram(
    *,
    y: Array | None = None,
    sr: float = 22_050,
    S: Array | None = None,
    n_fft: int = 2_048,
    hop_length: int = 512,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
) -> Array:
    """Mel power spectrogram `(n_mels, n_frames)`; `S` is a power spectrogram."""
    power, n_fft = _spectrum(y, S, n_fft, hop_length, power=2.0)
    return mel.mel_of_power(power, sr, n_fft, n_mels, fmin, fmax)


def mfcc(
    *,
    y: Array | None = None,
    sr: float = 22_050,
    S: Array | None = None,
    n_mfcc: int = 20,
    n_fft: int = 2_048,
    hop_length: int = 512,
    n_mels: int = 128,
) -> Array:
    """Mel-frequency cepstral coefficients `(n_mfcc, n_frames)`; `S` is a mel spectrogram in dB."""
    log_mel = (
        power_to_db(melspectrogram(y=y, sr=sr, n_fft=n_fft, hop_length=hop_length, n_mels=n_mels)) if S is None else S
    )
    return mel.mfcc_of_mel(np.asarray(log_mel, dtype=np.float32), n_mfcc)


def spectral_centroid(
    *, y: Array | None = None, sr: float = 22_050, S: Array | None = None, n_fft: int = 2_048, hop_length: int = 512
) -> Array:
    """Mean frequency of each frame in Hz, `(1, n_frames)`."""
    S, n_fft = _spectrum(y, S, n_fft, hop_length)
    return spectral.centroid_of(spectral.moments(S, sr, n_fft))


def spectral_bandwidth(
    *, y: Array | None = None, sr: float = 22_050, S: Array | None = None, n_fft: int = 2_048, hop_length: int = 512
) -> Array:
    """Spread of each frame around its centroid in Hz, `(1, n_frames)`."""
    S, n_fft = _spectrum(y, S, n_fft, hop_length)
    return spectral.bandwidth_of(spectral.moments(S, sr, n_fft))


def spectral_rolloff(
    *,
    y: Array | None = None,
    sr: float = 22_050,
    S: Array | None = None,
    n_fft: int = 2_048,
    hop_length: int = 512,
    roll_percent: float = spectral.ROLL_PERCENT,
) -> Array:
    """Frequency below which `roll_percent` of each frame's magnitude lies, in Hz, `(1, n_frames)`."""
    S, n_fft = _spectrum(y, S, n_fft, hop_length)
    return spectral.spectral_rolloff(S, sr, n_fft, roll_percent)


def spectral_flatness(
    *, y: Array | None = None, S: Array | None = None, n_fft: int = 2_048, hop_length: int = 512, power: float = 2.0
) -> Array:
    """Geometric over arithmetic mean of each frame's power, 0 (tone) to 1 (noise), `(1, n_frames)`."""
    S, _ = _spectrum(y, S, n_fft, hop_length)
    return spectral.spectral_flatness(S, power)


def spectral_contrast(
    *,
    y: Array | None = None,
    sr: float = 22_050,
    S: Array | None = None,
    n_fft: int = 2_048,
    hop_length: int = 512,
    fmin: float = spectral.CONTRAST_FMIN,
    n_bands: int = spectral.N_BANDS,
    quantile: float = spectral.CONTRAST_QUANTILE,
) -> Array:
    """Peak over valley of octave bands in dB, `(n_bands + 1, n_frames)`; bands above the Nyquist frequency are left out."""
    S, n_fft = _spectrum(y, S, n_fft, hop_length)
    return spectral.contrast_of(spectral.band_extremes(S, spectral.contrast_bands(sr, n_fft, fmin, n_bands, quantile)))


def estimate_tuning(
    *,
    y: Array | None = None,
    sr: float = 22_050,
    S: Array | None = None,
    n_fft: int = 2_048,
    bins_per_octave: int = 12,
) -> float:
    """Deviation from A = 440 Hz in parts of a bin, -0.5 to 0.5."""
    S, n_fft = _spectrum(y, S, n_fft, n_fft // 4)
    return tuning.estimate_tuning(S, sr, n_fft=n_fft, bins_per_octave=bins_per_octave)


def chroma_stft(
    *,
    y: Array | None = None,
    sr: float = 22_050,
    S: Array | None = None,
    n_fft: int = 2_048,
    hop_length: int = 512,
    tuning: float | None = None,
) -> Array:
    """Pitch classes of the STFT, `(12, n_frames)`, the strongest of each frame 1; `S` is a power spectrogram."""
    S, n_fft = _spectrum(y, S, n_fft, hop_length, power=2.0)
    tuned = estimate_tuning(S=S, sr=sr) if tuning is None else tuning
    return chroma.chroma_of_power(S, sr, n_fft, tuned)


def _pitch_classes(y: Array | None, sr: float, C: Array | None, hop_length: int, tuning: float | None) -> Array:
    if C is not None:
        octaves = np.abs(C).reshape(-1, chroma.BINS_PER_OCTAVE, C.shape[1]).sum(axis=0)
        result: Array = np.roll(octaves, 1, axis=0).reshape(chroma.N_CHROMA, -1, C.shape[1]).sum(axis=1)
        return result
    if y is None:
        raise UsageError("expected y (samples) or C (a constant-Q transform)")
    if not chroma.fits(sr, hop_length):
        raise UsageError(
            f"sr={sr}, hop_length={hop_length}: seven octaves from 32.7 Hz need sr of 8,700 or more and a hop divisible "
            f"by {chroma.HOP_MULTIPLE}"
        )
    y = _mono(y)
    tuned = estimate_tuning(y=y, sr=sr, bins_per_octave=chroma.BINS_PER_OCTAVE) if tuning is None else tuning
    return chroma.pitch_class_energy(y, sr, hop_length, tuned)


def chroma_cqt(
    *,
    y: Array | None = None,
    sr: float = 22_050,
    C: Array | None = None,
    hop_length: int = 512,
    tuning: float | None = None,
) -> Array:
    """Pitch classes of a constant-Q transform of seven octaves from C1, 36 bins each, `(12, n_frames)`; `C` is that transform."""
    return chroma.normalise(_pitch_classes(y, sr, C, hop_length, tuning), np.inf)


def chroma_cens(
    *,
    y: Array | None = None,
    sr: float = 22_050,
    C: Array | None = None,
    hop_length: int = 512,
    tuning: float | None = None,
    win_len_smooth: int = 41,
) -> Array:
    """Chroma that is quantised and smoothed over time, `(12, n_frames)`, each frame of unit length (Müller and Ewert 2011)."""
    return chroma.cens_of(_pitch_classes(y, sr, C, hop_length, tuning), win_len_smooth)


def tonnetz(*, y: Array | None = None, sr: float = 22_050, chroma: Array | None = None, hop_length: int = 512) -> Array:
    """Tonal centroids `(6, n_frames)`: fifths, minor and major thirds, x and y by turns (Harte, Sandler and Gasser 2006)."""
    from ostinato.audio.chroma import tonnetz_of

    return tonnetz_of(chroma_cqt(y=y, sr=sr, hop_length=hop_length) if chroma is None else chroma)
