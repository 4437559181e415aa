"""Files that lie, and bytes made to break: samples or an AudioError, in bounded time and memory, and never a NaN feature.

Run as a program it is the fuzzer: `python test_hostile.py EXAMPLES SEED FOLDER` hears that many made-up files in a process
whose memory and time are bounded. The file that it last heard lies in FOLDER, so that one which kills it is found.
"""

from __future__ import annotations

import faulthandler
import io
import json
import os
import random
import re
import resource
import struct
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from ostinato.audio import extractor as extractor_module
from ostinato.audio.decode import decode, stream
from ostinato.audio.extractor import AudioFeatureExtractor
from ostinato.audio.presets import Hearing
from ostinato.audio.worker import hear
from ostinato.core.errors import AudioError
from ostinato.core.hashing import sha256_of_file

RATE = 22_050
FORMATS = {
    "wav": ("WAV", "PCM_16"),
    "wav24": ("WAV", "PCM_24"),
    "wav-float": ("WAV", "FLOAT"),
    "wav-double": ("WAV", "DOUBLE"),
    "wav-adpcm": ("WAV", "IMA_ADPCM"),
    "wav-extensible": ("WAVEX", "PCM_16"),
    "rf64": ("RF64", "PCM_16"),
    "w64": ("W64", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "flac24": ("FLAC", "PCM_24"),
    "vorbis": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "aiff": ("AIFF", "PCM_16"),
    "aiff-float": ("AIFF", "FLOAT"),
    "au": ("AU", "PCM_16"),
    "caf": ("CAF", "PCM_16"),
}
ADDRESS_SPACE = 256 << 20  # bytes that one hostile file may make the process reserve: beyond, an allocation fails
RESIDENT = 100_000_000  # bytes by which one may make the memory grow
SECONDS_A_FILE = 20.0


def sound(seconds: float = 0.4, rate: int = RATE, channels: int = 1) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    y = 0.4 * np.sin(2 * np.pi * 330 * t) + 0.05 * np.random.default_rng(0).normal(size=len(t))
    return np.repeat(y[:, None], channels, axis=1).astype(np.float32)


def written(kind: str, y: np.ndarray, rate: int = RATE) -> bytes:
    container, subtype = FORMATS[kind]
    buffer = io.BytesIO()
    rate = 24_000 if kind == "opus" else rate
    soundfile.write(buffer, y, rate, format=container, subtype=subtype)
    return buffer.getvalue()


def id3(size: int, body: bytes = b"") -> bytes:
    """An ID3v2 tag that says it is `size` bytes long."""
    return b"ID3\x04\x00\x00" + bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0)) + body


# --- files that lie -----------------------------------------------------------------------------------------------------

PRESETS = ("fast", "full")


