"""Our onsets are librosa's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest

from ostinato.audio.onset import onset_backtrack, onset_detect, onset_strength, peak_pick, spectral_flux
from ostinato.core.errors import UsageError

from .conftest import SR, melody

CLOSE = 1e-4


def log_mel(y: np.ndarray, sr: float = SR) -> np.ndarray:
    return librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=sr, fmax=sr / 2))


@pytest.fixture(scope="module", params=["melody", "noise", "silence", "clicks"])
def S(request: pytest.FixtureRequest) -> np.ndarray:  # noqa: N802 - the field's name for a spectrogram
    rng = np.random.default_rng(1)
    clicks = np.zeros(4 * SR, dtype=np.float32)
    clicks[:: SR // 3] = 1.0
    return log_mel(
        {
            "melody": melody(4.0),
            "noise": rng.normal(0, 0.1, 4 * SR).astype(np.float32),
            "silence": np.zeros(4 * SR, dtype=np.float32),
            "clicks": clicks,
        }[request.param]
    )


@pytest.mark.parametrize("aggregate", [None, np.mean, np.median, np.max])
@pytest.mark.parametrize(
    "options", [{}, {"lag": 2, "max_size": 3}, {"detrend": True}, {"center": False}, {"n_fft": 4096, "hop_length": 256}]
)
def test_strength_is_librosas(S: np.ndarray, aggregate: Callable[..., Any] | None, options: dict[str, Any]) -> None:
    theirs = librosa.onset.onset_strength(S=S, sr=SR, aggregate=aggregate, **options)
    ours = onset_strength(S=S, sr=SR, aggregate=aggregate, **options)
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=CLOSE, atol=CLOSE * np.abs(theirs).max())


def test_strength_takes_channels_and_a_reference(S: np.ndarray) -> None:
    both = np.stack([S, S[::-1]])
    theirs = librosa.onset.onset_strength(S=both, sr=SR, ref=both - 1.0)
    np.testing.assert_allclose(onset_strength(S=both, sr=SR, ref=both - 1.0), theirs, rtol=CLOSE, atol=CLOSE)
    with pytest.raises(UsageError, match="shape"):
        onset_strength(S=both, ref=S)


def test_strength_leaves_its_input_alone(S: np.ndarray) -> None:
    before = S.copy()
    onset_strength(S=S, aggregate=np.median, detrend=True)
    np.testing.assert_array_equal(S, before)


@pytest.mark.parametrize("n_frames", [0, 1, 2, 3])
def test_strength_of_almost_nothing(n_frames: int) -> None:
    S = np.arange(4.0 * n_frames).reshape(4, n_frames)
    assert onset_strength(S=S).shape == (n_frames,)
    assert np.isfinite(onset_strength(S=S, lag=2, detrend=True)).all()


@pytest.mark.parametrize("units", ["frames", "samples", "time"])
@pytest.mark.parametrize("backtrack", [False, True])
def test_onsets_are_librosas(S: np.ndarray, units: str, backtrack: bool) -> None:
    envelope = onset_strength(S=S)
    ours = onset_detect(onset_envelope=envelope, units=units, backtrack=backtrack)
    if not envelope.any():
        assert ours.shape == (0,)  # librosa too, but it backtracks no onsets by raising
        return
    theirs = librosa.onset.onset_detect(onset_envelope=envelope, sr=SR, units=units, backtrack=backtrack)
    assert len(ours) > 0
    np.testing.assert_array_equal(ours, theirs)


def test_peaks_are_librosas(rng: np.random.Generator) -> None:
    for k in range(40):
        # few levels, so that ties are everywhere
        x = rng.integers(0, 6, 200).astype(np.float32 if k % 2 else np.float64) / 5
        sizes = {"pre_max": k % 5, "post_max": 1 + k % 4, "pre_avg": k % 7, "post_avg": 1 + k % 6}
        options = {**sizes, "wait": k % 3, "delta": 0.05}
        np.testing.assert_array_equal(peak_pick(x, **options), librosa.util.peak_pick(x, **options))


def test_backtracking_stays_at_minima() -> None:
    energy = np.array([3.0, 1.0, 2.0, 5.0, 4.0, 4.0, 6.0, 9.0])
    np.testing.assert_array_equal(onset_backtrack(np.array([0, 1, 3, 5, 7]), energy), [0, 1, 1, 5, 5])


@pytest.mark.parametrize("envelope", [np.zeros(0), np.ones(1), np.ones(80), np.full(80, np.nan)])
def test_no_onsets_where_nothing_begins(envelope: np.ndarray) -> None:
    assert onset_detect(onset_envelope=envelope, backtrack=True).shape == (0,)


def test_what_is_not_offered_is_named() -> None:
    S = np.zeros((4, 9))
    with pytest.raises(UsageError, match="feature"):
        onset_strength(S=S, feature=np.abs)
    with pytest.raises(UsageError, match="sparse"):
        onset_detect(onset_envelope=S[0], sparse=False)
    with pytest.raises(UsageError, match="lag=0"):
        onset_strength(S=S, lag=0)
    with pytest.raises(UsageError, match="units"):
        onset_detect(onset_envelope=S[0], units="beats")
    with pytest.raises(UsageError, match="shape"):
        onset_detect(onset_envelope=S)
    with pytest.raises(UsageError, match="pre_max"):
        onset_detect(onset_envelope=np.arange(9.0), pre_max=-1)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(1025, 200), (7, 30_000), (3, 1), (5, 2)])
def test_flux_is_the_norm_of_what_grew(rng: np.random.Generator, order: Any, shape: tuple[int, int]) -> None:
    S = np.asarray(rng.random(shape), dtype=np.float32, order=order)
    grown = np.maximum(np.diff(S.astype(np.float64), axis=1), 0)
    expected = np.concatenate([[0.0], np.linalg.norm(grown, axis=0)])
    flux = spectral_flux(S)
    assert flux.shape == (1, shape[1])
    np.testing.assert_allclose(flux[0], expected, rtol=1e-5)


def test_flux_ignores_what_fades() -> None:
    fading = np.linspace(1, 0, 50)[None, :] * np.ones((9, 1))
    assert not spectral_flux(fading).any()
    assert spectral_flux(fading[:, ::-1])[0, 1:].min() > 0


def test_real_music(shared: Path) -> None:
    for path in sorted((shared / "audio" / "genres").rglob("*.ogg"))[::12]:
        y, sr = librosa.load(path, sr=SR, duration=12)
        S = log_mel(y, sr)
        for aggregate in (np.mean, np.median):
            envelope = librosa.onset.onset_strength(S=S, sr=sr, aggregate=aggregate)
            np.testing.assert_allclose(onset_strength(S=S, aggregate=aggregate), envelope, rtol=CLOSE, atol=CLOSE)
        np.testing.assert_array_equal(
            onset_detect(onset_envelope=envelope), librosa.onset.onset_detect(onset_envelope=envelope, sr=sr)
        )
