"""Rights as a suite: one expectation for each kind of reason, so that verdict, quarantine and Data Docs show them too."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pandas as pd

from ostinato.quality.judgement import Judgement, judge
from ostinato.quality.rights import SUITE, Purpose, RightsRules, excluded
from ostinato.quality.suites import Rule, Suite

KINDS = {
    "opt_out": "its owner opted out",
    "consent": "consent was refused or is unclear",
    "consent_unstated": "consent is not stated",
    "consent_from": "consent has not begun",
    "consent_until": "consent has ended",
    "licence_blocked": "the licence does not permit it or is not known",
    "licence_unstated": "the licence is not stated",
    "licence_from": "the licence has not begun",
    "licence_until": "the licence has ended",
    "territory_blocked": "the territory is blocked",
    "territory_uncovered": "the territory does not cover where models are used",
    "copy": "the same audio is excluded under another key",
}


def judge_rights(
    tracks: pd.DataFrame, rules: RightsRules, purpose: Purpose = "training", as_of: dt.date | None = None
) -> Judgement:
    """What the rights say of the tracks; `bad_rows` are those of `excluded`, with the exact reason of each row."""
    found = excluded(tracks, rules, purpose, as_of)
    frame = pd.DataFrame({"track_id": tracks["track_id"].to_numpy()})
    for kind in KINDS:
        out = {bad.row for bad in found if bad.expectation == f"rights_{kind}"}
        frame[f"{kind}_permits"] = [row not in out for row in range(len(frame))]
    suite = Suite(table="tracks", expectations=tuple(_rule(kind, says) for kind, says in KINDS.items()))
    return replace(judge(SUITE, suite, {"tracks": frame}), bad_rows=tuple(found))


def _rule(kind: str, says: str) -> Rule:
    return Rule(
        type="expect_column_values_to_be_in_set",
        column=f"{kind}_permits",
        kwargs={"value_set": [True]},
        severity="info",
        says=says,
    )
