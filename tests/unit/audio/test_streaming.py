"""A stream gives the frames and the clip that a file gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.audio import feature
from ostinato.audio.extractor import AudioFeatureExtractor
from ostinato.audio.listener import LOCAL, SEGMENT
from ostinato.audio.presets import FUNCTIONS, Hearing
from ostinato.audio.spool import Spool
from ostinato.audio.streaming import StreamingExtractor
from ostinato.core.errors import AudioError, UsageError

from .conftest import SR, melody

CLOSE = 1e-6  # of the largest value of the feature


def streamed(y: np.ndarray, sizes: list[int], preset: str = "full", **how: int) -> tuple[dict, dict]:
    """Rows of all frames and columns of the clip, fed in blocks of these sizes by turns."""
    stream = StreamingExtractor(preset, **how)
    parts, start, turn = [], 0, 0
    while start < y.shape[-1]:
        size = sizes[turn % len(sizes)]
        parts.append(stream.feed(y[..., start : start + size]))
        start, turn = start + size, turn + 1
    end = stream.finish()
    rows = [part for part in (*parts, end.frames) if part]
    return {name: np.concatenate([part[name] for part in rows], axis=1) for name in rows[0]}, end.features


@settings(max_examples=12, deadline=None)
@given(sizes=st.lists(st.integers(1, 9_000), min_size=1, max_size=5), samples=st.integers(2_048, 40_000))
def test_frames_and_clip_do_not_depend_on_blocks(sizes: list[int], samples: int) -> None:
    y = melody(2.0)[:samples]
    rows, columns = streamed(y, [*sizes, 512])
    heard = Hearing("full").listener()
    heard.feed(y)
    heard.finish()
    assert set(rows) == set(LOCAL)
    for name, values in rows.items():
        batch = heard.rows(name)
        assert values.shape == batch.shape
        np.testing.assert_allclose(values, batch, rtol=CLOSE, atol=CLOSE * np.abs(batch).max())
    batch_columns = Hearing("full").vector(y)
    assert list(columns) == list(batch_columns)
    for name, value in batch_columns.items():
        assert columns[name] == pytest.approx(value, rel=1e-4, abs=1e-4 * max(1.0, abs(value))), name


def test_frames_come_as_soon_as_they_are_complete() -> None:
    stream, y = StreamingExtractor("fast"), melody(1.0)
    assert stream.feed(y[:1_023]) == {}
    first = stream.feed(y[1_023:1_024])
    assert first["spectral_centroid"].shape == (1, 1)  # half a window, and the zeros before it
    second = stream.feed(y[1_024:2_048])
    assert second["spectral_centroid"].shape == (1, 2)
    batch = feature.spectral_centroid(y=y, sr=SR)
    ours = np.concatenate([first["spectral_centroid"], second["spectral_centroid"]], axis=1)
    np.testing.assert_allclose(ours, batch[:, :3], rtol=CLOSE)


def test_another_rate_and_two_channels() -> None:
    y = melody(2.0, sr=44_100)
    _, columns = streamed(np.stack([y, y]), [1_024], "fma", rate=44_100)
    table = AudioFeatureExtractor("fma").transform_waveform(y, 44_100)
    np.testing.assert_allclose(list(columns.values()), table, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("preset", ["fma", "full"])
def test_long_recordings_are_heard_in_segments(preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    y = melody(9.0)
    whole = Hearing(preset).vector(y)
    monkeypatch.setattr("ostinato.audio.listener.SEGMENT", 128)
    monkeypatch.setattr("ostinato.audio.spool.IN_MEMORY", 1 << 16)
    for name, value in Hearing(preset).vector_of_blocks(np.array_split(y, 7)).items():
        assert value == pytest.approx(whole[name], rel=1e-3, abs=1e-3 * max(1.0, abs(whole[name]))), name


def test_bits_do_not_depend_on_how_a_file_is_read() -> None:
    y = melody(3.0)
    for preset in FUNCTIONS:
        assert Hearing(preset).vector(y) == Hearing(preset).vector_of_blocks(np.array_split(y, 5))


def test_a_spool_reads_what_was_written_in_memory_and_on_disk(rng: np.random.Generator) -> None:
    rows = rng.normal(size=(1_000, 3)).astype(np.float32)
    spool = Spool(3, in_memory=4_000)
    for part in np.array_split(rows, 13):
        spool.append(part)
    assert len(spool) == 1_000
    for start, stop in ((0, 1_000), (0, 10), (300, 700), (990, 1_000), (1_000, 1_200)):
        np.testing.assert_array_equal(spool.read(start, stop), rows[start:stop])
    np.testing.assert_array_equal(np.concatenate([block for _, block in spool.blocks(77)]), rows)


def test_wrong_use_is_named() -> None:
    with pytest.raises(UsageError, match="cannot be streamed"):
        StreamingExtractor("line")
    with pytest.raises(UsageError, match="rate=3"):
        StreamingExtractor(rate=3)
    stream = StreamingExtractor("fast")
    with pytest.raises(AudioError, match="1 of 3 samples are NaN"):
        stream.feed([0.0, float("nan"), 0.0])
    stream.feed(np.zeros(100))
    with pytest.raises(AudioError, match="too short"):
        stream.finish()
    with pytest.raises(UsageError, match="has ended"):
        stream.feed(np.zeros(100))
    assert SEGMENT >= 2_048
