"""Recordings of hours take the memory of minutes, and no feature depends on how a recording is cut."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ostinato.audio.presets import Hearing

from .conftest import SR, melody

SOURCE = Path(__file__).parents[3] / "src"
MOST = 300_000_000  # bytes of a whole process, interpreter and libraries included
# the kernel's own count of this program: getrusage's begins with what the process that started it held
HEAR = """
import json, sys
from pathlib import Path
from ostinato.audio.extractor import AudioFeatureExtractor
extractor = AudioFeatureExtractor(sys.argv[1], n_jobs=1)
table = extractor.transform([sys.argv[2]])
assert not extractor.failures_, extractor.failures_
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(json.dumps({"columns": table.shape[1], "peak": int(peak.split()[1]) * 1024}))
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's count of memory")


def record(path: Path, minutes: int, rate: int, channels: int) -> Path:
    """Write a recording of plucked notes that change from minute to minute, minute by minute."""
    with soundfile.SoundFile(path, "w", rate, channels, format="FLAC", compression_level=0.0) as file:
        tunes = [melody(20.0, rate, seed=seed, transpose=seed) for seed in range(3)]
        for minute in range(minutes):
            for tune in tunes:
                y = tune * np.float32(0.5 + 0.04 * (minute % 10))
                file.write(np.repeat(y[:, None], channels, axis=1))
    return path


def peak_of(preset: str, path: Path) -> float:
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS")}
    done = subprocess.run(
        [sys.executable, "-c", HEAR, preset, str(path)],
        env=os.environ | threads | {"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["columns"] > 200
    return float(found["peak"])


@pytest.fixture(scope="module")
def twenty_minutes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("long") / "20.flac", 20, SR, 1)


@linux
def test_twenty_minutes_take_bounded_memory(twenty_minutes: Path) -> None:
    assert peak_of("full", twenty_minutes) < MOST


@pytest.fixture(scope="module")
def three_hours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = record(tmp_path_factory.mktemp("longer") / "180.flac", 180, 44_100, 2)
    yield path
    path.unlink()


@linux
@pytest.mark.long
@pytest.mark.parametrize("preset", ["fast", "fma", "full"])
def test_three_hours_take_bounded_memory(three_hours: Path, preset: str) -> None:
    assert peak_of(preset, three_hours) < MOST


def cut(y: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(y), size):
        yield y[start : start + size]


@pytest.fixture(scope="module")
def some_minutes() -> np.ndarray:
    """Two segments of the listener and a part of a third."""
    return np.concatenate([melody(20.0, seed=seed, transpose=seed) for seed in range(3)] * 2)[: 105 * SR]


@pytest.mark.parametrize("preset", ["fast", "full"])
def test_bits_do_not_depend_on_the_blocks(some_minutes: np.ndarray, preset: str) -> None:
    how = Hearing(preset)
    whole = how.vector_of_blocks([some_minutes])
    for size in (4_999, 2_048 * 512):
        assert how.vector_of_blocks(cut(some_minutes, size)) == whole


def test_single_samples_are_blocks_too(some_minutes: np.ndarray) -> None:
    how = Hearing("full")
    y = some_minutes[: 3 * SR]
    ragged = np.split(y, np.sort(np.random.default_rng(0).integers(0, len(y), 400)))  # some are empty
    assert how.vector_of_blocks(ragged) == how.vector_of_blocks([y])
    assert how.vector_of_blocks([*cut(y[:50], 1), *cut(y[50:], 511)]) == how.vector_of_blocks([y])
