"""Categories without a target: indicators, codes, frequencies and hashes."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.errors import UsageError
from ostinato.preprocess.transform.block import Block
from ostinato.preprocess.transform.goal import Goal
from ostinato.preprocess.transform.table import Table, Words

if TYPE_CHECKING:
    from ostinato.preprocess.transform.graph import Graph

Array = NDArray[np.float64]
MISSING, OTHER = "<missing>", "<other>"


def plain(value: Any) -> Any:
    """A level's value as JSON can hold it, its text where it cannot."""
    value = value.item() if isinstance(value, np.generic) else value
    finite = not isinstance(value, float) or np.isfinite(value)
    return value if isinstance(value, str | bool | int | float) and finite else str(value)


class OneHotted(Block):
    """An indicator a level; gaps have their own where there were some while learning."""

    kinds = ("onehot",)
    invertible = True
    exact = False

    @classmethod
    def found(cls, spec: Any, columns: tuple[str, ...], table: Table, goal: Goal | None) -> dict[str, Any]:
        """The levels, in the order of their texts."""
        words = table.words(*columns)
        by_count = sorted(range(len(words.levels)), key=lambda k: (-words.counts[k], words.levels[k]))
        kept = [k for k in by_count[: spec.most] if words.counts[k] >= spec.rare]
        kept = sorted(kept, key=lambda k: words.levels[k])
        return {
            "levels": [words.levels[k] for k in kept],
            "values": [plain(words.values[k]) for k in kept],
            "others": sorted(set(words.levels) - {words.levels[k] for k in kept}) if spec.unseen == "error" else [],
            "other": len(kept) < len(words.levels),
            "missing": words.missing,
        }

    @property
    def names(self) -> tuple[str, ...]:
        """`label=level`."""
        marks = [OTHER] * self.learnt["other"] + [MISSING] * self.learnt["missing"]
        return tuple(f"{self.label}={level}" for level in (*self.learnt["levels"], *marks))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {level: place for place, level in enumerate(self.learnt["levels"])}

    @property
    def _unseen_place(self) -> int:
        """Where unseen and missing levels go: the shared indicator, or nowhere, which is the column after the last."""
        return len(self._places) if self.learnt["other"] else len(self.names)

    @property
    def _missing_place(self) -> int:
        return len(self.names) - 1 if self.learnt["missing"] else len(self.names)

    def apply(self, table: Table) -> Array:
        """Indicators `(n, k)`; nothing is indicated for a level that was not there, unless rare ones share an indicator."""
        words = table.words(*self.columns)
        if self.spec.unseen == "error":
            refuse_unseen(words, {*self._places, *self.learnt["others"]}, self.columns)
        place = words.mapped(self._places, self._unseen_place, self._missing_place)
        out = np.zeros((len(place), len(self.names) + 1))
        out[np.arange(len(place)), place] = 1.0
        return out[:, :-1]

    def invert(self, values: Array) -> Any:
        """The level whose indicator is greatest; missing where none is above 0, and for those that share one."""
        levels = np.array([*self.learnt["values"], *[None] * (len(self.names) - len(self._places) + 1)], dtype=object)
        if not len(self.names):
            return np.full(len(values), None, dtype=object)
        return levels[np.where(values.max(axis=1) > 0, values.argmax(axis=1), len(levels) - 1)]

    def write(self, graph: Graph) -> str:
        """Look the level up, and compare its place with each column's."""
        width = len(self.names)
        place = graph.places(self.columns, self.learnt["levels"], self._unseen_place, self._missing_place)
        return graph.op("Gather", graph.constant(np.eye(width + 1)[:, :width]), place, axis=0)


