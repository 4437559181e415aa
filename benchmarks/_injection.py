"""Faults put into clean recordings, each with the strengths that can be heard, and why they can.

Strengths begin where the fault is audible or measurable by the trade's rules, not where the detector begins to see it:
clipping from 0.1 % of samples; gaps from 5 ms; offsets from 0.01 of full scale; hum from -35 dB against the RMS, where a
harmonic stands 6 dB above the thresholds of hearing and of masking in the quietest tenth; bursts from 12 dB above the 50 ms
on both sides, short ones from more; cuts where the sound is within 12 dB of its RMS; bandwidth where what is lost was there.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr

from benchmarks._recordings import Recording, quantised

Faulty = tuple[np.ndarray, float, float]  # the recording, and where the fault is, in seconds
MASKING_DB = -4.0  # a tone is heard in noise of a critical band from about 4 dB below it on (Zwicker and Fastl)
QUIET = ((50, 63, 80, 100, 125, 160, 200, 250), (44.0, 37.5, 31.5, 26.5, 22.1, 17.9, 14.4, 11.4))  # Hz, dB SPL: ISO 226
LISTENING_DB, AUDIBLE_DB = 80.0, 6.0


@dataclass(frozen=True)
class Fault:
    """A kind at one strength; `apply` gives None where this recording cannot show it."""

    kind: str
    strength: str
    apply: Callable[[np.ndarray, int, np.random.Generator], Faulty | None]


def rms(y: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(y, dtype=np.float64))))


def clipped(share: float, peak: float) -> Callable[..., Faulty | None]:
    def apply(y: np.ndarray, sr: int, rng: np.random.Generator) -> Faulty | None:
        if y.shape[1] < 2 * sr:
            return None  # 0.1 % of less than 2 s are less than 2 ms
        ceiling = float(np.quantile(np.abs(y), 1 - share))
        return quantised(np.clip(y, -ceiling, ceiling) * (peak / ceiling)), 0.0, y.shape[1] / sr

    return apply


def place(y: np.ndarray, sr: int, length: int, rng: np.random.Generator) -> int | None:
    """Begin of a stretch with sound on both sides: 50 ms each within 14 dB of the recording's RMS."""
    side, whole = round(0.05 * sr), rms(y)
    for _ in range(200):
        at = int(rng.integers(side, max(side + 1, y.shape[1] - length - side)))
        around = [y[:, at - side : at], y[:, at + length : at + length + side]]
        if min(rms(each) if each.size else 0.0 for each in around) > 0.2 * whole:
            return at
    return None


def gap(milliseconds: float, held: bool) -> Callable[..., Faulty | None]:
    def apply(y: np.ndarray, sr: int, rng: np.random.Generator) -> Faulty | None:
        length = round(milliseconds * sr / 1000)
        if (at := place(y, sr, length, rng)) is None:
            return None
        broken = y.copy()
        broken[:, at : at + length] = broken[:, at - 1 : at] if held else 0
        return broken, at / sr, (at + length) / sr

    return apply


