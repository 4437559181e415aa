"""Keys of cadences, in all 24 keys."""

from __future__ import annotations

import numpy as np
import pytest

from ostinato.audio.key import MODES, PROFILES, Key, Mode, Profiles, key, key_correlations
from ostinato.core.errors import UsageError

# pitch classes above the tonic: I vi ii V7 I and i VI iv V7 i
CADENCES: dict[Mode, tuple[tuple[int, ...], ...]] = {
    "major": ((0, 4, 7), (9, 0, 4), (2, 5, 9), (7, 11, 2, 5), (0, 4, 7), (0, 4, 7)),
    "minor": ((0, 3, 7), (8, 0, 3), (5, 8, 0), (7, 11, 2, 5), (0, 3, 7), (0, 3, 7)),
}


def cadence(tonic: int, mode: Mode, partials: int = 4) -> np.ndarray:
    """Chroma `(12, n_frames)` of a cadence whose tones have partials, as recorded ones have."""
    chroma = np.zeros((12, 5 * len(CADENCES[mode])))
    for k, chord in enumerate(CADENCES[mode]):
        for tone in chord:
            for partial in range(1, partials + 1):
                pitch_class = round(tone + tonic + 12 * np.log2(partial)) % 12
                chroma[pitch_class, 5 * k : 5 * k + 5] += 0.5**partial
    return chroma


@pytest.mark.parametrize("profiles", sorted(PROFILES))
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("tonic", range(12))
def test_cadences_in_all_keys(tonic: int, mode: Mode, profiles: Profiles) -> None:
    found = key(cadence(tonic, mode), profiles=profiles)
    assert (found.tonic, found.mode) == (tonic, mode)
    assert found.confidence > 0.02


@pytest.mark.parametrize("profiles", sorted(PROFILES))
def test_transposition_turns_the_tonic_alone(rng: np.random.Generator, profiles: Profiles) -> None:
    for _ in range(20):
        chroma = rng.random((12, 30))
        found = key(chroma, profiles=profiles)
        for shift in range(12):
            turned = key(np.roll(chroma, shift, axis=0), profiles=profiles)
            assert (turned.tonic, turned.mode) == ((found.tonic + shift) % 12, found.mode)
            assert turned.confidence == pytest.approx(found.confidence, abs=1e-12)


def test_loudness_changes_nothing() -> None:
    chroma = cadence(3, "minor").astype(np.float32)
    loud, quiet = key(chroma * 1e6), key(chroma * 1e-6)
    assert (loud.tonic, loud.mode) == (quiet.tonic, quiet.mode) == (3, "minor")
    assert loud.confidence == pytest.approx(quiet.confidence, abs=1e-5)


def test_correlations_are_pearsons(rng: np.random.Generator) -> None:
    chroma = rng.random(12)
    fits = key_correlations(chroma)
    assert fits.shape == (2, 12)
    for m in range(2):
        for tonic in range(12):
            expected = np.corrcoef(chroma, np.roll(PROFILES["krumhansl"][m], tonic))[0, 1]
            assert fits[m, tonic] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("chroma", [np.zeros((12, 9)), np.ones((12, 1)), np.zeros((12, 0)), np.full(12, 0.1)])
def test_no_key_in_silence(chroma: np.ndarray) -> None:
    assert key(chroma.astype(np.float32)) == Key(0, "major", 0.0)


def test_a_real_key_is_surer_than_noise(rng: np.random.Generator) -> None:
    noise = [key(1.0 + 0.05 * rng.random((12, 400))).confidence for _ in range(20)]
    assert key(cadence(7, "major")).confidence > 0.0
    assert np.median(noise) < key(cadence(7, "major")).confidence


def test_faults_are_named() -> None:
    with pytest.raises(UsageError, match=r"\(11, 4\)"):
        key(np.zeros((11, 4)))
    with pytest.raises(UsageError, match="profiles='jazz'"):
        key(np.zeros(12), profiles="jazz")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="finite"):
        key(np.full((12, 2), np.nan))
