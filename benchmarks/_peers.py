"""The same work by librosa and by essentia, as their users write it."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any

import librosa
import numpy as np

from ostinato.audio.reference import fma_frames
from ostinato.audio.statistics import summarise

SR = 22_050
Array = np.ndarray


def librosa_load(path: Path) -> Array:
    return librosa.load(path, sr=SR)[0]


def librosa_fma(y: Array) -> Array:
    """518 columns: eleven calls, each from the samples."""
    return np.concatenate([summarise(rows).ravel() for rows in fma_frames(y, SR).values()])


def librosa_energies(y: Array) -> dict[str, Array]:
    """Level of the harmonic and of the percussive part."""
    harmonic, percussive = librosa.decompose.hpss(np.abs(librosa.stft(y)))
    return {
        "harmonic_energy": librosa.feature.rms(S=harmonic),
        "percussive_energy": librosa.feature.rms(S=percussive),
    }


def librosa_fma_and_rhythm(y: Array) -> list[Any]:
    """`librosa_fma`, HPSS energies, tempo, beats and onsets."""
    return [
        librosa_fma(y),
        [summarise(rows) for rows in librosa_energies(y).values()],
        librosa.feature.tempo(y=y, sr=SR),
        librosa.beat.beat_track(y=y, sr=SR),
        librosa.onset.onset_detect(y=y, sr=SR),
    ]


def librosa_mel(y: Array) -> Array:
    return librosa.feature.melspectrogram(y=y, sr=SR)


def librosa_mfcc(y: Array) -> Array:
    return librosa.feature.mfcc(y=y, sr=SR)


def librosa_frames(y: Array) -> dict[str, Array]:
    """Frames of everything that has rows, for parity."""
    mfcc = librosa_mfcc(y)
    return {
        **fma_frames(y, SR),
        **librosa_energies(y),
        "melspectrogram": librosa_mel(y),
        "mfcc_delta": librosa.feature.delta(mfcc),
        "mfcc_delta2": librosa.feature.delta(mfcc, order=2),
        "onset_strength": librosa.onset.onset_strength(y=y, sr=SR)[None, :],
        "spectral_flatness": librosa.feature.spectral_flatness(y=y),
    }


def essentia_is_here() -> bool:
    return importlib.util.find_spec("essentia") is not None


@lru_cache(maxsize=1)
def _algorithms() -> tuple[Any, ...]:
    import essentia
    import essentia.standard as es

    essentia.log.infoActive = False
    bands = {"inputSize": 1025, "numberBands": 128, "sampleRate": SR, "highFrequencyBound": SR / 2}
    window, spectrum = es.Windowing(type="hann", size=2048), es.Spectrum(size=2048)
    return es.FrameGenerator, window, spectrum, es.MelBands(**bands), es.MFCC(numberCoefficients=20, **bands)


def _frames(y: Array, last: int) -> Array:
    frames, window, spectrum, *ends = _algorithms()
    end = ends[last]
    cut = frames(y, frameSize=2048, hopSize=512, startFromZero=False)
    return np.array([end(spectrum(window(frame))) if not last else end(spectrum(window(frame)))[1] for frame in cut])


def essentia_mel(y: Array) -> Array:
    """128 mel bands of Hann windows of 2,048 samples every 512."""
    return _frames(y, 0)


def essentia_mfcc(y: Array) -> Array:
    """20 coefficients of 128 mel bands."""
    return _frames(y, 1)
