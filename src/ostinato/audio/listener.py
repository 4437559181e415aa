"""A recording heard once, block by block: what each frame says as it comes, what the whole clip says at the end.

All features of a clip come from here, whether it is a file, a waveform in memory or a stream, so that they are the same
numbers. A frame's own features (`LOCAL`) are final at once. Those that need the whole clip (a peak to cut 80 dB below, a
tuning, a beat) are made at the end from what the frames left behind: mel bands, octave extremes, spectral peaks, samples.
Long recordings are worked on in segments of 2,048 frames, and what is left behind goes to disk beyond 4 MiB a feature.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np

from ostinato.audio import chroma, mel, spectral
from ostinato.audio.spool import Spool
from ostinato.audio.stft import Array, frame, frame_magnitudes, magnitudes
from ostinato.audio.tuning import Peaks, spectral_peaks, tuning_of_parts

SEGMENT = 2_048  # frames; 47 s at librosa's defaults
N_MELS, N_MFCC = 128, 20
TUNING_FFT, TUNING_HOP = 2_048, 512  # librosa.cqt estimates its tuning with these, whatever its own hop
_CQT_CONTEXT = 1 << 16  # samples on both sides of a segment: the lowest filters see 32,768, resampling some more
_HPSS_CONTEXT = 15  # frames that a median of 31 sees on each side
_DELTA_WIDTH = 9  # frames
_PEAKS_AT_ONCE = 1 << 18

LOCAL = {
    "melspectrogram": N_MELS,
    "rms": 1,
    "spectral_bandwidth": 1,
    "spectral_centroid": 1,
    "spectral_flatness": 1,
    "spectral_flux": 1,
    "spectral_rolloff": 1,
    "zero_crossing_rate": 1,
}
WHOLE = {
    "chroma_cens": 12,
    "chroma_cqt": 12,
    "chroma_stft": 12,
    "harmonic_energy": 1,
    "mfcc": N_MFCC,
    "mfcc_delta": N_MFCC,
    "mfcc_delta2": N_MFCC,
    "onset_strength": 1,
    "percussive_energy": 1,
    "spectral_contrast": 7,
    "tonnetz": 6,
}
_FROM_MEL = {"mfcc", "mfcc_delta", "mfcc_delta2", "onset_strength", "beat_strength", "melspectrogram"}
_FROM_CQT = {"chroma_cens", "chroma_cqt", "tonnetz"}
_FROM_SPECTRUM = {"harmonic_energy", "percussive_energy", "chroma_stft"}


class Listener:
    """Takes samples of one mono recording at `sr` Hz; `functions` are names of `LOCAL` and `WHOLE`.

    `feed` returns rows `(n_rows, k)` of the local functions for the frames that became complete. With `eager=False` it
    waits until a segment is full, which is faster and gives the same bits however the recording is cut.
    """

    def __init__(self, functions: set[str], sr: int, n_fft: int, hop_length: int, *, eager: bool = False) -> None:
        self.functions, self.sr, self.n_fft, self.hop_length = functions, sr, n_fft, hop_length
        self.n_frames = 0
        self._least = 1 if eager else SEGMENT
        self._waiting: list[Array] = []
        self._n_waiting = 0
        self._edges: tuple[float, float] | None = None
        self._samples = Spool()
        self._rows = {name: Spool(LOCAL[name]) for name in functions & set(LOCAL)}
        self._wanted_rows = set(self._rows)
        self._last: Array | None = None
        self._kept: list[Array] | None = [] if functions & _FROM_SPECTRUM else None
        self._left: dict[str, Spool] = {}
        self._made: dict[str, Spool] = {}
        self._bands = spectral.contrast_bands(sr, n_fft)
        self._tunes_by_frames = n_fft == TUNING_FFT and hop_length == TUNING_HOP

    # --- while it sounds ----------------------------------------------------------------------------------------------

    def feed(self, y: Array) -> dict[str, Array]:
        """Hear samples `(n,)`; returns the rows of the frames that they complete, which may be none."""
        y = np.asarray(y, dtype=np.float32)
        if not len(y):
            return {}
        if self._edges is None:
            self._edges = (float(y[0]), float(y[0]))
            self._wait(np.zeros(self.n_fft // 2, dtype=np.float32))
        self._edges = (self._edges[0], float(y[-1]))
        self._samples.append(y)
        self._wait(y)
        return self._heard(self._least)

    def finish(self) -> dict[str, Array]:
        """The recording ends here; returns the rows of the last frames."""
        if self._edges is not None:
            self._wait(np.zeros(self.n_fft // 2, dtype=np.float32))
        return self._heard(1)

    def _wait(self, samples: Array) -> None:
        self._waiting.append(samples)
        self._n_waiting += len(samples)

    def _heard(self, least: int) -> dict[str, Array]:
        """Rows of all whole segments, or of all complete frames where `least` is 1."""
        ready = 1 + (self._n_waiting - self.n_fft) // self.hop_length if self._n_waiting >= self.n_fft else 0
        if ready < least:
            return {}
        samples = self._waiting[0] if len(self._waiting) == 1 else np.concatenate(self._waiting)
        parts, start = [], 0
        while ready - start >= least and ready > start:
            stop = min(start + SEGMENT, ready)
            first, last = start * self.hop_length, (stop - 1) * self.hop_length + self.n_fft
            parts.append(self._segment(samples[first:last]))
            start = stop
        rest = samples[start * self.hop_length :].copy()
        self._waiting, self._n_waiting = [rest], len(rest)
        return {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}

    def _segment(self, samples: Array) -> dict[str, Array]:
        """Rows of the frames of padded samples; leaves behind what the end needs."""
        frames = frame(samples, self.n_fft, self.hop_length)
        wanted = self._wanted_rows
        rows = self._of_spectrum(frames) if self.functions - {"rms", "zero_crossing_rate"} else {}
        if "rms" in wanted:
            rows["rms"] = spectral.level_of(samples, self.n_fft, self.hop_length)
        if "zero_crossing_rate" in wanted:
            rows["zero_crossing_rate"] = spectral.crossings_of(
                self._edged(samples, len(frames)), self.n_fft, self.hop_length
            )
        self.n_frames += len(frames)
        for name, values in rows.items():
            self._rows[name].append(values.T)
        return rows

    def _edged(self, samples: Array, n_frames: int) -> Array:
        """Samples with the first and last value in place of the zeros beyond the ends: zero crossings are counted so."""
        if self._edges is None:
            return samples
        half, start = self.n_fft // 2, self.n_frames * self.hop_length
        before = max(0, half - start)
        after = max(0, start + len(samples) - half - len(self._samples))
        if not before and not after:
            return samples
        edged = samples.copy()
        edged[:before] = self._edges[0]
        edged[len(edged) - after :] = self._edges[1]
        return edged

    def _of_spectrum(self, frames: Array) -> dict[str, Array]:
        X = frame_magnitudes(frames)
        S, wanted = X.T, self._wanted_rows
        rows: dict[str, Array] = {}
        if wanted & {"spectral_centroid", "spectral_bandwidth"}:
            moments = spectral.moments(S, self.sr, self.n_fft)
            both = {
                "spectral_centroid": spectral.centroid_of(moments),
                "spectral_bandwidth": spectral.bandwidth_of(moments),
            }
            rows |= {name: both[name] for name in both if name in wanted}
        if "spectral_flatness" in wanted:
            rows["spectral_flatness"] = spectral.spectral_flatness(S)
        if "spectral_flux" in wanted:
            rows["spectral_flux"] = self._flux(X)
        if "spectral_rolloff" in wanted:
            rows["spectral_rolloff"] = spectral.spectral_rolloff(S, self.sr, self.n_fft)
        power = np.square(S) if self.functions & (_FROM_MEL | {"chroma_stft"}) else None
        if power is not None and self.functions & _FROM_MEL:
            bands = mel.mel_of_power(power, self.sr, self.n_fft, N_MELS)
            if "melspectrogram" in wanted:
                rows["melspectrogram"] = bands
            else:
                self._leave("mel", bands)
        self._leave_for_the_end(S, power)
        return rows

    def _flux(self, X: Array) -> Array:
        from ostinato.audio.onset import spectral_flux

        before = X[:1] if self._last is None else self._last
        self._last = X[-1:].copy()
        return spectral_flux(np.concatenate([before, X]).T)[:, 1:]

    def _leave_for_the_end(self, S: Array, power: Array | None) -> None:
        if "spectral_contrast" in self.functions:
            extremes = spectral.band_extremes(S, self._bands)
            self._leave("peak", extremes.peak)
            self._leave("valley", extremes.valley)
        if self.functions & _FROM_CQT and self._tunes_by_frames:
            self._leave_peaks("tuning_cqt", spectral_peaks(S, self.sr, self.n_fft))
        if power is not None and "chroma_stft" in self.functions:
            self._leave_peaks("tuning_stft", spectral_peaks(power, self.sr, self.n_fft))
        if self._kept is not None:
            self._kept = [*self._kept, S.T] if self.n_frames + S.shape[1] <= SEGMENT else None

    def _leave(self, name: str, rows: Array) -> None:
        self._left.setdefault(name, Spool(len(rows))).append(rows.T)

    def _leave_peaks(self, name: str, peaks: Peaks) -> None:
        self._leave(name, np.stack([peaks.pitch, peaks.magnitude]))

    # --- at the end ---------------------------------------------------------------------------------------------------

    def rows(self, function: str) -> Array:
        """Rows `(n_rows, n_frames)` of one of the functions; call it after `finish`."""
        return _MAKERS[function](self) if function in _MAKERS else self._spool(function).read().T

    def row_groups(self, function: str, at_once: int) -> Iterator[Array]:
        """`rows` of a function at most `at_once` at a time, in order: the whole of hours would not fit into memory."""
        if function in _MAKERS:
            yield _MAKERS[function](self)
            return
        spool = self._spool(function)
        for start in range(0, spool.width, at_once):
            yield spool.columns(start, min(start + at_once, spool.width)).T

    def _spool(self, function: str) -> Spool:
        """What a function left as it sounded, or what it makes now, segment by segment, once."""
        if function in LOCAL:
            return self._rows[function]
        if function not in self._made:
            made = None
            for block in _SEGMENTS[function](self):
                made = made or Spool(len(block))
                made.append(np.ascontiguousarray(block.T))
            self._made[function] = made or Spool(WHOLE.get(function, 1))
        return self._made[function]

    def _with_context(self, function: str, context: int) -> Iterator[tuple[Array, slice]]:
        """Rows of each segment of a function with up to `context` frames on both sides, and where the segment is in them."""
        spool = self._spool(function)
        for start, stop in self._segments():
            first = max(0, start - context)
            yield spool.read(first, stop + context).T, slice(start - first, stop - first)

    def samples(self) -> Iterator[Array]:
        """The recording, in blocks `(n,)`."""
        for _, block in self._samples.blocks(1 << 20):
            yield block[:, 0]

    def _mel_blocks(self) -> Iterator[Array]:
        spool = self._rows["melspectrogram"] if "melspectrogram" in self._rows else self._left["mel"]
        for _, block in spool.blocks(SEGMENT):
            yield block.T

    @cached_property
    def _mel_floor(self) -> float:
        """The decibels below which librosa.power_to_db cuts this clip."""
        loudest = max(float(block.max()) for block in self._mel_blocks())
        return float(10.0 * np.log10(np.float32(max(loudest, mel.AMIN)))) - mel.TOP_DB

    def _log_mel_blocks(self) -> Iterator[Array]:
        for block in self._mel_blocks():
            db = mel.power_to_db(block, top_db=None)
            yield np.maximum(db, np.float32(self._mel_floor), out=db)

    def _mfcc(self) -> Iterator[Array]:
        for block in self._log_mel_blocks():
            yield mel.mfcc_of_mel(block, N_MFCC)

    def _delta(self, order: int) -> Iterator[Array]:
        from ostinato.audio.delta import delta

        mode = "interp" if self.n_frames >= _DELTA_WIDTH else "nearest"
        for rows, inside in self._with_context("mfcc", _DELTA_WIDTH):
            yield delta(rows, order=order, mode=mode)[:, inside]

    def _of_pitch_classes(self, make: Callable[[Array], Array], context: int = 0) -> Iterator[Array]:
        for rows, inside in self._with_context("pitch_classes", context):
            yield make(rows)[:, inside]

    def _contrast(self) -> Iterator[Array]:
        """Peak over valley in dB, both cut 80 dB below the clip's highest: `spectral.contrast_of` by segments."""
        both = [self._left["peak"], self._left["valley"]]
        floors = [max(_db(block).max() for _, block in spool.blocks(SEGMENT)) - mel.TOP_DB for spool in both]
        for start, stop in self._segments():
            peak, valley = (np.maximum(_db(s.read(start, stop).T), f) for s, f in zip(both, floors, strict=True))
            yield peak - valley

    def onset_envelopes(self) -> tuple[Array, Array]:
        """librosa's onset strength by the mean over mel bands, and by their median, each `(n_frames,)`."""
        from ostinato.audio.onset import onset_strength

        means: list[Array] = []
        medians: list[Array] = []
        before = None
        for block in self._log_mel_blocks():
            joined = block if before is None else np.concatenate([before, block], axis=1)
            before = block[:, -1:]
            for found, how in ((means, np.mean), (medians, np.median)):
                found.append(onset_strength(S=joined, center=False, aggregate=how)[1:])
        shift = 1 + self.n_fft // (2 * self.hop_length)
        both = (np.pad(np.concatenate(found), (shift, 0))[: self.n_frames] for found in (means, medians))
        mean, median = both
        return mean, median

    @cached_property
    def _envelopes(self) -> tuple[Array, Array]:
        return self.onset_envelopes()

    def spectra(self, start: int, stop: int) -> Array:
        """Magnitudes `(1 + n_fft / 2, stop - start)` of some frames: kept, or transformed once more."""
        if self._kept is not None:
            if len(self._kept) > 1:
                self._kept = [np.concatenate(self._kept)]
            return self._kept[0][start:stop].T
        half = self.n_fft // 2
        first, last = start * self.hop_length - half, (stop - 1) * self.hop_length + half
        inside = self._samples.read(max(0, first), last)[:, 0]
        padded = np.pad(inside, (max(0, -first), max(0, last - len(self._samples))))
        return frame_magnitudes(frame(padded, self.n_fft, self.hop_length)).T

    def _segments(self) -> Iterator[tuple[int, int]]:
        for start in range(0, self.n_frames, SEGMENT):
            yield start, min(start + SEGMENT, self.n_frames)

    def _chroma_stft(self) -> Iterator[Array]:
        tuning = self._tuning("tuning_stft", 12)
        for segment in self._segments():
            yield chroma.chroma_of_power(np.square(self.spectra(*segment)), self.sr, self.n_fft, tuning)

    def _tuning(self, name: str, bins_per_octave: int) -> float:
        found = self._left[name]
        heights = found.columns(1, 2)[:, 0]
        heights.sort()
        parts = (Peaks(block[:, 0], block[:, 1]) for _, block in found.blocks(_PEAKS_AT_ONCE))
        return tuning_of_parts(parts, heights, bins_per_octave)

    def _tuning_of_samples(self) -> None:
        for block in self.samples():  # another window or hop than librosa's: the peaks of its own transform
            S = magnitudes(block, TUNING_FFT, TUNING_HOP)
            self._leave_peaks("tuning_cqt", spectral_peaks(S, self.sr, TUNING_FFT))

    def _pitch_classes(self) -> Iterator[Array]:
        """Constant-Q energy of pitch classes, `(12, k)` a segment."""
        if not self._tunes_by_frames:
            self._tuning_of_samples()
        tuning = self._tuning("tuning_cqt", chroma.BINS_PER_OCTAVE)
        for start, stop in self._segments():
            first = max(0, start - _CQT_CONTEXT // self.hop_length)
            last = (stop - 1) * self.hop_length + _CQT_CONTEXT
            y = self._samples.read(first * self.hop_length, last)[:, 0]
            energy = chroma.pitch_class_energy(y, self.sr, self.hop_length, tuning, stop - first)
            yield energy[:, start - first :]

    @cached_property
    def _energies(self) -> tuple[Array, Array]:
        from ostinato.audio.hpss import harmonic_percussive_energy

        harmonic, percussive = [], []
        for start, stop in self._segments():
            first, last = max(0, start - _HPSS_CONTEXT), min(self.n_frames, stop + _HPSS_CONTEXT)
            inside = slice(start - first, stop - first)
            h, p = harmonic_percussive_energy(self.spectra(first, last))
            harmonic.append(h[:, inside])
            percussive.append(p[:, inside])
        return np.concatenate(harmonic, axis=1), np.concatenate(percussive, axis=1)


def _db(power: Array) -> Array:
    return mel.power_to_db(power, top_db=None)


_MAKERS: dict[str, Callable[[Listener], Array]] = {  # few rows: made in one piece
    "harmonic_energy": lambda heard: heard._energies[0],
    "onset_strength": lambda heard: heard._envelopes[0][None, :],
    "beat_strength": lambda heard: heard._envelopes[1][None, :],
    "percussive_energy": lambda heard: heard._energies[1],
}
_SEGMENTS: dict[str, Callable[[Listener], Iterator[Array]]] = {  # many: made segment by segment
    "chroma_cens": lambda heard: heard._of_pitch_classes(chroma.cens_of, chroma.CENS_WINDOW),
    "chroma_cqt": lambda heard: heard._of_pitch_classes(lambda rows: chroma.normalise(rows, np.inf)),
    "chroma_stft": lambda heard: heard._chroma_stft(),
    "mfcc": lambda heard: heard._mfcc(),
    "mfcc_delta": lambda heard: heard._delta(1),
    "mfcc_delta2": lambda heard: heard._delta(2),
    "pitch_classes": lambda heard: heard._pitch_classes(),
    "spectral_contrast": lambda heard: heard._contrast(),
    "tonnetz": lambda heard: heard._of_pitch_classes(lambda rows: chroma.tonnetz_of(chroma.normalise(rows, np.inf))),
}
