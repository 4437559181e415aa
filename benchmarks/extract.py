"""What a clip costs: presets `line` and `fma`, one process and two, and the first clip of a fresh machine.

    python -m benchmarks.extract [--clips N] [--seconds S] [--folder DIR]

Clips are made up (notes over noise, FLAC at 44.1 kHz stereo), or taken from DIR. Two processes start within the measured
time: with few clips that start is what one sees. "cold" runs in a process of its own with an empty NUMBA_CACHE_DIR. librosa
computes the `fma` features, so its cold figure is librosa's compilation. Exit code 1 where a bound is exceeded.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
from rich.console import Console
from rich.table import Table

from ostinato.audio.decode import decode
from ostinato.audio.extractor import AudioFeatureExtractor
from ostinato.core.hashing import sha256_of_file
from ostinato.features.cache import FeatureCache

LINE_BOUND, COLD_BOUND, CACHED_BOUND = 0.15, 5.0, 0.001  # seconds a clip
AUDIO = {".wav", ".flac", ".ogg", ".mp3", ".aiff", ".au", ".opus"}
COLD = "import sys; from ostinato import AudioFeatureExtractor as A; A(sys.argv[1], seconds=30).transform(sys.argv[2:])"


def make(folder: Path, count: int, seconds: float, rate: int = 44_100) -> list[Path]:
    """Write `count` clips of random notes."""
    rng = np.random.default_rng(0)
    t = np.arange(round(seconds * rate)) / rate
    paths = []
    for k in range(count):
        y = rng.normal(0, 0.01, (len(t), 2))
        for start in np.arange(0, seconds, 0.25):
            since = np.clip(t - start, 0, None)
            y += (0.2 * np.sin(2 * np.pi * 220 * 2 ** (rng.integers(24) / 12) * since) * np.exp(-6 * since))[:, None]
        paths.append(folder / f"{k:04d}.flac")
        soundfile.write(paths[-1], y / np.abs(y).max(), rate)
    return paths


@dataclass(frozen=True)
class Cost:
    """Seconds a clip: on the clock, and of processor time, workers included."""

    what: str
    wall: float
    cpu: float
    bound: float | None = None  # of processor time where clips are heard, of the clock for the rest
    on_clock: bool = False

    @property
    def figure(self) -> float:
        return self.wall if self.on_clock else self.cpu


def cost(
    what: str, clips: int, action: Callable[[], object], bound: float | None = None, on_clock: bool = False
) -> Cost:
    """Run `action` on `clips` clips and say what each cost."""
    wall, cpu = time.perf_counter(), sum(os.times()[:4])
    action()
    return Cost(what, (time.perf_counter() - wall) / clips, (sum(os.times()[:4]) - cpu) / clips, bound, on_clock)


def cold(preset: str, path: Path) -> None:
    """Start a fresh process in which nothing is compiled, and hear one clip in it."""
    with tempfile.TemporaryDirectory() as empty:
        command = [sys.executable, "-c", COLD, preset, str(path)]
        subprocess.run(command, check=True, env=os.environ | {"NUMBA_CACHE_DIR": empty})


def measure(paths: list[Path], folder: Path) -> list[Cost]:
    """Every line of the table."""
    costs = [
        cost("decode and resample alone", len(paths), lambda: [decode(path, 22_050, seconds=30) for path in paths])
    ]
    few = paths[: max(8, len(paths) // 6)]  # librosa is slow
    for preset, clips, bound in (("line", paths, LINE_BOUND), ("fma", few, None)):
        AudioFeatureExtractor(preset, seconds=30, n_jobs=1).transform(clips[:1])
        one = AudioFeatureExtractor(preset, seconds=30, n_jobs=1)
        two = AudioFeatureExtractor(preset, seconds=30, n_jobs=2)
        costs.append(cost(f"{preset}, 1 process", len(clips), partial(one.transform, clips), bound))
        costs.append(cost(f"{preset}, 2 processes and their start", len(clips), partial(two.transform, clips)))
    with FeatureCache(folder / "cache") as cache:
        extractor = AudioFeatureExtractor("line", seconds=30, cache=cache)
        extractor.transform(paths)
        hashed = cost(
            "hash the bytes alone", len(paths), lambda: [sha256_of_file(path) for path in paths], on_clock=True
        )
        cached = cost("line, cached, hash included", len(paths), partial(extractor.transform, paths), on_clock=True)
    beyond = Cost(
        "line, cached, beyond the hash", cached.wall - hashed.wall, cached.cpu - hashed.cpu, CACHED_BOUND, True
    )
    costs += [hashed, cached, beyond]
    costs.append(cost("line, first clip cold", 1, partial(cold, "line", paths[0]), COLD_BOUND, on_clock=True))
    costs.append(cost("fma, first clip cold", 1, partial(cold, "fma", paths[0]), on_clock=True))
    return costs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--folder", type=Path, help="measure on the audio files below this folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if options.folder:
            paths = sorted(p for p in options.folder.rglob("*") if p.suffix.lower() in AUDIO)[: options.clips]
            what = f"{len(paths)} clips of {options.folder}"
        else:
            paths = make(folder, options.clips, options.seconds)
            what = f"{len(paths)} made-up clips of {options.seconds:g} s"
        if not paths:
            parser.error(f"{options.folder}: no audio files here")
        costs = measure(paths, folder)
    table = Table(
        "work", "wall s a clip", "CPU s a clip", "bound", "figure / bound", title=f"{what}, {os.cpu_count()} cores"
    )
    for each in costs:
        bound = f"{each.bound:g} {'wall' if each.on_clock else 'CPU'}" if each.bound else ""
        ratio = f"{each.figure / each.bound:.2f}" if each.bound else ""
        table.add_row(each.what, f"{each.wall:.4f}", f"{each.cpu:.4f}", bound, ratio)
    Console().print(table)
    return int(any(each.bound and each.figure > each.bound for each in costs))


if __name__ == "__main__":
    sys.exit(main())
