"""Commands of governance: status, approve, reject, rollback, validate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ostinato.registry.versions import ModelVersion

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="A registered model, such as demo.genre.")]
Which = Annotated[str, typer.Argument(help="Its version, such as 1.0.0.")]
By = Annotated[str, typer.Option("--by", help="Who decides.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept.")]


def attach(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(status)
    app.command()(approve)
    app.command()(reject)
    app.command()(rollback)
    app.command()(validate)


def status(json: Json = False) -> int:
    """Show what is up to date, what is registered and what waits for approval."""
    from dataclasses import asdict

    from ostinato.cli.output import as_json, say, table
    from ostinato.operations.status import status as look
    from ostinato.tenancy.workspace import Workspace

    found = look(Workspace.current())
    if json:
        as_json(asdict(found))
        return 0
    say(f"workspace {found.workspace} at {found.root}" + (": a run is under way" if found.running else ""))
    table(["step", "state"], list(found.steps.items()))
    rows = [
        [m["name"], m["version"], ", ".join(m["aliases"]), m["approval"], m["gates"], m["digest"][:12]]
        for m in found.models
    ]
    table(["model", "version", "aliases", "approval", "gates", "digest"], rows)
    return 0


def approve(
    name: Name,
    version: Which,
    by: By,
    reason: Reason,
    promote: Annotated[bool, typer.Option(help="Make it the champion at once; else the promotion flow does.")] = True,
    json: Json = False,
) -> int:
    """Approve a version by its policy and make it the champion."""
    from ostinato.operations import promotion

    decided = promotion.approve(name, version, by, reason)
    if promote:
        decided = promotion.promote(name, decided.version)
    return _show(decided, json, f"{decided.title}: approved by {by}" + (", and champion" if promote else ""))


def reject(name: Name, version: Which, by: By, reason: Reason, json: Json = False) -> int:
    """Reject a version; it stays in the registry with the reason."""
    from ostinato.operations.promotion import reject as decide

    decided = decide(name, version, by, reason)
    return _show(decided, json, f"{decided.title}: rejected by {by}")


def rollback(name: Name, by: By, reason: Reason, json: Json = False) -> int:
    """Make the champion before this one champion again."""
    from ostinato.operations.promotion import rollback as go_back

    champion = go_back(name, by, reason)
    return _show(champion, json, f"{champion.title} is champion again")


def _show(version: ModelVersion, json: bool, line: str) -> int:
    from ostinato.cli.output import as_json, say
    from ostinato.operations.status import describe

    if json:
        as_json(describe(version))
    else:
        say(line)
    return 0


def validate(
    only: Annotated[list[str] | None, typer.Option("--only", help="Run these checks alone.")] = None,
    json: Json = False,
) -> int:
    """Run the 14 checks of the system; a table with each figure beside its bound."""
    from dataclasses import asdict

    from ostinato.cli.output import as_json, remark, say, table
    from ostinato.operations.validation import validate as run_checks
    from ostinato.tenancy.workspace import Workspace

    report = run_checks(Workspace.current(), tuple(only or ()), on_check=lambda name: remark(f"… {name}"))
    if json:
        as_json(asdict(report))
    else:
        rows = [
            [c.name, "ok" if c.passed else "FAILED", c.figure, c.bound, f"{c.seconds:.1f} s", c.note]
            for c in report.checks
        ]
        table(["check", "", "figure", "bound", "took", "note"], rows, title="System validation")
        failed = [c.name for c in report.checks if not c.passed]
        say(
            f"{len(report.checks) - len(failed)} of {len(report.checks)} checks passed"
            + (f"; failed: {', '.join(failed)}" if failed else "")
        )
        say(f"report: {report.path}")
    return 0 if report.passed else 1
