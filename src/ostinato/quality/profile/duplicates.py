"""Rows, keys and columns that occur twice, and columns that say nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ostinato.quality.profile.cells import Bools, Ints
from ostinato.quality.profile.finding import EXAMPLES, Finding, counted, percent, shown
from ostinato.quality.profile.hashing import Hashes
from ostinato.quality.profile.view import View

_NEARLY = 0.995  # share of one value from which a column hardly varies
_LOOKED_AT = 4_096  # rows by which columns are compared before all rows are
_SLIPS = 0.02  # share of repeats up to which a key was meant to be unique, whatever its rows hold
_RENAMED = 0.2  # distinct values per row up to which equal groups are a renaming; nearly unique columns group rows alike by nature
_KEYS = ("identifier", "reference", "ISRC", "ISWC", "UUID")
_KEY_SHARE = 0.5  # distinct values per row from which a repeated key is one of the rows, and not of a group of them


@dataclass(frozen=True)
class KeyFacts:
    """How often a key repeats: its distinct values, the rows over, columns that agree within a key and those that differ."""

    columns: tuple[str, ...]
    distinct: int
    repeats: int
    most: int
    same: tuple[str, ...]
    differing: tuple[str, ...]


@dataclass(frozen=True)
class Duplicates:
    """Rows equal to an earlier row in every column; what is known of keys; columns that hold the same as another."""

    rows: int
    keys: tuple[KeyFacts, ...]
    equal_columns: tuple[tuple[str, ...], ...]


def duplicates_of(
    views: Sequence[View], key: tuple[str, ...] | None, target: str | None
) -> tuple[Duplicates, list[Finding]]:
    """Find what occurs twice. `key` names the columns that should tell rows apart; else those that look like it."""
    findings: list[Finding] = []
    total = np.zeros(len(views[0].absent), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for view in views:
            total += view.hashes
    repeated = _repeats(total)
    if repeated.any():
        findings.append(_rows_finding(repeated))
    keys = [_key_facts(views, columns) for columns in _keys(views, key)]
    if key is None:  # a key of a larger thing, such as the album, groups rows and does not tell them apart
        keys = [
            facts
            for facts in keys
            if facts.repeats <= _SLIPS * (facts.distinct + facts.repeats) or len(facts.same) >= len(facts.differing)
        ]
        keys = [facts for at, facts in enumerate(keys) if not any(_renamed(each, facts) for each in keys[:at])]
    findings += [_key_finding(views, facts, key is not None, target) for facts in keys if facts.repeats]
    equal = _equal_columns(views)
    findings += [_columns_finding(names) for names in equal]
    findings += [finding for view in views if (finding := _still(view)) is not None]
    return Duplicates(int(repeated.sum()), tuple(keys), tuple(equal)), findings


def _repeats(hashes: Hashes) -> Bools:
    """Which rows equal an earlier one."""
    import pandas as pd

    ordered = np.sort(hashes)
    if not (ordered[1:] == ordered[:-1]).any():
        return np.zeros(len(hashes), dtype=bool)
    return np.asarray(pd.Series(hashes).duplicated().to_numpy(), dtype=bool)


def _rows_finding(repeated: Bools) -> Finding:
    count, rows = int(repeated.sum()), len(repeated)
    return Finding(
        "duplicate_rows",
        "warning",
        (),
        f"{counted(count, 'row')} ({percent(count / rows)}) {'are' if count > 1 else 'is'} equal to an earlier row in every column",
        "Drop them before splitting, or the same row is learnt from and judged by",
        count,
        tuple(np.flatnonzero(repeated)[:EXAMPLES].tolist()),
    )


def _keys(views: Sequence[View], key: tuple[str, ...] | None) -> list[tuple[str, ...]]:
    if key is not None:
        return [key]
    likely = [
        view
        for view in views
        if view.profile.meaning in _KEYS and view.profile.distinct >= _KEY_SHARE * max(view.profile.filled, 1)
    ]
    return [(view.name,) for view in likely]


def _key_facts(views: Sequence[View], columns: tuple[str, ...]) -> KeyFacts:
    import pandas as pd

    own = [view for view in views if view.name in columns]
    if len(own) == 1 and own[0].profile.distinct == own[0].profile.filled:
        return KeyFacts(columns, own[0].profile.distinct, 0, min(own[0].profile.filled, 1), (), ())
    with np.errstate(over="ignore"):
        hashes = np.add.reduce([view.hashes for view in own])
    filled = ~np.logical_and.reduce([view.absent for view in own])
    codes, values = pd.factorize(hashes[filled])
    counts = np.bincount(codes, minlength=len(values))
    rows = np.flatnonzero(filled)
    same, differing = list[str](), list[str]()
    if len(values) < len(rows):
        inside = counts[codes] > 1
        for view in views:
            if view.name not in columns:
                (same if _constant_within(view.hashes[rows[inside]], codes[inside]) else differing).append(view.name)
    most = int(counts.max()) if len(counts) else 0
    return KeyFacts(columns, len(values), len(rows) - len(values), most, tuple(same), tuple(differing))


def _constant_within(hashes: Hashes, codes: Ints) -> bool:
    """Whether all rows of a group hold the same."""
    first = np.zeros(int(codes.max()) + 1, dtype=np.uint64)
    first[codes] = hashes
    return bool((first[codes] == hashes).all())


def _key_finding(views: Sequence[View], facts: KeyFacts, stated: bool, target: str | None) -> Finding:
    own = [view for view in views if view.name in facts.columns]
    with np.errstate(over="ignore"):
        hashes = np.add.reduce([view.hashes for view in own])
    repeated = _repeats(hashes) & ~np.logical_and.reduce([view.absent for view in own])
    rows = tuple(np.flatnonzero(repeated)[:EXAMPLES].tolist())
    name = " + ".join(facts.columns)
    says = (
        f"{facts.distinct:,} distinct keys on {facts.distinct + facts.repeats:,} rows: {counted(facts.repeats, 'row')} "
        f"repeat{'s' * (facts.repeats == 1)} a key seen before, one key up to {facts.most} times"
    )
    if facts.differing and facts.same:
        says += f"; rows of a key differ in {_some(facts.differing)} and agree in {counted(len(facts.same), 'other column')}"
    elif facts.differing:
        says += f"; rows of a key differ in {_some(facts.differing)}"
    else:
        says += "; rows of a key are equal in all other columns"
    todo = (
        f"Keep one row per {name} (or make {_some(facts.differing)} lists) before splitting; until then split by {name}"
        if facts.differing
        else f"Keep one row per {name}"
    )
    if target in facts.differing:
        says += f"; the target {target!r} is among them, so that equal rows have unequal answers"
    severity = "critical" if stated or target in facts.differing else "warning"
    return Finding("duplicate_key", severity, facts.columns, says, todo, facts.repeats, rows)  # type: ignore[arg-type]


def _renamed(known: KeyFacts, other: KeyFacts) -> bool:
    """Whether another key says the same: each value of the one goes with one value of the other."""
    return known.repeats > 0 and known.distinct == other.distinct and other.columns[0] in known.same


def _some(names: Sequence[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _equal_columns(views: Sequence[View]) -> list[tuple[str, ...]]:
    """Columns with the same content, whatever the values are called: one is a renaming of the other."""
    groups: dict[bytes, list[View]] = {}
    for view in views:
        if view.profile.meaning not in ("constant", "nothing") and view.profile.filled > 1:
            groups.setdefault(_signature(view), []).append(view)
    found: list[list[View]] = []
    for view in (view for group in groups.values() if len(group) > 1 for view in group):
        for known in found:
            if _equal(known[0], view):
                known.append(view)
                break
        else:
            found.append([view])
    return [tuple(view.name for view in known) for known in found if len(known) > 1]


def _equal(one: View, other: View) -> bool:
    """Whether two columns hold the same, or, where values repeat often enough to tell, the same under other names."""
    if one.profile.distinct <= _RENAMED * one.profile.filled:
        rows = np.arange(len(one.absent))
        return np.array_equal(_first_seen(one, rows), _first_seen(other, rows))
    if one.is_number and other.is_number:
        return np.array_equal(one.numbers(), other.numbers(), equal_nan=True)
    a, b = one.cells, other.cells
    if a.codes is None or b.codes is None:
        return False
    return np.array_equal(a.codes, b.codes) and bool(a.levels.equals(b.levels))


def _signature(view: View) -> bytes:
    """Bytes that are equal for columns that may hold the same, off a spread of rows: values, or groups where they repeat."""
    n = len(view.absent)
    rows = np.arange(n) if n <= _LOOKED_AT else np.linspace(0, n - 1, _LOOKED_AT).astype(np.int64)
    counts = np.array([view.profile.distinct, view.profile.missing, view.profile.blank]).tobytes()
    if view.profile.distinct <= _RENAMED * view.profile.filled:
        return counts + _first_seen(view, rows).tobytes()
    if view.is_number or view.cells.codes is None:
        return counts + view.numbers(rows).tobytes()
    held = rows[~view.absent[rows]]
    return counts + "\0".join(map(str, view.cells.levels.take(view.cells.codes[held]).to_pylist())).encode(
        "utf-8", "replace"
    )


def _first_seen(view: View, rows: Ints) -> Ints:
    import pandas as pd

    codes, _ = pd.factorize(view.hashes[rows])
    return np.where(view.absent[rows], -1, codes).astype(np.int64)


def _columns_finding(names: tuple[str, ...]) -> Finding:
    return Finding(
        "equal_columns",
        "warning",
        names,
        "they hold the same, or the same under other names",
        f"Keep {names[0]}",
    )


def _still(view: View) -> Finding | None:
    """A column that holds nothing, one value, or hardly another."""
    profile = view.profile
    if profile.rows == 0:
        return None
    if profile.meaning == "nothing":
        return Finding("empty_column", "warning", (view.name,), "it holds no value at all", "Drop it, or fill it")
    if profile.meaning == "constant":
        value = profile.top[0][0] if profile.top else ""
        gaps = (
            f" in {counted(profile.filled, 'row')} and nothing in the others" if profile.filled < profile.rows else ""
        )
        says = f"it holds {shown(value)!r}{gaps}" if gaps else f"it holds {shown(value)!r} everywhere"
        return Finding("constant_column", "info", (view.name,), says, "Drop it: it tells no row from another")
    most = profile.top[0][1] if profile.top else 0
    if profile.filled >= 100 and most >= _NEARLY * profile.filled:  # noqa: PLR2004 - of fewer rows a share says little
        return Finding(
            "nearly_constant",
            "info",
            (view.name,),
            f"{percent(most / profile.filled)} of its values are {profile.top[0][0]!r}",
            "Look whether the others are meant; it can hardly be learnt from",
            profile.filled - most,
        )
    return None


__all__ = ["Duplicates", "KeyFacts", "duplicates_of"]
