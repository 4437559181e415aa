"""New clips that the catalogue has never held: what arrives next week, or what arrives when something has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ostinato.catalog.demo.recipe import FOREIGN_PROGRAMS, PROGRAMS, Recipe, draw, recipe
from ostinato.catalog.demo.render import SAMPLE_RATE, render_clip, write_flac
from ostinato.catalog.demo.scores import corpus_root, read_score
from ostinato.catalog.demo.works import LABELS, works
from ostinato.core.progress import track

Kind = Literal["same", "drifted"]
_FIRST_NUMBER = 10_000  # clip numbers that no catalogue reaches, so every excerpt and every draw is a new one
_NARROW_RATE = 8_000  # Hz: what a drifted batch has passed through, so nothing above 4 kHz is left


def make_batch(folder: Path, n: int, kind: Kind = "same", seed: int = 0, seconds: float = 12.0) -> list[Path]:
    """Write `n` new clips into `folder` as `<label>-<number>.flac`, no sub-folders; returns their paths in order.

    `same` is played as the catalogue is. `drifted` is played by organs and mallets, which no clip of the catalogue is, and
    has passed through 8 kHz. The labels take turns in both; works are drawn from all of the demo's, so some are known ones.
    """
    written = []
    with track("render", total=n, unit="clips") as advance:
        for index in range(n):
            new = batch_recipe(index, kind, seed, seconds)
            y = render_clip(read_score(corpus_root() / new.work.path), new)
            if kind == "drifted":
                y = narrowed(y)
            path = folder / f"{new.work.label}-{index:04d}.flac"
            write_flac(path, y)
            written.append(path)
            advance(1, note=new.work.title)
    return written


def batch_recipe(index: int, kind: Kind, seed: int, seconds: float) -> Recipe:
    """How clip `index` of a batch is played."""
    pieces = works()[LABELS[index % len(LABELS)]]
    work = pieces[int(draw(seed, "batch", index) * len(pieces))]
    return recipe(work, _FIRST_NUMBER + index, seconds, seed, PROGRAMS if kind == "same" else FOREIGN_PROGRAMS)


def narrowed(y: NDArray[np.float32]) -> NDArray[np.float32]:
    """A waveform at 22,050 Hz that has passed through 8 kHz and back: same length, nothing above 4 kHz."""
    import soxr

    there = soxr.resample(y, SAMPLE_RATE, _NARROW_RATE)
    back = soxr.resample(there, _NARROW_RATE, SAMPLE_RATE)
    whole = np.zeros(len(y), dtype=np.float32)
    whole[: min(len(y), len(back))] = back[: len(y)]
    return np.clip(whole, -1.0, 1.0)
