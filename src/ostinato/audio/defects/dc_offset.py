"""DC offset: a mean that is not zero and stays."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ostinato.audio.defects.chunk import Chunk, Setting, runs
from ostinato.audio.defects.report import Defect, certainty, severity_of

_LARGEST_LIMIT, _LEAST_LIMIT = 0.005, 0.001  # of full scale
_OF_RMS = 0.05  # an offset of 5 % of the RMS wastes headroom and clicks at edits
_SMOOTH = 8  # chunks: 2 s
_MOST_ROWS = 1024  # means kept: 4 minutes, then coarser


class OffsetMonitor:
    """Hears a mean beyond 0.5 % of full scale, or beyond 5 % of the RMS where the recording is quiet.

    Means of 0.25 s are taken over 2 s by the median and must keep their sign: wind and thumps move the mean to and fro.
    Memory is bounded: a long recording's means are merged in pairs, so that its places become coarser.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._means: list[np.ndarray] = []
        self._counts: list[int] = []
        self._merged, self._waiting = 1, 0
        self._energy, self._n = np.zeros(setting.channels), 0

    def feed(self, chunk: Chunk) -> Iterator[Defect]:
        """Nothing before the end."""
        n = chunk.y.shape[1]
        self._energy += chunk.power * n
        self._n += n
        mean = chunk.y.mean(axis=1, dtype=np.float64)
        if self._waiting and self._waiting < self._merged:
            total = self._counts[-1] + n
            self._means[-1] = (self._means[-1] * self._counts[-1] + mean * n) / total
            self._counts[-1] = total
            self._waiting += 1
        else:
            self._means.append(mean)
            self._counts.append(n)
            self._waiting = 1
        if len(self._means) >= _MOST_ROWS and self._waiting == self._merged:
            self._merge()
        return iter(())

    def _merge(self) -> None:
        means, counts = np.array(self._means), np.array(self._counts, dtype=np.float64)
        sums = (means * counts[:, None]).reshape(len(means) // 2, 2, -1).sum(axis=1)
        counts = counts.reshape(-1, 2).sum(axis=1)
        self._means, self._counts = list(sums / counts[:, None]), [int(c) for c in counts]
        self._merged *= 2
        self._waiting = self._merged

    def finish(self) -> Iterator[Defect]:
        """Stretches of each channel with an offset."""
        if not self._n:
            return
        means, sr = np.array(self._means), self._setting.sr
        edges = np.concatenate([[0], np.cumsum(self._counts)])
        rms = np.sqrt(self._energy / self._n)
        for channel in range(self._setting.channels):
            track = means[:, channel]
            steady = _smoothed(track)
            ac = float(np.sqrt(max(rms[channel] ** 2 - float(np.median(track)) ** 2, 0)))
            limit = min(max(_OF_RMS * ac, _LEAST_LIMIT), _LARGEST_LIMIT)
            for begin, end in zip(*runs(np.abs(steady) > limit / 2), strict=True):
                yield from self._judged(
                    channel, track[begin:end], limit, float(edges[begin]) / sr, float(edges[end]) / sr
                )

    def _judged(self, channel: int, track: np.ndarray, limit: float, start: float, end: float) -> Iterator[Defect]:
        level = float(np.median(track))
        spread = float(np.std(track))
        if len(track) < min(_SMOOTH, len(self._means)) // 2 or spread > abs(level):
            return
        why = (
            f"the mean is {level:+.4f} of full scale over {end - start:.2f} s (limit {limit:.4f}, spread {spread:.4f})"
        )
        sure = certainty(float(np.log2(max(abs(level), 1e-9) / limit)), 0.0, 0.3)
        yield Defect(start, end, "dc_offset", channel, sure, severity_of(abs(level), 0.02, 0.05), why)


def _smoothed(track: np.ndarray) -> np.ndarray:
    """Running median over 2 s, of which the edges take what is there."""
    half = _SMOOTH // 2
    padded = np.pad(track, half, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    smooth: np.ndarray = np.median(windows, axis=1)
    return smooth
