from __future__ import annotations

import contextlib
import os
import struct
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ostinato.audio.decode import as_waveform, decode
from ostinato.core.errors import AudioError

RATE = 44_100


def tone(seconds: float = 1.0, rate: int = RATE, hz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def refusal(path: Path, **how) -> str:
    with pytest.raises(AudioError) as caught:
        decode(path, **how)
    assert caught.value.path == path
    return caught.value.reason


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("a.wav", {}),
        ("a.flac", {}),
        ("a.ogg", {}),
        ("a.mp3", {}),
        ("a.aiff", {}),
        ("a.au", {}),
        ("a.opus", {"format": "OGG", "subtype": "OPUS"}),
        ("a-24.wav", {"subtype": "PCM_24"}),
        ("a-float.wav", {"subtype": "FLOAT"}),
    ],
)
def test_every_format_sounds_the_same(tmp_path: Path, name: str, how: dict) -> None:
    soundfile.write(tmp_path / name, tone(2.0, 48_000), 48_000, **how)
    y = decode(tmp_path / name, 22_050)
    assert y.dtype == np.float32
    assert abs(len(y) - 2 * 22_050) < 2_500  # lossy codecs pad
    middle = y[11_025:33_075]
    spectrum = np.abs(np.fft.rfft(middle))
    assert np.argmax(spectrum) == pytest.approx(440 * len(middle) / 22_050, abs=1)
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 32_000, 44_100, 96_000, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_any_rate_and_channels(tmp_path: Path, rate: int, channels: int) -> None:
    y = tone(0.5, rate)
    soundfile.write(tmp_path / "a.wav", np.repeat(y[:, None], channels, axis=1), rate)
    heard = decode(tmp_path / "a.wav", 22_050)
    assert len(heard) == pytest.approx(11_025, abs=2)
    assert np.abs(heard[1_000:-1_000]).max() == pytest.approx(0.5, abs=0.01)


def test_channels_are_averaged(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([tone(), -tone()], axis=1), RATE)
    assert np.abs(decode(tmp_path / "a.wav", RATE)).max() < 1e-4


def test_windows(tmp_path: Path) -> None:
    ramp = np.linspace(-0.9, 0.9, 10 * 8_000).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", ramp, 8_000, subtype="FLOAT")
    path = tmp_path / "a.wav"
    np.testing.assert_array_equal(decode(path, 8_000, seconds=4), ramp[24_000:56_000])
    np.testing.assert_array_equal(decode(path, 8_000, seconds=60), ramp)
    np.testing.assert_array_equal(decode(path, 8_000, offset=1, duration=2), ramp[8_000:24_000])
    assert "nothing is left after offset 11 s of 10.00 s" in refusal(path, offset=11)
    with pytest.raises(ValueError, match="not both"):
        decode(path, seconds=1, offset=2)


@pytest.mark.parametrize("name", ["Ουρανός.wav", "音楽.flac", "Ärger und Nöte.ogg", "a b'c\"d.wav", "é".join("xy")])
def test_names_in_any_script(tmp_path: Path, name: str) -> None:
    for form in ("NFC", "NFD"):
        path = tmp_path / unicodedata.normalize(form, name)
        soundfile.write(path, tone(), RATE, format={".flac": "FLAC", ".ogg": "OGG"}.get(path.suffix, "WAV"))
        assert len(decode(path)) == 22_050


def test_a_name_that_is_not_text(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(), RATE)
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.wav")
    try:
        (tmp_path / "a.wav").rename(path)
    except OSError:
        pytest.skip("this file system takes only names that are text")
    assert len(decode(path)) == 22_050


def test_refuses_what_is_no_audio(tmp_path: Path) -> None:
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.mp3").write_text("not a song\n" * 100)
    (tmp_path / "zip.ogg").write_bytes(b"PK\x03\x04" + bytes(2_000))
    soundfile.write(tmp_path / "nothing.wav", np.zeros(0), RATE)
    assert refusal(tmp_path / "missing.wav") == "there is no such file"
    assert refusal(tmp_path / "folder.wav") == "it is a folder, not an audio file"
    assert refusal(tmp_path / "empty.wav") == "empty file (0 bytes)"
    assert refusal(tmp_path / "text.mp3").startswith("not audio, or damaged")
    assert refusal(tmp_path / "zip.ogg").startswith("not audio, or damaged")
    assert refusal(tmp_path / "nothing.wav") == "it holds no samples (0 seconds)"
    assert "cannot be read" in refusal(tmp_path / ("x" * 5_000))
    assert refusal(Path("a\0b.wav"))