class Coded(Block):
    """The place of a level in an order."""

    kinds = ("ordinal",)
    invertible = True

    @classmethod
    def found(cls, spec: Any, columns: tuple[str, ...], table: Table, goal: Goal | None) -> dict[str, Any]:
        """The levels in the stated order, else numbers by size and words by their text."""
        words = table.words(*columns)
        values = dict(zip(words.levels, map(plain, words.values), strict=True))
        if spec.order is not None:
            _refuse_unordered(words, spec.order, columns)
            levels = list(spec.order)
        else:
            numeric = all(isinstance(value, int | float) for value in values.values())
            levels = sorted(words.levels, key=(lambda level: values[level]) if numeric else None)
        return {"levels": levels, "values": [values.get(level, level) for level in levels]}

    @cached_property
    def _places(self) -> dict[str, int]:
        return {level: place for place, level in enumerate(self.learnt["levels"])}

    def apply(self, table: Table) -> Array:
        """Codes `(n, 1)`."""
        words = table.words(*self.columns)
        if self.spec.unseen == "error":
            refuse_unseen(words, set(self._places), self.columns)
        place = words.mapped(self._places, -1, -2)
        return np.where(place == -2, np.nan, place)[:, None]  # noqa: PLR2004

    def invert(self, values: Array) -> Any:
        """The level at the nearest place; missing for what is none."""
        levels = np.array([*self.learnt["values"], None], dtype=object)
        place = np.round(values[:, 0])
        valid = (place >= 0) & (place < len(levels) - 1)
        return levels[np.where(valid, place, len(levels) - 1).astype(np.intp)]

    def write(self, graph: Graph) -> str:
        """Look the code up."""
        n = len(self._places)
        codes = np.array([*range(n), -1.0, np.nan])
        place = graph.places(self.columns, self.learnt["levels"], n, n + 1)
        return graph.column(graph.op("Gather", graph.constant(codes), place, axis=0))


class Counted(Block):
    """How often a level occurred while learning; gaps are a level."""

    kinds = ("frequency",)

    @classmethod
    def found(cls, spec: Any, columns: tuple[str, ...], table: Table, goal: Goal | None) -> dict[str, Any]:
        """Shares or counts by level."""
        words = table.words(*columns)
        unit = 1 if spec.count else max(len(table), 1)
        return {
            "levels": words.levels,
            "shares": (words.counts / unit).tolist(),
            "missing": int((words.codes < 0).sum()) / unit,
        }

    @cached_property
    def _shares(self) -> Array:
        return np.array([*self.learnt["shares"], 0.0, self.learnt["missing"]])

    @cached_property
    def _places(self) -> dict[str, int]:
        return {level: place for place, level in enumerate(self.learnt["levels"])}

    def apply(self, table: Table) -> Array:
        """Shares `(n, 1)`."""
        n = len(self._places)
        return self._shares[table.words(*self.columns).mapped(self._places, n, n + 1)][:, None]

    def write(self, graph: Graph) -> str:
        """Look the share up."""
        n = len(self._places)
        place = graph.places(self.columns, self.learnt["levels"], n, n + 1)
        return graph.column(graph.op("Gather", graph.constant(self._shares), place, axis=0))


class Hashed(Block):
    """A signed unit vector a level; gaps are zero."""

    kinds = ("hash",)

    @classmethod
    def found(cls, spec: Any, columns: tuple[str, ...], table: Table, goal: Goal | None) -> dict[str, Any]:
        """Nothing: unseen levels are as good as seen ones."""
        return {}

    @property
    def names(self) -> tuple[str, ...]:
        """`label#0` and so on."""
        return tuple(f"{self.label}#{place}" for place in range(self.spec.width))

    def apply(self, table: Table) -> Array:
        """Vectors `(n, width)`."""
        words = table.words(*self.columns)
        vectors = np.zeros((len(words.levels) + 1, self.spec.width))
        for row, level in enumerate(words.levels):
            number = int.from_bytes(
                hashlib.blake2b(level.encode(errors="surrogatepass"), digest_size=8).digest(), "big"
            )
            vectors[row, (number >> 1) % self.spec.width] = 1.0 if number & 1 else -1.0
        return vectors[words.codes]


def refuse_unseen(words: Words, known: set[str], columns: tuple[str, ...]) -> None:
    """Raise UsageError where a level was not there while learning."""
    new = [level for level in words.levels if level not in known]
    if new:
        raise UsageError(
            f"column {', '.join(columns)} holds {new[0]!r} in row {words.row_of(new[0])}, which was not there while learning "
            f"({len(new)} such levels); learn anew with it, or ask for unseen='ignore'"
        )


def _refuse_unordered(words: Words, order: tuple[str, ...], columns: tuple[str, ...]) -> None:
    if len(set(order)) < len(order):
        raise UsageError(f"column {', '.join(columns)}: `order` names a level twice; name each once")
    left = [level for level in words.levels if level not in order]
    if left:
        raise UsageError(
            f"column {', '.join(columns)}: `order` leaves out {left[:5]}; name every level, the least first"
        )
