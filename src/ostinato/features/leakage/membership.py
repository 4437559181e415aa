"""Rows that belong together but were parted: groups, and slices of one recording."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ostinato.features.leakage.report import Finding, shown
from ostinato.features.leakage.sides import Sides
from ostinato.features.leakage.table import Codes, Table

_WORDS = "part|pt|slice|seg|segment|chunk|clip|window|win|frame|excerpt|split|snippet|crop|piece|offset|start"
_SLICE = re.compile(
    rf"(?:[\s._#?&-]+(?:{_WORDS})[\s._=-]*\d+(?:\s*of\s*\d+)?"  # song_part2, song-slice_03, song (part 2 of 3)
    r"|[#?&]t=[\d.:,]+s?"  # song.wav#t=30
    r"|[\s._@-]+\d+(?:\.\d+)?s?[-_]+\d+(?:\.\d+)?s"  # song_10-20s
    r"|[\s._@-]+\d+(?:\.\d+)?(?:ms|s|sec))$",  # song_30s
    re.IGNORECASE,
)
_TWO_NUMBERS = re.compile(r"^(.*\d)[._#-](\d{1,3})$")
_DATE = re.compile(r"\d{4}[._-]\d{1,2}[._-]\d{1,2}$")
_EXTENSION = re.compile(r"\.(?=[a-z0-9]{2,5}(?:[#?]|$))[a-z0-9]*[a-z][a-z0-9]*(?=[#?]|$)", re.IGNORECASE)
_FOLDER = re.compile(
    r"(?:^|(?<=[/\\]))(?:train|training|test|testing|val|valid|validation|dev|fold_?\d+)[/\\]", re.IGNORECASE
)
_MOST_SLICES = 0.5  # a stem that more rows than this share have is a label, no recording


def groups(values: Any, sides: Sides, most: int) -> list[Finding]:
    """Groups on both sides of a fold."""
    codes = np.asarray(pd.factorize(pd.Series(np.asarray(values, dtype=object)))[0], dtype=np.int64)
    rows = sides.across(codes)
    if not rows.any():
        return []
    count = len(np.unique(codes[rows]))
    return [
        Finding(
            kind="groups_across_folds",
            severity="critical",
            what=f"{count} groups ({int(rows.sum())} rows) stand on both sides of a fold.",
            advice="Split by whole groups (GroupedFolds, or split.kind grouped).",
            rows=shown(rows, most),
            total=int(rows.sum()),
            facts={"groups": count},
        )
    ]


def recordings(given: Mapping[str, Any], table: Table, sides: Sides, most: int) -> list[Finding]:
    """Recordings, by equal values of what was given, or by names of slices there and in the columns of words."""
    found = []
    named_here = {name: np.asarray(values, dtype=object) for name, values in given.items()}
    for name, values in named_here.items():
        codes = np.asarray(pd.factorize(pd.Series(values))[0], dtype=np.int64)
        rows = sides.across(codes)
        if rows.any():
            found.append(_finding(name, rows, codes, "one recording", most))
            continue
        found += _sliced(name, values, sides, most)
    for each in table.columns:
        if each.kind == "word" and each.distinct > each.codes.size / 2 and each.name not in named_here:
            words = np.asarray([*each.words, None], dtype=object)[each.codes]
            found += _sliced(each.name, words, sides, most)
    return found


def _sliced(name: str, values: NDArray[Any], sides: Sides, most: int) -> list[Finding]:
    codes = stems(values)
    rows = sides.across(codes)
    return [_finding(name, rows, codes, "slices of one recording", most)] if rows.any() else []


def _finding(name: str, rows: NDArray[np.bool_], codes: Codes, what: str, most: int) -> Finding:
    count = len(np.unique(codes[rows]))
    return Finding(
        kind="recording_slices",
        severity="critical",
        what=f"{int(rows.sum())} rows are {what} by {name!r} and stand on both sides of a fold ({count} recordings).",
        advice="Split by recording: give the name without the part as the group.",
        columns=(name,),
        rows=shown(rows, most),
        total=int(rows.sum()),
        facts={"recordings": count},
    )


def stems(values: NDArray[Any]) -> Codes:
    """The recording `(n,)` that a name is a slice of, or -1 where it is none.

    >>> stems(np.array(["a/song_03_part2.wav", "a/song_03_part1.wav", "a/song_04.wav"], dtype=object)).tolist()
    [0, 0, -1]
    """
    names, own = pd.factorize(pd.Series(values).map(str, na_action="ignore"))
    split = [_stem(str(each)) for each in own]
    marked = {stem for stem, is_slice in split if is_slice}
    keys = [stem if is_slice or stem in marked else None for stem, is_slice in split]
    if not marked:
        keys = _numbered([stem for stem, _ in split])
    codes = np.asarray(pd.factorize(pd.Series(keys, dtype=object))[0], dtype=np.int64)
    counts = np.bincount(codes[codes >= 0]) if (codes >= 0).any() else np.zeros(0, np.int64)
    # jazz_clip_001 … jazz_clip_100: few stems of many rows are labels with a running number
    if len(counts) and (
        counts.max() > max(_MOST_SLICES * len(own), 20) or np.median(counts) > max(4 * len(counts), 20)
    ):
        codes[:] = -1
    return np.append(codes, -1)[names]


def _stem(name: str) -> tuple[str, bool]:
    name = _FOLDER.sub("", name.strip())
    bare = _EXTENSION.sub("", name)
    cut = _SLICE.sub("", bare.rstrip(")] "))
    folder, _, base = cut.replace("\\", "/").rpartition("/")
    if cut == bare.rstrip(")] ") or not re.search(r"\w", base):
        return bare, False
    return f"{folder}/{base}".rstrip(" (["), True


def _numbered(names: list[str]) -> list[str | None]:
    """Names of two running numbers (`blues.00000.3`) are slices where nearly every first number has the same few second ones."""
    matched = [None if _DATE.search(name) else _TWO_NUMBERS.match(name) for name in names]
    stem = [each and each.group(1) for each in matched]
    table = pd.DataFrame({"stem": stem, "nth": [each and each.group(2) for each in matched]}).dropna()
    if len(table) < 0.95 * len(names) or table.empty:
        return [None] * len(names)
    counts = table.groupby("stem")["nth"].nunique()
    few = table["nth"].nunique() <= max(20, len(counts) / 2)
    return stem if few and (counts > 1).mean() > 0.8 and len(counts) >= 5 else [None] * len(names)  # noqa: PLR2004
