"""The forms in which words say something else: dates, numbers, keys, addresses. Each distinct value gets the first form
that it has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.quality.profile.cells import Array, Cells, Ints

_SAMPLE = 4_000  # distinct values by which the forms worth trying on all are found
_FEW = 50_000  # distinct values that all forms are tried on
_HARDLY = 0.05  # share of the sample below which a column has no form
OTHER, BLANK, PLACEHOLDER = "other words", "blank", "word for missing"
_DATE_NAMED = re.compile(r"date|day|time|born|release|(^|[_ ])at$|(^|[_ ])(on|since|until)$|year", re.IGNORECASE)
_MONTH = "(0?[1-9]|1[0-2])"
_DAY = "(0?[1-9]|[12][0-9]|3[01])"
_LATE = "(1[3-9]|2[0-9]|3[01])"  # a day that no month is
_CLOCK = r"([01][0-9]|2[0-4]):[0-5][0-9](:[0-6][0-9]([.,][0-9]+)?)?"
_ISO = rf"[0-9]{{4}}-{_MONTH}-{_DAY}[T ]{_CLOCK}"
_SUFFIX = "wav|flac|ogg|mp3|aiff?|au|opus|m4a|mid|csv|json|parquet|txt|xml|png|jpe?g|gif|webp|svg|pdf|npy|npz|zip"


@dataclass(frozen=True)
class Form:
    """A form: its name, what it says (`family`), an expression of RE2 that a whole value matches, how pandas reads it."""

    name: str
    family: str
    pattern: str
    reads: str = ""


FORMS: tuple[Form, ...] = (
    Form("year-month-day", "date", rf"[0-9]{{4}}-{_MONTH}-{_DAY}", "%Y-%m-%d"),
    Form("year-month", "date", rf"[0-9]{{4}}-{_MONTH}", "%Y-%m"),
    Form("year", "date", r"(1[89]|20)[0-9]{2}", "%Y"),
    Form("yearmonthday", "date", r"(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])", "%Y%m%d"),
    Form("year/month/day", "date", rf"[0-9]{{4}}/{_MONTH}/{_DAY}", "%Y/%m/%d"),
    Form("day.month.year", "date", rf"{_DAY}\.{_MONTH}\.[0-9]{{4}}", "%d.%m.%Y"),
    Form("day/month/year", "date", rf"{_LATE}/{_MONTH}/[0-9]{{4}}", "%d/%m/%Y"),
    Form("month/day/year", "date", rf"{_MONTH}/{_LATE}/[0-9]{{4}}", "%m/%d/%Y"),
    Form("day or month/…/year", "date", rf"{_MONTH}/{_MONTH}/[0-9]{{4}}", "%d/%m/%Y"),
    Form("day-month-year", "date", rf"{_DAY}-{_MONTH}-[0-9]{{4}}", "%d-%m-%Y"),
    Form("moment without a zone", "date", _ISO, "ISO8601"),
    Form("moment in UTC", "date", rf"{_ISO} ?(Z|UTC|\+00:?00)", "ISO8601"),
    Form("moment with an offset", "date", rf"{_ISO} ?[+-][0-9]{{2}}:?[0-9]{{2}}", "ISO8601"),
    Form("month day, year", "date", r"[A-Z][a-z]{2,8}\.? [0-9]{1,2},? [0-9]{4}", "mixed"),
    Form("day month year", "date", r"[0-9]{1,2}\.? [A-Z][a-z]{2,8}\.? [0-9]{4}", "mixed"),
    Form("number", "number", r"\s*[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?\s*"),
    Form("number with a decimal comma", "number", r"\s*[-+]?[0-9]{1,3}((\.[0-9]{3})*|[0-9]*),[0-9]{1,2}\s*"),
    Form("number with thousands", "number", r"\s*[-+]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?\s*"),
    Form("per cent", "number", r"\s*[-+]?[0-9]+([.,][0-9]+)?\s?%\s*"),
    Form("amount of money", "number", r"\s*-?([$€£¥] ?[0-9][0-9.,]*|[0-9][0-9.,]* ?([$€£¥]|EUR|USD|GBP))\s*"),
    Form("yes or no", "yes or no", r"(?i)(yes|no|true|false|y|n|t|f|on|off)"),
    Form("ISRC", "ISRC", r"[A-Z]{2}-?[A-Z0-9]{3}-?[0-9]{2}-?[0-9]{5}"),
    Form("ISWC", "ISWC", r"T-?[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}-?[0-9]"),
    Form("UUID", "identifier", r"(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    Form("digest", "identifier", r"([0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128})"),
    Form("Spotify key", "identifier", r"(spotify:[a-z]+:)?[0-9A-Za-z]{22}"),
    Form("URL", "URL", r"(?i)(https?|ftp|s3|gs)://[^\s/]+\S*"),
    Form("e-mail", "e-mail", r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}"),
    Form("IP address", "identifier", r"[0-9]{1,3}(\.[0-9]{1,3}){3}"),
    Form("clock or length", "duration", r"[0-9]{1,3}:[0-5][0-9](:[0-5][0-9])?(\.[0-9]+)?"),
    Form("file", "path", rf"(?i).*[^/\\]\.({_SUFFIX})"),
    Form("JSON", "nested", r"(?s)\s*(\{.*\}|\[.*\])\s*"),
)
BY_NAME = {form.name: form for form in FORMS}
_AMBIGUOUS = ("year", "yearmonthday")  # a number as well, unless other dates or the name say otherwise
_NOTHING = "na,n/a,#n/a,nan,null,(null),none,nil,-,--,---,?,??,.,missing,undefined,not available,not applicable,unknown,inf,-inf"
PLACEHOLDERS = tuple(_NOTHING.split(","))


@dataclass(frozen=True, eq=False)
class Forms:
    """What form each level has: `of_level` `(k,)` points into `names`; `rows` counts the cells of each."""

    names: tuple[str, ...]
    of_level: NDArray[np.int16]
    rows: dict[str, int]

    def family_rows(self) -> dict[str, int]:
        """Cells by family, those of no form as `OTHER`; blanks and placeholders are not counted."""
        found: dict[str, int] = {}
        for name, rows in self.rows.items():
            if name not in (BLANK, PLACEHOLDER):
                family = BY_NAME[name].family if name in BY_NAME else OTHER
                found[family] = found.get(family, 0) + rows
        return found

    def levels_of(self, *names: str) -> NDArray[np.bool_]:
        """Which levels have one of these forms."""
        return np.isin(self.of_level, [self.names.index(name) for name in names if name in self.names])


def forms_of(cells: Cells, rng: np.random.Generator) -> Forms:
    """Find the form of each distinct value; where there are very many, the forms that a sample has are tried on all."""
    import pyarrow.compute as pc

    levels, counts = cells.levels, cells.counts
    assert counts is not None  # words have them
    names = (OTHER, BLANK, PLACEHOLDER, *BY_NAME)
    found = np.zeros(len(levels), dtype=np.int16)
    trimmed = pc.utf8_lower(pc.utf8_trim_whitespace(levels))
    found[_true(pc.equal(trimmed, ""))] = 1
    found[_true(pc.is_in(trimmed, value_set=_set(PLACEHOLDERS)))] = 2
    pick = np.arange(len(levels))
    if len(levels) > _SAMPLE:
        pick = np.sort(rng.choice(len(levels), _SAMPLE, replace=False))
    tried = _try(levels.take(pick) if len(pick) < len(levels) else levels, found[pick], FORMS)
    known = tried >= len((OTHER, BLANK, PLACEHOLDER))
    weight = counts[pick]
    filled = weight[(tried == 0) | known].sum()
    if len(pick) == len(levels):
        found = tried
    elif filled and weight[known].sum() >= _HARDLY * filled:
        seen = [form for form in FORMS if names.index(form.name) in tried]
        found = _try(levels, found, seen)
        rest = np.flatnonzero(found == 0)
        if len(rest) <= _FEW:
            found[rest] = _try(levels.take(rest), found[rest], FORMS)
    found = _settle(found, counts, names, cells.name)
    rows = np.bincount(found, weights=counts, minlength=len(names)).astype(int)
    return Forms(names, found, {name: int(rows[code]) for code, name in enumerate(names) if rows[code]})


def _try(levels: Any, found: NDArray[np.int16], forms: Any) -> NDArray[np.int16]:
    import pyarrow.compute as pc

    found = found.copy()
    for form in forms:
        left = np.flatnonzero(found == 0)
        if not len(left):
            break
        values = levels if len(left) == len(levels) else levels.take(left)
        hit = _true(pc.match_substring_regex(values, rf"^(?:{form.pattern})$"))
        found[left[hit]] = 3 + FORMS.index(form)
    return found


def _settle(found: NDArray[np.int16], counts: Ints, names: tuple[str, ...], name: str) -> NDArray[np.int16]:
    """Decide what two forms would read: `2019` is a year among dates and a number among numbers; 03/04 takes the column's order."""
    rows = np.bincount(found, weights=counts, minlength=len(names))
    code = {each: number for number, each in enumerate(names)}
    dates = sum(rows[code[f.name]] for f in FORMS if f.family == "date" and f.name not in _AMBIGUOUS)
    numbers = sum(rows[code[f.name]] for f in FORMS if f.family == "number")
    if numbers > dates or (dates == 0 and not _DATE_NAMED.search(name)):
        found = np.where(np.isin(found, [code[each] for each in _AMBIGUOUS]), code["number"], found)
    day, month, unclear = (code[each] for each in ("day/month/year", "month/day/year", "day or month/…/year"))
    if rows[unclear] and (rows[day] > 0) != (rows[month] > 0):
        found = np.where(found == unclear, day if rows[day] else month, found)
    return found.astype(np.int16)


