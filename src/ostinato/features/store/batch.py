"""A frame made ready to be written: checked, typed, sorted, without twins, known by its content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ostinato.core.errors import FeatureStoreError, UsageError
from ostinato.features.store.conforming import arrow_type, column_of, keys_of
from ostinato.features.store.moments import Micros, micros
from ostinato.features.store.view import FeatureView

EVENT, CREATED, WRITE = "__event", "__created", "__write"


@dataclass(frozen=True)
class Batch:
    """Rows of one write as Arrow: keys, `EVENT`, `CREATED`, features; one row per key and pair of moments, the last given.

    `order` sorts them by key, event and creation. `digest` is that of the content, whatever the order the rows came in; moments of
    creation count where the frame states them, for otherwise they are the moment of the write.
    """

    table: Any
    codes: Micros
    event: Micros
    created: Micros
    replaced: int
    ignored: tuple[str, ...]
    states_created: bool

    def __len__(self) -> int:
        return len(self.event)

    def slices(self, rows: int) -> Iterator[Any]:
        """Tables of about `rows` rows: consecutive slices of time, each sorted by key, event and creation."""
        count = max(1, -(-len(self) // rows))
        bounds = np.unique(np.quantile(self.event, np.linspace(0, 1, count + 1)[1:-1], method="nearest"))
        slots = np.searchsorted(bounds, self.event, side="left")
        for slot in range(len(bounds) + 1):
            chosen = np.flatnonzero(slots == slot) if len(bounds) else np.arange(len(self))
            if len(chosen):
                order = np.lexsort((self.created[chosen], self.event[chosen], self.codes[chosen]))
                yield self.table.take(pa.array(chosen[order]))

    def digest(self) -> str:
        """SHA-256 of names, types and values in the order of keys and moments."""
        order = pa.array(np.lexsort((self.created, self.event, self.codes)))
        digest = hashlib.sha256()
        for name in self.table.column_names:
            if name == CREATED and not self.states_created:
                continue
            digest.update(f"{name}\0{self.table.schema.field(name).type}\0{len(self)}\0".encode())
            _feed(digest, self.table.column(name).take(order))
        return digest.hexdigest()


def batch_of(view: FeatureView, frame: pd.DataFrame, written_at: int, assume_utc: bool) -> Batch:
    """The rows of a frame for a view; raises FeatureStoreError that names the column and the row of what is wrong."""
    refuse_others(frame)
    needed = [*view.entity, view.timestamp, *([view.created] if view.created else []), *view.names]
    _refuse_columns(view, frame, needed)
    columns = {
        name: keys_of(frame[name], dtype, f"entity {name!r} of view {view.name!r}")
        for name, dtype in zip(view.entity, view.entity_types, strict=True)
    }
    event = micros(frame[view.timestamp], view.timestamp, assume_utc=assume_utc, upwards=True)
    if view.created:
        created = micros(frame[view.created], view.created, assume_utc=assume_utc, upwards=True)
    else:
        created = np.full(len(frame), written_at, dtype=np.int64)
    codes, _ = codes_of(list(columns.values()))
    kept = _last_of_twins(codes, event, created)
    moments = {EVENT: _stamps(event), CREATED: _stamps(created)}
    features = {
        name: column_of(frame[name], dtype, f"feature {name!r} of view {view.name!r}", assume_utc=assume_utc)
        for name, dtype in view.features.items()
    }
    table = pa.table({**columns, **moments, **features})
    if len(kept) < len(frame):
        table, codes, event, created = table.take(pa.array(kept)), codes[kept], event[kept], created[kept]
    ignored = tuple(str(name) for name in frame.columns if name not in needed)
    return Batch(table, codes, event, created, len(frame) - len(kept), ignored, view.created is not None)


def codes_of(columns: Sequence[Any]) -> tuple[Micros, list[Any]]:
    """Numbers of the keys in the keys' order, -1 where one is missing; and the keys, column by column."""
    found = [_ranked(column) for column in columns]
    codes = found[0][0]
    if len(columns) == 1:
        return codes, [found[0][1]]
    missing = codes < 0
    for own, known in found[1:]:
        missing |= own < 0
        codes = np.unique(codes * (len(known) + 1) + own, return_inverse=True)[1].astype(np.int64)
    _, first, codes = np.unique(codes, return_index=True, return_inverse=True)
    heads = pa.array(first)
    return np.where(missing, -1, codes), [column.take(heads) for column in columns]


def _ranked(column: Any) -> tuple[Micros, Any]:
    coded = column.dictionary_encode()
    order = np.asarray(pc.sort_indices(coded.dictionary))
    rank = np.empty(len(order) + 1, dtype=np.int64)
    rank[order], rank[-1] = np.arange(len(order)), -1
    return rank[np.asarray(coded.indices.fill_null(len(order)))], coded.dictionary.take(pa.array(order))


def _last_of_twins(codes: Micros, event: Micros, created: Micros) -> NDArray[np.int64]:
    """Rows that remain where several have one key, event and creation: the last of each, in the order they came."""
    order = np.lexsort((created, event, codes))
    same = (np.diff(codes[order]) == 0) & (np.diff(event[order]) == 0) & (np.diff(created[order]) == 0)
    return np.sort(order[np.append(~same, True)[: len(order)]])


def _stamps(values: Micros) -> Any:
    return pa.array(values).cast(arrow_type("timestamp"))


def _feed(digest: Any, column: Any) -> None:
    values = column.combine_chunks()
    digest.update(np.packbits(np.asarray(values.is_valid())).tobytes())
    if pa.types.is_string(values.type):
        texts = values.cast(pa.large_string()).fill_null("")
        _, ends, letters = texts.buffers()
        offsets = np.frombuffer(ends, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
        digest.update((offsets - offsets[0]).tobytes())
        digest.update(memoryview(letters)[offsets[0] : offsets[-1]] if letters else b"")
        return
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.int64())
    digest.update(np.ascontiguousarray(values.fill_null(False if pa.types.is_boolean(values.type) else 0)).tobytes())


def _refuse_columns(view: FeatureView, frame: pd.DataFrame, needed: list[str]) -> None:
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        raise FeatureStoreError(
            f"the frame for view {view.name!r} lacks {len(missing)} of {len(needed)} columns: {', '.join(map(repr, missing))}. "
            f"It has: {', '.join(map(repr, list(frame.columns)[:20])) or 'none'}."
        )


def refuse_others(frame: Any) -> None:
    """Raise where a frame is none of pandas', or two of its columns have one name."""
    if not isinstance(frame, pd.DataFrame):
        raise UsageError(
            f"expected a pandas DataFrame, got {type(frame).__name__}; convert it, such as with .to_pandas()"
        )
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise FeatureStoreError(
            f"the frame has several columns named {twice[0]!r}; which of them is meant? Rename the others."
        )