def extracted(preset: str, *paths: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """What the extractor makes of files: finite rows, and reasons for all others."""
    extractor = AudioFeatureExtractor(preset, n_jobs=1)
    table = extractor.transform(paths)
    assert np.isfinite(table.to_numpy()).all()
    assert set(table.index) | set(extractor.failures_) == {str(path) for path in paths}
    return {Path(path).name: row for path, row in zip(table.index, table.to_numpy(), strict=True)}, extractor.failures_


def refused(path: Path) -> str:
    """The reason why a file gives no samples, no stream and no features; the same for all."""
    with pytest.raises(AudioError) as decoded:
        decode(path, RATE)
    with pytest.raises(AudioError) as streamed:
        list(stream(path, RATE))
    assert (decoded.value.path, streamed.value.reason) == (path, decoded.value.reason)
    for preset in PRESETS:
        rows, failures = extracted(preset, path)
        assert not rows
        assert failures == {str(path): decoded.value.reason}
    return decoded.value.reason


@pytest.mark.parametrize("kind", FORMATS)
def test_the_content_counts_and_not_the_name(tmp_path: Path, kind: str) -> None:
    honest, lying = tmp_path / "a.bin", tmp_path / ("a.flac" if kind != "flac" else "a.mp3")
    for path in (honest, lying):
        path.write_bytes(written(kind, sound()))
    np.testing.assert_array_equal(decode(lying, RATE), decode(honest, RATE))
    rows, failures = extracted("fast", honest, lying)
    assert not failures
    np.testing.assert_array_equal(rows[lying.name], rows["a.bin"])


@pytest.mark.parametrize("name", ["a.raw", "a.pcm", "a.vox", "a.gsm", "a.au", "a.snd", "a.sds", "a"])
def test_names_that_say_there_is_no_header(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(bytes(range(256)) * 400)
    assert refused(tmp_path / name).startswith("not audio")


@pytest.mark.parametrize("kind", ["wav", "wav-float", "aiff", "au", "flac", "wav24"])
@pytest.mark.parametrize("preset", PRESETS)
def test_one_sample(tmp_path: Path, kind: str, preset: str) -> None:
    path = tmp_path / "one"
    path.write_bytes(written(kind, sound()[:1]))
    assert len(decode(path, RATE)) == 1
    assert extracted(preset, path)[1] == {str(path): "too short: 0.000 s, where at least 0.093 s are needed"}


@pytest.mark.parametrize("kind", sorted(set(FORMATS) - {"wav-adpcm"}))
def test_silence_has_features(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "silent"
    path.write_bytes(written(kind, sound(1.0) * 0))
    assert np.abs(decode(path, RATE)).max() < 1e-3
    for preset in PRESETS:
        rows, failures = extracted(preset, path)
        assert not failures
        assert len(rows) == 1


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, 3e38])
@pytest.mark.parametrize("kind", ["wav-float", "wav-double", "aiff-float"])
def test_values_that_are_no_sound(tmp_path: Path, kind: str, value: float) -> None:
    y = sound(0.5)
    y[-1] = value
    path = tmp_path / "a"
    path.write_bytes(written(kind, y))
    assert re.fullmatch(r"1 of 11025 samples are NaN or infinite|samples reach .* not audio", refused(path))


def test_a_double_too_large_for_a_float(tmp_path: Path) -> None:
    y = sound(0.5).astype(np.float64)
    y[5] = 1e300
    soundfile.write(tmp_path / "a.wav", y, RATE, subtype="DOUBLE")
    assert refused(tmp_path / "a.wav") == "1 of 11025 samples are NaN or infinite"


@pytest.mark.parametrize("level", [1e4, 1.0, 1e-20, 1e-38, 1e-44])
def test_very_loud_and_very_soft(tmp_path: Path, level: float) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, (sound(0.5) / np.abs(sound(0.5)).max() * level).astype(np.float32), RATE, subtype="FLOAT")
    for preset in PRESETS:
        rows, failures = extracted(preset, path)
        assert not failures
        assert len(rows) == 1


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("channels", range(1, 9))
def test_any_rate_and_channels_sound_like_one(tmp_path: Path, rate: int, channels: int) -> None:
    one, many = tmp_path / "one.wav", tmp_path / "many.wav"
    soundfile.write(one, sound(0.5, rate), rate, subtype="PCM_24")
    soundfile.write(many, sound(0.5, rate, channels), rate, subtype="PCM_24")
    assert len(decode(many, RATE)) == pytest.approx(RATE / 2, abs=1)
    np.testing.assert_allclose(decode(many, RATE), decode(one, RATE), atol=1e-6)
    assert not extracted("full" if channels in (1, 8) else "fast", many)[1]


def test_a_thousand_channels_cost_no_thousandfold_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, sound(0.5, RATE, 1_024), RATE)
    tracemalloc.start()
    try:
        y = decode(path, RATE)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    np.testing.assert_allclose(y, sound(0.5)[:, 0], atol=1e-4)
    assert peak < 10e6


