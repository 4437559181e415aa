"""Rights: which tracks may not be learnt from or analysed, by opt-out, consent, licence, territory and their dates."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from ostinato.core.hashing import sha256_of_value
from ostinato.core.params import Section, load_yaml
from ostinato.quality import permits
from ostinato.quality.quarantine import BadRow

SUITE = "rights"
Purpose = Literal["training", "analysis"]
Policy = Literal["accept", "refuse"]
_SHOWN = 100  # characters of a licence or territory in a summary
DATES = ("consent_from", "consent_until", "licence_from", "licence_until")
_MOST = 50  # licences and territories that a summary counts; the others are counted together
_RULES = 2  # raised when the same file comes to keep other tracks out


class PurposeRules(Section):
    """What one purpose asks of a track; licences and territories are compared without regard to case."""

    blocked_licences: tuple[str, ...]
    blocked_territories: tuple[str, ...]
    unstated_consent: Policy
    allowed_licences: tuple[str, ...] = ()  # empty: all that are not blocked; else the others are unknown
    unknown_licence: Policy = "accept"
    unstated_licence: Policy = "accept"
    used_in: tuple[str, ...] = ()  # territories that a stated territory has to cover


class RightsRules(PurposeRules):
    """The file `configs/quality/rights.yaml`: what learning asks for, and what analysis does where it asks for something else.

    `as_of` is the day on which dates are judged; without it they are judged as of today (UTC).
    """

    as_of: dt.date | None = None
    analysis: PurposeRules | None = None

    def of(self, purpose: Purpose) -> PurposeRules:
        """What a purpose asks for."""
        return self.analysis if purpose == "analysis" and self.analysis is not None else self

    def day(self, as_of: dt.date | None = None) -> dt.date:
        """The day on which dates are judged."""
        return as_of or self.as_of or dt.datetime.now(dt.UTC).date()

    def digest(self) -> str:
        """SHA-256 of the rules and of the edition of their reading, for lineage; `as_of` today is not part of it."""
        return sha256_of_value({"rules": _RULES, **self.model_dump(mode="json")})


def load_rights(path: Path) -> RightsRules:
    """The rules of a file; raises ParamsError with every fault at once."""
    return load_yaml(path, RightsRules)


def excluded(
    tracks: pd.DataFrame, rules: RightsRules, purpose: Purpose = "training", as_of: dt.date | None = None
) -> list[BadRow]:
    """Rows that may not serve a purpose, one for each reason; columns that are missing say nothing.

    What is unclear keeps a track out, for unclear is not consent: a yes or no that is neither, a date that is none. So does
    audio (`sha256`) that is excluded under another key. A refusal or opt-out for everything holds for each purpose; columns
    `consent_<purpose>` and `opt_out_<purpose>` speak of one.

    >>> rules = RightsRules(blocked_licences=("no-ai",), blocked_territories=(), unstated_consent="accept")
    >>> tracks = pd.DataFrame({"track_id": ["a", "b"], "licence": ["CC0", "No-AI"]})
    >>> [(bad.track_id, bad.reason) for bad in excluded(tracks, rules)]
    [('b', "the licence 'No-AI' does not permit learning")]
    """
    tracks = tracks.reset_index(drop=True)
    found = [
        _bad(tracks, row, column, kind, reason)
        for column, kind, against in _questions(tracks, rules.of(purpose), purpose, rules.day(as_of))
        for row, reason in _against(tracks[column], against)
    ]
    return found + _copies(tracks, {bad.row for bad in found})


def _questions(
    tracks: pd.DataFrame, rules: PurposeRules, purpose: Purpose, as_of: dt.date
) -> Iterator[tuple[str, str, Callable[[Any], str | None]]]:
    """Column, kind of reason, and the function that gives the reason against a value."""
    asked: list[tuple[str, str, Callable[[Any], str | None]]] = []
    for column in ("opt_out", f"opt_out_{purpose}"):
        asked.append((column, "opt_out", _stated(permits.opted_out, column)))
    own = f"consent_{purpose}"
    for column in ("consent", own):
        # consent for the purpose makes up for none that is stated for everything
        unstated = rules.unstated_consent if column == own or own not in tracks else "accept"
        asked.append((column, "consent", _stated(permits.refused, column)))
        asked.append((column, "consent_unstated", _unstated(unstated, "consent is not stated")))
    asked.append(("licence", "licence_blocked", lambda value: _licence(value, rules)))
    asked.append(("licence", "licence_unstated", _unstated(rules.unstated_licence, "the licence is not stated")))
    for column in DATES:
        bound = column.rpartition("_")[2]
        asked.append((column, column, _stated(permits.outside, bound, as_of, column)))
    asked.append(("territory", "territory_blocked", _stated(permits.blocked_place, rules.blocked_territories)))
    asked.append(("territory", "territory_uncovered", _stated(permits.uncovered_place, rules.used_in)))
    return (each for each in asked if each[0] in tracks)


def _stated(against: Callable[..., str | None], *more: Any) -> Callable[[Any], str | None]:
    return lambda value: None if value is None else against(value, *more)


def _unstated(policy: Policy, reason: str) -> Callable[[Any], str | None]:
    return lambda value: reason if value is None and policy == "refuse" else None


def _licence(value: Any, rules: PurposeRules) -> str | None:
    if value is None:
        return None
    if permits.folded(value) in map(permits.folded, rules.blocked_licences):
        return f"the licence {permits.shown(value)} does not permit learning"
    known = not rules.allowed_licences or permits.folded(value) in map(permits.folded, rules.allowed_licences)
    return None if known or rules.unknown_licence == "accept" else f"the licence {permits.shown(value)} is not known"


def _against(values: pd.Series[Any], against: Callable[[Any], str | None]) -> Iterator[tuple[int, str]]:
    """Rows and reasons; each different value is asked once where values can be told apart."""
    try:
        codes, found = pd.factorize(values.astype(object), use_na_sentinel=True)
        different = list(found)
    except TypeError:  # lists and the like, which cannot be told apart
        codes, different = np.arange(len(values)), list(values)
    reasons = [against(permits.present(value)) for value in different]
    absent = against(None)
    for row, code in enumerate(codes.tolist()):
        reason = absent if code < 0 else reasons[code]
        if reason:
            yield row, reason


def _copies(tracks: pd.DataFrame, rows: set[int]) -> list[BadRow]:
    """Other rows with the same audio as an excluded one."""
    if "sha256" not in tracks:
        return []
    hashes = {tracks["sha256"].iloc[row]: str(tracks["track_id"].iloc[row]) for row in sorted(rows, reverse=True)}
    return [
        _bad(tracks, row, "sha256", "copy", f"the same audio is excluded as {hashes[value]}")
        for row, value in enumerate(tracks["sha256"])
        if row not in rows and isinstance(value, str) and value and value in hashes
    ]


def _bad(tracks: pd.DataFrame, row: int, column: str, kind: str, reason: str) -> BadRow:
    return BadRow("tracks", str(tracks["track_id"].iloc[row]), row, SUITE, f"rights_{kind}", column, reason)


def summary(
    tracks: pd.DataFrame,
    kept_out: Sequence[BadRow],
    rules: RightsRules,
    purpose: Purpose = "training",
    as_of: dt.date | None = None,
) -> dict[str, Any]:
    """What the report and lineage say of rights, as JSON: the rules' digest, counts of tracks by reason, licence and territory.

    A track that several reasons keep out counts under each. Rules whose columns the table lacks are listed as `unstated`.
    """
    frame = pd.DataFrame([(bad.row, bad.expectation) for bad in kept_out], columns=["row", "reason"]).drop_duplicates()
    return {
        "purpose": purpose,
        "rules": rules.digest(),
        "as_of": rules.day(as_of).isoformat(),
        "tracks": len(tracks),
        "kept_out": int(frame["row"].nunique()),
        "by_reason": {str(reason): int(n) for reason, n in frame["reason"].value_counts().sort_index().items()},
        "licences": _counts(tracks, "licence"),
        "territories": _counts(tracks, "territory"),
        "unstated": [column for column in ("opt_out", "consent", "licence", "territory") if column not in tracks],
    }


def _counts(tracks: pd.DataFrame, column: str) -> dict[str, int]:
    if column not in tracks:
        return {}
    stated = [permits.present(value) for value in tracks[column]]
    counts = Counter(str(value).strip()[:_SHOWN] for value in stated if value is not None)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    others = {"(others)": sum(number for _, number in ranked[_MOST:])} if len(ranked) > _MOST else {}
    absent = sum(value is None for value in stated)
    return dict(ranked[:_MOST]) | others | ({"(not stated)": absent} if absent else {})
