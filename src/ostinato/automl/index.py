"""The one index of algorithms: those of this package and those that other packages add by entry point."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.metadata import entry_points

from ostinato.automl.entry import Entry, Kind
from ostinato.automl.families import FAMILIES
from ostinato.core.errors import UsageError

GROUP = "ostinato.algorithms"


def indexed(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Entries by key; raises UsageError that shows both of a duplicate."""
    index: dict[str, Entry] = {}
    for entry in entries:
        if (other := index.get(entry.key)) is not None:
            raise UsageError(f"two algorithms are called {entry.key!r}: {other.target} and {entry.target}; rename one")
        index[entry.key] = entry
    return index


@cache
def algorithms() -> dict[str, Entry]:
    """Every algorithm by key.

    Another package adds its own by an entry point of the group `ostinato.algorithms` that names an `Entry` or a tuple of them.
    """
    found = [entry for family in FAMILIES for entry in family]
    for point in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        value = point.load()
        found.extend([value] if isinstance(value, Entry) else value)
    return indexed(found)


def suitable(kind: Kind, rows: int, columns: int, wanted: tuple[str, ...] = ()) -> tuple[Entry, ...]:
    """Entries for a problem, families taking turns, cheap ones first; `wanted` keys narrow the choice.

    Raises UsageError for a wanted key that does not exist or cannot do this kind of problem.
    """
    index = algorithms()
    for key in wanted:
        if key not in index or kind not in index[key].tasks:
            known = ", ".join(sorted(entry.key for entry in index.values() if kind in entry.tasks))
            raise UsageError(f"search.algorithms: {key!r} is no algorithm for {kind} problems; there are {known}")
    if wanted:
        return tuple(index[key] for key in dict.fromkeys(wanted))
    chosen = [entry for entry in index.values() if entry.suits(kind, rows, columns)]
    turn: dict[str, int] = {}
    order = []
    for position, entry in enumerate(chosen):
        turn[entry.family] = turn.get(entry.family, -1) + 1
        order.append((turn[entry.family], position, entry))
    return tuple(entry for _, _, entry in sorted(order, key=lambda each: each[:2]))
