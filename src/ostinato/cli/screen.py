"""What a person sees of a run: one line a step, with a bar while it works."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from ostinato.core.progress import MARK


def follow(events: Iterable[Mapping[str, Any]], quiet: bool = False) -> None:
    """Draw the events of a flow on stderr; a terminal gets live bars, anything else plain lines."""
    if quiet:
        for _ in events:
            pass
    elif sys.stderr.isatty():
        _live(events)
    else:
        _plain(events)


def _plain(events: Iterable[Mapping[str, Any]]) -> None:
    shown: dict[str, int] = {}
    for event in events:
        match event[MARK]:
            case "task":
                _line(_task_line(event))
                for remark in _remarks(event):
                    _line(remark)
            case "note":
                _line(str(event["message"]))
            case "progress" if event.get("total"):
                tenth = int(10 * event["done"] / event["total"])
                what = str(event["what"])
                if tenth > shown.get(what, 0):
                    shown[what] = tenth
                    _line(
                        f"    {what} {event['done']}/{event['total']} {event.get('unit', '')} {event.get('note', '')}".rstrip()
                    )


def _line(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _live(events: Iterable[Mapping[str, Any]]) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(bar_width=30), MofNCompleteColumn(),
        TimeElapsedColumn(), TextColumn("{task.fields[note]}", markup=False),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task("starting Prefect", total=None, note="")
        for event in events:
            match event[MARK]:
                case "task":
                    if event["state"] != "started":
                        for line in (_task_line(event), *_remarks(event)):
                            bars.console.print(line, highlight=False, markup=False)
                    bars.remove_task(bar)
                    bar = bars.add_task(str(event["step"]), total=None, note="")
                case "note":
                    bars.console.print(str(event["message"]), highlight=False, markup=False)
                case "progress":
                    bars.update(
                        bar, description=str(event["what"]), completed=event["done"], total=event["total"] or None,
                        note=str(event.get("note", "")),
                    )  # fmt: skip


def _task_line(event: Mapping[str, Any]) -> str:
    match event["state"]:
        case "started":
            return f"… {event['step']:<18} {event.get('says', '')}"
        case "done":
            return f"✓ {event['step']:<18} {event['seconds']:6.1f} s   {_brief(event.get('report') or {})}"
        case "unchanged":
            return f"= {event['step']:<18}            unchanged"
        case _:
            return f"✗ {event['step']:<18} {event['state']}"


def _remarks(event: Mapping[str, Any]) -> list[str]:
    """What a step wants a person to know of the data: notes of ingest, labels that the split leaves out."""
    report = event.get("report") or {}
    notes = [str(note) for note in report.get("notes") or ()]
    if left_out := report.get("left_out"):
        named = ", ".join(f"{label} ({count})" for label, count in list(left_out.items())[:8])
        notes.append(f"labels with too few clips are left out: {named}")
    return [f"    ! {note}" for note in notes]


def _brief(report: Mapping[str, Any]) -> str:
    plain = [f"{key} {_short(value)}" for key, value in report.items() if isinstance(value, (int, float, str))]
    return ", ".join(plain[:5])


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"  # noqa: PLR2004
