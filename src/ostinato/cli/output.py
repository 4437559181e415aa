"""How commands print: a table or JSON on stdout, remarks on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any


def say(text: str = "") -> None:
    """A line on stdout."""
    sys.stdout.write(text + "\n")


def remark(text: str) -> None:
    """A line on stderr."""
    sys.stderr.write(text + "\n")


def as_json(value: Any) -> None:
    """A value as JSON on stdout."""
    say(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None = None) -> None:
    """A table on stdout, as wide as its content where stdout is no terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*columns, title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for row in rows:
        drawn.add_row(*(Text(str(cell)) for cell in row))  # plain text: a file may well be called [live].mp3
    Console(width=None if sys.stdout.isatty() else 160).print(drawn)