LIES: dict[
    str, tuple[str, bytes, int, bytes]
] = {  # a format, a mark in its header, how far behind it, what to write there
    "wav: rate 0": ("wav", b"fmt ", 8 + 4, struct.pack("<I", 0)),
    "wav: rate 4 GHz": ("wav", b"fmt ", 8 + 4, struct.pack("<I", 0xFFFFFFFF)),
    "wav: no channels": ("wav", b"fmt ", 8 + 2, struct.pack("<H", 0)),
    "wav: 65,535 channels": ("wav", b"fmt ", 8 + 2, struct.pack("<H", 65_535)),
    "wav: no bits": ("wav", b"fmt ", 8 + 14, struct.pack("<H", 0)),
    "wav: twice the sound": ("wav", b"data", 4, struct.pack("<I", 4 * 11_025)),
    "wav: 2 GB of sound": ("wav", b"data", 4, struct.pack("<I", 0x7FFF0000)),
    "wav: no sound": ("wav", b"data", 4, struct.pack("<I", 0)),
    "aiff: rate infinite": ("aiff", b"COMM", 8 + 8, b"\x7f\xff" + bytes(8)),
    "aiff: 2 GB of sound": ("aiff", b"SSND", 4, struct.pack(">I", 0x7FFF0000)),
    "au: rate 0": ("au", b".snd", 16, struct.pack(">I", 0)),
    "au: no channels": ("au", b".snd", 20, struct.pack(">I", 0)),
    "au: sound from behind its end": ("au", b".snd", 4, struct.pack(">I", 0x7FFFFFFF)),
    "flac: rate 0, no channels": ("flac", b"fLaC", 4 + 4 + 10, bytes(4)),
    "vorbis: 255 channels": ("vorbis", b"\x01vorbis", 7 + 4, b"\xff"),
    "vorbis: rate 0": ("vorbis", b"\x01vorbis", 7 + 5, bytes(4)),
    "opus: no channels": ("opus", b"OpusHead", 9, b"\x00"),
}


@pytest.mark.parametrize("lie", LIES)
def test_headers_that_lie_are_refused(tmp_path: Path, lie: str) -> None:
    kind, mark, behind, value = LIES[lie]
    raw = bytearray(written(kind, sound(0.5)))
    at = raw.index(mark) + behind
    assert raw[at : at + len(value)] != value
    raw[at : at + len(value)] = value
    (tmp_path / "a").write_bytes(raw)
    refused(tmp_path / "a")


def test_a_flac_that_promises_hours(tmp_path: Path) -> None:
    raw = bytearray(written("flac", sound(0.5)))
    raw[8 + 13 : 8 + 18] = bytes([raw[8 + 13] | 0x0F]) + b"\xff\xff\xff\xff"  # 36 bits of total samples
    (tmp_path / "a.flac").write_bytes(raw)
    refused(tmp_path / "a.flac")


@pytest.mark.parametrize("size", [0, 10, 127, 0x0FFFFFFF])
@pytest.mark.parametrize("kind", ["mp3", "wav", "flac"])
def test_id3_garbage_gives_sound_or_a_reason(tmp_path: Path, kind: str, size: int) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(id3(size, b"\x00\xff\xfb" * 40) * 30 + written(kind, sound(0.5)))
    for preset in PRESETS:
        rows, failures = extracted(preset, path)
        assert len(rows) + len(failures) == 1


def test_an_id3_tag_of_its_true_length_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "plain.mp3").write_bytes(written("mp3", sound(1.0)))
    (tmp_path / "tagged.mp3").write_bytes(id3(5_000, bytes(5_000)) + written("mp3", sound(1.0)))
    np.testing.assert_array_equal(decode(tmp_path / "tagged.mp3", RATE), decode(tmp_path / "plain.mp3", RATE))


