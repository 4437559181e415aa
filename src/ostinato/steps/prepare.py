"""The step `prepare`: from raw tables to clean ones."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from ostinato.core.errors import QualityError
from ostinato.core.files import read_table, write_json, write_table
from ostinato.core.params import PrepareParams
from ostinato.preprocess.columns import TEXT
from ostinato.preprocess.duplicates import Duplicates, Repeats, find_duplicates, one_row_a_key
from ostinato.preprocess.impute import Fill, impute
from ostinato.preprocess.types import typed
from ostinato.quality.quarantine import rows_set_aside

logger = logging.getLogger(__name__)
_LISTED = 100  # keys that the report lists of each kind; the counts are of all


@dataclass(frozen=True)
class PrepareReport:
    """How many tracks and events came, stayed and went, and why; which values were filled."""

    tracks: int
    clean: int
    quarantined: int
    duplicates: int
    repeated: int  # rows beyond the first of their key
    conflicting: int
    events: int
    clean_events: int
    filled: int


def prepare(
    params: PrepareParams,
    *,
    tracks: Path,
    events: Path,
    quarantine: Path,
    clean: Path,
    clean_events: Path,
    report: Path,
) -> PrepareReport:
    """Drop quarantined and duplicate tracks with their events, give columns their types, impute.

    Raises QualityError where no track stays.
    """
    raw, raw_events, aside = read_table(tracks), read_table(events), read_table(quarantine)
    accepted = raw.drop(index=list(rows_set_aside(aside, "tracks")), errors="ignore")
    accepted = typed(accepted.drop(columns=["readable", "problem"], errors="ignore"), TEXT)
    single, repeats = one_row_a_key(accepted)
    duplicates = find_duplicates(single) if params.duplicates == "drop" else Duplicates((), ())
    kept = single[~single["track_id"].isin({*duplicates.extra, *duplicates.conflicting})]
    if kept.empty:
        raise QualityError(
            f"no track of {len(raw)} stays: {len(raw) - len(accepted)} in quarantine, "
            f"{len(duplicates.conflicting) + len(repeats.conflicting)} are copies of one recording, or rows of one key, under "
            f"different labels. The reasons are in {quarantine}; mend the source."
        )
    filled, fills = impute(kept.sort_values("track_id", ignore_index=True), params.numeric, params.categorical)
    kept_events = _events(raw_events, rows_set_aside(aside, "events"), set(filled["track_id"]))
    made = PrepareReport(
        tracks=len(raw),
        clean=len(filled),
        quarantined=len(raw) - len(accepted),
        duplicates=len(duplicates.extra),
        repeated=repeats.extra,
        conflicting=len(duplicates.conflicting) + len(repeats.conflicting),
        events=len(raw_events),
        clean_events=len(kept_events),
        filled=sum(fill.rows for fill in fills),
    )
    write_table(clean, filled)
    write_table(clean_events, kept_events)
    write_json(report, _facts(made, filled, (duplicates, repeats), fills))
    logger.info("%d of %d tracks are clean, %d of %d events", made.clean, made.tracks, made.clean_events, made.events)
    return made


def _events(events: pd.DataFrame, aside: set[int], tracks: set[str]) -> pd.DataFrame:
    kept = events.drop(index=list(aside), errors="ignore")
    return kept[kept["track_id"].isin(tracks)].reset_index(drop=True)


def _facts(
    made: PrepareReport, clean: pd.DataFrame, twice: tuple[Duplicates, Repeats], fills: tuple[Fill, ...]
) -> dict[str, object]:
    duplicates, repeats = twice
    return {
        **asdict(made),
        "types": {str(name): str(dtype) for name, dtype in clean.dtypes.items()},
        "fills": [asdict(fill) for fill in fills],
        "keys_used_again_differ_in": repeats.differing,
        "dropped": {
            "copies of a track that stays": list(duplicates.extra[:_LISTED]),
            "copies under different labels": list(duplicates.conflicting[:_LISTED]),
            "rows of one key under different labels": list(repeats.conflicting[:_LISTED]),
        },
    }
