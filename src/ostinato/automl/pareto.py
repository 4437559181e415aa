"""Several objectives at once: who dominates whom, the front as data, and the best of it that fits an envelope."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ostinato.core.errors import ArtefactError, UsageError

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
_BEYOND = 0.1  # of an objective's range: how far the reference of the hypervolume stands behind the worst


def dominance(losses: ArrayLike) -> NDArray[np.bool_]:
    """`(n, n)`, true where row i of `losses (n, m)` is at least as good as j in every objective and better in one."""
    L = _checked(losses)
    no_worse, better = np.ones((len(L), len(L)), dtype=bool), np.zeros((len(L), len(L)), dtype=bool)
    for column in L.T:
        no_worse &= column[:, None] <= column[None, :]
        better |= column[:, None] < column[None, :]
    return no_worse & better


def ranks(losses: ArrayLike) -> NDArray[np.int64]:
    """Front of each row of `losses (n, m)`, less being better: 0 for what none dominates, 1 for what only those do, and so on.

    Takes memory of n² bytes. Deb et al. 2002.

    >>> ranks([[1, 4], [2, 2], [4, 1], [3, 3]]).tolist()
    [0, 0, 0, 1]
    """
    dominates = dominance(losses)
    left = dominates.sum(axis=0)
    found = np.full(len(left), -1, dtype=np.int64)
    rank = 0
    while (current := (left == 0) & (found < 0)).any():
        found[current] = rank
        left = left - dominates[current].sum(axis=0)
        rank += 1
    return found


def hypervolume(losses: ArrayLike, reference: ArrayLike) -> float:
    """Volume between `losses (n, m)` and `reference (m,)` that they dominate; exact, by slices, for a few objectives.

    >>> hypervolume([[1, 2], [2, 1]], [3, 3])
    3.0
    """
    L, corner = _checked(losses), np.asarray(reference, dtype=np.float64)
    if corner.shape != (L.shape[1],):
        raise UsageError(f"reference has shape {corner.shape}; expected one value for each of {L.shape[1]} objectives")
    return _volume(np.unique(L[np.less(L, corner).all(axis=1)], axis=0), corner)


def _volume(L: Array, corner: Array) -> float:
    if not len(L):
        return 0.0
    if L.shape[1] == 1:
        return float(corner[0] - L.min())
    L = L[np.argsort(L[:, -1], kind="stable")]
    edges = np.append(L[:, -1], corner[-1])
    return float(
        sum(
            (edges[i + 1] - edges[i]) * _volume(_front(L[: i + 1, :-1]), corner[:-1])
            for i in range(len(L))
            if edges[i + 1] > edges[i]
        )
    )


def _front(L: Array) -> Array:
    kept: Array = L.min(axis=0, keepdims=True) if L.shape[1] == 1 else L[ranks(L) == 0]
    return kept


def _checked(losses: ArrayLike) -> Array:
    L = np.asarray(losses, dtype=np.float64)
    if L.ndim != 2 or not L.shape[1]:  # noqa: PLR2004
        raise UsageError(f"losses have shape {L.shape}; expected (members, objectives)")
    if not np.isfinite(L).all():
        row, column = np.argwhere(~np.isfinite(L))[0]
        raise UsageError(f"row {row}, objective {column} is {L[row, column]}; expected finite numbers")
    return L


@dataclass(frozen=True)
class Member:
    """One candidate: its value of each objective, the front that it stands in (0 is the best), and who dominates it."""

    name: str
    values: tuple[float, ...]
    rank: int
    dominated_by: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Fit:
    """The member that was picked, and why those before it were not."""

    member: Member
    refused: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ParetoFront:
    """Candidates by several objectives, the best in the first objective at the head.

    >>> front = ParetoFront.of({"a": (0.1, 900), "b": (0.2, 90), "c": (0.3, 400)}, ("error", "bytes"))
    >>> [member.name for member in front.front], front["c"].dominated_by
    (['a', 'b'], ('b',))
    >>> front.within(bytes=500).refused
    (('a', 'bytes is 900, more than 500'),)
    """

    objectives: tuple[str, ...]
    directions: tuple[str, ...]
    members: tuple[Member, ...]

    @classmethod
    def of(
        cls,
        values: Mapping[str, Sequence[float]],
        objectives: Sequence[str],
        directions: Sequence[str] | None = None,
        params: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> ParetoFront:
        """Sort members by name and values; less is better unless `directions` say "maximize"."""
        ways = tuple(directions or ["minimize"] * len(objectives))
        if len(ways) != len(objectives) or any(len(each) != len(objectives) for each in values.values()):
            raise UsageError(
                f"expected one direction and, for each member, one value for each of {', '.join(objectives)}"
            )
        names = list(values)
        losses = (
            _checked(np.array([values[name] for name in names]).reshape(len(names), -1) * _signs(ways))
            if names
            else None
        )
        if losses is None:
            return cls(tuple(objectives), ways, ())
        above, rank = dominance(losses), ranks(losses)
        members = [
            Member(
                name,
                tuple(map(float, values[name])),
                int(rank[i]),
                tuple(names[j] for j in np.flatnonzero(above[:, i] & (rank == 0))),
                dict((params or {}).get(name, {})),
            )
            for i, name in enumerate(names)
        ]
        order = sorted(range(len(names)), key=lambda i: (rank[i], *losses[i], i))
        return cls(tuple(objectives), ways, tuple(members[i] for i in order))

    def __getitem__(self, name: str) -> Member:
        for member in self.members:
            if member.name == name:
                return member
        raise UsageError(
            f"no member is called {name!r}; there are {', '.join(each.name for each in self.members) or 'none'}"
        )

    def __len__(self) -> int:
        return len(self.members)

    @property
    def front(self) -> tuple[Member, ...]:
        """Members that none dominates, the best in the first objective first."""
        return tuple(member for member in self.members if member.rank == 0)

    def losses(self, members: Sequence[Member]) -> Array:
        """Their values `(n, m)`, turned so that less is better."""
        turned: Array = np.array([member.values for member in members], dtype=np.float64).reshape(
            len(members), len(self.objectives)
        ) * _signs(self.directions)
        return turned

    def hypervolume(self, reference: Sequence[float] | None = None) -> float:
        """What the front dominates up to `reference`, in the objectives' units; by default somewhat behind the worst."""
        if not self.members:
            return 0.0
        every = self.losses(self.members)
        worst = every.max(axis=0) + _BEYOND * np.maximum(np.ptp(every, axis=0), np.finfo(float).tiny)
        corner = worst if reference is None else np.asarray(reference, dtype=np.float64) * _signs(self.directions)
        return hypervolume(self.losses(self.front), corner)

    def knee(self, log: Sequence[str] = ()) -> Member:
        """The member that bulges most towards the ideal: the smallest sum of objectives, each scaled to the front's range.

        Objectives named in `log` (latencies, bytes) are scaled by their logarithm. Das 1999, for two objectives.
        """
        if not self.members:
            raise UsageError("the front is empty: no member was given")
        scaled = self.losses(self.front)
        for column, name in enumerate(self.objectives):
            if name in log:
                raw = np.array([member.values[column] for member in self.front])
                if (raw <= 0).any():
                    raise UsageError(f"{name} has values of 0 or less: no logarithm can be taken")
                scaled[:, column] = np.log(raw) * _signs(self.directions)[column]
        span = np.ptp(scaled, axis=0)
        unit = (scaled - scaled.min(axis=0)) / np.where(span > 0, span, 1.0)
        return self.front[int(np.argmin(unit.sum(axis=1)))]

    def within(self, **bounds: float) -> Fit:
        """The best in the first objective that keeps every bound, with reasons for those before it.

        Bounds are by objective: at most so much, or at least where it is maximised. Raises ArtefactError where none fits; no
        dominated member would then.
        """
        for name, bound in bounds.items():
            if name not in self.objectives:
                raise UsageError(f"{name}={bound}: there is no such objective; there are {', '.join(self.objectives)}")
        refused: list[tuple[str, str]] = []
        for member in self.front:
            if not (reason := self._over(member, bounds)):
                return Fit(member, tuple(refused))
            refused.append((member.name, reason))
        words = "; ".join(f"{name}: {reason}" for name, reason in refused[:5]) or "there are no members"
        raise ArtefactError(
            f"none of {len(self.front)} members of the front fits ({words}). Widen the bounds, or search longer."
        )

    def _over(self, member: Member, bounds: Mapping[str, float]) -> str:
        faults = []
        for name, value, sign in zip(self.objectives, member.values, _signs(self.directions), strict=True):
            if name in bounds and not sign * value <= sign * bounds[name]:
                faults.append(f"{name} is {value:g}, {'more' if sign > 0 else 'less'} than {bounds[name]:g}")
        return ", ".join(faults)

    def frame(self) -> pd.DataFrame:
        """One row a member: member, rank, dominated_by (names, by comma), each objective, params as JSON."""
        import pandas as pd

        rows = [
            {"member": m.name, "rank": m.rank, "dominated_by": ", ".join(m.dominated_by)}
            | dict(zip(self.objectives, m.values, strict=True))
            | {"params": json.dumps(dict(m.params), sort_keys=True, default=str)}
            for m in self.members
        ]
        return pd.DataFrame(rows, columns=["member", "rank", "dominated_by", *self.objectives, "params"])

    def to_json(self) -> str:
        """All of it; `from_json` reads it again."""
        return json.dumps(asdict(self), indent=1, default=str)

    @classmethod
    def from_json(cls, text: str) -> ParetoFront:
        """What `to_json` wrote; raises UsageError for anything else."""
        try:
            value = json.loads(text)
            members = [
                Member(m["name"], tuple(m["values"]), m["rank"], tuple(m["dominated_by"]), m["params"])
                for m in value["members"]
            ]
            return cls(tuple(value["objectives"]), tuple(value["directions"]), tuple(members))
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"this is no Pareto front ({error!r}); expected what to_json wrote") from error

    def plot(self, path: Path | str, y: str | None = None, x: str | None = None, colour: str | None = None) -> Path:
        """Draw a PNG: by default the first objective over the second, coloured by the third where there is one."""
        from ostinato.automl.pareto_plot import draw

        given = [name for name in (y, x, colour) if name is not None]
        if strange := [name for name in given if name not in self.objectives]:
            raise UsageError(f"{strange[0]!r} is no objective; there are {', '.join(self.objectives)}")
        rest = [name for name in self.objectives if name not in given]
        vertical, across = y or rest.pop(0), x or (rest.pop(0) if rest else None)
        if across is None or not self.members:
            raise UsageError("a plot needs two objectives and at least one member")
        return draw(self, Path(path), vertical, across, colour or (rest[0] if rest else None))


def _signs(directions: Sequence[str]) -> Array:
    return np.array([-1.0 if each == "maximize" else 1.0 for each in directions])
