"""How one clip is played: instrument, tempo, key, loudness and excerpt, each drawn without a look at the label.

Every quantity is its own hash of seed, work, clip number and name, so no draw depends on another, on the order of drawing, or
on how many clips there are: a bigger catalogue keeps the clips of a smaller one.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass

from ostinato.catalog.demo.works import LABELS, Work, works
from ostinato.core.hashing import sha256_of_value

VERSION = 2  # raise it when the same recipe gives other audio: clips on disk are named after it
CLIPS_A_ROUND = 2  # clips of one work before the next work's turn
# General MIDI programs that play the catalogue. symusic plays many others of the soundfont (piano, guitar, violin, clarinet) a
# semitone to six off, each note by another amount, and saxophones with samples from beyond their ends, which differ from run to
# run; these are within a third of a semitone from G2 to E5, and the same bytes each time.
PROGRAMS: dict[int, str] = {
    5: "electric piano",
    45: "pizzicato strings",
    46: "harp",
    48: "strings",
    56: "trumpet",
    68: "oboe",
    73: "flute",
}
# Programs that no clip of the catalogue is played by; a drifted batch is.
FOREIGN_PROGRAMS: dict[int, str] = {
    10: "music box",
    14: "tubular bells",
    19: "church organ",
    20: "reed organ",
}
_TEMPO = (76.0, 108.0)  # beats a minute, a beat being what the time signature says
_SHIFT = (-6, 5)  # semitones
_GAIN = (-12.0, -1.0)  # decibels of the peak, 0 being full scale


@dataclass(frozen=True)
class Recipe:
    """How one clip is played."""

    work: Work
    number: int
    seconds: float
    program: int
    tempo: float
    shift: int
    gain: float
    start: float  # where the excerpt begins, as a share of where it may

    @property
    def instrument(self) -> str:
        """The program's name."""
        return (PROGRAMS | FOREIGN_PROGRAMS)[self.program]

    @property
    def track_id(self) -> str:
        """The clip's name in the catalogue, such as `jig/garryowen-00`."""
        return f"{self.work.key}-{self.number:02d}"

    @property
    def digest(self) -> str:
        """Eight hexadecimal digits of everything that decides the audio."""
        return sha256_of_value([VERSION, asdict(self)])[:8]


def draw(seed: int, *names: object) -> float:
    """A number in [0, 1) that depends on its arguments alone.

    >>> draw(1, "gain") == draw(1, "gain") != draw(2, "gain")
    True
    """
    text = "\0".join(str(name) for name in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / (1 << 48)


def recipe(work: Work, number: int, seconds: float, seed: int, programs: dict[int, str] = PROGRAMS) -> Recipe:
    """The recipe of clip `number` of a work."""

    def share(name: str) -> float:
        return draw(seed, work.path, number, name)

    slow, fast = _TEMPO
    low, high = _SHIFT
    quiet, loud = _GAIN
    return Recipe(
        work=work,
        number=number,
        seconds=float(seconds),  # 12 and 12.0 are one recipe
        program=sorted(programs)[int(share("program") * len(programs))],
        tempo=round(slow * (fast / slow) ** share("tempo"), 1),
        shift=low + int(share("shift") * (high - low + 1)),
        gain=round(quiet + (loud - quiet) * share("gain"), 2),
        start=share("start"),
    )


def plan(clips: int, seconds: float, seed: int) -> list[Recipe]:
    """The recipes of a catalogue of `clips` clips, labels taking turns; the first of them are those of any smaller one."""
    found = []
    for index in range(clips):
        turn, place = divmod(index, len(LABELS))
        pieces = works()[LABELS[place]]
        around, rest = divmod(turn, CLIPS_A_ROUND * len(pieces))
        number = around * CLIPS_A_ROUND + rest % CLIPS_A_ROUND
        found.append(recipe(pieces[rest // CLIPS_A_ROUND], number, seconds, seed))
    return found
