"""Many small writes as few large parts: nothing is lost, and versions of the data stay readable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ostinato.core.hashing import sha256_of_value
from ostinato.features.store import parts as parquet
from ostinato.features.store.asof import Ints
from ostinato.features.store.batch import CREATED, EVENT, WRITE, codes_of
from ostinato.features.store.manifest import Manifest, Part
from ostinato.features.store.view import FeatureView
from ostinato.features.store.writing import clean, save_manifest


def compacted(folder: Path, manifest: Manifest, rows: int) -> Manifest:
    """Merge the parts of the view in force, slice of time by slice; its lock is held. Readers that come too late read anew."""
    view, parts = manifest.view, manifest.parts.get(manifest.version, ())
    wanted = max(1, -(-sum(part.rows for part in parts) // rows))
    if len(parts) <= wanted:
        return manifest
    clean(folder, manifest)
    name = sha256_of_value([part.path for part in parts])
    merged = [parquet.save(folder, view, table, name) for table in _slices(folder, view, parts, wanted)]
    after = replace(manifest, parts={**manifest.parts, manifest.version: tuple(merged)})
    save_manifest(folder, after)
    clean(folder, after)
    return after


def _slices(folder: Path, view: FeatureView, parts: Sequence[Part], count: int) -> Iterator[Any]:
    every = np.concatenate([_event(parquet.read(folder, part, [EVENT])) for part in parts])
    bounds = np.unique(np.quantile(every, np.linspace(0, 1, count + 1)[1:-1], method="nearest"))
    edges = [np.iinfo(np.int64).min, *bounds.tolist(), np.iinfo(np.int64).max]
    del every
    for low, high in pairwise(edges):
        inside = [
            _between(folder, view, part, low, high) for part in parts if part.event_to > low and part.event_from <= high
        ]
        if not inside:  # beyond the last of many rows of one moment
            continue
        table = pa.concat_tables(inside).combine_chunks()
        if len(table):
            codes, _ = codes_of([table.column(name).combine_chunks() for name in view.entity])
            order = np.lexsort((table.column(WRITE).to_numpy(), _ints(table.column(CREATED)), _event(table), codes))
            yield table.take(pa.array(order))


def _between(folder: Path, view: FeatureView, part: Part, low: int, high: int) -> Any:
    """The rows of a part later than `low` and not later than `high`."""
    table = parquet.read(folder, part, [*view.entity, EVENT, CREATED, *view.names, WRITE])
    event = _event(table)
    return table.filter(pa.array((event > low) & (event <= high)))


def _event(table: Any) -> Ints:
    return _ints(table.column(EVENT))


def _ints(column: Any) -> Ints:
    return np.asarray(column.cast(pa.int64()).to_numpy())
