"""Fake bandwidth: a recording whose spectrum ends at a cliff far below what its rate promises."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ostinato.audio.defects.chunk import Chunk, Setting
from ostinato.audio.defects.report import Defect, certainty, severity_of

_FRAME_SECONDS = 0.046  # librosa's 2048 samples at 44.1 kHz
_LOWEST, _HIGHEST = 0.10, 0.85  # of the Nyquist frequency; resamplers end at 0.91, 320 kbit/s MP3 at 0.91
_SHELF, _GAP = 0.06, 0.04  # of the edge's frequency: width of what is compared, and half of the filter's slope
_DROP_DB = 16.0  # over 0.15 octaves: 100 dB an octave, where microphones, tapes and rooms fall by 6 to 24
_QUIETEST = 1e-3  # peak of a frame worth hearing
_LEAST_FRAMES = 8
_NOTHING = 1e-14  # power of a bin, far below 24 bits


class BandwidthMonitor:
    """Hears a brickwall: a spectrum that falls by 16 dB or more within 0.15 octaves, with nothing above it.

    Such edges come from a lower sample rate (4, 5.5, 8, 11 kHz) and from lossy coders (MP3 at 128 kbit/s: 16 kHz). What
    counts is the mean of the frames' levels in dB, which no single click lifts, and half of the drop must be there in
    the mean power too, which the loudest cymbal governs. A dark recording rolls off gradually and is no defect; neither
    is an edge above 85 % of the Nyquist frequency, which good resamplers leave. Where there is no sound up to the
    edge (a flute), the edge cannot be told. Upsampling without a filter leaves images and no edge: it is not found.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._n_fft = 1 << max(5, round(np.log2(_FRAME_SECONDS * setting.sr)))
        self._window = np.hanning(self._n_fft).astype(np.float32) / np.float32(
            np.sqrt(0.375) * self._n_fft / np.sqrt(2)
        )
        self._levels = np.zeros(self._n_fft // 2 + 1)
        self._powers = np.zeros(self._n_fft // 2 + 1)
        self._frames, self._end = 0, 0

    def feed(self, chunk: Chunk) -> Iterator[Defect]:
        """Nothing before the end."""
        from scipy import fft

        self._end = chunk.end
        count = chunk.y.shape[1] // self._n_fft
        if not count or float(chunk.peak.max()) < _QUIETEST:
            return iter(())
        frames = chunk.y[:, : count * self._n_fft].reshape(len(chunk.y), count, self._n_fft)
        heard = np.abs(frames).max(axis=(0, 2)) >= _QUIETEST
        if not heard.any():
            return iter(())
        spectra = fft.rfft(frames[:, heard] * self._window, axis=2)
        power = (spectra.real**2 + spectra.imag**2).max(axis=0) + np.float32(_NOTHING)
        self._levels += np.log10(power).sum(axis=0, dtype=np.float64)
        self._powers += power.sum(axis=0, dtype=np.float64)
        self._frames += len(power)
        return iter(())

    def finish(self) -> Iterator[Defect]:
        """The edge, if there is one."""
        if self._frames < _LEAST_FRAMES:
            return
        from scipy import ndimage

        # lines (a pilot tone, a whistling monitor) are no content
        typical = ndimage.median_filter(10 * self._levels / self._frames, size=5)
        mean = ndimage.median_filter(10 * np.log10(self._powers / self._frames), size=5)
        drop, edge = self._cliff(typical, mean)
        nyquist = self._setting.sr / 2
        hz = edge * self._setting.sr / self._n_fft
        if drop < _DROP_DB - 8:
            return
        why = (
            f"the spectrum falls by {drop:.0f} dB at {hz:,.0f} Hz and stays down to {nyquist:,.0f} Hz: "
            f"{100 * hz / nyquist:.0f} % of the bandwidth that the rate promises"
        )
        sure = certainty(drop, _DROP_DB, 3.0)
        yield Defect(
            0.0,
            self._end / self._setting.sr,
            "fake_bandwidth",
            None,
            sure,
            severity_of(1 - hz / nyquist, 0.3, 0.5),
            why,
        )

    def _cliff(self, typical: np.ndarray, mean: np.ndarray) -> tuple[float, int]:
        """Largest drop in dB and its bin."""
        top = len(typical) - 1
        best, where = -np.inf, 0
        for k in range(int(_LOWEST * top), int(_HIGHEST * top)):
            gap, width = max(2, round(_GAP * k)), max(3, round(_SHELF * k))
            low, high = slice(k - gap - width, k - gap), slice(k + gap, None)
            if k - gap - width < 1 or k + gap >= top - 2:
                continue
            drop = float(np.median(typical[low]) - np.percentile(typical[high], 95))
            drop = min(drop, 2 * float(np.median(mean[low]) - np.percentile(mean[high], 95)))
            if drop > best:
                best, where = drop, k
        return best, where
