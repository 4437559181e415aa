"""Scores as plain arrays: what sounds when, and nothing else."""

from __future__ import annotations

import importlib.util
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.errors import MissingExtraError, SourceError

_TIE_SLACK = 1e-6  # quarters; music21 keeps triplets as fractions, so equal times differ by rounding at most
_MIN_NOTES = 16


@dataclass(frozen=True)
class Score:
    """All notes of a work, sorted by onset and pitch.

    `onsets` and `durations` are in quarters, `(n_notes,)`; `pitches` are MIDI numbers; `length` is the work's in quarters;
    `beat` is how many quarters the first time signature counts as one beat (1.5 in 6/8, 2 in alla breve).
    """

    onsets: NDArray[np.float64]
    durations: NDArray[np.float64]
    pitches: NDArray[np.int64]
    length: float
    beat: float


@lru_cache(maxsize=1)
def corpus_root() -> Path:
    """The folder of scores in the installed music21, found without importing it."""
    spec = importlib.util.find_spec("music21")
    if spec is None or spec.origin is None:
        raise MissingExtraError("music21 is not installed; it holds the demo's scores. Install: pip install music21")
    return Path(spec.origin).parent / "corpus"


@lru_cache(maxsize=1)
def _converter() -> Any:
    """music21's converter, its scratch folder away from the user's home and its words switched off."""
    from music21 import converter, environment

    environment.Environment()["directoryScratch"] = tempfile.gettempdir()
    environment.Environment()["warnings"] = 0
    return converter


def read_score(path: Path) -> Score:
    """Parse one score (MusicXML, Kern or ABC); ties are joined, grace notes and chord symbols left out.

    Raises SourceError where the file is missing or holds fewer than 16 notes.
    """
    if not path.is_file():
        raise SourceError(
            f"{path}: this score is not in the installed music21. Install the locked version: pip install -e ."
        )
    # forceSource: music21 would otherwise write a pickle of each score
    parsed = _converter().parse(path, forceSource=True)
    notes = sorted(note for part in (list(parsed.parts) or [parsed]) for note in _notes_of(part))
    if len(notes) < _MIN_NOTES:
        raise SourceError(f"{path}: only {len(notes)} notes; a score of the demo needs {_MIN_NOTES}")
    onsets, pitches, durations = (np.array(column) for column in zip(*notes, strict=True))
    length = float(np.ceil((onsets + durations).max()))
    return Score(onsets, durations, pitches.astype(np.int64), length, _beat_of(parsed))


def _beat_of(parsed: Any) -> float:
    """Quarters a beat by the first time signature; 1 where there is none."""
    signature = parsed.recurse().getElementsByClass("TimeSignature").first()
    beat = 1.0 if signature is None else float(signature.beatDuration.quarterLength)
    return beat if beat > 0 else 1.0


def _notes_of(part: Any) -> list[tuple[float, int, float]]:
    """(onset, pitch, duration) of one part."""
    found: list[tuple[float, int, float]] = []
    open_ties: dict[int, int] = {}  # pitch → index of the note that still sounds
    for element in part.flatten().notes:
        if "ChordSymbol" in element.classes or element.duration.isGrace:
            continue
        onset, duration = float(element.offset), float(element.quarterLength)
        for member in element.notes if element.isChord else (element,):
            pitch = getattr(member, "pitch", None)
            if pitch is None or duration <= 0:
                continue
            tie, midi = member.tie or element.tie, int(pitch.midi)
            index = open_ties.get(midi)
            if tie is not None and tie.type in ("stop", "continue") and index is not None:
                start, _, sounded = found[index]
                if abs(start + sounded - onset) < _TIE_SLACK:
                    found[index] = (start, midi, sounded + duration)
                    if tie.type == "stop":
                        del open_ties[midi]
                    continue
            if tie is not None and tie.type in ("start", "continue"):
                open_ties[midi] = len(found)
            found.append((onset, midi, duration))
    return found
