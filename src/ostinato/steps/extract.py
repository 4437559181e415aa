"""`extract`: turn the audio of accepted tracks into feature vectors."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ostinato.audio.extractor import AudioFeatureExtractor
from ostinato.core.errors import QualityError, listed
from ostinato.core.files import read_table, write_table
from ostinato.core.params import ExtractParams
from ostinato.core.settings import settings
from ostinato.features.cache import FeatureCache
from ostinato.quality.judgement import judge, refuse_critical
from ostinato.quality.suites import load_suite

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExtractReport:
    """How many clips were heard, and at what cost."""

    clips: int  # tracks that have audio
    extracted: int  # decoded and computed now
    cached: int  # vectors taken from the cache
    failed: int
    features: int  # columns


def extract(
    params: ExtractParams, *, clean: Path, suite: Path, features: Path, failures: Path, cache: Path
) -> ExtractReport:
    """Write a row of features for each track of `clean` that has audio, and a row of failures for each that gave none.

    A file whose content is no longer what was ingested counts as failed. Tracks without a path are left out. Vectors go
    into `cache` as they come, so a run that is cut repeats nothing. Raises QualityError where more than `max_failed` of
    the clips failed, or the vectors fail what `suite` calls critical; what worked stays in the cache.
    """
    tracks = read_table(clean)
    heard = tracks[tracks["path"].notna()].sort_values("track_id", kind="stable")
    with FeatureCache(cache, settings().feature_cache_bytes) as store:
        extractor = AudioFeatureExtractor(
            params.preset,
            sr=params.sr,
            n_fft=params.n_fft,
            hop_length=params.hop_length,
            seconds=params.seconds,
            cache=store,
            cluster=settings().dask,
        )
        paths = heard["path"].astype(str)
        table = extractor.transform(paths, digests=dict(zip(paths, heard["sha256"].astype(str), strict=True)))
    failed = heard[["track_id", "path"]].assign(reason=paths.map(extractor.failures_)).dropna(subset="reason")
    if len(heard):
        _refuse_too_many(params.max_failed, failed, len(heard))
    named = _by_track(heard, table)
    write_table(features, named)
    write_table(failures, failed)
    if len(heard):
        judged = judge("features", load_suite(suite), {"features": named, "tracks": heard})
        for each in judged.failures:
            _log.warning("features: %s: %s of %s rows", each.says, each.unexpected, each.evaluated)
        refuse_critical(
            judged, f"The vectors are in {features}. Mend the files that they come from, or the rule in {suite}."
        )
    heard_now, known = extractor.extracted_, extractor.cached_
    _log.info("%d clips: %d extracted, %d cached, %d failed", len(heard), heard_now, known, len(failed))
    return ExtractReport(len(heard), heard_now, known, len(failed), named.shape[1] - 1)


def _by_track(heard: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """`track_id` and features of each track whose path has a row; without any audio, `track_id` alone."""
    if heard.empty:
        return heard[["track_id"]]
    rows = heard[heard["path"].isin(table.index)]
    numbers = table[~table.index.duplicated()].reindex(rows["path"]).reset_index(drop=True)
    return pd.concat([rows[["track_id"]].reset_index(drop=True), numbers], axis=1)


def _refuse_too_many(most: float, failed: pd.DataFrame, clips: int) -> None:
    """Raise QualityError where a larger share of clips failed than the parameters allow."""
    if len(failed) > most * clips:
        reasons = [f"{row.path}: {row.reason}" for row in failed.itertuples()]
        raise QualityError(
            f"{len(failed)} of {clips} clips gave no features, more than the {most:.0%} that extract.max_failed "
            f"allows:\n{listed(reasons)}\n"
            "Repair or remove these files and run `ostinato run` again; the others are kept in the cache."
        )
