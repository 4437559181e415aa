"""Commands for workspaces: tenant create, tenant list, cache clear."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def attach(app: typer.Typer) -> None:
    """Add the commands to the application."""
    tenant = typer.Typer(help="Tenants: workspaces of their own.", no_args_is_help=True)
    tenant.command("create")(create)
    tenant.command("list")(list_)
    app.add_typer(tenant, name="tenant")
    cache = typer.Typer(help="Caches of a workspace.", no_args_is_help=True)
    cache.command("clear")(clear)
    app.add_typer(cache, name="cache")


def create(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits, - and _.")],
    source: Annotated[Path, typer.Option(help="The folder of audio that the tenant's models learn from.")],
) -> int:
    """Make a workspace with its own data, DVC cache and remote, experiment and registry prefix."""
    from ostinato.cli.output import say
    from ostinato.operations.workspaces import for_source
    from ostinato.tenancy.workspace import find_home

    workspace = for_source(source, find_home(), name)
    say(
        f"{workspace.root}: models are called {workspace.name}.<problem>. Train: ostinato run --source {source} --name {name}"
    )
    return 0


def list_(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> int:
    """List the workspaces of this installation."""
    from ostinato.cli.output import as_json, table
    from ostinato.tenancy.workspace import all_workspaces, find_home

    found = [
        {"name": w.name, "root": str(w.root), "problems": list(w.params.problems)} for w in all_workspaces(find_home())
    ]
    if json:
        as_json(found)
    else:
        table(["workspace", "problems", "folder"], [[f["name"], ", ".join(f["problems"]), f["root"]] for f in found])
    return 0


def clear() -> int:
    """Empty the feature cache of the current workspace; results stay, the next extraction is slower."""
    import shutil

    from ostinato.cli.output import say
    from ostinato.tenancy.workspace import Workspace

    folder = Workspace.current().state / "cache"
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) if folder.is_dir() else 0
    shutil.rmtree(folder, ignore_errors=True)
    say(f"{folder}: {size / 1e6:.1f} MB freed")
    return 0
