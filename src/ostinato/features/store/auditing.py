"""What training and serving saw beside what history says, for the report on skew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from ostinato.core.errors import FeatureStoreError
from ostinato.features.store.moments import now
from ostinato.features.store.skew import FeatureSkew, SkewReport, skew_of

if TYPE_CHECKING:
    from ostinato.features.store.store import FeatureStore

_AT = "__at"


def audited(
    store: FeatureStore,
    training: pd.DataFrame,
    asked: Mapping[str, list[str]],
    log: pd.DataFrame | None,
    timestamp: str,
    tolerance: float,
) -> SkewReport:
    """`FeatureStore.skew` for features that exist."""
    found: list[FeatureSkew] = []
    for name, features in asked.items():
        trained = _beside(store, training, name, features, timestamp, "training")
        if log is None:
            served = _served_now(store, training, name, features)
        else:
            served = _beside(store, log, name, features, timestamp, "served")
        for feature in features:
            pairs = [(given[feature], expected[feature]) for given, expected in (trained, served)]
            found.append(skew_of(f"{name}:{feature}", pairs[0], pairs[1], tolerance))
    return SkewReport(tuple(found))


def _beside(
    store: FeatureStore, frame: pd.DataFrame, name: str, features: list[str], timestamp: str, what: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The features of a frame, and what history says of its rows."""
    entity = list(store.view(name).entity)
    missing = [column for column in [*entity, timestamp, *features] if column not in frame.columns]
    if missing:
        raise FeatureStoreError(
            f"the {what} frame lacks {', '.join(map(repr, missing[:20]))}: to be compared it needs the entity, the moment "
            f"({timestamp!r}) and the features of view {name!r} by name"
        )
    expected = store.historical(
        frame[[*entity, timestamp]], [f"{name}:{each}" for each in features], timestamp=timestamp
    )
    return frame[features], expected[features]


def _served_now(
    store: FeatureStore, frame: pd.DataFrame, name: str, features: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What the online database says now of the entities of a frame, and what history says, both by key."""
    entity = list(store.view(name).entity)
    keys = frame[entity].dropna().drop_duplicates()
    at = pd.Timestamp(now(), unit="us", tz="UTC")
    labels: list[Any] = [
        row if len(entity) > 1 else row[0] for row in zip(*(keys[c].tolist() for c in entity), strict=True)
    ]
    answers = store.online(name, labels, at=at.to_pydatetime())
    rows = [[answers[label].values[feature] for feature in features] for label in labels]
    index = pd.Index(labels, tupleize_cols=False)
    asked = keys.set_axis(index).assign(**{_AT: at})
    expected = store.historical(asked, [f"{name}:{each}" for each in features], timestamp=_AT)
    given = {
        f: pd.Series([row[place] for row in rows], index=index, dtype=expected[f].dtype)
        for place, f in enumerate(features)
    }
    return pd.DataFrame(given, index=index), expected[features]
