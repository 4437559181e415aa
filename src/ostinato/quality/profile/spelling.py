"""Cells that hold nothing in words, categories spelt in several ways, letters read in the wrong encoding."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ostinato.quality.profile.cells import Bools
from ostinato.quality.profile.finding import EXAMPLES, Finding, counted, shown
from ostinato.quality.profile.formats import BLANK, PLACEHOLDER
from ostinato.quality.profile.view import View

_FEW_SPELLINGS = 5_000  # distinct words whose spellings are compared
_LOOKED_THROUGH = 10_000  # odd rows among which different examples are looked for
_GARBLED = "\ufffd|\u00c3[\u0080-\u00bf]|\u00e2\u20ac|\u00c2[\u0080-\u00bf]"  # é as Ã©, ’ as â€™


def blanks(view: View) -> Iterator[Finding]:
    """Cells that hold spaces, or a word for nothing."""
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


def spellings(view: View) -> Iterator[Finding]:
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
            *examples(view, rows),
        )


def examples(view: View, odd: Bools) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Rows and their values, different ones where there are."""
    rows = np.flatnonzero(odd)[:_LOOKED_THROUGH]
    if view.cells.codes is not None:
        codes = view.cells.codes[rows]
        rows = rows[np.sort(np.unique(codes, return_index=True)[1])][:EXAMPLES]
        return tuple(rows.tolist()), tuple(shown(view.cells.levels[int(view.cells.codes[row])].as_py()) for row in rows)
    values, rows = view.cells.values, rows[:EXAMPLES]
    return tuple(rows.tolist()), tuple(f"{values[row]:.6g}" for row in rows) if values is not None else ()


def garbled(view: View) -> Iterator[Finding]:
    """UTF-8 that was read as Latin-1, and letters that were lost on the way."""
    import pyarrow.compute as pc

    if view.profile.words is None or not view.profile.words.non_ascii:
        return
    hit = pc.match_substring_regex(view.cells.levels, _GARBLED).fill_null(False).to_numpy(zero_copy_only=False)
    odd = np.append(np.asarray(hit, dtype=bool), False)[view.cells.codes]
    if odd.any():
        says = f"{counted(int(odd.sum()), 'value')} hold{'s' * int(odd.sum() == 1)} letters that were read in the wrong encoding"
        todo = "Read the source as UTF-8 (or as what it is); lost letters do not come back"
        yield Finding("garbled", "warning", (view.name,), says, todo, int(odd.sum()), *examples(view, odd))
