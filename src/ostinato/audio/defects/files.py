"""Audio files block by block, at their own rate, in all channels."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ostinato.audio.decode import in_words, rate_of, refuse_torn, refuse_what_is_no_file, slack
from ostinato.audio.defects.chunk import Samples
from ostinato.core.errors import AudioError

_FRAMES = 1 << 16
_UNKNOWN_LENGTH = 1 << 40  # libsndfile says SF_COUNT_MAX where a stream does not tell its length


def blocks_of(path: Path | str) -> Iterator[tuple[int, Samples]]:
    """Rate and samples `(channels, n)` of each block of a file, full scale 1.

    Raises AudioError, with the reason, for a file that is missing, empty, torn or not audio.
    """
    refuse_what_is_no_file(path)
    import soundfile

    try:
        with soundfile.SoundFile(os.fsencode(path)) as file:
            sr, got = rate_of(path, file), 0
            refuse_torn(path, file)
            while len(block := file.read(_FRAMES, dtype="float32", always_2d=True)):
                got += len(block)
                yield sr, np.ascontiguousarray(block.T)
            if file.frames < _UNKNOWN_LENGTH and file.frames - got > slack(file):
                said = file.frames / sr
                raise AudioError(path, f"truncated: its header says {said:.2f} s, the samples end at {got / sr:.2f} s")
    except (soundfile.LibsndfileError, RuntimeError, TypeError, OSError, EOFError) as error:
        raise AudioError(path, in_words(error)) from None
