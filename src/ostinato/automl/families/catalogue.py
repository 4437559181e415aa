"""The index as a page for people: `python -m ostinato.automl.families.catalogue docs/algorithms.md` writes it."""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

from ostinato.automl.entry import Entry

_METHOD = "method:"
_HEAD = """# Algorithms

`search.algorithms` and `PredictionEngine(algorithms=...)` take the keys of this page. It is written from the index by
`python -m ostinato.automl.families.catalogue docs/algorithms.md`; a test holds the two together.

A **method** is one idea; its entries for classes and for values count once, and so do the kernels of one machine. Every entry for
two classes does several classes and labels too, one estimator a label. **Cost** is 1 for a fit of milliseconds on a thousand rows
and 5 for one of seconds. **Rows** is where the search stops trying it. **Readable** models can be printed and followed by hand.
An entry that sees gaps as gaps is marked **gaps**; the others see a median and a column that says where it stands.
"""


def method(entry: Entry) -> str:
    """The method of an entry: its tag `method:<name>`, or its key without the kind.

    >>> from ostinato.automl.index import algorithms
    >>> method(algorithms()["random_forest_regressor"])
    'random_forest'
    """
    tagged = [tag.removeprefix(_METHOD) for tag in entry.tags if tag.startswith(_METHOD)]
    return tagged[0] if tagged else entry.key.removesuffix("_classifier").removesuffix("_regressor")


def rendered() -> str:
    """The page, in Markdown."""
    from ostinato.automl.index import algorithms

    entries = [entry for entry in algorithms().values() if entry.target.partition(":")[0] != "__main__"]
    counts = {
        name: len({method(entry) for entry in entries if kind in entry.tasks})
        for name, kind in (("classes and labels", "binary"), ("values", "regression"))
    }
    told = " and ".join(f"{count} for {name}" for name, count in counts.items())
    lines = [_HEAD, f"{len({method(entry) for entry in entries})} methods in {len(entries)} entries: {told}.", ""]
    families: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        families[entry.family].append(entry)
    for family, members in families.items():
        lines += [
            f"## {family.capitalize()}",
            "",
            "| key | for | cost | rows | notes | after |",
            "|---|---|---|---|---|---|",
        ]
        lines += [_row(entry) for entry in members]
        lines.append("")
    return "\n".join(lines)


def _row(entry: Entry) -> str:
    kinds = "values" if entry.tasks == ("regression",) else "classes"
    notes = [tag for tag in entry.tags if not tag.startswith(_METHOD)]
    notes += ["gaps"] if entry.missing else []
    notes += [f"extra `{entry.extra}`"] if entry.extra else []
    notes += [f"{entry.min_rows_per_column:g} rows a column"] if entry.min_rows_per_column else []
    notes += [f"not where {entry.avoid_when}"] if entry.avoid_when else []
    rows = f"{entry.max_rows:,}" if entry.max_rows else ""
    return f"| `{entry.key}` | {kinds} | {entry.cost} | {rows} | {'; '.join(notes)} | {entry.paper} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(rendered(), encoding="utf-8")
