"""What does not fit inside a column: several types or date forms, changes half-way, zones, blanks, spellings, impossible values."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ostinato.quality.profile.cells import Bools
from ostinato.quality.profile.finding import Finding, counted, percent
from ostinato.quality.profile.formats import BLANK, BY_NAME, OTHER, PLACEHOLDER
from ostinato.quality.profile.meaning import MOST
from ostinato.quality.profile.plausibility import dates, numbers, zones
from ostinato.quality.profile.spelling import blanks, examples, garbled, spellings
from ostinato.quality.profile.view import View

_PURE = 0.95  # share of one kind before and of the others after a row that make it a change half-way
_FEWEST = 20  # rows on either side of a change
_ZONES = ("moment without a zone", "moment in UTC", "moment with an offset")


def inconsistencies(view: View, target: str | None = None) -> list[Finding]:
    """All that does not fit inside one column; one value too often weighs more in the `target`."""
    found: list[Finding] = []
    if view.cells.types:
        found += _types(view)
    elif view.forms is not None:
        found += _forms(view)
    if view.forms is not None:
        found += [*blanks(view), *spellings(view), *garbled(view)]
    return [*found, *zones(view), *dates(view), *numbers(view, target)]


def _types(view: View) -> Iterator[Finding]:
    """Python objects of several types in one column."""
    types = view.profile.types
    codes = view.cells.type_codes
    assert codes is not None  # several types have codes
    main = next(iter(types))
    order = sorted(types, key=lambda kind: -types[kind])
    odd = (codes >= 0) & (codes != order.index(main))
    said = ", ".join(f"{percent(rows / view.cells.filled)} {kind}" for kind, rows in types.items())
    yield _mix(
        "mixed_types", view, odd, f"it holds values of {len(types)} types: {said}", "Make them one type at the source"
    )


def _forms(view: View) -> Iterator[Finding]:
    """Words of which most have one form, and some have another or none."""
    assert view.forms is not None
    families = view.forms.family_rows()
    total = sum(families.values())
    if not total or set(families) == {OTHER}:
        return
    main = max(families, key=lambda each: (families[each], each))
    level_family = np.array([_family(name) for name in view.forms.names], dtype=object)
    family = np.append(level_family[view.forms.of_level], "")[view.cells.codes]
    told = main == "yes or no" and view.profile.meaning == "category"  # yes, no, and a third answer
    if main != OTHER and not told and families[main] >= 0.5 * total and families[main] < total:
        odd = (family != main) & (family != "")
        rest = ", ".join(f"{counted(rows, 'row')} of {name}" for name, rows in families.items() if name != main)
        says = f"{percent(families[main] / total)} of its values are {_plural(main)}; {rest} are not"
        yield _mix("mixed_content", view, odd, says, "Mend those values at the source, or treat them as missing")
    elif len(families) > 1 and (turn := _turn(family == main, family != "")) is not None:
        yield _mix(
            "mixed_content",
            view,
            (family != main) & (family != ""),
            "its content changes",
            "Read the parts apart",
            turn,
        )
    if main == "date":
        yield from _date_forms(view)
    if main == "number" and families[main] >= MOST * total and view.profile.meaning == "number":
        yield Finding(
            "numbers_as_text",
            "info" if view.profile.blank == 0 and families[main] == total else "warning",
            (view.name,),
            f"numbers are stored as text ({counted(families[main], 'value')})",
            "Convert the column to numbers, blanks to missing",
            families[main],
        )


def _plural(family: str) -> str:
    return {"date": "dates", "number": "numbers", "identifier": "keys of one form", "path": "paths"}.get(family, family)


def _family(name: str) -> str:
    if name in (BLANK, PLACEHOLDER):
        return ""
    return BY_NAME[name].family if name in BY_NAME else OTHER


def _date_forms(view: View) -> Iterator[Finding]:
    assert view.forms is not None
    forms = {name: rows for name, rows in view.forms.rows.items() if _family(name) == "date"}
    zoned = [name for name in forms if name in _ZONES]
    if len(forms) - max(len(zoned) - 1, 0) > 1:
        main = max(forms, key=lambda each: (forms[each], each))
        odd = np.append(view.forms.levels_of(*(set(forms) - {main})), False)[view.cells.codes]
        said = ", ".join(
            f"{counted(rows, 'row')} as {name}" for name, rows in sorted(forms.items(), key=lambda i: -i[1])
        )
        yield _mix("date_forms", view, odd, f"dates are written in {len(forms)} forms: {said}", _mending(forms))
    if "day or month/…/year" in forms:
        yield Finding(
            "date_order_unclear",
            "warning",
            (view.name,),
            f"{counted(forms['day or month/…/year'], 'date')} could be day/month or month/day, and no other date decides it",
            "Ask the source for its order, and write dates as year-month-day",
            forms["day or month/…/year"],
            *examples(view, np.append(view.forms.levels_of("day or month/…/year"), False)[view.cells.codes]),
        )


def _mending(forms: dict[str, int]) -> str:
    if {"year", "year-month"} & set(forms):
        return "A date known to the year only is not the first of January: keep the precision in a column of its own"
    return "Write all as year-month-day"


def _mix(kind: str, view: View, odd: Bools, says: str, todo: str, turn: int | None = None) -> Finding:
    """A finding about rows of another kind, which says from which row on they come where they come together."""
    at = turn if turn is not None else _turn(odd, ~view.cells.missing)
    if at is not None:
        says += f"; it changes at row {at:,}, as if two sources were joined"
    share = odd.sum() / max(view.cells.filled, 1)
    severity = "critical" if at is not None and kind != "date_forms" else ("warning" if share > 0 else "info")
    return Finding(kind, severity, (view.name,), says, todo, int(odd.sum()), *examples(view, odd))  # type: ignore[arg-type]


def _turn(odd: Bools, known: Bools) -> int | None:
    """The row from which on a column holds another kind, None where the kinds are strewn."""
    rows = np.flatnonzero(known)
    flags = odd[rows]
    total, n = int(flags.sum()), len(flags)
    if min(total, n - total) < _FEWEST:
        return None
    before = np.cumsum(flags)[:-1]
    size = np.arange(1, n)
    first, second = before / size, (total - before) / (n - size)
    apart = np.abs(first - second)
    apart[: _FEWEST - 1] = apart[n - _FEWEST :] = 0.0
    best = int(np.argmax(apart))
    low, high = sorted((float(first[best]), float(second[best])))
    return int(rows[best + 1]) if low <= 1 - _PURE and high >= _PURE else None
