"""Mixtures whose stems are known: a score played by a melodic instrument, and drums in the score's metre, made apart.

Nothing is recorded: the demo's scores, its synthesiser and its soundfont. The sets `training`, `validation` and `test`
share no work; drums of the training set are also made of sines and noise, so that they are not one soundfont's alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.catalog.demo.recipe import Recipe, draw, recipe
from ostinato.catalog.demo.render import SAMPLE_RATE, render_clip, soundfont
from ostinato.catalog.demo.scores import Score, corpus_root, read_score
from ostinato.catalog.demo.works import LABELS, works

SR = SAMPLE_RATE
SETS = ("validation", "test")  # the first works of each label take turns; the training set has all others
WORKS_A_SET = 4  # of each label
GAINS = (-6.0, 0.0, 6.0)  # decibels of the drums' power over the harmonic part's
# General MIDI programs; out of tune or not, they are harmonic. The weights of the masks depend on this list and its order.
INSTRUMENTS = {
    0: "piano",
    24: "guitar",
    40: "violin",
    48: "strings",
    52: "choir",
    68: "oboe",
    71: "clarinet",
    73: "flute",
    9: "glockenspiel",
    12: "marimba",
    13: "xylophone",
    16: "drawbar organ",
    19: "church organ",
    114: "steel drums",
}
_TICKS = 960  # a second
_FILL_EVERY = 4  # bars
_PITCHED_PROGRAMS = 104  # the General MIDI programs from here on are effects and percussion
_SECOND_PROGRAMS = (4, 5, 11, 25, 27, 32, 33, 35, 38, 56, 61, 65, 80, 89)  # basses, winds, pads and others
_KICK, _SNARE, _STICK, _CLAP, _HAT, _OPEN, _CRASH, _RIDE = 36, 38, 37, 39, 42, 46, 49, 51
_TOMS = (50, 48, 47, 45, 43, 41)
_TAMBOURINE, _COWBELL, _MARACAS, _CONGA_HIGH, _CONGA_LOW = 54, 56, 70, 63, 64

# One bar each: a letter of a line is a step; x strong, o weak.
_SIMPLE = (
    {_KICK: "x.......x.......", _SNARE: "....x.......x...", _HAT: "x.o.x.o.x.o.x.o."},
    {_KICK: "x..o....x.o.....", _SNARE: "....x..o....x...", _HAT: "xoxoxoxoxoxoxoxo"},
    {_KICK: "x...x...x...x...", _CLAP: "....x.......x...", _OPEN: "..x...x...x...x.", _HAT: "x.......x......."},
    {_KICK: "x..xx..xx..xx..x", _STICK: "x..x..x...x..x..", _MARACAS: "xoxoxoxoxoxoxoxo"},
    {_KICK: "x.......x.....x.", _SNARE: "........x.......", _RIDE: "x...x.o.x...x.o."},
    {_SNARE: "x.ooxoooxox.xooo", _KICK: "x.......x......."},
    {_CONGA_LOW: "x.....xxx.....xx", _CONGA_HIGH: "..x.x.....x.x...", _COWBELL: "x...x...x...x..."},
    {_KICK: "x.........x.....", _SNARE: "....x.......x..o", _TAMBOURINE: "..x...x...x...x.", _HAT: "x...x...x...x..."},
)
_COMPOUND = (
    {_KICK: "x.....x.....", _SNARE: "...x.....x..", _HAT: "xooxooxooxoo"},
    {_KICK: "x....xx.....", _SNARE: "......x....o", _RIDE: "x.xx.xx.xx.x"},
    {_SNARE: "xooxooxxoxoo", _KICK: "x.....x....."},
    {_CONGA_LOW: "x..x..x..x..", _CONGA_HIGH: "..o..o.xo..o", _TAMBOURINE: "...x.....x.."},
)


@dataclass(frozen=True)
class Mixture:
    """A mixture and its parts, each `(n,)` float32; they sum to it."""

    name: str
    gain: float
    mixture: NDArray[np.float32]
    harmonic: NDArray[np.float32]
    percussive: NDArray[np.float32]


def mixtures(which: str, seconds: float = 10.0, seed: int = 7) -> list[Mixture]:
    """The mixtures of the set `validation` or `test`: four works of every label, each at every gain."""
    found = []
    for label in LABELS:
        for work in works()[label][SETS.index(which) : WORKS_A_SET * len(SETS) : len(SETS)]:
            how = recipe(work, 0, seconds, seed, INSTRUMENTS)
            score = read_score(corpus_root() / work.path)
            harmonic = render_clip(score, how).astype(np.float64)
            drums = render_drums(score, how, seed)
            found += [mixed(work.key, gain, harmonic, drums) for gain in GAINS]
    return found


def training_mixtures(works_a_label: int = 32, seconds: float = 8.0, seed: int = 11) -> Iterator[Mixture]:
    """Two mixtures of each work of the training set: any instrument, sometimes two, drums of both kinds, other timbres."""
    from scipy.signal import lfilter

    rng = np.random.default_rng(seed)
    first = WORKS_A_SET * len(SETS)
    for work in (work for label in LABELS for work in works()[label][first : first + works_a_label]):
        score, how = read_score(corpus_root() / work.path), recipe(work, 1, seconds, seed)
        harmonic = _accompanied(score, how, rng)
        for k in range(2):
            if rng.random() < 0.65:
                drums = render_drums(score, how, seed + k)
            else:
                drums = noise_drums(len(harmonic), rng.uniform(70, 150), rng)
            # another brightness of both, and at times a little hiss
            parts = [lfilter([1, -rng.uniform(-0.5, 0.5)], [1], part) for part in (harmonic, drums)]
            if rng.random() < 0.2:
                parts[0] = parts[0] + rng.normal(0, 10 ** rng.uniform(-5, -2.5), len(harmonic))
            if min(np.sum(part**2) for part in parts) > 0:
                yield mixed(work.key, rng.uniform(-9, 9), *parts)


def _accompanied(score: Score, how: Recipe, rng: np.random.Generator) -> NDArray[np.float64]:
    """A clip by one of the demo's instruments or any pitched one; three in ten with a second instrument below it."""
    program = rng.choice([*INSTRUMENTS]) if rng.random() < 0.6 else rng.integers(_PITCHED_PROGRAMS)
    y = render_clip(score, how, program=int(program)).astype(np.float64)
    if rng.random() < 0.3:
        y += rng.uniform(0.3, 1) * render_clip(score, how, program=int(rng.choice(_SECOND_PROGRAMS)))
    return y


