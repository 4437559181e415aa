"""Commands of monitoring: monitor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def attach(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(monitor)


def monitor(
    model: Annotated[str, typer.Argument(help="A registered model, such as demo.genre.")],
    source: Annotated[
        Path | None, typer.Argument(help="A folder of new audio; default: what was scored since the last look.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Compare a new batch with the baseline, and say whether it drifted."""
    from ostinato.cli.output import as_json, say
    from ostinato.operations.orchestration import start_flow
    from ostinato.tenancy.workspace import Workspace

    workspace, _ = Workspace.of_model(model)
    found = None
    for event in start_flow("monitoring", workspace, {"model": model, "source": source.absolute() if source else None}):
        found = event.get("result", found)
    assert found is not None
    if json:
        as_json(found)
        return 0
    say(f"{model}: {'DRIFT' if found['drifted'] else 'no drift'} in {found['rows']} rows")
    for reason in found["decision"]["reasons"]:
        say(f"  {reason}")
    if found["page"]:
        say(f"  page: {found['page']}")
    return 0
