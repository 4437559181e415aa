"""Dropouts: samples that stand still within sound, with an edge on both sides."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ostinato.audio.defects.chunk import Chunk, Samples, Setting, runs
from ostinato.audio.defects.report import Defect, certainty, decibels, severity_of

_SHORTEST, _LONGEST = 0.004, 1.0  # seconds; longer stillness is silence
_STILL = 2.5 / 32768  # most that neighbours differ: dither of 16 bits
_EDGE, _CONTEXT = 0.003, 0.05  # seconds before and after
_ABRUPT_DB = -16.0  # the last 3 ms against those of the 50 ms before: a fade to silence is far below
_QUIETEST = 1e-3  # RMS of the context below which nothing is missed


class DropoutMonitor:
    """Hears gaps of 4 ms to 1 s in which samples are zero, held, or below 16-bit dither.

    In a lost packet sound stops and starts within a sample. In a rest it decays: the 3 ms before a gap must be within
    16 dB of the median of the 50 ms before, and likewise after it. Packets replaced by repeated or faded sound are not found.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._kept: list[Samples] = [np.zeros((0,), np.float32)] * setting.channels
        self._done = [0] * setting.channels

    def feed(self, chunk: Chunk) -> Iterator[Defect]:
        """Gaps whose context after them is known."""
        for channel, fresh in enumerate(chunk.y):
            kept = self._kept[channel]
            y = np.concatenate([kept, fresh]) if len(kept) else fresh
            found, keep = self._gaps(y)
            yield from self._defects(channel, y, chunk.end - len(y), found)
            self._kept[channel] = y[max(0, len(y) - keep) :]

    def finish(self) -> Iterator[Defect]:
        """Nothing: a gap at the end is silence or truncation."""
        return iter(())

    def _gaps(self, y: Samples) -> tuple[list[tuple[int, int]], int]:
        """Still runs that ended at least a context ago, and how many samples the next chunk needs."""
        context, shortest = self._setting.samples(_CONTEXT), self._setting.samples(_SHORTEST)
        block = max(1, shortest // 2)
        keep = 2 * context + shortest
        moves = np.abs(np.diff(y))
        whole = len(moves) // block * block
        # a still run of `shortest` covers one whole block at least
        if not whole or (moves[:whole].reshape(-1, block).max(axis=1) > _STILL).all():
            return [], keep
        begins, ends = runs(moves <= _STILL)
        long = ends - begins >= shortest - 1
        found = [(int(b), int(e) + 1) for b, e in zip(begins[long], ends[long], strict=True)]
        if found and len(y) - found[-1][1] < context:  # its far side is not known yet
            keep = max(keep, min(len(y) - found[-1][0] + context, self._setting.samples(_LONGEST) + 2 * context))
            found.pop()
        return found, keep

    def _defects(self, channel: int, y: Samples, offset: int, found: list[tuple[int, int]]) -> Iterator[Defect]:
        sr = self._setting.sr
        for begin, end in found:
            if offset + begin < self._done[channel]:
                continue
            self._done[channel] = offset + end
            seconds = (end - begin) / sr
            if seconds > _LONGEST or begin == 0:
                continue
            level = float(y[begin:end].mean())
            sides = [self._side(y[:begin][::-1] - level), self._side(y[end:] - level)]
            edge, context = (min(side[k] for side in sides) for k in (0, 1))
            if context < _QUIETEST:
                continue
            spread = float(np.ptp(y[begin:end]))
            if spread > 0.02 * context + 2 * _STILL:
                continue
            held = abs(level) > 2 * _STILL
            yield Defect(
                (offset + begin) / sr,
                (offset + end) / sr,
                "dropout",
                channel,
                certainty(edge, _ABRUPT_DB, 3.0),
                severity_of(seconds, 0.02, 0.1),
                f"samples {'held' if held else 'at zero'} for {1000 * seconds:.1f} ms between sound at "
                f"{decibels(context):.0f} dBFS that stops and starts at once",
            )

    def _side(self, y: Samples) -> tuple[float, float]:
        """How much the 3 ms next to a gap fall short (dB), and the RMS of 50 ms; `y` about the gap, counted away from it.

        Against the median of such 3 ms, by level or by the differences of neighbours, whichever is nearer: low notes cross
        the gap's level, and a held sample continues the sound before it.
        """
        near, far = max(2, self._setting.samples(_EDGE)), self._setting.samples(_CONTEXT)
        count = min(len(y), far) // near
        if not count:
            return -200.0, 0.0
        levels = _frames_rms(y, near, count)
        moves = _frames_rms(np.diff(y[: count * near], append=y[count * near - 1]), near, count)
        edge = max(decibels(float(each[0]) / max(float(np.median(each)), 1e-9)) for each in (levels, moves))
        return edge, float(np.std(y[:far]))


def _frames_rms(y: Samples, size: int, count: int) -> np.ndarray:
    frames = y[: size * count].reshape(count, size)
    rms: np.ndarray = np.sqrt(np.square(frames, dtype=np.float64).mean(axis=1))
    return rms
