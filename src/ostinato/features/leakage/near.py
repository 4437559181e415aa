"""Rows that stand twice with a little noise: one recording encoded anew, one customer typed in twice.

A row's nearest other row is compared with its sixth: by chance the ratio r of the distances exceeds what it is with probability
5 r^m in m dimensions, where m is the table's own (Facco et al. 2017). No threshold of distance is needed, so dense and sparse
tables are judged alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ostinato.features.leakage.report import Finding, shown
from ostinato.features.leakage.sides import Sides
from ostinato.features.leakage.table import Codes, Floats, Table

_NEIGHBOURS = 6
_FEWEST_COLUMNS = 4  # of continuous numbers; in fewer dimensions nearness says nothing
_CONTINUOUS = 20  # distinct values and more …
_PILED = 0.3  # … of which none has more than this share of the rows
_RATIO = 0.2  # nearest to sixth: a copy is five times nearer at least
_CHANCE = 1e-3  # expected false alarms a table
_BRUTE = 6_000  # rows up to which all distances are taken
_SAMPLE = 1_500  # rows by which a large table's distances are known
_TABLES, _CUTS = 12, 8
_MOST_CANDIDATES = 3_000
_AGREE = 0.9  # share of the other columns that have to agree
_SEED = 20


def near(table: Table, sides: Sides, same: Codes, most: int) -> list[Finding]:
    """Pairs of rows across a fold that are far nearer than neighbours are in this table; equal rows are not looked at."""
    firsts = np.unique(same, return_index=True)[1]
    points, others = _points(table, firsts)
    if points.shape[1] < _FEWEST_COLUMNS or len(points) < 4 * _NEIGHBOURS:
        return []
    one, other = _close(points)
    if len(others[0]):
        agree = (others[one] == others[other]).mean(axis=1) >= _AGREE
        one, other = one[agree], other[agree]
    apart = sides.apart(firsts[one], firsts[other])
    one, other = firsts[one[apart]], firsts[other[apart]]
    if not len(one):
        return []
    pairs = len({tuple(sorted(pair)) for pair in zip(one.tolist(), other.tolist(), strict=True)})
    rows = np.unique(np.concatenate([one, other]))
    return [
        Finding(
            kind="near_duplicates",
            severity="critical",
            what=f"{pairs} pairs of rows on two sides of a fold are more alike than neighbours are in this table.",
            advice="They are usually one thing under two names: drop one of each, or split by groups that hold them together.",
            rows=shown(rows, most),
            total=len(rows),
            facts={"pairs": pairs},
        )
    ]


def _points(table: Table, rows: Codes) -> tuple[Floats, Codes]:
    """Continuous columns on one scale, tails drawn in, and the codes of the other columns, of the given rows."""
    smooth = [each for each in table.columns if each.kind != "word" and _continuous(each.codes[rows])]
    rest = [each for each in table.columns if each not in smooth]
    scaled = []
    for each in smooth:
        values = each.values[rows]
        known = values[np.isfinite(values)]
        if len(known) < len(values) / 2:
            continue
        low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
        scale = (high - low) / 1.35 or known.std()
        if scale > 0:
            scaled.append(np.arcsinh(np.where(np.isfinite(values), values - middle, 0.0) / scale))
    points = np.stack(scaled, axis=1) if scaled else np.zeros((len(rows), 0))
    return points, np.stack([each.codes[rows] for each in rest], axis=1) if rest else np.zeros((len(rows), 0), np.int64)


def _continuous(codes: Codes) -> bool:
    counts = np.bincount(codes[codes >= 0], minlength=1)
    return bool((counts > 0).sum() >= _CONTINUOUS and counts.max() <= _PILED * len(codes))


def _close(points: Floats) -> tuple[Codes, Codes]:
    """Pairs of rows that chance does not bring so near."""
    if len(points) <= _BRUTE:
        near, distance = _neighbours(points, np.arange(len(points)))
        return _judged(np.arange(len(points)), near, distance, _dimension(distance), len(points))
    rng = np.random.default_rng(_SEED)
    sample = np.sort(rng.choice(len(points), _SAMPLE, replace=False))
    _, distance = _neighbours(points, sample)
    dimension = _dimension(distance)
    reach = float(np.median(distance[:, -1])) * min(_RATIO, _ratio(dimension, len(points)))
    candidates = _candidates(points, reach, rng)
    near, distance = _neighbours(points, candidates)
    return _judged(candidates, near, distance, dimension, len(points))


def _neighbours(points: Floats, rows: Codes) -> tuple[Codes, Floats]:
    """The nearest rows `(m, 6)` to each of `rows (m,)` and their distances, nearest first."""
    small = points.astype(np.float32)
    squares = (small**2).sum(axis=1)
    near = np.zeros((len(rows), _NEIGHBOURS), dtype=np.int64)
    for start in range(0, len(rows), 256):
        own = rows[start : start + 256]
        distance = squares[None, :] - 2 * (small[own] @ small.T)
        distance[np.arange(len(own)), own] = np.inf
        near[start : start + 256] = np.argpartition(distance, _NEIGHBOURS, axis=1)[:, :_NEIGHBOURS]
    # the expansion above loses digits just where rows are alike, so the few that count are measured again
    distance = np.sqrt(((points[near] - points[rows][:, None, :]) ** 2).sum(axis=2))
    order = np.argsort(distance, axis=1, kind="stable")
    return np.take_along_axis(near, order, 1), np.take_along_axis(distance, order, 1)


def _dimension(distance: Floats) -> float:
    """The table's own dimension, by the third and sixth neighbour, which single copies do not touch."""
    ratio = distance[:, 2] / np.maximum(distance[:, 5], 1e-300)
    middle = float(np.median(np.clip(ratio, 1e-6, 0.999)))
    return max(float(np.log(0.5) / np.log(middle)), 1.0)


