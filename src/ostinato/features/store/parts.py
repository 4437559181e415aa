"""Parquet files of a view: written beside and renamed, read with their checksums, named where they are torn."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ostinato.core.errors import FeatureStoreError, StorageError
from ostinato.core.files import replacing
from ostinato.core.hashing import sha256_of_file
from ostinato.features.store.asof import Ints, runs
from ostinato.features.store.batch import CREATED, EVENT, WRITE
from ostinato.features.store.manifest import Part, sync
from ostinato.features.store.view import FeatureView

_GROUP = 1 << 18  # rows of a row group


@dataclass(frozen=True)
class Keys:
    """Keys and moments of a part: row `first[i]` to `last[i]` are those of entity `entities[i]`, in order of time."""

    entities: pd.Index[Any]
    first: Ints
    last: Ints
    event: Ints
    created: Ints
    write: Ints


def save(folder: Path, view: FeatureView, table: Any, digest: str) -> Part:
    """Write one sorted table durably as a part of a view's version; its name tells its content."""
    event, created = _ints(table.column(EVENT)), _ints(table.column(CREATED))
    write = table.column(WRITE).to_numpy()
    path = folder / view.version / f"{int(event.min())}-{digest[:16]}.parquet"
    texts = [field.name for field in table.schema if pa.types.is_string(field.type)]
    try:
        with replacing(path) as temporary:
            pq.write_table(
                table, temporary, compression="zstd", use_dictionary=[*view.entity, *texts, CREATED, WRITE],
                row_group_size=_GROUP, write_page_checksum=True,
            )  # fmt: skip
            sync(temporary)
        sync(path.parent)
    except OSError as error:
        raise StorageError.from_os(error, path) from error
    return Part(
        path=f"{view.version}/{path.name}", rows=len(table), sha256=sha256_of_file(path), event_from=int(event.min()),
        event_to=int(event.max()), created_from=int(created.min()), created_to=int(created.max()),
        writes=(int(write.min()), int(write.max())),
    )  # fmt: skip


def keys(folder: Path, view: FeatureView, part: Part) -> Keys:
    """The keys and moments of a part."""
    texts = [name for name, dtype in zip(view.entity, view.entity_types, strict=True) if dtype == "string"]
    # what is one value throughout stands in the manifest
    constant = {
        name: np.broadcast_to(np.int64(low), part.rows)
        for name, low, high in ((CREATED, part.created_from, part.created_to), (WRITE, *part.writes))
        if low == high
    }
    table = read(folder, part, [*view.entity, EVENT, *({CREATED, WRITE} - constant.keys())], coded=texts)
    own = [_codes(table.column(name)) for name in view.entity]
    first, last = runs(*own)
    heads = [_plain(table.column(name).take(pa.array(first))) for name in view.entity]
    entities = index_of(heads)
    created, write = (constant[name] if name in constant else _ints(table.column(name)) for name in (CREATED, WRITE))
    return Keys(entities, first, last, _ints(table.column(EVENT)), created, write)


def read(folder: Path, part: Part, columns: Sequence[str], coded: Sequence[str] = ()) -> Any:
    """Columns of a part as Arrow, those of `coded` as dictionaries; FeatureStoreError names the file where it is torn."""
    path = folder / part.path
    with naming(path):
        table = pq.ParquetFile(path, page_checksum_verification=True, read_dictionary=list(coded)).read(
            columns=list(columns)
        )
        if len(table) != part.rows:
            raise pa.ArrowInvalid(f"{len(table)} rows where {part.rows} were written")
        return table.unify_dictionaries().combine_chunks()


def index_of(columns: Sequence[Any]) -> pd.Index[Any]:
    """An entity's keys, column by column, as one index."""
    heads = [column.to_pandas() for column in columns]
    return pd.Index(heads[0]) if len(heads) == 1 else pd.MultiIndex.from_arrays(heads)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Errors of reading as those of the store, with the file's name."""
    try:
        yield
    except FileNotFoundError as error:  # of Arrow's it tells no name
        raise FileNotFoundError(errno.ENOENT, "there is no such file", str(path)) from error
    except (pa.ArrowException, OSError, EOFError) as error:
        raise FeatureStoreError(
            f"{path} is damaged ({' '.join(str(error).split())[:200]}). Restore it from a backup, "
            "or write the rows it held anew; `verify()` names all files that are not as they were written."
        ) from error


def _ints(column: Any) -> Ints:
    return np.asarray(column.combine_chunks().cast(pa.int64()).to_numpy())


def _codes(column: Any) -> NDArray[Any]:
    """Numbers that are equal where neighbours are."""
    values = column.combine_chunks()
    return np.asarray(values.indices if pa.types.is_dictionary(values.type) else values)


def _plain(column: Any) -> Any:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
