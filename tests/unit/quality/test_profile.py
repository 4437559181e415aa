import json

import numpy as np
import pandas as pd
import pytest

from ostinato import DataQualityAnalyzer
from ostinato.core.errors import UsageError


def kinds(report, column=None):
    return {finding.kind for finding in report.findings if column is None or column in finding.columns}


@pytest.fixture
def tracks(rng):
    n = 400
    return pd.DataFrame(
        {
            "track_id": [f"t{i:05d}" for i in range(n)],
            "isrc": [f"DEA12{i % 100:02d}{i:05d}" for i in range(n)],
            "bpm": rng.normal(120, 10, n),
            "genre": rng.choice(["rock", "jazz", "folk"], n),
            "released": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(n), unit="D"),
        }
    )


def test_a_clean_table_has_no_findings_worth_a_warning(tracks):
    report = DataQualityAnalyzer().analyze(tracks)
    assert not report.of_severity("critical")
    assert not report.of_severity("warning")
    assert report.score.total == 100


def test_columns_are_known_by_what_they_mean(tracks):
    tracks["page"] = "https://example.org/" + tracks["track_id"]
    tracks["language"] = np.resize(["en", "de", "fr"], len(tracks))
    tracks["explicit"] = np.resize(["yes", "no", "no"], len(tracks))
    tracks["version"] = 1
    found = {each.name: each.meaning for each in DataQualityAnalyzer().analyze(tracks).columns}
    assert found == {
        "track_id": "identifier",
        "isrc": "ISRC",
        "bpm": "number",
        "genre": "category",
        "released": "date",
        "page": "URL",
        "language": "language",
        "explicit": "yes or no",
        "version": "constant",
    }


def test_the_same_table_gives_the_same_bytes(tracks):
    first, second = (DataQualityAnalyzer(n_jobs=jobs).analyze(tracks).to_json() for jobs in (1, 2))
    assert first == second
    assert json.loads(first)["rows"] == len(tracks)


def test_the_table_is_left_as_it_was(tracks):
    before = tracks.copy(deep=True)
    DataQualityAnalyzer().analyze(tracks)
    pd.testing.assert_frame_equal(tracks, before)


def test_a_column_that_is_not_there_is_named(tracks):
    with pytest.raises(UsageError, match="target='mood'.*no such column.*track_id"):
        DataQualityAnalyzer(target="mood").analyze(tracks)
