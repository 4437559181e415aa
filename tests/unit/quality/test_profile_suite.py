"""Suites learnt from profiles, scores, and files."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml

from ostinato import DataQualityAnalyzer
from ostinato.quality.judgement import judge
from ostinato.quality.profile.learning import suite_from
from ostinato.quality.profile.writing import write_profiles
from ostinato.quality.suites import load_suite


@pytest.fixture
def tracks(rng):
    n = 300
    return pd.DataFrame(
        {
            "track_id": [f"t{i:05d}" for i in range(n)],
            "isrc": [f"DEA12{i % 100:02d}{i:05d}" for i in range(n)],
            "share": rng.random(n),
            "genre": rng.choice(["rock: hard", "jazz", "it's folk"], n),
            "explicit": rng.random(n) < 0.3,
            "comment": rng.choice(["fine", "live", None], n, p=[0.5, 0.4, 0.1]),
            "loud: ness": rng.normal(-9, 2, n),
        }
    )


def learnt(frame, path):
    suite_from(DataQualityAnalyzer().analyze(frame)).to_yaml(path)
    return load_suite(path)


def test_a_learnt_suite_holds_on_the_table_it_was_learnt_from(tracks, tmp_path):
    suite = learnt(tracks, tmp_path / "tracks.yaml")
    judgement = judge("tracks", suite, {"tracks": tracks, "events": tracks})
    assert not judgement.failures
    assert {rule.column for rule in suite.expectations} == {None, *tracks.columns}


def test_a_learnt_suite_sees_what_changed(tracks, tmp_path):
    suite = learnt(tracks, tmp_path / "tracks.yaml")
    tracks.loc[0, "genre"] = "polka"
    tracks.loc[1, "isrc"] = "no isrc"
    tracks.loc[2, "track_id"] = tracks.loc[3, "track_id"]
    tracks.loc[:150, "comment"] = None
    tracks.loc[4, "share"] = 1.5
    failed = {
        (each.column, each.expectation)
        for each in judge("tracks", suite, {"tracks": tracks, "events": tracks}).failures
    }
    assert failed == {
        ("genre", "expect_column_values_to_be_in_set"),
        ("isrc", "expect_column_values_to_match_regex"),
        ("track_id", "expect_column_values_to_be_unique"),
        ("comment", "expect_column_values_to_not_be_null"),
        ("share", "expect_column_values_to_be_between"),
    }


def test_each_rule_says_why(tracks):
    text = suite_from(DataQualityAnalyzer().analyze(tracks, name="two\nlines")).to_yaml()
    lines = text.splitlines()
    rules = [at for at, line in enumerate(lines) if line.startswith("  - type")]
    assert all(lines[at - 1].startswith("  # ") for at in rules)
    assert len(yaml.safe_load(text)["expectations"]) == len(rules)


def test_the_score_falls_with_each_kind_of_fault(tracks):
    def part(frame, name):
        return DataQualityAnalyzer().analyze(frame).score.parts[name]

    assert DataQualityAnalyzer().analyze(tracks.drop(columns="comment")).score.total == 100
    assert (
        part(tracks.assign(share=np.where(tracks["share"] < 0.5, np.nan, 1.0) * tracks["share"]), "completeness") < 0.95
    )
    assert part(pd.concat([tracks, tracks]), "uniqueness") == pytest.approx(0.5)
    assert part(tracks.assign(share=np.where(tracks["share"] < 0.5, np.inf, tracks["share"])), "validity") < 0.95
    assert part(tracks.assign(genre=np.resize(["jazz", "Jazz"], len(tracks))), "consistency") < 0.95
    assert part(tracks.assign(empty=None), "information") == pytest.approx(7 / 8)


def test_profiles_are_written_and_equal_tables_give_equal_files(tracks, tmp_path):
    tables = {"tracks": tracks, "events": tracks[:0]}
    write_profiles(tables, tmp_path / "one", {"tracks": DataQualityAnalyzer(target="genre")})
    write_profiles(tables, tmp_path / "two", {"tracks": DataQualityAnalyzer(target="genre", n_jobs=1)})
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["events.html", "events.json", "tracks.html", "tracks.json"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert json.loads((tmp_path / "one" / "tracks.json").read_text(encoding="utf-8"))["leaks"]["target"] == "genre"
