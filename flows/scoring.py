"""The scoring flow: every audio file of a folder through the champion, into one table and, with features, beside it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger

from flows.process import run_as_process
from ostinato.operations.scoring import new_files
from ostinato.tenancy.workspace import Workspace
from tasks.score import score_folder


@flow(name="scoring", flow_run_name="scoring {model}", persist_result=False)
def scoring(
    model: str = "demo.genre", source: str | None = None, out: str | None = None, workspace: str = "."
) -> dict[str, Any]:
    """Score `source` (default: the workspace's `.ostinato/inbox`) with the champion of `model`.

    Writes `out` (default: `.ostinato/scores/<time>.parquet`). Of the inbox, only
    files that this model has not answered for are scored; none is no failure: there is nothing to do.
    """
    place, _ = Workspace.of_model(model, Workspace.at(Path(workspace)).home)
    folder = Path(source) if source else place.state / "inbox"
    name = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ") + ".parquet"
    target = out or str(place.state / "scores" / name)
    if source is not None:
        return score_folder(model, str(folder), target)
    files = [str(file) for file in new_files(model, folder)]
    if not files:
        get_run_logger().info("%s holds no audio that was not scored yet", folder)
        return {"rows": 0, "out": None}
    return score_folder(model, str(folder), target, files)


if __name__ == "__main__":
    run_as_process(scoring, {"model": "demo.genre", "source": None, "out": None})
