import json

import numpy as np
import pandas as pd
import pytest

from ostinato.core.errors import SplitError
from ostinato.core.files import read_table, write_table

FOLDS = "data/features/genre/folds.parquet"
REPORT = "data/reports/genre/split.json"


def test_it_writes_folds_and_an_audit(small, line, settings_of):
    root, reports = small, {"split": line(small, "split", settings_of())}
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
    assert said["audit"]["clean"], said["audit"]["findings"]
    assert said["protocol"] == reports["split"].protocol
    assert sum(own["rows"] for own in said["per_fold"].values()) == said["rows"] == len(folds) == 150


def test_the_audit_shows_one_recording_under_two_works(small, line, settings_of, caplog):
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
    found = json.loads((small / REPORT).read_text())["audit"]["findings"]
    assert [each["kind"] for each in found] == ["exact_duplicates", "recording_slices"]
    assert all(each["tracks"] == sorted([ids[0], ids[other]]) for each in found)
    assert ids[other] in caplog.text


def test_the_report_is_the_same_each_time(small, line, settings_of):
    said = []
    for _ in range(2):
        line(small, "split", settings_of())
        said.append(((small / REPORT).read_bytes(), (small / FOLDS).read_bytes()))
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("split", "columns"),
    [
        ({"kind": "repeated", "repeats": 2}, ["fold_2"]),
        ({"kind": "purged", "column": "day", "purge": 2, "embargo": 1}, ["begins", "ends", "embargo"]),
    ],
)
def test_further_kinds_keep_what_their_pairs_need(small, line, settings_of, split, columns):
    from ostinato.features.splits import TEST, pairs_of

    tracks = read_table(small / "data/clean/tracks.parquet")
    write_table(small / "data/clean/tracks.parquet", tracks.assign(day=range(len(tracks))))
    held = ("group", "seed") if "column" in split else ()
    own = settings_of().split.model_dump()
    settings = settings_of().model_copy(
        update={"split": _split({name: value for name, value in (own | split).items() if name not in held})}
    )
    line(small, "split", settings)
    frame = read_table(small / FOLDS)
    assert list(frame.columns) == ["track_id", "fold", "group", *columns]
    found = pairs_of(frame, settings.split)
    assert len(found) == (6 if "repeats" in split else 3)
    for train, test in found:
        assert not set(train) & set(test)
        assert (frame["fold"].to_numpy()[np.r_[train, test]] != TEST).all()
        if "repeats" in split:
            assert not set(frame["group"][train]) & set(frame["group"][test])
        else:
            assert (
                (frame["ends"][train] < frame["begins"][test].min())
                | (frame["begins"][train] > frame["embargo"][test].max())
            ).all()


def _split(values):
    from pydantic import TypeAdapter

    from ostinato.core.params import Split

    return TypeAdapter(Split).validate_python(values)


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
