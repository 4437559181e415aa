"""What each preset hears: which features of a clip, summed up by which statistics, in which columns.

`line` is what the pipeline learns from: timbre by frames, and rhythm and tonality that tempo, key and loudness do not
change. `fast` is librosa's cheap spectral set. `fma` is the 518 columns of the FMA data set (Defferrard et al. 2017). `full`
is everything that the engine knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ostinato.audio import chroma, mel, rhythm, spectral, stft, tonality
from ostinato.audio.decode import Waveform
from ostinato.audio.listener import N_MFCC, Listener
from ostinato.audio.onset import onset_strength
from ostinato.audio.scalars import SCALARS
from ostinato.audio.statistics import STATISTICS, summarise
from ostinato.audio.stft import Array
from ostinato.core.errors import UsageError

VERSION = 2  # raise it when a number changes: it is part of every cache key
Columns = dict[str, float]

_FAST = (
    "mfcc",
    "rms",
    "spectral_bandwidth",
    "spectral_centroid",
    "spectral_contrast",
    "spectral_flatness",
    "spectral_rolloff",
    "zero_crossing_rate",
)
_FMA = (
    "chroma_cens",
    "chroma_cqt",
    "chroma_stft",
    "mfcc",
    "rms",
    "spectral_bandwidth",
    "spectral_centroid",
    "spectral_contrast",
    "spectral_rolloff",
    "tonnetz",
    "zero_crossing_rate",
)
_MORE = (
    "harmonic_energy",
    "melspectrogram",
    "mfcc_delta",
    "mfcc_delta2",
    "onset_strength",
    "percussive_energy",
    "spectral_flatness",
    "spectral_flux",
)
FUNCTIONS = {"fast": _FAST, "fma": _FMA, "full": (*_FMA, *_MORE)}
PRESETS = ("line", *FUNCTIONS)
_WITH_SCALARS = "full"


@dataclass(frozen=True)
class Hearing:
    """How to listen: a preset and the frames it works on."""

    preset: str = "line"
    sr: int = 22_050
    n_fft: int = 2_048
    hop_length: int = 512
    seconds: float | None = None

    def vector(self, y: Waveform) -> Columns:
        """The features of a mono signal at `sr` Hz, by column name; all finite for finite input."""
        return _line(y, self) if self.preset == "line" else self.vector_of_blocks([y])

    def vector_of_blocks(self, blocks: Iterable[Waveform]) -> Columns:
        """`vector` of a recording that comes in blocks: hours of it take little memory, except for `line`."""
        if self.preset == "line":
            return _line(np.concatenate(list(blocks)), self)
        listener = self.listener()
        for block in blocks:
            listener.feed(block)
        listener.finish()
        return self.columns(listener)

    def check(self) -> None:
        """Raise UsageError where these frames have no room for a feature of the preset."""
        if self.preset != "line":
            self.listener()

    def listener(self, *, eager: bool = False) -> Listener:
        """What hears one recording for this preset; raises UsageError for a rate or hop that a feature has no room in."""
        functions = set(FUNCTIONS[self.preset])
        if "chroma_cqt" in functions and not chroma.fits(self.sr, self.hop_length):
            raise UsageError(
                f"preset {self.preset!r} at sr={self.sr}, hop_length={self.hop_length}: chroma_cqt needs seven octaves from "
                f"32.7 Hz below sr / 2 (sr of 8,700 or more) and a hop divisible by {chroma.HOP_MULTIPLE}"
            )
        more = {"beat_strength"} if self.preset == _WITH_SCALARS else set()
        return Listener(functions | more, self.sr, self.n_fft, self.hop_length, eager=eager)

    def columns(self, listener: Listener) -> Columns:
        """The columns of what a listener of this hearing heard, after its end."""
        functions = FUNCTIONS[self.preset]
        if listener.n_frames <= _FEW_FRAMES:  # one table: numpy's calls cost more than their work
            rows = {name: listener.rows(name) for name in functions}
            values = iter(summarise(np.concatenate([rows[name].astype(np.float32, copy=False) for name in functions])))
            columns = {
                column: float(value)
                for name in functions
                for row in _row_names(name, len(rows[name]))
                for column, value in zip(_columns_of(row), next(values), strict=True)
            }
        else:
            columns = {}
            at_once = max(1, _VALUES_AT_ONCE // listener.n_frames)
            for name in functions:
                groups = [summarise(rows) for rows in listener.row_groups(name, at_once)]
                columns |= _table(name, np.concatenate(groups), STATISTICS)
        if self.preset == _WITH_SCALARS:
            for scalars in SCALARS:
                columns |= scalars(listener)
        return columns

    def names(self) -> tuple[str, ...]:
        """The columns of `vector`, in its order."""
        return _names(self)


_FEW_FRAMES = 4_096
_VALUES_AT_ONCE = 1 << 22


@lru_cache(maxsize=64)
def _row_names(function: str, n_rows: int) -> tuple[str, ...]:
    return (function,) if n_rows == 1 else tuple(f"{function}_{row:02d}" for row in range(1, n_rows + 1))


@lru_cache(maxsize=1024)
def _columns_of(row: str) -> tuple[str, ...]:
    return tuple(f"{row}_{name}" for name in STATISTICS)


def _columns(function: str, frames: Array, statistics: tuple[str, ...]) -> Columns:
    """Statistics of each row under librosa's name for the function; a single row has no number."""
    return _table(function, summarise(frames, statistics), statistics)


