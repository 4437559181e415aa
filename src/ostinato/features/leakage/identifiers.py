"""Columns that name a row instead of describing it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from ostinato.features.leakage.report import Finding, shown
from ostinato.features.leakage.table import Column, Floats, Table

_UNIQUE = 0.98  # share of distinct values
_FEWEST = 30  # rows; in fewer any measurement is unique
_NAME = re.compile(
    r"(^|[_\W])(id|uuid|guid|key|uri|url|path|file(name)?|isrc|hash|sha256|md5|index)($|[_\W])|Id$|ID$", re.I
)
_DENSE = 2.0  # range of whole numbers over their count, below which they are numbered through


def identifiers(table: Table, ids: Any, most: int) -> list[Finding]:
    """Inputs that are unique to a row and look like a number, a hash or a path rather than like a measurement."""
    own = None if ids is None else np.asarray(ids, dtype=object).astype(str)
    found = []
    for each in table.columns:
        reason = (
            "it repeats the ids of the rows" if own is not None and _repeats(each, own) else _reason(each, table.rows)
        )
        if reason:
            found.append(
                Finding(
                    kind="identifier",
                    severity="warning",
                    what=f"Column {each.name!r} names rows instead of describing them: {reason}.",
                    advice="Leave it out of the inputs; keep it as the id, or derive what it hides (a date, a group).",
                    columns=(each.name,),
                    rows=shown(~each.missing, most),
                    total=int((~each.missing).sum()),
                    facts={"distinct": each.distinct},
                )
            )
    return found


def _repeats(each: Column, ids: Any) -> bool:
    if each.distinct < _FEWEST or each.distinct < _UNIQUE * len(ids) or not each.words:
        return False
    words = np.asarray([*each.words, ""], dtype=object)[each.codes].astype(str)
    return bool((words == ids).mean() > _UNIQUE)


def _reason(each: Column, rows: int) -> str:
    known = int((~each.missing).sum())
    if known < max(_FEWEST, rows / 2) or each.distinct < _UNIQUE * known or each.kind == "date":
        return ""
    if each.kind == "word":
        return _of_words(each)
    values = each.values[np.isfinite(each.values)]
    whole = len(values) == known and bool((values == np.round(values)).all())
    return _of_numbers(each.name, values) if whole else ""


def _of_numbers(name: str, values: Floats) -> str:
    if values.max() - values.min() + 1 <= _DENSE * len(values) and len(np.unique(values)) == len(values):
        return "whole numbers, numbered through"
    steps = np.diff(values)
    if (steps > 0).all() or (steps < 0).all():
        return "whole numbers that rise with the order of the rows"
    if _NAME.search(name) and len(np.unique(values)) == len(values):
        return "whole numbers, each once, and its name says so"
    return ""


def _of_words(each: Column) -> str:
    sample = [each.words[n] for n in np.linspace(0, len(each.words) - 1, min(len(each.words), 500)).astype(int)]
    spaces = float(np.mean([" " in word.strip() for word in sample]))
    if spaces > 0.2 and not _NAME.search(each.name):  # noqa: PLR2004
        return ""  # titles and texts: unique, and yet they describe
    digits = float(np.mean([any(c.isdigit() for c in word) for word in sample]))
    lengths = {len(word) for word in sample}
    if _NAME.search(each.name):
        return "words, nearly each once, and its name says so"
    if digits > 0.8:  # noqa: PLR2004
        return "words with numbers in them, nearly each once" + (", all of one length" if len(lengths) == 1 else "")
    return "hashes of one length" if len(lengths) == 1 and lengths.pop() >= 8 else ""  # noqa: PLR2004
