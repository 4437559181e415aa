"""Units (rows, or whole groups of rows) dealt into bins so that each bin gets its share of every stratum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]

_LARGE = 20_000  # units above which units of equally rare strata are dealt stratum by stratum instead of interleaved
_SHORT = 8  # runs below which dealing one by one is faster
_DIGITS = 1e12  # costs that agree to so many digits are a tie: their sums differ only by rounding


@dataclass(frozen=True)
class Members:
    """How many rows of which stratum each unit holds: entries `(m,)` sorted by unit, and rows `sizes (n_units,)`."""

    unit: Codes
    stratum: Codes
    count: Floats
    sizes: Floats

    @classmethod
    def of(cls, unit: Codes | None, stratum: Codes, row: Codes | None = None) -> Members:
        """From the `stratum (m,)` of each row, or of each entry whose row is `row (m,)`; `unit (n,)` None: rows are units."""
        if unit is None:
            row = np.arange(len(stratum)) if row is None else row
            return cls(row, stratum, np.ones(len(row)), np.ones(int(row.max()) + 1))
        width = int(stratum.max()) + 1
        own = unit if row is None else unit[row]
        key, count = np.unique(own * width + stratum, return_counts=True)
        return cls(key // width, key % width, count.astype(np.float64), np.bincount(unit).astype(np.float64))


def balanced(members: Members, shares: Floats, seed: int) -> Codes:
    """The bin `(n_units,)` of each unit; greedy, units of rare strata and large ones first; `shares (n_bins,)` sum to 1."""
    return _Deal(members, shares).run(seed)


class _Deal:
    """The state of one deal: what every bin holds of every stratum, and in all."""

    def __init__(self, members: Members, shares: Floats) -> None:
        self.members, self.shares = members, shares
        self.starts = np.searchsorted(members.unit, np.arange(len(members.sizes) + 1))
        total = np.bincount(members.stratum, weights=members.count)
        self.scale = (1.0 / np.maximum(total, 1.0)) ** 2
        self.wanted = total[:, None] * shares[None, :]
        self.filled = np.zeros_like(self.wanted)
        self.rows = float(members.sizes.sum())
        self.rows_wanted, self.rows_filled = shares * self.rows, np.zeros(len(shares))
        self.chosen = np.zeros(len(members.sizes), dtype=np.int64)

    def run(self, seed: int) -> Codes:
        members = self.members
        rarity = np.bincount(members.stratum)
        rarest = np.minimum.reduceat(rarity[members.stratum], self.starts[:-1])
        first = members.stratum[self.starts[:-1]]
        single = (members.sizes == 1) & (np.diff(self.starts) == 1)
        shuffled = np.random.default_rng(seed).permutation(len(members.sizes))
        together = np.where(single & (len(members.sizes) > _LARGE), first, 0)
        order = shuffled[np.lexsort((together[shuffled], -members.sizes[shuffled], rarest[shuffled]))]
        alike = single[order][1:] & single[order][:-1] & (first[order][1:] == first[order][:-1])
        bounds = np.concatenate([[0], np.flatnonzero(~alike) + 1, [len(order)]])
        for begin, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            if end - begin < _SHORT:
                for unit in order[begin:end].tolist():
                    self._place(unit)
            else:
                self.chosen[order[begin:end]] = self._run_of(int(first[order[begin]]), end - begin)
        return self.chosen

    def _place(self, unit: int) -> None:
        entries = slice(self.starts[unit], self.starts[unit + 1])
        strata, own, size = self.members.stratum[entries], self.members.count[entries], self.members.sizes[unit]
        missing = self.filled[strata] - self.wanted[strata]
        # how much nearer each bin comes to what it wants, per stratum and in all
        nearer = self.scale[strata] @ ((missing + own[:, None]) ** 2 - missing**2) / self.shares
        missing = self.rows_filled - self.rows_wanted
        nearer += ((missing + size) ** 2 - missing**2) / self.rows**2 / self.shares
        best = int(np.argmin(np.rint(nearer * _DIGITS)))
        self.chosen[unit] = best
        self.filled[strata, best] += own
        self.rows_filled[best] += size

    def _run_of(self, stratum: int, length: int) -> Codes:
        """Bins of `length` single rows of one stratum at once.

        A row changes the cost of its own bin alone, and upwards; so taking the cheapest bin again and again is taking the
        costs of all bins in sorted order.
        """
        bins = np.arange(len(self.shares))
        most = np.minimum(length, np.ceil(1.05 * self.shares * length).astype(np.int64) + 64)
        while True:
            bin_ = np.repeat(bins, most)
            nth = np.arange(len(bin_)) - np.repeat(np.cumsum(most) - most, most)
            missing = self.filled[stratum, bin_] + nth - self.wanted[stratum, bin_]
            cost = self.scale[stratum] * ((missing + 1) ** 2 - missing**2) / self.shares[bin_]
            missing = self.rows_filled[bin_] + nth - self.rows_wanted[bin_]
            cost += ((missing + 1) ** 2 - missing**2) / self.rows**2 / self.shares[bin_]
            taken = bin_[np.argsort(np.rint(cost * _DIGITS), kind="stable")[:length]]
            used = np.bincount(taken, minlength=len(bins))
            if len(taken) == length and not ((used == most) & (most < length)).any():
                break
            most = np.minimum(length, 2 * most)
        self.filled[stratum] += used
        self.rows_filled += used
        return taken
