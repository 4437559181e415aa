"""The rows that are looked at where all would take too long, and columns of them as ranks or as few codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ostinato.quality.profile.cells import Array, Bools, Ints
from ostinato.quality.profile.view import View

MOST_LEVELS = 50  # of a category; rarer ones are one level together
_NUMBERS = ("number", "year", "date", "duration", "yes or no", "category")
_WORDS = ("category", "yes or no", "language", "name", "reference", "mixed")


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows drawn without replacement and kept in order; `ranked` `(n, p)` are centred ranks of numbers with 0 where absent.

    `coded` holds, for each column of few values, codes `(n,)` from 0 with -1 where absent, and their number.
    """

    rows: Ints
    total: int
    numbers: tuple[View, ...]
    ranked: Array
    present: Bools
    categories: tuple[View, ...]
    coded: tuple[tuple[Ints, int], ...]

    @property
    def note(self) -> str:
        """What a reader has to know of how it was drawn."""
        return "" if len(self.rows) == self.total else f"on {len(self.rows):,} of {self.total:,} rows, drawn at random"


def draw(views: Sequence[View], most: int, seed: int) -> Sample:
    """Draw rows and read the columns that can be compared."""
    total = len(views[0].absent)
    rows = np.arange(total)
    if total > most:
        rows = np.sort(np.random.default_rng([seed, total]).choice(total, most, replace=False))
    numbers = tuple(view for view in views if view.is_number and view.profile.meaning in _NUMBERS)
    words = tuple(view for view in views if not view.is_number and view.profile.meaning in _WORDS)
    ranked = np.zeros((len(rows), len(numbers)))
    present = np.zeros((len(rows), len(numbers)), dtype=bool)
    for at, view in enumerate(numbers):
        values = view.numbers(rows)
        present[:, at] = np.isfinite(values)
        ranked[:, at] = centred_ranks(values)
    coded = [few_codes(view, rows) for view in words]
    kept = [at for at, (codes, k) in enumerate(coded) if k > 1 and (np.bincount(codes[codes >= 0]) > 1).any()]
    return Sample(
        rows, total, numbers, ranked, present, tuple(words[at] for at in kept), tuple(coded[at] for at in kept)
    )


def centred_ranks(values: Array) -> Array:
    """Average ranks of the finite values with mean 0 and variance 1, 0 elsewhere."""
    known = np.isfinite(values)
    out = np.zeros(len(values))
    if known.sum() > 1:
        ranks = average_ranks(values[known])
        scale = ranks.std()
        out[known] = (ranks - ranks.mean()) / scale if scale > 0 else 0.0
    return out


def average_ranks(values: Array) -> Array:
    """Ranks from 1, equal values share their mean rank: scipy's `rankdata` without the second that its import takes.

    >>> average_ranks(np.array([3.0, 1.0, 3.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse]


def few_codes(view: View, rows: Ints) -> tuple[Ints, int]:
    """Codes by falling frequency, at most `MOST_LEVELS`: the last stands for all rarer values."""
    codes, k = view.codes(rows)
    counts = np.bincount(codes[codes >= 0], minlength=k)
    order = np.argsort(-counts, kind="stable")
    place = np.empty(k, dtype=np.int64)
    place[order] = np.minimum(np.arange(k), MOST_LEVELS - 1)
    out = np.where(codes >= 0, place[np.maximum(codes, 0)], -1)
    return out, int(min((counts > 0).sum(), MOST_LEVELS))
