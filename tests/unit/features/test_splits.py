import numpy as np
import pandas as pd
import pytest

from ostinato.core.errors import SplitError
from ostinato.core.params import GroupedSplit, StratifiedSplit, Task, TimeSplit
from ostinato.features.inputs import Inputs, load_inputs
from ostinato.features.splits import TEST, assign, folds_only, near_identical, overlap, pairs, protocol, shared

TASK = Task(target="label", kind="multiclass", inputs=("audio",), metric="log_loss")
GROUPED = GroupedSplit(kind="grouped", group="work", folds=4, test_share=0.25, seed=7)
SINGLE = StratifiedSplit(kind="stratified", folds=4, test_share=0.25, seed=7)


def inputs(labels, works=None, seed=0, **columns):
    n = len(labels)
    ids = tuple(f"t{i:04d}" for i in range(n))
    tracks = pd.DataFrame({"track_id": ids, "label": labels, "work": works if works is not None else ids, **columns})
    X = pd.DataFrame(np.random.default_rng(seed).normal(size=(n, 5)).astype(np.float32))
    return Inputs(X, np.asarray(labels, dtype=object), ids, tracks)


@pytest.fixture
def catalogue(rng):
    works = rng.integers(0, 90, 300)
    labels = [f"l{k}" for k in (works % 5)]
    return inputs(labels, [f"w{w}" for w in works])


def test_whole_groups_with_every_label_on_every_side(catalogue):
    frame = assign(catalogue, TASK, GROUPED).frame
    assert overlap(frame) == 0
    labels = pd.Series(catalogue.y, index=catalogue.ids).loc[frame["track_id"]].to_numpy()
    table = pd.crosstab(labels, frame["fold"].to_numpy())
    assert table.shape == (5, 5)
    assert table.to_numpy().min() >= 5
    assert 0.2 < (frame["fold"] == TEST).mean() < 0.3
    assert list(frame["track_id"]) == sorted(frame["track_id"])


def test_the_same_seed_gives_the_same_folds_and_another_gives_others(catalogue):
    one, two = assign(catalogue, TASK, GROUPED).frame, assign(catalogue, TASK, GROUPED).frame
    pd.testing.assert_frame_equal(one, two)
    other = assign(catalogue, TASK, GROUPED.model_copy(update={"seed": 8})).frame
    assert (one["fold"] != other["fold"]).any()


def test_a_group_of_several_labels_stays_whole():
    labels = ["a", "b", "c"] * 40
    frame = assign(inputs(labels, [f"artist{i // 3}" for i in range(120)]), TASK, GROUPED).frame
    assert overlap(frame) == 0
    assert frame["fold"].nunique() == 5


def test_a_track_of_unknown_group_is_a_group_of_its_own():
    labels = ["a", "b"] * 20
    frame = assign(inputs(labels, [None] * 40), TASK, GROUPED).frame
    assert frame["group"].nunique() == 40


def test_labels_with_too_few_clips_are_left_out_and_counted():
    done = assign(inputs(["a"] * 20 + ["b"] * 20 + ["rare"] * 4 + ["single"]), TASK, SINGLE)
    assert done.left_out == {"rare": 4, "single": 1}
    assert len(done.frame) == 40


@pytest.mark.parametrize(
    ("labels", "works", "message"),
    [
        (["only"] * 30, None, r"one label only \('only'\)"),
        (["a"] * 30 + ["b"], None, r"too few clips: 1 labels .* 'b': 1"),
        (["a", "b"] * 20, ["w1", "w2", "w3", "w4"] * 10, "too few clips"),
    ],
)
def test_what_cannot_be_split_honestly_is_refused(labels, works, message):
    with pytest.raises(SplitError, match=message):
        assign(inputs(labels, works), TASK, GROUPED)


def test_fewer_groups_than_folds_are_refused_with_what_to_do(rng):
    task = TASK.model_copy(update={"kind": "regression", "metric": "rmse"})
    given = inputs(rng.normal(size=40), [f"w{i % 3}" for i in range(40)])
    with pytest.raises(SplitError, match=r"3 groups cannot fill 4 folds and a test; set split\.folds to at most 2"):
        assign(given, task, GROUPED)


def test_a_group_column_that_is_not_there_names_those_that_are(catalogue):
    with pytest.raises(SplitError, match="no column 'artist'; their columns are track_id, label, work"):
        assign(catalogue, TASK, GROUPED.model_copy(update={"group": "artist"}))


def test_binary_problems_have_two_labels(catalogue):
    with pytest.raises(SplitError, match="5 labels, a binary problem has two"):
        assign(catalogue, TASK.model_copy(update={"kind": "binary"}), GROUPED)


def test_in_time_the_test_is_latest_and_folds_learn_from_earlier_ones(rng):
    when = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.permutation(200), unit="D")
    given = inputs(["a", "b"] * 100, when=when)
    split = TimeSplit(kind="time", column="when", folds=4, test_share=0.2)
    frame = assign(given, TASK, split).frame
    at = pd.Series(when, index=given.ids).loc[frame["track_id"]].to_numpy()
    folds = frame["fold"].to_numpy()
    assert (folds == TEST).sum() == 40
    assert at[folds == TEST].min() > at[folds != TEST].max()
    found = pairs(folds, "time")
    assert len(found) == 3
    assert all(at[train].max() < at[held].min() for train, held in found)
    assert "latest" in protocol(split, frame)


def test_a_regression_is_balanced_by_its_values(rng):
    values = np.sort(rng.normal(size=200))
    task = TASK.model_copy(update={"kind": "regression", "metric": "rmse"})
    given = inputs(values)
    frame = assign(Inputs(given.X, values, given.ids, given.tracks), task, SINGLE).frame
    means = pd.Series(values).groupby(frame["fold"].to_numpy()).mean()
    assert means.abs().max() < 0.25


