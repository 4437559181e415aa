"""Commands that use models: predict, score, lineage."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Version = Annotated[
    str | None, typer.Option("--version", help="A version or alias; default: champion, else challenger.")
]


def attach(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(predict)
    app.command()(score)
    app.command()(lineage)


def predict(
    model: Annotated[str, typer.Argument(help="A registered model, such as demo.genre.")],
    files: Annotated[list[Path], typer.Argument(help="Audio files.")],
    version: Version = None,
    json: Json = False,
) -> int:
    """Name label, probabilities, model digest and a prediction id of audio files."""
    from ostinato.cli.output import as_json, remark, table
    from ostinato.operations.scoring import score_files

    scored = score_files(model, files, version)
    rows = scored.table.to_dict("records")
    if json:
        as_json({"model": scored.version.name, "version": scored.version.version, "digest": scored.version.digest,
                 "predictions": rows, "failures": scored.failures})  # fmt: skip
    elif rows:
        cells = [
            [r["path"], r["predicted"], f"{r.get('confidence', 1):.2f}", _others(r), r["prediction_id"]] for r in rows
        ]
        table(["file", "label", "p", "next", "prediction"], cells)
        remark(f"{scored.version.title}, digest {scored.version.digest[:16]}. Behind one: ostinato lineage PREDICTION")
    for path, reason in scored.failures.items():
        remark(f"ostinato: {path}: {reason}")
    return 1 if scored.failures else 0


def _others(row: dict[Any, Any]) -> str:
    rest = {k[2:]: v for k, v in row.items() if k.startswith("p_") and k[2:] != row["predicted"]}
    best = sorted(rest.items(), key=lambda item: -float(item[1]))[:2]
    return ", ".join(f"{label} {value:.2f}" for label, value in best)


def score(
    model: Annotated[str, typer.Argument(help="A registered model, such as demo.genre.")],
    source: Annotated[Path, typer.Argument(help="A folder of audio, or a table of tracks (.csv, .parquet).")],
    out: Annotated[Path, typer.Argument(help="The table to write: .parquet or .csv.")],
    version: Version = None,
    json: Json = False,
) -> int:
    """Score every audio file of a folder, or every row of a table, into one table."""
    from ostinato.cli.output import as_json, remark, say
    from ostinato.operations.scoring import score_source

    scored = score_source(model, source, out, version)
    if json:
        as_json(
            {"out": str(out), "rows": len(scored.table), "digest": scored.version.digest, "failures": scored.failures}
        )
    else:
        say(f"{out}: {len(scored.table)} rows by {scored.version.title}")
        for path, reason in scored.failures.items():
            remark(f"ostinato: {path}: {reason}")
    return 1 if scored.failures and not len(scored.table) else 0


def lineage(
    prediction: Annotated[str, typer.Argument(help="A prediction id, such as p-3f….")],
    json: Json = False,
) -> int:
    """Walk from a prediction back to the raw files."""
    from ostinato.cli.output import as_json, say, table
    from ostinato.operations.tracing import lineage as trace

    found = trace(prediction)
    if json:
        as_json(found)
        return 0
    p, m, r = found["prediction"], found["model"], found["run"]
    say(f"prediction  {p['id']}: {p['label']} ({p['confidence']:.2f}) at {p['at']}")
    known = " (a file of the catalogue)" if p["input_was_in_the_catalogue"] else ""
    say(f"input       {p['path']}\n            sha256 {p['sha256']}{known}")
    say(f"model       {m['name']} {m['version']}, digest {m['digest']}")
    say(f"run         {r['run_id']}, commit {r['commit']}")
    if found["rights"]:
        say(f"rights      {found['rights']}")
    table(
        ["step", "output", "md5"], [[s, path, md5] for s, outs in found["lock"].items() for path, md5 in outs.items()]
    )
    files = found["files"]
    table(["track", "file", "sha256"], [[f["track_id"], f["path"] or "", f["sha256"][:16]] for f in files[:10]])
    say(f"{len(files)} raw files in all" + ("; --json lists them" if len(files) > 10 else ""))  # noqa: PLR2004
    return 0
