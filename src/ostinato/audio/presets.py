"""What each preset hears: which features of a clip, summed up by which statistics, in which columns.

`line` is what the pipeline learns from: timbre by frames, and rhythm and tonality that tempo, key and loudness do not
change. `fast` is librosa's cheap spectral set. `fma` is the 518 columns of the FMA data set (Defferrard et al. 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ostinato.audio import rhythm, spectral, tonality
from ostinato.audio.decode import Waveform
from ostinato.audio.spectral import Array
from ostinato.audio.statistics import STATISTICS, summarise

VERSION = 1  # raise it when a number changes: it is part of every cache key
Columns = dict[str, float]


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
        return _PRESETS[self.preset](y, self)

    def names(self) -> tuple[str, ...]:
        """The columns of `vector`, in its order."""
        return _names(self)


def _columns(function: str, frames: Array, statistics: tuple[str, ...]) -> Columns:
    """Statistics of each row under librosa's name for the function; a single row has no number."""
    values = summarise(frames, statistics)
    if len(values) == 1:
        return {f"{function}_{name}": float(value) for name, value in zip(statistics, values[0], strict=True)}
    return {
        f"{function}_{row:02d}_{name}": float(value)
        for row, line in enumerate(values, start=1)
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


@dataclass(frozen=True)
class _Frames:
    """What the features of a clip share: one STFT, one mel spectrogram."""

    S: Array
    log_mel: Array
    freq: Array

    @classmethod
    def of(cls, y: Waveform, how: Hearing) -> _Frames:
        S = spectral.magnitudes(y, how.n_fft, how.hop_length)
        mel = spectral.melspectrogram(S, how.sr, how.n_fft)
        return cls(S, spectral.power_to_db(mel), spectral.fft_frequencies(how.sr, how.n_fft))


def _spectral(shared: _Frames, how: Hearing, statistics: tuple[str, ...]) -> Columns:
    S, freq = shared.S, shared.freq
    centroid = spectral.spectral_centroid(S, freq)
    return {
        **_columns("spectral_bandwidth", spectral.spectral_bandwidth(S, freq, centroid), statistics),
        **_columns("spectral_centroid", centroid, statistics),
        **_columns("spectral_contrast", spectral.spectral_contrast(S, how.sr, how.n_fft), statistics),
        **_columns("spectral_flatness", spectral.spectral_flatness(S), statistics),
        **_columns("spectral_rolloff", spectral.spectral_rolloff(S, freq), statistics),
    }


def _fast(y: Waveform, how: Hearing) -> Columns:
    shared = _Frames.of(y, how)
    return {
        **_columns("mfcc", spectral.mfcc(shared.log_mel), STATISTICS),
        **_columns("rms", spectral.rms(y, how.n_fft, how.hop_length), STATISTICS),
        **_spectral(shared, how, STATISTICS),
        **_columns("zero_crossing_rate", spectral.zero_crossing_rate(y, how.n_fft, how.hop_length), STATISTICS),
    }


def _line(y: Waveform, how: Hearing) -> Columns:
    loudest = float(np.abs(y).max())
    y = y / np.float32(loudest) if loudest > 0 else y  # gain carries no style
    shared = _Frames.of(y, how)
    envelope = rhythm.onset_strength(shared.log_mel, how.n_fft, how.hop_length)
    loudness = spectral.power_to_db(np.square(spectral.rms(y, how.n_fft, how.hop_length)))
    two = ("mean", "std")
    return {
        **_columns("mfcc", spectral.mfcc(shared.log_mel), two),
        **_spectral(shared, how, two),
        **_columns("zero_crossing_rate", spectral.zero_crossing_rate(y, how.n_fft, how.hop_length), two),
        **_columns("loudness", loudness - loudness.max(), ("mean", "std", "skew")),
        **_columns("onset_strength", envelope / max(1e-6, float(envelope.max())), ("mean", "std", "skew", "kurtosis")),
        **_numbered(rhythm.rhythm_vector(envelope, how.sr / how.hop_length)),
        **_numbered(tonality.tonal_vector(y, how.sr)),
    }


def _fma(y: Waveform, how: Hearing) -> Columns:
    from ostinato.audio.fma import fma_frames

    return {
        name: value
        for function, frames in fma_frames(y, how.sr, how.n_fft, how.hop_length).items()
        for name, value in _columns(function, frames, STATISTICS).items()
    }


@lru_cache(maxsize=32)
def _names(how: Hearing) -> tuple[str, ...]:
    if how.preset != "fma":
        return tuple(how.vector(np.zeros(how.n_fft, dtype=np.float32)))
    from ostinato.audio.fma import ROWS  # librosa stays unloaded

    return tuple(
        name for function, rows in ROWS.items() for name in _columns(function, np.zeros((rows, 1)), STATISTICS)
    )


_PRESETS = {"line": _line, "fast": _fast, "fma": _fma}
PRESETS = tuple(_PRESETS)
