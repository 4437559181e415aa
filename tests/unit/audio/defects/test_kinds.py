"""Each kind of defect is found where it was put, and nothing is found in clean music."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from scipy import signal

from ostinato.audio.defects import AudioQualityDetector, Defect

SR = 44_100
DETECTOR = AudioQualityDetector()


def of_kind(defects: list[Defect], kind: str) -> list[Defect]:
    return [each for each in defects if each.kind == kind]


def only(defects: list[Defect], kind: str) -> Defect:
    assert {each.kind for each in defects} == {kind}, defects
    return defects[0]


def test_clean_music_has_no_defect(music):
    assert DETECTOR.detect_waveform(music, SR) == []


@pytest.mark.parametrize("peak", [1.0, 0.4])
def test_clipping_is_found_at_and_below_full_scale(music, peak):
    ceiling = np.quantile(np.abs(music), 0.995)
    found = DETECTOR.detect_waveform(np.clip(music, -ceiling, ceiling) * peak / ceiling, SR)
    defect = only(found, "clipping")
    assert {each.channel for each in found} == {0, 1}
    assert f"{peak:.4f} of full scale" in defect.why


def test_a_square_wave_is_not_clipping():
    t = np.arange(3 * SR) / SR
    square = 0.5 * np.sign(np.sin(2 * np.pi * 220 * t))
    assert AudioQualityDetector(["clipping"]).detect_waveform(square, SR) == []


def test_waves_of_eight_bits_are_not_clipping(music):
    assert AudioQualityDetector(["clipping"]).detect_waveform(np.round(music * 127) / 127, SR) == []


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("milliseconds", [5, 40])
def test_a_gap_is_found_where_it_is(music, held, milliseconds):
    at, length = round(2.345 * SR), round(milliseconds * SR / 1000)
    music[:, at : at + length] = music[:, at - 1 : at] if held else 0
    found = AudioQualityDetector(["dropout"]).detect_waveform(music, SR)
    assert [each.channel for each in found] == [0, 1]
    assert found[0].start == pytest.approx(at / SR, abs=0.001)
    assert found[0].end == pytest.approx((at + length) / SR, abs=0.001)


def test_a_rest_that_sound_decays_into_is_no_gap(music):
    at, length, fade = 2 * SR, SR // 5, SR // 10
    music[:, at - fade : at] *= np.linspace(1, 0, fade) ** 2
    music[:, at : at + length] = 0
    music[:, at + length : at + length + fade] *= np.linspace(0, 1, fade) ** 2
    assert DETECTOR.detect_waveform(music, SR) == []


@pytest.mark.parametrize(("where", "seconds", "start"), [("begin", 1.5, 0), ("inside", 1.5, 3), ("end", 2.5, None)])
def test_silence_is_found_where_it_is(music, where, seconds, start):
    nothing = np.zeros((2, round(seconds * SR)))
    at = {"begin": 0, "inside": 3 * SR, "end": music.shape[1]}[where]
    found = DETECTOR.detect_waveform(np.concatenate([music[:, :at], nothing, music[:, at:]], axis=1), SR)
    defect = of_kind(found, "silence")[0]
    assert defect.end - defect.start == pytest.approx(seconds, abs=0.15)
    if start is not None:
        assert defect.start == pytest.approx(start, abs=0.1)


def test_a_second_at_the_end_is_customary(music):
    assert DETECTOR.detect_waveform(np.pad(music, ((0, 0), (0, SR))), SR) == []


def test_nothing_but_silence_is_one_grave_defect():
    defect = only(DETECTOR.detect_waveform(np.zeros((2, 3 * SR)), SR), "silence")
    assert (defect.start, defect.end, defect.severity, defect.confidence) == (0, 3, "high", 1)


@pytest.mark.parametrize("padding", [0, SR // 2])
def test_cuts_are_found_at_both_ends_with_or_without_padding(music, padding):
    cut = np.pad(music[:, SR : 4 * SR], ((0, 0), (padding, padding)))
    found = AudioQualityDetector(["truncation"]).detect_waveform(cut, SR)
    assert [each.start for each in found] == pytest.approx([padding / SR, padding / SR + 2.99], abs=0.01)


@pytest.mark.parametrize("level", [0.01, -0.05])
def test_an_offset_is_found_with_its_sign(music, level):
    found = AudioQualityDetector(["dc_offset"]).detect_waveform(0.9 * music + level, SR)
    assert [each.channel for each in found] == [0, 1]
    assert float(found[0].why.split("mean is ")[1].split()[0]) == pytest.approx(level, rel=0.05)


def test_an_offset_in_a_part_is_found_there(music):
    music = np.tile(music, 2)
    half = music.shape[1] // 2
    music[0, :half] += 0.05
    defect = only(AudioQualityDetector(["dc_offset"]).detect_waveform(music, SR), "dc_offset")
    assert (defect.channel, defect.start) == (0, 0)
    assert defect.end == pytest.approx(half / SR, abs=1.5)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 32_000])
def test_an_upsampled_recording_is_found_with_its_edge(music, rate):
    high = soxr.resample(soxr.resample(music.T, SR, rate), rate, SR).T
    defect = only(AudioQualityDetector(["fake_bandwidth"]).detect_waveform(high, SR), "fake_bandwidth")
    hz = float(defect.why.split(" dB at ")[1].split(" Hz")[0].replace(",", ""))
    assert hz == pytest.approx(rate / 2, rel=0.15)


@pytest.mark.parametrize("hz", [1_000, 4_000])
def test_a_dark_recording_is_not_fake(music, hz):
    dark = signal.sosfilt(signal.butter(3, hz, fs=SR, output="sos"), music, axis=1)
    assert AudioQualityDetector(["fake_bandwidth"]).detect_waveform(dark, SR) == []


def test_an_inverted_channel_is_found_from_where_it_is(music):
    music[1, 2 * SR :] *= -1
    defect = only(AudioQualityDetector(["inverted_channel"]).detect_waveform(music, SR), "inverted_channel")
    assert defect.start == pytest.approx(2.0, abs=0.3)
    assert defect.end == pytest.approx(music.shape[1] / SR, abs=0.6)


@pytest.mark.parametrize("channel", [0, 1])
def test_a_missing_channel_is_named(music, channel):
    music[channel] = 0
    defect = only(AudioQualityDetector(["missing_channel"]).detect_waveform(music, SR), "missing_channel")
    assert (defect.channel, defect.severity) == (channel, "high")


def test_a_channel_may_miss_for_a_while(music):
    music[0, SR : round(2.5 * SR)] = 0
    defect = only(AudioQualityDetector(["missing_channel"]).detect_waveform(music, SR), "missing_channel")
    assert (defect.start, defect.end) == pytest.approx((1.0, 2.5), abs=0.3)


def test_mono_in_two_channels_is_a_note_of_low_severity(music):
    defect = only(DETECTOR.detect_waveform(np.stack([music[0], music[0]]), SR), "dual_mono")
    assert defect.severity == "low"


@pytest.mark.parametrize("milliseconds", [1, 20, 60])
def test_a_burst_is_found_where_it_is(music, rng, milliseconds):
    at, length = round(2.2 * SR), milliseconds * SR // 1000
    local = np.sqrt(np.mean(music[:, at - 2_000 : at] ** 2))
    music[:, at : at + length] += rng.normal(0, 8 * local, length)
    found = AudioQualityDetector(["noise_burst"]).detect_waveform(0.5 * music, SR)
    assert [each.channel for each in found] == [0, 1]
    assert found[0].start == pytest.approx(at / SR, abs=0.002)
    assert found[0].end == pytest.approx((at + length) / SR, abs=0.003)


def test_drums_are_no_bursts(music, rng):
    hit = rng.normal(0, 0.3, SR // 4) * np.exp(-np.arange(SR // 4) / (0.02 * SR))
    for at in np.arange(0.5, 5, 0.5):
        begin = round(at * SR)
        music[:, begin : begin + len(hit)] += hit
    assert AudioQualityDetector(["noise_burst"]).detect_waveform(0.5 * music, SR) == []


@pytest.mark.parametrize("base", [50, 60])
def test_hum_is_found_with_its_frequency(music, base):
    t = np.arange(music.shape[1]) / SR
    wave = sum(0.5**h * np.sin(2 * np.pi * (base + 0.07) * h * t + h) for h in (1, 2, 3))
    defect = only(AudioQualityDetector(["hum"]).detect_waveform(music + 0.01 * wave, SR), "hum")
    assert f"{base}.0" in defect.why
    assert defect.end - defect.start == pytest.approx(music.shape[1] / SR, abs=1)


@pytest.mark.parametrize("hz", [49.0, 51.9, 58.27, 61.74])
def test_a_bass_note_is_no_hum(music, hz):
    t = np.arange(music.shape[1]) / SR
    assert AudioQualityDetector(["hum"]).detect_waveform(music + 0.1 * np.sin(2 * np.pi * hz * t), SR) == []


def test_a_bass_note_at_the_mains_frequency_that_comes_and_goes_is_no_hum(music):
    t = np.arange(music.shape[1]) / SR
    bass = 0.2 * np.sin(2 * np.pi * 50 * (t % 0.63)) * np.exp(-6 * (t % 0.63)) * (t % 1.26 < 0.63)
    assert AudioQualityDetector(["hum"]).detect_waveform(music + bass, SR) == []
