"""Play a recipe: notes of a score through a soundfont to a mono waveform and a FLAC file."""

from __future__ import annotations

import dataclasses
import importlib.util
import io
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.catalog.demo.recipe import Recipe
from ostinato.catalog.demo.scores import Score
from ostinato.core.errors import AudioError, MissingExtraError
from ostinato.core.files import replacing

SAMPLE_RATE = 22_050
_TICKS_A_SECOND = 960  # 480 ticks a quarter at symusic's default 120 quarters a minute
_VELOCITY = 92
_LEAST_TICKS = 40  # shorter notes do not speak on slow instruments
_FADE_SECONDS = 0.02
_SILENCE = 1e-4  # a peak below this is no music
_PITCHES = (24, 103)


@lru_cache(maxsize=1)
def soundfont() -> Path:
    """TimGM6mb.sf2 inside the installed pretty_midi wheel, found without importing it."""
    spec = importlib.util.find_spec("pretty_midi")
    found = Path(spec.origin).parent / "TimGM6mb.sf2" if spec is not None and spec.origin is not None else None
    if found is None or not found.is_file():
        raise MissingExtraError(
            "pretty_midi with its soundfont TimGM6mb.sf2 is not installed; the demo is played by it. "
            "Install: pip install pretty_midi"
        )
    return found


@lru_cache(maxsize=1)
def _synthesizer() -> Any:
    from symusic import Synthesizer

    return Synthesizer(str(soundfont()), sample_rate=SAMPLE_RATE)


def excerpt(score: Score, recipe: Recipe) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Onsets and durations in seconds, and pitches, of what the clip plays; short works are played over and over."""
    quarter = 60 / (recipe.tempo * score.beat)  # seconds a quarter
    span = recipe.seconds / quarter
    room = score.length - span
    begin = recipe.start * (room if room > 0 else score.length)
    # begin on the onset at or after the drawn place, so that no clip opens with a rest
    later = score.onsets[score.onsets >= begin]
    begin = float(later[0]) if later.size else 0.0
    rounds = range(1 + int((begin + span) // score.length))
    onsets = np.concatenate([score.onsets + score.length * k for k in rounds])
    durations, pitches = np.tile(score.durations, len(rounds)), np.tile(score.pitches, len(rounds))
    heard = (onsets >= begin) & (onsets < begin + span)
    shifted = np.clip(pitches[heard] + recipe.shift, *_PITCHES)
    return (onsets[heard] - begin) * quarter, durations[heard] * quarter, shifted


def render_clip(score: Score, recipe: Recipe, *, program: int | None = None) -> NDArray[np.float32]:
    """The waveform `(n_samples,)` at 22,050 Hz, its peak at the recipe's gain; `program` plays it on another instrument.

    Raises AudioError where nothing is heard.
    """
    from symusic import Note, Track
    from symusic import Score as Sheet

    if program is not None:
        recipe = dataclasses.replace(recipe, program=program)
    onsets, durations, pitches = excerpt(score, recipe)
    times = np.round(onsets * _TICKS_A_SECOND).astype(np.int32)
    lasting = np.maximum(np.round(durations * _TICKS_A_SECOND), _LEAST_TICKS).astype(np.int32)
    velocity = np.full(times.size, _VELOCITY, dtype=np.int8)
    track = Track(program=recipe.program)
    track.notes = Note.from_numpy(times, lasting, pitches.astype(np.int8), velocity, "tick")
    sheet = Sheet(480)
    sheet.tracks.append(track)
    heard = np.asarray(_synthesizer().render(sheet, stereo=False), dtype=np.float64).reshape(-1)
    samples = round(recipe.seconds * SAMPLE_RATE)
    y = np.zeros(samples)
    y[: min(samples, heard.size)] = heard[:samples]
    fade = round(_FADE_SECONDS * SAMPLE_RATE)
    y[-fade:] *= np.linspace(1, 0, fade)
    peak = float(np.abs(y).max())
    if peak < _SILENCE:
        raise AudioError(recipe.track_id, f"{recipe.instrument} gives no sound for {recipe.work.path}")
    scaled: NDArray[np.float32] = (y * (10 ** (recipe.gain / 20) / peak)).astype(np.float32)
    return scaled


def write_flac(path: Path, y: NDArray[np.float32], sr: int = SAMPLE_RATE) -> None:
    """Write a waveform as 16-bit mono FLAC; a reader never sees half of it."""
    import soundfile

    pcm = np.round(np.clip(y, -1, 1).astype(np.float64) * 32767).astype(np.int16)
    # encoded in memory: libsndfile would hide the reason of a failed write, such as a full disk
    encoded = io.BytesIO()
    soundfile.write(encoded, pcm, sr, format="FLAC", subtype="PCM_16")
    with replacing(path) as part:
        part.write_bytes(encoded.getvalue())
