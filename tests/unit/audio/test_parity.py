"""Every column of every clip is librosa's, to 1e-4 where it comes from the STFT and to 1e-2 from constant Q and HPSS.

Relative to librosa's value or, where that passes through zero, to a floor: a thousandth of the row's largest frame, and for
skew and kurtosis, whose sampling error over a clip is above 0.1, 0.05.
"""

from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np
import pytest

from ostinato.audio.decode import decode
from ostinato.audio.presets import Hearing
from ostinato.audio.reference import fma_frames
from ostinato.audio.statistics import STATISTICS, summarise

from .conftest import SR, melody

CONSTANT_Q = {"chroma_cens", "chroma_cqt", "tonnetz", "harmonic_energy", "percussive_energy"}


def librosa_s(y: np.ndarray) -> dict[str, np.ndarray]:
    mfcc = librosa.feature.mfcc(y=y, sr=SR)
    harmonic, percussive = librosa.decompose.hpss(np.abs(librosa.stft(y)))
    return {
        **fma_frames(y, SR),
        "harmonic_energy": librosa.feature.rms(S=harmonic),
        "melspectrogram": librosa.feature.melspectrogram(y=y, sr=SR),
        "mfcc_delta": librosa.feature.delta(mfcc),
        "mfcc_delta2": librosa.feature.delta(mfcc, order=2),
        "onset_strength": librosa.onset.onset_strength(y=y, sr=SR)[None, :],
        "percussive_energy": librosa.feature.rms(S=percussive),
        "spectral_flatness": librosa.feature.spectral_flatness(y=y),
    }


def floors(frames: np.ndarray) -> np.ndarray:
    """What counts as zero, `(n_rows, n_statistics)`."""
    largest = np.abs(frames).max(axis=1)
    shapes = {"skew": 0.05, "kurtosis": 0.05}
    return np.stack(
        [np.full_like(largest, shapes.get(name, 0)) if name in shapes else 1e-3 * largest for name in STATISTICS],
        axis=1,
    )


def check(y: np.ndarray) -> None:
    columns = Hearing("full").vector(y)
    for function, frames in librosa_s(y).items():
        rows = [function] if len(frames) == 1 else [f"{function}_{k:02d}" for k in range(1, len(frames) + 1)]
        ours = np.array([[columns[f"{row}_{name}"] for name in STATISTICS] for row in rows])
        theirs = summarise(frames)
        relative = np.abs(ours - theirs) / np.maximum(np.maximum(np.abs(theirs), floors(frames)), 1e-12)
        worst = np.unravel_index(relative.argmax(), relative.shape)
        bound = 1e-2 if function in CONSTANT_Q else 1e-4
        assert relative[worst] <= bound, (
            f"{rows[worst[0]]}_{STATISTICS[worst[1]]}: {ours[worst]} against {theirs[worst]}"
        )


def sounds() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    t = np.arange(4 * SR) / SR
    noise = rng.normal(0, 0.1, len(t))
    made = {
        "melody": melody(4.0),
        "noise": noise,
        "quiet": 1e-4 * noise,
        "sweep": 0.5 * np.sin(2 * np.pi * (50 * t + 1_000 * t**2)),
        "clicks": np.where(np.arange(len(t)) % 11_025 == 0, 0.9, 0.0) + 1e-3 * noise,
        # not digital silence after sound: there librosa's constant Q, and so its chroma, is what rounding leaves
        "half quiet": noise * np.where(t < 2, 1.0, 1e-4),
    }
    return {name: y.astype(np.float32) for name, y in made.items()}


@pytest.mark.parametrize("name", sounds())
@pytest.mark.filterwarnings("ignore:Trying to estimate tuning from empty frequency set")
def test_synthetic_clips(name: str) -> None:
    check(sounds()[name])


GENRES = ("blues", "classical", "disco", "metal", "reggae")


@pytest.mark.parametrize("genre", GENRES)
def test_recorded_clips(genre: str, shared: Path) -> None:
    check(decode(sorted((shared / "audio" / "genres" / genre).iterdir())[2]))
