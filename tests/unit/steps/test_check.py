import socket
from pathlib import Path

import pandas as pd
import pytest

from ostinato.core.errors import ParamsError, QualityError
from ostinato.core.files import read_json, write_table
from ostinato.core.hashing import sha256_of_file
from ostinato.core.params import CheckParams
from ostinato.steps.check import check

SUITES = Path(__file__).parents[3] / "configs" / "quality"
RESPECT = CheckParams(suites=("tracks", "events"), rights="respect")


def raw_tracks(n=20):
    return pd.DataFrame(
        {
            "track_id": [f"t{i:02d}" for i in range(n)],
            "path": [f"/music/{i}.wav" for i in range(n)],
            "sha256": [f"{i:064x}" for i in range(n)],
            "bytes": 1000,
            "readable": True,
            "problem": None,
            "sample_rate": 22050,
            "channels": 1,
            "duration": 12.0,
            "label": ["waltz", "reel"] * (n // 2),
            "opt_out": False,
        }
    )


def raw_events(*track_ids):
    return pd.DataFrame(
        {
            "user_id": ["u"] * len(track_ids),
            "track_id": list(track_ids),
            "at": pd.to_datetime(["2020-01-01"] * len(track_ids), utc=True).astype("datetime64[us, UTC]"),
            "kind": ["play"] * len(track_ids),
            "seconds": [3.0] * len(track_ids),
        }
    )


@pytest.fixture
def line(tmp_path):
    """Run the step in its own folder; returns the report and where things lie."""

    def run(tracks, events=None, params=RESPECT, suites=SUITES, name="w"):
        folder = tmp_path / name
        write_table(folder / "tracks.parquet", tracks)
        write_table(folder / "events.parquet", raw_events() if events is None else events)
        report = check(
            params,
            tracks=folder / "tracks.parquet",
            events=folder / "events.parquet",
            suites=suites,
            quarantine=folder / "quarantine.parquet",
            verdict=folder / "verdict.json",
            profile=folder / "profile",
            docs=folder / "docs",
        )
        return report, folder

    return run


def test_bad_rows_and_rights_are_set_aside_and_the_run_goes_on(line):
    tracks = raw_tracks()
    tracks.loc[2, ["readable", "problem"]] = [False, "truncated: 10 of 900 bytes"]
    tracks.loc[3, "opt_out"] = True
    report, folder = line(tracks, raw_events("t00", "t01", "gone"))
    aside = pd.read_parquet(folder / "quarantine.parquet")
    assert aside[["table", "track_id", "row", "suite"]].to_numpy().tolist() == [
        ["events", "gone", 2, "events"],
        ["tracks", "t02", 2, "tracks"],
        ["tracks", "t03", 3, "rights"],
    ]
    assert (report.quarantined, report.excluded_by_rights) == ({"tracks": 2, "events": 1}, 1)
    assert (folder / "docs" / "index.html").is_file()


def test_rights_can_be_ignored_by_parameter(line):
    report, _ = line(raw_tracks().assign(opt_out=True), params=CheckParams(suites=("tracks",), rights="ignore"))
    assert report.quarantined["tracks"] == 0


def test_a_critical_failure_stops_after_everything_was_written(line, tmp_path):
    tracks = raw_tracks().assign(label="waltz")
    tracks.loc[:9, ["readable", "problem"]] = [False, "empty file"]
    with pytest.raises(QualityError) as caught:
        line(tracks)
    words = str(caught.value)
    for said in (
        "2 critical checks",
        "expect_column_values_to_be_in_set(readable); 10 of 20 rows",
        "t00: the file cannot be read: empty file",
        "fewer than two labels",
        "observed: 1",
        "index.html",
        "Mend the source",
    ):
        assert said in words, said
    assert len(words) < 2000
    verdict = read_json(tmp_path / "w" / "verdict.json")
    assert verdict["suites"]["tracks"]["failed"]["critical"] == 2
    assert len(pd.read_parquet(tmp_path / "w" / "quarantine.parquet")) == 10


def test_a_catalogue_without_rights_to_any_track_stops(line):
    with pytest.raises(QualityError, match="all 20 tracks were set aside, 20 of them by their rights"):
        line(raw_tracks().assign(opt_out=True))


def test_versioned_outputs_are_equal_bytes_on_two_runs(line):
    tracks = raw_tracks()
    tracks.loc[2, "duration"] = 0.05
    folders = [line(tracks, raw_events("t00", "gone"), name=name)[1] for name in ("one", "two")]
    for name in ("quarantine.parquet", "verdict.json"):
        assert len({sha256_of_file(folder / name) for folder in folders}) == 1, name


def test_a_missing_suite_is_said_by_name(line, tmp_path):
    with pytest.raises(ParamsError, match=r"tracks\.yaml"):
        line(raw_tracks(), suites=tmp_path)


def test_nothing_is_sent_and_nothing_is_left_at_home(line, monkeypatch, tmp_path):
    def refuse(*args, **kwargs):
        raise AssertionError(f"a connection was opened: {args}")

    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    line(raw_tracks())
    assert list(home.iterdir()) == []


def test_the_profile_says_what_is_wrong_with_the_table_and_is_the_same_each_time(line):
    tracks = raw_tracks(60).assign(popularity=[0] * 20 + list(range(1, 41)), answer=["w", "r"] * 30)
    report, folder = line(tracks)
    said = read_json(folder / "verdict.json")["profiles"]["tracks"]
    assert 0 < report.quality == said["score"] < 100
    leaks = [each for each in said["findings"] if each["kind"] == "leak"]
    assert [each["columns"] for each in leaks] == [["answer"]]
    assert "alone it says" in (folder / "profile" / "tracks.html").read_text(encoding="utf-8")
    assert not (folder / "profile" / "events.json").exists()
    _, again = line(tracks, name="again")
    for name in ("tracks.json", "tracks.html"):
        assert sha256_of_file(folder / "profile" / name) == sha256_of_file(again / "profile" / name)


def test_rights_are_summed_up_and_dated_only_where_they_have_dates(line):
    tracks = raw_tracks().assign(licence=["cc0", "no-ai"] * 10)
    said = read_json(line(tracks)[1] / "verdict.json")["rights"]
    assert (said["kept_out"], said["by_reason"], "as_of" in said) == (10, {"rights_licence_blocked": 10}, False)
    dated = read_json(line(tracks.assign(licence_until=["2999-01-01"] * 20), name="dated")[1] / "verdict.json")[
        "rights"
    ]
    assert "as_of" in dated
