"""What words and moments of a column say: lengths, forms, numbers and dates written as text, which of them stand for nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ostinato.quality.profile.cells import NAT, Bools, Cells, Ints
from ostinato.quality.profile.column import Moments, Words
from ostinato.quality.profile.formats import BLANK, OTHER, PLACEHOLDER, Forms, as_moments, as_numbers
from ostinato.quality.profile.language import language_of
from ostinato.quality.profile.meaning import BY_FORM, MOST
from ostinato.quality.profile.spread import Spread, spread_of

_DAY = 86_400_000_000_000  # nanoseconds
_PARSED = 50_000  # distinct dates that are read; of more a sample
_TITLES, _TITLES_SHARE = 50, 0.2  # more distinct words than that are names and not categories
_TEXTS = 500  # texts by which a language is guessed


def empty_forms(forms: Forms, cells: Cells) -> tuple[str, ...]:
    """The forms that stand for nothing: blanks always, words such as `unknown` not among names and texts.

    In a list of songs `None` and `?` are titles; only an empty cell is nothing there.
    """
    families = forms.family_rows()
    free = families.get(OTHER, 0) >= MOST * max(sum(families.values()), 1)
    titles = free and len(cells.levels) > max(_TITLES, _TITLES_SHARE * cells.filled)
    return tuple(form for form in (BLANK, *(() if titles else (PLACEHOLDER,))) if form in forms.rows)


def contents_of(
    cells: Cells, forms: Forms, absent: Bools, rng: np.random.Generator
) -> tuple[Spread | None, Moments | None, Words]:
    """Figures of words, and of the numbers or moments that most of them write."""
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
    return moments_of(good, zones, unreadable, sampled=sampled) if len(good) else None


def moments_of(values: Ints, zones: dict[str, int], unreadable: int, *, sampled: bool) -> Moments | None:
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
