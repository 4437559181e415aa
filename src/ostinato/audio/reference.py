"""The features of the FMA data set by librosa itself: the reference, at the price of librosa's compilation."""

from __future__ import annotations

import warnings
from typing import Any

from ostinato.audio.decode import Waveform
from ostinato.audio.stft import Array

ROWS = {
    "chroma_cens": 12,
    "chroma_cqt": 12,
    "chroma_stft": 12,
    "mfcc": 20,
    "rms": 1,
    "spectral_bandwidth": 1,
    "spectral_centroid": 1,
    "spectral_contrast": 7,
    "spectral_rolloff": 1,
    "tonnetz": 6,
    "zero_crossing_rate": 1,
}


def fma_frames(y: Waveform, sr: int, n_fft: int = 2_048, hop_length: int = 512) -> dict[str, Array]:
    """Eleven features as `librosa.feature.F(y=y, sr=sr)` gives them, each `(n_rows, n_frames)`, 74 rows in all."""
    from librosa import feature

    stft: dict[str, Any] = {"y": y, "sr": sr, "n_fft": n_fft, "hop_length": hop_length}
    frames: dict[str, Any] = {"y": y, "frame_length": n_fft, "hop_length": hop_length}
    with warnings.catch_warnings():
        # a silent or very short clip has no tuning to estimate; its features are finite all the same
        warnings.filterwarnings("ignore", message="Trying to estimate tuning from empty frequency set")
        warnings.filterwarnings("ignore", message="n_fft=.* is too large for input signal")
        return {
            "chroma_cens": feature.chroma_cens(y=y, sr=sr, hop_length=hop_length),
            "chroma_cqt": feature.chroma_cqt(y=y, sr=sr, hop_length=hop_length),
            "chroma_stft": feature.chroma_stft(**stft),
            "mfcc": feature.mfcc(n_mfcc=20, **stft),
            "rms": feature.rms(**frames),
            "spectral_bandwidth": feature.spectral_bandwidth(**stft),
            "spectral_centroid": feature.spectral_centroid(**stft),
            "spectral_contrast": feature.spectral_contrast(**stft),
            "spectral_rolloff": feature.spectral_rolloff(**stft),
            "tonnetz": feature.tonnetz(y=y, sr=sr, hop_length=hop_length),
            "zero_crossing_rate": feature.zero_crossing_rate(**frames),
        }
