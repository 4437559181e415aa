from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

SR = 22_050


def melody(
    seconds: float = 4.0,
    sr: int = SR,
    seed: int = 0,
    transpose: float = 0.0,
    speed: float = 1.0,
    rhythm: tuple[float, ...] = (),
) -> np.ndarray:
    """A tune of plucked notes over a drone: the same tune for a seed, whatever its key and tempo.

    `rhythm` are lengths of notes in beats of 0.4 s, again and again; random ones without it.
    """
    rng = np.random.default_rng(seed)
    scale = np.array([0, 2, 4, 5, 7, 9, 11, 12])
    t = np.arange(round(seconds * sr)) / sr
    y = 0.05 * np.sin(2 * np.pi * 110 * 2 ** (transpose / 12) * t)
    start, note = 0.0, 0
    while start < seconds:
        pitch, beats = rng.choice(scale), rng.choice([0.5, 0.5, 1.0])
        beats, note = (rhythm[note % len(rhythm)] if rhythm else beats), note + 1
        since = t - start
        sounding = (since >= 0) & (since < 2)
        hz = 261.6 * 2 ** ((pitch + transpose) / 12)
        for partial in (1, 2, 3):
            tone = np.sin(2 * np.pi * hz * partial * since[sounding]) / partial**2
            y[sounding] += 0.2 * tone * np.exp(-5 * since[sounding] * speed)
        start += 0.4 * beats / speed
    # a hall's noise: below it, spectra would be rounding errors
    return (y + rng.normal(0, 1e-4, len(y))).astype(np.float32)


@pytest.fixture
def clips(tmp_path: Path) -> list[Path]:
    """Ten clips of 1.5 s."""
    paths = []
    for k in range(10):
        paths.append(tmp_path / f"clip-{k:02d}.wav")
        soundfile.write(paths[-1], melody(1.5, seed=k), SR)
    return paths
