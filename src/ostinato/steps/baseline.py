"""The step `baseline`: keep what monitoring will compare with."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ostinato.core.files import read_table, replacing_folder, write_json, write_table
from ostinato.core.params import BaselineParams
from ostinato.monitoring.baseline import describe, make_reference
from ostinato.preprocess.columns import described

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class BaselineReport:
    """How large the reference is, and which problems' predictions it holds."""

    rows: int
    features: int
    problems: tuple[str, ...]


def baseline(
    params: BaselineParams, *, features: Path, clean: Path, predictions: Path, reference: Path
) -> BaselineReport:
    """Write `reference.parquet` and `baseline.json` into the folder `reference`.

    The reference has the audio features, the numeric descriptive columns of the clean table, and of each
    `<problem>.parquet` below `predictions` the columns `<problem>.predicted` and `<problem>.confidence`.
    """
    audio, tracks = read_table(features), read_table(clean)
    said = {path.stem: read_table(path) for path in sorted(predictions.glob("*.parquet"))}
    table = _with_described(audio, tracks)
    kept = make_reference(table, said, params.rows, params.seed)
    facts = describe(kept, list(said))
    with replacing_folder(reference) as part:
        write_table(part / "reference.parquet", kept)
        write_json(part / "baseline.json", facts)
    logger.info("reference of %d rows, %d features", len(kept), len(facts["features"]))
    return BaselineReport(rows=len(kept), features=len(facts["features"]), problems=tuple(sorted(said)))


def _with_described(audio: pd.DataFrame, tracks: pd.DataFrame) -> pd.DataFrame:
    """Audio features with the catalogue's own numbers beside them; the numbers alone where no track has audio."""
    numbers = tracks[["track_id", *(name for name in described(tracks) if name not in audio)]]
    return audio.merge(numbers, on="track_id", how="left" if audio.shape[1] > 1 else "right")
