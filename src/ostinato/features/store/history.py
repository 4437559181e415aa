"""Values as they stood at given moments: the point-in-time join over the parts of a view.

Parts are sorted by entity and moment. For each part the questions it may answer are looked up by halving (`asof`), and the best
answer of all parts is kept; values are read afterwards and only from parts that have the last word for some row. What is held in
memory is a part's keys, a few features of a part, and the answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from ostinato.features.store import parts as parquet
from ostinato.features.store.asof import Ints, last_at, last_known
from ostinato.features.store.conforming import arrow_type
from ostinato.features.store.manifest import Part
from ostinato.features.store.moments import NEVER
from ostinato.features.store.view import FeatureView

_TOGETHER = 8  # features of a part that are held in memory at once


@dataclass(frozen=True)
class Questions:
    """Whose values, at which moments (µs), and what of them was known: `known` is a moment for each row, or None for all of it.

    `last_write`: rows of later writes do not exist; `within`: how old a value may be, in µs.
    """

    codes: Ints
    entities: pd.Index[Any]
    moments: Ints
    known: Ints | None = None
    last_write: int | None = None
    within: int | None = None


@dataclass(frozen=True)
class Answers:
    """For each question the part and the row with the last word, its moments and its write; part -1 where there is none."""

    part: NDArray[np.int32]
    row: Ints
    event: Ints
    created: Ints
    write: Ints


def answered(folder: Path, view: FeatureView, parts: Sequence[Part], asked: Questions) -> Answers:
    """The row with the last word on each question."""
    size = len(asked.moments)
    best = Answers(np.full(size, -1, np.int32), np.full(size, -1), *(np.full(size, NEVER) for _ in range(3)))
    latest, earliest = asked.moments.max(initial=NEVER), asked.moments.min(initial=np.iinfo(np.int64).max)
    # later slices first: what they answer, earlier ones need not be asked
    for place in sorted(range(len(parts)), key=lambda each: -parts[each].event_to):
        part = parts[place]
        too_old = asked.within is not None and part.event_to < earliest - asked.within
        too_new = asked.last_write is not None and part.writes[0] > asked.last_write
        if part.event_from > latest or too_old or too_new:
            continue
        open_ = np.flatnonzero((best.event <= part.event_to) & (asked.moments >= part.event_from) & (asked.codes >= 0))
        if len(open_):
            _ask(parquet.keys(folder, view, part), place, asked, open_, best)
    if asked.within is not None:
        gone = (best.part >= 0) & (asked.moments - best.event > asked.within)
        best.part[gone] = -1
    return best


def _ask(keys: parquet.Keys, place: int, asked: Questions, rows: Ints, best: Answers) -> None:
    """Let one part answer; `best` is changed where it knows better."""
    keys, origin = _written(keys, asked.last_write)
    groups = keys.entities.get_indexer(asked.entities)[asked.codes[rows]]
    rows, groups = rows[groups >= 0], groups[groups >= 0]
    starts, ends = keys.first[groups], keys.last[groups]
    found = last_at(keys.event, starts, ends, asked.moments[rows])
    if asked.known is not None:
        found = last_known(keys.created, found, starts, asked.known[rows])
    rows, found = rows[found >= 0], found[found >= 0]
    event, created, write = keys.event[found], keys.created[found], keys.write[found]
    later = event > best.event[rows]
    same = event == best.event[rows]
    later |= same & (created > best.created[rows])
    later |= same & (created == best.created[rows]) & (write > best.write[rows])
    rows, found = rows[later], found[later]
    best.part[rows], best.row[rows] = place, found if origin is None else origin[found]
    best.event[rows], best.created[rows], best.write[rows] = event[later], created[later], write[later]


def _written(keys: parquet.Keys, last_write: int | None) -> tuple[parquet.Keys, Ints | None]:
    """The keys without rows of later writes, and where those that remain lie."""
    if last_write is None or not len(keys.write) or keys.write.max() <= last_write:
        return keys, None
    kept = keys.write <= last_write
    before = np.concatenate([[0], np.cumsum(kept)])
    first, last = before[keys.first], before[keys.last]
    kept_keys = parquet.Keys(keys.entities, first, last, keys.event[kept], keys.created[kept], keys.write[kept])
    return kept_keys, np.flatnonzero(kept)


def values(
    folder: Path, view: FeatureView, parts: Sequence[Part], names: Sequence[str], found: Answers
) -> dict[str, Any]:
    """The features of the rows that have the last word, as Arrow arrays; null where no row has it."""
    chunks: dict[str, list[Any]] = {name: [] for name in names}
    places, count = np.full(len(found.part), -1, dtype=np.int64), 0
    for place in np.unique(found.part[found.part >= 0]):
        rows = np.flatnonzero(found.part == place)
        places[rows] = np.arange(count, count + len(rows))
        count += len(rows)
        chosen = pa.array(found.row[rows])
        for start in range(0, len(names), _TOGETHER):
            some = names[start : start + _TOGETHER]
            table = parquet.read(folder, parts[place], some).take(chosen)
            for name in some:
                chunks[name].append(table.column(name))
    order = pa.array(places, mask=places < 0)
    return {name: _joined(chunks[name], arrow_type(view.features[name])).take(order) for name in names}


def _joined(chunks: list[Any], dtype: Any) -> Any:
    arrays = [chunk for each in chunks for chunk in getattr(each, "chunks", [each])]
    return pa.concat_arrays(arrays) if arrays else pa.array([], type=dtype)


def as_column(values: Any) -> Any:
    """An Arrow array as a column whose type does not depend on its gaps.

    Floats have NaN; int64 and bool are pandas' Int64 and boolean; texts are objects with None; moments are in UTC.
    """
    if pa.types.is_int64(values.type):
        return values.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    if pa.types.is_boolean(values.type):
        return values.to_pandas(types_mapper={pa.bool_(): pd.BooleanDtype()}.get)
    return values.to_pandas()
