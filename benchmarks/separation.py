"""Harmonic and percussive parts beside librosa's: SI-SDR and processor time; and what the running medians cost.

    python -m benchmarks.separation [--works N] [--notes DIR]

Mixtures are scores and drums played by the demo's synthesiser (`_mixtures`, set `test`: works on which nothing was fitted or
chosen), each at three gains, 10 s at 22,050 Hz. Both sides hear the same clips in this process, on one thread, taking turns.
SI-SDR is the mean over both stems and all clips. "other drums" are sines and noise, no soundfont. With DIR, notes of recorded
instruments (DIR/<instrument>/<file>) are mixed with such drums as well. Exit code 1 where a bound is missed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import librosa
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.ndimage import median_filter
from threadpoolctl import threadpool_limits

from benchmarks._mixtures import GAINS, SR, Mixture, mixed, mixtures, noise_drums
from ostinato.audio.decode import decode
from ostinato.audio.hpss import harmonic_percussive_energy, hpss
from ostinato.audio.median import running_median
from ostinato.audio.separation import SourceSeparator, si_sdr

GAIN_BOUND, CPU_BOUND = 3.0, 0.5  # decibels above librosa, share of its processor time
MEDIAN_BOUND, MEDIAN_SECONDS = 15.0, 0.010  # times scipy's speed; seconds an axis of 1025 x 690
Array = NDArray[np.float32]
Parts = Callable[[Array], Iterable[Array]]


@dataclass
class Side:
    """One way of separating, and how it did on each clip."""

    name: str
    apart: Parts
    scores: list[tuple[float, float]] = field(default_factory=list)  # harmonic, percussive
    seconds: list[float] = field(default_factory=list)

    def hear(self, m: Mixture) -> None:
        began = time.process_time()
        harmonic, percussive = self.apart(m.mixture)
        self.seconds.append(time.process_time() - began)
        self.scores.append((si_sdr(m.harmonic, harmonic), si_sdr(m.percussive, percussive)))


def by(separator: SourceSeparator, y: Array) -> Iterable[Array]:
    return separator.separate_waveform(y, SR).stems.values()


def sides() -> list[Side]:
    return [
        Side("librosa hpss", librosa.effects.hpss),
        Side("ours: hpss", partial(by, SourceSeparator("hpss"))),
        Side("ours: nmf", partial(by, SourceSeparator("nmf"))),
    ]


def with_other_drums(clips: list[Mixture]) -> list[Mixture]:
    """The same harmonic parts with drums of sines and noise."""
    rng = np.random.default_rng(21)
    found = []
    for m in clips[:: len(GAINS)]:
        drums = noise_drums(len(m.harmonic), rng.uniform(70, 150), rng)
        found += [mixed(m.name, gain, m.harmonic.astype(np.float64), drums) for gain in GAINS]
    return found


def recorded(folder: Path, clips: int = 12, seconds: float = 10.0) -> list[Mixture]:
    """Notes of three recorded instruments at a time, two together, with drums of sines and noise."""
    rng = np.random.default_rng(5)
    instruments = sorted(each for each in folder.iterdir() if each.is_dir())
    found = []
    for k in range(clips):
        harmonic, at = np.zeros(round(seconds * SR)), 0
        chosen = rng.choice(len(instruments), 3, replace=False)
        notes = [path for which in chosen for path in sorted(instruments[which].iterdir())]
        while at < len(harmonic) - SR:
            for which in rng.choice(len(notes), 2):
                y = decode(notes[which], SR)[: len(harmonic) - at]
                harmonic[at : at + len(y)] += y / (np.sqrt(np.mean(np.square(y))) + 1e-3)
            at += int(rng.uniform(0.3, 1.2) * SR)
        drums = noise_drums(len(harmonic), rng.uniform(80, 140), rng)
        found += [mixed(f"notes-{k}", gain, harmonic, drums) for gain in GAINS]
    return found


def compared(title: str, clips: list[Mixture]) -> tuple[Table, bool]:
    """A table of all sides on `clips`, and whether ours misses a bound."""
    heard = sides()
    for side in heard:
        side.apart(clips[0].mixture)  # what is loaded or compiled once
    for m in clips:
        for side in heard:
            side.hear(m)
    theirs, ours = heard[0], heard[1]
    table = Table("", "SI-SDR dB", "harmonic", "percussive", *(f"drums {g:+g} dB" for g in GAINS), "above librosa")
    table.add_column("bound")
    table.add_column("CPU s a clip")
    table.add_column("of librosa's")
    table.add_column("bound")
    table.title = f"{title}: {len(clips)} clips of {len(clips[0].mixture) / SR:g} s"
    gains = np.array([m.gain for m in clips])
    missed = False
    for side in heard:
        scores = np.array(side.scores)
        above = scores.mean() - np.mean(theirs.scores)
        ratio = statistics.median(side.seconds) / statistics.median(theirs.seconds)
        bound = (f"{GAIN_BOUND:+g}", f"{CPU_BOUND:g}") if side is ours else ("", "")
        missed |= side is ours and (above < GAIN_BOUND or ratio > CPU_BOUND)
        by_gain = (f"{scores[gains == gain].mean():.2f}" for gain in GAINS)
        means = (f"{each:.2f}" for each in (scores.mean(), *scores.mean(axis=0)))
        cost = f"{statistics.median(side.seconds):.3f}"
        table.add_row(side.name, *means, *by_gain, f"{above:+.2f}", bound[0], cost, f"{ratio:.2f}", bound[1])
    return table, missed


def best(action: Callable[[], object], runs: int) -> float:
    """The least processor time of so many runs, after one that is not counted."""
    times = []
    for _ in range(runs + 1):
        began = time.process_time()
        action()
        times.append(time.process_time() - began)
    return min(times[1:])


def medians() -> tuple[Table, bool]:
    """What the medians and what HPSS cost on a spectrogram of 16 s, frames first in memory."""
    S = np.random.default_rng(0).gamma(0.7, 1.0, (690, 1025)).astype(np.float32).T
    table = Table("1025 x 690, width 31", "ours ms", "theirs ms", "times faster", "bound", "bound ms")
    table.title = "running medians, least processor time of 10 runs (theirs: of 3)"
    missed = False
    cases: list[tuple[str, Callable[[], object], Callable[[], object], bool]] = [
        (f"median over {what}", partial(running_median, S, 31, axis), partial(_scipy_s, S, axis), True)
        for axis, what in ((1, "time"), (0, "frequency"))
    ]
    cases.append(("hpss", lambda: hpss(S), lambda: librosa.decompose.hpss(S), False))
    cases.append(
        ("harmonic and percussive RMS", lambda: harmonic_percussive_energy(S), lambda: _librosa_s_rms(S), False)
    )
    for what, ours, theirs, bounded in cases:
        mine, other = best(ours, 10), best(theirs, 3)
        missed |= bounded and (mine > MEDIAN_SECONDS or other / mine < MEDIAN_BOUND)
        bounds = (f"{MEDIAN_BOUND:g}", f"{1e3 * MEDIAN_SECONDS:g}") if bounded else ("", "")
        table.add_row(what, f"{1e3 * mine:.1f}", f"{1e3 * other:.1f}", f"{other / mine:.1f}", *bounds)
    return table, missed


def _scipy_s(S: Array, axis: int) -> Array:
    result: Array = median_filter(S, size=(31, 1) if axis == 0 else (1, 31), mode="reflect")
    return result


def _librosa_s_rms(S: Array) -> list[Array]:
    return [librosa.feature.rms(S=part) for part in librosa.decompose.hpss(S)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--works", type=int, default=28, help="at most so many of the 28 works of the test set")
    parser.add_argument("--notes", type=Path, help="a folder of recorded notes, a folder for each instrument")
    options = parser.parse_args()
    clips = mixtures("test")
    names = list(dict.fromkeys(m.name for m in clips))
    chosen = set(names[:: max(1, len(names) // options.works)])
    clips = [m for m in clips if m.name in chosen]
    with threadpool_limits(1):
        found = [
            compared("rendered scores and drums", clips),
            compared("the same scores, other drums", with_other_drums(clips)),
        ]
        if options.notes:
            found.append(compared("recorded notes, other drums", recorded(options.notes)))
        found.append(medians())
    for table, _ in found:
        Console(width=160).print(table)
    return int(any(missed for _, missed in found))


if __name__ == "__main__":
    sys.exit(main())
