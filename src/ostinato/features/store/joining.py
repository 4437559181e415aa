"""From a frame of questions to a frame of answers: the rooms' side of the point-in-time join."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from ostinato.core.errors import FeatureStoreError, UsageError
from ostinato.features.store import history
from ostinato.features.store.batch import codes_of, refuse_others
from ostinato.features.store.conforming import column_of
from ostinato.features.store.history import Answers, Questions
from ostinato.features.store.manifest import Manifest
from ostinato.features.store.moments import NEVER, Micros, micros, moment
from ostinato.features.store.parts import index_of
from ostinato.features.store.view import FeatureView

if TYPE_CHECKING:
    from ostinato.features.store.store import FeatureStore

Known = Literal["row"] | datetime | None
Found = tuple[Answers, dict[str, Any]]


def joined(
    store: FeatureStore,
    frame: pd.DataFrame,
    asked: Mapping[str, list[str]],
    *,
    timestamp: str,
    known_at: Known,
    pinned: Mapping[str, str],
    full_names: bool,
    with_origin: bool,
    assume_utc: bool,
) -> pd.DataFrame:
    """`FeatureStore.historical` for features that exist."""
    if unknown := set(pinned) - set(asked):
        raise UsageError(f"pinned: no feature of view {sorted(unknown)[0]!r} is asked for")
    refuse_others(frame)
    names = _names(frame, asked, full_names)
    if timestamp not in frame.columns:
        raise FeatureStoreError(
            f"the frame has no column {timestamp!r}; name the column of the rows' moments with timestamp=…. "
            f"It has: {', '.join(map(str, frame.columns[:20]))}"
        )
    moments = micros(frame[timestamp], timestamp, assume_utc=assume_utc)
    known = _known(known_at, moments)
    columns: dict[str, Any] = {}
    for name, features in asked.items():

        def read(manifest: Manifest, name: str = name, features: list[str] = features) -> Found:
            return _found(store, manifest, frame, features, moments, known, pinned.get(name))

        found, values = store.reading(name, read)
        for feature in features:
            columns[names[name, feature]] = history.as_column(values[feature]).set_axis(frame.index)
        if with_origin:
            columns |= _origin(name, found, frame.index)
    return pd.concat([frame, pd.DataFrame(columns, index=frame.index)], axis=1)


def _origin(name: str, found: Answers, index: pd.Index[Any]) -> dict[str, Any]:
    """When the values of each row were measured, and by which write they came."""
    there = found.part >= 0
    event = pd.Series(np.where(there, found.event, NEVER).view("datetime64[us]"), index=index)
    write = pd.Series(np.where(there, found.write, 0), index=index).astype("Int64")
    return {f"{name}__event_time": event.dt.tz_localize("UTC"), f"{name}__write": write.mask(~there)}


def _found(
    store: FeatureStore,
    manifest: Manifest,
    frame: pd.DataFrame,
    features: list[str],
    moments: Micros,
    known: Micros | None,
    pinned: str | None,
) -> Found:
    view, last_write = pinned_to(manifest, pinned)
    asked = questions(view, frame, moments, known, last_write)
    folder, parts = store.root / "views" / view.name, manifest.parts.get(view.version, ())
    answers = history.answered(folder, view, parts, asked)
    return answers, history.values(folder, view, parts, features, answers)


def questions(
    view: FeatureView, frame: pd.DataFrame, moments: Micros, known: Micros | None = None, last_write: int | None = None
) -> Questions:
    """The keys of a frame and the moments to look at; a key that is missing has no answer."""
    if missing := [name for name in view.entity if name not in frame.columns]:
        raise FeatureStoreError(
            f"the frame lacks {', '.join(map(repr, missing))}, the entity of view {view.name!r}; "
            f"it has: {', '.join(map(str, frame.columns[:20]))}"
        )
    columns = [
        column_of(frame[name], dtype, f"entity {name!r} of view {view.name!r}")
        for name, dtype in zip(view.entity, view.entity_types, strict=True)
    ]
    codes, heads = codes_of(columns)
    within = view.to_dict()["ttl_us"]
    return Questions(codes, index_of(heads), moments, known, last_write, within)


def pinned_to(manifest: Manifest, data_version: str | None) -> tuple[FeatureView, int | None]:
    """The view and the last write that a data version stands for; the view in force and no limit for None."""
    if data_version is None:
        return manifest.view, None
    for write in manifest.writes:
        if write.data_version == data_version:
            return manifest.views[write.version], write.number
    known = [write.data_version for write in manifest.writes[-3:]]
    raise UsageError(
        f"view {manifest.view.name!r} has no data version {data_version!r}; its last are: {', '.join(known) or 'none'}"
    )


def _known(known_at: Known, moments: Micros) -> Micros | None:
    if known_at is None:
        return None
    if isinstance(known_at, str):
        if known_at != "row":
            raise UsageError(f"known_at={known_at!r}: expected 'row', a datetime with its zone, or None")
        return moments
    return np.full(len(moments), moment(known_at, "known_at"), dtype=np.int64)


def _names(frame: pd.DataFrame, asked: Mapping[str, list[str]], full_names: bool) -> dict[tuple[str, str], str]:
    names = {(v, f): f"{v}__{f}" if full_names else f for v, features in asked.items() for f in features}
    given = list(names.values())
    twice = sorted({name for name in given if given.count(name) > 1 or name in frame.columns})
    if twice:
        raise UsageError(
            f"{len(twice)} of the columns to add would be there twice: {', '.join(map(repr, twice[:20]))}. "
            "Pass full_names=True for names such as view__feature, or rename the frame's columns."
        )
    return names