def test_refuses_a_pipe_rather_than_wait_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.wav")
    assert "a device or a pipe" in refusal(tmp_path / "a.wav")


@pytest.mark.parametrize("name", ["a.wav", "a.aiff", "a.au", "a.flac", "a.mp3"])
@pytest.mark.parametrize("share", [0.5, 0.05])
def test_refuses_truncated(tmp_path: Path, name: str, share: float) -> None:
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / name, rng.normal(0, 0.1, 4 * 48_000), 48_000)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(len(whole) * share)])
    reason = refusal(tmp_path / name)
    assert "truncated" in reason or "lost sync" in reason


@pytest.mark.parametrize("announced", [0xFFFFFFFF, 0x7FFFFFFF])
def test_takes_a_streamed_wav_that_does_not_know_its_length(tmp_path: Path, announced: int) -> None:
    soundfile.write(tmp_path / "a.wav", tone(), RATE)
    raw = bytearray((tmp_path / "a.wav").read_bytes())
    at = raw.index(b"data") + 4
    raw[at : at + 4] = struct.pack("<I", announced)
    (tmp_path / "a.wav").write_bytes(raw)
    assert len(decode(tmp_path / "a.wav", RATE)) == RATE


@pytest.mark.parametrize("rate", [1, 100, 2_000_000_000])
def test_refuses_a_rate_that_cannot_be(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", tone(), rate)
    assert f"its header says {rate} Hz" in refusal(tmp_path / "a.wav")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_refuses_samples_that_are_not_finite(tmp_path: Path, value: float) -> None:
    y = tone()
    y[7] = value
    soundfile.write(tmp_path / "a.wav", y, RATE, subtype="FLOAT")
    assert refusal(tmp_path / "a.wav") == "1 of 44100 samples are NaN or infinite"


def test_refuses_samples_that_are_no_sound(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone() * 1e30, RATE, subtype="FLOAT")
    assert "where full scale is 1" in refusal(tmp_path / "a.wav")


def test_as_waveform() -> None:
    np.testing.assert_array_equal(as_waveform(tone(), RATE, RATE), tone())
    assert len(as_waveform(np.stack([tone(), tone()]), RATE, 22_050)) == 22_050
    for bad in (np.zeros(0), np.zeros((2, 2, 2)), [1.0, np.nan]):
        with pytest.raises(AudioError, match="waveform"):
            as_waveform(bad, RATE, RATE)


SOUNDS = [b"RIFF\x24\x10\x00\x00WAVEfmt \x10\x00\x00\x00", b"fLaC\x00\x00\x00\x22", b"OggS\x00\x02", b"ID3\x04\x00", b"FORM",
          b".snd\x00\x00\x00\x18", b"\xff\xfb\x90\x64", b""]  # fmt: skip


def hear_or_refuse(path: Path) -> None:
    """Sound or an AudioError; any other exception fails the test."""
    with contextlib.suppress(AudioError):
        y = decode(path, seconds=30)
        assert np.isfinite(y).all()
        assert 0 < len(y) <= 30 * 22_050 + 1


@settings(max_examples=400, deadline=2_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(head=st.sampled_from(SOUNDS), rest=st.binary(max_size=3_000))
def test_any_bytes_give_samples_or_a_reason(tmp_path: Path, head: bytes, rest: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(head + rest)
    hear_or_refuse(path)


@settings(max_examples=200, deadline=2_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(["a.wav", "a.flac", "a.ogg", "a.mp3", "a.aiff", "a.au"]))
def test_a_few_flipped_bytes_give_samples_or_a_reason(tmp_path: Path, data: st.DataObject, name: str) -> None:
    kept = tmp_path / f"whole-{name}"
    if not kept.exists():
        soundfile.write(kept, tone(0.3), RATE)
    raw = bytearray(kept.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / name).write_bytes(raw)
    hear_or_refuse(tmp_path / name)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's count of memory")
def test_three_hours_cost_bounded_memory(tmp_path: Path) -> None:
    rate, frames = 44_100, 3 * 3600 * 44_100
    path = tmp_path / "long.wav"
    header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + frames * 4, b"WAVE", b"fmt ", 16, 1, 2, rate, rate * 4, 4, 16,
                         b"data", frames * 4)  # fmt: skip
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + frames * 4)  # a hole: no room on disk
    code = f"""
from ostinato.audio.decode import decode
from pathlib import Path
def peak():  # getrusage's begins with what the process that started this one held
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
decode({str(path)!r}, seconds=1)
before = peak()
assert len(decode({str(path)!r}, seconds=30)) == 30 * 22_050
print(peak() - before)
"""
    grown = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert grown < 60e6