def silence(seconds: float, where: str) -> Callable[..., Faulty | None]:
    def apply(y: np.ndarray, sr: int, rng: np.random.Generator) -> Faulty | None:
        at = {"begin": 0, "inside": y.shape[1] // 2, "end": y.shape[1]}[where]
        nothing = np.zeros((len(y), round(seconds * sr)), np.float32)
        return np.concatenate([y[:, :at], nothing, y[:, at:]], axis=1), at / sr, at / sr + seconds

    return apply


def silent() -> Callable[..., Faulty | None]:
    return lambda y, sr, rng: (np.zeros_like(y), 0.0, y.shape[1] / sr)


def cut(end: str, decibels: float) -> Callable[..., Faulty | None]:
    """Cut where the 30 ms on both sides of the cut stand `decibels` (within 3 dB, or above) against the RMS."""

    def apply(y: np.ndarray, sr: int, rng: np.random.Generator) -> Faulty | None:
        side, whole = round(0.03 * sr), rms(y)
        for _ in range(400):
            at = int(rng.integers(side, y.shape[1] - side)) if y.shape[1] > 2 * side else 0
            levels = [
                20 * np.log10(max(rms(each), 1e-9) / whole) for each in (y[:, at - side : at], y[:, at : at + side])
            ]
            steady = abs(levels[0] - levels[1]) < 3
            if at and steady and decibels - 3 <= min(levels) < decibels + 3:
                left = y[:, :at] if end == "end" else y[:, at:]
                if left.shape[1] < 0.3 * sr or rms(left) < 0.5 * whole:
                    continue
                place = at / sr if end == "end" else 0.0
                return left.copy(), place, place
        return None

    return apply


def offset(level: float) -> Callable[..., Faulty | None]:
    def apply(y: np.ndarray, sr: int, rng: np.random.Generator) -> Faulty | None:
        return quantised(y * (1 - level) + level * rng.choice([-1, 1])), 0.0, y.shape[1] / sr

    return apply


def upsampled(rate: int) -> Callable[..., Faulty | None]:
    def apply(y: np.ndarray, sr: int, rng: np.random.Generator) -> Faulty | None:
        if rate / sr > 0.8 or not _content(y, sr, 0.8 * rate / 2, rate / 2):
            return None
        low = soxr.resample(y.T, sr, rate, quality="HQ")
        return quantised(soxr.resample(low, rate, sr, quality="HQ").T), 0.0, y.shape[1] / sr

    return apply


def lossy(kilobits: int, edge: float) -> Callable[..., Faulty | None]:
    """Through an MP3 coder (LAME) at a constant rate, and back."""

    def apply(y: np.ndarray, sr: int, rng: np.random.Generator) -> Faulty | None:
        if sr < 44_100 or not _content(y, sr, 0.8 * edge, edge):
            return None
        coded = io.BytesIO()
        level = 1 - (kilobits - 32) / (320 - 32)  # libsndfile: compression 0 to 1 spans the bit rates
        soundfile.write(
            coded, y.T, sr, format="MP3", subtype="MPEG_LAYER_III", compression_level=level, bitrate_mode="CONSTANT"
        )
        coded.seek(0)
        heard, _ = soundfile.read(coded, dtype="float32", always_2d=True)
        return quantised(heard.T), 0.0, len(heard) / sr

    return apply


def _content(y: np.ndarray, sr: int, low: float, high: float) -> bool:
    """Whether the band that loses its upper neighbour holds sound above -75 dB of the whole and above 16 bits' noise."""
    power = np.abs(np.fft.rfft(y.mean(axis=0))) ** 2
    hz = np.fft.rfftfreq(y.shape[1], 1 / sr)
    band, beyond = power[(hz >= low) & (hz < high)].sum(), power[(hz >= high) & (hz < 1.2 * high)].sum()
    noise = (2 / 32768) ** 2 / 12 * y.shape[1] ** 2 / 2 * (high - low) / (sr / 2)
    return bool(min(band, beyond) > max(10 ** (-75 / 10) * power.sum(), 30 * noise))


def inverted(whole: bool) -> Callable[..., Faulty | None]:
    def apply(y: np.ndarray, sr: int, rng: np.random.Generator) -> Faulty | None:
        at = 0 if whole else y.shape[1] // 2
        return (
            np.concatenate([y[:, :at], y[:, at:] * np.array([[1], [-1]], np.float32)], axis=1),
            at / sr,
            y.shape[1] / sr,
        )

    return apply


def missing(decibels: float, seconds: float | None) -> Callable[..., Faulty | None]:
    def apply(y: np.ndarray, sr: int, rng: np.random.Generator) -> Faulty | None:
        length = y.shape[1] if seconds is None else round(seconds * sr)
        at = 0 if seconds is None else place(y, sr, length, rng)
        if at is None:
            return None
        broken, channel = y.copy(), int(rng.integers(2))
        broken[channel, at : at + length] *= 10 ** (decibels / 20)
        return quantised(broken), at / sr, (at + length) / sr

    return apply


def burst(milliseconds: float, decibels: float) -> Callable[..., Faulty | None]:
    def apply(y: np.ndarray, sr: int, rng: np.random.Generator) -> Faulty | None:
        length = max(2, round(milliseconds * sr / 1000))
        if (at := place(y, sr, length, rng)) is None:
            return None
        side = round(0.05 * sr)
        local = max(rms(y[:, at - side : at]), rms(y[:, at + length : at + length + side]))
        broken = y.astype(np.float64)
        noise = rng.normal(0, 1, length)
        broken[:, at : at + length] += noise / rms(noise) * local * 10 ** (decibels / 20)
        return (broken / max(1.0, np.abs(broken).max())).astype(np.float32), at / sr, (at + length) / sr

    return apply


def hum(base: float, decibels: float) -> Callable[..., Faulty | None]:
    """Mains with harmonics falling by 6 dB each, at `decibels` against the RMS; None where it would not be heard."""

    def apply(y: np.ndarray, sr: int, rng: np.random.Generator) -> Faulty | None:
        if y.shape[1] < 5 * sr:
            return None
        f, t = base + rng.uniform(-0.1, 0.1), np.arange(y.shape[1]) / sr
        wave = sum(0.5**h * np.sin(2 * np.pi * f * (h + 1) * t + rng.uniform(0, 2 * np.pi)) for h in range(4))
        scale = rms(y) * 10 ** (decibels / 20) / rms(wave)
        if not any(_heard(y, sr, f * (h + 1), scale * 0.5**h) for h in range(4)):
            return None
        mixed = y + scale * wave
        return quantised(mixed / max(1.0, np.abs(mixed).max())), 0.0, y.shape[1] / sr

    return apply


def _heard(y: np.ndarray, sr: int, hz: float, amplitude: float) -> bool:
    """Whether a tone stands 6 dB above the masking threshold of its critical band in the quietest tenth, and in quiet.

    A critical band is 100 Hz wide here; played so that the recording's RMS is 80 dB SPL.
    """
    level = LISTENING_DB + 20 * np.log10(amplitude / np.sqrt(2) / rms(y))
    size = round(0.25 * sr)
    frames = y.mean(axis=0)[: y.shape[1] // size * size].reshape(-1, size)
    window = np.hanning(size)
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2 * 2 / (size * np.square(window).sum())
    bins = np.fft.rfftfreq(size, 1 / sr)
    band = np.quantile(power[:, np.abs(bins - hz) <= 50].sum(axis=1), 0.1)
    masked = LISTENING_DB + 10 * np.log10(band / rms(y) ** 2 + 1e-12) + MASKING_DB
    return bool(level > max(masked, np.interp(hz, *QUIET)) + AUDIBLE_DB)


FAULTS = (
    *(
        Fault("clipping", f"{100 * s:g} % at {p:g}", clipped(s, p))
        for s in (0.001, 0.003, 0.01, 0.03)
        for p in (1.0, 0.5)
    ),
    *(
        Fault("dropout", f"{ms} ms {'held' if h else 'zero'}", gap(ms, h))
        for ms in (5, 10, 20, 50, 200)
        for h in (False, True)
    ),
    *(
        Fault("silence", f"{s:g} s {w}", silence(s, w))
        for w, s in (("begin", 1.5), ("begin", 3), ("inside", 1.5), ("inside", 3))
    ),
    *(Fault("silence", f"{s:g} s end", silence(s, "end")) for s in (2.5, 5)),
    Fault("silence", "whole", silent()),
    *(Fault("truncation", f"{w} at {d:+d} dB", cut(w, d)) for w in ("end", "begin") for d in (-9, -3, 3)),
    *(Fault("dc_offset", f"{level:g}", offset(level)) for level in (0.01, 0.02, 0.05)),
    *(
        Fault("fake_bandwidth", f"from {rate / 1000:g} kHz", upsampled(rate))
        for rate in (8_000, 11_025, 16_000, 22_050, 32_000)
    ),
    Fault("fake_bandwidth", "MP3 at 64 kbit/s", lossy(64, 11_000)),
    Fault("fake_bandwidth", "MP3 at 128 kbit/s", lossy(128, 16_500)),
    Fault("inverted_channel", "whole", inverted(True)),
    Fault("inverted_channel", "from the middle", inverted(False)),
    *(Fault("missing_channel", f"{d} dB, whole", missing(d, None)) for d in (-120, -80, -60)),
    *(Fault("missing_channel", f"{d} dB, 2 s", missing(d, 2.0)) for d in (-120, -60)),
    *(Fault("noise_burst", f"{ms} ms at +{d} dB", burst(ms, d)) for ms in (20, 60) for d in (12, 18, 24)),
    # the ear sums over 0.2 s: shorter sounds need up to 10 dB a decade more (Zwicker and Fastl, temporal integration)
    *(
        Fault("noise_burst", f"{ms} ms at +{d} dB", burst(ms, d))
        for ms, d in ((5, 15), (5, 18), (5, 24), (1, 18), (1, 24))
    ),
    *(Fault("hum", f"{base} Hz at {d} dB", hum(base, d)) for base in (50, 60) for d in (-35, -30, -25)),
)
STEREO_ONLY = {"inverted_channel", "missing_channel", "dual_mono"}
# kinds that a material may show by its nature, so that neither injections nor alarms say anything there
NOT_CLEAN = {
    "demo": set[str](),
    "dark": set[str](),
    "genres": {"truncation"},  # excerpts: cut on both sides
    "instruments": {"fake_bandwidth"},  # MP3
    "environment": {"truncation", "fake_bandwidth", "silence", "noise_burst"},  # excerpts, coded, padded; fires crackle
}

# kinds that can be put in but are there already now and then: single notes are edited tightly, some into the note
NOT_SILENT = {"instruments": {"truncation"}}


def injected(recording: Recording, seed: int, kinds: Collection[str]) -> Iterator[tuple[Fault, Faulty | None]]:
    """Every fault that this recording can be given, with the faulty recording; None where it would not be heard."""
    for k, fault in enumerate(FAULTS):
        if (
            fault.kind not in kinds
            or fault.kind in NOT_CLEAN[recording.material]
            or (fault.kind in STEREO_ONLY and len(recording.y) < 2)
        ):
            continue
        rng = np.random.default_rng([seed, k])
        yield fault, fault.apply(recording.y, recording.sr, rng)
