import json

import pandas as pd
import pytest

from ostinato.core.errors import SplitError
from ostinato.core.files import read_table, write_table

FOLDS = "data/features/genre/folds.parquet"
REPORT = "data/reports/genre/split.json"


def test_it_writes_folds_and_an_audit(learnt):
    root, reports = learnt
    folds = read_table(root / FOLDS)
    assert list(folds.columns) == ["track_id", "fold", "group"]
    assert str(folds["fold"].dtype) == "int64"
    assert folds["track_id"].is_monotonic_increasing
    assert set(folds["fold"]) == {-1, 0, 1, 2}
    said = json.loads((root / REPORT).read_text())
    assert said["leaks"] == {
        "groups_across_folds": 0,
        "identical_files_across_folds": 0,
        "near_identical_inputs_across_folds": 0,
    }
    assert said["protocol"] == reports["split"].protocol
    assert sum(own["rows"] for own in said["per_fold"].values()) == said["rows"] == len(folds) == 150


def test_the_audit_shows_one_recording_under_two_works(small, line, settings_of):
    tracks = read_table(small / "data/clean/tracks.parquet")
    features = read_table(small / "data/features/audio.parquet")
    line(small, "split", settings_of())
    folds = read_table(small / FOLDS).set_index("track_id")["fold"]
    ids = tracks["track_id"]
    other = next(i for i in range(1, 150) if folds[ids[i]] != folds[ids[0]])
    tracks.loc[other, "sha256"] = tracks.loc[0, "sha256"]
    features.iloc[other, 1:] = features.iloc[0, 1:]
    write_table(small / "data/clean/tracks.parquet", tracks)
    write_table(small / "data/features/audio.parquet", features)
    line(small, "split", settings_of())
    leaks = json.loads((small / REPORT).read_text())["leaks"]
    assert (leaks["identical_files_across_folds"], leaks["near_identical_inputs_across_folds"]) == (1, 1)


def test_labels_with_too_few_works_are_left_out_and_counted(small, line, settings_of):
    tracks = read_table(small / "data/clean/tracks.parquet")
    tracks.loc[:1, "label"] = "hymn"
    write_table(small / "data/clean/tracks.parquet", tracks)
    report = line(small, "split", settings_of())
    assert report.left_out == {"hymn": 2}
    assert report.rows == 148
    assert json.loads((small / REPORT).read_text())["left_out_rows"] == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": {"target": "mood"}}, "problem genre: .*no column 'mood'"),
        ({"split": {"group": "artist"}}, "problem genre: split.group: the tracks have no column 'artist'"),
        ({"split": {"folds": 20}}, "too few clips"),
    ],
)
def test_a_refusal_names_the_problem_and_writes_nothing(small, line, settings_of, change, message):
    with pytest.raises(SplitError, match=message):
        line(small, "split", settings_of(**change))
    assert not (small / FOLDS).exists()


def test_one_label_is_refused(small, line, settings_of):
    tracks = read_table(small / "data/clean/tracks.parquet").assign(label="reel")
    write_table(small / "data/clean/tracks.parquet", tracks)
    with pytest.raises(SplitError, match="one label only"):
        line(small, "split", settings_of())


def test_no_audio_at_all_is_refused(small, line, settings_of):
    write_table(small / "data/features/audio.parquet", pd.DataFrame({"track_id": pd.Series([], dtype=str)}))
    with pytest.raises(SplitError, match="no track with a target has audio features"):
        line(small, "split", settings_of())
