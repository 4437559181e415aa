"""Probing: whole files are described, broken ones named with the reason, and nothing is fatal."""

import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ostinato.catalog.probe import probe, probe_all

FORMATS = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "aiff": ("AIFF", "PCM_16"),
    "au": ("AU", "PCM_16"),
}


def write(path: Path, seconds: float = 3.0, sr: int = 22_050, channels: int = 1) -> Path:
    name = path.suffix[1:]
    noise = np.random.default_rng(0).normal(0, 0.1, (round(seconds * sr), channels))
    kind, subtype = FORMATS[name]
    soundfile.write(path, noise, sr, format=kind, subtype=subtype)
    return path


@pytest.mark.parametrize("suffix", FORMATS)
def test_whole_file_is_readable(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a.{suffix}", channels=2)
    found = probe(path)
    assert (found.readable, found.problem) == (True, None)
    assert (found.sample_rate, found.channels, found.duration) == (22_050, 2, 3.0)
    assert found.bytes == path.stat().st_size
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("suffix", sorted(set(FORMATS) - {"ogg"}))
def test_half_a_file_is_not(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a.{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    found = probe(path)
    assert not found.readable
    assert any(word in found.problem for word in ("truncated", "damaged"))
    assert found.duration == 0
    assert len(found.sha256) == 64


def test_half_an_ogg_stream_is_what_is_left_of_it(tmp_path: Path) -> None:
    # Ogg tells no length at its start, so a cut stream is a whole shorter one: its duration must say so
    path = write(tmp_path / "a.ogg", 20.0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    found = probe(path)
    assert found.readable
    assert 5 < found.duration < 12
    path.write_bytes(path.read_bytes()[:600])
    assert not probe(path).readable


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty file"), (b"hello" * 500, "not audio"), (b"\0" * 5000, "not audio"), (b"RIFF", "not audio")],
)
@pytest.mark.parametrize("name", ["a.wav", "a.mp3"])
def test_what_is_no_audio(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    found = probe(path)
    assert not found.readable
    assert reason in found.problem
    assert str(tmp_path) not in found.problem


def test_a_folder_and_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "x.wav").mkdir()
    assert "a folder" in probe(tmp_path / "x.wav").problem
    assert "no such file" in probe(tmp_path / "y.wav").problem


def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "x.wav")
    assert "pipe" in probe(tmp_path / "x.wav").problem


def test_zero_seconds_and_not_a_number(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "zero.wav", np.zeros(0), 22_050)
    assert "0 seconds" in probe(tmp_path / "zero.wav").problem
    soundfile.write(tmp_path / "nan.wav", np.full(1000, np.nan), 22_050, subtype="FLOAT")
    assert "NaN" in probe(tmp_path / "nan.wav").problem


def test_three_hours_are_described_without_decoding_them(tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    silence = np.zeros(4_000 * 60, dtype=np.int16)
    with soundfile.SoundFile(path, "w", 4_000, 1, format="FLAC", subtype="PCM_16") as file:
        for _ in range(180):
            file.write(silence)
    assert probe(path).duration == 3 * 3600


@pytest.mark.parametrize("sr", [4_000, 11_127, 44_100, 192_000])
def test_odd_sample_rates(tmp_path: Path, sr: int) -> None:
    assert probe(write(tmp_path / "a.wav", 0.2, sr)).sample_rate == sr


def test_many_keep_their_order(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{k}.wav", 0.1 + k / 10) for k in range(12)]
    paths.insert(5, tmp_path / "missing.wav")
    found = probe_all(paths)
    assert [each.readable for each in found] == [path.name != "missing.wav" for path in paths]
    assert [each.duration for each in found if each.readable] == pytest.approx(
        [0.1 + k / 10 for k in range(12)], abs=1e-3
    )
    assert probe_all([]) == []


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    import os

    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    path = write(tmp_path / "a.wav")
    path.chmod(0)
    assert "cannot be read" in probe(path).problem
