"""Say what a table is and what is wrong with it, before any of it is learnt from."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ostinato.catalog.table import read_frame
from ostinato.core.errors import SourceError, StorageError
from ostinato.quality.profile.analyzer import DataQualityAnalyzer
from ostinato.quality.profile.learning import suite_from
from ostinato.quality.profile.report import QualityReport


def profile_table(
    path: Path,
    *,
    target: str | None = None,
    time: str | None = None,
    groups: str | None = None,
    key: str | None = None,
    reference: Path | None = None,
    html: Path | None = None,
    suite: Path | None = None,
) -> QualityReport:
    """The profile of a CSV, Parquet or JSON-lines table; `html` and `suite` name a page and a suite of expectations to write.

    `reference` is an earlier table of the same kind to compare with. Raises SourceError for what is no table, UsageError for
    columns that it does not have, StorageError where a file cannot be written.
    """
    analyzer = DataQualityAnalyzer(target=target, time=time, groups=groups, key=key)
    earlier = None if reference is None else _read(reference)
    report = analyzer.analyze(_read(path), earlier, name=path.stem)
    try:
        if html is not None:
            report.to_html(html)
        if suite is not None:
            suite_from(report).to_yaml(suite)
    except OSError as error:
        raise StorageError.from_os(error, html or suite) from error
    return report


def _read(path: Path) -> pd.DataFrame:
    if path.suffix.lower() not in (".json", ".jsonl", ".ndjson"):
        return read_frame(path, text=())
    try:
        return pd.read_json(path, lines=True)
    except FileNotFoundError:
        raise SourceError.missing(path) from None
    except (ValueError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: not readable as JSON lines: {' '.join(str(error).split())[:200]}") from None
