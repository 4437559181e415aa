"""What Dask costs: the same clips through the pool of two processes and through two Dask workers on this machine.

    python -m benchmarks.cluster [--clips N] [--seconds S] [--folder DIR] [--preset P] [--rounds R]

Both sides run in turns, `R` times each, on the same files; the fewest seconds of each count. The first round of each side
starts its processes within the measured time; the pool starts them anew each time, Dask workers keep theirs for some
seconds. The bound is on seconds by the clock, workers against pool. Exit code 1 where it is exceeded or the numbers differ.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from distributed import LocalCluster
from rich.console import Console
from rich.table import Table

from ostinato.audio.extractor import AudioFeatureExtractor

BOUND = 1.25
AUDIO = {".wav", ".flac", ".ogg", ".mp3"}


def make(folder: Path, count: int, seconds: float, rate: int = 44_100) -> list[Path]:
    """Write `count` clips of tones over noise."""
    rng, paths = np.random.default_rng(0), []
    t = np.arange(round(seconds * rate)) / rate
    for k in range(count):
        paths.append(folder / f"{k:04d}.wav")
        y = 0.3 * np.sin(2 * np.pi * 110 * 2 ** (k % 48 / 12) * t) + rng.normal(0, 0.05, len(t))
        soundfile.write(paths[-1], y, rate)
    return paths


def timed(extractor: AudioFeatureExtractor, paths: list[Path]) -> tuple[float, bytes]:
    began = time.perf_counter()
    table = extractor.transform(paths)
    return time.perf_counter() - began, table.to_numpy().tobytes()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=440)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--folder", type=Path, help="measure on the audio files below this folder")
    parser.add_argument("--preset", default="fma")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    local = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "memory_limit": 0}
    with tempfile.TemporaryDirectory() as scratch, LocalCluster(n_workers=2, **local) as cluster:
        if options.folder:
            paths = sorted(p for p in options.folder.rglob("*") if p.suffix.lower() in AUDIO)[: options.clips]
        else:
            paths = make(Path(scratch), options.clips, options.seconds)
        pool = AudioFeatureExtractor(options.preset, n_jobs=2)
        spread = AudioFeatureExtractor(options.preset, cluster=cluster.scheduler_address)
        runs = [(timed(pool, paths), timed(spread, paths)) for _ in range(options.rounds)]
    same = all(here[1] == there[1] for here, there in runs)
    here, there = (min(run[side][0] for run in runs) for side in (0, 1))
    table = Table("work", "seconds", "ms a clip", "ratio", "bound", title=f"{len(paths)} clips, {os.cpu_count()} cores")
    table.add_row("pool of 2", f"{here:.2f}", f"{1000 * here / len(paths):.2f}", "", "")
    ratio = there / here
    table.add_row("2 Dask workers", f"{there:.2f}", f"{1000 * there / len(paths):.2f}", f"{ratio:.2f}", f"{BOUND:g}")
    Console().print(table, "the same bits" if same else "DIFFERENT BITS")
    return int(ratio > BOUND or not same)


if __name__ == "__main__":
    sys.exit(main())