def _true(mask: Any) -> NDArray[np.bool_]:
    return np.asarray(mask.fill_null(False).to_numpy(zero_copy_only=False), dtype=bool)


def _set(words: tuple[str, ...]) -> Any:
    import pyarrow as pa

    return pa.array(words, type=pa.string())


def as_numbers(levels: Any, forms: Forms) -> Array:
    """Levels as numbers `(k,)`, NaN where a level has no form of a number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = np.full(len(levels), np.nan)
    plainly = np.flatnonzero(forms.levels_of("number", *_AMBIGUOUS))
    text = pc.replace_substring_regex(pc.utf8_trim_whitespace(levels.take(plainly)), r"^\+", "")
    numbers[plainly] = pc.cast(text, pa.float64()).to_numpy(zero_copy_only=False)
    others = [f.name for f in FORMS if f.family == "number" and f.name != "number"]
    for at in np.flatnonzero(forms.levels_of(*others)).tolist():
        form = forms.names[forms.of_level[at]]
        words = str(levels[at].as_py()).strip()
        words = re.sub(r"[^0-9.,+-]", "", words)
        words = words.replace(".", "").replace(",", ".") if _comma(words, form) else words.replace(",", "")
        try:
            numbers[at] = float(words)
        except ValueError:
            continue
    return numbers


def _comma(words: str, form: str) -> bool:
    return form == "number with a decimal comma" or (
        form != "number with thousands" and bool(re.search(r",[0-9]{1,2}$", words))
    )


def as_moments(levels: Any, forms: Forms, at: Ints) -> Ints:
    """Chosen levels as nanoseconds since 1970 in UTC, `NAT` where a level is no date or no such day exists."""
    import pandas as pd

    moments = np.full(len(at), np.iinfo(np.int64).min, dtype=np.int64)
    form_of = forms.of_level[at]
    for code in np.unique(form_of).tolist():
        form = BY_NAME.get(forms.names[code])
        if form is None or form.family != "date":
            continue
        own = np.flatnonzero(form_of == code)
        words = pd.Series(levels.take(at[own]).to_pylist(), dtype=object)
        read = pd.to_datetime(words, format=form.reads, errors="coerce", utc=True)
        moments[own] = read.dt.tz_localize(None).astype("datetime64[ns]").to_numpy().view(np.int64)
    return moments
