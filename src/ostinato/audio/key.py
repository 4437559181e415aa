"""In which key a piece stands, from its chroma."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import UsageError

Array = npt.NDArray[np.floating]
Mode = Literal["major", "minor"]
Profiles = Literal["krumhansl", "temperley"]

N = 12
NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MODES: tuple[Mode, ...] = ("major", "minor")

# how well each degree above the tonic fits a major and a minor key
PROFILES: dict[Profiles, tuple[tuple[float, ...], tuple[float, ...]]] = {
    # Krumhansl and Kessler 1982, the ratings of listeners; their use for finding keys: Krumhansl 1990, chapter 4
    "krumhansl": (
        (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
        (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
    ),
    # Temperley 1999, "What's key for key?"
    "temperley": (
        (5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0),
        (5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0),
    ),
}


@dataclass(frozen=True)
class Key:
    """A key: its tonic as a pitch class (0 is C), its mode, and how sure it is.

    `confidence` is the correlation of the chroma with the key's profile less that with the next best of the 24, from 0 (a
    toss-up, silence) to 2; recorded music seldom exceeds 0.3. It ranks clips; it is no probability.

    >>> print(Key(9, "minor", 0.2))
    A minor
    """

    tonic: int
    mode: Mode
    confidence: float

    def __str__(self) -> str:
        return f"{NAMES[self.tonic]} {self.mode}"


def key_correlations(chroma: Array, profiles: Profiles = "krumhansl") -> Array:
    """Correlation of a chroma `(12,)` or the mean of `(12, n_frames)` with each key, `(2, 12)`: mode, tonic; C first.

    0 everywhere for silence and for a flat chroma. Krumhansl 1990, "Cognitive foundations of musical pitch", chapter 4.
    """
    chroma = np.asarray(chroma, dtype=np.float64)
    if chroma.ndim not in (1, 2) or chroma.shape[0] != N:
        raise UsageError(f"chroma has shape {chroma.shape}; expected (12,) or (12, n_frames), C first.")
    if profiles not in PROFILES:
        raise UsageError(f"profiles={profiles!r} is not known; expected one of {sorted(PROFILES)}.")
    if not chroma.size:
        return np.zeros((2, N))
    mean = chroma.mean(axis=1) if chroma.ndim > 1 else chroma
    if not np.isfinite(mean).all():
        raise UsageError("chroma holds values that are not finite; normalise silent frames to 0.")
    centred = mean - mean.mean()
    length = np.linalg.norm(centred)
    if length <= np.finfo(np.float32).eps * np.abs(mean).max():
        return np.zeros((2, N))
    keys = np.array(PROFILES[profiles])
    keys -= keys.mean(axis=1, keepdims=True)
    keys /= np.linalg.norm(keys, axis=1, keepdims=True)
    # row t is what a listener on tonic t hears
    turned = (centred / length)[(np.arange(N)[:, None] + np.arange(N)) % N]
    result: Array = keys @ turned.T
    return result


def key(chroma: Array, *, profiles: Profiles = "krumhansl") -> Key:
    """The key whose profile correlates best with a chroma `(12, n_frames)`, C first; C major with confidence 0 for silence.

    `profiles` are those of "krumhansl" (and Kessler) or "temperley". Of 181 scores that state their key, played in tune for 30 s,
    Krumhansl's find 74 % and Temperley's 72 %; of the notes as written 84 % and 83 % (`benchmarks/rhythm.py --keys`).

    >>> print(key(np.array([0, 0, 3, 0, 1, 0, 2, 2, 0, 3, 0, 1])))
    D major
    """
    fits = key_correlations(chroma, profiles)
    best = int(fits.argmax())
    second, first = np.partition(fits, -2, axis=None)[-2:]
    return Key(best % N, MODES[best // N], float(first - second))