def _ratio(dimension: float, rows: int) -> float:
    """The ratio of nearest to sixth distance that chance goes below so rarely."""
    return float((_CHANCE / (rows * (_NEIGHBOURS - 1))) ** (1 / dimension))


def _judged(rows: Codes, near: Codes, distance: Floats, dimension: float, count: int) -> tuple[Codes, Codes]:
    bound = min(_RATIO, _ratio(dimension, count)) * distance[:, -1:]
    odd = (distance < bound) & (distance[:, -1:] > 0)
    place, nth = np.nonzero(odd)
    return rows[place], near[place, nth]


@dataclass(frozen=True)
class _Grid:
    """Random directions cut into cells; rows in one cell of all directions are candidates."""

    directions: Floats
    offsets: Floats
    width: float

    def cells(self, points: Floats) -> Codes:
        cut = np.floor((points @ self.directions + self.offsets) / self.width).astype(np.int64)
        mixed = np.zeros(len(points), dtype=np.int64)
        for n in range(cut.shape[1]):
            mixed = mixed * np.int64(1_000_003) + cut[:, n]
        return mixed


def _candidates(points: Floats, reach: float, rng: np.random.Generator) -> Codes:
    """Rows with another within `reach`, found by hashing cells of random directions (Datar et al. 2004)."""
    found: set[int] = set()
    width = max(6 * reach / np.sqrt(points.shape[1]), 1e-9)
    for _ in range(_TABLES):
        directions = rng.normal(size=(points.shape[1], _CUTS))
        directions /= np.sqrt((directions**2).sum(axis=0))
        cells = _Grid(directions, rng.uniform(0, width, _CUTS), width).cells(points)
        order = np.argsort(cells, kind="stable")
        for step in (1, 2, 3):  # a cell holds few rows; its neighbours in the order are enough
            one, other = order[:-step], order[step:]
            there = cells[one] == cells[other]
            one, other = one[there], other[there]
            for start in range(0, len(one), 50_000):
                a, b = one[start : start + 50_000], other[start : start + 50_000]
                close = ((points[a] - points[b]) ** 2).sum(axis=1) < reach**2
                found.update(a[close].tolist(), b[close].tolist())
    rows = np.array(sorted(found), dtype=np.int64)
    return rows if len(rows) <= _MOST_CANDIDATES else np.sort(rng.choice(rows, _MOST_CANDIDATES, replace=False))
