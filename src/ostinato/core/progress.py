"""Progress of long work: a bar for a person at a terminal, JSON lines for a program that reads along.

A step says `with progress.track("extract", total=320) as advance:` and calls `advance()` per item. Where it shows is the
business of whoever started the process: `OSTINATO_PROGRESS=json` (tasks, tests) prints one JSON object a line on stdout,
`bar` draws, `off` is silent, and without the variable a terminal gets the bar.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

Mode = Literal["json", "bar", "off"]
MARK = "ostinato"  # the key that tells our lines from anything else a step prints
_MIN_SECONDS_BETWEEN = 0.2


def mode() -> Mode:
    """How progress of this process is shown."""
    asked = os.environ.get("OSTINATO_PROGRESS", "")
    if asked in ("json", "bar", "off"):
        return asked  # type: ignore[return-value]
    return "bar" if sys.stderr.isatty() else "off"


def emit(kind: str, **facts: Any) -> None:
    """Print one event as a JSON line, when somebody reads along."""
    if mode() == "json":
        sys.stdout.write(json.dumps({MARK: kind, **facts}, ensure_ascii=False, default=str) + "\n")
        sys.stdout.flush()


def parse(line: str) -> dict[str, Any] | None:
    """The event of a line, or None where the line is ordinary output.

    >>> parse('{"ostinato": "progress", "done": 1}')
    {'ostinato': 'progress', 'done': 1}
    >>> parse("hello") is None
    True
    """
    if not line.startswith('{"' + MARK + '"'):
        return None
    try:
        value = json.loads(line)
    except json.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


Advance = Callable[..., None]


@contextmanager
def track(what: str, total: int, unit: str = "") -> Iterator[Advance]:
    """Report the progress of `total` items; yields `advance(n=1, note="")`."""
    match mode():
        case "json":
            yield _json_advance(what, total, unit)
        case "bar":
            with _bar(what, total, unit) as advance:
                yield advance
        case _:
            yield lambda n=1, note="": None


def _json_advance(what: str, total: int, unit: str) -> Advance:
    done, last = 0, 0.0
    emit("progress", what=what, done=0, total=total, unit=unit)

    def advance(n: int = 1, note: str = "") -> None:
        nonlocal done, last
        done += n
        now = time.monotonic()
        if done >= total or now - last >= _MIN_SECONDS_BETWEEN:
            last = now
            emit("progress", what=what, done=done, total=total, unit=unit, note=note)

    return advance


@contextmanager
def _bar(what: str, total: int, unit: str) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description:>12}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit, markup=False),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total, note="")
        yield lambda n=1, note="": progress.update(task, advance=n, note=note)
