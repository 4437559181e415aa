"""Commands of the feature store: publish, show."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def attach(app: typer.Typer) -> None:
    """Add the commands to the application."""
    features = typer.Typer(help="The workspace's feature store.", no_args_is_help=True)
    features.command("publish")(publish)
    features.command("show")(show)
    app.add_typer(features, name="features")


def publish(json: Json = False) -> int:
    """Write audio vectors and listening of all tracks to the store, and copy the latest to where services read."""
    from ostinato.cli.output import as_json, table
    from ostinato.operations.features import publish as published
    from ostinato.tenancy.workspace import Workspace

    made = published(Workspace.current())
    if json:
        as_json([asdict(each) for each in made])
    else:
        rows = [[e.view, "as before" if e.repeated else f"{e.rows} rows", str(e.served), e.data_version] for e in made]
        table(["view", "written", "served anew", "version"], rows)
    return 0


def show(
    track: Annotated[str, typer.Argument(help="A track_id of the catalogue.")],
    json: Json = False,
) -> int:
    """Show what is served of a track."""
    from ostinato.cli.output import as_json, table
    from ostinato.core.errors import UsageError
    from ostinato.operations.features import features_of
    from ostinato.tenancy.workspace import Workspace

    found = features_of(Workspace.current(), track)
    if all(value is None for values in found.values() for value in values.values()):
        raise UsageError(f"nothing is published of a track {track!r}; keys are track_id in data/clean/tracks.parquet")
    if json:
        as_json(found)
    else:
        table(["view", "feature", "value"], [[v, n, f"{x}"] for v, own in found.items() for n, x in own.items()])
    return 0