def test_each_row_is_held_out_once(catalogue):
    folds = assign(catalogue, TASK, GROUPED).frame["fold"].to_numpy()
    held = np.concatenate([held for _, held in pairs(folds, "grouped")])
    assert sorted(held) == np.flatnonzero(folds != TEST).tolist()
    assert all(not set(train) & set(h) and (folds[train] != TEST).all() for train, h in pairs(folds, "grouped"))


def test_the_protocol_says_when_a_figure_may_be_optimistic(catalogue):
    assert "optimistic" in protocol(SINGLE, assign(catalogue, TASK, SINGLE).frame)
    said = protocol(GROUPED, assign(catalogue, TASK, GROUPED).frame)
    assert said.startswith("grouped by work: 4 folds, test = ")
    assert "never seen" in said


def test_the_audit_finds_planted_leaks(rng):
    X = pd.DataFrame(rng.normal(size=(50, 20)))
    folds = np.arange(50) % 5
    assert near_identical(X, folds) == 0
    X.loc[7] = X.loc[3] + 1e-4
    assert near_identical(X, folds) == 1
    assert near_identical(X, np.zeros(50, dtype=int)) == 0
    assert shared(["x", "x", "y", None, None], np.array([0, 1, 1, 0, 1])) == 1
    assert overlap(pd.DataFrame({"group": ["a", "a", "b"], "fold": [0, 1, 1]})) == 1


def test_folds_without_a_test_shrink_to_the_rarest_label():
    folds = folds_only(inputs(["a"] * 20 + ["b"] * 3), TASK, SINGLE)
    assert sorted(set(folds)) == [0, 1, 2]
    with pytest.raises(SplitError, match="two groups"):
        folds_only(inputs(["a"] * 20 + ["b"]), TASK, SINGLE)


def write(tmp_path, tracks, features=None):
    tracks.to_parquet(tmp_path / "clean.parquet")
    (features if features is not None else pd.DataFrame({"track_id": []})).to_parquet(tmp_path / "features.parquet")
    return {"clean": tmp_path / "clean.parquet", "features": tmp_path / "features.parquet"}


TRACKS = pd.DataFrame(
    {
        "track_id": ["b", "a", "c", "d"],
        "label": ["x", "y", "x", None],
        "work": [1, 2, 1, 3],
        "energy": [0.1, None, 0.3, 0.4],
        "loud": [True, False, True, True],
        "constant": [1.0] * 4,
        "bytes": [10, 20, 30, 40],
        "consent": [True, False, True, True],
        "year": [1999, 2001, 2003, 2004],
    }
)


def test_table_inputs_leave_out_target_keys_rights_groups_and_constants(tmp_path):
    task = TASK.model_copy(update={"inputs": ("table",)})
    found = load_inputs(task, GROUPED, **write(tmp_path, TRACKS))
    assert found.ids == ("a", "b", "c")
    assert list(found.X.columns) == ["energy", "loud", "year"]
    assert set(found.X.dtypes) == {np.dtype("float32")}
    assert found.y.tolist() == ["y", "x", "x"]


def test_table_inputs_keep_words_and_dates_for_an_encoder(tmp_path):
    tracks = TRACKS.assign(
        mood=["calm", "düster", "calm", "calm"],
        day=pd.to_datetime(["2001-02-03", None, "2003-04-05", "2003-04-05"], utc=True),
        imputed=["energy", None, None, None],
    )
    found = load_inputs(TASK.model_copy(update={"inputs": ("table",)}), GROUPED, **write(tmp_path, tracks))
    assert list(found.X.columns) == ["day", "energy", "loud", "mood", "year"]
    matrix = found.encoder.encode(found.X)
    assert matrix.shape[0] == 3
    words = matrix[:, found.encoder.places["mood"][0]]
    assert words[0] != words[1] == words[2]
    numbers = load_inputs(TASK.model_copy(update={"inputs": ("table",)}), GROUPED, **write(tmp_path, TRACKS))
    np.testing.assert_array_equal(numbers.encoder.encode(numbers.X), numbers.X.to_numpy())


def test_audio_inputs_are_of_tracks_whose_audio_worked(tmp_path):
    features = pd.DataFrame(
        {"track_id": ["c", "a"], "mfcc_01_mean": np.float32([3, 1]), "a_first": np.float32([30, 10])}
    )
    paths = write(tmp_path, TRACKS, features)
    found = load_inputs(TASK, GROUPED, **paths)
    assert (found.ids, found.X["mfcc_01_mean"].tolist(), found.y.tolist()) == (("a", "c"), [1, 3], ["y", "x"])
    both = load_inputs(TASK.model_copy(update={"inputs": ("audio", "table")}), GROUPED, **paths)
    assert list(both.X.columns) == ["energy", "loud", "year", "a_first", "mfcc_01_mean"]
    assert both.X.loc[1, "year"] == 2003


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": "mood"}, "no column 'mood' to predict; the columns are track_id, label"),
        ({"inputs": ("audio",)}, r"no track with a target has audio features.*failures\.csv"),
        ({"kind": "regression", "metric": "rmse", "inputs": ("table",)}, "holds 'y', which is no number"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(tmp_path, change, message):
    with pytest.raises(SplitError, match=message):
        load_inputs(TASK.model_copy(update=change), GROUPED, **write(tmp_path, TRACKS))


def test_whole_numbers_that_gaps_made_real_are_labels_without_a_point(tmp_path):
    tracks = TRACKS.assign(label=[1.0, 2.0, 1.0, None])
    found = load_inputs(TASK.model_copy(update={"inputs": ("table",)}), GROUPED, **write(tmp_path, tracks))
    assert set(found.y) == {"1", "2"}
