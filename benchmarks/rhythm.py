"""Onsets, tempo, beats, deltas and loudness beside what else computes them, in one run.

    python -m benchmarks.rhythm [--runs N] [--seconds S] [--keys]

librosa, scipy and we hear the same made-up clip (notes over noise, 22,050 Hz, hop 512); librosa's functions have run before, so
that numba has compiled them. Figures are medians of N runs in CPU time of one thread. "equal" says what was compared. librosa
measures no loudness; what stands beside ours is scipy.signal: its recursive filter, and four-fold resampling of the whole clip.
The last row is what importing scipy.signal costs a fresh process. Exit code 1 where a bound is exceeded or two sides differ.

`--keys` instead plays every work of the demo whose score states a major or minor key (181: dances in ABC, chorales in MusicXML;
30 s each, transposed as the demo does) and counts the keys found from constant-Q chroma. "played in tune" takes strings, oboe and
flute in turn; "as the demo plays" takes the demo's own draw of instruments, some of which the renderer plays out of tune. "notes
of the score" counts what is written in place of what is heard: the share that profiles alone can reach. It takes minutes.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import librosa
import numpy as np
from rich.console import Console
from rich.table import Table
from scipy import signal
from threadpoolctl import threadpool_limits

from ostinato.audio.beat import beat_track, tempo
from ostinato.audio.delta import delta
from ostinato.audio.feature import chroma_cqt
from ostinato.audio.key import PROFILES, key
from ostinato.audio.loudness import k_weighting, loudness
from ostinato.audio.onset import onset_detect, onset_strength, spectral_flux
from ostinato.catalog.demo.recipe import recipe
from ostinato.catalog.demo.render import render_clip
from ostinato.catalog.demo.scores import corpus_root, read_score
from ostinato.catalog.demo.works import works

SR = 22_050
IN_TUNE = (48, 68, 73)  # General MIDI programs whose notes the renderer plays within 20 cents: strings, oboe, flute
IMPORT = "import time, numpy, scipy.fft; t = time.process_time(); import scipy.signal; print(time.process_time() - t)"


@dataclass(frozen=True)
class Row:
    what: str
    ours: Callable[[], Any]
    theirs: Callable[[], Any] | None = None
    bound: float | None = None  # milliseconds of ours
    within: float = 0.0  # largest difference of two sides, of the largest value


def clip(seconds: float) -> np.ndarray:
    """Notes of an octave and a half on a beat of 0.5 s, over noise."""
    rng = np.random.default_rng(0)
    t = np.arange(round(seconds * SR)) / SR
    y = rng.normal(0, 0.01, len(t))
    for start in np.arange(0, seconds, 0.25):
        since = np.clip(t - start, 0, None)
        loud = 0.3 if start % 0.5 == 0 else 0.1
        y += loud * np.sin(2 * np.pi * 220 * 2 ** (rng.integers(18) / 12) * since) * np.exp(-6 * since) * (t >= start)
    return y.astype(np.float32)


def milliseconds(action: Callable[[], Any], runs: int) -> float:
    """Median CPU time of `runs` runs, after one that warms up."""
    action()
    times = []
    for _ in range(runs):
        began = time.process_time()
        action()
        times.append(time.process_time() - began)
    return 1000 * statistics.median(times)


def differs(row: Row) -> float:
    """Largest difference of the two sides, of the largest value; infinite where shapes differ."""
    if row.theirs is None:
        return 0.0
    ours, theirs = (
        np.concatenate([np.ravel(part) for part in np.atleast_1d(side)]) for side in (row.ours(), row.theirs())
    )
    if ours.shape != theirs.shape:
        return float("inf")
    return float(np.abs(ours - theirs).max(initial=0) / max(np.abs(theirs).max(initial=0), 1e-12))


def rows(seconds: float) -> list[Row]:
    """What is measured."""
    y = clip(seconds)
    magnitude = np.abs(librosa.stft(y))
    S = librosa.power_to_db(librosa.feature.melspectrogram(S=magnitude**2, sr=SR))
    mfcc = librosa.feature.mfcc(S=S)
    chroma = librosa.feature.chroma_stft(S=magnitude**2, sr=SR)
    envelope = onset_strength(S=S)
    median = onset_strength(S=S, aggregate=np.median)
    onset = librosa.onset
    rhythm = {"onset_envelope": envelope, "sr": SR}
    beats = {"onset_envelope": median, "sr": SR}

    def track(side: Callable[..., Any]) -> np.ndarray:
        bpm, frames = side(**beats)
        return np.concatenate([bpm, frames])

    def flux() -> np.ndarray:
        grown = np.maximum(np.diff(magnitude, axis=1, prepend=magnitude[:, :1]), 0)
        return np.sqrt(np.square(grown).sum(axis=0))

    def by_scipy() -> None:
        np.square(signal.sosfilt(k_weighting(SR), y)).sum()
        np.abs(signal.resample_poly(y, 4, 1)).max()

    return [
        Row("onset_strength", lambda: onset_strength(S=S), lambda: onset.onset_strength(S=S, sr=SR), None, 1e-4),
        Row(
            "onset_strength, median",
            lambda: onset_strength(S=S, aggregate=np.median),
            lambda: onset.onset_strength(S=S, sr=SR, aggregate=np.median),
            None,
            1e-4,
        ),
        Row("onset_detect", lambda: onset_detect(**rhythm), lambda: onset.onset_detect(**rhythm), 0.5),
        Row("tempo", lambda: tempo(**rhythm), lambda: librosa.feature.tempo(**rhythm)),
        Row("beat_track, tempo included", lambda: track(beat_track), lambda: track(librosa.beat.beat_track), 5.0),
        Row("spectral_flux (numpy)", lambda: spectral_flux(magnitude)[0], flux, None, 1e-4),
        Row("delta of 20 MFCC", lambda: delta(mfcc), lambda: librosa.feature.delta(mfcc), None, 1e-4),
        Row("key", lambda: key(chroma)),
        Row("loudness", lambda: loudness(y, SR), None, 5.0),
        Row("  scipy.signal: filter, 4x", by_scipy),
    ]


def stated_key(path: Path) -> tuple[int, str] | None:
    """Tonic and mode that a score states; None for other modes and where it states none."""
    if path.suffix == ".abc":
        field = re.search(
            r"^K:\s*([A-G])([#b]?)\s*(m|min|minor|maj|major|)\s*$", path.read_text(errors="replace"), re.M
        )
        if not field:
            return None
        letter, accidental, mode = field.groups()
        tonic = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[letter] + {"#": 1, "b": -1, "": 0}[accidental]
        return tonic % 12, "minor" if mode.startswith("m") and not mode.startswith("ma") else "major"
    if path.suffix != ".mxl":
        return None
    with zipfile.ZipFile(path) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".xml") and "META" not in n)
        found = re.search(r"<fifths>(-?\d+)</fifths>\s*<mode>(major|minor)</mode>", archive.read(name).decode())
    return ((7 * int(found[1]) + (9 if found[2] == "minor" else 0)) % 12, found[2]) if found else None


def heard_keys() -> Table:
    """Share of stated keys that are found, by what is heard and by profile."""
    right: dict[tuple[str, str], list[bool]] = {}
    count = 0
    for work in (work for label in ("chorale", "jig", "reel", "strathspey") for work in works()[label]):
        stated = stated_key(corpus_root() / work.path)
        if stated is None:
            continue
        score, drawn = read_score(corpus_root() / work.path), recipe(work, 0, 30.0, 1)
        expected = ((stated[0] + drawn.shift) % 12, stated[1])
        pitches = (score.pitches + drawn.shift) % 12
        sources = {
            "notes of the score": np.bincount(pitches, weights=score.durations, minlength=12),
            "played in tune": chroma_cqt(y=render_clip(score, drawn, program=IN_TUNE[count % len(IN_TUNE)]), sr=SR),
            "as the demo plays": chroma_cqt(y=render_clip(score, drawn), sr=SR),
        }
        count += 1
        for what, chroma in sources.items():
            for profiles in PROFILES:
                found = key(chroma, profiles=profiles)
                right.setdefault((what, profiles), []).append((found.tonic, found.mode) == expected)
    table = Table("heard", "profiles", "right", title=f"keys of {count} works")
    for (what, profiles), each in sorted(right.items()):
        table.add_row(what, profiles, f"{np.mean(each):.3f}")
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=31)
    parser.add_argument("--seconds", type=float, default=16.0)
    parser.add_argument("--keys", action="store_true", help="count keys instead")
    options = parser.parse_args()
    if options.keys:
        Console().print(heard_keys())
        return 0
    table = Table(
        *("work", "ours ms", "theirs ms", "theirs / ours", "bound ms", "ours / bound", "differ"),
        title=f"a clip of {options.seconds:g} s, {round(options.seconds * SR) // 512 + 1} frames; CPU, median of {options.runs}",
    )
    failed = False
    with threadpool_limits(1):
        for row in rows(options.seconds):
            ours, difference = milliseconds(row.ours, options.runs), differs(row)
            theirs = milliseconds(row.theirs, options.runs) if row.theirs else None
            failed |= difference > row.within or bool(row.bound and ours > row.bound)
            table.add_row(
                row.what,
                f"{ours:.3f}",
                f"{theirs:.3f}" if theirs else "",
                f"{theirs / ours:.1f}" if theirs else "",
                f"{row.bound:g}" if row.bound else "",
                f"{ours / row.bound:.2f}" if row.bound else "",
                f"{difference:.0e}" if row.theirs else "",
            )
    command = [sys.executable, "-c", IMPORT]
    imported = [float(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(3)]
    table.add_row("  import scipy.signal", f"{1000 * statistics.median(imported):.0f}", "", "", "", "", "")
    Console(width=120).print(table)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
