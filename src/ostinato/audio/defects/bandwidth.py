"""Fake bandwidth: a recording whose spectrum ends at a cliff far below what its rate promises."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ostinato.audio.defects.chunk import Chunk, Setting
from ostinato.audio.defects.report import Defect, certainty, severity_of

_FRAME_SECONDS = 0.046  # librosa's 2048 samples at 44.1 kHz
_LOWEST = 3_000  # Hz; a telephone ends at 3,400
_HIGHEST = 0.82  # of the Nyquist frequency; resamplers end at 0.91, MP3 at 320 kbit/s at 0.91
_SEARCHED = 0.95
_SHELF, _LEAST_SHELF = 0.06, 500  # of the edge's frequency, and Hz: what is compared; wider than between harmonics
_GAP = 0.05  # of the edge's frequency: half of the filter's slope
_DROP_DB = 13.0  # over 0.2 octaves: 65 dB an octave, where microphones, tapes and rooms fall by 6 to 24
_SMOOTH_HZ, _MORE_DB = 10_000, 5.0  # below, partials of single notes make steps of their own: so much more an octave
_MOST_OCTAVES = 1.5
_AGREE_DB = 12.0  # by which one of the two means may fall short of the other
_QUIETEST = 1e-3  # peak of a frame worth hearing
_LINE = 9  # bins, twice a Hann window's lobe: narrower peaks (a pilot tone, a whistling monitor) are no content
_LEAST_FRAMES = 8
_NOTHING = 1e-14  # power of a bin, far below 24 bits


class BandwidthMonitor:
    """Hears a brickwall: a spectrum that falls by 13 dB or more (20 dB at 3.5 kHz) within 0.2 octaves, with nothing above it.

    Such edges come from a lower sample rate (4, 5.5, 8, 11 kHz) and from lossy coders (MP3 at 128 kbit/s: 16 kHz). They
    must show in the mean of the frames' levels in dB, which no single click lifts, and in the mean power, which the
    loudest cymbal governs. A dark recording rolls off gradually and is no defect; neither
    is an edge above 82 % of the Nyquist frequency, which good resamplers leave. Where there is no sound up to the
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

        typical = ndimage.median_filter(10 * self._levels / self._frames, size=_LINE)
        mean = ndimage.median_filter(10 * np.log10(self._powers / self._frames), size=_LINE)
        drop, edge = self._cliff(typical, mean)
        nyquist = self._setting.sr / 2
        hz = edge * self._setting.sr / self._n_fft
        octaves = min(max(float(np.log2(_SMOOTH_HZ / max(hz, 1.0))), 0.0), _MOST_OCTAVES)
        limit = _DROP_DB + _MORE_DB * octaves
        if drop < limit - 8:
            return
        why = (
            f"the spectrum falls by {drop:.0f} dB at {hz:,.0f} Hz and stays down to {nyquist:,.0f} Hz: "
            f"{100 * hz / nyquist:.0f} % of the bandwidth that the rate promises"
        )
        sure = certainty(drop, limit, 3.0)
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
        """Largest drop in dB and its bin; minus infinity where it lies too near the Nyquist frequency."""
        top, bins_a_hz = len(typical) - 1, self._n_fft / self._setting.sr
        beyond = [np.maximum.accumulate(p[::-1])[::-1] for p in (typical, mean)]  # the most from each bin on
        best, where = -np.inf, 0
        for k in range(int(_LOWEST * bins_a_hz), int(_SEARCHED * top)):
            gap, width = max(2, round(_GAP * k)), round(max(3, _SHELF * k, _LEAST_SHELF * bins_a_hz))
            if k - gap - width < 1 or k + gap >= top - 2:
                continue
            low = slice(k - gap - width, k - gap)
            drops = [
                float(np.percentile(p[low], 30) - most[k + gap])
                for p, most in zip((typical, mean), beyond, strict=True)
            ]
            drop = min(max(drops), min(drops) + _AGREE_DB)
            if drop > best:
                best, where = drop, k
                steeper = typical if drops[0] >= drops[1] else mean
        if best == -np.inf:
            return best, 0
        # the edge itself: where half of the drop is done
        gap = round(_GAP * where)
        around = steeper[where - gap : where + gap + 1]
        edge = where - gap + int(np.argmax(around <= (around[0] + around[-1]) / 2))
        return (best, edge) if edge <= _HIGHEST * top else (-np.inf, edge)
