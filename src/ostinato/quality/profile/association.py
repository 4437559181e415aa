"""How columns go together: ranks of numbers, categories with each other, categories with numbers. All between 0 or -1 and 1.

Spearman's rho is computed on ranks of each column's own cells, over the rows that both columns hold. Cramer's V is
corrected for the bias that many levels and few rows bring (Bergsma 2013). The correlation ratio is eta of the ranks,
corrected in the same spirit (epsilon squared, Kelley 1935), so that a category of many levels does not explain a number by
their count alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ostinato.quality.profile.cells import Array, Ints
from ostinato.quality.profile.finding import Finding
from ostinato.quality.profile.sample import Sample

_MOST_CATEGORIES = 60  # columns of words that are compared with each other and with numbers
_REDUNDANT = 0.95
_SHOWN = 0.1  # below it a pair is not listed
_FEWEST = 20  # rows that two columns must share
_MOST_PAIRS = 300
_MOST_NUMBERS = 100  # columns of the matrix that is reported; all are compared


@dataclass(frozen=True)
class Pair:
    """Two columns and how strongly they go together."""

    one: str
    other: str
    measure: Literal["spearman", "cramers_v", "correlation_ratio"]
    value: float
    rows: int


@dataclass(frozen=True)
class Associations:
    """The matrix of rank correlations `spearman` of the columns `numbers`, and the strongest pairs of all kinds."""

    numbers: tuple[str, ...]
    spearman: tuple[tuple[float, ...], ...]
    pairs: tuple[Pair, ...]


def associations_of(sample: Sample) -> tuple[Associations, list[Finding], list[str]]:
    """All pairs, findings where two columns say nearly the same, and notes on what was left out."""
    rho, shared = spearman(sample)
    names = [view.name for view in sample.numbers]
    pairs = [
        Pair(names[i], names[j], "spearman", float(rho[i, j]), int(shared[i, j]))
        for i, j in zip(*np.nonzero(np.triu(np.abs(np.nan_to_num(rho)) >= _SHOWN, 1)), strict=True)
    ]
    pairs += _categories(sample)
    pairs.sort(key=lambda pair: (-abs(pair.value), pair.one, pair.other))
    notes = []
    if len(sample.categories) > _MOST_CATEGORIES:
        notes.append(
            f"associations: the first {_MOST_CATEGORIES} of {len(sample.categories)} columns of words were compared"
        )
    if len(pairs) > _MOST_PAIRS:
        notes.append(f"associations: the strongest {_MOST_PAIRS} of {len(pairs)} pairs are listed")
    kept = np.arange(len(names))
    if len(names) > _MOST_NUMBERS:
        strength = np.abs(np.nan_to_num(rho)).sum(axis=0)
        kept = np.sort(np.argsort(-strength, kind="stable")[:_MOST_NUMBERS])
        notes.append(
            f"associations: the matrix shows the {_MOST_NUMBERS} of {len(names)} numbers that go together most"
        )
    matrix = tuple(tuple(row) for row in rho[np.ix_(kept, kept)].tolist())
    found = Associations(tuple(names[at] for at in kept.tolist()), matrix, tuple(pairs[:_MOST_PAIRS]))
    return found, _redundant(pairs), notes


def spearman(sample: Sample) -> tuple[Array, Ints]:
    """Rank correlations `(p, p)`, NaN where two columns share too few rows, and the shared rows."""
    z, m = sample.ranked, sample.present.astype(np.float64)
    shared = m.T @ m
    square = z * z
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, mean_t = (z.T @ m) / shared, ((z.T @ m) / shared).T
        cross = (z.T @ z) / shared - mean * mean_t
        own = (square.T @ m) / shared - mean * mean
        rho = cross / np.sqrt(own * own.T)
    rho[(shared < _FEWEST) | ~np.isfinite(rho)] = np.nan
    return np.clip(rho, -1, 1), shared.astype(np.int64)


def _categories(sample: Sample) -> Iterator[Pair]:
    views, coded = sample.categories[:_MOST_CATEGORIES], sample.coded[:_MOST_CATEGORIES]
    for i, (codes, k) in enumerate(coded):
        for j in range(i + 1, len(views)):
            value, rows = cramers_v(codes, k, *coded[j])
            if value >= _SHOWN:
                yield Pair(views[i].name, views[j].name, "cramers_v", value, rows)
        known = codes >= 0
        for at, number in enumerate(sample.numbers):
            own = known & sample.present[:, at]
            value = correlation_ratio(codes[own], k, sample.ranked[own, at])
            if value >= _SHOWN:
                yield Pair(views[i].name, number.name, "correlation_ratio", value, int(own.sum()))


def cramers_v(one: Ints, k: int, other: Ints, m: int) -> tuple[float, int]:
    """Cramer's V of two columns of codes, corrected for bias (Bergsma 2013), and the rows that both hold.

    >>> import numpy as np
    >>> codes = np.arange(100) % 4
    >>> cramers_v(codes, 4, codes, 4)[0].__round__(2), cramers_v(codes, 4, np.arange(100) // 50, 2)[0]
    (1.0, 0.0)
    """
    square, r, c, n = chi_square(one, k, other, m)
    if n < _FEWEST or min(r, c) < 2:  # noqa: PLR2004 - one level has no association
        return 0.0, n
    phi = max(0.0, square / n - (r - 1) * (c - 1) / (n - 1))
    rows, columns = r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)
    room = min(rows, columns) - 1
    return (min(1.0, float(np.sqrt(phi / room))) if room > 0 else 0.0), n


def chi_square(one: Ints, k: int, other: Ints, m: int) -> tuple[float, int, int, int]:
    """Pearson's chi-square of two columns of codes, the levels that occur in each, and the rows that both hold."""
    own = (one >= 0) & (other >= 0)
    n = int(own.sum())
    table = np.bincount(one[own] * m + other[own], minlength=k * m).reshape(k, m).astype(np.float64)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    r, c = table.shape
    if not n:
        return 0.0, r, c, 0
    expected = table.sum(axis=1, keepdims=True) @ table.sum(axis=0, keepdims=True) / n
    return float(((table - expected) ** 2 / expected).sum()), r, c, n


def correlation_ratio(codes: Ints, k: int, values: Array) -> float:
    """Eta of values by codes, corrected for the number of levels (Kelley 1935)."""
    n = len(codes)
    counts = np.bincount(codes, minlength=k)
    used = int((counts > 0).sum())
    if n < _FEWEST or used < 2 or n <= used:  # noqa: PLR2004 - one level explains nothing
        return 0.0
    means = np.bincount(codes, weights=values, minlength=k) / np.maximum(counts, 1)
    total = float(((values - values.mean()) ** 2).sum())
    within = float(((values - means[codes]) ** 2).sum())
    return float(np.sqrt(max(0.0, 1 - within / (n - used) * (n - 1) / total))) if total > 0 else 0.0


def _redundant(pairs: list[Pair]) -> list[Finding]:
    """One finding for all pairs that say nearly the same."""
    strong = [pair for pair in pairs if abs(pair.value) >= _REDUNDANT and pair.measure != "correlation_ratio"]
    if not strong:
        return []
    shown = "; ".join(f"{pair.one} ~ {pair.other} ({pair.value:.2f})" for pair in strong[:5])
    more = f"; and {len(strong) - 5} more" if len(strong) > 5 else ""  # noqa: PLR2004 - those shown
    return [
        Finding(
            "redundant_columns",
            "info",
            tuple(dict.fromkeys(name for pair in strong for name in (pair.one, pair.other))),
            f"columns say nearly the same as another: {shown}{more}",
            "One of each pair is enough for a model whose weights are to be read",
        )
    ]
