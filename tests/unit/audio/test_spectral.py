"""Our numbers are librosa's."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from ostinato.audio import rhythm, spectral
from ostinato.audio.presets import Hearing
from ostinato.audio.statistics import STATISTICS, summarise

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
    return spectral.magnitudes(y, 2048, 512)


def test_stft(y: np.ndarray, S: np.ndarray) -> None:
    close(S, np.abs(librosa.stft(y)))


@pytest.mark.parametrize(("sr", "n_fft", "n_mels"), [(22_050, 2_048, 128), (8_000, 512, 40), (44_100, 4_096, 128)])
def test_mel_filters(sr: int, n_fft: int, n_mels: int) -> None:
    close(spectral.mel_filters(sr, n_fft, n_mels), librosa.filters.mel(sr=sr, n_fft=n_fft, n_mels=n_mels))


def test_mfcc(y: np.ndarray, S: np.ndarray) -> None:
    log_mel = spectral.power_to_db(spectral.melspectrogram(S, SR, 2048))
    close(spectral.mfcc(log_mel), librosa.feature.mfcc(y=y, sr=SR, n_mfcc=20))
    close(rhythm.onset_strength(log_mel, 2048, 512), librosa.onset.onset_strength(y=y, sr=SR))


def test_shape_of_spectra(y: np.ndarray, S: np.ndarray) -> None:
    freq = spectral.fft_frequencies(SR, 2048)
    centroid = spectral.spectral_centroid(S, freq)
    close(centroid, librosa.feature.spectral_centroid(y=y, sr=SR))
    close(spectral.spectral_bandwidth(S, freq, centroid), librosa.feature.spectral_bandwidth(y=y, sr=SR))
    close(spectral.spectral_rolloff(S, freq), librosa.feature.spectral_rolloff(y=y, sr=SR))
    close(spectral.spectral_flatness(S), librosa.feature.spectral_flatness(y=y))
    close(spectral.spectral_contrast(S, SR, 2048), librosa.feature.spectral_contrast(y=y, sr=SR))


def test_waveform_features(y: np.ndarray) -> None:
    close(spectral.zero_crossing_rate(y, 2048, 512), librosa.feature.zero_crossing_rate(y))
    close(spectral.rms(y, 2048, 512), librosa.feature.rms(y=y))


def test_contrast_at_low_rates_has_the_bands_that_fit() -> None:
    S = spectral.magnitudes(melody(1.0, sr=8_000), 512, 128)
    ours = spectral.spectral_contrast(S, 8_000, 512)
    close(ours, librosa.feature.spectral_contrast(S=S, sr=8_000, n_fft=512, n_bands=len(ours) - 1))


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
