"""Digests of files, folders and values: SHA-256, in hexadecimal."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

_BLOCK = 1 << 20


def sha256_of_file(path: Path) -> str:
    """Digest of a file's bytes, read block by block."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def sha256_of_folder(folder: Path) -> str:
    """Digest of the names and bytes of all files below `folder`, whatever the order the disk lists them in."""
    listing = {str(p.relative_to(folder).as_posix()): sha256_of_file(p) for p in folder.rglob("*") if p.is_file()}
    return sha256_of_value(listing)


def sha256_of_value(value: Any) -> str:
    """Digest of a JSON-able value in canonical form.

    >>> sha256_of_value({"b": 1, "a": 2}) == sha256_of_value({"a": 2, "b": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def derived_seed(*parts: Any) -> int:
    """A seed in 31 bits from any values.

    >>> derived_seed(7, "ridge") == derived_seed(7, "ridge") != derived_seed(7, "mlp")
    True
    """
    return int(sha256_of_value(parts)[:8], 16) & 0x7FFFFFFF
