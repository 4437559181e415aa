"""Our numbers are librosa's."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from ostinato.audio import feature, mel
from ostinato.audio.constant_q import cqt
from ostinato.audio.presets import Hearing
from ostinato.audio.statistics import STATISTICS, summarise
from ostinato.audio.stft import magnitudes
from ostinato.core.errors import UsageError

from .conftest import SR, melody

CLOSE = 1e-4  # relative, of the largest value of the feature


def close(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=CLOSE, atol=CLOSE * np.abs(theirs).max())


@pytest.fixture(scope="module", params=["melody", "noise", "silence", "mixed"])
def y(request: pytest.FixtureRequest) -> np.ndarray:
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.1, 3 * SR).astype(np.float32)
    return {
        "melody": melody(3.0),
        "noise": noise,
        "silence": np.zeros(3 * SR, dtype=np.float32),
        "mixed": np.concatenate([melody(1.0), np.zeros(SR, dtype=np.float32), noise[:SR]]),
    }[request.param]


@pytest.fixture(scope="module")
def S(y: np.ndarray) -> np.ndarray:  # noqa: N802 - the field's name for a spectrogram
    return feature.spectrogram(y=y)


def test_stft(y: np.ndarray, S: np.ndarray) -> None:
    close(S, np.abs(librosa.stft(y)))


@pytest.mark.parametrize(("sr", "n_fft", "n_mels"), [(22_050, 2_048, 128), (8_000, 512, 40), (44_100, 4_096, 128)])
def test_mel_filters(sr: int, n_fft: int, n_mels: int) -> None:
    close(mel.mel_filters(sr, n_fft, n_mels), librosa.filters.mel(sr=sr, n_fft=n_fft, n_mels=n_mels))


FROM_SIGNAL = [
    "chroma_cens",
    "chroma_cqt",
    "chroma_stft",
    "melspectrogram",
    "mfcc",
    "spectral_bandwidth",
    "spectral_centroid",
    "spectral_contrast",
    "spectral_rolloff",
    "tonnetz",
]


@pytest.mark.parametrize("name", FROM_SIGNAL)
@pytest.mark.filterwarnings("ignore:Trying to estimate tuning from empty frequency set")
def test_equals_librosa(y: np.ndarray, name: str) -> None:
    close(getattr(feature, name)(y=y, sr=SR), getattr(librosa.feature, name)(y=y, sr=SR))


@pytest.mark.parametrize("name", ["rms", "spectral_flatness", "zero_crossing_rate"])
def test_without_a_rate_equals_librosa(y: np.ndarray, name: str) -> None:
    given = {"y": y} if name == "spectral_flatness" else {}
    ours = getattr(feature, name)(**given) if given else getattr(feature, name)(y)
    close(ours, getattr(librosa.feature, name)(y=y))


@pytest.mark.parametrize(("n_fft", "hop_length"), [(1_024, 256), (4_096, 1_024), (2_048, 500)])
def test_other_frames_equal_librosa(n_fft: int, hop_length: int) -> None:
    y, frames = melody(2.0), {"n_fft": n_fft, "hop_length": hop_length}
    for name in ("chroma_stft", "mfcc", "spectral_bandwidth", "spectral_contrast", "spectral_rolloff"):
        close(getattr(feature, name)(y=y, sr=SR, **frames), getattr(librosa.feature, name)(y=y, sr=SR, **frames))
    close(feature.rms(y, n_fft, hop_length), librosa.feature.rms(y=y, frame_length=n_fft, hop_length=hop_length))
    ours = feature.zero_crossing_rate(y, n_fft, hop_length)
    close(ours, librosa.feature.zero_crossing_rate(y, frame_length=n_fft, hop_length=hop_length))


def test_from_intermediates(y: np.ndarray, S: np.ndarray) -> None:
    log_mel = feature.power_to_db(feature.melspectrogram(S=S**2, sr=SR))
    close(feature.mfcc(S=log_mel), feature.mfcc(y=y, sr=SR))
    close(feature.spectral_centroid(S=S, sr=SR), feature.spectral_centroid(y=y, sr=SR))
    close(feature.chroma_stft(S=S**2, sr=SR), feature.chroma_stft(y=y, sr=SR))
    tuned = feature.estimate_tuning(y=y, sr=SR, bins_per_octave=36)
    C = feature.cqt(y, sr=SR, n_bins=252, bins_per_octave=36, tuning=tuned)
    close(feature.chroma_cqt(C=C), feature.chroma_cqt(y=y, sr=SR))
    close(feature.chroma_cens(C=C), feature.chroma_cens(y=y, sr=SR))


@pytest.mark.filterwarnings("ignore:Trying to estimate tuning from empty frequency set")
@pytest.mark.parametrize("bins_per_octave", [12, 36])
def test_tuning_is_librosa_s_to_the_hundredth(y: np.ndarray, S: np.ndarray, bins_per_octave: int) -> None:
    for power in (1, 2):
        theirs = librosa.estimate_tuning(S=S**power, sr=SR, bins_per_octave=bins_per_octave)
        assert feature.estimate_tuning(S=S**power, sr=SR, bins_per_octave=bins_per_octave) == theirs


@pytest.mark.parametrize("tuning", [0.0, 0.37])
@pytest.mark.parametrize(
    ("sr", "hop_length", "bins_per_octave"), [(22_050, 512, 12), (44_100, 1_024, 36), (16_000, 256, 24)]
)
def test_constant_q(sr: int, hop_length: int, bins_per_octave: int, tuning: float) -> None:
    y = melody(2.0, sr=sr)
    how = {"sr": sr, "hop_length": hop_length, "n_bins": 7 * bins_per_octave, "bins_per_octave": bins_per_octave}
    ours, theirs = cqt(y, **how, tuning=tuning), librosa.cqt(y, **how, tuning=tuning)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < 2e-4 * np.abs(theirs).max()


def test_contrast_at_low_rates_has_the_bands_that_fit() -> None:
    S = magnitudes(melody(1.0, sr=8_000), 512, 128)
    ours = feature.spectral_contrast(S=S, sr=8_000)
    close(ours, librosa.feature.spectral_contrast(S=S, sr=8_000, n_fft=512, n_bands=len(ours) - 1))


def test_wrong_arguments_are_named() -> None:
    y = melody(1.0)
    with pytest.raises(UsageError, match="expected y"):
        feature.spectral_centroid()
    with pytest.raises(UsageError, match="one channel"):
        feature.mfcc(y=np.stack([y, y]))
    with pytest.raises(UsageError, match="NaN or infinite"):
        feature.mfcc(y=y * np.float32("nan"))
    with pytest.raises(UsageError, match="hop divisible by 64"):
        feature.chroma_cqt(y=y, hop_length=500)
    with pytest.raises(UsageError, match="ask for fewer bins"):
        cqt(y, sr=8_000)
    with pytest.raises(UsageError, match="whole octaves"):
        cqt(y, n_bins=80)


def test_columns_of_a_preset_hold_librosa_s_numbers() -> None:
    y = melody(3.0)
    columns = Hearing("fast").vector(y)
    assert len(columns) == (20 + 1 + 1 + 1 + 7 + 1 + 1 + 1) * 7
    for function, frames in {
        "mfcc": librosa.feature.mfcc(y=y, sr=SR),
        "spectral_centroid": librosa.feature.spectral_centroid(y=y, sr=SR),
    }.items():
        ours = np.array([value for name, value in columns.items() if name.startswith(function + "_")])
        np.testing.assert_allclose(ours, summarise(frames).ravel(), rtol=1e-3, atol=1e-3)
        prefix = f"{function}_01_" if len(frames) > 1 else f"{function}_"
        assert [prefix + name for name in STATISTICS] == [name for name in columns if name.startswith(prefix)]
