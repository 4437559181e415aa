from pathlib import Path

import pytest

from ostinato.core.errors import ParamsError
from ostinato.quality.rights import load_rights
from ostinato.quality.suites import load_suite

CONFIGS = Path(__file__).parents[3] / "configs" / "quality"


@pytest.mark.parametrize("name", ["tracks", "events"])
def test_the_shipped_suites_load(name):
    suite = load_suite(CONFIGS / f"{name}.yaml")
    assert suite.table == name
    assert any(rule.severity == "critical" for rule in suite.expectations)


def test_the_shipped_rights_load():
    assert load_rights(CONFIGS / "rights.yaml").unstated_consent == "accept"


def test_every_fault_of_a_suite_is_reported_at_once(tmp_path):
    path = tmp_path / "tracks.yaml"
    path.write_text(
        """
table: songs
surprise: 1
expectations:
  - {type: expect_column_values_to_be_lovely, column: label, severity: warning, says: not lovely}
  - {type: expect_column_values_to_be_between, column: duration, kwargs: {minimum: 3}, severity: warning, says: too short}
  - {type: expect_column_values_to_not_be_null, column: label, severity: fatal, says: no label}
  - {type: expect_column_values_to_not_be_null, column: label, severity: info, mostly: 3, says: no label}
  - {type: expect_column_values_to_be_unique, column: label, severity: info, kwargs: {mostly: 0.5}, says: not unique}
"""
    )
    with pytest.raises(ParamsError) as caught:
        load_suite(path)
    words = str(caught.value)
    for said in (
        str(path),
        "7 faults",
        "table:",
        "surprise: unknown key",
        "expect_column_values_to_be_lovely",
        "minimum",
        "severity",
        "expectations.3.mostly",
        "which are written beside it",
    ):
        assert said in words, said


def test_a_rule_written_twice_is_refused(tmp_path):
    rule = "  - {type: expect_column_values_to_be_unique, column: track_id, severity: info, says: twice there}\n"
    path = tmp_path / "tracks.yaml"
    path.write_text("table: tracks\nexpectations:\n" + rule * 2)
    with pytest.raises(ParamsError, match="written twice: expect_column_values_to_be_unique track_id"):
        load_suite(path)
