"""What one column is: what it holds, what it means, how it is spread."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ostinato.quality.profile.cells import NAT, Array, Bools, Cells, Ints, read_cells
from ostinato.quality.profile.formats import BLANK, OTHER, PLACEHOLDER, Forms, as_moments, as_numbers, forms_of
from ostinato.quality.profile.hashing import hash_cells
from ostinato.quality.profile.language import language_of
from ostinato.quality.profile.meaning import BY_FORM, MOST, Sight, meaning_of
from ostinato.quality.profile.spread import Histogram, Spread, spread_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_TOP, _ONCE = 30, 3  # values that are listed, and of those that occur once
_LONGEST = 80  # letters of a listed value
_DAY = 86_400_000_000_000  # nanoseconds
_PARSED = 50_000  # distinct dates that are read; of more a sample
_TITLES, _TITLES_SHARE = 50, 0.2  # more distinct words than that are names and not categories
_TEXTS = 500  # texts by which a language is guessed


@dataclass(frozen=True)
class Moments:
    """First and last moment as ISO words, in UTC where zones are known, how they are spread, and what cannot be read."""

    first: str
    last: str
    zones: dict[str, int]
    unreadable: int
    midnight: float  # share without a time of day
    distinct: int
    histogram: Histogram  # edges in seconds since 1970
    sampled: bool


@dataclass(frozen=True)
class Words:
    """Lengths in letters, the forms that values have by number of rows, values that differ only in case or spaces."""

    shortest: int
    longest: int
    mean_length: float
    padded: int
    non_ascii: int
    forms: dict[str, int]
    language: str | None = None


@dataclass(frozen=True)
class ColumnProfile:
    """All that is said of a column; counts are exact unless a field says otherwise.

    `meaning` is what the values are to a reader (`number`, `category`, `identifier`, `date`, `ISRC`, `URL`, `text`, …),
    `storage` what pandas keeps them as. `blank` counts cells that hold spaces or a word such as `n/a` where a value should
    be.
    """

    name: str
    position: int
    storage: str
    meaning: str
    rows: int
    missing: int
    blank: int
    distinct: int
    top: tuple[tuple[str, int], ...]
    types: dict[str, int] = field(default_factory=dict)
    spread: Spread | None = None
    moments: Moments | None = None
    words: Words | None = None

    @property
    def filled(self) -> int:
        """Cells that hold a value."""
        return self.rows - self.missing - self.blank

    @property
    def missing_share(self) -> float:
        """Share of the cells that hold no value, blanks included."""
        return (self.missing + self.blank) / self.rows if self.rows else 0.0


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
    empty = _empty_forms(forms, cells) if forms is not None else ()
    if forms is not None and empty:
        absent = cells.missing | np.append(forms.levels_of(*empty), False)[cells.codes]
    blank = int(absent.sum()) - int(cells.missing.sum())
    spread = moments = facts = None
    if forms is not None:
        spread, moments, facts = _of_words(cells, forms, absent, rng)
    elif cells.store == "moment":
        assert cells.values is not None  # moments have them
        moments = _moments(cells.values[~absent], dict(cells.zones), 0, sampled=False)
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


def _empty_forms(forms: Forms, cells: Cells) -> tuple[str, ...]:
    """The forms that stand for nothing: blanks always, words such as `unknown` not among names and texts.

    In a list of songs `None` and `?` are titles; only an empty cell is nothing there.
    """
    families = forms.family_rows()
    free = families.get(OTHER, 0) >= MOST * max(sum(families.values()), 1)
    titles = free and len(cells.levels) > max(_TITLES, _TITLES_SHARE * cells.filled)
    return tuple(form for form in (BLANK, *(() if titles else (PLACEHOLDER,))) if form in forms.rows)


def _of_words(
    cells: Cells, forms: Forms, absent: Bools, rng: np.random.Generator
) -> tuple[Spread | None, Moments | None, Words]:
    import pyarrow.compute as pc

    assert cells.codes is not None
    assert cells.counts is not None
    counts = np.where(forms.levels_of(BLANK), 0, cells.counts)
    lengths = np.asarray(pc.utf8_length(cells.levels).to_numpy(zero_copy_only=False), dtype=np.int64)
    used = lengths[counts > 0]
    ascii_only = np.asarray(pc.string_is_ascii(cells.levels).to_numpy(zero_copy_only=False), dtype=bool)
    padded = np.asarray(pc.match_substring_regex(cells.levels, r"^\s|\s$").to_numpy(zero_copy_only=False), dtype=bool)
    total = max(int(counts.sum()), 1)
    facts = Words(
        shortest=int(used.min()) if len(used) else 0,
        longest=int(used.max()) if len(used) else 0,
        mean_length=float(np.dot(lengths, counts)) / total,
        padded=int(counts[padded].sum()),
        non_ascii=int(counts[~ascii_only].sum()),
        forms=dict(sorted(forms.rows.items(), key=lambda item: (-item[1], item[0]))),
        language=_language(cells, forms, rng),
    )
    families = forms.family_rows()
    main = max(families, key=lambda each: (families[each], each)) if families else ""
    if main == "number" and not cells.declared:
        values = as_numbers(cells.levels, forms)
        column = np.append(values, np.nan)[cells.codes]
        return spread_of(column, absent | np.isnan(column)), None, facts
    if main == "date" and not cells.declared:
        return None, _read_dates(cells, forms, rng), facts
    return None, None, facts


def _language(cells: Cells, forms: Forms, rng: np.random.Generator) -> str | None:
    free = np.flatnonzero(forms.levels_of(OTHER))
    if len(free) < 2:  # noqa: PLR2004 - one value has no language
        return None
    pick = np.sort(rng.choice(free, min(_TEXTS, len(free)), replace=False))
    return language_of(cells.levels.take(pick).to_pylist())


def _read_dates(cells: Cells, forms: Forms, rng: np.random.Generator) -> Moments | None:
    dates = np.flatnonzero(forms.levels_of(*(name for name, meaning in BY_FORM.items() if meaning == "date")))
    sampled = len(dates) > _PARSED
    if sampled:
        dates = np.sort(rng.choice(dates, _PARSED, replace=False))
    read = as_moments(cells.levels, forms, dates)
    assert cells.counts is not None
    repeated = np.repeat(read, cells.counts[dates])
    unreadable = int(cells.counts[dates][read == NAT].sum())
    good = repeated[repeated != NAT]
    zones = {
        name: rows
        for name, rows in forms.rows.items()
        if name in ("moment without a zone", "moment in UTC", "moment with an offset")
    }
    return _moments(good, zones, unreadable, sampled=sampled) if len(good) else None


def _moments(values: Ints, zones: dict[str, int], unreadable: int, *, sampled: bool) -> Moments | None:
    """Figures of moments in nanoseconds, of which there is none missing."""
    spread = spread_of(values, np.zeros(len(values), dtype=bool))
    if spread is None:
        return None
    ends = np.array([values.min(), values.max()]).view("datetime64[ns]")
    first, last = (str(np.datetime_as_string(end, unit="s")) for end in ends)
    drawn = spread.histogram
    return Moments(
        first,
        last,
        zones,
        unreadable,
        midnight=float(np.mean(values % _DAY == 0)),
        distinct=spread.distinct,
        histogram=replace(drawn, edges=tuple(edge / 1e9 for edge in drawn.edges)),
        sampled=sampled,
    )


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


__all__ = ["MOST", "ColumnProfile", "Moments", "View", "Words", "view_of"]
