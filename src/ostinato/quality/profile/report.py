"""What an analysis found, as one value: facts by column, findings, a score; as JSON, as a page, as a few lines."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ostinato.core.files import replacing
from ostinato.quality.profile.association import Associations
from ostinato.quality.profile.column import ColumnProfile
from ostinato.quality.profile.drift import Drift
from ostinato.quality.profile.duplicates import Duplicates
from ostinato.quality.profile.finding import SEVERITIES, Finding, Severity, counted, percent, plain
from ostinato.quality.profile.leaks import Leaks
from ostinato.quality.profile.missing import Missingness
from ostinato.quality.profile.score import Score

FORMAT = 1
_LINES = 12  # findings in the short form


@dataclass(frozen=True)
class QualityReport:
    """The profile of a table; `print(report)` is its short form, `to_json` and `to_html` hold everything.

    The same table gives the same bytes of JSON. What was computed on a sample of rows stands in `notes`.
    """

    name: str
    rows: int
    bytes: int
    columns: tuple[ColumnProfile, ...]
    findings: tuple[Finding, ...]
    score: Score
    duplicates: Duplicates | None = None
    missing: Missingness | None = None
    associations: Associations | None = None
    drift: Drift | None = None
    leaks: Leaks | None = None
    notes: tuple[str, ...] = field(default=())

    def column(self, name: str) -> ColumnProfile:
        """The profile of one column; raises KeyError where there is none of that name."""
        for each in self.columns:
            if each.name == name:
                return each
        raise KeyError(f"no column {name!r}; the table has {', '.join(each.name for each in self.columns[:20])}")

    def of_severity(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings of one severity."""
        return tuple(finding for finding in self.findings if finding.severity == severity)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON knows it."""
        return {"format": FORMAT} | dict(plain(self))

    def to_json(self, path: Path | str | None = None) -> str:
        """Everything as JSON with sorted keys; written to `path` too where one is given."""
        text = json.dumps(self.to_dict(), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
        if path is not None:
            _write(Path(path), text)
        return text

    def to_html(self, path: Path | str) -> Path:
        """Write one page that needs nothing else: no network, no script, no other file."""
        from ostinato.quality.profile.page import page_of

        _write(Path(path), page_of(self))
        return Path(path)

    def __str__(self) -> str:
        counts = ", ".join(f"{len(self.of_severity(each))} {each}" for each in SEVERITIES)
        gone = sum(c.missing + c.blank for c in self.columns) / max(self.rows * len(self.columns), 1)
        lines = [
            f"{self.name}: {counted(self.rows, 'row')}, {counted(len(self.columns), 'column')}, "
            f"{percent(gone)} of the cells missing",
            f"quality {self.score.shown()} of 100 ({self.score.words()}); findings: {counts}",
        ]
        lines += [f"  {finding}" for finding in self.findings[:_LINES]]
        if len(self.findings) > _LINES:
            lines.append(f"  … and {len(self.findings) - _LINES} more")
        return "\n".join(lines)


def _write(path: Path, text: str) -> None:
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8", errors="backslashreplace")
