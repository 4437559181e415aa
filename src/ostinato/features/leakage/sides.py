"""Which rows a fold trains on and which it holds out, whichever way the caller said it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ostinato.core.errors import UsageError
from ostinato.features.leakage.table import Codes

TEST = -1
Pair = tuple[Codes, Codes]


@dataclass(frozen=True)
class Sides:
    """Folds `fold (n,)`, of which each is held out once and -1 is the test; or `pairs` (train, test) where they were given."""

    rows: int
    fold: Codes | None
    given: tuple[Pair, ...] = ()

    @classmethod
    def of(cls, folds: Any, rows: int) -> Sides | None:
        """From a number for each row, pairs of positions, or a plan of folds; raises UsageError for what is neither."""
        if folds is None:
            return None
        pairs = getattr(folds, "pairs", folds)
        if isinstance(pairs, (list, tuple)) and len(pairs) and all(_is_pair(each) for each in pairs):
            return cls(rows, None, tuple((_positions(a, rows), _positions(b, rows)) for a, b in pairs))
        values = np.asarray(pairs)
        if values.shape != (rows,):
            raise UsageError(
                f"folds has the shape {values.shape}; give the fold of each of the {rows} rows, or pairs (train, test) of positions"
            )
        codes = np.asarray(pd.factorize(values, sort=True)[0], dtype=np.int64)
        if values.dtype.kind in "iuf" and (values == TEST).any():
            codes = np.where(values == TEST, TEST, codes)
        return cls(rows, codes)

    @property
    def count(self) -> int:
        """The number of folds, the test included."""
        return len(self.given) if self.fold is None else len(np.unique(self.fold))

    def pairs(self) -> tuple[Pair, ...]:
        """Positions to train on and held out; the test is held out from all other rows."""
        if self.fold is None:
            return self.given
        fold, learnt = self.fold, self.fold != TEST
        found = [(np.flatnonzero(learnt & (fold != n)), np.flatnonzero(fold == n)) for n in np.unique(fold).tolist()]
        return tuple(pair for pair in found if len(pair[0]))

    def across(self, codes: Codes) -> NDArray[np.bool_]:
        """Rows `(n,)` whose code (-1: none) stands on both sides of a fold."""
        width = int(codes.max(initial=-1)) + 1
        found = np.zeros(max(width, 1), dtype=bool)
        if width == 0:
            return np.zeros(self.rows, dtype=bool)
        known = codes >= 0
        if self.fold is not None:
            fold = np.unique(self.fold, return_inverse=True)[1]
            seen = np.unique(codes[known] * (int(fold.max()) + 1) + fold[known])
            found = np.bincount(seen // (int(fold.max()) + 1), minlength=width) > 1
        else:
            for train, test in self.given:
                sides = [np.bincount(codes[own][known[own]], minlength=width) > 0 for own in (train, test)]
                found |= sides[0] & sides[1]
        return known & found[codes]

    def apart(self, one: Codes, other: Codes) -> NDArray[np.bool_]:
        """Which pairs of rows `one (m,)`, `other (m,)` stand on two sides of some fold."""
        if self.fold is not None:
            return np.asarray(self.fold[one] != self.fold[other])
        found = np.zeros(len(one), dtype=bool)
        for train, test in self.given:
            learnt, held = np.zeros(self.rows, dtype=bool), np.zeros(self.rows, dtype=bool)
            learnt[train], held[test] = True, True
            found |= (learnt[one] & held[other]) | (held[one] & learnt[other])
        return found

    def overlap(self) -> NDArray[np.bool_]:
        """Rows that are trained on and held out by the same fold."""
        found = np.zeros(self.rows, dtype=bool)
        for train, test in self.given:
            found[np.intersect1d(train, test)] = True
        return found


def _is_pair(each: Any) -> bool:
    return isinstance(each, (list, tuple)) and len(each) == 2 and all(np.ndim(own) == 1 for own in each)  # noqa: PLR2004


def _positions(rows: Any, count: int) -> Codes:
    found = np.asarray(rows)
    if found.dtype == bool and len(found) == count:
        return np.flatnonzero(found)
    if found.size and (found.min() < 0 or found.max() >= count):
        raise UsageError(f"folds: position {int(found.max())} is not a row of the {count}; give positions from 0")
    return found.astype(np.int64)
