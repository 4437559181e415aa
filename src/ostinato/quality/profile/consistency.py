"""What does not fit inside a column: several types or date forms, changes half-way, zones, blanks, spellings, impossible values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ostinato.quality.profile.cells import NAIVE, Bools
from ostinato.quality.profile.column import View
from ostinato.quality.profile.finding import EXAMPLES, Finding, counted, percent, shown
from ostinato.quality.profile.formats import BLANK, BY_NAME, OTHER, PLACEHOLDER
from ostinato.quality.profile.meaning import MOST

_PURE = 0.95  # share of one kind before and of the others after a row that make it a change half-way
_FEWEST = 20  # rows on either side of a change
_ZONES = ("moment without a zone", "moment in UTC", "moment with an offset")
_FEW_SPELLINGS = 5_000  # distinct words whose spellings are compared
_OLD, _AHEAD = "1900-01-02", "2100-01-01"
_FILLERS = ("1970-01-01T00:00:00", "1900-01-01T00:00:00", "9999-12-31T00:00:00")
_SENTINELS = (-1.0, -9.0, -99.0, -999.0, -9999.0, 999.0, 9999.0, 99999.0, 999999.0)
_SPIKE, _TIMES = 0.03, 5.0  # share of one value at the edge, and how often it is what a value occurs otherwise
_SPIKY = 50  # distinct values from which one can stand out
_LOOKED_THROUGH = 10_000  # odd rows among which different examples are looked for
_GARBLED = "\ufffd|\u00c3[\u0080-\u00bf]|\u00e2\u20ac|\u00c2[\u0080-\u00bf]"  # é as Ã©, ’ as â€™
_FAR = 0.05  # share of far values beyond which the spread is long, and they are no outliers


def inconsistencies(view: View, target: str | None = None) -> list[Finding]:
    """All that does not fit inside one column; one value too often weighs more in the `target`."""
    found: list[Finding] = []
    if view.cells.types:
        found += _types(view)
    elif view.forms is not None:
        found += _forms(view)
    if view.forms is not None:
        found += [*_blanks(view), *_spellings(view), *_garbled(view)]
    return [*found, *_zones(view), *_dates(view), *_numbers(view, target)]


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
            *_examples(view, np.append(view.forms.levels_of("day or month/…/year"), False)[view.cells.codes]),
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
    return Finding(kind, severity, (view.name,), says, todo, int(odd.sum()), *_examples(view, odd))  # type: ignore[arg-type]


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


def _blanks(view: View) -> Iterator[Finding]:
    assert view.forms is not None
    odd = view.absent & ~view.cells.missing
    if odd.any():
        levels = view.forms.levels_of(BLANK, PLACEHOLDER)
        words = sorted({repr(str(view.cells.levels[at].as_py())) for at in np.flatnonzero(levels).tolist()})
        count = int(odd.sum())
        yield Finding(
            "blank_values",
            "warning",
            (view.name,),
            f"{counted(count, 'value')} {'are' if count > 1 else 'is'} blank or stand{'s' * (count == 1)} for nothing: "
            f"{', '.join(words[:EXAMPLES])}",
            "Make them missing, or say in the suite that they are values",
            count,
            tuple(np.flatnonzero(odd)[:EXAMPLES].tolist()),
        )


def _spellings(view: View) -> Iterator[Finding]:
    """Categories that differ in case or spaces alone."""
    if view.profile.meaning not in ("category", "yes or no", "language") or len(view.cells.levels) > _FEW_SPELLINGS:
        return
    assert view.cells.counts is not None
    groups: dict[str, list[int]] = {}
    for at, level in enumerate(view.cells.levels.to_pylist()):
        if view.cells.counts[at]:
            groups.setdefault(" ".join(str(level).casefold().replace("_", " ").replace("-", " ").split()), []).append(
                at
            )
    several = [sorted(group, key=lambda at: -view.cells.counts[at]) for group in groups.values() if len(group) > 1]  # type: ignore[index]
    if several:
        odd = np.zeros(len(view.cells.levels) + 1, dtype=bool)
        odd[[at for group in several for at in group[1:]]] = True
        pairs = " / ".join(repr(view.cells.levels[at].as_py()) for at in several[0])
        rows = odd[view.cells.codes]
        yield Finding(
            "spellings",
            "warning",
            (view.name,),
            f"{counted(len(several), 'category').replace('categorys', 'categories')} written in more than one way, such as {pairs}",
            "Map each to one spelling",
            int(rows.sum()),
            *_examples(view, rows),
        )


def _zones(view: View) -> Iterator[Finding]:
    moments = view.profile.moments
    if moments is None or len(moments.zones) < 2:  # noqa: PLR2004 - one zone is no mix
        return
    bare = moments.zones.get(NAIVE, 0) + moments.zones.get("moment without a zone", 0)
    said = ", ".join(f"{counted(rows, 'row')} {_zone(name)}" for name, rows in moments.zones.items())
    yield Finding(
        "time_zones",
        "critical" if bare else "warning",
        (view.name,),
        f"moments are in {len(moments.zones)} zones: {said}",
        "Say which zone those without one are in; they were read as UTC" if bare else "Convert all to UTC",
        bare or sum(moments.zones.values()) - max(moments.zones.values()),
    )


def _zone(name: str) -> str:
    return "without a zone" if name in (NAIVE, "moment without a zone") else name.replace("moment ", "")


def _dates(view: View) -> Iterator[Finding]:
    moments = view.profile.moments
    if moments is None:
        return
    if moments.unreadable:
        yield Finding(
            "impossible_dates",
            "warning",
            (view.name,),
            f"{counted(moments.unreadable, 'value')} have the form of a date and name a day that does not exist",
            "Mend them at the source, or treat them as missing",
            moments.unreadable,
        )
    odd = [end for end in (moments.first, moments.last) if end in _FILLERS or end < _OLD or end > _AHEAD]
    if odd:
        yield Finding(
            "unlikely_dates",
            "warning",
            (view.name,),
            f"it reaches from {moments.first} to {moments.last}",
            f"Look whether {' and '.join(odd)} stand{'s' * (len(odd) == 1)} for an unknown date",
        )


def _numbers(view: View, target: str | None) -> Iterator[Finding]:
    spread = view.profile.spread
    if spread is None:
        return
    if spread.infinite:
        numbers = view.numbers()
        odd = np.isinf(numbers)
        yield Finding(
            "infinite",
            "warning",
            (view.name,),
            f"{counted(spread.infinite, 'value')} {'are' if spread.infinite > 1 else 'is'} infinite",
            "Treat them as missing; look for a division by zero where the column is made",
            spread.infinite,
            *_examples(view, odd),
        )
    low, high = spread.quantiles["0"], spread.quantiles["1"]
    if view.profile.meaning != "number" or spread.distinct < _SPIKY:
        return
    ordinary = (view.profile.filled - spread.mode_count) / max(spread.distinct - 1, 1)
    edge = spread.mode in (low, high, 0.0)
    if edge and spread.mode_count >= max(_SPIKE * view.profile.filled, _TIMES * ordinary, _FEWEST):
        odd = view.numbers() == spread.mode
        sentinel = spread.mode in _SENTINELS
        yield Finding(
            "spike",
            "warning" if sentinel or view.name == target else "info",
            (view.name,),
            f"{percent(spread.mode_count / view.profile.filled)} of its values are {spread.mode:g}, "
            f"{_times(spread.mode_count / max(ordinary, 1e-9))} as often as other values",
            f"Find out whether {spread.mode:g} is measured or stands for unknown; if unknown, make it missing",
            spread.mode_count,
            tuple(np.flatnonzero(odd)[:EXAMPLES].tolist()),
        )


def _times(ratio: float) -> str:
    return f"{float(f'{ratio:.2g}'):,.0f} times"


def far_out(views: Sequence[View]) -> list[Finding]:
    """One finding for all columns with values far outside, the most of them first, with the farthest of each."""
    own = [
        view
        for view in views
        if (s := view.profile.spread)
        and view.profile.meaning == "number"
        and 0 < s.far_out <= _FAR * view.profile.filled
    ]
    own.sort(key=lambda view: (-view.profile.spread.far_out, view.name))  # type: ignore[union-attr]
    if not own:
        return []
    said, rows, values = [], [], []
    for view in own:
        spread = view.profile.spread
        assert spread is not None  # chosen so
        numbers = view.numbers()
        distance = np.where(np.isfinite(numbers), np.abs(numbers - spread.quantiles["0.5"]), -1.0)
        worst = int(np.argmax(distance))
        said.append(f"{view.name} {spread.far_out:,} ({percent(spread.far_out / view.profile.filled)})")
        rows.append(worst)
        values.append(f"{view.name} {numbers[worst]:.6g}")
    return [
        Finding(
            "far_out",
            "info",
            tuple(view.name for view in own),
            f"values lie beyond 3 interquartile ranges of the quartiles: {', '.join(said[:EXAMPLES])}"
            + (f" and {len(said) - EXAMPLES} more columns" if len(said) > EXAMPLES else ""),
            "Look at the farthest; keep what was measured, clip or set aside what was not",
            None,
            tuple(rows[:EXAMPLES]),
            tuple(values[:EXAMPLES]),
        )
    ]


def _examples(view: View, odd: Bools) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Rows and their values, different ones where there are."""
    rows = np.flatnonzero(odd)[:_LOOKED_THROUGH]
    if view.cells.codes is not None:
        codes = view.cells.codes[rows]
        rows = rows[np.sort(np.unique(codes, return_index=True)[1])][:EXAMPLES]
        return tuple(rows.tolist()), tuple(shown(view.cells.levels[int(view.cells.codes[row])].as_py()) for row in rows)
    values, rows = view.cells.values, rows[:EXAMPLES]
    return tuple(rows.tolist()), tuple(f"{values[row]:.6g}" for row in rows) if values is not None else ()


def _garbled(view: View) -> Iterator[Finding]:
    """UTF-8 that was read as Latin-1, and letters that were lost on the way."""
    import pyarrow.compute as pc

    if view.profile.words is None or not view.profile.words.non_ascii:
        return
    hit = pc.match_substring_regex(view.cells.levels, _GARBLED).fill_null(False).to_numpy(zero_copy_only=False)
    odd = np.append(np.asarray(hit, dtype=bool), False)[view.cells.codes]
    if odd.any():
        says = f"{counted(int(odd.sum()), 'value')} hold{'s' * int(odd.sum() == 1)} letters that were read in the wrong encoding"
        todo = "Read the source as UTF-8 (or as what it is); lost letters do not come back"
        yield Finding("garbled", "warning", (view.name,), says, todo, int(odd.sum()), *_examples(view, odd))
