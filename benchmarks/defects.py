"""Defects of recordings: how many of the injected are found, by kind and strength, and how often a clean clip raises alarm.

    python -m benchmarks.defects [--clips N] [--skip N] [--part proving|tuning] [--folder DIR] [--kinds …]

Clean clips are N works of the demo's scores (stereo, 44.1 kHz, a quarter of them once more through a dark filter), and the
real ones below DIR: music, single notes, field recordings. Thresholds were tuned on `--part tuning`; "proving" shares no
work, genre, instrument or recordist with it. Each clip gets each fault once, at a place drawn by its number. A fault counts
as found where a defect of its kind overlaps it: within 30 ms for gaps and bursts, 0.3 s for the others.

An alarm is a clip with a defect of a kind, however many. Kinds that a material shows by its nature (excerpts are cut, MP3s
have an edge) count in "all clips" only. Exit code 1 where a bound is exceeded.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from benchmarks._injection import FAULTS, NOT_CLEAN, NOT_SILENT, STEREO_ONLY, Faulty, injected
from benchmarks._recordings import Recording, demo, real
from ostinato.audio.defects import KINDS, AudioQualityDetector, Defect, Kind

RECALL_BOUND, ALARM_BOUND = 0.99, 0.01
SONG_BOUND, BLOCK_BOUND, BLOCK = 2.0, 5.0, 1024  # CPU seconds for 3 minutes of stereo, ms a block, samples
NEAR = {"dropout": 0.03, "noise_burst": 0.03}
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "audio"


@dataclass
class Heard:
    """What one clip, or all of them, gave."""

    found: Counter[tuple[str, str]] = field(default_factory=Counter)
    put: Counter[tuple[str, str]] = field(default_factory=Counter)
    unheard: Counter[tuple[str, str]] = field(default_factory=Counter)
    clips: Counter[tuple[str, bool]] = field(default_factory=Counter)  # kind, whether the material is clean of it
    alarms: Counter[tuple[str, bool]] = field(default_factory=Counter)
    named: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def __iadd__(self, other: Heard) -> Heard:
        for name, value in vars(other).items():
            getattr(self, name).extend(value) if isinstance(value, list) else getattr(self, name).update(value)
        return self


def clip(job: tuple[Recording, int, Sequence[Kind]]) -> Heard:
    """One clip: its alarms, then every fault that can be put into it."""
    (recording, seed, kinds), heard = job, Heard()
    detector = AudioQualityDetector(kinds)
    defects = detector.detect_waveform(recording.y, recording.sr)
    for kind in kinds:
        if kind in STEREO_ONLY and len(recording.y) < 2:
            continue
        clean = kind not in NOT_CLEAN[recording.material] | NOT_SILENT.get(recording.material, set())
        heard.clips[kind, clean] += 1
        if first := next((each for each in defects if each.kind == kind), None):
            heard.alarms[kind, clean] += 1
            if clean:
                heard.named.append(f"{kind}: {recording.name} {first.start:.3f} s, {first.confidence:.2f}: {first.why}")
    listeners = {kind: AudioQualityDetector([kind]) for kind in kinds}
    for fault, faulty in injected(recording, seed, kinds):
        key = (fault.kind, fault.strength)
        if faulty is None:
            heard.unheard[key] += 1
            continue
        heard.put[key] += 1
        if overlaps(listeners[fault.kind].detect_waveform(faulty[0], recording.sr), faulty, NEAR.get(fault.kind, 0.3)):
            heard.found[key] += 1
        else:
            heard.missed.append(f"{fault.kind} {fault.strength}: {recording.name} at {faulty[1]:.3f} s")
    return heard


def overlaps(defects: list[Defect], faulty: Faulty, slack: float) -> bool:
    return any(each.start - slack <= faulty[2] and each.end + slack >= faulty[1] for each in defects)


def recall_table(heard: Heard, title: str) -> tuple[Table, bool]:
    table = Table("kind", "strength", "found", "put in", "not audible there", "recall", title=title)
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for fault in FAULTS:
        key = (fault.kind, fault.strength)
        found, put = heard.found[key], heard.put[key]
        totals[fault.kind][0] += found
        totals[fault.kind][1] += put
        table.add_row(*key, str(found), str(put), str(heard.unheard[key]), f"{found / put:.4f}" if put else "")
    table.add_section()
    exceeded = False
    for kind, (found, put) in totals.items():
        if not put:
            continue
        recall = found / put
        exceeded |= recall <= RECALL_BOUND
        table.add_row(kind, "all", str(found), str(put), "", f"{recall:.4f} (bound > {RECALL_BOUND})")
    found, put = sum(t[0] for t in totals.values()), sum(t[1] for t in totals.values())
    table.add_row("all", "all", str(found), str(put), "", f"{found / max(put, 1):.4f} (bound > {RECALL_BOUND})")
    return table, exceeded


def alarm_table(heard: Heard) -> tuple[Table, bool]:
    table = Table("kind", "alarms", "clips", "rate", "rate / bound", "alarms, all clips", "all clips", title="Alarms")
    exceeded = False
    for kind in KINDS:
        alarms, clips = heard.alarms[kind, True], heard.clips[kind, True]
        rate = alarms / clips if clips else 0.0
        exceeded |= rate > ALARM_BOUND
        both = alarms + heard.alarms[kind, False], clips + heard.clips[kind, False]
        table.add_row(kind, str(alarms), str(clips), f"{rate:.4f}", f"{rate / ALARM_BOUND:.2f}", *map(str, both))
    return table, exceeded


def recordings(options: argparse.Namespace) -> list[Recording]:
    clips = list(demo(options.part, options.clips, options.skip))
    if options.folder.is_dir():
        clips += list(real(options.part, options.folder))
    return clips


def speed(recording: Recording, console: Console) -> bool:
    """CPU seconds for 3 minutes, offline, and in blocks of 1,024 samples as they arrive; whether a bound is exceeded."""
    y = np.tile(recording.y, (1, 1 + 180 * recording.sr // recording.y.shape[1]))[:, : 180 * recording.sr]
    detector = AudioQualityDetector()
    detector.detect_waveform(y[:, : 10 * recording.sr], recording.sr)
    costs = []
    for _ in range(3):
        began = time.process_time()
        detector.detect_waveform(y, recording.sr)
        costs.append(time.process_time() - began)
    stream, blocks = detector.stream(recording.sr, len(y)), []
    for at in range(0, y.shape[1], BLOCK):
        began = time.process_time()
        stream.feed(y[:, at : at + BLOCK])
        blocks.append(1000 * (time.process_time() - began))
    worst = float(np.percentile(blocks, 99.9))
    table = Table("work", "CPU", "bound", "figure / bound", title=f"{len(y)} channels at {recording.sr} Hz")
    table.add_row("3 minutes, best of 3", f"{min(costs):.2f} s", f"{SONG_BOUND:g} s", f"{min(costs) / SONG_BOUND:.2f}")
    table.add_row(
        "a block of 1,024, mean",
        f"{np.mean(blocks):.3f} ms",
        f"{BLOCK_BOUND:g} ms",
        f"{np.mean(blocks) / BLOCK_BOUND:.2f}",
    )
    table.add_row("a block of 1,024, 99.9 %", f"{worst:.3f} ms", f"{BLOCK_BOUND:g} ms", f"{worst / BLOCK_BOUND:.2f}")
    console.print(table)
    return min(costs) > SONG_BOUND or worst > BLOCK_BOUND


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=90, help="works of the demo")
    parser.add_argument("--skip", type=int, default=0, help="works to leave out before them")
    parser.add_argument("--part", choices=("proving", "tuning"), default="proving")
    parser.add_argument("--folder", type=Path, default=SHARED, help="folder of genres, instruments and environment")
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=KINDS)
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    options = parser.parse_args()
    jobs = [(recording, k, options.kinds) for k, recording in enumerate(recordings(options))]
    heard = Heard()
    with ProcessPoolExecutor(options.jobs) as pool:
        for each in pool.map(clip, jobs, chunksize=4):
            heard += each
    materials = Counter(recording.material for recording, *_ in jobs)
    title = f"{options.part}: " + ", ".join(f"{count} {material}" for material, count in materials.items())
    recalls, missed = recall_table(heard, title)
    alarms, alarmed = alarm_table(heard)
    console = Console(width=150)
    console.print(recalls, alarms)
    console.print(
        "\n".join(["Missed:", *heard.missed, "Alarms where the material is clean:", *heard.named]), markup=False
    )
    with threadpool_limits(1):
        slow = speed(jobs[0][0], console)
    return int(missed or alarmed or slow)


if __name__ == "__main__":
    sys.exit(main())
