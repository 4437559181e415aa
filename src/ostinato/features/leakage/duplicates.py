"""Rows that stand twice, and whether chance explains it.

Two equal rows are a leak only where the table could not have made them by itself: three yes-or-no columns repeat, sixty spectral
features do not. What a coincidence of all values is worth is counted in bits, each column given the one that foretells it best
(after Chow and Liu 1968), and held against the number of pairs of rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ostinato.features.leakage.report import Finding, shown
from ostinato.features.leakage.sides import Sides
from ostinato.features.leakage.table import Codes, Column, Floats, Table

_MARGIN = 10.0  # bits beyond the number of pairs: one false alarm in a thousand tables
_SAMPLE = 20_000  # rows by which coincidences are judged
_JUDGED = 200  # classes of equal rows that are judged one by one
_WIDE = 200  # columns beyond which a spread choice is judged
_COPY = 0.9999  # rank correlation above which a column says nothing that the other has not said
_SEED = 20


def twins(table: Table) -> Codes:
    """One number for each distinct row `(n,)`, by 64-bit hashes of all columns."""
    mixed = np.full(table.rows, 0x9E3779B97F4A7C15, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for each in table.columns:
            mixed ^= each.codes.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15) + (mixed << np.uint64(6))
            mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.unique(mixed, return_inverse=True)[1].astype(np.int64)


def exact(table: Table, sides: Sides, same: Codes, most: int) -> list[Finding]:
    """Equal rows on both sides of a fold that chance does not explain; `same (n,)` numbers equal rows."""
    found = []
    if (both := sides.overlap()).any():
        found.append(
            Finding(
                kind="exact_duplicates",
                severity="critical",
                what=f"{int(both.sum())} rows are trained on and held out by the same fold.",
                advice="Make the folds anew; each row may stand on one side only.",
                rows=shown(both, most),
                total=int(both.sum()),
            )
        )
    rows = sides.across(same) & (np.bincount(same)[same] > 1)
    if not rows.any() or not table.columns:
        return found
    classes = np.unique(same[rows])
    odd = classes[unexplained(table, same, classes)]
    rows &= np.isin(same, odd)
    if not rows.any():
        return found
    pairs = int(sum(np.bincount(same[rows])[odd] - 1))
    found.append(
        Finding(
            kind="exact_duplicates",
            severity="critical",
            what=f"{int(rows.sum())} rows in {len(odd)} sets of equal rows stand on both sides of a fold.",
            advice="Drop the copies, or split by groups that hold them together.",
            rows=shown(rows, most),
            total=int(rows.sum()),
            facts={"sets": len(odd), "pairs": pairs},
        )
    )
    return found


def unexplained(table: Table, same: Codes, classes: Codes) -> NDArray[np.bool_]:
    """Which classes `(c,)` of equal rows chance does not explain; beyond the first 200 they go by those that were judged."""
    columns = _telling(table)
    if not columns:
        return np.zeros(len(classes), dtype=bool)
    firsts = np.unique(same, return_index=True)[1]
    rng = np.random.default_rng(_SEED)
    sample = firsts if len(firsts) <= _SAMPLE else np.sort(rng.choice(firsts, _SAMPLE, replace=False))
    codes = np.stack([each.codes for each in columns], axis=1)
    judged = classes if len(classes) <= _JUDGED else np.sort(rng.choice(classes, _JUDGED, replace=False))
    collisions = np.array([_collision(codes[sample, j]) for j in range(codes.shape[1])])
    pairs = 2 * np.log2(table.rows) - 1
    bits = np.array([_bits(codes[sample], codes[firsts[each]], collisions) for each in judged])
    odd: NDArray[np.bool_] = bits > pairs + _MARGIN
    if len(judged) == len(classes):
        return odd
    return np.full(len(classes), bool(odd.mean() >= 0.5))  # noqa: PLR2004


def _telling(table: Table) -> list[Column]:
    """Columns that vary, without those that repeat another's order."""
    varied = [each for each in table.columns if each.distinct > 1 or each.missing.any()]
    if len(varied) > _WIDE:
        varied = [varied[n] for n in np.linspace(0, len(varied) - 1, _WIDE).astype(int)]
    rng = np.random.default_rng(_SEED)
    rows = rng.choice(table.rows, min(table.rows, 5_000), replace=False)
    ranks = np.stack([_centred(_ranked(each, rows)) for each in varied], axis=1) if varied else np.zeros((0, 0))
    likeness = np.abs(ranks.T @ ranks)
    kept: list[int] = []
    for n in range(len(varied)):
        if not (likeness[n, kept] > _COPY).any():
            kept.append(n)
    return [varied[n] for n in kept]


def _ranked(each: Column, rows: Codes) -> Floats:
    values = each.values[rows] if each.kind != "word" else each.codes[rows].astype(np.float64)
    filled = np.where(np.isfinite(values), values, -np.inf)
    _, place, counts = np.unique(filled, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - counts / 2)[place], dtype=np.float64)


def _centred(values: Floats) -> Floats:
    centred = values - values.mean()
    return np.asarray(centred / max(np.sqrt((centred**2).sum()), 1e-12))


def _collision(codes: Codes) -> float:
    """The chance that two rows agree in a column."""
    counts = np.bincount(codes + 1).astype(np.float64)
    pairs = len(codes) * (len(codes) - 1) / 2
    return float(((counts * (counts - 1) / 2).sum() + 1) / (pairs + 1))


def _bits(codes: Codes, row: Codes, collisions: Floats) -> float:
    """How surprising it is that another row equals `row (d,)` in all of `codes (n, d)`."""
    equal = (codes == row).astype(np.float32)
    both = (equal.T @ equal).astype(np.float64)
    own = np.maximum(np.diag(both) - 1, 0)  # the row itself does not count
    alone = (own + 1) / len(codes)
    bits = -np.log2(np.minimum(alone, collisions))
    given = -np.log2(np.minimum((np.maximum(both - 1, 0) + alone[None, :]) / (own[:, None] + 1), 1.0))
    # without the most telling column, which may be a function of several others (total = months × price)
    order = np.argsort(-bits, kind="stable")[int(len(bits) > 1) :]
    total = bits[order[0]]
    for n in range(1, len(order)):
        total += min(bits[order[n]], given[order[:n], order[n]].min())
    return float(total)
