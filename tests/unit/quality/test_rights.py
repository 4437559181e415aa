import pandas as pd
import pytest

from ostinato.quality.quarantine import COLUMNS, quarantine_table, rows_set_aside
from ostinato.quality.rights import RightsRules, excluded

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
