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
    moments: Ints
    _keys: Ints

    @classmethod
    def of(cls, code: Ints, time: Ints, rows: Ints | None = None) -> Self:
        """Sort events; a negative code belongs to nobody and is left out. `rows` are kept of the table, default all.

        >>> line = Timeline.of(np.array([1, 0, 1]), np.array([5, 9, 2]))
        >>> asked = Asked.of(np.array([1, 1]), np.array([5, 6]))
        >>> line.row.tolist(), line.before(asked).tolist()
        ([1, 2, 0], [2, 3])
        """
        rows = np.arange(len(code), dtype=np.int64) if rows is None else rows
        rows = rows[code[rows] >= 0]
        row = rows[np.lexsort((time[rows], code[rows]))]
        code, time = code[row], time[row]
        moments = different(time)
        keys = code * (len(moments) + 1) + np.searchsorted(moments, time)
        first = np.searchsorted(code, code)
        return cls(code, time, row, first.astype(np.int64), moments, keys)

    def before(self, asked: Asked, ago: int = 0, *, at: bool = False) -> Ints:
        """How far each row's entity had come `ago` nanoseconds earlier: the place after its last event before then, or `at` most
        then.
        """
        # searched once a moment and in order: a million rows in disorder would miss the cache a million times
        rank = np.searchsorted(self.moments, asked.moments - ago, side="right" if at else "left")[asked.moment]
        # a negative code comes before all keys
        return np.searchsorted(self._keys, asked.code * (len(self.moments) + 1) + rank).astype(np.int64)

    def begin(self, asked: Asked) -> Ints:
        """The place of each row's entity's first event, or where it would stand."""
        return np.searchsorted(self._keys, asked.code * (len(self.moments) + 1)).astype(np.int64)


@dataclass(frozen=True)
class Asked:
    """Rows that ask, in order of entity and time: `moments` are their different times, `time` is `moments[moment]`, and `row` is
    where each stood.
    """

    code: Ints
    time: Ints
    row: Ints
    moments: Ints
    moment: Ints

    @classmethod
    def of(cls, code: Ints, time: Ints) -> Self:
        """Sort rows."""
        row = np.lexsort((time, code))
        moments = different(time)
        place = np.searchsorted(moments, time[row])
        return cls(code[row], time[row], row, moments, place)


@dataclass(frozen=True)
class View:
    """What each asking row sees of a timeline: events `[start, end)`."""

    line: Timeline
    asked: Asked
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
        return np.clip(self.line.before(self.asked, span, at=now), self.start, self.end)


def different(values: Ints) -> Ints:
    """The different values in order: sorting, where numpy's `unique` hashes and takes ten times as long."""
    ordered = np.sort(values)
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])] if len(ordered) else ordered
