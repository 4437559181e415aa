"""Clean recordings for the benchmark of defects: the demo's scores in stereo at 44.1 kHz, and real clips where there are some.

Parts are split by work, by genre, by instrument and by fold, never by clip: what a bound is proved on shares no source with
what thresholds were tuned on.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from ostinato.catalog.demo.render import soundfont
from ostinato.catalog.demo.scores import Score, corpus_root, read_score
from ostinato.catalog.demo.works import Work, works

SR = 44_100
TICKS = 480
RELEASE = 0.1  # seconds
DRUMS = -1
PANS = np.array([[1.0, 0.4], [0.4, 1.0], [0.7, 0.7]])
# piano, harpsichord, nylon and overdriven guitar, fingered bass, violin, strings, choir, trumpet, saxophone, flute
PROGRAMS = (0, 6, 24, 29, 33, 40, 48, 52, 56, 65, 73)
PROVING_GENRES = ("classical", "country", "hiphop", "metal", "reggae")
PROVING_INSTRUMENTS = ("bassoon", "cello", "clarinet", "flute", "guitar", "oboe", "trombone")


@dataclass(frozen=True)
class Recording:
    """`y` `(channels, n)` at `sr` Hz, and what it is: `demo`, `dark`, `genres`, `instruments` or `environment`."""

    name: str
    material: str
    y: np.ndarray
    sr: int


def quantised(y: np.ndarray) -> np.ndarray:
    """As 16 bits hold it."""
    return (np.round(np.clip(y, -1, 32767 / 32768) * 32768) / 32768).astype(np.float32)


def demo(part: str, count: int, skip: int = 0, seconds: float = 12.0) -> Iterator[Recording]:
    """`count` works of the demo after the first `skip`, of those of `part` ("tuning" or "proving"), in stereo.

    Two instruments, half of the works with drums; every fourth once more through a dark filter.
    """
    mine = [work for group in zip(*works().values(), strict=False) for work in group if _part(work) == part]
    for k, work in enumerate(mine[skip : skip + count]):
        y = _played(
            read_score(corpus_root() / work.path), seconds, np.random.default_rng(zlib.crc32(work.key.encode()))
        )
        yield Recording(f"demo/{work.key}", "demo", quantised(y), SR)
        if k % 4 == 0:
            yield Recording(f"dark/{work.key}", "dark", quantised(_dark(y, 2_000 * (1 + k % 3))), SR)


def _part(work: Work) -> str:
    return "proving" if zlib.crc32(work.key.encode()) % 3 else "tuning"


def _played(score: Score, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """The first `seconds` of a score in a room, with what sounds on until it has decayed, `(2, n)`."""
    quarter = 60 / (rng.uniform(80, 140) * score.beat)
    heard = (score.onsets - score.onsets[0]) * quarter < seconds
    times, lasting = (score.onsets[heard] - score.onsets[0]) * quarter, score.durations[heard] * quarter
    pitches = np.clip(score.pitches[heard], 24, 103)
    voices = (np.arange(heard.sum()) + (pitches < np.median(pitches))) % 2
    programs = rng.choice(PROGRAMS, 2, replace=False)
    notes = [
        (0.05 + at, length, int(programs[voice]), int(pitch), PANS[voice])
        for at, length, voice, pitch in zip(times, lasting, voices, pitches, strict=True)
    ]
    if rng.random() < 0.5:
        beats = np.arange(0, seconds, quarter * score.beat / 2)
        notes += [
            (0.05 + at, 1.0, DRUMS, pitch, PANS[2])
            for at, pitch in zip(beats, np.resize([36, 42, 38, 42], len(beats)), strict=False)
        ]
    mix = np.zeros((2, round((max(at + length for at, length, *_ in notes) + 3) * SR)))
    for at, length, program, pitch, pan in notes:
        sound = _note(program, pitch, round(min(length, 4.0), 2)) * rng.uniform(0.4, 1)
        begin = round(at * SR)
        sound = sound[: mix.shape[1] - begin]
        mix[:, begin : begin + len(sound)] += np.outer(pan, sound)
    return _in_a_room(mix, rng)


@lru_cache(maxsize=512)
def _note(program: int, pitch: int, seconds: float) -> np.ndarray:
    """One note of the soundfont, released within 0.1 s: the synthesizer itself stops notes between two samples."""
    from symusic import Note, Track
    from symusic import Score as Sheet

    track = Track(program=max(program, 0), is_drum=program == DRUMS)
    held = round((seconds + RELEASE) * 2 * TICKS) + 1
    track.notes = Note.from_numpy(
        np.zeros(1, np.int32), np.array([held], np.int32), np.array([pitch], np.int8), np.array([90], np.int8), "tick"
    )
    sheet = Sheet(TICKS)
    sheet.tracks.append(track)
    sound = np.asarray(_synthesizer().render(sheet, stereo=False), dtype=np.float64).reshape(-1)
    sound = sound[: round((seconds + RELEASE) * SR)]
    sound -= sound.mean()  # some samples of the soundfont have an offset
    release = min(round(RELEASE * SR), len(sound))
    sound[-release:] *= np.exp(-7 * np.linspace(0, 1, release)) * np.linspace(1, 0, release)
    attack = round(0.003 * SR)
    sound[:attack] *= np.linspace(0, 1, attack) ** 2
    return sound


@lru_cache(maxsize=1)
def _synthesizer() -> Any:
    from symusic import Synthesizer

    return Synthesizer(str(soundfont()), sample_rate=SR)


def _in_a_room(dry: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """With reverberation, a room's noise and a faded end."""
    from scipy import signal

    t = np.arange(round(0.8 * SR)) / SR
    room = rng.normal(0, 1, (2, len(t))) * np.exp(-t / 0.12)
    room *= 0.25 / np.sqrt(np.square(room).sum(axis=1, keepdims=True))
    wet = dry + signal.fftconvolve(dry, room, axes=1)[:, : dry.shape[1]]
    wet = signal.sosfilt(signal.butter(2, 25, "highpass", fs=SR, output="sos"), wet, axis=1)
    peak = np.abs(wet).max()
    last = int(np.flatnonzero(np.abs(wet).max(axis=0) > 2e-3 * peak)[-1]) + 1
    fade = round(0.5 * SR)
    wet = wet[:, : min(last + fade, wet.shape[1])]
    wet += rng.normal(0, 2e-5 * peak, wet.shape)
    wet[:, -fade:] *= np.linspace(1, 0, fade) ** 2
    wet[:, :fade] *= np.minimum(1, np.arange(fade) / (0.03 * SR))
    return 10 ** (rng.uniform(-12, -1) / 20) * wet / np.abs(wet).max()


def _dark(y: np.ndarray, hz: float) -> np.ndarray:
    """As through an old microphone: 12 dB an octave above `hz`."""
    from scipy import signal

    return signal.sosfilt(signal.butter(2, hz, fs=SR, output="sos"), y, axis=1)


def real(part: str, folder: Path) -> Iterator[Recording]:
    """Clips below `folder` (genres, instruments, environment) of `part`."""
    for path in sorted(folder.rglob("*")):
        if path.suffix not in {".ogg", ".mp3"}:
            continue
        material, group = path.parts[-3], path.parts[-2]
        proving = {
            "genres": group in PROVING_GENRES,
            "instruments": group in PROVING_INSTRUMENTS,
            "environment": path.name[0] in "345",
        }[material]
        if proving == (part == "proving"):
            y, sr = soundfile.read(path, dtype="float32", always_2d=True)
            yield Recording(f"{material}/{group}/{path.stem}", material, np.ascontiguousarray(y.T), sr)
