"""The audit log of a workspace: one JSON line an event, appended, chained by hash, flushed to disk before anyone is told.

The chain shows accidental damage; signed, Merkle-proved entries are the governance room's.
"""

from __future__ import annotations

import fcntl
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ostinato.core.hashing import sha256_of_value

_GENESIS = "0" * 64


def append(path: Path, event: str, **facts: Any) -> dict[str, Any]:
    """Append an event and return the entry as written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        last = _GENESIS
        for line in file:
            if line.endswith("\n"):
                last = json.loads(line)["hash"]
        entry: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **facts}
        entry["before"] = last
        entry["hash"] = sha256_of_value(entry)
        file.write(json.dumps(entry, sort_keys=True, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return entry


def read(path: Path) -> list[dict[str, Any]]:
    """All entries, oldest first."""
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def first_broken(path: Path) -> int | None:
    """The index of the first entry that does not follow from the one before it, or None where all do."""
    last = _GENESIS
    for index, entry in enumerate(read(path)):
        body = {key: value for key, value in entry.items() if key != "hash"}
        if entry["before"] != last or entry["hash"] != sha256_of_value(body):
            return index
        last = entry["hash"]
    return None
