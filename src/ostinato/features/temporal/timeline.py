"""Events in order of entity and time, and which range of them a row may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Timeline:
    """Events sorted by entity and time; equal moments stand in the order they were given in.

    `code (n,)` is the entity's number, `time (n,)` nanoseconds, `row (n,)` where the event stood in the table, `first (n,)`
    the place of its entity's first event.
    """

    code: Ints
    time: Ints
    row: Ints
    first: Ints
    _moments: Ints
    _keys: Ints

    @classmethod
    def of(cls, code: Ints, time: Ints, rows: Ints | None = None) -> Self:
        """Sort events; a negative code belongs to nobody and is left out. `rows` are kept of the table, default all.

        >>> line = Timeline.of(np.array([1, 0, 1]), np.array([5, 9, 2]))
        >>> line.row.tolist(), line.before(np.array([1, 1]), np.array([5, 6])).tolist()
        ([1, 2, 0], [2, 3])
        """
        rows = np.arange(len(code), dtype=np.int64) if rows is None else rows
        rows = rows[code[rows] >= 0]
        order = np.lexsort((time[rows], code[rows]))
        row = rows[order]
        code, time = code[row], time[row]
        moments = np.unique(time)
        keys = code * (len(moments) + 1) + np.searchsorted(moments, time)
        first = np.searchsorted(code, code)
        return cls(code, time, row, first.astype(np.int64), moments, keys)

    def before(self, code: Ints, time: Ints, *, at: bool = False) -> Ints:
        """How far each question's entity has come: the place after its last event before `time`, or `at` most then."""
        rank = np.searchsorted(self._moments, time, side="right" if at else "left")
        # a negative code comes before all keys
        return np.searchsorted(self._keys, code * (len(self._moments) + 1) + rank).astype(np.int64)

    def begin(self, code: Ints) -> Ints:
        """The place of each question's entity's first event, or where it would stand."""
        return np.searchsorted(self._keys, code * (len(self._moments) + 1)).astype(np.int64)


@dataclass(frozen=True)
class View:
    """What each asking row sees of a timeline: events `[start, end)`; `code` and `time (m,)` are the row's own."""

    line: Timeline
    code: Ints
    time: Ints
    start: Ints
    end: Ints

    @property
    def last(self) -> Ints:
        """The place of the latest event that is seen; meaningless where `seen` is false."""
        return np.maximum(self.end - 1, 0)

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Whether any event is seen."""
        return np.asarray(self.end > self.start)

    def latest(self, count: int) -> Ints:
        """Where a window of the latest `count` events begins."""
        return np.maximum(self.start, self.end - count)

    def since(self, span: int, *, now: bool = False) -> Ints:
        """Where a window of the last `span` nanoseconds begins: it holds its own beginning unless it holds its end (`now`)."""
        found = self.line.before(self.code, self.time - span, at=now)
        return np.clip(found, self.start, self.end)
