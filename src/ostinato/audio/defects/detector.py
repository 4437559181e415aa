"""The quality of recordings: files, waveforms, streams and catalogues, all heard in the same chunks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ostinato.audio.decode import LOUDEST, MAX_RATE, MIN_RATE
from ostinato.audio.defects.bandwidth import BandwidthMonitor
from ostinato.audio.defects.bursts import BurstMonitor
from ostinato.audio.defects.channels import InversionMonitor, MissingMonitor
from ostinato.audio.defects.chunk import CHUNK_SECONDS, Chunk, Monitor, Samples, Setting
from ostinato.audio.defects.clipping import ClippingMonitor
from ostinato.audio.defects.dc_offset import OffsetMonitor
from ostinato.audio.defects.dropouts import DropoutMonitor
from ostinato.audio.defects.hum import HumMonitor
from ostinato.audio.defects.report import KINDS, Defect, Kind
from ostinato.audio.defects.silence import SilenceMonitor
from ostinato.audio.defects.truncation import TruncationMonitor
from ostinato.core.errors import AudioError, UsageError

if TYPE_CHECKING:
    import pandas as pd

_MONITORS: tuple[tuple[Callable[[Setting], Monitor], frozenset[str]], ...] = (
    (ClippingMonitor, frozenset({"clipping"})),
    (DropoutMonitor, frozenset({"dropout"})),
    (SilenceMonitor, frozenset({"silence"})),
    (TruncationMonitor, frozenset({"truncation"})),
    (OffsetMonitor, frozenset({"dc_offset"})),
    (BandwidthMonitor, frozenset({"fake_bandwidth"})),
    (InversionMonitor, frozenset({"inverted_channel"})),
    (MissingMonitor, frozenset({"missing_channel", "dual_mono"})),
    (BurstMonitor, frozenset({"noise_burst"})),
    (HumMonitor, frozenset({"hum"})),
)
_MOST_CHANNELS = 64


class DefectStream:
    """A recording as it arrives: `feed` it blocks of any size, then `finish`.

    Defects come out when their extent is known: a gap 50 ms after it, a burst 0.4 s after it, hum after two minutes or at the
    end, offset, bandwidth and truncation at the end. The same defects come out whatever the blocks.
    """

    def __init__(
        self, sr: int, channels: int, kinds: frozenset[str], sensitivity: float, name: Path | str = "stream"
    ) -> None:
        if not MIN_RATE <= sr <= MAX_RATE:
            raise AudioError(name, f"{sr} Hz; expected a rate from {MIN_RATE} to {MAX_RATE} Hz")
        if not 1 <= channels <= _MOST_CHANNELS:
            raise AudioError(name, f"{channels} channels; expected 1 to {_MOST_CHANNELS}")
        setting = Setting(sr, channels)
        self._name, self._kinds, self._least = name, kinds, 1 - sensitivity
        self._monitors = [build(setting) for build, hears in _MONITORS if hears & kinds]
        self._waiting: Samples = np.zeros((channels, setting.samples(CHUNK_SECONDS)), np.float32)
        self._filled, self._start, self._finished = 0, 0, False

    @property
    def samples(self) -> int:
        """Samples of each channel heard so far."""
        return self._start + self._filled

    def feed(self, block: npt.ArrayLike) -> list[Defect]:
        """Hear `block`, `(n,)` or `(channels, n)`, full scale 1; the defects that became known, by their begin.

        Raises AudioError for another number of channels and for samples that are not finite or no audio.
        """
        if self._finished:
            raise UsageError("this stream is finished; ask the detector for a new one")
        y = self._checked(block)
        found: list[Defect] = []
        at, size = 0, self._waiting.shape[1]
        while at < y.shape[1]:
            take = min(size - self._filled, y.shape[1] - at)
            self._waiting[:, self._filled : self._filled + take] = y[:, at : at + take]
            self._filled, at = self._filled + take, at + take
            if self._filled == size:
                found.extend(self._hear())
        return sorted(found, key=lambda each: each.key)

    def finish(self) -> list[Defect]:
        """The defects that only the end makes known, by their begin."""
        if self._finished:
            return []
        if not self.samples:
            raise AudioError(self._name, "it holds no samples (0 seconds)")
        found = list(self._hear()) if self._filled else []
        self._finished = True
        for monitor in self._monitors:
            found.extend(self._reported(monitor.finish()))
        return sorted(found, key=lambda each: each.key)

    def _hear(self) -> Iterator[Defect]:
        chunk = Chunk(self._waiting[:, : self._filled].copy(), self._start)
        self._start, self._filled = chunk.end, 0
        for monitor in self._monitors:
            yield from self._reported(monitor.feed(chunk))

    def _reported(self, found: Iterable[Defect]) -> Iterator[Defect]:
        return (each for each in found if each.kind in self._kinds and each.confidence >= self._least)

    def _checked(self, block: npt.ArrayLike) -> Samples:
        y = np.asarray(block, dtype=np.float32)
        y = y[None] if y.ndim == 1 else y
        if y.ndim != 2 or len(y) != len(self._waiting):  # noqa: PLR2004 - channels, samples
            raise AudioError(self._name, f"expected samples of shape ({len(self._waiting)}, n), got {np.shape(block)}")
        if y.shape[1] and not (loudest := float(np.abs(y).max())) <= LOUDEST:
            if np.isfinite(loudest):
                raise AudioError(self._name, f"samples reach {loudest:.3g} where full scale is 1: not audio")
            bad = int(np.count_nonzero(~np.isfinite(y)))
            raise AudioError(self._name, f"{bad} of {y.size} samples are NaN or infinite")
        return y


class AudioQualityDetector:
    """Finds clipping, dropouts, silence, truncation, offset, fake bandwidth, faults of channels, noise bursts and hum.

    `kinds` are those to look for, all by default. `sensitivity`, above 0 and below 1, is how little certainty suffices: a
    defect is reported from a confidence of `1 - sensitivity` on, at 0.5 where it is more likely than not.

    >>> import numpy as np
    >>> tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100)
    >>> [each.kind for each in AudioQualityDetector(["clipping"]).detect_waveform(np.clip(tone, -0.3, 0.3), 44_100)]
    ['clipping', 'clipping']
    """

    def __init__(self, kinds: Sequence[Kind] | None = None, sensitivity: float = 0.5) -> None:
        unknown = sorted(set(kinds or ()) - set(KINDS))
        if unknown or (kinds is not None and not kinds):
            raise UsageError(f"kinds {unknown or 'is empty'}: expected some of {', '.join(KINDS)}")
        if not 0 < sensitivity < 1:
            raise UsageError(f"sensitivity {sensitivity}: expected a number above 0 and below 1")
        self.kinds: tuple[Kind, ...] = tuple(kind for kind in KINDS if kinds is None or kind in kinds)
        self.sensitivity = sensitivity

    def stream(self, sr: int, channels: int = 1, name: Path | str = "stream") -> DefectStream:
        """An ear for one recording of `channels` channels at `sr` Hz; `name` is for messages."""
        return DefectStream(sr, channels, frozenset(self.kinds), self.sensitivity, name)

    def detect_waveform(self, y: npt.ArrayLike, sr: int, name: str = "waveform") -> list[Defect]:
        """Defects of `y`, `(n,)` or `(channels, n)`, by their begin; raises AudioError for what is no sound."""
        samples = np.asarray(y, dtype=np.float32)
        samples = samples[None] if samples.ndim == 1 else samples
        if samples.ndim != 2 or not samples.size:  # noqa: PLR2004 - channels, samples
            raise AudioError(name, f"expected samples of shape (n,) or (channels, n), got {np.shape(y)}")
        stream = self.stream(sr, len(samples), name)
        return sorted(stream.feed(samples) + stream.finish(), key=lambda each: each.key)

    def detect(self, path: Path | str) -> list[Defect]:
        """Defects of an audio file, by their begin, at its own rate in all its channels, in memory that does not grow.

        Raises AudioError, with the reason, for a file that is missing, empty, torn or not audio.
        """
        from ostinato.audio.defects.files import blocks_of

        found: list[Defect] = []
        stream: DefectStream | None = None
        for sr, block in blocks_of(path):
            stream = stream or self.stream(sr, len(block), path)
            found += stream.feed(block)
        if stream is None:
            raise AudioError(path, "it holds no samples (0 seconds)")
        return sorted(found + stream.finish(), key=lambda each: each.key)

    def scan(self, paths: Iterable[Path | str], progress: Callable[[int, int], None] | None = None) -> pd.DataFrame:
        """One row a defect of the files: path, kind, start, end, channel, confidence, severity, why.

        A file that cannot be read is a row of kind `unreadable` with the reason. `progress` is told how many of how many
        files are done.
        """
        import pandas as pd

        rows: list[dict[str, Any]] = []
        todo = list(paths)
        for done, path in enumerate(todo, start=1):
            rows += self._rows(os.fspath(path))
            if progress is not None:
                progress(done, len(todo))
        columns = ["path", "kind", "start", "end", "channel", "confidence", "severity", "why"]
        return pd.DataFrame(rows, columns=columns).astype({"channel": "Int64"})

    def _rows(self, path: str) -> list[dict[str, Any]]:
        try:
            return [{"path": path, **each.as_dict()} for each in self.detect(path)]
        except AudioError as error:
            return [{"path": path, "kind": "unreadable", "confidence": 1.0, "severity": "high", "why": error.reason}]
