"""`StreamingExtractor`: features while the sound is still coming in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ostinato.audio.decode import MAX_RATE, MIN_RATE, checked, mono
from ostinato.audio.presets import FUNCTIONS, Columns, Hearing
from ostinato.audio.stft import Array
from ostinato.core.errors import AudioError, UsageError

Frames = dict[str, Array]
_NAME = "stream"


@dataclass(frozen=True)
class StreamEnd:
    """What the end of a stream gives: the rows of the last frames, and the whole clip's columns."""

    frames: Frames
    features: Columns


class StreamingExtractor:
    """Hears blocks of samples of any size, and says of each frame what it can as soon as the frame is complete.

    `feed` takes a mono block `(n,)` or, librosa's way, `(channels, n)` at `rate` Hz and returns, for each function of the
    preset that looks at one frame only (`ostinato.audio.listener.LOCAL`: level, zero crossings, centroid, bandwidth,
    roll-off, flatness, flux, mel spectrum), the rows `(n_rows, k)` of the `k` frames that it completed. `finish` returns
    the rows of the last frames and the columns that `AudioFeatureExtractor(preset).transform_waveform` gives for the whole
    recording. A frame is complete half a window after its centre (46 ms at the defaults) and, where the rates differ, the
    few ms that the resampler holds back. Hours of sound take little memory: what the end needs goes to a temporary file.

    >>> stream = StreamingExtractor("fast")
    >>> rows = stream.feed(np.zeros(4096, dtype=np.float32))
    >>> rows["spectral_centroid"].shape
    (1, 7)
    """

    def __init__(
        self,
        preset: str = "full",
        *,
        rate: int | None = None,
        sr: int = 22_050,
        n_fft: int = 2_048,
        hop_length: int = 512,
    ) -> None:
        if preset not in FUNCTIONS:
            raise UsageError(f"preset {preset!r} cannot be streamed; there are {', '.join(FUNCTIONS)}")
        rate = sr if rate is None else rate
        if not MIN_RATE <= rate <= MAX_RATE:
            raise UsageError(f"rate={rate} is no sampling rate; expected {MIN_RATE} to {MAX_RATE} Hz")
        self._hearing = Hearing(preset, sr, n_fft, hop_length)
        self._listener = self._hearing.listener(eager=True)
        self._samples = 0
        self._ended = False
        self._resampler: Any = None
        if rate != sr:
            import soxr

            self._resampler = soxr.ResampleStream(rate, sr, 1, dtype="float32", quality="HQ")

    def feed(self, block: npt.ArrayLike) -> Frames:
        """Rows of the frames that `block` completes, by function; raises AudioError for samples that are not finite."""
        if self._ended:
            raise UsageError("this stream has ended; make another StreamingExtractor for the next recording")
        y = mono(block, _NAME)
        if len(y):
            checked(_NAME, y)
        return self._heard(y if self._resampler is None else self._resampler.resample_chunk(y))

    def finish(self) -> StreamEnd:
        """The end: last frames and whole clip; raises AudioError where less than a window was heard."""
        if self._ended:
            raise UsageError("this stream has ended already")
        held: Frames = {}
        if self._resampler is not None:
            held = self._heard(self._resampler.resample_chunk(np.empty(0, dtype=np.float32), last=True))
        self._ended = True
        how = self._hearing
        if self._samples < how.n_fft:
            least = how.n_fft / how.sr
            raise AudioError(
                _NAME, f"too short: {self._samples / how.sr:.3f} s, where at least {least:.3f} s are needed"
            )
        last = self._listener.finish()
        frames = {
            name: np.concatenate([held[name], rows], axis=1) if name in held else rows for name, rows in last.items()
        }
        return StreamEnd(frames, how.columns(self._listener))

    def _heard(self, y: Array) -> Frames:
        self._samples += len(y)
        return self._listener.feed(np.array(y, dtype=np.float32))  # a copy: the caller may use its block again
