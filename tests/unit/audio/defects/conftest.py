from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

SR = 44_100


@pytest.fixture(scope="session")
def clean() -> np.ndarray:
    """Six seconds of plucked notes in a room, in stereo at 44.1 kHz, that decay and are faded at their end."""
    rng = np.random.default_rng(3)
    t = np.arange(6 * SR) / SR
    dry = np.zeros((2, len(t)))
    for at in np.arange(0.1, 5, 0.2):
        since = np.clip(t - at, 0, None)
        hz, pan = 130.8 * 2 ** (rng.integers(24) / 12), rng.uniform(0.3, 1, 2)
        note = sum(np.sin(2 * np.pi * hz * k * since) / k for k in range(1, 9)) * np.exp(-3 * since)
        breath = rng.normal(0, 1, len(t)) * np.exp(-10 * since)
        dry += pan[:, None] * (0.2 * note + 0.05 * breath) * np.minimum(1, since / 0.01) * (t >= at)
    tail = np.arange(SR // 2) / SR
    room = rng.normal(0, 0.02, (2, len(tail))) * np.exp(-tail / 0.1)
    wet = dry + signal.fftconvolve(dry, room, axes=1)[:, : len(t)] + rng.normal(0, 2e-5, dry.shape)
    wet[:, -SR:] *= np.linspace(1, 0, SR) ** 2
    return (0.6 * wet / np.abs(wet).max()).astype(np.float32)


@pytest.fixture
def music(clean: np.ndarray) -> np.ndarray:
    """A copy of it, to break."""
    return clean.copy()
