"""Categories by what the target is where they occur, drawn to the mean of all, and never told to a row from its own target.

Micci-Barreca, A preprocessing scheme for high-cardinality categorical attributes, SIGKDD Explorations 2001. How strongly means are
drawn together is estimated by analysis of variance: on noise, levels differ by no more than chance and all become the mean.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.errors import UsageError
from ostinato.preprocess.transform.block import Block
from ostinato.preprocess.transform.goal import Goal
from ostinato.preprocess.transform.spec import LeaveOneOut
from ostinato.preprocess.transform.table import Table

if TYPE_CHECKING:
    from ostinato.preprocess.transform.graph import Graph

Array = NDArray[np.float64]
Index = NDArray[np.intp]
_MOST = 1e9  # rows that the mean of all counts for where levels do not differ
_HIDDEN = 4.0  # rows whose spread hides one row, however few there are


class Meant(Block):
    """A column a target column; missing is a level, and an unseen level has the mean of all rows."""

    kinds = ("target", "leave_one_out")
    supervised = True

    @classmethod
    def found(cls, spec: Any, columns: tuple[str, ...], table: Table, goal: Goal | None) -> dict[str, Any]:
        """Means by level from all rows; the last of `means` is that of gaps."""
        if goal is None:
            raise UsageError(f"column {', '.join(columns)}: {spec.kind!r} needs a target")
        words = table.words(*columns)
        codes = words.mapped(_places(words.levels), 0, len(words.levels))
        sums = _Sums.of(codes, goal.values, len(words.levels) + 1)
        strength = sums.strength(spec.smooth)
        return {
            "levels": words.levels,
            "means": sums.means(strength, sums.prior).tolist(),
            "prior": sums.prior.tolist(),
            "strength": strength.tolist(),
            "suffixes": list(goal.suffixes),
        }

    @property
    def names(self) -> tuple[str, ...]:
        """`label`, or `label=class` from three classes on."""
        return tuple(f"{self.label}{suffix}" for suffix in self.learnt["suffixes"])

    @cached_property
    def _rows(self) -> Array:
        """Means by place: the levels, gaps, and what is unseen."""
        return np.array([*self.learnt["means"], self.learnt["prior"]], dtype=np.float64)

    @cached_property
    def _places(self) -> dict[str, int]:
        return _places(self.learnt["levels"])

    def apply(self, table: Table) -> Array:
        """Means `(n, k)` for rows that were not learnt from."""
        n = len(self._places)
        return self._rows[table.words(*self.columns).mapped(self._places, n + 1, n)]

    def own(self, table: Table, goal: Goal | None) -> Array:
        """Means `(n, k)` for the training rows, each without its own target and that of its group."""
        if goal is None:
            return self.apply(table)
        n = len(self._places)
        codes = table.words(*self.columns).mapped(self._places, n + 1, n)
        if isinstance(self.spec, LeaveOneOut):
            return _without_own(codes, goal, np.array(self.learnt["strength"]), self.spec.blur, n + 1, self.label)
        return _out_of_fold(codes, goal, goal.folds(self.spec.folds), self.spec.smooth, n + 1)

    def write(self, graph: Graph) -> str:
        """Look the means up."""
        n = len(self._places)
        place = graph.places(self.columns, self.learnt["levels"], n + 1, n)
        return graph.op("Gather", graph.constant(self._rows), place, axis=0)


class _Sums:
    """Rows, sums and sums of squares of the target by level."""

    def __init__(self, count: Array, total: Array, squares: Array) -> None:
        self.count, self.total, self.squares = count[:, None], total, squares
        self.rows = max(float(count.sum()), 1.0)
        self.prior: Array = total.sum(axis=0) / self.rows

    @classmethod
    def of(cls, codes: Index, values: Array, levels: int) -> _Sums:
        def by_level(weights: Array) -> Array:
            return np.bincount(codes, weights, minlength=levels).astype(np.float64)

        total = np.stack([by_level(column) for column in values.T], axis=1)
        squares = np.stack([by_level(column**2) for column in values.T], axis=1)
        return cls(np.bincount(codes, minlength=levels).astype(np.float64), total, squares)

    def strength(self, smooth: float | str) -> Array:
        """How many rows the mean of all counts for `(k,)`: variance within levels over variance between them.

        Both by the moments of a one-way analysis of variance with random effects (Searle et al. 1992, section 3.6).
        """
        if smooth != "auto":
            return np.full(len(self.prior), float(smooth))
        seen = self.count[:, 0] > 0
        count, total = self.count[seen], self.total[seen]
        levels = len(count)
        if levels < 2 or self.rows <= levels:  # noqa: PLR2004 - nothing tells levels from chance
            return np.full(len(self.prior), _MOST)
        between_squares = (total**2 / count).sum(axis=0) - self.rows * self.prior**2
        within_squares = np.maximum(self.squares.sum(axis=0) - (total**2 / count).sum(axis=0), 0.0)
        within = within_squares / (self.rows - levels)
        size = (self.rows - (count**2).sum() / self.rows) / (levels - 1)
        between = (between_squares / (levels - 1) - within) / size
        tiny = np.finfo(np.float64).eps * (np.abs(self.squares).sum(axis=0) / self.rows + 1e-300)
        out: Array = np.where(between > tiny, np.minimum(within / np.maximum(between, tiny), _MOST), _MOST)
        return out

    def means(self, strength: Array, prior: Array) -> Array:
        """Means by level `(levels, k)`; a level without rows has the prior."""
        return _drawn(self.total, self.count, strength, prior)


def _places(levels: list[str]) -> dict[str, int]:
    return {level: place for place, level in enumerate(levels)}


def _out_of_fold(codes: Index, goal: Goal, fold: Index, smooth: float | str, levels: int) -> Array:
    out = np.empty((len(codes), goal.values.shape[1]))
    prior = goal.values.mean(axis=0)  # one for all: folds that had their own could be told apart by it
    for number in range(int(fold.max(initial=0)) + 1):
        held = fold == number
        if held.all():  # one row or one group: nothing is known of it but itself, so nothing is told
            return np.broadcast_to(prior, out.shape).copy()
        sums = _Sums.of(codes[~held], goal.values[~held], levels)
        out[held] = sums.means(sums.strength(smooth), prior)[codes[held]]
    return out


def _without_own(codes: Index, goal: Goal, strength: Array, blur: float, levels: int, label: str) -> Array:
    """Sums by level less the row's own, or less what its group adds to the level.

    All rows are drawn to one mean: a mean without the own row would tell the own target to whoever compares two rows.
    """
    groups = goal.groups if goal.groups is not None else np.arange(len(codes))
    _, cell, alike = np.unique(np.stack([codes, groups]), axis=1, return_inverse=True, return_counts=True)
    cell = cell.ravel()
    sums, own = _Sums.of(codes, goal.values, levels), _Sums.of(cell, goal.values, len(alike))
    count, total = sums.count[codes] - own.count[cell], sums.total[codes] - own.total[cell]
    if blur:
        within = np.maximum(sums.squares.sum(axis=0) - (sums.total**2 / np.maximum(sums.count, 1)).sum(axis=0), 0)
        spread = within / max(sums.rows - int((sums.count > 0).sum()), 1.0)
        seed = [goal.seed, *label.encode(errors="surrogatepass")]
        noise = np.random.default_rng(seed).standard_normal(total.shape)
        total = total + blur * np.sqrt(spread * np.maximum(count, _HIDDEN)) * noise * (count > 0)
    return _drawn(total, count, strength, sums.prior)


def _drawn(total: Array, count: Array, strength: Array, prior: Array) -> Array:
    """Means drawn to `prior` as strongly as that many rows; `prior` itself where that is all, for trees see the least
    difference.
    """
    weight = count + strength
    mean: Array = (total + strength * prior) / np.where(weight > 0, weight, 1.0)
    return np.where((weight > 0) & (strength < _MOST), mean, prior)
