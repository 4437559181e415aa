"""Sessions, recency, frequency and regularity: what events alone tell of an entity."""

from __future__ import annotations

import numpy as np

from ostinato.features.temporal.clock import DAY, SECOND, duration
from ostinato.features.temporal.folding import Array, Ints
from ostinato.features.temporal.specs import Activity, Sessions
from ostinato.features.temporal.timeline import View
from ostinato.features.temporal.windows import Named, total

_NAN = float("nan")
_TWO = 2


def sessions(spec: Sessions, view: View) -> Named:
    """The running session as far as it is seen, and the mean of those that ended before it."""
    gap = duration(spec.gap, "gap")
    begins = _begins(view, gap)
    ordinal, opened, lengths = _numbered(view, begins)
    since = _age(view, view.last)
    runs = view.seen & (since <= gap)
    last = view.last
    number = np.where(view.seen, _at(ordinal, last), 0.0)
    ended = np.where(runs, number - 1, number)
    first = _at(opened, last).astype(np.int64)
    before = np.where(runs, first - view.start, view.end - view.start)
    past = np.where(runs, _at(lengths, first), _at(lengths, last) + _tail(view, opened, last))
    label = spec.gap
    yield (
        f"session_number_{label}",
        np.where(runs, number, number + 1),
        f"number of the session, pauses over {label} part them",
    )
    yield (
        f"session_events_{label}",
        np.where(runs, view.end - first, 0.0),
        "events of the running session before the row",
    )
    yield f"session_seconds_{label}", np.where(runs, _age(view, first) / SECOND, 0.0), "seconds since the session began"
    yield (
        f"session_mean_events_{label}",
        _ratio(before.astype(float), ended),
        "mean events of the sessions before this one",
    )
    yield f"session_mean_seconds_{label}", _ratio(past / SECOND, ended), "mean seconds of the sessions before this one"


def activity(spec: Activity, view: View, values: Array | None) -> Named:
    """Days since the last and the first event, days between events, and counts (and sums) over spans."""
    here, seen = view.line, view.seen
    count = (view.end - view.start).astype(np.float64)
    recency, tenure = _age(view, view.last) / DAY, _age(view, view.start) / DAY
    yield "recency_days", np.where(seen, recency, _NAN), "days since the latest event"
    yield "tenure_days", np.where(seen, tenure, _NAN), "days since the first event"
    yield "events_so_far", count, "events before the row"
    yield "gap_mean_days", _ratio(np.where(seen, tenure - recency, 0.0), count - 1), "mean days between events"
    day = here.time // DAY
    fresh = np.ones(len(day), dtype=np.int64)
    fresh[1:] = (day[1:] != day[:-1]) | (here.code[1:] != here.code[:-1])
    running = np.concatenate([[0], np.cumsum(fresh)])
    yield "active_days", (running[view.end] - running[view.start]).astype(np.float64), "different days with events"
    for span in spec.spans:
        start = view.since(duration(span, "spans"))
        yield f"events_{span}", (view.end - start).astype(np.float64), f"events in the {span} before"
        if values is not None:
            yield f"{spec.of}_sum_{span}", total(values, start, view.end), f"sum of {spec.of} in the {span} before"


def _begins(view: View, gap: int) -> Ints:
    here = view.line
    begins = np.ones(len(here.time), dtype=np.int64)
    begins[1:] = (here.code[1:] != here.code[:-1]) | (np.diff(here.time) > gap)
    return begins


def _numbered(view: View, begins: Ints) -> tuple[Ints, Ints, Ints]:
    """Per event its session's number, where the session began, and the nanoseconds of its entity's sessions before that."""
    here, size = view.line, len(begins)
    place = np.arange(size)
    opened = np.maximum.accumulate(np.where(begins > 0, place, 0)) if size else place
    running = np.cumsum(begins)
    ordinal = running - running[here.first] + 1 if size else running
    # whole numbers: what other entities add is taken off again without a rounding
    closes = np.zeros(size, dtype=np.int64)
    if size:
        last = np.flatnonzero(np.append(begins[1:], 1))
        closes[last] = here.time[last] - here.time[opened[last]]
    done = np.concatenate([[0], np.cumsum(closes)])
    lengths = done[opened] - done[here.first] if size else place
    return ordinal, opened, lengths


def _tail(view: View, opened: Ints, last: Ints) -> Ints:
    """How long the session of the latest event lasted up to it."""
    time = view.line.time
    return time[last] - time[opened[last]] if len(time) else last


def _age(view: View, place: Ints) -> Array:
    """Nanoseconds from the event at a place to the row."""
    time = view.line.time
    if not len(time):
        return np.zeros(len(place))
    return (view.asked.time - time[np.clip(place, 0, len(time) - 1)]).astype(np.float64)


def _at(values: Ints, place: Ints) -> Array:
    if not len(values):
        return np.zeros(len(place))
    found: Array = values[np.clip(place, 0, len(values) - 1)].astype(np.float64)
    return found


def _ratio(above: Array, below: Array) -> Array:
    found: Array = np.divide(above, below, out=np.full(len(above), _NAN), where=below > 0)
    return found
