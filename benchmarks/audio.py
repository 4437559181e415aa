"""The audio engine beside librosa and essentia: speed, parity, streaming, cache, first clip.

    python -m benchmarks.audio [--clips N] [--rounds N] [--folder DIR]

Clips are the recordings in `../shared/data/audio/genres` where they lie, else notes over noise; or those of DIR. Both sides
of a ratio run by turns in this process on one thread, on the same samples at 22,050 Hz, with librosa's functions compiled
before; figures are medians of CPU time over rounds, summed over clips. librosa's side calls `librosa.feature.F(y=y, sr=sr)`
for each function, as its users do; both sides sum frames up by the same statistics. essentia runs in its standard mode, whose
calls from Python cost less than its streaming network; where it is not installed (`uv pip install --group peers`) its rows
are left out. "first clip" is a process of its own with an empty NUMBA_CACHE_DIR. Exit code 1 where a bound is missed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from benchmarks import _peers as peers
from ostinato.audio import feature
from ostinato.audio.decode import decode
from ostinato.audio.extractor import AudioFeatureExtractor
from ostinato.audio.listener import Listener
from ostinato.audio.presets import FUNCTIONS, Hearing
from ostinato.audio.scalars import rhythm
from ostinato.audio.statistics import STATISTICS, summarise
from ostinato.audio.streaming import StreamingExtractor
from ostinato.features.cache import FeatureCache

SR = 22_050
RECORDINGS = Path(__file__).resolve().parents[1] / ".." / "shared" / "data" / "audio" / "genres"
AUDIO = {".wav", ".flac", ".ogg", ".mp3", ".aiff", ".au", ".opus"}
COLD = "import sys; from ostinato import AudioFeatureExtractor as A; A('fma').transform(sys.argv[1:])"
RHYTHM = {"harmonic_energy", "percussive_energy", "onset_strength", "beat_strength"}
STFT_BASED = (*FUNCTIONS["fast"], "chroma_stft", "onset_strength", "melspectrogram")
FLOORS = {
    "skew": 0.05,
    "kurtosis": 0.05,
}  # sampling error is above 0.1; the others' floor: 0.001 of the row's largest frame
Row = tuple[str, str, str, str, str, bool | None]


def make(folder: Path, count: int, seconds: float = 15.0) -> list[Path]:
    """Write `count` clips of random notes."""
    rng = np.random.default_rng(0)
    t = np.arange(round(seconds * SR)) / SR
    paths = []
    for k in range(count):
        y = rng.normal(0, 0.01, len(t))
        for start in np.arange(0, seconds, 0.25):
            since = np.clip(t - start, 0, None)
            y += 0.2 * np.sin(2 * np.pi * 220 * 2 ** (rng.integers(24) / 12) * since) * np.exp(-6 * since)
        paths.append(folder / f"{k:04d}.ogg")
        soundfile.write(paths[-1], y / np.abs(y).max(), SR)
    return paths


def by_turns(sides: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median CPU seconds of each side, called by turns."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for call in sides.values():
        call()  # compiled, loaded, in the cache
    for _ in range(rounds):
        for name, call in sides.items():
            began = time.process_time()
            call()
            seconds[name].append(time.process_time() - began)
    return {name: float(np.median(values)) for name, values in seconds.items()}


def rhythm_of(y: np.ndarray) -> dict[str, np.ndarray]:
    """fma, HPSS energies, tempo, beats and onsets, by the engine."""
    listener = Listener(set(FUNCTIONS["fma"]) | RHYTHM, SR, 2_048, 512)
    listener.feed(y)
    listener.finish()
    rows = np.concatenate([listener.rows(name) for name in (*FUNCTIONS["fma"], "harmonic_energy", "percussive_energy")])
    rhythm(listener)
    return summarise(rows.astype(np.float32))


def all_clips(call: Callable[[np.ndarray], object], clips: list[np.ndarray]) -> Callable[[], None]:
    def run() -> None:
        for y in clips:
            call(y)

    return run


def speed(paths: list[Path], rounds: int) -> list[Row]:
    clips = [decode(path) for path in paths]
    fma = Hearing("fma").vector
    rows: list[Row] = []

    def compare(
        what: str, ours: Callable[..., object], theirs: Callable[..., object], bound: float, peer: str = "librosa"
    ) -> None:
        got = by_turns({"ours": all_clips(ours, clips), "theirs": all_clips(theirs, clips)}, rounds)
        mine, other, ratio = got["ours"] / len(clips), got["theirs"] / len(clips), got["theirs"] / got["ours"]
        rows.append(
            (
                what,
                f"{mine * 1e3:.1f} ms",
                f"{peer} {other * 1e3:.1f} ms",
                f"{ratio:.1f}×",
                f"≥ {bound:g}×",
                ratio >= bound,
            )
        )

    compare("fma, 518 columns", fma, peers.librosa_fma, 10.0)
    compare("fma + HPSS energies, tempo, beats, onsets", rhythm_of, peers.librosa_fma_and_rhythm, 15.0)
    compare("full, 1,739 columns, same librosa calls", Hearing("full").vector, peers.librosa_fma_and_rhythm, 10.0)
    compare("mel", lambda y: feature.melspectrogram(y=y, sr=SR), peers.librosa_mel, 1.0)
    compare("mfcc", lambda y: feature.mfcc(y=y, sr=SR), peers.librosa_mfcc, 1.0)
    if peers.essentia_is_here():
        compare("mel", lambda y: feature.melspectrogram(y=y, sr=SR), peers.essentia_mel, 1.0, "essentia")
        compare("mfcc", lambda y: feature.mfcc(y=y, sr=SR), peers.essentia_mfcc, 1.0, "essentia")
    files = by_turns(
        {
            "decode": lambda: [decode(path) for path in paths],
            "ours": lambda: [fma(decode(path)) for path in paths],
            "theirs": lambda: [peers.librosa_fma(peers.librosa_load(path)) for path in paths],
        },
        max(1, rounds // 2),
    )
    ratio, share = files["theirs"] / files["ours"], files["decode"] / files["ours"]
    each = {name: f"{value / len(paths) * 1e3:.1f} ms" for name, value in files.items()}
    rows.append(("fma from files", each["ours"], f"librosa {each['theirs']}", f"{ratio:.1f}×", "≥ 10×", ratio >= 10.0))
    rows.append(("decoding, of fma from files", each["decode"], "", f"{share:.0%}", "said", None))
    return rows


def processes(paths: list[Path], rounds: int) -> Row:
    """One worker process and two, on the clock, the start of the workers included."""
    many = [path for path in paths for _ in range(max(1, 400 // len(paths)))]
    with tempfile.TemporaryDirectory() as folder:  # links: each is a clip of its own
        links = []
        for k, path in enumerate(many):
            links.append(Path(folder) / f"{k:05d}{path.suffix}")
            links[-1].symlink_to(path.resolve())
        walls: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(max(1, rounds // 2)):
            for jobs, seconds in walls.items():
                began = time.perf_counter()
                AudioFeatureExtractor("fma", n_jobs=jobs).transform(links)
                seconds.append(time.perf_counter() - began)
    one, two = (float(np.median(walls[jobs])) for jobs in (1, 2))
    speed_up = one / two
    each = f"{two / len(many) * 1e3:.1f} ms"
    return (
        "two processes against one, 400 clips",
        each,
        f"one {one / len(many) * 1e3:.1f} ms",
        f"{speed_up:.2f}×",
        "≥ 1.8×",
        speed_up >= 1.8,
    )


def first_clip(path: Path) -> Row:
    with tempfile.TemporaryDirectory() as empty:
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", COLD, str(path)], env={**os.environ, "NUMBA_CACHE_DIR": empty}, check=True
        )
        wall = time.perf_counter() - began
    return ("first clip of a fresh process", f"{wall:.2f} s", "", "", "≤ 2 s", wall <= 2.0)


def cached(paths: list[Path]) -> Row:
    with tempfile.TemporaryDirectory() as folder, FeatureCache(Path(folder)) as cache:
        extractor = AudioFeatureExtractor("fma", n_jobs=1, cache=cache)
        extractor.transform(paths)
        seconds = []
        for _ in range(5):
            began = time.perf_counter()
            extractor.transform(paths)
            seconds.append((time.perf_counter() - began) / len(paths))
        assert extractor.cached_ == len(paths)
    wall = float(np.median(seconds))
    return ("cached clip", f"{wall * 1e3:.2f} ms", "", "", "≤ 1 ms", wall <= 1e-3)


def streaming(path: Path) -> Row:
    y, stream, seconds = decode(path), StreamingExtractor("full"), []
    for start in range(0, len(y) - 1_024, 1_024):
        began = time.perf_counter()
        stream.feed(y[start : start + 1_024])
        seconds.append(time.perf_counter() - began)
    median, late = float(np.median(seconds)) * 1e3, float(np.percentile(seconds, 99)) * 1e3
    return ("streaming, block of 1,024 samples", f"{median:.2f} ms", f"p99 {late:.2f} ms", "", "≤ 5 ms", late <= 5.0)


def parity(paths: list[Path]) -> list[Row]:
    """Worst difference from librosa over all columns and clips, against max(|librosa|, floor) and against |librosa| alone."""
    worst = {"STFT": (0.0, ""), "CQT, HPSS": (0.0, "")}
    strict = dict.fromkeys(worst, 0)
    count = dict.fromkeys(worst, 0)
    for path in paths:
        y = decode(path)
        listener = Hearing("full").listener()
        listener.feed(y)
        listener.finish()
        for name, theirs in peers.librosa_frames(y).items():
            kind, bound = ("STFT", 1e-4) if name in STFT_BASED else ("CQT, HPSS", 1e-2)
            ours = summarise(listener.rows(name))
            reference = summarise(theirs)
            largest = np.abs(theirs).max(axis=1)
            floors = np.stack(
                [np.full_like(largest, FLOORS[s]) if s in FLOORS else 1e-3 * largest for s in STATISTICS], axis=1
            )
            gap = np.abs(ours - reference)
            relative = gap / np.maximum(np.maximum(np.abs(reference), floors), 1e-12)
            strict[kind] += int((gap > bound * np.abs(reference)).sum())
            count[kind] += gap.size
            row, column = np.unravel_index(np.argmax(relative), relative.shape)
            here = (float(relative[row, column]), f"{name}_{row + 1:02d}_{STATISTICS[column]} of {path.name}")
            worst[kind] = max(worst[kind], here)
    rows: list[Row] = []
    for kind, bound in (("STFT", 1e-4), ("CQT, HPSS", 1e-2)):
        value, where = worst[kind]
        note = f"{where}; {strict[kind]} of {count[kind]:,} beyond it without a floor"
        rows.append((f"{kind}-based against librosa", f"{value:.1e}", note, "", f"≤ {bound:g}", value <= bound))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    said = parser.parse_args()
    warnings.filterwarnings("ignore", message="Trying to estimate tuning from empty frequency set")
    with tempfile.TemporaryDirectory() as made, threadpool_limits(1):
        folder = said.folder or (RECORDINGS if RECORDINGS.is_dir() else None)
        found = sorted(p for p in folder.rglob("*") if p.suffix in AUDIO) if folder else make(Path(made), said.clips)
        chosen = found[:: max(1, len(found) // said.clips)][: said.clips]
        cold = first_clip(chosen[0])
        rows = [
            *speed(chosen, said.rounds),
            processes(chosen, said.rounds),
            cold,
            cached(chosen),
            streaming(chosen[0]),
            *parity(found),
        ]
    table = Table(
        "", "ostinato", "beside", "ratio", "bound", "", title=f"a clip of {len(chosen)}; parity over {len(found)}"
    )
    for *cells, held in rows:
        table.add_row(*cells, "" if held is None else "ok" if held else "MISSED")
    Console(width=150).print(table)
    return int(any(held is False for *_, held in rows))


if __name__ == "__main__":
    sys.exit(main())
