"""Publish what the line knows of tracks to the workspace's feature store, and read it back as a service would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from ostinato.core.errors import UsageError
from ostinato.core.files import read_table
from ostinato.core.hashing import sha256_of_value
from ostinato.features.store import FeatureStore, FeatureView
from ostinato.features.store.view import VERSION_DIGITS
from ostinato.pipeline import FEATURES
from ostinato.tenancy.workspace import Workspace

AUDIO, LISTENING = "audio", "listening"
_EVENTS = "data/clean/events.parquet"
_ALWAYS = pd.Timestamp("1970-01-01", tz="UTC")  # a recording sounds as it does whenever one asks
_KINDS = ("play", "skip", "like")


@dataclass(frozen=True)
class Published:
    """What one view got: rows written now (0 where they were there), entities served, and its version by content and code."""

    view: str
    rows: int
    repeated: bool
    served: int
    data_version: str


def store_of(workspace: Workspace) -> FeatureStore:
    """The feature store of a workspace; online reads go to SQLite, or where OSTINATO_ONLINE_STORE says."""
    return FeatureStore(workspace.state / "features")


def publish(workspace: Workspace) -> list[Published]:
    """Write audio vectors, and listening by track and day where there are events, and copy the latest to the online store.

    What was published before is not written again. Raises UsageError where the line has not come to `extract` yet.
    """
    features, events = workspace.root / FEATURES, workspace.root / _EVENTS
    if not features.is_file() or not events.is_file():
        raise UsageError(f"{workspace.root} has no features yet; run the line first: ostinato run")
    heard, played = read_table(features), read_table(events)
    with store_of(workspace) as store:
        made = []
        if heard.shape[1] > 1 and len(heard):
            view = FeatureView(
                AUDIO, "track_id", dict.fromkeys(heard.columns.drop("track_id"), "float32"),
                code=sha256_of_value(workspace.params.extract.model_dump(mode="json"))[:VERSION_DIGITS],
                description="What is heard of a recording, by the step extract.",
            )  # fmt: skip
            made.append(_published(store, view, heard.assign(event_time=_ALWAYS), [features]))
        if len(played):
            view = FeatureView(
                LISTENING, "track_id", dict.fromkeys([f"{kind}s" for kind in _KINDS] + ["listeners"], "int64"), code="1",
                description="Plays, skips, likes and listeners of a track up to the end of a day, by its events.",
            )  # fmt: skip
            made.append(_published(store, view, listening(played), [events]))
    if not made:
        raise UsageError(f"{workspace.root} has neither audio features nor events, so there is nothing to publish")
    return made


def _published(store: FeatureStore, view: FeatureView, frame: pd.DataFrame, sources: list[Any]) -> Published:
    store.register(view)
    write = store.write(view, frame, sources=sources)
    copied = store.materialize(view.name)
    return Published(view.name, write.rows, write.repeated, copied.entities, store.data_version(view.name))


def listening(events: pd.DataFrame) -> pd.DataFrame:
    """A row a track and day with events: counts of all its events so far, known from the end of that day (UTC).

    >>> at = pd.to_datetime(["2026-01-01T10:00Z", "2026-01-01T11:00Z", "2026-01-03T09:00Z"])
    >>> events = pd.DataFrame({"track_id": "a", "user_id": ["u", "v", "u"], "at": at, "kind": ["play", "skip", "play"]})
    >>> listening(events)[["plays", "skips", "likes", "listeners"]].to_numpy().tolist()
    [[1, 1, 0, 2], [2, 1, 0, 2]]
    """
    day = pd.to_datetime(events["at"], utc=True).dt.floor("D") + pd.Timedelta(days=1)
    counted = pd.DataFrame({"track_id": events["track_id"].astype(str), "event_time": day})
    for kind in _KINDS:
        counted[f"{kind}s"] = (events["kind"] == kind).astype("int64")
    order = events.assign(day=day).sort_values("day", kind="stable")
    first = ~order.duplicated(["track_id", "user_id"]).reindex(events.index)
    counted["listeners"] = first.astype("int64")
    days = counted.groupby(["track_id", "event_time"], sort=True).sum()
    return days.groupby(level="track_id").cumsum().reset_index()


def features_of(workspace: Workspace, track: str) -> dict[str, dict[str, Any]]:
    """What is served of a track, by view and feature; raises UsageError where nothing was published."""
    with store_of(workspace) as store:
        views = list(store.views())
        if not views:
            raise UsageError("nothing is published yet: ostinato features publish")
        return {name: dict(store.online(name, [track])[track].values) for name in views}
