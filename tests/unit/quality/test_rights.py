import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest

from ostinato.core.tracks import RIGHTS as RIGHTS_COLUMNS
from ostinato.quality.docs import write_docs
from ostinato.quality.quarantine import COLUMNS, quarantine_table, rows_set_aside
from ostinato.quality.rights import PurposeRules, RightsRules, excluded, summary
from ostinato.quality.rights_suite import KINDS, judge_rights

RULES = RightsRules(blocked_licences=("No-AI",), blocked_territories=("XX",), unstated_consent="accept")


def table(n=4, **columns):
    return pd.DataFrame({"track_id": list("abcd"[:n]), "sha256": [f"{i:064x}" for i in range(n)], **columns})


@pytest.mark.parametrize(
    ("column", "values", "rows"),
    [
        ("opt_out", [True, False, None, False], {0}),
        ("opt_out", ["yes", "no", "perhaps", "0"], {0, 2}),
        ("consent", [True, False, None, "1"], {1}),
        ("licence", ["CC0", "no-ai ", None, "CC-BY"], {1}),
        ("territory", ["xx", "FR", None, ""], {0}),
    ],
)
def test_stated_rights_keep_rows_out(column, values, rows):
    assert {bad.row for bad in excluded(table(**{column: values}), RULES)} == rows


def test_no_rights_columns_keep_nothing_out():
    assert excluded(table(), RULES) == []


def test_unstated_consent_can_be_refused():
    rules = RULES.model_copy(update={"unstated_consent": "refuse"})
    assert {bad.row for bad in excluded(table(consent=[True, None, True, True]), rules)} == {1}


def test_a_copy_of_excluded_audio_stays_out_under_any_key():
    frame = table(opt_out=[False, True, False, False])
    frame["sha256"] = ["1", "2", "2", None]
    found = excluded(frame, RULES)
    assert {bad.row for bad in found} == {1, 2}
    assert "excluded as b" in found[1].reason


def test_quarantine_is_sorted_typed_and_keeps_its_columns_when_empty():
    empty = quarantine_table([])
    assert tuple(empty.columns) == COLUMNS
    assert str(empty["row"].dtype) == "int64"
    full = quarantine_table(excluded(table(opt_out=[True, False, True, False], consent=[False] * 4), RULES)[::-1])
    assert full["row"].tolist() == sorted(full["row"])
    assert rows_set_aside(full, "tracks") == {0, 1, 2, 3}
    assert rows_set_aside(full, "events") == set()


AS_OF = dt.date(2025, 6, 1)


def rules(**changes):
    return RULES.model_copy(update=changes)


def out(frame, changed=RULES, purpose="training"):
    return {bad.row: bad.reason for bad in excluded(frame, changed, purpose, AS_OF)}


@pytest.mark.parametrize(
    ("column", "values", "rows"),
    [
        ("licence_until", ["2025-06-01", "2025-05-31", None, dt.date(2024, 1, 1)], {1, 3}),
        ("licence_from", ["2025-06-01", "2025-06-02", pd.NaT, pd.Timestamp("2030-01-01", tz="UTC")], {1, 3}),
        ("consent_until", ["31/12/2030", "soon", "2030-12-31T10:00:00+02:00", " "], {0, 1}),
    ],
)
def test_dates_are_judged_as_of_a_day_and_no_date_keeps_out(column, values, rows):
    assert set(out(table(**{column: values}))) == rows


def test_days_are_those_of_a_date_column():
    frame = table(licence_until=pd.to_datetime(["2025-05-31", None, "2026-01-01", "2024-01-01"]))
    assert set(out(frame)) == {0, 3}
    assert out(frame)[0] == "the licence ended on 2025-05-31"


def test_the_day_of_the_rules_holds_unless_another_is_given():
    frame = table(consent_until=["2025-01-31"] * 4)
    assert excluded(frame, rules(as_of=dt.date(2025, 1, 31))) == []
    assert len(excluded(frame, rules(as_of=dt.date(2025, 1, 31)), as_of=dt.date(2025, 2, 1))) == 4


def test_purposes_are_told_apart():
    frame = table(consent_training=[True, False, True, None], opt_out_analysis=[False, False, True, None])
    assert set(out(frame)) == {1}
    assert set(out(frame, purpose="analysis")) == {2}


def test_a_refusal_for_everything_is_not_undone_by_consent_for_one_purpose():
    assert set(out(table(consent=[False, True, None, None], consent_training=[True] * 4))) == {0}


def test_consent_for_the_purpose_is_consent_where_it_has_to_be_stated():
    frame = table(consent=[None, None, True, None], consent_training=[True, None, None, True])
    assert set(out(frame, rules(unstated_consent="refuse"))) == {1, 2}


