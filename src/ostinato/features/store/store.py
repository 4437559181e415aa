"""`FeatureStore`: views written once, read as they stood for training and as they stand for serving."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from ostinato.core.errors import FeatureStoreError, StorageError, UsageError
from ostinato.core.files import read_json, write_json
from ostinato.core.hashing import sha256_of_file
from ostinato.features.store.lock import writing
from ostinato.features.store.manifest import FILE, FORMAT, Manifest, Write, differs, refuse_newer
from ostinato.features.store.view import FeatureView

if TYPE_CHECKING:
    import pandas as pd

    from ostinato.features.store.materializing import Materialized
    from ostinato.features.store.serving import OnlineStore, Served
    from ostinato.features.store.skew import SkewReport

_PART_ROWS = 1_000_000
_PATIENCE = 60.0  # seconds that a writer waits for another
_SHOWN = 20  # names listed in a message
T = TypeVar("T")


class FeatureStore:
    """Feature views below one folder: Parquet for history, an embedded database or Redis for serving.

    `write` appends; what was written stays, and corrections win by their moment of creation. `historical` gives each row of a
    frame the values as they stood at its moment, never later ones. `materialize` copies the latest values to where `online` reads.
    `online`: a Redis URL, or an `OnlineStore` of your own; by default what the setting OSTINATO_ONLINE_STORE says, and without it
    a SQLite file in the folder. `patience`: seconds that a writer waits for another before it raises BusyError; `part_rows`: rows
    of a Parquet file, and so of what is held in memory at once.

    >>> import tempfile, pandas as pd
    >>> folder = tempfile.TemporaryDirectory()
    >>> store = FeatureStore(folder.name)
    >>> view = FeatureView("listening", entity="user", features={"plays": "int64"})
    >>> days = pd.to_datetime(["2026-01-01", "2026-01-05"], utc=True)
    >>> _ = store.write(view, pd.DataFrame({"user": ["ada", "ada"], "event_time": days, "plays": [3, 8]}))
    >>> asked = pd.DataFrame({"user": ["ada", "bob"], "event_time": pd.to_datetime(["2026-01-04", "2026-01-09"], utc=True)})
    >>> store.historical(asked, ["listening:plays"])["plays"].tolist()
    [3, <NA>]
    >>> _ = store.materialize("listening")
    >>> store.online("listening", ["ada"])["ada"].values
    {'plays': 8}
    """

    def __init__(
        self,
        root: str | Path,
        *,
        online: str | OnlineStore | None = None,
        patience: float = _PATIENCE,
        part_rows: int = _PART_ROWS,
    ) -> None:
        self.root = Path(root)
        self.patience = patience
        self.part_rows = part_rows
        self._online: str | OnlineStore | None = online
        self._read: dict[str, tuple[tuple[int, int, int], Manifest]] = {}
        self._id = self._opened()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the online database's connections back; they open again when needed."""
        if self._online is not None and not isinstance(self._online, str):
            self._online.close()

    def _opened(self) -> str:
        """Begin a store, or refuse one that is newer; returns its identity."""
        path = self.root / "store.json"
        if path.is_file():
            return _identity(path)
        if self.root.is_dir() and any(self.root.glob("[!.]*")) and not path.is_file():
            raise UsageError(f"{self.root} is neither empty nor a feature store; give it a folder of its own")
        try:
            with writing(self.root, self.patience):
                if not path.is_file():
                    write_json(path, {"format": FORMAT, "id": uuid.uuid4().hex[:12]})
        except OSError as error:
            raise StorageError.from_os(error, path) from error
        return _identity(path)

    # --- views ----------------------------------------------------------------------------------------------------------

    def register(self, view: FeatureView) -> FeatureView:
        """Put a definition in force. Another schema or code begins a new version, without the rows of the old one."""
        with writing(self._folder(view.name), self.patience):
            self._put(view)
        return view

    def _put(self, view: FeatureView) -> Manifest:
        from ostinato.features.store.writing import save_manifest

        folder = self._folder(view.name)
        before = Manifest.load(folder) if (folder / FILE).is_file() else None
        if before and before.view.to_dict() == view.to_dict():
            return before
        manifest = before.with_view(view) if before else Manifest.of(view)
        save_manifest(folder, manifest)
        return manifest

    def views(self) -> dict[str, FeatureView]:
        """The views in force, by name."""
        folder = self.root / "views"
        names = sorted(path.parent.name for path in folder.glob(f"*/{FILE}"))
        return {name: self.manifest(name).view for name in names}

    def view(self, name: str) -> FeatureView:
        """The view in force under a name."""
        return self.manifest(name).view

    def manifest(self, name: str) -> Manifest:
        """What belongs to a view; read anew only when it has changed."""
        folder = self._folder(name)
        try:
            status = (folder / FILE).stat()
        except FileNotFoundError:
            known = ", ".join(list(self.views())[:_SHOWN]) or "none yet"
            raise UsageError(f"there is no feature view {name!r} in {self.root}; it has: {known}") from None
        mark = (status.st_mtime_ns, status.st_size, status.st_ino)
        kept = self._read.get(name)
        if kept is None or kept[0] != mark:
            kept = self._read[name] = (mark, Manifest.load(folder))
        return kept[1]

    # --- writing --------------------------------------------------------------------------------------------------------

    def write(
        self,
        view: FeatureView | str,
        frame: pd.DataFrame,
        *,
        sources: Sequence[str | Path] = (),
        assume_utc: bool = False,
    ) -> Write:
        """Append rows: the entity's columns, the view's timestamp and its features; other columns are left out and named.

        Rows may come late, out of order and twice: for one entity and moment the row created last wins, among those the one
        written last. The same rows written again change nothing (`repeated`), so a write that may have failed can be repeated.
        Moments without a time zone are refused unless `assume_utc`. `sources` are the files that the values came from, for lineage.
        A view that is new is registered. Raises FeatureStoreError that names column and row, BusyError, StorageError; in each case
        nothing was written.
        """
        from ostinato.features.store.batch import batch_of
        from ostinato.features.store.moments import now
        from ostinato.features.store.writing import written

        named = self.view(view) if isinstance(view, str) else view
        at = now()
        batch = batch_of(named, frame, at, assume_utc)
        folder = self._folder(named.name)
        with writing(folder, self.patience):
            if not (folder / FILE).is_file():
                self._put(named)
            manifest = Manifest.load(folder)
            if manifest.version != named.version:
                raise FeatureStoreError(differs(manifest.view, named))
            if not len(batch):
                raise FeatureStoreError(f"the frame for view {named.name!r} has no rows: there is nothing to write")
            return written(folder, manifest, batch, at, sources, self.part_rows)[1]

    # --- history --------------------------------------------------------------------------------------------------------

    def historical(
        self,
        frame: pd.DataFrame,
        features: Sequence[str],
        *,
        timestamp: str = "event_time",
        known_at: Literal["row"] | datetime | None = None,
        pinned: Mapping[str, str] | None = None,
        full_names: bool = False,
        with_origin: bool = False,
        assume_utc: bool = False,
    ) -> pd.DataFrame:
        """The frame with each row's features as they stood at its moment: the last values at or before it, within the view's ttl.

        `features` are "view:feature", or "view" for all of a view. `known_at`: None takes all written so far; "row" only what
        had been created by the row's own moment; a moment, what had been created by then. `pinned` maps views to a `data_version`
        and reads them as they were after that write. `with_origin` adds `<view>__event_time`
        and `<view>__write`, the number of the write in `lineage`. Order and index are the frame's. Gaps:
        NaN, and <NA> for int64 and bool, whose columns are pandas' nullable types with or without gaps. Raises UsageError for
        features that do not exist, FeatureStoreError for moments without a zone and for damaged files.
        """
        from ostinato.features.store.joining import joined

        asked = self.requested(features)
        return joined(
            self, frame, asked, timestamp=timestamp, known_at=known_at, pinned=pinned or {}, full_names=full_names,
            with_origin=with_origin, assume_utc=assume_utc,
        )  # fmt: skip

    def requested(self, features: Sequence[str]) -> dict[str, list[str]]:
        """Features by view; raises UsageError where one does not exist or is asked twice."""
        if isinstance(features, str) or not features:
            raise UsageError('features: expected a list such as ["listening:plays", "track"], with at least one name')
        asked: dict[str, list[str]] = {}
        for each in features:
            name, _, feature = each.partition(":")
            view = self.view(name)
            if feature and feature not in view.features:
                shown = ", ".join(view.names[:_SHOWN])
                raise UsageError(f"feature view {name!r} has no feature {feature!r}; it has: {shown}")
            for one in [feature] if feature else view.names:
                if one in asked.setdefault(name, []):
                    raise UsageError(f"feature {name}:{one} is asked for twice")
                asked[name].append(one)
        return asked

    def reading(self, name: str, read: Callable[[Manifest], T]) -> T:
        """What `read` makes of a view's files; once more where a compaction took them away meanwhile."""
        try:
            return read(self.manifest(name))
        except FileNotFoundError:
            self._read.pop(name, None)
        try:
            return read(self.manifest(name))
        except FileNotFoundError as error:
            raise FeatureStoreError(
                f"{error.filename or error} is gone, but belongs to view {name!r}. Restore it from a backup; "
                "`verify()` names all such files."
            ) from error

    # --- serving --------------------------------------------------------------------------------------------------------

    @property
    def online_store(self) -> OnlineStore:
        """The database that `online` reads."""
        if self._online is None or isinstance(self._online, str):
            from ostinato.core.settings import settings

            url = self._online or settings().online_store
            if url:
                from ostinato.features.store.remote import RedisStore

                self._online = RedisStore(url, self._id)
            else:
                from ostinato.features.store.embedded import EmbeddedStore

                self._online = EmbeddedStore(self.root / "online.sqlite")
        return self._online

    def materialize(self, name: str, until: datetime | None = None, *, anew: bool = False) -> Materialized:
        """Copy each entity's latest values at `until` (default: now) to the online database.

        Only what is new since the last copy is looked at. What is served never goes back in time: values of later moments stay.
        A copy that was interrupted is completed by the next; `anew` looks at everything, for a Redis that lost some of its keys.
        """
        from ostinato.features.store.materializing import materialized
        from ostinato.features.store.moments import moment, now

        at = now() if until is None else moment(until, "until")
        folder = self._folder(name)
        self.manifest(name)
        with writing(folder, self.patience, ".copying"):
            return self.reading(name, lambda manifest: materialized(folder, manifest, self.online_store, at, anew))

    def online(self, name: str, keys: Sequence[Any], *, at: datetime | None = None) -> dict[Any, Served]:
        """What is served for each key: a text or whole number, or a tuple where the entity has several columns.

        Values older than the view's ttl at the moment `at` (default: now) are not served: `status` is "stale" and all are None, as
        training would have seen them. Raises UsageError for keys of another type, StorageError where Redis does not answer.
        """
        from ostinato.features.store.moments import instant
        from ostinato.features.store.serving import key_of, served

        if isinstance(keys, str | bytes):
            raise UsageError(f"keys: expected a list of keys such as [{keys!r}]")
        view, moment_ = self.view(name), instant(at)
        kept = self.online_store.read(name, view.version, [key_of(view, key) for key in keys])
        return {key: served(view, each, moment_) for key, each in zip(keys, kept, strict=True)}

    def online_row(
        self, features: Sequence[str], entities: Mapping[str, Any], *, at: datetime | None = None
    ) -> dict[str, Any]:
        """One row of features of several views for a model, by feature name: `entities` maps entity columns to keys."""
        row: dict[str, Any] = {}
        for name, wanted in self.requested(features).items():
            view = self.view(name)
            if lacking := [column for column in view.entity if column not in entities]:
                raise UsageError(f"view {name!r} is keyed by {', '.join(view.entity)}; entities lacks {lacking[0]!r}")
            parts = tuple(entities[column] for column in view.entity)
            key = parts if len(parts) > 1 else parts[0]
            values = self.online(name, [key], at=at)[key].values
            if twice := row.keys() & set(wanted):
                raise UsageError(f"feature {sorted(twice)[0]!r} is in two of the views; ask for them in two calls")
            row.update((feature, values[feature]) for feature in wanted)
        return row

    def skew(
        self,
        training: pd.DataFrame,
        features: Sequence[str],
        *,
        served: pd.DataFrame | None = None,
        timestamp: str = "event_time",
        tolerance: float = 0.0,
    ) -> SkewReport:
        """Whether a model is served what it was trained on.

        Each row of `training` (the entity, a moment, the features by name) is compared with what history says of that moment. What
        is served is the log of a service, a frame of the same columns, or by default what the online database says now for the
        entities of `training`. Values must be equal, floats within the relative `tolerance`; distributions are compared by the
        population stability index. The report names features, rows (by index label, or by key) and values.
        """
        from ostinato.features.store.auditing import audited

        return audited(self, training, self.requested(features), served, timestamp, tolerance)

    # --- facts ----------------------------------------------------------------------------------------------------------

    def lineage(self, name: str) -> list[Write]:
        """Every write of a view: when, how many rows of which moments, from which files, under which version of schema and code."""
        return list(self.manifest(name).writes)

    def statistics(self, name: str, write: int | None = None) -> dict[str, dict[str, Any]]:
        """Statistics of each feature in one write, the last by default."""
        from ostinato.features.store.writing import facts_of

        numbers = [each.number for each in self.manifest(name).writes]
        if not numbers or (write is not None and write not in numbers):
            raise UsageError(
                f"view {name!r} has no write {write if write is not None else 'yet'}; it has: {numbers[-_SHOWN:]}"
            )
        found: dict[str, dict[str, Any]] = json.loads(
            facts_of(self._folder(name), write or numbers[-1]).read_text(encoding="utf-8")
        )["features"]
        return found

    def data_version(self, name: str) -> str:
        """Digest of schema, code and every write so far: equal versions give equal answers."""
        manifest = self.manifest(name)
        writes = manifest.writes_of(manifest.version)
        return writes[-1].data_version if writes else f"{manifest.version}.empty"

    def compact(self, name: str) -> int:
        """Merge the many files of small writes into few; returns how many there are now. No answer changes, pinned ones neither."""
        from ostinato.features.store.compacting import compacted

        folder = self._folder(name)
        self.manifest(name)
        with writing(folder, self.patience):
            manifest = compacted(folder, Manifest.load(folder), self.part_rows)
        return len(manifest.parts.get(manifest.version, ()))

    def verify(self) -> list[str]:
        """Files that are gone or not as they were written, each with what is wrong; empty for a sound store."""
        faults = []
        for name in self.views():
            for part in (part for parts in self.manifest(name).parts.values() for part in parts):
                path = self._folder(name) / part.path
                if not path.is_file():
                    faults.append(f"{path} is gone: {part.rows} rows of view {name!r}")
                elif sha256_of_file(path) != part.sha256:
                    faults.append(f"{path} is not as it was written: {part.rows} rows of view {name!r}")
        return faults

    def sql(self, query: str) -> pd.DataFrame:
        """What DuckDB answers to a query in which every view is a table of that name, one row a write of a value."""
        from ostinato.features.store.querying import queried

        return queried({name: self.manifest(name) for name in self.views()}, self.root / "views", query)

    def _folder(self, name: str) -> Path:
        return self.root / "views" / name


def _identity(path: Path) -> str:
    try:
        said = read_json(path)
        refuse_newer(path, said["format"])
        return str(said["id"])
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, FeatureStoreError):
            raise
        raise FeatureStoreError(
            f"{path} is damaged ({type(error).__name__}: {error}); restore this file from a backup"
        ) from error
