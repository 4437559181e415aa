"""Redis as the online database: one string a key, read with one MGET."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from ostinato.core.errors import StorageError, UsageError
from ostinato.features.store.serving import Kept, Mark

_PATIENCE = 5.0  # seconds for a connection and for an answer
_BATCH = 1000


class RedisStore:
    """Latest values below `ostinato:<store>:` in the Redis that `url` names. Raises StorageError where it does not answer.

    Writes look at what is there and keep the later: they go under the store's lock, so write from hosts that share its folder.
    """

    def __init__(self, url: str, store: str) -> None:
        import redis

        try:
            self._client: Any = redis.Redis.from_url(
                url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE, decode_responses=True
            )
        except ValueError as error:
            raise UsageError(f"the online store's address is no Redis URL (redis://host:6379/0): {error}") from error
        place = urlsplit(url)
        self._where = f"{place.hostname}:{place.port or 6379}"  # never with the password
        self._prefix = f"ostinato:{store}"

    def read(self, view: str, version: str, keys: Sequence[str]) -> list[Kept | None]:
        """What is kept for each key, in their order."""
        if not keys:
            return []
        with self._errors():
            found = self._client.mget([self._key(view, version, key) for key in keys])
        return [None if text is None else _kept(text) for text in found]

    def put(self, view: str, version: str, rows: Iterable[tuple[str, Kept]]) -> int:
        """Keep rows that are later than what is kept; returns how many were."""
        waiting, count = iter(rows), 0
        while some := list(islice(waiting, _BATCH)):
            before = self.read(view, version, [key for key, _ in some])
            later = {
                self._key(view, version, key): f"{row.event} {row.created} {row.write} {row.payload}"
                for (key, row), old in zip(some, before, strict=True)
                if old is None or row[:3] > old[:3]
            }
            if later:
                with self._errors():
                    self._client.mset(later)
            count += len(later)
        return count

    def finish(self, view: str, mark: Mark) -> None:
        """Say how far the view was copied, and forget its other versions."""
        before = self.mark(view)
        with self._errors():
            self._client.set(f"{self._prefix}:{view}", json.dumps(asdict(mark)))
            if before is None or before.version != mark.version:
                kept = self._key(view, mark.version, "")
                old = [
                    key
                    for key in self._client.scan_iter(f"{self._prefix}:{view}:*", count=_BATCH)
                    if not key.startswith(kept)
                ]
                for start in range(0, len(old), _BATCH):
                    self._client.unlink(*old[start : start + _BATCH])

    def mark(self, view: str) -> Mark | None:
        """How far the view was copied; None: never."""
        with self._errors():
            said = self._client.get(f"{self._prefix}:{view}")
        return None if said is None else Mark(**json.loads(said))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _key(self, view: str, version: str, key: str) -> str:
        return f"{self._prefix}:{view}:{version}:{key}"

    @contextmanager
    def _errors(self) -> Iterator[None]:
        import redis

        try:
            yield
        except redis.RedisError as error:
            raise StorageError(
                f"Redis at {self._where} refuses: {error}. Check that it runs and OSTINATO_ONLINE_STORE names it; "
                "without that setting the embedded database serves."
            ) from error


def _kept(text: str) -> Kept:
    event, created, write, payload = text.split(" ", 3)
    return Kept(int(event), int(created), int(write), payload)
