"""What is served for an entity, and where it is kept: the seam between the store and its online databases."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from ostinato.core.errors import UsageError
from ostinato.features.store.view import FeatureView

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Status = Literal["fresh", "stale", "absent"]
_SECOND = 1_000_000
_START = datetime(1970, 1, 1, tzinfo=UTC)


class Kept(NamedTuple):
    """One entity's latest values in an online database: moments in µs, the write, the values as a JSON list."""

    event: int
    created: int
    write: int
    payload: str


@dataclass(frozen=True)
class Mark:
    """How far a view was copied: its version, the data's, the number of the last write, and the moment (µs)."""

    version: str
    data_version: str
    write: int
    until: int


class OnlineStore(Protocol):
    """An online database: latest values by view, version and key."""

    def read(self, view: str, version: str, keys: Sequence[str]) -> list[Kept | None]:
        """What is kept for each key, in their order."""

    def put(self, view: str, version: str, rows: Iterable[tuple[str, Kept]]) -> int:
        """Keep rows that are later than what is kept; returns how many were."""

    def finish(self, view: str, mark: Mark) -> None:
        """Say how far the view was copied, and forget its other versions."""

    def mark(self, view: str) -> Mark | None:
        """How far the view was copied; None: never."""

    def close(self) -> None:
        """Give connections back."""


@dataclass(frozen=True)
class Served:
    """One entity's features as served: `values` by name, None where unknown; all None where `status` is not "fresh".

    "stale": the last values are older than the view's ttl; "absent": there are none. `age` is that of the values.
    """

    values: Mapping[str, Any]
    status: Status
    event_time: datetime | None = None
    age: timedelta | None = None

    def vector(self) -> NDArray[np.float64]:
        """The values as float64 in the view's order, NaN where unknown; UsageError where one is no number."""
        import numpy as np

        words = [name for name, value in self.values.items() if isinstance(value, (str, datetime))]
        if words:
            raise UsageError(f"features {', '.join(map(repr, words))} are no numbers; take them from `values`")
        return np.array([np.nan if value is None else value for value in self.values.values()], dtype=np.float64)


def served(view: FeatureView, kept: Kept | None, at: int) -> Served:
    """What a service gets at a moment (µs) from what is kept."""
    if kept is None:
        return Served(dict.fromkeys(view.features), "absent")
    age = timedelta(microseconds=at - kept.event)
    event_time = _START + timedelta(microseconds=kept.event)
    if view.ttl is not None and age > view.ttl:
        return Served(dict.fromkeys(view.features), "stale", event_time, age)
    values = dict(zip(view.features, json.loads(kept.payload), strict=True))
    for name, dtype in view.features.items():
        if dtype == "timestamp" and values[name] is not None:
            values[name] = _START + timedelta(microseconds=values[name])
    return Served(values, "fresh", event_time, age)


def key_of(view: FeatureView, key: Any) -> str:
    """A key as online databases hold it; raises UsageError where it is not of the entity's type.

    >>> key_of(FeatureView("listening", "user", {"plays": "int64"}), "ada")
    '["ada"]'
    """
    several = key if isinstance(key, tuple) else (key,)
    if len(several) != len(view.entity):
        raise UsageError(
            f"key {key!r} has {len(several)} parts; view {view.name!r} is keyed by {', '.join(view.entity)}"
        )
    for part, name, dtype in zip(several, view.entity, view.entity_types, strict=True):
        if isinstance(part, bool) or not isinstance(part, str if dtype == "string" else int):
            raise UsageError(
                f"key {key!r}: {name!r} of view {view.name!r} is {dtype}, and this is {type(part).__name__}"
            )
    return json.dumps(several, ensure_ascii=False, separators=(",", ":"))
