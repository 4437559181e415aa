from pathlib import Path

import great_expectations as gx
import pandas as pd
import pytest

from ostinato.quality.docs import write_docs
from ostinato.quality.judgement import judge
from ostinato.quality.suites import Suite, load_suite

CONFIGS = Path(__file__).parents[3] / "configs" / "quality"


def tracks(n=40, **columns):
    base = {
        "track_id": [f"é/{i:03d}" for i in range(n)],
        "path": [f"/music/{i}.wav" for i in range(n)],
        "sha256": [f"{i:064x}" for i in range(n)],
        "bytes": 1000,
        "readable": True,
        "problem": None,
        "sample_rate": 22050,
        "channels": 1,
        "duration": 12.0,
        "label": ["waltz", "reel"] * (n // 2),
    }
    return pd.DataFrame(base | columns)


def judged(frame, name="tracks", **tables):
    return judge(name, load_suite(CONFIGS / f"{name}.yaml"), {"tracks": frame, **tables})


def bad(judgement):
    return {(row.row, row.column) for row in judgement.bad_rows}


def test_a_clean_table_passes_with_nothing_set_aside():
    found = judged(tracks())
    assert found.success
    assert (found.failures, found.bad_rows) == ((), ())


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("duration", 0.05),
        ("duration", 14401.0),
        ("sample_rate", 2000),
        ("sample_rate", 400_000),
        ("channels", 9),
        ("sha256", "beef"),
        ("label", "  "),
    ],
)
def test_a_bad_value_sets_its_row_aside_with_a_reason(column, value):
    frame = tracks()
    frame.loc[7, column] = value
    found = judged(frame)
    assert bad(found) == {(7, column)}
    assert found.bad_rows[0].track_id == "é/007"
    assert str(value).strip() in found.bad_rows[0].reason
    assert not found.critical
    assert not found.success


def test_an_unreadable_file_gives_its_own_reason_and_no_other():
    frame = tracks()
    frame.loc[3, ["readable", "problem", "duration", "sample_rate", "channels"]] = [False, "empty file", 0.0, 0, 0]
    found = judged(frame)
    assert found.success  # one of forty is within `mostly`
    assert [row.reason for row in found.bad_rows] == ["the file cannot be read: empty file"]


@pytest.mark.parametrize(("unreadable", "stops"), [(8, False), (9, True)])
def test_too_many_unreadable_files_are_critical_at_the_bound(unreadable, stops):
    frame = tracks()
    frame.loc[: unreadable - 1, "readable"] = False
    found = judged(frame)
    assert bool(found.critical) is stops
    assert len(found.bad_rows) == unreadable


@pytest.mark.parametrize(
    ("frame", "column"),
    [
        (tracks(0), ""),
        (tracks(label="waltz"), "label"),
        (tracks().drop(columns="label"), "label"),
    ],
    ids=["no rows", "one label", "no label column"],
)
def test_what_cannot_be_learnt_from_is_critical(frame, column):
    assert column in {failure.column for failure in judged(frame).critical}


def test_keys_used_twice_are_told_and_do_not_stop():
    found = judged(tracks(track_id="same"))
    told = {failure.column: failure for failure in found.failures}["track_id"]
    assert (told.severity, told.unexpected) == ("warning", 40)


def test_a_table_without_audio_passes():
    frame = tracks(path=None, sha256=None, duration=0.0, sample_rate=0, channels=0, label=None, popularity=3)
    found = judged(frame)
    assert not found.critical
    assert found.bad_rows == ()


def test_events_are_judged_and_an_empty_table_passes():
    events = pd.DataFrame(
        {
            "user_id": ["u", "u", "u", "u", None, "u"],
            "track_id": ["é/001", "nowhere", "é/002", "é/003", "é/004", "é/005"],
            "at": pd.to_datetime(["2020-01-01"] * 3 + ["2200-01-01"] + ["2020-01-01"] * 2, utc=True),
            "kind": ["play", "like", "skip", "play", "play", "play"],
            "seconds": [1.0, 2.0, -1.0, 3.0, 4.0, 5.0],
        }
    )
    found = judged(tracks(), "events", events=events)
    assert bad(found) == {(1, "track_known"), (2, "seconds"), (3, "at"), (4, "user_id")}
    assert not found.critical
    assert judged(tracks(), "events", events=events[:0]).success


def test_the_verdict_is_great_expectations_own():
    frame = tracks()
    frame.loc[:4, "duration"] = 0.05
    found = judged(frame)
    context = gx.get_context(mode="ephemeral")
    batch = context.data_sources.add_pandas("p").add_dataframe_asset("a").add_batch_definition_whole_dataframe("b")
    direct = batch.get_batch({"dataframe": frame}).validate(
        gx.expectations.ExpectColumnValuesToBeBetween(column="duration", min_value=0.1, max_value=14400)
    )
    failure = next(f for f in found.failures if f.column == "duration")
    assert not direct.success
    assert failure.unexpected == direct.result["unexpected_count"] == 5
    assert found.success is bool(found.result.success) is False


def test_a_missing_column_is_a_failure_with_words():
    suite = Suite.model_validate(
        {
            "table": "tracks",
            "expectations": [
                {
                    "type": "expect_column_values_to_not_be_null",
                    "column": "isrc",
                    "severity": "warning",
                    "says": "there is no ISRC",
                }
            ],
        }
    )
    found = judge("codes", suite, {"tracks": tracks()})
    assert not found.success
    assert "isrc" in str(found.failures[0].observed)


def test_data_docs_are_pages_that_fetch_nothing(tmp_path):
    frame = tracks()
    frame.loc[3, "duration"] = 0.05
    index = write_docs(tmp_path / "docs", [judged(frame)])
    page = (index.parent / "tracks.html").read_text()
    assert 'href="tracks.html"' in index.read_text()
    assert "Great Expectations" in page
    assert "duration" in page
    for fetched in ('src="http', "url('http", "url(http", '<link rel="stylesheet" href="http'):
        assert fetched not in page