def _table(function: str, values: npt.NDArray[np.float64], statistics: tuple[str, ...]) -> Columns:
    return {
        f"{row}_{name}": float(value)
        for row, line in zip(_row_names(function, len(values)), values, strict=True)
        for name, value in zip(statistics, line, strict=True)
    }


def _numbered(values: dict[str, Array]) -> Columns:
    """Numbers of a whole clip; a single one has no number in its name."""
    columns: Columns = {}
    for name, array in values.items():
        if len(array) == 1:
            columns[name] = float(array[0])
        else:
            columns |= {f"{name}_{row:02d}": float(value) for row, value in enumerate(array, start=1)}
    return columns


def _shape(S: Array, how: Hearing, statistics: tuple[str, ...]) -> Columns:
    moments = spectral.moments(S, how.sr, how.n_fft)
    extremes = spectral.band_extremes(S, spectral.contrast_bands(how.sr, how.n_fft))
    return {
        **_columns("spectral_bandwidth", spectral.bandwidth_of(moments), statistics),
        **_columns("spectral_centroid", spectral.centroid_of(moments), statistics),
        **_columns("spectral_contrast", spectral.contrast_of(extremes), statistics),
        **_columns("spectral_flatness", spectral.spectral_flatness(S), statistics),
        **_columns("spectral_rolloff", spectral.spectral_rolloff(S, how.sr, how.n_fft), statistics),
    }


def _line(y: Waveform, how: Hearing) -> Columns:
    loudest = float(np.abs(y).max())
    y = y / np.float32(loudest) if loudest > 0 else y  # gain carries no style
    S = stft.magnitudes(y, how.n_fft, how.hop_length)
    log_mel = mel.power_to_db(mel.mel_of_power(np.square(S), how.sr, how.n_fft))
    envelope = onset_strength(S=log_mel, n_fft=how.n_fft, hop_length=how.hop_length)
    loudness = mel.power_to_db(np.square(spectral.rms(y, how.n_fft, how.hop_length)))
    two = ("mean", "std")
    return {
        **_columns("mfcc", mel.mfcc_of_mel(log_mel, N_MFCC), two),
        **_shape(S, how, two),
        **_columns("zero_crossing_rate", spectral.zero_crossing_rate(y, how.n_fft, how.hop_length), two),
        **_columns("loudness", loudness - loudness.max(), ("mean", "std", "skew")),
        **_columns("onset_strength", envelope / max(1e-6, float(envelope.max())), ("mean", "std", "skew", "kurtosis")),
        **_numbered(rhythm.rhythm_vector(envelope, how.sr / how.hop_length)),
        **_numbered(tonality.tonal_vector(y, how.sr)),
    }


@lru_cache(maxsize=32)
def _names(how: Hearing) -> tuple[str, ...]:
    return tuple(how.vector(np.zeros(how.n_fft, dtype=np.float32)))
