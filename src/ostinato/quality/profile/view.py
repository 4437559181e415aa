"""A column read: its profile, and its cells as numbers or codes for those who compare columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ostinato.quality.profile.cells import NAT, Array, Bools, Cells, Ints, read_cells
from ostinato.quality.profile.column import ColumnProfile, Moments
from ostinato.quality.profile.contents import contents_of, empty_forms, moments_of
from ostinato.quality.profile.formats import Forms, as_moments, as_numbers, forms_of
from ostinato.quality.profile.hashing import hash_cells
from ostinato.quality.profile.meaning import Sight, meaning_of
from ostinato.quality.profile.spread import Spread, spread_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_TOP, _ONCE = 30, 3  # values that are listed, and of those that occur once
_LONGEST = 80  # letters of a listed value


@dataclass(frozen=True, eq=False)
class View:
    """A column with its profile and its cells as others need them: numbers `(n,)` with NaN, or codes `(n,)` with -1."""

    profile: ColumnProfile
    cells: Cells
    forms: Forms | None
    absent: Bools  # missing or blank
    hashes: NDArray[np.uint64]

    @property
    def name(self) -> str:
        """The column's name."""
        return self.profile.name

    @property
    def is_number(self) -> bool:
        """Whether its cells are compared as numbers."""
        return self.profile.spread is not None or self.profile.moments is not None

    def numbers(self, rows: Ints | None = None) -> Array:
        """Chosen cells as float64, NaN where absent; moments in seconds."""
        at = slice(None) if rows is None else rows
        if self.cells.values is not None:
            found = self.cells.values[at].astype(np.float64)
            if self.cells.store == "moment":
                found /= 1e9
        elif self.cells.codes is not None and self.forms is not None:
            codes = self.cells.codes[at]
            present, inverse = np.unique(codes, return_inverse=True)
            used = present[present >= 0].astype(np.int64)
            table = np.full(len(present), np.nan)
            table[present >= 0] = self._level_numbers(used)
            found = table[inverse]
        else:
            return np.full(len(self.absent[at]), np.nan)
        found[self.absent[at]] = np.nan
        return found

    def _level_numbers(self, used: Ints) -> Array:
        assert self.forms is not None  # only words come here
        if self.profile.moments is not None:
            moments = as_moments(self.cells.levels, self.forms, used)
            return np.where(moments == NAT, np.nan, moments / 1e9)
        part = Forms(self.forms.names, self.forms.of_level[used], self.forms.rows)
        return as_numbers(self.cells.levels.take(used), part)

    def codes(self, rows: Ints | None = None) -> tuple[Ints, int]:
        """Chosen cells as whole numbers from 0, -1 where absent, and how many there are; equal cells have equal numbers."""
        at = slice(None) if rows is None else rows
        held = self.cells.codes if self.cells.codes is not None else self.cells.values
        raw: NDArray[Any] = held[at] if held is not None else np.zeros(len(self.absent[at]))
        present, inverse = np.unique(raw, return_inverse=True)
        codes = inverse.astype(np.int64)
        codes[self.absent[at]] = -1
        return codes, len(present)


def view_of(column: pd.Series[Any], name: str, position: int, seed: int) -> View:
    """Read a column and say what it is."""
    with np.errstate(
        over="ignore", invalid="ignore"
    ):  # the widest numbers have no finite spread; each thread has its own state
        return _view(column, name, position, seed)


def _view(column: pd.Series[Any], name: str, position: int, seed: int) -> View:
    rng = np.random.default_rng([seed, position])
    cells = read_cells(column, name)
    forms = forms_of(cells, rng) if cells.store == "words" else None
    absent = cells.missing
    empty = empty_forms(forms, cells) if forms is not None else ()
    if forms is not None and empty:
        absent = cells.missing | np.append(forms.levels_of(*empty), False)[cells.codes]
    blank = int(absent.sum()) - int(cells.missing.sum())
    spread = moments = facts = None
    if forms is not None:
        spread, moments, facts = contents_of(cells, forms, absent, rng)
    elif cells.store == "moment":
        assert cells.values is not None  # moments have them
        moments = moments_of(cells.values[~absent], dict(cells.zones), 0, sampled=False)
    elif cells.values is not None:
        spread = spread_of(cells.values, absent)
    distinct = _distinct(cells, forms, empty, moments, spread)
    sight = Sight(name, cells, forms, absent, distinct, spread, facts.mean_length if facts else 0.0)
    profile = ColumnProfile(
        name=name,
        position=position,
        storage=cells.storage,
        meaning=meaning_of(sight),
        rows=len(absent),
        missing=int(cells.missing.sum()),
        blank=blank,
        distinct=distinct,
        top=_top(cells, spread),
        types=dict(sorted(cells.types.items(), key=lambda item: (-item[1], item[0]))),
        spread=spread,
        moments=moments,
        words=facts,
    )
    return View(profile, cells, forms, absent, hash_cells(cells, position))


def _distinct(
    cells: Cells, forms: Forms | None, empty: tuple[str, ...], moments: Moments | None, spread: Spread | None
) -> int:
    if cells.counts is not None and forms is not None:
        return int(((cells.counts > 0) & ~forms.levels_of(*empty)).sum())
    if moments is not None:
        return moments.distinct
    return spread.distinct + (spread.infinite > 0) if spread is not None else 0


def _top(cells: Cells, spread: Spread | None) -> tuple[tuple[str, int], ...]:
    if cells.counts is not None:
        most = np.argsort(-cells.counts, kind="stable")[:_TOP]
        most = most[cells.counts[most] > 0]
        once = np.cumsum(cells.counts[most] == 1)
        return tuple((_cut(cells.levels[at].as_py()), int(cells.counts[at])) for at in most[once <= _ONCE].tolist())
    if spread is None:
        return ()
    if spread.histogram.exact:
        pairs = sorted(zip(spread.histogram.edges, spread.histogram.counts, strict=True), key=lambda p: (-p[1], p[0]))
        return tuple((f"{value:g}", count) for value, count in pairs[:_TOP])
    return ((f"{spread.mode:.6g}", spread.mode_count),) if spread.mode_count > 1 else ()


def _cut(word: str) -> str:
    """A value as it is, cut where it is long."""
    return word if len(word) <= _LONGEST else word[: _LONGEST - 1] + "…"
