"""From history to what is served: the latest values of each entity up to a moment, copied."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ostinato.features.store import history
from ostinato.features.store import parts as parquet
from ostinato.features.store.history import Questions
from ostinato.features.store.manifest import Manifest, Part
from ostinato.features.store.serving import Kept, Mark, OnlineStore
from ostinato.features.store.view import FeatureView

_CHUNK = 200_000  # entities whose values are held in memory at once


@dataclass(frozen=True)
class Materialized:
    """What a copy did: entities looked at, those whose values were later than what was served, and how far it went (µs)."""

    view: str
    data_version: str
    until: int
    entities: int
    updated: int


def materialized(folder: Path, manifest: Manifest, online: OnlineStore, until: int, anew: bool = False) -> Materialized:
    """Copy what holds at `until`; only entities of parts that are new since the last copy, or reach beyond it, are looked at."""
    view, parts = manifest.view, manifest.parts.get(manifest.version, ())
    before = online.mark(view.name)
    if before is not None and before.version != view.version:
        before = None
    news = [part for part in parts if part.event_from <= until and (anew or _is_news(part, before))]
    entities = _entities(folder, view, news)
    updated = 0
    for start in range(0, len(entities), _CHUNK):
        some = entities[start : start + _CHUNK]
        updated += online.put(view.name, view.version, _rows(folder, view, parts, some, until))
    writes = manifest.writes_of(view.version)
    number, data_version = (writes[-1].number, writes[-1].data_version) if writes else (0, f"{view.version}.empty")
    # a copy of an earlier moment has not seen what the new writes say of the time up to the last copy
    mark = before if before and until < before.until else Mark(view.version, data_version, number, until)
    online.finish(view.name, mark)
    return Materialized(view.name, data_version, until, len(entities), updated)


def _is_news(part: Part, before: Mark | None) -> bool:
    return before is None or part.writes[1] > before.write or part.event_to > before.until


def _entities(folder: Path, view: FeatureView, parts: Sequence[Part]) -> pd.Index[Any]:
    found: pd.Index[Any] | None = None
    for part in parts:
        own = parquet.keys(folder, view, part).entities
        found = own if found is None else found.append(own[~own.isin(found)])
    return pd.Index([]) if found is None else found


def _rows(
    folder: Path, view: FeatureView, parts: Sequence[Part], entities: pd.Index[Any], until: int
) -> Iterator[tuple[str, Kept]]:
    asked = Questions(np.arange(len(entities)), entities, np.full(len(entities), until, dtype=np.int64))
    found = history.answered(folder, view, parts, asked)
    columns = [_plain(column) for column in history.values(folder, view, parts, view.names, found).values()]
    moments = zip(found.event.tolist(), found.created.tolist(), found.write.tolist(), strict=True)
    rows = zip(entities.tolist(), found.part.tolist(), moments, zip(*columns, strict=True), strict=True)
    for key, part, moment, row in rows:
        if part >= 0:
            name = json.dumps(key if isinstance(key, tuple) else (key,), ensure_ascii=False, separators=(",", ":"))
            yield name, Kept(*moment, json.dumps(row, ensure_ascii=False, separators=(",", ":")))


def _plain(column: Any) -> list[Any]:
    values: list[Any] = (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()
    return values
