"""How one part of a table differs from another: a reference table and this one, or the first and the last rows in time.

Numbers by Kolmogorov and Smirnov's largest distance of the two distributions, categories by the total variation distance
(half the sum of differences of shares); both lie between 0 and 1. A distance is reported where it is larger than chance
allows (p-values by Holm over all columns) and large enough to matter. The population stability index stands beside it for
those who think in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ostinato.quality.profile.association import chi_square
from ostinato.quality.profile.cells import Array
from ostinato.quality.profile.finding import Finding, counted, percent, shown
from ostinato.quality.profile.meaning import is_key_named
from ostinato.quality.profile.view import View

_P = 0.01
_SOME, _MUCH = 0.1, 0.3  # distances from which drift is a warning, and critical
_GAPS = 0.1  # change of the missing share that is worth a word
_BINS = 10
_TOLD = 6  # columns that a finding names with their distance
_FEWEST = 20
_COMPARED = 200  # commonest levels; all others are one together
_UNCOMPARED = ("identifier", "text", "nothing", "date", "ISRC", "ISWC", "URL", "e-mail", "path", "reference")


@dataclass(frozen=True)
class Shift:
    """How a column differs between the parts: `distance` 0 to 1, `p` by Holm, the stability index, missing shares, new levels."""

    column: str
    measure: str
    distance: float
    p: float
    stability: float
    missing_before: float
    missing_after: float
    unseen: float = 0.0
    unseen_levels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drift:
    """Two parts by their names and sizes, how each column shifted (most first), columns that only one part has."""

    before: str
    after: str
    rows: tuple[int, int]
    shifts: tuple[Shift, ...]
    gone: tuple[str, ...] = ()
    new: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Part:
    """One column in one part: numbers with NaN, or words with None."""

    view: View
    rows: np.ndarray | None

    def numbers(self) -> Array:
        """Its cells as numbers, NaN where absent."""
        return self.view.numbers(self.rows)

    def absent(self) -> float:
        """Share of its cells that are absent."""
        gone = self.view.absent if self.rows is None else self.view.absent[self.rows]
        return float(gone.mean()) if len(gone) else 0.0

    def words(self) -> tuple[list[str], np.ndarray]:
        """Distinct values and how often each occurs."""
        cells = self.view.cells
        if cells.codes is None:
            values = self.numbers()
            levels, counts = np.unique(values[~np.isnan(values)], return_counts=True)
            return [f"{level:g}" for level in levels.tolist()], counts
        gone = self.view.absent if self.rows is None else self.view.absent[self.rows]
        codes = cells.codes if self.rows is None else cells.codes[self.rows]
        counts = np.bincount(codes[~gone], minlength=len(cells.levels))
        used = np.flatnonzero(counts)
        return [str(level) for level in cells.levels.take(used).to_pylist()], counts[used]


def drift_between(
    pairs: Sequence[tuple[Part, Part]], names: tuple[str, str], rows: tuple[int, int]
) -> tuple[Drift, list[Finding]]:
    """Compare columns of two parts."""
    shifts = [shift for before, after in pairs if (shift := _shift(before, after)) is not None]
    shifts.sort(key=lambda shift: shift.p)
    worst, held = 0.0, []
    for at, shift in enumerate(shifts):
        worst = max(worst, min(1.0, shift.p * (len(shifts) - at)))
        held.append(Shift(**{**shift.__dict__, "p": worst}))
    held.sort(key=lambda shift: (-shift.distance, shift.column))
    drift = Drift(names[0], names[1], rows, tuple(held))
    return drift, _findings(held, names)


def _shift(before: Part, after: Part) -> Shift | None:
    view = before.view
    if view.profile.meaning in _UNCOMPARED or is_key_named(view.name) or after.view.profile.meaning == "nothing":
        return None
    gaps = before.absent(), after.absent()
    if view.is_number and after.view.is_number and view.profile.meaning not in ("category", "yes or no"):
        a, b = (each[np.isfinite(each)] for each in (before.numbers(), after.numbers()))
        if min(len(a), len(b)) < _FEWEST:
            return None
        distance, p = _kolmogorov(a, b)
        return Shift(view.name, "Kolmogorov-Smirnov", distance, p, _stability(*_binned(a, b)), *gaps)
    return _by_level(view.name, before.words(), after.words(), gaps)


def _kolmogorov(a: Array, b: Array) -> tuple[float, float]:
    """The largest distance of two distributions, and its asymptotic p."""
    from scipy.special import kolmogorov

    a, b = np.sort(a), np.sort(b)
    at = np.concatenate([a, b])
    below = np.searchsorted(a, at, "right") / len(a) - np.searchsorted(b, at, "right") / len(b)
    distance = float(np.abs(below).max())
    return distance, float(kolmogorov(distance * np.sqrt(len(a) * len(b) / (len(a) + len(b)))))


def _binned(a: Array, b: Array) -> tuple[Array, Array]:
    edges = np.unique(np.quantile(a, np.linspace(0, 1, _BINS + 1)[1:-1]))
    counts = [np.bincount(np.searchsorted(edges, each, "left"), minlength=len(edges) + 1) for each in (a, b)]
    return counts[0] / len(a), counts[1] / len(b)


def _stability(a: Array, b: Array) -> float:
    a, b = np.maximum(a, 1e-4), np.maximum(b, 1e-4)
    return float(((b - a) * np.log(b / a)).sum())


def _by_level(
    name: str, before: tuple[list[str], Array], after: tuple[list[str], Array], gaps: tuple[float, float]
) -> Shift | None:
    from scipy.special import chdtrc

    known = {level: at for at, level in enumerate(before[0])}
    sizes = int(before[1].sum()), int(after[1].sum())
    if min(sizes) < _FEWEST:
        return None
    union = [*before[0], *(level for level in after[0] if level not in known)]
    place = {level: at for at, level in enumerate(union)}
    table = np.zeros((2, len(union)))
    table[0, : len(before[0])] = before[1]
    table[1, [place[level] for level in after[0]]] = after[1]
    new = np.flatnonzero(table[0] == 0)
    unseen = float(table[1, new].sum() / sizes[1])
    fresh = tuple(shown(union[at]) for at in new[np.argsort(-table[1, new], kind="stable")][:5].tolist())
    order = np.argsort(-table.sum(axis=0), kind="stable")
    if len(order) > _COMPARED:
        table = np.column_stack([table[:, order[:_COMPARED]], table[:, order[_COMPARED:]].sum(axis=1)])
    shares = table / table.sum(axis=1, keepdims=True)
    distance = float(np.abs(shares[0] - shares[1]).sum() / 2)
    codes = np.repeat(np.tile(np.arange(table.shape[1]), 2), table.ravel().astype(np.int64))
    part = np.repeat([0, 1], table.sum(axis=1).astype(np.int64))
    square, _, levels, _ = chi_square(part, 2, codes, table.shape[1])
    p = float(chdtrc(max(levels - 1, 1), square))
    return Shift(name, "total variation", distance, p, _stability(shares[0], shares[1]), *gaps, unseen, fresh)


def _findings(shifts: Sequence[Shift], names: tuple[str, str]) -> list[Finding]:
    """One finding for all columns that drifted as much, and one for each whose gaps changed."""
    found = []
    moved = [shift for shift in shifts if shift.p < _P and shift.distance >= _SOME]
    for severity, own in (
        ("critical", [shift for shift in moved if shift.distance >= _MUCH]),
        ("warning", [shift for shift in moved if shift.distance < _MUCH]),
    ):
        if own:
            told = ", ".join(f"{shift.column} {shift.distance:.2f}{_unseen(shift)}" for shift in own[:_TOLD])
            says = f"values differ between {names[0]} and {names[1]}, by distance from 0 to 1: {told}"
            says += f" and {counted(len(own) - _TOLD, 'more column')}" if len(own) > _TOLD else ""
            todo = "Find out what changed; split by time, and judge a model on the later part"
            found.append(Finding("drift", severity, tuple(shift.column for shift in own), says, todo))  # type: ignore[arg-type]
    for shift in shifts:
        if abs(shift.missing_after - shift.missing_before) >= _GAPS:
            says = f"{percent(shift.missing_before)} were missing in {names[0]}, {percent(shift.missing_after)} are in {names[1]}"
            found.append(Finding("drift_of_gaps", "warning", (shift.column,), says, "Look whether the source changed"))
    return found


def _unseen(shift: Shift) -> str:
    if shift.unseen < _GAPS / 10:
        return ""
    return f" ({percent(shift.unseen)} of it not seen before, such as {shift.unseen_levels[0][:40]})"