def test_no_file_at_all(tmp_path: Path) -> None:
    (tmp_path / "album.flac").mkdir()
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    (tmp_path / "nowhere.wav").symlink_to(tmp_path / "gone.wav")
    os.mkfifo(tmp_path / "pipe.ogg")
    assert refused(tmp_path / "album.flac") == "it is a folder, not an audio file"
    assert refused(tmp_path / "nowhere.wav") == "there is no such file"
    assert refused(tmp_path / "pipe.ogg") == "it is a device or a pipe, not an audio file"
    assert refused(tmp_path / "loop.wav")
    assert refused(Path("/dev/zero")) == "it is a device or a pipe, not an audio file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(written("wav", sound()))
    (tmp_path / "a.wav").chmod(0)
    assert refused(tmp_path / "a.wav")


# --- files that change while they are read ------------------------------------------------------------------------------

LONG = 30.0


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def grown(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\x11" * 1_000_000)


@pytest.mark.parametrize("kind", ["wav", "flac", "vorbis", "mp3", "aiff"])
@pytest.mark.parametrize("change", [Path.unlink, truncated, grown], ids=["vanishes", "shrinks", "grows"])
def test_a_file_that_changes_while_it_is_read(tmp_path: Path, kind: str, change: Callable[[Path], None]) -> None:
    path = tmp_path / "a"
    path.write_bytes(written(kind, sound(LONG)))
    whole = decode(path, RATE)
    blocks = stream(path, RATE)
    heard = [next(blocks)]
    change(path)
    refusal = None
    try:
        heard.extend(blocks)
    except AudioError as error:
        refusal = error
    said = np.concatenate(heard)
    if refusal is not None:
        assert refusal.path == path
        assert change is not Path.unlink  # an open file stays
        np.testing.assert_array_equal(said, whole[: len(said)])
    else:
        assert len(said) <= len(whole) or kind == "mp3"  # an MP3 has no end but the file's
        if change is not truncated:
            np.testing.assert_array_equal(said[: len(whole) - RATE], whole[: len(whole) - RATE])


@pytest.mark.parametrize("change", [Path.unlink, truncated, grown], ids=["vanishes", "shrinks", "grows"])
def test_nothing_of_a_changed_file_reaches_the_table(
    tmp_path: Path, change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(written("wav", sound(2.0)))
    real = extractor_module.vectors

    def slow(paths: list[str], how: Hearing, jobs: int):
        for outcome in real(paths, how, jobs):
            change(path)  # after it was heard, before its row is kept
            yield outcome

    monkeypatch.setattr(extractor_module, "vectors", slow)
    extractor = AudioFeatureExtractor("fast", n_jobs=1)
    assert extractor.transform([path], digests={str(path): sha256_of_file(path)}).empty
    assert extractor.failures_ == {str(path): "changed while it was read"}


# --- the fuzzer ---------------------------------------------------------------------------------------------------------

TELLING = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x3FF, 0x400, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0xBB800, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)  # fmt: skip


def edits(length: int) -> st.SearchStrategy[list[tuple[int, str, int]]]:
    """Where, how wide and what to write: in the header more often than behind it, and more often what headers choke on."""
    where = st.integers(0, min(length - 1, 96)) | st.integers(0, length - 1)
    what = st.sampled_from(TELLING) | st.integers(0, 0xFFFFFFFF)
    return st.lists(st.tuples(where, st.sampled_from(("B", "<H", ">H", "<I", ">I", "<Q")), what), max_size=4)


@st.composite
def hostile_bytes(draw: st.DrawFn, kinds: dict[str, bytes]) -> bytes:
    if draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from(tuple(kinds.values())))[: draw(st.integers(0, 64))] + draw(
            st.binary(max_size=2_000)
        )
    raw = bytearray(kinds[draw(st.sampled_from(sorted(kinds)))])
    for at, width, value in draw(edits(len(raw))):
        packed = struct.pack(width, value % (1 << (8 * struct.calcsize(width))))
        raw[at : at + len(packed)] = packed
    if draw(st.integers(0, 3)) == 0:
        del raw[draw(st.integers(0, len(raw))) :]
    if draw(st.integers(0, 6)) == 0:
        at = draw(st.integers(0, min(len(raw), 200)))
        raw[at:at] = draw(st.binary(max_size=64)) * draw(st.integers(1, 40))
    if draw(st.integers(0, 9)) == 0:
        raw[:0] = id3(draw(st.sampled_from(TELLING)) & 0x0FFFFFFF, draw(st.binary(max_size=64)))
    return bytes(raw)


