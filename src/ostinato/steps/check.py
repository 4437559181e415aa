"""The step `check`: judge the raw tables, set bad rows aside, say what the tables are, stop on what is critical."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ostinato.core import progress
from ostinato.core.errors import QualityError, listed
from ostinato.core.files import read_table, replacing_folder, write_json, write_table
from ostinato.core.params import CheckParams
from ostinato.quality.docs import write_docs
from ostinato.quality.judgement import Failure, Judgement, judge
from ostinato.quality.profile.analyzer import DataQualityAnalyzer
from ostinato.quality.profile.report import QualityReport
from ostinato.quality.profile.writing import write_profiles
from ostinato.quality.quarantine import BadRow, quarantine_table
from ostinato.quality.rights import DATES, RightsRules, excluded, load_rights, summary
from ostinato.quality.rights_suite import judge_rights
from ostinato.quality.suites import load_suite

logger = logging.getLogger(__name__)
_EXAMPLES = 3  # rows that a message shows of each failure, findings that the log does
# what ingest says of files describes no music; the suite judges it
_OF_FILES = ("path", "sha256", "bytes", "readable", "problem", "sample_rate", "channels")


@dataclass(frozen=True)
class CheckReport:
    """How many rows were judged, set aside, and kept out by rights; `success` is whether no expectation failed."""

    rows: dict[str, int]
    quarantined: dict[str, int]
    excluded_by_rights: int
    failed: int
    success: bool
    quality: float  # score of the tracks, of 100


def check(
    params: CheckParams,
    *,
    tracks: Path,
    events: Path,
    suites: Path,
    quarantine: Path,
    verdict: Path,
    profile: Path,
    docs: Path,
) -> CheckReport:
    """Judge raw tracks and events by the suites; write quarantine, verdict, the tables' profiles and Data Docs.

    Raises QualityError, after everything is written, where a critical expectation failed or no track is left.
    """
    loaded = {name: load_suite(suites / f"{name}.yaml") for name in params.suites}
    rights = load_rights(suites / "rights.yaml") if params.rights == "respect" else None
    tables = {"tracks": read_table(tracks), "events": read_table(events)}
    judgements: list[Judgement] = []
    with progress.track("check", total=len(loaded) + 1, unit="tables") as advance:
        for name, suite in loaded.items():
            judgements.append(judge(name, suite, tables))
            advance(1, name)
        profiles = _profiled(tables, profile)
        advance(1, "profiles")
    today = rights.day() if rights else None
    kept_out = excluded(tables["tracks"], rights, as_of=today) if rights else []
    bad = [*(row for judgement in judgements for row in judgement.bad_rows), *kept_out]
    counts = {name: len(frame) for name, frame in tables.items()}
    report = _report(judgements, bad, kept_out, counts, profiles["tracks"].score.total)
    write_table(quarantine, quarantine_table(bad))
    said = {name: _found(each) for name, each in profiles.items()}
    permitted = _rights(tables["tracks"], kept_out, rights, today) if rights else None
    write_json(verdict, _verdict(report, judgements) | {"profiles": said, "rights": permitted})
    permits = [judge_rights(tables["tracks"], rights, as_of=today)] if rights else []
    index = write_docs(docs, [*judgements, *permits])
    logger.info("%s of %s rows set aside", report.quarantined, report.rows)
    for finding in [each for each in profiles["tracks"].findings if each.severity != "info"][:_EXAMPLES]:
        logger.warning("tracks: %s", finding)
    _stop_if_critical(judgements, report, index, quarantine, suites)
    return report


def _profiled(tables: dict[str, pd.DataFrame], folder: Path) -> dict[str, QualityReport]:
    """Profiles of the tables that hold something, as JSON and as pages in a folder that is written anew; tracks always."""
    tracks = tables["tracks"]
    target = "label" if "label" in tracks and tracks["label"].notna().any() else None
    # ingest adds these to every table; where nothing is in them, nothing is wrong with the table
    added = [*_OF_FILES, *(() if target else ("label",)), *(("duration",) if tracks["path"].isna().all() else ())]
    analyzers = {
        "tracks": DataQualityAnalyzer(target=target, key="track_id"),
        "events": DataQualityAnalyzer(time="at"),
    }
    held = {"tracks": tracks.drop(columns=[name for name in added if name in tracks])} | (
        {"events": tables["events"]} if len(tables["events"]) else {}
    )
    with replacing_folder(folder) as part:
        return write_profiles(held, part, analyzers)


def _found(profile: QualityReport) -> dict[str, Any]:
    """What the verdict says of a profile; all of it lies beside."""
    return {
        "score": round(profile.score.total, 2),
        "parts": {name: round(value, 4) for name, value in profile.score.parts.items()},
        "findings": [
            {"severity": f.severity, "kind": f.kind, "columns": list(f.columns), "says": str(f)}
            for f in profile.findings
        ],
    }


def _rights(tracks: pd.DataFrame, kept_out: list[BadRow], rules: RightsRules, today: dt.date | None) -> dict[str, Any]:
    """What is permitted; the day counts, and is written down, only where rights have dates."""
    said = summary(tracks, kept_out, rules, as_of=today)
    return said if any(name in tracks for name in DATES) else {key: said[key] for key in said if key != "as_of"}


def _report(
    judgements: list[Judgement], bad: list[BadRow], kept_out: list[BadRow], rows: dict[str, int], quality: float
) -> CheckReport:
    return CheckReport(
        rows=rows,
        quarantined={table: len({each.row for each in bad if each.table == table}) for table in rows},
        excluded_by_rights=len({each.row for each in kept_out}),
        failed=sum(len(judgement.failures) for judgement in judgements),
        success=all(judgement.success for judgement in judgements),
        quality=round(quality, 2),
    )


def _verdict(report: CheckReport, judgements: list[Judgement]) -> dict[str, Any]:
    return {
        "success": report.success,
        "rows": report.rows,
        "quarantined": report.quarantined,
        "excluded_by_rights": report.excluded_by_rights,
        "suites": {judgement.suite: judgement.facts() for judgement in judgements},
    }


def _stop_if_critical(
    judgements: list[Judgement], report: CheckReport, index: Path, quarantine: Path, suites: Path
) -> None:
    faults = [_words(judgement, failure) for judgement in judgements for failure in judgement.critical]
    if not faults and report.rows["tracks"] == report.quarantined["tracks"]:
        faults = [
            f"all {report.rows['tracks']} tracks were set aside, {report.excluded_by_rights} of them by their rights"
        ]
    if faults:
        raise QualityError(
            f"the catalogue fails {len(faults)} critical check{'s' * (len(faults) != 1)}\n{listed(faults)}\n"
            f"Rows and reasons: {quarantine}; pages: {index}. "
            f"Mend the source and run again, or change the rule under {suites}/."
        )


def _words(judgement: Judgement, failure: Failure) -> str:
    counts = ""
    if failure.unexpected is not None:
        counts = f"; {failure.unexpected} of {failure.evaluated} rows"
    elif failure.observed is not None:
        counts = f"; observed: {failure.observed}"
    rows = [
        f"{bad.track_id or f'row {bad.row}'}: {bad.reason}"
        for bad in judgement.bad_rows
        if (bad.expectation, bad.column) == (failure.expectation, failure.column)
    ]
    examples = list(dict.fromkeys(rows))[:_EXAMPLES]
    name = f"{failure.expectation}({failure.column})" if failure.column else failure.expectation
    return f"{judgement.suite}: {failure.says} [{name}{counts}]" + "".join(f"\n      e.g. {each}" for each in examples)
