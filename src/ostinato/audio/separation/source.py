"""An audio file as it is, any part of it, all channels at its own rate."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import AudioError

Array = npt.NDArray[np.float32]

_MP3_SLACK = 0.5  # seconds by which a stream may end early, as an MP3 tells its length only roughly; silence follows


class Source:
    """A file held open: `sr` Hz, `channels`, `total` samples; raises AudioError, with the reason, where it is no audio."""

    def __init__(self, path: Path | str) -> None:
        import soundfile

        self._path = path
        where = Path(path)
        if not where.is_file():
            raise AudioError(path, "it is a folder, not an audio file" if where.is_dir() else "there is no such file")
        if where.stat().st_size == 0:
            raise AudioError(path, "empty file (0 bytes)")
        try:
            self._file: Any = soundfile.SoundFile(os.fsencode(path))
        except (soundfile.LibsndfileError, RuntimeError, TypeError, OSError) as error:
            raise AudioError(path, f"not audio, or damaged: {getattr(error, 'error_string', error)}") from None
        self.sr, self.channels, self.total = (
            int(each) for each in (self._file.samplerate, self._file.channels, self._file.frames)
        )
        if not self.total:
            self._file.close()
            raise AudioError(path, "it holds no samples (0 seconds)")

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, start: int, stop: int) -> Array:
        """Samples `start` to `stop`, `(channels, n)`, float32, full scale 1."""
        import soundfile

        try:
            self._file.seek(start)
            y = self._file.read(stop - start, dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            raise AudioError(self._path, f"damaged: {getattr(error, 'error_string', error)}") from None
        if self._file.format == "MP3" and 0 < stop - start - len(y) <= _MP3_SLACK * self.sr:
            y = np.pad(y, ((0, stop - start - len(y)), (0, 0)))
        if len(y) < stop - start:
            heard, said = (start + len(y)) / self.sr, self.total / self.sr
            raise AudioError(self._path, f"truncated: its header says {said:.2f} s, the samples end at {heard:.2f} s")
        if not np.isfinite(y).all():
            raise AudioError(self._path, f"{np.count_nonzero(~np.isfinite(y))} samples are NaN or infinite")
        return np.ascontiguousarray(y.T)
