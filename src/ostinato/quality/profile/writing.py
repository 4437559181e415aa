"""Profiles as files: what a step calls on the tables that it has read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ostinato.quality.profile.analyzer import DataQualityAnalyzer
from ostinato.quality.profile.report import QualityReport

if TYPE_CHECKING:
    import pandas as pd


def write_profiles(
    tables: Mapping[str, pd.DataFrame], folder: Path, analyzers: Mapping[str, DataQualityAnalyzer] | None = None
) -> dict[str, QualityReport]:
    """Analyse each table and write `<name>.json` and `<name>.html` into `folder`; returns the reports by name.

    `analyzers` names, for some tables, the analyzer that knows their target, time, groups or key; without it nothing is
    known. Equal tables give equal files.

    >>> import tempfile, pandas as pd
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     reports = write_profiles({"tracks": pd.DataFrame({"bpm": [90.0, 120.0]})}, Path(folder))
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['tracks.html', 'tracks.json']
    """
    reports = {}
    for name, frame in tables.items():
        analyzer = (analyzers or {}).get(name) or DataQualityAnalyzer()
        reports[name] = analyzer.analyze(frame, name=name)
        reports[name].to_json(folder / f"{name}.json")
        reports[name].to_html(folder / f"{name}.html")
    return reports
