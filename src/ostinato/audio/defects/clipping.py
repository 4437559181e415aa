"""Clipping: flat tops at a level that the waveform never exceeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ostinato.audio.defects.chunk import Chunk, Samples, Setting, runs
from ostinato.audio.defects.report import Defect, certainty, severity_of

_NEAR_TOP = 0.95  # share of a chunk's peak from which samples are looked at
_FLAT = 1e-4  # share of the level within which neighbours count as equal: 3 steps of 16 bits at full scale
_QUANTUM = 1.5 / 32768  # a step of 16 bits and a half
_LEAST_QUANTA = 16  # steps of the waveform's own resolution in a crest worth judging
_SHORTEST = 2  # samples in a flat top; two equal ones come by chance, but rarely at one level
_CORNER = (
    12  # a parabola that is flat within q over k samples steps by about 4 q / k next to it; this is three times that
)
_SAME_LEVEL = 0.01  # tops within 1 % belong to one ceiling
_ABOVE = 1.01  # a waveform that goes higher near by was not cut there
_REGION = 2.0  # seconds without a flat top that end a region
_LEAST_TOPS, _ENOUGH = 2, 3.0  # a top weighs its samples beyond two, three at most; a pair of samples little
_MOST_WEIGHT, _PAIR = 3, 0.1
_LONGEST = 0.02  # seconds; longer plateaus are no clipped crests (half a period of 25 Hz)
_SQUARE = 0.84  # share of samples on the two ceilings from which the waveform is a square wave by nature


@dataclass
class _Region:
    """Flat tops of one channel and polarity that share a ceiling."""

    level: float
    start: int
    end: int
    tops: int = 0
    samples: int = 0
    weight: float = 0.0
    peak: float = 0.0


class ClippingMonitor:
    """Hears crests cut off at a ceiling, at full scale or, turned down afterwards, below it.

    A clipped crest is 2 or more equal samples with a corner on both sides; a smooth crest that is that flat has no corner
    (its curvature is bounded by its flatness). Three tops of three samples at one level, or two long ones, or thirty of two
    samples, with nothing above that level near by, are clipping. A loud but limited master touches its ceiling in single
    samples and is no defect; waves of 8 bits have equal neighbours but corners of one or two steps; a square wave, which
    stays on two levels for 84 % of the time or more, is taken for a synthesizer's. Clipping that was resampled or coded
    lossily afterwards is no longer flat and not found.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._before: Samples | None = None
        self._open: dict[tuple[int, int], _Region] = {}

    def feed(self, chunk: Chunk) -> Iterator[Defect]:
        """Regions that ended 2 s before this chunk's end."""
        y = chunk.y if self._before is None else np.concatenate([self._before, chunk.y], axis=1)
        offset = chunk.end - y.shape[1]
        for channel, samples in enumerate(y):
            yield from self._hear(channel, 1, samples, float(samples.max()), offset)
            yield from self._hear(channel, -1, samples, -float(samples.min()), offset)
        self._before = chunk.y[:, -min(chunk.y.shape[1], self._setting.samples(_LONGEST)) :]

    def finish(self) -> Iterator[Defect]:
        """Regions that are open at the end."""
        for (channel, _), region in sorted(self._open.items()):
            yield from self._closed(channel, region)
        self._open.clear()

    def _hear(self, channel: int, sign: int, y: Samples, peak: float, offset: int) -> Iterator[Defect]:
        """Take in one channel's crests (`sign` 1) or troughs (-1)."""
        key = (channel, sign)
        region = self._open.get(key)
        if region is not None:
            if offset - region.end > _REGION * self._setting.sr:
                yield from self._closed(channel, self._open.pop(key))
                region = None
            else:
                region.peak = max(region.peak, peak)
        if peak <= _LEAST_QUANTA * _QUANTUM:
            return
        fresh = offset + len(y)
        for begin, end, level in _flat_tops(y, sign, peak, self._setting.samples(_LONGEST)):
            if region is not None and offset + begin < region.end:
                continue  # heard with the chunk before
            if region is None or level > region.level * (1 + _SAME_LEVEL):
                region = self._open[key] = _Region(level, offset + begin, fresh, peak=peak)
            elif level < region.level * (1 - _SAME_LEVEL):
                continue
            region.tops, region.samples, region.end = region.tops + 1, region.samples + end - begin, offset + end
            region.weight += min(end - begin - _SHORTEST, _MOST_WEIGHT) or _PAIR

    def _closed(self, channel: int, region: _Region) -> Iterator[Defect]:
        seconds = (region.end - region.start) / self._setting.sr
        if region.peak > region.level * _ABOVE or region.tops < _LEAST_TOPS:
            return
        share = region.samples / max(region.end - region.start, 1)
        if share > _SQUARE / 2:  # one polarity has half of a square wave
            return
        yield Defect(
            region.start / self._setting.sr,
            region.end / self._setting.sr,
            "clipping",
            channel,
            certainty(float(np.log2(region.weight)), float(np.log2(_ENOUGH)), 0.6),
            severity_of(share, 0.002, 0.01),
            f"{region.samples:,} samples in {region.tops:,} flat tops of {_SHORTEST} or more at {region.level:.4f} of "
            f"full scale, and none above, in {seconds:.2f} s",
        )


def _flat_tops(y: Samples, sign: int, peak: float, longest: int) -> Iterator[tuple[int, int, float]]:
    """Begin, end and level of the crests of `sign * y` near `peak` that are flat and have corners."""
    near = np.flatnonzero(y >= _NEAR_TOP * peak) if sign > 0 else np.flatnonzero(y <= -_NEAR_TOP * peak)
    if len(near) < _SHORTEST:
        return
    tolerance = max(_FLAT * peak, _QUANTUM)
    values = y[near]
    equal = (np.diff(near) == 1) & (np.abs(np.diff(values)) <= tolerance)
    begins, ends = runs(equal)
    long = (ends - begins >= _SHORTEST - 1) & (ends - begins < longest)
    if not long.any():
        return
    steps = np.abs(np.diff(y))
    quantum = float(steps[steps > 0].min(initial=peak))
    if peak < _LEAST_QUANTA * quantum:
        return
    for first, last in zip(near[begins[long]], near[ends[long]], strict=True):
        if first == 0 or last + 1 >= len(y):
            continue
        corner = min(sign * float(y[first] - y[first - 1]), sign * float(y[last] - y[last + 1]))
        if corner * (last + 1 - first) >= _CORNER * tolerance and corner > 2 * max(tolerance, quantum):
            yield int(first), int(last) + 1, abs(float(y[first]))
