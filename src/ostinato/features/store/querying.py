"""Questions in SQL over the Parquet files of views, answered by DuckDB."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from ostinato.core.errors import UsageError
from ostinato.features.store.batch import CREATED, EVENT, WRITE
from ostinato.features.store.manifest import Manifest


def queried(manifests: Mapping[str, Manifest], folder: Path, query: str) -> pd.DataFrame:
    """The frame of a query; tables have the entity, `event_time`, `created_time`, `write` and the features."""
    import duckdb

    with duckdb.connect() as base:
        base.execute("SET TimeZone = 'UTC'")
        for name, manifest in manifests.items():
            paths = [str(folder / name / part.path) for part in manifest.parts.get(manifest.version, ())]
            if paths:
                files = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
                renamed = f"{EVENT} AS event_time, {CREATED} AS created_time, {WRITE} AS write"
                names = ", ".join(_quoted(each) for each in manifest.view.names)
                entity = ", ".join(_quoted(each) for each in manifest.view.entity)
                base.execute(
                    f"CREATE VIEW {_quoted(name)} AS SELECT {entity}, {renamed}, {names} FROM read_parquet([{files}])"
                )
        try:
            return base.execute(query).df()
        except duckdb.Error as error:
            known = ", ".join(manifests) or "none yet"
            raise UsageError(
                f"the query cannot be answered: {error}. Tables are the views that have rows: {known}"
            ) from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
