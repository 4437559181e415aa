from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ostinato.audio.presets import VERSION, Hearing
from ostinato.audio.reference import ROWS, fma_frames
from ostinato.audio.rhythm import autocorrelation, beat_period
from ostinato.audio.statistics import summarise
from ostinato.audio.tonality import best_key, pitch_classes, tuning

from .conftest import SR, melody

# The numbers of this version. Where they change on purpose, raise VERSION, or caches go on serving the old ones.
GOLDEN = {
    2: {
        "mfcc_01_mean": -337.628,
        "mfcc_02_mean": 163.544,
        "mfcc_20_std": 20.2813,
        "spectral_centroid_mean": 515.96,
        "spectral_contrast_04_mean": 34.758,
        "spectral_flatness_mean": 3.55603e-05,
        "spectral_rolloff_std": 146.092,
        "zero_crossing_rate_mean": 0.0329152,
        "loudness_std": 2.72659,
        "onset_strength_mean": 0.090858,
        "beat_ratio_04": 0.327734,
        "scale_transform_08": 0.03505,
        "onset_interval_05": 0.5,
        "onsets_a_beat": 1.95376,
        "pulse_clarity": 0.604492,
        "scale_degree_01": 0.333726,
        "scale_degree_08": 0.101903,
        "key_clarity": 0.826738,
        "interval_05": 0.0982914,
        "pitch_step_2_03": 0.0962262,
        "pitch_class_entropy": 3.06644,
        "pitch_spread_01": 13.2425,
    },
}


def distance(a: dict[str, float], b: dict[str, float], prefix: str) -> float:
    return float(np.linalg.norm([a[name] - b[name] for name in a if name.startswith(prefix)]))


@pytest.mark.parametrize(
    ("preset", "sr"),
    [
        *((preset, sr) for preset in ("line", "fast") for sr in (8_000, 22_050, 44_100)),
        ("fma", 16_000),
        ("full", 22_050),
    ],
)
@pytest.mark.parametrize("sound", ["silence", "constant", "click", "noise", "tone", "short"])
def test_every_signal_gives_finite_numbers_in_the_same_columns(preset: str, sr: int, sound: str) -> None:
    how = Hearing(preset, sr)
    n = 2 * sr
    y = {
        "silence": np.zeros(n),
        "constant": np.full(n, 0.5),
        "click": np.eye(1, n, n // 2)[0],
        "noise": np.random.default_rng(0).normal(0, 0.2, n),
        "tone": np.sin(np.arange(n) * 0.1),
        "short": np.sin(np.arange(how.n_fft) * 0.1),
    }[sound].astype(np.float32)
    columns = how.vector(y)
    assert tuple(columns) == how.names()
    assert np.isfinite(list(columns.values())).all()


def test_line_does_not_hear_gain() -> None:
    y = melody()
    loud, soft = Hearing().vector(y), Hearing().vector(y * np.float32(0.125))
    np.testing.assert_allclose(list(loud.values()), list(soft.values()), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("semitones", [-5, 3, 7])
@pytest.mark.parametrize("prefix", ["scale_degree", "interval", "pitch_step_2"])
def test_tonality_does_not_hear_the_key(semitones: int, prefix: str) -> None:
    here, there = Hearing().vector(melody(8)), Hearing().vector(melody(8, transpose=semitones))
    others = [distance(here, Hearing().vector(melody(8, seed=k)), prefix) for k in range(1, 6)]
    assert distance(here, there, prefix) < min(others)


RHYTHMS = {
    "reel": (0.5,),
    "jig": (1 / 3, 1 / 3, 1 / 3, 2 / 3, 1 / 3),
    "dotted": (0.75, 0.25),
    "waltz": (1.0, 0.5, 0.5, 1.0),
}


@pytest.mark.parametrize("speed", [0.8, 1.2])
@pytest.mark.parametrize("rhythm", RHYTHMS)
@pytest.mark.parametrize("prefix", ["scale_transform", "onset_interval_0"])
def test_rhythm_is_known_again_at_another_tempo(speed: float, rhythm: str, prefix: str) -> None:
    played = Hearing().vector(melody(12, seed=9, speed=speed, rhythm=RHYTHMS[rhythm]))
    known = {name: Hearing().vector(melody(12, seed=1, rhythm=lengths)) for name, lengths in RHYTHMS.items()}
    assert min(known, key=lambda name: distance(played, known[name], prefix)) == rhythm


def test_pitch_classes_of_a_chord() -> None:
    t = np.arange(2 * SR) / SR
    chord = sum(np.sin(2 * np.pi * 440 * 2 ** ((note - 69) / 12) * t) for note in (60, 64, 67)) / 3
    chroma, height, spread = pitch_classes(chord.astype(np.float32), SR)
    assert set(np.argsort(chroma.mean(axis=0))[-3:]) == {0, 4, 7}
    assert chroma.mean(axis=0)[[0, 4, 7]].sum() > 0.95
    assert height.mean() == pytest.approx(63.6, abs=0.5)
    assert spread.mean() == pytest.approx(2.87, abs=0.5)


def test_tuning_is_found_and_removed() -> None:
    pitch = np.array([60.3, 64.3, 67.3])
    assert tuning(pitch, np.ones(3)) == pytest.approx(0.3)


def test_key_of_a_scale() -> None:
    scale = np.zeros(12)
    scale[[(2 + step) % 12 for step in (0, 2, 4, 5, 7, 9, 11)]] = [3, 1, 2, 1, 2, 1, 1]
    tonic, clarity, mode = best_key(scale)
    assert tonic == 2
    assert clarity > 0.8
    assert mode > 0
    assert best_key(np.ones(12)) == (0, 0.0, 0.0)


def test_beat_of_a_click_track() -> None:
    envelope = np.zeros(1_000)
    envelope[::20] = 1.0
    assert beat_period(autocorrelation(envelope), 43.07) == pytest.approx(20, abs=0.01)
    assert not autocorrelation(np.ones(10)).any()


def test_fma_is_librosa_s() -> None:
    y = melody(3.0)
    columns = Hearing("fma").vector(y)
    assert len(columns) == 518
    assert tuple(columns) == Hearing("fma").names()
    theirs = {name: summarise(rows) for name, rows in fma_frames(y, SR).items()}
    assert {name: len(values) for name, values in theirs.items()} == ROWS
    for function, values in theirs.items():
        ours = [value for name, value in columns.items() if name.startswith(function + "_")]
        np.testing.assert_allclose(ours, values.ravel(), rtol=1e-4, atol=1e-4 * np.abs(values).max(axis=1).min())


def test_fma_of_silence_is_finite_and_quiet(recwarn: pytest.WarningsRecorder) -> None:
    values = Hearing("fma").vector(np.zeros(2 * SR, dtype=np.float32)).values()
    assert np.isfinite(list(values)).all()
    assert not [w for w in recwarn if "tuning" in str(w.message)]


def test_numbers_of_this_version() -> None:
    columns = Hearing().vector(melody())
    assert {name: columns[name] for name in GOLDEN[VERSION]} == pytest.approx(GOLDEN[VERSION], rel=1e-3, abs=1e-4)


def test_hearing_is_a_value() -> None:
    assert Hearing() == Hearing(**dataclasses.asdict(Hearing()))
