"""What an audio file is, without listening to all of it: digest, header, and whether its first and last part decode."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.catalog.workers import job_count
from ostinato.core.hashing import sha256_of_file
from ostinato.core.progress import track

_FRAMES = 8_192  # decoded at each end
_BLOCK = 1 << 16
# An MP3 without a table of its frames tells its length by bytes, tags included: so much of it may be missing.
_MP3_SLACK_SECONDS = 0.5
_MP3_SLACK_SHARE = 0.1
_UNKNOWN_LENGTH = 1 << 40  # libsndfile says SF_COUNT_MAX where a stream does not tell its length
# libsndfile's log of a WAV, AIFF or AU whose header promises more bytes than there are: "data : 441000 (should be 220478)"
_PROMISE = re.compile(r"(?:data|SSND|Data Size)\s*:\s*(\d+) \(should be (\d+)\)")
_STREAMED = 0xFFFF_FF00  # a writer that could not know the length says the largest one
_PADDING = 2  # bytes by which honest writers disagree about a chunk's end


@dataclass(frozen=True)
class Probe:
    """What is known of one file; `problem` says why it cannot be read, and the audio facts are 0 then."""

    sha256: str
    bytes: int
    readable: bool
    problem: str | None
    sample_rate: int = 0
    channels: int = 0
    duration: float = 0.0  # seconds


def probe_all(paths: Sequence[Path]) -> list[Probe]:
    """Probe many files, in their order. Hashing and decoding leave Python's lock, so threads share the cores."""
    found = []
    with track("probe", total=len(paths), unit="files") as advance, ThreadPoolExecutor(job_count(len(paths))) as pool:
        for path, one in zip(paths, pool.map(probe, paths), strict=True):
            found.append(one)
            advance(1, note=path.name)
    return found


def probe(path: Path) -> Probe:
    """Probe one file; whatever is wrong with it is said in `problem`, never raised.

    >>> probe(Path("no-such.wav")).problem
    'there is no such file'
    """
    sha256, size = "", 0
    try:
        _refuse_what_is_no_file(path)
        size = path.stat().st_size
        sha256 = sha256_of_file(path)
        if size == 0:
            raise _UnreadableError("empty file")
        rate, channels, duration = _listen(path)
    except _UnreadableError as reason:
        return Probe(sha256, size, False, str(reason))
    except OSError as error:
        return Probe(sha256, size, False, f"cannot be read: {error.strerror or error}")
    return Probe(sha256, size, True, None, rate, channels, duration)


class _UnreadableError(Exception):
    """The reason why a file is not the audio it should be."""


def _refuse_what_is_no_file(path: Path) -> None:
    if path.is_dir():
        raise _UnreadableError("it is a folder, not an audio file")
    if not path.exists():
        raise _UnreadableError("there is no such file")
    if not path.is_file():
        raise _UnreadableError("it is a device or a pipe, not an audio file")


def _listen(path: Path) -> tuple[int, int, float]:
    """Rate, channels and seconds of a file whose ends decode; raises _UnreadableError."""
    import soundfile

    try:
        with soundfile.SoundFile(os.fsencode(path)) as file:
            rate, channels, frames = int(file.samplerate), int(file.channels), int(file.frames)
            _check_promise(file.extra_info)
            if frames <= 0 or frames >= _UNKNOWN_LENGTH:
                what = "no samples (0 seconds)" if frames == 0 else "an unknown length"
                raise _UnreadableError(f"truncated or empty: its header says {what}")
            heard = _heard_at_ends(file, frames)
            slack = max(_MP3_SLACK_SECONDS * rate, _MP3_SLACK_SHARE * frames) if file.format == "MP3" else 0
        if heard < frames and slack:
            # a seek in such a file lands anywhere near, so it is read anew from the start
            with soundfile.SoundFile(os.fsencode(path)) as file:
                heard = _heard_in_all(file)
    except (soundfile.LibsndfileError, RuntimeError, TypeError) as error:
        raise _UnreadableError(_said(error)) from None
    if heard == 0 or heard < frames - slack:
        raise _UnreadableError(
            f"truncated: its header says {frames / rate:.2f} s, the samples end after {heard / rate:.2f} s"
        )
    return rate, channels, round(heard / rate, 6)


def _check_promise(log: str) -> None:
    promised = _PROMISE.search(log)
    if promised is None:
        return
    said, there = int(promised[1]), int(promised[2])
    if said - there > _PADDING and said < _STREAMED:
        raise _UnreadableError(f"truncated: its header says {said} bytes of samples, {there} are there")


def _heard_at_ends(file: Any, frames: int) -> int:
    """How many frames the file holds for certain, its first and last part decoded; `frames` where both are whole."""
    wanted = min(_FRAMES, frames)
    start = _finite(file.read(wanted, dtype="float32"))
    if start < wanted:
        return start
    file.seek(frames - wanted)
    return frames - wanted + _finite(file.read(wanted, dtype="float32"))


def _heard_in_all(file: Any) -> int:
    """How many frames the file holds, all of it decoded."""
    heard = 0
    while read := _finite(file.read(_BLOCK, dtype="float32")):
        heard += read
    return heard


def _finite(y: NDArray[np.float32]) -> int:
    """How many frames were read; raises _UnreadableError where they are no numbers."""
    if not np.isfinite(y).all():
        raise _UnreadableError("damaged: samples are NaN or infinite")
    return len(y)


def _said(error: BaseException) -> str:
    """Why libsndfile could not read a file, without the path that it repeats."""
    text = str(getattr(error, "error_string", "") or "").strip().rstrip(".")
    if "File does not exist" in text:  # said of files that are there: an MP3 decoder found nothing in them
        text = "no decoder knows it"
    return f"not audio, or damaged: {text or 'its samples do not decode'}"