def heard_or_refused(path: Path, preset: str) -> str:
    """One file through everything; returns "" or the reason."""
    try:
        y = decode(path, RATE, seconds=5)
        assert np.isfinite(y).all()
        assert 0 < len(y) <= 5 * RATE + 1
        assert sum(map(len, stream(path, RATE))) >= min(len(y), RATE)
        assert np.isfinite(hear(str(path), Hearing(preset, seconds=5))).all()
    except AudioError as error:
        refusal = error
    else:
        return ""
    reason = refusal.reason
    assert refusal.path in (path, str(path))
    assert not reason.startswith(("no finite value", "not enough memory")), reason
    assert not re.match(r"([A-Z]\w*: |$)", reason), reason  # the type and words of an error nobody foresaw
    return reason


def memory(what: str) -> int:
    """Bytes of this process, by the kernel's name for them."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what))
    return int(line.split()[1]) * 1024


def fuzz(examples: int, seed: int, folder: Path) -> dict[str, float]:
    """Hear `examples` hostile files here; returns how many were heard, the slowest, and the most memory one took."""
    kinds = {kind: written(kind, sound(0.3)) for kind in FORMATS} | {
        "id3": id3(20, bytes(20)) + written("mp3", sound(0.3))
    }
    for kind, raw in kinds.items():
        (folder / "last").write_bytes(raw)
        assert heard_or_refused(folder / "last", "full") == "", kind
    found = {"heard": 0.0, "refused": 0.0, "slowest": 0.0, "grown": 0.0}
    presets = random.Random(seed)

    @seeded(seed)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(hostile_bytes(kinds))
    def each(raw: bytes) -> None:
        (folder / "last").write_bytes(raw)
        faulthandler.dump_traceback_later(SECONDS_A_FILE, exit=True)
        Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
        reserved, held = memory("VmSize"), memory("VmRSS")
        resource.setrlimit(resource.RLIMIT_AS, (reserved + ADDRESS_SPACE, resource.RLIM_INFINITY))
        began = time.process_time()
        try:
            reason = heard_or_refused(folder / "last", "full" if presets.random() < 0.05 else "fast")
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        found["slowest"] = max(found["slowest"], time.process_time() - began)
        found["grown"] = max(found["grown"], memory("VmHWM") - held)
        found["refused" if reason else "heard"] += 1

    each()
    faulthandler.cancel_dump_traceback_later()
    return found


def fuzzed(examples: int, seed: int, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-X", "faulthandler", __file__, str(examples), str(seed), str(folder)]
    one_thread = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS")}
    source = str(Path(__file__).parents[3] / "src")
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | one_thread | {"PYTHONPATH": source}
    )
    last = (folder / "last").read_bytes()
    assert done.returncode == 0, f"{done.returncode} over {len(last)} bytes {last[:400]!r}\n{done.stderr[-3_000:]}"
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    assert found["heard"] + found["refused"] >= examples * 0.9
    assert min(found["heard"], found["refused"]) > examples * 0.1  # it does reach what lies behind the header
    assert found["slowest"] < SECONDS_A_FILE / 4
    assert found["grown"] < RESIDENT
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="bounds the address space")
def test_five_hundred_hostile_files(tmp_path: Path) -> None:
    fuzzed(500, 1, tmp_path)


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="bounds the address space")
def test_ten_thousand_hostile_files(tmp_path: Path) -> None:
    for seed in range(4):
        fuzzed(2_500, 100 + seed, tmp_path)


if __name__ == "__main__":
    print(json.dumps(fuzz(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))))
