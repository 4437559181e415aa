"""`FeatureStore`: views written once, read as they stood for training and as they stand for serving."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ostinato.core.errors import FeatureStoreError, StorageError, UsageError
from ostinato.core.files import read_json, write_json
from ostinato.features.store.lock import writing
from ostinato.features.store.manifest import FILE, FORMAT, Manifest, Write, refuse_newer
from ostinato.features.store.view import FeatureView

if TYPE_CHECKING:
    import pandas as pd

_PATIENCE = 60.0  # seconds that a writer waits for another
_SHOWN = 20  # names listed in a message
T = TypeVar("T")


class FeatureStore:
    """Feature views below one folder: Parquet for history, an embedded database or Redis for serving.

    `write` appends; what was written stays, and corrections win by their moment of creation. `historical` gives each row of a frame
    the values as they stood at its moment, never later ones. `materialize` copies the latest values to where `online` reads them.
    `patience`: seconds that a writer waits for another before it raises BusyError.

    >>> import tempfile, pandas as pd
    >>> store = FeatureStore(tempfile.mkdtemp())
    >>> view = FeatureView("listening", entity="user", features={"plays": "int64"})
    >>> days = pd.to_datetime(["2026-01-01", "2026-01-05"], utc=True)
    >>> _ = store.write(view, pd.DataFrame({"user": ["ada", "ada"], "event_time": days, "plays": [3, 8]}))
    >>> asked = pd.DataFrame({"user": ["ada", "ada", "bob"], "event_time": pd.to_datetime(["2026-01-04", "2026-01-05", "2026-01-09"], utc=True)})
    >>> store.historical(asked, ["listening:plays"])["plays"].tolist()
    [3, 8, <NA>]
    """

    def __init__(self, root: str | Path, *, patience: float = _PATIENCE) -> None:
        self.root = Path(root)
        self.patience = patience
        self._read: dict[str, tuple[tuple[int, int, int], Manifest]] = {}
        self._open()

    def _open(self) -> None:
        path = self.root / "store.json"
        if path.is_file():
            try:
                said = read_json(path)
            except ValueError as error:
                raise FeatureStoreError(f'{path} is damaged ({error}); it should say {{"format": {FORMAT}}}') from error
            refuse_newer(path, said.get("format") if isinstance(said, dict) else None)
            return
        if self.root.is_dir() and any(self.root.iterdir()):
            raise UsageError(f"{self.root} is neither empty nor a feature store; give it a folder of its own")
        try:
            write_json(path, {"format": FORMAT})
        except OSError as error:
            raise StorageError.from_os(error, path) from error

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
        from ostinato.features.store import parts as parquet
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
                raise FeatureStoreError(_differs(manifest.view, named))
            if not len(batch):
                raise FeatureStoreError(f"the frame for view {named.name!r} has no rows: there is nothing to write")
            return written(folder, manifest, batch, at, sources, parquet.ROWS)[1]

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
        with_times: bool = False,
        assume_utc: bool = False,
    ) -> pd.DataFrame:
        """The frame with each row's features as they stood at its moment: the last values at or before it, within the view's ttl.

        `features` are "view:feature", or "view" for all of a view. `known_at`: None takes everything written so far; "row" only what
        had been created by the row's own moment; a moment, what had been created by then. `pinned` maps views to a `data_version`
        and reads them as they were after that write. `with_times` adds `<view>__event_time`. Order and index are the frame's. Gaps:
        NaN, and <NA> for int64 and bool, whose columns are pandas' nullable types with or without gaps. Raises UsageError for
        features that do not exist, FeatureStoreError for moments without a zone and for damaged files.
        """
        from ostinato.features.store.joining import joined

        asked = self.requested(features)
        return joined(
            self, frame, asked, timestamp=timestamp, known_at=known_at, pinned=pinned or {}, full_names=full_names,
            with_times=with_times, assume_utc=assume_utc,
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
                f"{error.filename or error} is gone, but belongs to view {name!r}. Restore it from a backup; `verify()` names all such files."
            ) from error

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

    def _folder(self, name: str) -> Path:
        return self.root / "views" / name


def _differs(known: FeatureView, given: FeatureView) -> str:
    old, new = dict(known.features), dict(given.features)
    changes = [f"feature {name!r} is new" for name in new.keys() - old.keys()]
    changes += [f"feature {name!r} is gone" for name in old.keys() - new.keys()]
    changes += [f"feature {n!r} was {old[n]} and is {new[n]}" for n in old.keys() & new.keys() if old[n] != new[n]]
    if known.code != given.code:
        changes.append(f"its code was {known.code!r} and is {given.code!r}")
    if (known.entity, known.entity_types) != (given.entity, given.entity_types):
        changes.append("its entity differs")
    return (
        f"view {known.name!r} is registered as version {known.version}, and this is version {given.version}: "
        f"{'; '.join(sorted(changes)) or 'the order of its features differs'}. "
        "Call register(view) to begin the new version, then write its rows; those of the old version stay readable by `pinned`."
    )
