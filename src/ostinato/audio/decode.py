"""From a file to mono samples: decoding by libsndfile, resampling by soxr, in memory bounded by what is asked for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import AudioError

Waveform = npt.NDArray[np.float32]

MIN_RATE, MAX_RATE = 1_000, 768_000
LOUDEST = 1e4  # full scale is 1; a float file beyond this holds something else than audio
_BLOCK = 1 << 16  # frames a read
_WIDEST = 8  # channels up to which a read has so many frames; a header may claim 1,024
_TORN = re.compile(r"\b(?:data|SSND|Data Size)\s*:\s*(\d+) \(should be (\d+)\)")  # in libsndfile's log
_TORN_SHARE = 0.01
_STREAMED = 0x7FFF_F000  # a size from here up is what a program writes that does not know it
_UNKNOWN_LENGTH = 1 << 40  # libsndfile says SF_COUNT_MAX where a stream does not tell its length


def decode(
    path: Path | str,
    sr: int = 22_050,
    *,
    seconds: float | None = None,
    offset: float = 0.0,
    duration: float | None = None,
) -> Waveform:
    """Mono samples of an audio file at `sr` Hz, shape `(n,)`, full scale 1.

    WAV, FLAC, OGG, MP3, AIFF, AU and OPUS of any rate and channel count; channels are averaged. `seconds` takes at
    most so much from the middle of the file; `offset` and `duration` (seconds) take a stated part instead. Only that
    part is read. Raises AudioError, with the reason, for a file that is missing, empty, torn or not audio, and for
    samples that are not finite.

    >>> decode("no-such.wav")
    Traceback (most recent call last):
    ostinato.core.errors.AudioError: no-such.wav: there is no such file
    """
    blocks = list(stream(path, sr, seconds=seconds, offset=offset, duration=duration))
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def stream(
    path: Path | str,
    sr: int = 22_050,
    *,
    seconds: float | None = None,
    offset: float = 0.0,
    duration: float | None = None,
) -> Iterator[Waveform]:
    """The samples of `decode` as blocks `(n,)` of some seconds each, so that hours of sound take a few MB; raises as it does.

    >>> sum(len(block) for block in stream("no-such.wav"))
    Traceback (most recent call last):
    ostinato.core.errors.AudioError: no-such.wav: there is no such file
    """
    if seconds is not None and (offset or duration is not None):
        raise ValueError("say either seconds (from the middle) or offset and duration, not both")
    refuse_what_is_no_file(path)
    import soundfile

    try:
        with soundfile.SoundFile(os.fsencode(path)) as file:
            rate = rate_of(path, file)
            _refuse_headerless(path, file)
            refuse_torn(path, file)
            start, wanted = _window(path, file, seconds, offset, duration)
            yield from _resampled(_read(path, file, start, wanted), rate, sr)
    except (soundfile.LibsndfileError, RuntimeError, TypeError, OSError, EOFError) as error:
        if isinstance(error, AudioError):
            raise
        raise AudioError(path, in_words(error)) from None


def as_waveform(y: npt.ArrayLike, rate: int, sr: int, name: str = "waveform") -> Waveform:
    """A signal `(n,)` or, librosa's way, `(channels, n)` as mono samples at `sr` Hz; raises as `decode` does."""
    samples = mono(y, name)
    if not len(samples):
        raise AudioError(name, f"expected samples of shape (n,), got {np.shape(y)}")
    return np.concatenate(list(_resampled([checked(name, samples)], rate, sr)))


def mono(y: npt.ArrayLike, name: str) -> Waveform:
    """Samples `(n,)` or `(channels, n)` averaged over channels, float32; raises AudioError for another shape."""
    samples = np.asarray(y, dtype=np.float32)
    if samples.ndim == 2:  # noqa: PLR2004 - channels first
        samples = samples.mean(axis=0)
    if samples.ndim != 1:
        raise AudioError(name, f"expected samples of shape (n,), got {np.shape(y)}")
    return samples


def refuse_what_is_no_file(path: Path | str) -> None:
    """Raise AudioError for what is missing, empty, a folder, or a device."""
    where = Path(path)
    try:
        if where.is_dir():
            raise AudioError(path, "it is a folder, not an audio file")
        if not where.exists():
            raise AudioError(path, "there is no such file")
        if not where.is_file():
            raise AudioError(path, "it is a device or a pipe, not an audio file")
        if where.stat().st_size == 0:
            raise AudioError(path, "empty file (0 bytes)")
    except (OSError, ValueError) as error:
        if isinstance(error, AudioError):
            raise
        raise AudioError(path, f"cannot be read: {error}") from None


