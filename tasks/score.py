"""Scoring a folder as a Prefect task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from ostinato.core.files import write_table
from ostinato.operations.scoring import score_source


@task(
    task_run_name="score {source}", cache_policy=NO_CACHE, retries=1, retry_delay_seconds=10, timeout_seconds=6 * 3600
)
def score_folder(model: str, source: str, out: str, files: list[str] | None = None) -> dict[str, Any]:
    """Score the audio below `source` (or `files` of it) into `out`, and keep the features beside it for monitoring."""
    scored = score_source(model, Path(source), Path(out), files=[Path(file) for file in files] if files else None)
    features = Path(out).with_suffix(".features.parquet")
    write_table(features, scored.features.reset_index(names="path"))
    return {
        "out": out,
        "features": str(features),
        "rows": len(scored.table),
        "failures": scored.failures,
        "version": scored.version.version,
        "digest": scored.version.digest,
    }