def noise_drums(n: int, tempo: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Drums of falling sines and filtered noise that no soundfont holds, in a random pattern of sixteenths; `(n,)`."""
    low, snap = rng.uniform(40, 70), rng.uniform(0, 0.7)
    kit = [
        _stroke(rng, low, rng.uniform(60, 230), rng.uniform(5, 20), 1.0, 300.0, 0.2, 20.0),
        _stroke(rng, rng.uniform(150, 260), 0.0, rng.uniform(10, 40), snap, rng.uniform(10, 40), 1.0, 800.0),
        _stroke(rng, 0.0, 0.0, 1.0, 0.0, rng.uniform(30, 120), 0.4, 7_000.0),
        _stroke(rng, 0.0, 0.0, 1.0, 0.0, rng.uniform(4, 15), 0.3, 6_000.0),
        _stroke(rng, 2 * low, rng.uniform(30, 100), rng.uniform(5, 20), 0.6, 300.0, 0.1, 20.0),
    ]
    chances = rng.choice([0, 0.1, 0.5, 0.9, 1], size=(len(kit), 16), p=[0.45, 0.2, 0.15, 0.1, 0.1])
    chances[0, 0] = chances[1, [4, 12]] = chances[2, ::2] = 1
    step, y = 60 / tempo / 4 * SR, np.zeros(n)
    for k in range(int(n / step)):
        for sound, chance in zip(kit, chances[:, k % 16], strict=True):
            if rng.random() < chance:
                at = max(0, int(k * step + rng.normal(60, 50)))
                y[at : at + SR] += rng.uniform(0.5, 1) * sound[: n - at]
    return y


def _stroke(
    rng: np.random.Generator,
    hz: float,
    fall: float,
    decay: float,
    tone: float,
    noise_decay: float,
    noise: float,
    cutoff: float,
) -> NDArray[np.float64]:
    """One second: a sine that falls by `fall` to `hz`, and noise above `cutoff` Hz; decays are a second's, in nepers."""
    from scipy.signal import lfilter

    t = np.arange(SR) / SR
    phase = 2 * np.pi * np.cumsum(hz + fall * np.exp(-rng.uniform(15, 60) * t)) / SR
    hiss = lfilter([1, -1], [1, -np.exp(-2 * np.pi * cutoff / SR)], rng.normal(size=SR))
    return tone * np.sin(phase) * np.exp(-decay * t) + noise * hiss * np.exp(-noise_decay * t)


def mixed(name: str, gain: float, harmonic: NDArray[np.float64], drums: NDArray[np.float64]) -> Mixture:
    """The mixture in which the drums have so many decibels more power, its peak at 0.9."""
    scale = np.sqrt(np.sum(harmonic**2) / np.sum(drums**2)) * 10 ** (gain / 20)
    loudest = np.abs(harmonic + scale * drums).max() / 0.9
    parts = (harmonic / loudest).astype(np.float32), (scale * drums / loudest).astype(np.float32)
    return Mixture(name, gain, parts[0] + parts[1], *parts)


@lru_cache(maxsize=1)
def _synthesizer() -> Any:
    from symusic import Synthesizer

    return Synthesizer(str(soundfont()), sample_rate=SR)


def render_drums(score: Score, how: Recipe, seed: int) -> NDArray[np.float64]:
    """A General MIDI drum kit in the score's metre and the recipe's tempo: one pattern, fills, uneven hands; `(n,)`."""
    from symusic import Note, Track
    from symusic import Score as Sheet

    strokes = _strokes(score, how, seed)
    times, keys, velocities = (np.array(column) for column in zip(*strokes, strict=True))
    track = Track(program=0, is_drum=True)
    ticks = np.round(times * _TICKS).astype(np.int32)
    track.notes = Note.from_numpy(
        ticks, np.full(len(ticks), 120, np.int32), keys.astype(np.int8), velocities.astype(np.int8), "tick"
    )
    sheet = Sheet(480)
    sheet.tracks.append(track)
    heard = np.asarray(_synthesizer().render(sheet, stereo=False), dtype=np.float64).reshape(-1)
    y = np.zeros(round(how.seconds * SR))
    y[: len(heard)] = heard[: len(y)]
    return y


def _strokes(score: Score, how: Recipe, seed: int) -> list[tuple[float, int, int]]:
    """(seconds, key, velocity) of every stroke."""
    rng = np.random.default_rng(int(draw(seed, how.work.path, "drums") * 2**32))
    compound = score.beat == 1.5
    patterns = _COMPOUND if compound else _SIMPLE
    pattern = patterns[rng.integers(len(patterns))]
    steps = len(next(iter(pattern.values())))
    step = 60 / how.tempo / (3 if compound else 4)
    found = []
    for bar in range(int(how.seconds / (step * steps)) + 1):
        fill = steps // 2 if bar % _FILL_EVERY == _FILL_EVERY - 1 else steps
        lines = {key: line[:fill].ljust(steps, ".") for key, line in pattern.items()}
        if bar and bar % _FILL_EVERY == 0:
            lines[_CRASH] = "x".ljust(steps, ".")
        for k in range(fill, steps):
            tom = _TOMS[(k - fill) * len(_TOMS) // (steps - fill)]
            lines[tom] = "." * k + "xo"[k % 2] + "." * (steps - k - 1)
        for key, line in lines.items():
            for k, stroke in enumerate(line):
                if stroke != ".":
                    at = max(0.0, (bar * steps + k) * step + rng.normal(0, 0.004))
                    if at < how.seconds - 0.1:
                        found.append((at, key, int({"x": 84, "o": 56}[stroke] + rng.integers(-10, 11))))
    return found
