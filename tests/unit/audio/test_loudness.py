"""The test signals of EBU Tech 3341 and 3342, and BS.1770 written out slowly."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly, sosfilt, sosfreqz

from ostinato.audio.loudness import Loudness, LoudnessMeter, k_weighting, loudness
from ostinato.core.errors import UsageError

RATES = [48_000, 22_050]


def tones(sr: float, *parts: tuple[float, float], hz: float = 1000.0) -> np.ndarray:
    """A stereo tone whose peak is at so many dBFS for so many seconds, one after the other."""
    y = np.concatenate([np.full(round(seconds * sr), 10 ** (level / 20)) for level, seconds in parts])
    y *= np.sin(2 * np.pi * hz / sr * np.arange(len(y)))
    return np.stack([y, y]).astype(np.float32)


@pytest.mark.parametrize("sr", RATES)
@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([(-23, 20)], -23.0),
        ([(-33, 20)], -33.0),
        ([(-36, 10), (-23, 60), (-36, 10)], -23.0),
        ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23.0),
        ([(-26, 20), (-20, 20.1), (-26, 20)], -23.0),
    ],
)
def test_integrated_loudness_of_tech_3341(sr: int, parts: list[tuple[float, float]], expected: float) -> None:
    assert loudness(tones(sr, *parts), sr).integrated == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("subwoofer", [False, True])
def test_surround_of_tech_3341(subwoofer: bool) -> None:
    levels = np.array([-28.0, -28.0, -24.0, -30.0, -30.0])
    y = tones(48_000, (0, 20))[0] * 10 ** (levels / 20)[:, None]
    if subwoofer:
        y = np.insert(y, 3, np.sin(np.arange(y.shape[1]) / 100), axis=0)  # counts for nothing
    assert loudness(y, 48_000).integrated == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("sr", RATES)
@pytest.mark.parametrize(
    ("levels", "expected"), [([-20, -30], 10), ([-20, -15], 5), ([-40, -20], 20), ([-50, -35, -20, -35, -50], 15)]
)
def test_range_of_tech_3342(sr: int, levels: list[float], expected: float) -> None:
    assert loudness(tones(sr, *((level, 20) for level in levels)), sr).range == pytest.approx(expected, abs=1.0)


@pytest.mark.parametrize(
    ("amplitude", "divisor", "degrees", "expected"),
    [(0.5, 4, 0, -6.0), (0.5, 4, 45, -6.0), (0.5, 6, 60, -6.0), (0.5, 8, 67.5, -6.0), (1.41, 4, 45, 3.0)],
)
def test_true_peaks_of_tech_3341(amplitude: float, divisor: int, degrees: float, expected: float) -> None:
    sr = 48_000
    y = amplitude * np.sin(2 * np.pi * np.arange(sr) / divisor + np.deg2rad(degrees))
    ramp = np.minimum(1.0, np.minimum(np.arange(sr), np.arange(sr)[::-1]) / 480)
    found = loudness(np.stack([y, y]) * ramp, sr).true_peak
    assert expected - 0.4 <= found <= expected + 0.2


@pytest.mark.parametrize("offset", [0, 1, 2, 3])
def test_true_peak_of_a_pulse_wherever_the_samples_fall(offset: int) -> None:
    """Cases 20 to 23 of Tech 3341 in kind: a band-limited pulse of 0 dBTP, taken at one sample of four."""
    t = (np.arange(-40_000, 40_000) + offset) / 4
    pulse = np.sinc(0.7 * t) * np.exp(-np.square(t / 30))
    found = loudness(pulse[::4].astype(np.float32), 48_000).true_peak
    assert -0.4 <= found <= 0.2


def slowly(y: np.ndarray, sr: float) -> tuple[float, float]:
    """Integrated loudness and range, sample by sample and window by window."""
    y = np.atleast_2d(y).astype(np.float64)
    power = sum(np.square(sosfilt(k_weighting(sr), channel)) for channel in y)

    def windows(seconds: float) -> np.ndarray:
        starts, found = 0, []
        while (end := round(starts * sr / 10) + round(seconds * sr)) <= len(power) + 1:
            found.append(power[round(starts * sr / 10) : end].mean())
            starts += 1
        return np.array(found)

    def lufs(p: np.ndarray) -> np.ndarray:
        return -0.691 + 10 * np.log10(p)

    blocks = windows(0.4)
    heard = blocks[lufs(blocks) > -70]
    heard = heard[lufs(heard) > lufs(heard.mean()) - 10]
    spans = windows(3.0)
    spans = spans[lufs(spans) > -70]
    ordered = np.sort(lufs(spans[lufs(spans) > lufs(spans.mean()) - 20]))
    last = len(ordered) - 1
    return float(lufs(heard.mean())), float(ordered[round(last * 0.95)] - ordered[round(last * 0.1)])


@pytest.mark.parametrize("sr", [8_000, 11_025, 22_050, 44_100, 96_000])
def test_bs_1770_written_out(rng: np.random.Generator, sr: int) -> None:
    swell = np.repeat(10 ** (rng.uniform(-50, 0, 40) / 20), sr // 4)
    y = rng.normal(0, 0.2, (2, len(swell))) * swell + 0.05
    integrated, span = slowly(y, sr)
    found = loudness(y, sr)
    assert found.integrated == pytest.approx(integrated, abs=1e-3)
    assert found.range == pytest.approx(span, abs=1e-2)


def test_weighting_is_the_recommendations() -> None:
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585]
    high_pass = [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621]
    np.testing.assert_allclose(k_weighting(48_000), [shelf, high_pass], atol=1e-10)


@pytest.mark.parametrize("sr", [22_050, 44_100, 192_000])
def test_weighting_is_one_curve_at_all_rates(sr: int) -> None:
    hz = np.geomspace(20, 4000, 50)
    ours, theirs = (np.abs(sosfreqz(k_weighting(rate), hz, fs=rate)[1]) for rate in (sr, 48_000))
    np.testing.assert_allclose(20 * np.log10(ours), 20 * np.log10(theirs), atol=0.2)


def test_true_peak_is_that_of_a_longer_interpolation(rng: np.random.Generator) -> None:
    for _ in range(5):
        # nothing near half the rate, where interpolations differ
        y = resample_poly(rng.normal(0, 0.1, 20_000), 5, 4)
        fine = 20 * np.log10(np.abs(resample_poly(y, 4, 1, window=("kaiser", 8.0))).max())
        assert loudness(y, 48_000).true_peak == pytest.approx(fine, abs=0.1)


def test_true_peak_is_never_below_a_sample(rng: np.random.Generator) -> None:
    for k in range(20):
        y = rng.normal(0, 0.1, 3000)
        y[rng.integers(0, 3000)] = 0.9 * (-1) ** k
        assert loudness(y, 22_050).true_peak >= 20 * np.log10(0.9) - 1e-5


@pytest.mark.parametrize("channels", [1, 2])
def test_a_stream_is_its_batch(rng: np.random.Generator, channels: int) -> None:
    y = (rng.normal(0, 0.1, (channels, 400_000)) * np.linspace(0.01, 1, 400_000)).astype(np.float32)
    whole = loudness(y, 22_050)
    for cuts in (np.sort(rng.integers(0, 400_000, 30)), np.array([0, 0, 1, 65_536, 131_072]), np.array([399_999])):
        meter = LoudnessMeter(22_050, channels)
        for block in np.split(y, cuts, axis=1):
            meter.feed(block)
        assert meter.result() == whole


def test_asking_changes_nothing(rng: np.random.Generator) -> None:
    y = rng.normal(0, 0.1, 300_000).astype(np.float32)
    meter = LoudnessMeter(22_050)
    for block in np.split(y, 7 * [0] + [50_000, 100_000, 200_001]):
        meter.feed(block)
        meter.result()
    assert meter.result() == meter.result() == loudness(y, 22_050)
    meter.feed(np.ones(22_050))
    assert meter.result().true_peak > 0.0 > loudness(y, 22_050).true_peak


def test_a_long_stream_stays_small(rng: np.random.Generator) -> None:
    block = rng.normal(0, 0.1, (2, 100_000)).astype(np.float32)
    meter = LoudnessMeter(8_000, 2)
    meter.feed(block)
    tracemalloc.start()
    for _ in range(60):  # twelve minutes, 50 MB
        meter.feed(block)
    meter.result()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5e6


def test_direction(rng: np.random.Generator) -> None:
    y = rng.normal(0, 0.05, 100_000)
    once, twice = loudness(y, 22_050), loudness(2 * y, 22_050)
    step = 20 * np.log10(2)
    assert twice.integrated - once.integrated == pytest.approx(step, abs=1e-4)
    assert twice.true_peak - once.true_peak == pytest.approx(step, abs=1e-4)
    assert twice.range == pytest.approx(once.range, abs=1e-4)
    both = loudness(np.stack([y, y]), 22_050)
    assert both.integrated - once.integrated == pytest.approx(10 * np.log10(2), abs=1e-4)
    assert loudness(-y[None], 22_050) == once


@pytest.mark.parametrize("n", [0, 1, 100, 22_050, 200_000])
def test_silence(n: int) -> None:
    found = loudness(np.zeros(n, dtype=np.float32), 22_050)
    assert found == Loudness(-np.inf, 0.0, -np.inf)
    assert found.bounded() == Loudness(-70.0, 0.0, -70.0)


@pytest.mark.parametrize("n", [1, 50, 5_000, 8_819, 8_820, 30_000])
def test_short_clips_are_numbers(rng: np.random.Generator, n: int) -> None:
    found = loudness(rng.normal(0, 0.3, n), 22_050)
    assert np.isfinite([found.integrated, found.range, found.true_peak]).all()
    assert found.bounded() == found


def test_a_short_clip_counts_as_one_block() -> None:
    y = tones(48_000, (-23, 0.3))
    assert loudness(y, 48_000).integrated == pytest.approx(-23.0, abs=0.3)


def test_a_constant_offset_is_not_heard(rng: np.random.Generator) -> None:
    noise = rng.normal(0, 0.001, 500_000)
    offset = 0.25 - 0.25 * np.cos(np.pi * np.minimum(np.arange(500_000) / 50_000, 1.0))
    # in, slowly, to half of full scale
    alone, shifted = loudness(noise, 22_050), loudness(noise + offset, 22_050)
    assert shifted.integrated == pytest.approx(alone.integrated, abs=0.05)


@pytest.mark.parametrize(
    ("y", "sr", "named"),
    [
        (np.zeros(100, dtype=np.int16), 22_050, "int16"),
        (np.zeros((7, 100)), 22_050, "7 channels"),
        (np.zeros((1, 1, 100)), 22_050, "shape"),
        (np.zeros(100), 1_000, "sr=1000"),
        (np.zeros(100), np.nan, "sr=nan"),
        (np.full(100, np.nan), 22_050, "finite"),
        (np.array([0.0, np.inf] * 100_000), 22_050, "finite"),
    ],
)
def test_faults_are_named(y: np.ndarray, sr: float, named: str) -> None:
    with pytest.raises(UsageError, match=named):
        loudness(y, sr)


def test_a_meter_keeps_its_channels() -> None:
    with pytest.raises(UsageError, match="shape"):
        LoudnessMeter(22_050, 2).feed(np.zeros(100))


def test_real_music(shared: Path) -> None:
    for path in sorted((shared / "audio" / "genres").rglob("*.ogg"))[::12]:
        y, sr = soundfile.read(path, dtype="float32")
        integrated, span = slowly(y, sr)
        found = loudness(y, sr)
        assert found.integrated == pytest.approx(integrated, abs=1e-3)
        assert found.range == pytest.approx(span, abs=1e-2)
        assert found.true_peak >= 20 * np.log10(np.abs(y).max()) - 1e-5