def rate_of(path: Path | str, file: Any) -> int:
    """Sampling rate of an open file in Hz; raises AudioError where its header says nonsense."""
    rate = int(file.samplerate)
    if not MIN_RATE <= rate <= MAX_RATE:
        raise AudioError(path, f"its header says {rate} Hz; expected a rate from {MIN_RATE} to {MAX_RATE} Hz")
    return rate


def _refuse_headerless(path: Path | str, file: Any) -> None:
    """Raise where libsndfile went by the name alone (`.vox`, `.gsm`): it hears any bytes at all in such a file."""
    if file.format == "RAW":
        raise AudioError(path, "not audio that says what it is: samples without a header")


def refuse_torn(path: Path | str, file: Any) -> None:
    """Raise where the header of a WAV, AIFF or AU file announces more sound than the file holds."""
    if (found := _TORN.search(file.extra_info)) is None:
        return
    said, held = int(found[1]), int(found[2])
    if said < _STREAMED and said - held > _TORN_SHARE * said:
        raise AudioError(path, f"truncated: its header says {said:,} bytes of sound, the file holds {held:,}")


def _window(
    path: Path | str, file: Any, seconds: float | None, offset: float, duration: float | None
) -> tuple[int, int]:
    """First frame and number of frames to read."""
    rate, total = int(file.samplerate), int(file.frames)
    if total >= _UNKNOWN_LENGTH:
        total = sum(len(block) for block in _blocks(file, total))
        file.seek(0)
    if total <= 0:
        raise AudioError(path, "it holds no samples (0 seconds)")
    if seconds is not None:
        wanted = min(total, max(1, round(seconds * rate)))
        start = (total - wanted) // 2
    else:
        start = min(round(offset * rate), total)
        wanted = total - start if duration is None else min(total - start, round(duration * rate))
    if wanted <= 0:
        raise AudioError(path, f"nothing is left after offset {offset:g} s of {total / rate:.2f} s")
    return start, wanted


def _read(path: Path | str, file: Any, start: int, wanted: int) -> Iterator[Waveform]:
    """`wanted` frames from `start`, averaged over channels, block by block."""
    if start:
        file.seek(start)
    got = 0
    for block in _blocks(file, wanted):
        got += len(block)
        yield checked(path, block)
    if not got or wanted - got > slack(file):
        heard, said = (start + got) / file.samplerate, file.frames / file.samplerate
        raise AudioError(path, f"truncated: its header says {said:.2f} s, the samples end at {heard:.2f} s")


def slack(file: Any) -> float:
    """Frames by which a stream may end early: an MP3 tells its length only roughly, and tags count as sound."""
    return max(0.5 * file.samplerate, 0.1 * file.frames) if file.format == "MP3" else 0


def _blocks(file: Any, frames: int) -> Iterator[Waveform]:
    """At most `frames` frames from where the file stands, averaged over channels, block by block."""
    left, at_once = frames, _BLOCK * _WIDEST // max(_WIDEST, file.channels)
    while left > 0:
        block = file.read(min(at_once, left), dtype="float32", always_2d=True)
        if not len(block):
            return
        left -= len(block)
        yield block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float32)


def checked(path: Path | str, y: Waveform) -> Waveform:
    """`y`, not empty; raises AudioError where it is not finite or far beyond full scale."""
    loudest = float(np.abs(y).max())
    if not np.isfinite(loudest):
        bad = int(np.count_nonzero(~np.isfinite(y)))
        raise AudioError(path, f"{bad} of {len(y)} samples are NaN or infinite")
    if loudest > LOUDEST:
        raise AudioError(path, f"samples reach {loudest:.3g} where full scale is 1: not audio")
    return y


def _resampled(blocks: Iterable[Waveform], rate: int, sr: int) -> Iterator[Waveform]:
    """Blocks at `rate` Hz as blocks at `sr` Hz; the samples do not depend on how they are cut."""
    if rate == sr:
        yield from blocks
        return
    import soxr

    resampler = soxr.ResampleStream(rate, sr, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield resampler.resample_chunk(block)
    yield resampler.resample_chunk(np.empty(0, dtype=np.float32), last=True)


def in_words(error: BaseException) -> str:
    """Why libsndfile could not read a file, without the path that it repeats."""
    said = str(getattr(error, "error_string", "") or error).strip().rstrip(".") or type(error).__name__
    if "File does not exist" in said:  # said of files that are there: an MP3 decoder found nothing in them
        said = "no decoder knows it"
    return f"not audio, or damaged: {said}"
