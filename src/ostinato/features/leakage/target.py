"""The target as the checks see it, and how well one column alone foretells it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from ostinato.features.folds.strata import codes_of_values
from ostinato.features.leakage.table import Codes, Column, Floats

_SAMPLE = 30_000  # rows that are looked at
_CLASSES = 200  # beyond which rare ones are taken together
_LABELS = 20  # distinct numbers above which a target of whole numbers is a value
_BINS, _PER_BIN = 2_048, 8
_KNOWN = 0.95  # share of filled rows below which gaps are looked at for themselves
_SEED = 20


@dataclass(frozen=True)
class Target:
    """A target `(m,)` at the rows `rows (m,)` where it is known: classes as codes, values, or both for a few whole numbers."""

    rows: Codes
    codes: Codes | None
    values: Floats | None
    name: str = ""

    @classmethod
    def all_of(cls, y: Any) -> tuple[Target, ...]:
        """One target, or one for each label of `y (n, L)`; none where nothing varies."""
        table = y if isinstance(y, pd.DataFrame) else None
        values = y.to_numpy() if hasattr(y, "to_numpy") else np.asarray(y)
        if values.ndim == 2:  # noqa: PLR2004
            names = (
                [str(each) for each in table.columns]
                if table is not None
                else [f"label {n}" for n in range(values.shape[1])]
            )
            found = [cls._of(values[:, n], names[n]) for n in range(values.shape[1])]
        else:
            found = [cls._of(values, "")]
        return tuple(each for each in found if each is not None)

    @classmethod
    def _of(cls, y: NDArray[Any], name: str) -> Target | None:
        known = np.flatnonzero(~pd.isna(y))
        if len(known) > _SAMPLE:
            known = np.sort(np.random.default_rng(_SEED).choice(known, _SAMPLE, replace=False))
        own = y[known]
        values = None
        if own.dtype.kind in "iufb":
            values = own.astype(np.float64)
            known, own, values = known[np.isfinite(values)], own[np.isfinite(values)], values[np.isfinite(values)]
            if len(np.unique(values)) > _LABELS:
                return cls(known, None, values, name)
        codes = codes_of_values(own)
        if len(codes) == 0 or codes.max() == 0:
            return None
        return cls(known, _few(codes), values, name)

    @cached_property
    def halves(self) -> NDArray[np.bool_]:
        """Which rows are the first half: the same for every column."""
        return np.random.default_rng(_SEED).random(len(self.rows)) < 0.5  # noqa: PLR2004

    @cached_property
    def ranks(self) -> Floats:
        """Ranks of the values."""
        return np.asarray(rankdata(self.values))

    @cached_property
    def bins(self) -> Codes:
        """The classes, or narrow bins of the values."""
        return self.codes if self.codes is not None else binned(self.ranks)

    def foretold(self, column: Column) -> float:
        """How much of the target the column alone foretells, 0 to 1: errors spared, or variance explained, on the other half."""
        own = [column.codes[self.rows] + 1]
        if column.kind != "word":
            own = [binned(column.values[self.rows])] + (own if column.distinct <= len(self.rows) / 4 else [])
        elif column.distinct > len(self.rows) / 4:
            return 0.0
        if self.codes is not None:
            known = ~column.missing[self.rows]
            known |= known.mean() < _KNOWN  # a few gaps are no evidence against a copy
            return max(spared(each[known], self.codes[known], self.halves[known]) for each in own)
        found = [explained(each, self.ranks, self.halves) for each in own]
        if column.kind != "word":
            values = column.values[self.rows]
            known = np.isfinite(values)
            if self.values is not None and known.mean() > _KNOWN:
                found.append(_squared(values[known], self.values[known]))
                found.append(_squared(rankdata(values[known]), self.ranks[known]))
        return max(found)

    def foretells(self, column: Column) -> float:
        """How much of the column the target foretells: a column that is a function of the target was made from it."""
        codes = column.codes[self.rows] + 1
        if column.kind == "word" or column.distinct <= _LABELS:
            counts = np.sort(np.bincount(codes))[::-1]
            if column.distinct > _CLASSES or len(counts) < 2 or counts[1:].sum() < 10:  # noqa: PLR2004
                return 0.0
            return max(spared(self.bins, codes, self.halves), self._stepped(codes))
        values = column.values[self.rows]
        known = np.isfinite(values)
        if known.mean() < _KNOWN:
            return 0.0
        found = explained(self.bins[known], values[known], self.halves[known])
        found = max(found, self._smooth(rankdata(values[known]), known))
        return found if self.values is None else max(found, _squared(values[known], self.values[known]))

    def _smooth(self, ranks: Floats, known: NDArray[np.bool_]) -> float:
        """Share of the variance of a column that neighbours along the target share (after von Neumann 1941)."""
        if self.codes is not None or self.values is None:
            return 0.0
        along = ranks[np.argsort(self.values[known], kind="stable")]
        spread = float(along.var())
        return 1 - float((np.diff(along) ** 2).mean()) / 2 / spread if spread > 0 else 0.0

    def _stepped(self, codes: Codes) -> float:
        """Like `spared`, for words that were cut from a value: along the value they change only at the cuts."""
        if self.codes is not None or self.values is None:
            return 0.0
        along = codes[np.argsort(self.values, kind="stable")]
        counts = np.bincount(codes)
        changes = int((along[1:] != along[:-1]).sum()) - int((counts > 0).sum()) + 1
        return float(max(0.0, 1 - changes / max(len(codes) - int(counts.max()), 1)))


def binned(values: Floats) -> Codes:
    """Equally full bins by rank, equal values together; gaps are a bin of their own."""
    known = np.isfinite(values)
    count = int(np.clip(known.sum() // _PER_BIN, 2, _BINS))
    codes = np.zeros(len(values), dtype=np.int64)
    if known.any():
        codes[known] = 1 + np.minimum((rankdata(values[known]) / (known.sum() + 1) * count).astype(np.int64), count - 1)
    return codes


def spared(x: Codes, y: Codes, halves: NDArray[np.bool_]) -> float:
    """Share of the errors of always guessing the commonest `y` that are spared by guessing from `x`, learnt on the other half."""
    wide = int(y.max()) + 1
    base = len(y) - int(np.bincount(y).max())
    if base == 0:
        return 0.0
    wrong = 0
    for learnt in (halves, ~halves):
        if not learnt.any():
            return 0.0
        counts = np.bincount(x[learnt] * wide + y[learnt], minlength=(int(x.max()) + 1) * wide).reshape(-1, wide)
        guess = np.where(counts.any(axis=1), counts.argmax(axis=1), np.bincount(y[learnt]).argmax())
        wrong += int((guess[x[~learnt]] != y[~learnt]).sum())
    return max(0.0, 1 - wrong / base)


def explained(x: Codes, y: Floats, halves: NDArray[np.bool_]) -> float:
    """Share of the variance of `y` that the means by `x` explain, learnt on the other half."""
    total = ((y - y.mean()) ** 2).sum()
    if total <= 0:
        return 0.0
    left = 0.0
    for learnt in (halves, ~halves):
        if not learnt.any():
            return 0.0
        count = np.bincount(x[learnt], minlength=int(x.max()) + 1)
        sums = np.bincount(x[learnt], weights=y[learnt], minlength=int(x.max()) + 1)
        mean = np.where(count > 0, sums / np.maximum(count, 1), y[learnt].mean())
        left += float(((y[~learnt] - mean[x[~learnt]]) ** 2).sum())
    return float(max(0.0, 1 - left / total))


def _squared(one: Floats, other: Floats) -> float:
    one, other = one - one.mean(), other - other.mean()
    below = float((one**2).sum() * (other**2).sum())
    return float((one @ other) ** 2 / below) if below > 0 and np.isfinite(below) else 0.0


def _few(codes: Codes) -> Codes:
    counts = np.bincount(codes)
    if len(counts) <= _CLASSES:
        return codes
    kept = np.full(len(counts), _CLASSES, dtype=np.int64)
    kept[np.argsort(-counts, kind="stable")[:_CLASSES]] = np.arange(_CLASSES)
    return kept[codes]
