"""Our harmonic and percussive parts are librosa's."""

from __future__ import annotations

from typing import Any

import librosa
import numpy as np
import pytest

from ostinato.audio.hpss import harmonic_percussive_energy, hpss
from ostinato.core.errors import UsageError

from .conftest import SR, melody

CLOSE = 1e-5  # of the largest magnitude


@pytest.fixture(scope="module")
def D() -> np.ndarray:  # noqa: N802 - the field's name for a spectrogram
    rng = np.random.default_rng(3)
    y = melody(1.5)
    strokes = np.zeros_like(y)
    for start in range(SR // 4, len(y) - SR // 2, SR // 3):
        strokes[start : start + 2_000] = rng.normal(0, 0.3, 2_000) * np.exp(-np.arange(2_000) / 300)
    y += strokes
    y[-SR // 2 :] = 0.0
    return librosa.stft(y)


def close(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=CLOSE, atol=CLOSE * np.abs(theirs).max())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mask": True},
        {"kernel_size": (17, 31)},
        {"kernel_size": [9, 64]},
        {"power": 1.0},
        {"power": 3.5, "mask": True},
        {"power": np.inf},
        {"power": np.inf, "mask": True},
        {"margin": 3.0},
        {"margin": (1.0, 5.0), "mask": True},
        {"margin": [2.0, 1.5], "power": np.inf},
    ],
    ids=str,
)
@pytest.mark.parametrize("layout", ["bins", "frames", "gaps"])
def test_librosa_s_numbers(D: np.ndarray, options: dict[str, Any], layout: str) -> None:
    S = {"bins": np.ascontiguousarray(D), "frames": np.asfortranarray(D), "gaps": D[:400:2, ::2]}[layout]
    for given in (S, np.abs(S)):
        for ours, theirs in zip(hpss(given, **options), librosa.decompose.hpss(given, **options), strict=True):
            close(ours, theirs)


def test_channels_and_double_precision(D: np.ndarray) -> None:
    stereo = np.stack([D, 0.5 * D[::-1]]).astype(np.complex128)
    for given in (stereo, np.swapaxes(np.ascontiguousarray(np.swapaxes(stereo, 1, 2)), 1, 2), np.abs(stereo)):
        for ours, theirs in zip(hpss(given), librosa.decompose.hpss(given), strict=True):
            close(ours, theirs)


@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1e6])
def test_any_loudness(D: np.ndarray, scale: float) -> None:
    S = (np.abs(D) * scale).astype(np.float32)
    for ours, theirs in zip(hpss(S, mask=True), librosa.decompose.hpss(S, mask=True), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=CLOSE)


def test_the_parts_sum_to_the_whole(D: np.ndarray) -> None:
    before = D.copy()
    harmonic, percussive = hpss(D)
    np.testing.assert_allclose(harmonic + percussive, D, atol=1e-5 * np.abs(D).max())
    np.testing.assert_array_equal(D, before)


@pytest.mark.parametrize("options", [{}, {"margin": (2.0, 3.0)}, {"power": 1.0, "kernel_size": (9, 21)}], ids=str)
@pytest.mark.parametrize("layout", ["bins", "frames"])
def test_energies(D: np.ndarray, options: dict[str, Any], layout: str) -> None:
    S = np.abs(D)
    S = np.ascontiguousarray(S) if layout == "bins" else np.asfortranarray(S)
    ours = harmonic_percussive_energy(S, **options)
    for rms, part in zip(ours, librosa.decompose.hpss(S, **options), strict=True):
        theirs = librosa.feature.rms(S=part)
        assert rms.shape == theirs.shape
        assert rms.dtype == theirs.dtype
        np.testing.assert_allclose(rms, theirs, rtol=1e-4, atol=1e-7 * theirs.max())


def test_silence_has_no_energy() -> None:
    for rms in harmonic_percussive_energy(np.zeros((1025, 40), dtype=np.float32)):
        np.testing.assert_array_equal(rms, np.zeros((1, 40)))


def test_a_tone_is_harmonic_and_a_click_is_percussive() -> None:
    tone, click = np.zeros((2, 1025, 80), dtype=np.float32)
    tone[100], click[:, 40] = 1.0, 1.0
    harmonic, percussive = harmonic_percussive_energy(tone)
    assert harmonic.min() > 100 * percussive.max()
    harmonic, percussive = harmonic_percussive_energy(click)
    assert percussive[0, 40] > 100 * harmonic.max()


@pytest.mark.parametrize("options", [{"power": 0}, {"margin": 0.5}, {"margin": (1, 0.9)}, {"kernel_size": (31, 0)}])
def test_refused(options: dict[str, Any]) -> None:
    for function in (hpss, harmonic_percussive_energy):
        with pytest.raises(UsageError, match=next(iter(options))):
            function(np.ones((65, 40), dtype=np.float32), **options)


def test_refused_spectrograms() -> None:
    with pytest.raises(UsageError, match="negative"):
        hpss(np.full((65, 40), -20.0))
    with pytest.raises(UsageError, match="shape"):
        hpss(np.ones(65))
    with pytest.raises(UsageError, match="shape"):
        harmonic_percussive_energy(np.ones((2, 65, 40)))
