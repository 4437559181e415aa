"""Commands about data: profile."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def attach(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(profile)


def profile(
    table: Annotated[Path, typer.Argument(help="A table: .csv, .parquet or .jsonl.")],
    target: Annotated[str | None, typer.Option(help="The column to be predicted: looks for what knows it.")] = None,
    time: Annotated[str | None, typer.Option(help="The column that orders the rows: looks for drift.")] = None,
    groups: Annotated[str | None, typer.Option(help="The column whose rows belong together.")] = None,
    key: Annotated[str | None, typer.Option(help="The column that tells rows apart.")] = None,
    reference: Annotated[Path | None, typer.Option(help="An earlier table to compare with.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page here.")] = None,
    suite: Annotated[Path | None, typer.Option(help="Write a suite of expectations here, for review.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Say what a table is and what is wrong with it: gaps, repeats, mixed types, drift, columns that know the answer."""
    from ostinato.cli.output import remark, say
    from ostinato.operations.profiling import profile_table

    report = profile_table(
        table, target=target, time=time, groups=groups, key=key, reference=reference, html=html, suite=suite
    )
    say(report.to_json().rstrip() if json else str(report))
    for written in (each for each in (html, suite) if each is not None):
        remark(f"written: {written}")
    return 0
