"""Our tempo and beats are librosa's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest

from ostinato.audio import beat
from ostinato.audio.beat import beat_track, tempo, tempogram
from ostinato.audio.onset import onset_strength
from ostinato.core.errors import UsageError

from .conftest import SR, melody

FRAME_RATE = SR / 512


def pulses(bpm: float, n: int = 600, first: int = 7) -> np.ndarray:
    """An envelope that rises at every beat, over a little noise."""
    envelope = np.abs(np.random.default_rng(3).normal(0, 0.05, n))
    envelope[np.round(np.arange(first, n - 1, 60 * FRAME_RATE / bpm)).astype(int)] += 1.0
    return envelope.astype(np.float32)


def envelopes() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    S = librosa.power_to_db(librosa.feature.melspectrogram(y=melody(8.0, seed=4), sr=SR))
    noise = np.abs(rng.normal(0, 1, 500))
    sparse = np.zeros(300)
    sparse[40] = 1.0
    return [
        onset_strength(S=S, aggregate=np.median),
        onset_strength(S=S),
        noise.astype(np.float32),
        noise,
        sparse.astype(np.float32),
        # what single precision cannot hold side by side
        noise * 10.0 ** rng.uniform(-14, 0, 500),
        noise * 1e100,
        np.arange(50.0),
        noise[:3],
        pulses(90),
        pulses(171),
    ]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"aggregate": None},
        {"aggregate": np.median},
        {"start_bpm": 60.0, "std_bpm": 0.5, "ac_size": 4.0},
        {"max_tempo": None},
        {"max_tempo": 100.0},
        {"sr": 16_000, "hop_length": 160},
    ],
)
def test_tempo_is_librosas(options: dict[str, Any]) -> None:
    for envelope in envelopes():
        theirs = librosa.feature.tempo(onset_envelope=envelope, **{"sr": SR, **options})
        np.testing.assert_array_equal(tempo(onset_envelope=envelope, **{"sr": SR, **options}), theirs)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"trim": False},
        {"bpm": 300.0},
        {"bpm": 40.0},
        {"bpm": 97.0, "tightness": 400.0},
        {"start_bpm": 70.0},
        {"bpm": 1800.0},
        {"units": "samples"},
        {"units": "time"},
        {"sr": 16_000, "hop_length": 160},
    ],
)
def test_beats_are_librosas(options: dict[str, Any]) -> None:
    for envelope in envelopes():
        theirs = librosa.beat.beat_track(onset_envelope=envelope, **{"sr": SR, **options})
        ours = beat_track(onset_envelope=envelope, **{"sr": SR, **options})
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])


@pytest.mark.parametrize("win_length", [384, 101, 1])
def test_tempogram_is_librosas(win_length: int) -> None:
    for envelope in envelopes()[:4]:
        theirs = librosa.feature.tempogram(onset_envelope=envelope, sr=SR, win_length=win_length)
        ours = tempogram(onset_envelope=envelope, win_length=win_length, sr=SR, hop_length=512)
        np.testing.assert_allclose(ours, theirs, atol=1e-7)
        if win_length > 1:
            np.testing.assert_array_equal(tempo(tg=ours), librosa.feature.tempo(tg=theirs, sr=SR))


def test_single_precision_stays_within_what_it_is_trusted_with(rng: np.random.Generator) -> None:
    for k in range(10):
        envelope = np.abs(rng.normal(0, 1, 100 * k + 20)) ** (1 + k % 4)
        single = beat._mean_tempogram((envelope / envelope.max()).astype(np.float32), 344)
        np.testing.assert_allclose(single, beat._mean_tempogram(envelope, 344), atol=beat._ROUNDING / 4)
        np.testing.assert_allclose(single, tempogram(onset_envelope=envelope, win_length=344).mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("bpm", [70, 90, 118, 129, 171])
def test_beats_of_a_metronome(bpm: float) -> None:
    envelope = pulses(bpm)
    found, beats = beat_track(onset_envelope=envelope, trim=False)
    assert found[0] == pytest.approx(bpm, rel=0.04)
    struck = np.flatnonzero(envelope > 0.9)
    assert np.mean([np.abs(struck - frame).min() <= 1 for frame in beats]) > 0.9


def test_silence_has_no_beats() -> None:
    found, beats = beat_track(onset_envelope=np.zeros(200, dtype=np.float32))
    assert found == 0.0
    assert beats.shape == (0,)


def test_a_constant_envelope_is_beaten_evenly() -> None:
    for level in (1e-30, 0.7, 1e30):
        found, beats = beat_track(onset_envelope=np.full(400, level, dtype=np.float32))
        assert np.ptp(np.diff(beats)) <= 2
        assert np.median(np.diff(beats)) == pytest.approx(60 * FRAME_RATE / found[0], abs=2)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_almost_nothing(n: int) -> None:
    found, beats = beat_track(onset_envelope=np.ones(n))
    assert np.isfinite(found).all()
    assert len(beats) <= n
    assert np.isfinite(tempo(onset_envelope=np.ones(n))).all()


def test_what_is_not_offered_is_named() -> None:
    envelope = pulses(100)
    with pytest.raises(UsageError, match="sparse"):
        beat_track(onset_envelope=envelope, sparse=False)
    with pytest.raises(UsageError, match="prior"):
        tempo(onset_envelope=envelope, prior=object())
    with pytest.raises(UsageError, match="changes"):
        beat_track(onset_envelope=envelope, bpm=np.full(len(envelope), 100.0))
    with pytest.raises(UsageError, match="frame"):
        beat_track(onset_envelope=envelope, bpm=6000)
    with pytest.raises(UsageError, match="tightness"):
        beat_track(onset_envelope=envelope, tightness=0)
    with pytest.raises(UsageError, match="units"):
        beat_track(onset_envelope=envelope, units="bars")
    with pytest.raises(UsageError, match="onset_envelope"):
        tempo()
    with pytest.raises(UsageError, match="start_bpm"):
        tempo(onset_envelope=envelope, start_bpm=0)
    with pytest.raises(UsageError, match="shape"):
        beat_track(onset_envelope=envelope[None])


def test_real_music(shared: Path) -> None:
    for path in sorted((shared / "audio" / "genres").rglob("*.ogg"))[::10]:
        y, sr = librosa.load(path, sr=SR)
        S = librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=sr, fmax=sr / 2))
        envelope = onset_strength(S=S, aggregate=np.median)
        theirs = librosa.beat.beat_track(onset_envelope=envelope, sr=sr)
        ours = beat_track(onset_envelope=envelope)
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])
        assert len(ours[1]) > 10
