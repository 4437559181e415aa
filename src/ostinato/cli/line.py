"""Commands of the line: run, step, render, and the servers around it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ostinato.tenancy.workspace import Workspace


def attach(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(run)
    app.command()(step)
    app.command()(render)
    app.command()(ui)
    app.command()(deploy)


def run(
    source: Annotated[
        Path | None, typer.Option(help="A folder of audio: DIR/<label>/<file>, or DIR/tracks.csv; or a table.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="The column to predict, of a table; default: label.")] = None,
    name: Annotated[str | None, typer.Option(help="The workspace's name; default: the folder's.")] = None,
    problem: Annotated[str | None, typer.Option(help="Only this problem of params.yaml.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Run the whole line: from the catalogue to a registered model that waits for approval."""
    from ostinato.cli.output import as_json
    from ostinato.cli.screen import follow
    from ostinato.operations.orchestration import start_flow
    from ostinato.operations.running import outcome

    workspace = _workspace(source, name, problem, target)
    done = outcome(workspace, problem)
    if done is None:
        follow(start_flow("training", workspace, {"problem": problem}), quiet=json)
        done = outcome(workspace, problem, ran=True)
        assert done is not None
    if json:
        as_json(done)
    else:
        _tell(done, source)
    return 0


def _workspace(source: Path | None, name: str | None, problem: str | None, target: str | None = None) -> Workspace:
    from ostinato.core.errors import UsageError
    from ostinato.operations.workspaces import for_source, refresh
    from ostinato.tenancy.workspace import Workspace, all_workspaces, find_home

    if source is not None:
        workspace = for_source(source, find_home(), name, target)
    elif target is not None:
        raise UsageError("--target names a column of a source; name the table too: --source TABLE.csv")
    elif name is not None:
        found = [w for w in all_workspaces(find_home()) if name in (w.root.name, w.name)]
        if not found:
            raise UsageError(f"there is no workspace {name!r}; make it: ostinato run --source DIR --name {name}")
        workspace = found[0]
    else:
        workspace = Workspace.current()
    refresh(workspace)
    if problem is not None and problem not in workspace.params.problems:
        raise UsageError(
            f"there is no problem {problem!r} in {workspace.root / 'params.yaml'}: it has {', '.join(workspace.params.problems)}"
        )
    return workspace


def _tell(done: dict[str, Any], source: Path | None) -> None:
    from ostinato.cli.output import say

    if not done["ran"]:
        say("Nothing changed: data, features and models are up to date.")
    for model in done["models"]:
        aliases = ", ".join(model["aliases"]) or "no alias"
        say(f"\n{model['name']} {model['version']}: {aliases}, approval {model['approval']}, gates {model['gates']}")
        say("  " + ", ".join(f"{key} {value}" for key, value in model["metrics"].items()))
        say(f"  {model['protocol']}")
    first = done["models"][0]
    say("\nLook at it:       make ui   (MLflow: versions, card, plots; Prefect: the run)")
    if first["approval"] == "pending":
        say(f"Approve it:       .venv/bin/ostinato approve {first['name']} {first['version']} --by NAME --reason '…'")
    if source is None:
        say("Your own music:   make run SOURCE=/path/to/music")
    else:
        table = source.suffix.lower() in (".csv", ".parquet")
        use = f"score {first['name']} TABLE.csv OUT.parquet" if table else f"predict {first['name']} FILE…"
        say(f"Use it:           .venv/bin/ostinato {use}")


def step(
    name: Annotated[str, typer.Argument(help="A step, such as ingest or search@genre.")],
) -> int:
    """Run one step in this process, outside DVC; dvc.yaml calls this."""
    import logging

    from ostinato.execution import run_step
    from ostinato.tenancy.workspace import Workspace

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    run_step(name, Workspace.at(Path.cwd()))
    return 0


def render() -> int:
    """Write dvc.yaml from the steps."""
    from ostinato.cli.output import say
    from ostinato.rendering import write_dvc_yaml
    from ostinato.tenancy.workspace import Workspace

    workspace = Workspace.current()
    say(f"{workspace.root / 'dvc.yaml'}: {'written' if write_dvc_yaml(workspace) else 'up to date'}")
    return 0


def ui() -> int:
    """Open the MLflow and Prefect UIs until Ctrl-C."""
    from ostinato.operations.servers import serve_uis
    from ostinato.tenancy.workspace import find_home

    return serve_uis(find_home())


def deploy(
    detach: Annotated[bool, typer.Option("--detach", help="Return when server and worker are up.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End the server and worker that --detach left running.")] = False,
) -> int:
    """Bring up a Prefect server, a work pool, the deployments of prefect.yaml and a worker."""
    from ostinato.cli.output import say
    from ostinato.operations.servers import deploy as bring_up
    from ostinato.operations.servers import stop as bring_down
    from ostinato.tenancy.workspace import find_home

    if stop:
        say(f"{bring_down(find_home())} processes ended")
        return 0
    return bring_up(find_home(), detach=detach)