def test_analysis_may_ask_for_less():
    own = RightsRules(
        **RULES.model_dump(exclude={"analysis"}),
        analysis=PurposeRules(blocked_licences=(), blocked_territories=(), unstated_consent="accept"),
    )
    frame = table(licence=["no-ai", "CC0", None, "CC-BY"])
    assert set(out(frame, own)) == {0}
    assert out(frame, own, "analysis") == {}


def test_licences_that_nobody_listed_follow_the_policy():
    frame = table(licence=["CC0", " cc0", "MyLicence", None])
    assert out(frame, rules(allowed_licences=("CC0",))) == {}
    assert set(out(frame, rules(allowed_licences=("CC0",), unknown_licence="refuse"))) == {2}
    assert set(out(frame, rules(unstated_licence="refuse"))) == {3}


def test_territories_may_be_several_and_have_to_cover_where_models_are_used():
    frame = table(territory=["GB; de", "World", "FR|XX", None])
    assert set(out(frame)) == {2}
    assert out(frame, rules(used_in=("GB", "DE")))[2].startswith("the territory 'FR|XX' does not")
    assert set(out(frame, rules(used_in=("GB", "FR")))) == {0, 2}


def test_values_of_any_type_are_read():
    frame = table(opt_out=[1, 0.0, np.True_, "JA"], licence=[5, ("a",), "No-AI", float("nan")])
    assert set(out(frame)) == {0, 2, 3}


def test_lists_in_a_column_are_read_one_by_one():
    assert set(out(table(opt_out=[["yes"], "yes", None, False]))) == {0, 1}


def test_the_summary_counts_reasons_and_names_the_rules():
    frame = table(opt_out=[True, False, False, False], licence=["no-ai", "CC0", "no-ai", None])
    frame["sha256"] = ["1", "1", "2", "3"]
    kept_out = excluded(frame, RULES, as_of=AS_OF)
    told = summary(frame, kept_out, RULES, as_of=AS_OF)
    assert told["by_reason"] == {"rights_copy": 1, "rights_licence_blocked": 2, "rights_opt_out": 1}
    assert (told["tracks"], told["kept_out"], told["as_of"]) == (4, 3, "2025-06-01")
    assert told["licences"] == {"no-ai": 2, "CC0": 1, "(not stated)": 1}
    assert told["unstated"] == ["consent", "territory"]
    assert told["rules"] == RULES.digest() != rules(unknown_licence="refuse").digest()
    json.dumps(told)


def test_many_licences_are_counted_within_bounds():
    frame = table(4).sample(200, replace=True, random_state=0, ignore_index=True)
    frame["licence"] = [f"licence {i}" for i in range(200)]
    counts = summary(frame, [], RULES)["licences"]
    assert len(counts) == 51
    assert counts["(others)"] == 150


def test_every_column_of_rights_is_listed():
    assert {"opt_out", "consent", "licence", "territory", "licence_until", "consent_training"} <= set(RIGHTS_COLUMNS)


def test_rights_are_a_suite_with_pages(tmp_path):
    frame = table(opt_out=[True, False, False, False], licence=["CC0", "no-ai", None, "CC0"])
    found = judge_rights(frame, RULES, as_of=AS_OF)
    assert {failure.column: failure.unexpected for failure in found.failures} == {
        "opt_out_permits": 1,
        "licence_blocked_permits": 1,
    }
    assert list(found.bad_rows) == excluded(frame, RULES, as_of=AS_OF)
    assert not found.critical
    assert "licence_blocked_permits" in (write_docs(tmp_path / "docs", [found]).parent / "rights.html").read_text()


def test_every_kind_of_reason_has_its_expectation():
    everything = rules(
        unstated_consent="refuse", unstated_licence="refuse", allowed_licences=("CC0",), unknown_licence="refuse"
    )
    everything = everything.model_copy(update={"used_in": ("GB",)})
    frame = table(3, opt_out=["?", True, None], consent=[None, False, "?"], licence=["own", None, "no-ai"])
    late, early = dt.date(2030, 1, 1), dt.date(2020, 1, 1)
    frame = frame.assign(licence_from=late, consent_from=late, licence_until=early, consent_until=early)
    frame = frame.assign(territory=["XX", "FR", "GB"])
    copied = pd.concat([frame, frame.iloc[:1].assign(track_id="z", opt_out=False)], ignore_index=True)
    kinds = {bad.expectation.removeprefix("rights_") for bad in excluded(copied, everything, as_of=AS_OF)}
    kinds |= {bad.expectation.removeprefix("rights_") for bad in excluded(_copy(), RULES, as_of=AS_OF)}
    assert kinds == set(KINDS)


def _copy():
    return table(2, opt_out=[True, False]).assign(sha256="1")
