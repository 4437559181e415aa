"""Files, waveforms and streams agree; what is no sound is refused; what is reported can be written down."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.audio.defects import KINDS, AudioQualityDetector, Defect
from ostinato.audio.defects.report import Severity
from ostinato.core.errors import AudioError, UsageError

SR = 8_000
DETECTOR = AudioQualityDetector()


@pytest.fixture(scope="module")
def broken() -> np.ndarray:
    """Nine seconds of stereo at 8 kHz with a defect of nearly every kind."""
    rng = np.random.default_rng(5)
    t = np.arange(9 * SR) / SR
    y = sum(np.sin(2 * np.pi * hz * t + [[0], [0.3]]) for hz in (220, 331, 447)) * 0.1
    y = y + rng.normal(0, 0.01, y.shape) + 0.02
    y += 0.02 * np.sin(2 * np.pi * 50 * t)
    y[:, 3 * SR : 3 * SR + 200] = 0
    y[1, 4 * SR : 6 * SR] = 0
    y[0, 5 * SR : 5 * SR + 40] += rng.normal(0, 0.5, 40)
    y[0, 7 * SR :] = np.clip(3 * y[0, 7 * SR :], -0.3, 0.3)
    y[:, 2 * SR : round(2.5 * SR)] *= 0
    return np.concatenate([np.zeros((2, 2 * SR)), y], axis=1).astype(np.float32)


def in_blocks(y: np.ndarray, sizes: list[int]) -> list[Defect]:
    stream, at, found, k = DETECTOR.stream(SR, len(y)), 0, [], 0
    while at < y.shape[1]:
        size = sizes[k % len(sizes)]
        found += stream.feed(y[:, at : at + size])
        at, k = at + size, k + 1
    return sorted(found + stream.finish(), key=lambda each: each.key)


def test_the_broken_recording_shows_most_kinds(broken):
    kinds = {each.kind for each in DETECTOR.detect_waveform(broken, SR)}
    assert kinds >= {
        "silence",
        "dropout",
        "missing_channel",
        "noise_burst",
        "clipping",
        "dc_offset",
        "truncation",
        "hum",
    }


@settings(max_examples=4, deadline=None)
@given(sizes=st.lists(st.integers(1, 40_000), min_size=1, max_size=5).filter(lambda sizes: sum(sizes) > 500))
def test_a_stream_of_any_blocks_finds_what_the_whole_shows(broken, sizes):
    assert in_blocks(broken, sizes) == DETECTOR.detect_waveform(broken, SR)


def test_defects_come_as_they_happen(broken):
    stream = DETECTOR.stream(SR, 2)
    early = stream.feed(broken[:, : 8 * SR])
    assert {"silence", "dropout", "noise_burst"} <= {each.kind for each in early}
    assert stream.samples == 8 * SR


def test_a_file_is_heard_as_its_samples_are(broken, tmp_path):
    path = tmp_path / "broken.wav"
    soundfile.write(path, broken.T, SR, subtype="FLOAT")
    assert DETECTOR.detect(path) == DETECTOR.detect_waveform(broken, SR)


def test_the_input_stays_as_it_was(broken):
    before = broken.copy()
    DETECTOR.detect_waveform(broken, SR)
    np.testing.assert_array_equal(broken, before)


def test_a_defect_is_ready_for_json(broken):
    for each in DETECTOR.detect_waveform(broken, SR):
        assert json.loads(json.dumps(each.as_dict())) == each.as_dict()
        assert type(each.start) is float
        assert type(each.end) is float
        assert type(each.confidence) is float
        assert 0 <= each.start <= each.end <= broken.shape[1] / SR + 1e-9
        assert 0.5 <= each.confidence <= 1
        assert each.severity in Severity.__args__
        assert each.why


@pytest.mark.parametrize(
    ("level", "sensitivity", "count"), [(0.004, 0.5, 0), (0.004, 0.9, 1), (0.006, 0.5, 1), (0.006, 0.2, 0)]
)
def test_sensitivity_is_how_little_certainty_suffices(level, sensitivity, count):
    y = level + 0.14 * np.sin(2 * np.pi * 440 * np.arange(4 * SR) / SR)
    assert len(AudioQualityDetector(["dc_offset"], sensitivity).detect_waveform(y, SR)) == count


def test_only_the_kinds_asked_for_are_reported(broken):
    assert {each.kind for each in AudioQualityDetector(["silence"]).detect_waveform(broken, SR)} == {"silence"}
    assert AudioQualityDetector().kinds == KINDS


@pytest.mark.parametrize("sr", [8_000, 22_050, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("channels", [1, 8])
def test_any_rate_and_number_of_channels(sr, channels, rng):
    y = rng.normal(0, 0.1, (channels, sr)).astype(np.float32)
    y[:, sr // 2 : sr // 2 + sr // 50] = 0
    found = DETECTOR.detect_waveform(y, sr)
    gaps = [each for each in found if each.kind == "dropout"]
    assert [each.channel for each in gaps] == list(range(channels))
    assert gaps[0].end - gaps[0].start == pytest.approx(0.02, abs=0.001)


@pytest.mark.parametrize("length", [1, 2, 63, 1_000])
def test_the_shortest_sounds_are_judged(length):
    assert [each.kind for each in DETECTOR.detect_waveform(np.zeros(length), SR)] == ["silence"]
    DETECTOR.detect_waveform(np.full(length, 0.5), SR)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e6])
def test_what_is_no_sound_is_refused(bad):
    y = np.zeros(SR)
    y[100] = bad
    with pytest.raises(AudioError, match="NaN|not audio"):
        DETECTOR.detect_waveform(y, SR)


@pytest.mark.parametrize("shape", [(0,), (2, 0), (2, 3, 4)])
def test_what_has_no_samples_is_refused(shape):
    with pytest.raises(AudioError, match="shape"):
        DETECTOR.detect_waveform(np.zeros(shape), SR)


def test_a_stream_refuses_another_number_of_channels_and_what_comes_after_its_end():
    stream = DETECTOR.stream(SR, 2)
    with pytest.raises(AudioError, match="shape"):
        stream.feed(np.zeros((3, 10)))
    stream.feed(np.zeros((2, 10)))
    stream.finish()
    assert stream.finish() == []
    with pytest.raises(UsageError, match="finished"):
        stream.feed(np.zeros((2, 10)))


def test_files_that_cannot_be_read_are_refused_with_the_reason(tmp_path):
    text = tmp_path / "song.wav"
    text.write_text("no sound at all")
    with pytest.raises(AudioError, match="not audio"):
        DETECTOR.detect(text)
    with pytest.raises(AudioError, match="there is no such file"):
        DETECTOR.detect(tmp_path / "none.wav")


def test_a_catalogue_gives_a_row_a_defect_and_one_for_what_cannot_be_read(broken, tmp_path):
    soundfile.write(tmp_path / "a.wav", broken.T, SR)
    (tmp_path / "b.wav").write_text("text")
    told: list[tuple[int, int]] = []
    table = DETECTOR.scan([tmp_path / "a.wav", tmp_path / "b.wav"], progress=lambda *step: told.append(step))
    assert told == [(1, 2), (2, 2)]
    assert len(table) == len(DETECTOR.detect(tmp_path / "a.wav")) + 1
    assert table.iloc[-1]["kind"] == "unreadable"
    assert "not audio" in table.iloc[-1]["why"]


@pytest.mark.parametrize("arguments", [{"kinds": ["wow"]}, {"kinds": []}, {"sensitivity": 0}, {"sensitivity": 1}])
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises(UsageError, match="expected"):
        AudioQualityDetector(**arguments)


def test_what_a_stream_keeps_does_not_grow_with_length():
    block = np.random.default_rng(0).normal(0, 0.1, 60 * 2_000).astype(np.float32)
    # those that keep something for each second
    stream = AudioQualityDetector(["dc_offset", "hum"]).stream(2_000)
    sizes = []
    for _ in range(8):
        stream.feed(block)
        sizes.append(len(pickle.dumps(stream)))
    assert max(sizes[5:]) < 1.1 * max(sizes[:5])
