"""What a column means to a reader, beyond how it is stored."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from ostinato.quality.profile.cells import Bools, Cells
from ostinato.quality.profile.formats import FORMS, OTHER, Forms
from ostinato.quality.profile.spread import Spread

MOST = 0.9  # share of the filled cells that must have a form for the column to be of it
BY_FORM = {form.name: form.family for form in FORMS}
_UNIQUE = 0.98  # share of distinct values from which a column can tell rows apart
_FEW_LEVELS = 20
_LEVELS_SHARE, _MOST_LEVELS = 0.05, 2_000
_FEW_CODES, _ROWS_OF_CODES = 12, 100  # a whole number of so few values on so many rows is a category
_LONG_TEXT, _MANY_WORDS = 60, 8
_YEARS = (1800, 2100)
_EPOCHS = ((946_684_800, 4_102_444_800, "s"), (946_684_800_000, 4_102_444_800_000, "ms"))  # the years 2000 to 2100
_KEY = re.compile(
    r"(^|[_\-. ])(id|ids|key|uuid|guid|uid|hash|digest|sha1|sha256|md5|mbid|upc|ean|row|index)$", re.IGNORECASE
)
_CAMEL_KEY = re.compile(r"[a-z](Id|ID|Key|Uuid|UUID)$")
_TIMED = re.compile(r"(^|[_\-. ])(ts|time|timestamp|date|at|registration|when)$|_(at|ts)$|[Tt]ime", re.IGNORECASE)
_LANGUAGE_NAMED = re.compile(r"lang|locale", re.IGNORECASE)
_CODES = (
    "aa ab af ak am ar as az ba be bg bn bo br bs ca co cs cy da de dz el en eo es et eu fa fi fj fo fr fy ga gd gl gu ha "
    "he hi hr ht hu hy ia id ig is it iu ja jv ka kk kl km kn ko ku ky la lb ln lo lt lv mg mi mk ml mn mr ms mt my nb ne "
    "nl nn no oc om or pa pl ps pt qu rm ro ru rw sa sd se si sk sl sm sn so sq sr st su sv sw ta te tg th ti tk tl tn to "
    "tr ts tt uk ur uz vi wo xh yi yo za zh zu eng deu ger fra fre spa ita por rus jpn zho chi kor zxx und mul"
)
_LANGUAGES = frozenset(_CODES.split())  # ISO 639-1, and the codes of 639-2 that catalogues use


@dataclass(frozen=True, eq=False)
class Sight:
    """What a meaning is read off."""

    name: str
    cells: Cells
    forms: Forms | None
    absent: Bools
    distinct: int
    spread: Spread | None
    mean_length: float

    @property
    def filled(self) -> int:
        """Cells that hold a value."""
        return len(self.absent) - int(self.absent.sum())


def is_key_named(name: str) -> bool:
    """Whether a name says that its column identifies something.

    >>> [is_key_named(name) for name in ("track_id", "customerID", "valid", "sha256")]
    [True, True, False, True]
    """
    return bool(_KEY.search(name) or _CAMEL_KEY.search(name))


def meaning_of(sight: Sight) -> str:
    """One word or two for what the column holds."""
    if sight.filled == 0:
        return "nothing"
    if sight.distinct == 1 and not (sight.spread is not None and sight.spread.infinite):
        return "constant"
    if sight.cells.store == "moment":
        return "date"
    if sight.cells.store == "boolean":
        return "yes or no"
    if sight.cells.store == "number":
        return _number(sight)
    return _words(sight)


def _number(sight: Sight) -> str:  # noqa: PLR0911 - one rule a return, in order of precedence
    spread = sight.spread
    if spread is None:
        return "number"
    low, high = spread.quantiles["0"], spread.quantiles["1"]
    if spread.distinct == 2 and (low, high) == (0, 1) and not spread.infinite:  # noqa: PLR2004
        return "yes or no"
    if not spread.whole:
        return "number"
    if _TIMED.search(sight.name) and any(first <= low and high <= last for first, last, _ in _EPOCHS):
        return "date"
    if "year" in sight.name.lower() and _YEARS[0] <= low and high <= _YEARS[1]:
        return "year"
    unique = spread.distinct == sight.filled > 1
    running = unique and high - low == spread.distinct - 1
    if (unique and is_key_named(sight.name)) or (running and sight.filled > _FEW_LEVELS):
        return "identifier"
    if spread.distinct <= _FEW_CODES and sight.filled >= _ROWS_OF_CODES and not spread.infinite:
        return "category"
    if is_key_named(sight.name):
        return "reference"
    return "number"


def _words(sight: Sight) -> str:
    forms = sight.forms
    assert forms is not None  # words have them
    if sight.cells.declared:
        return "category"
    if sight.cells.types:
        return "mixed"
    families = forms.family_rows()
    total = sum(families.values())
    if total:
        family, rows = max(families.items(), key=lambda item: (item[1], item[0]))
        if family == "number" and rows >= MOST * total and (is_key_named(sight.name) or _leads_with_zero(sight)):
            return "identifier" if sight.distinct >= _UNIQUE * sight.filled else "reference"
        if family not in (OTHER, "identifier") and rows >= MOST * total:
            return family if family != "yes or no" or rows == total else "category"  # with a third answer
        if family == "identifier" and rows >= MOST * total:
            return "identifier" if sight.distinct >= _UNIQUE * sight.filled else "reference"
    return _free(sight)


def _leads_with_zero(sight: Sight) -> bool:
    """Whether digits are written to one width with zeros before them, as in 00420: a code, and no number."""
    sample = [str(level) for level in sight.cells.levels.slice(0, 1000).to_pylist() if str(level).isdigit()]
    led = sum(word.startswith("0") and len(word) > 1 for word in sample)
    return led >= (1 - MOST) * len(sample) > 0 and len({len(word) for word in sample}) == 1


def _free(sight: Sight) -> str:
    levels = sight.cells.levels
    sample = [str(level) for level in levels.slice(0, 1000).to_pylist()]
    if (
        _LANGUAGE_NAMED.search(sight.name)
        and np.mean([level.strip().lower().split("-")[0].split("_")[0] in _LANGUAGES for level in sample]) >= MOST
    ):
        return "language"
    unique = sight.distinct >= _UNIQUE * sight.filled and sight.filled > _FEW_LEVELS
    spaced = float(np.mean([" " in level.strip() for level in sample]))
    with_digits = float(np.mean([any(c.isdigit() for c in level) for level in sample]))
    if unique and spaced < 1 - MOST and (is_key_named(sight.name) or with_digits >= MOST):
        return "identifier"
    if is_key_named(sight.name) and spaced < 1 - MOST:
        return "reference"
    few = sight.distinct <= _FEW_LEVELS and sight.distinct <= 0.5 * sight.filled
    if few or (sight.distinct <= _LEVELS_SHARE * sight.filled and sight.distinct <= _MOST_LEVELS):
        return "category"
    if sight.mean_length >= _LONG_TEXT or np.mean([len(level.split()) for level in sample]) >= _MANY_WORDS:
        return "text"
    return "name"
