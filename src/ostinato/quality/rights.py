"""Rights: which tracks may not be learnt from, by opt-out, consent, licence and territory."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pandas as pd

from ostinato.core.params import Section, load_yaml
from ostinato.quality.quarantine import BadRow

SUITE = "rights"
_YES = {"true", "yes", "y", "1", "1.0"}
_NO = {"false", "no", "n", "0", "0.0"}


class RightsRules(Section):
    """The file `configs/quality/rights.yaml`; licences and territories are compared without regard to case."""

    blocked_licences: tuple[str, ...]
    blocked_territories: tuple[str, ...]
    unstated_consent: Literal["accept", "refuse"]


def load_rights(path: Path) -> RightsRules:
    """The rules of a file; raises ParamsError with every fault at once."""
    return load_yaml(path, RightsRules)


def excluded(tracks: pd.DataFrame, rules: RightsRules) -> list[BadRow]:
    """Rows that may not be learnt from, one for each reason; columns that are missing say nothing.

    A value of `opt_out` or `consent` that is neither yes nor no keeps the track out, for unclear is not
    consent. So does audio (`sha256`) that is excluded under another key.
    """
    tracks = tracks.reset_index(drop=True)
    found = [
        *_column(tracks, "opt_out", _opt_out),
        *_column(tracks, "consent", lambda value: _consent(value, rules.unstated_consent)),
        *_column(tracks, "licence", lambda value: _blocked(value, rules.blocked_licences, "licence")),
        *_column(tracks, "territory", lambda value: _blocked(value, rules.blocked_territories, "territory")),
    ]
    return found + _copies(tracks, {bad.row for bad in found})


def _column(tracks: pd.DataFrame, column: str, reason_of: Any) -> list[BadRow]:
    if column not in tracks:
        return []
    reasons = [(row, reason_of(None if pd.isna(value) else value)) for row, value in enumerate(tracks[column])]
    return [_bad(tracks, row, column, reason) for row, reason in reasons if reason]


def _copies(tracks: pd.DataFrame, rows: set[int]) -> list[BadRow]:
    """Other rows with the same audio as an excluded one."""
    if "sha256" not in tracks:
        return []
    hashes = {tracks["sha256"].iloc[row]: str(tracks["track_id"].iloc[row]) for row in sorted(rows, reverse=True)}
    return [
        _bad(tracks, row, "sha256", f"the same audio is excluded as {hashes[value]}")
        for row, value in enumerate(tracks["sha256"])
        if row not in rows and isinstance(value, str) and value and value in hashes
    ]


def _bad(tracks: pd.DataFrame, row: int, column: str, reason: str) -> BadRow:
    return BadRow("tracks", str(tracks["track_id"].iloc[row]), row, SUITE, f"rights_{column}", column, reason)


def _said(value: Any) -> bool | None:
    """Yes, no, or None where it is neither."""
    text = str(value).strip().casefold()
    return True if text in _YES else False if text in _NO else None


def _opt_out(value: Any) -> str | None:
    if value is None or _said(value) is False:
        return None
    return "its owner opted out" if _said(value) else f"opt_out is {str(value)[:40]!r}, neither yes nor no"


def _consent(value: Any, unstated: str) -> str | None:
    if value is None:
        return "consent is not stated" if unstated == "refuse" else None
    if _said(value):
        return None
    return "consent was refused" if _said(value) is False else f"consent is {str(value)[:40]!r}, neither yes nor no"


def _blocked(value: Any, blocked: tuple[str, ...], what: str) -> str | None:
    if value is None or str(value).strip().casefold() not in {each.casefold() for each in blocked}:
        return None
    return f"the {what} {str(value).strip()[:60]!r} does not permit learning"
