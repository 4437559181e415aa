import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier, is_regressor

from ostinato.core.errors import ArtefactError, NotFittedError, UsageError
from ostinato.engines.bounds import Bounds
from ostinato.engines.prediction import PredictionEngine

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data"
LIGHT = {
    "classes": ("logistic_regression", "lightgbm_classifier", "gaussian_naive_bayes"),
    "regression": ("ridge", "lightgbm_regressor", "k_nearest_regressor"),
}
KINDS = ["binary", "multiclass", "multilabel", "regression"]


def light(kind, **how):
    algorithms = LIGHT["regression" if kind == "regression" else "classes"]
    return PredictionEngine(**{"problem": kind, "trials": 6, "algorithms": algorithms, "n_jobs": 1, **how})


def mixed(kind, n=200, seed=2):
    """Numbers with gaps and infinities, words, dates, text, and columns that tell nothing."""
    rng = np.random.default_rng(seed)
    tempo, energy = rng.normal(120, 20, n), rng.normal(size=n)
    genre = rng.choice(["rock", "jazz", "blüës", "電子"], n)
    z = (tempo - 120) / 20 + energy + 2 * (genre == "jazz") + 0.3 * rng.normal(size=n)
    words = np.array(["love song for you", "the night is young again", "a song of ice", "dance all night long"])
    X = pd.DataFrame(
        {
            "tempo": tempo,
            "energy": energy,
            "genre": genre,
            "released": pd.to_datetime("2001-01-01") + pd.to_timedelta(rng.integers(0, 7000, n), unit="D"),
            "title": [f"{words[rng.integers(4)]} {i}" for i in range(n)],
            "live": rng.random(n) < 0.3,
            "key": [f"id-{i:05d}" for i in range(n)],
            "constant": 1.0,
            "empty": np.nan,
            "energy again": energy,
        }
    )
    X.loc[3:9, "tempo"] = np.nan
    X.loc[12, "energy"] = np.inf
    X.loc[12, "energy again"] = np.inf
    X.loc[20:30, "genre"] = None
    match kind:
        case "regression":
            return X, pd.Series(100 + 10 * z, name="plays")
        case "binary":
            return X, pd.Series(np.where(z > 0.5, "hit", "flop"), name="fate")
        case "multiclass":
            return X, pd.Series(np.array(["low", "mid", "high"])[np.digitize(z, [-0.3, 1.2])], name="level")
        case _:
            return X, pd.DataFrame({"calm": (z < 0).astype(int), "happy": (energy > 0).astype(int), "never": 0})


@pytest.fixture(scope="module", params=KINDS)
def learnt(request):
    X, y = mixed(request.param)
    engine = light(request.param, random_state=4)
    assert engine.fit(X[:150], y[:150]) is engine
    return request.param, X, y, engine


def test_it_learns_what_a_dummy_cannot(learnt):
    kind, X, y, engine = learnt
    test = X[150:], y[150:]
    if kind == "regression":
        assert engine.score(*test) > 0.5
        with pytest.raises(UsageError, match="has no probabilities"):
            engine.predict_proba(X)
        return
    p = engine.predict_proba(test[0])
    if kind == "multilabel":
        assert engine.classes_.tolist() == ["calm", "happy", "never"]
        assert (engine.predict(test[0]) == test[1].to_numpy()).mean() > 0.8
        assert (p[:, 2] == 0).all()
        return
    assert engine.score(*test) > test[1].value_counts(normalize=True).max() + 0.1
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6)
    assert engine.classes_.tolist() == sorted(set(y))
    np.testing.assert_array_equal(engine.predict(test[0]), engine.classes_[p.argmax(axis=1)])


def test_columns_that_tell_nothing_are_left_out_and_said(learnt):
    engine = learnt[3]
    said = " ".join(engine.notes_)
    assert "'constant' is left out: it has one value only" in said
    assert "'empty' is left out: it has no value" in said
    assert "'energy again' is left out: it says the same as 'energy'" in said
    assert "'key' is left out: nearly every value occurs once" in said
    assert engine.feature_names_ == ("tempo", "energy", "genre", "released", "title", "live")


def test_a_row_is_a_frame_a_dict_or_an_array(learnt):
    kind, X, _, engine = learnt
    score = engine.predict if kind == "regression" else engine.predict_proba
    whole = score(X[150:160])
    row = X.iloc[150].to_dict()
    np.testing.assert_allclose(score(row), whole[:1], rtol=1e-12)  # the last bit of exp differs by position
    np.testing.assert_array_equal(score([X.iloc[i].to_dict() for i in range(150, 160)]), whole)
    np.testing.assert_array_equal(score(X[150:160].to_numpy()), whole)
    np.testing.assert_array_equal(score(X.loc[150:159, X.columns[::-1]]), whole)


def test_what_was_never_seen_is_answered_and_what_lacks_is_named(learnt):
    kind, X, _, engine = learnt
    row = X.iloc[150].to_dict()
    odd = {**row, "genre": "polka", "tempo": None, "energy": float("-inf"), "released": "not a date", "title": ""}
    assert np.isfinite(np.asarray(engine.predict(odd) if kind == "regression" else engine.predict_proba(odd))).all()
    lacking = {name: value for name, value in row.items() if name not in ("genre", "tempo")}
    with pytest.raises(UsageError, match="lacks 2 of the 6 columns that the model reads: tempo, genre"):
        engine.predict(lacking)
    with pytest.raises(UsageError, match="lacks 1 of the 6 columns that the model reads: title"):
        engine.predict(X.drop(columns="title"))
    with pytest.raises(UsageError, match="column 'tempo': 'fast' is no number"):
        engine.predict({**row, "tempo": "fast"})
    frame = X[150:155].astype({"tempo": object})
    frame.iloc[2, 0] = "fast"
    with pytest.raises(UsageError, match="column 'tempo', row 2: 'fast' is no number"):
        engine.predict(frame)


def test_it_follows_scikit_learns_conventions(learnt):
    kind, X, _, engine = learnt
    assert engine.n_features_in_ == X.shape[1]
    assert engine.feature_names_in_.tolist() == X.columns.tolist()
    assert (is_regressor(engine), is_classifier(engine)) == (kind == "regression", kind != "regression")
    fresh = clone(engine)
    assert fresh.get_params() == engine.get_params()
    assert repr(fresh).startswith("PredictionEngine(")
    with pytest.raises(NotFittedError):
        fresh.predict(X)
    with pytest.raises(UsageError, match="no parameter 'depth'"):
        fresh.set_params(depth=3)


def test_the_leaderboard_ranks_the_vote_and_the_algorithms(learnt):
    kind, *_, engine = learnt
    board = engine.leaderboard()
    assert board["algorithm"].tolist()[0] == "vote"
    assert board["rank"].tolist() == list(range(len(board)))
    scores = board["score"].to_numpy()[1:]
    assert (np.diff(scores) >= 0).all(), f"{kind}: log loss and RMSE rank from the least"
    assert board["weight"][1:].sum() == pytest.approx(1, abs=1e-5)
    assert set(engine.trials_["state"]) <= {"complete", "pruned", "failed"}


def test_saved_and_loaded_it_predicts_the_same(learnt, tmp_path):
    _, X, _, engine = learnt
    measured = engine.save(tmp_path / "engine")
    assert measured["bytes"] < 5_000_000
    assert measured["digest"] == engine.artefact_.digest
    again = PredictionEngine.load(tmp_path / "engine")
    np.testing.assert_array_equal(again.predict(X), engine.predict(X))
    assert again.get_params() == engine.get_params()
    pd.testing.assert_frame_equal(again.leaderboard(), engine.leaderboard())
    assert again.notes_ == engine.notes_
    (tmp_path / "engine" / "engine.json").write_text("{")
    with pytest.raises(ArtefactError, match="torn"):
        PredictionEngine.load(tmp_path / "engine")


def test_explanations_sum_to_the_score_and_find_what_matters(learnt):
    kind, X, _, engine = learnt
    values = engine.explain(X[150:156], samples=16)
    outputs = {"binary": 2, "regression": 1}.get(kind, 3)
    assert values.shape == (6, 6, outputs)
    scores = engine.predict(X[150:156])[:, None] if kind == "regression" else engine.predict_proba(X[150:156])
    rest = scores - values.sum(axis=1)
    np.testing.assert_allclose(rest, np.broadcast_to(rest[0], rest.shape), atol=1e-9)
    weight = dict(zip(engine.feature_names_, np.abs(values).mean(axis=(0, 2)), strict=True))
    assert max(weight["tempo"], weight["energy"], weight["genre"]) > 3 * max(weight["title"], weight["live"])


def test_sets_and_intervals_hold_the_truth(learnt):
    kind, X, y, engine = learnt
    if kind == "multilabel":
        with pytest.raises(UsageError, match="carries no calibration"):
            engine.predict_set(X)
        return
    if kind == "regression":
        ends = engine.predict_interval(X[150:], 0.8)
        inside = (ends[:, 0] <= y[150:]) & (y[150:] <= ends[:, 1])
        with pytest.raises(UsageError, match="use predict_interval"):
            engine.predict_set(X)
    else:
        sets = engine.predict_set(X[150:], 0.8)
        inside = sets[np.arange(50), np.searchsorted(engine.classes_, y[150:])]
        with pytest.raises(UsageError, match="use predict_set"):
            engine.predict_interval(X)
    assert inside.mean() > 0.6  # 50 rows: three deviations below 0.8
    with pytest.raises(UsageError, match="coverage=2"):
        (engine.predict_interval if kind == "regression" else engine.predict_set)(X, 2)


def test_a_saved_one_needs_numpy_and_onnxruntime_alone(learnt, tmp_path):
    _, X, _, engine = learnt
    engine.save(tmp_path / "engine")
    row = json.loads(X.iloc[[150]].to_json(orient="records", date_format="iso"))[0]
    code = (
        "import sys, json\nfrom ostinato import PredictionEngine\n"
        "engine = PredictionEngine.load(sys.argv[1])\n"
        "engine.predict(json.loads(sys.argv[2])); engine.explain(json.loads(sys.argv[2]), samples=2)\n"
        "heavy = 'sklearn pandas scipy xgboost lightgbm catboost optuna onnx skl2onnx pydantic librosa mlflow torch'\n"
        "print([name for name in heavy.split() if name in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "engine"), json.dumps(row)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_equal_seeds_and_trials_give_equal_models_whatever_the_processes():
    X, y = mixed("binary", 120)
    one = light("binary", random_state=1, n_jobs=1).fit(X, y)
    two = light("binary", random_state=1, n_jobs=2).fit(X, y)
    assert one.artefact_.digest == two.artefact_.digest


def test_arrays_and_numeric_labels_keep_their_type():
    X, y = mixed("binary", 80)
    numbers = X[["tempo", "energy"]].to_numpy()
    engine = light("binary", trials=3).fit(numbers, (y == "hit").to_numpy().astype(int))
    assert engine.classes_.tolist() == [0, 1]
    assert engine.predict(numbers).dtype.kind == "i"
    assert not hasattr(engine, "feature_names_in_")


def test_an_artefact_over_its_bounds_is_replaced_by_a_lighter_one_or_refused(tmp_path):
    X, y = mixed("multiclass", 160)
    engine = light("multiclass", algorithms=("lightgbm_classifier", "extra_trees_classifier"), trials=4).fit(X, y)
    whole = engine.save(tmp_path / "whole")["bytes"]
    engine.set_params(bounds=Bounds(max_bytes=int(whole * 0.6)))
    measured = engine.save(tmp_path / "lighter")
    assert measured["bytes"] <= whole * 0.6
    assert "where max_bytes allows" in measured["refused"][0]
    again = PredictionEngine.load(tmp_path / "lighter")
    np.testing.assert_array_equal(again.predict_proba(X), engine.predict_proba(X))
    engine.set_params(bounds=Bounds(max_bytes=100))
    with pytest.raises(ArtefactError, match="no model fits its bounds"):
        engine.save(tmp_path / "nothing")


def test_five_seconds_give_a_model(tmp_path):
    X, y = mixed("binary", 150)
    engine = PredictionEngine(problem="binary", time_budget=5).fit(X, y)
    assert engine.predict_proba(X[:3]).shape == (3, 2)


def test_no_time_at_all_gives_the_prior_and_says_so():
    X, y = mixed("multiclass", 120)
    engine = PredictionEngine(time_budget=0.01).fit(X, y)
    np.testing.assert_allclose(engine.predict_proba(X[:1])[0], y.value_counts(normalize=True).sort_index(), atol=0.02)
    assert "looks at nothing" in " ".join(engine.notes_)


def _y(values):
    return {"y": values}


@pytest.mark.parametrize(
    ("params", "change", "message"),
    [
        ({"problem": "ranking"}, {}, "expected one of 'binary'"),
        ({"metric": "rmse"}, {}, "does not suit a binary problem; there are log_loss, accuracy"),
        ({"time_budget": 0}, {}, "expected seconds above 0"),
        ({"trials": 0}, {}, "expected 1 or more"),
        ({"algorithms": ("magic",)}, {}, "'magic' is no algorithm for binary problems"),
        ({}, _y(["x"] * 60), "one label only"),
        ({}, _y(["x"] * 59), r"y has shape \(59,\); expected \(60,\)"),
        ({}, _y([*"ab" * 29, None, "a"]), "1 missing values, in row 58; drop"),
        ({}, _y(list("abc") * 20), "3 labels, a binary problem has two"),
        ({}, _y([1, "a"] * 30), "y mixes int and str"),
        ({"problem": "regression"}, _y([1.0, 2.0] * 29 + [np.nan, np.inf]), "missing values, in row 58"),
        ({"problem": "regression"}, _y([1.0, 2.0] * 29 + [3.0, np.inf]), "1 infinite values, in row 59"),
        ({"problem": "regression"}, _y(["one", "two"] * 30), "'one' in rows? .*no number"),
        ({"problem": "regression"}, _y([5.0] * 60), "y is 5 in every row"),
        ({"problem": "multilabel"}, _y(np.full((60, 2), 3)), "y holds 3 in row 0, column 0"),
        ({"problem": "multilabel"}, _y([0, 1] * 30), r"expected \(60, L\)"),
        ({}, {"X": pd.DataFrame({"a": [1.0] * 60})}, "no column of X tells anything"),
        ({}, {"X": pd.DataFrame({"a": [[1, 2]] * 60, "b": range(60)})}, "column 'a' holds list values"),
        ({}, {"X": pd.DataFrame(np.ones((60, 2)), columns=["a", "a"])}, "more than one column called 'a'"),
        ({}, {"X": np.ones(60)}, r"X has shape \(60,\)"),
        ({}, {"X": pd.DataFrame({"a": []}), "y": []}, "X has no rows"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_to_do(params, change, message):
    X, y = mixed("binary", 60)
    engine = light("binary", **params)
    with pytest.raises(ValueError, match=message):
        engine.fit(change.get("X", X), change.get("y", y))


@pytest.mark.parametrize(
    ("rows", "columns", "classes"), [(6, 40, 2), (40, 60, 2), (30, 1, 3)], ids=["few", "wide", "one column"]
)
def test_odd_shapes_give_a_model(rows, columns, classes):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(rows, columns)), np.arange(rows) % classes
    engine = light("multiclass", trials=3).fit(X, y)
    assert np.isfinite(engine.predict_proba(X)).all()


def test_two_examples_of_a_class_and_one_of_another_give_a_model():
    X, _ = mixed("multiclass", 80)
    y = np.array(["a", "b"] * 40, dtype=object)
    y[:2], y[2] = "rare", "single"
    engine = light("multiclass", trials=3).fit(X, y)
    assert engine.classes_.tolist() == ["a", "b", "rare", "single"]
    np.testing.assert_allclose(engine.predict_proba(X).sum(axis=1), 1, atol=1e-6)


def test_a_column_of_many_values_and_one_of_mixed_kinds_give_a_model():
    X, y = mixed("binary", 150)
    rng = np.random.default_rng(1)
    X["artist"] = [f"artist {i}" for i in rng.integers(0, 70, 150)]
    X["mixed"] = [1, "two", 3.5, None, True] * 30
    engine = light("binary", trials=3).fit(X, y)
    assert {"artist", "mixed"} <= set(engine.feature_names_)
    assert engine.predict({**X.iloc[0].to_dict(), "mixed": ("tuple",)}).shape == (1,)


def test_groups_stand_on_one_side_of_every_fold_and_time_is_not_shuffled(monkeypatch):
    from ostinato.engines import training

    seen = []

    class Watched(training.Search):
        def __init__(self, problem, *args, **kwargs):
            seen.append(problem.folds)
            super().__init__(problem, *args, **kwargs)

    monkeypatch.setattr(training, "Search", Watched)
    X, y = mixed("binary", 80)
    groups, moments = np.arange(80) // 4, np.arange(80)[::-1]
    light("binary", trials=2).fit(X, y, groups=groups)
    light("binary", trials=2).fit(X, y, time=moments)
    grouped, timed = seen
    assert all(not set(groups[train]) & set(groups[held]) for train, held in grouped)
    assert all(moments[train].max() < moments[held].min() for train, held in timed)


@pytest.mark.skipif(
    not (SHARED / "tables" / "gtzan_features" / "features_30_sec.csv").exists(),
    reason="needs shared/data/tables/gtzan_features",
)
def test_genres_of_recorded_music_are_found():
    table = pd.read_csv(SHARED / "tables" / "gtzan_features" / "features_30_sec.csv")
    table = table.sample(300, random_state=0).reset_index(drop=True)
    X, y = table.drop(columns=["filename", "length", "label"]), table["label"]
    engine = light("multiclass", algorithms=("logistic_regression", "rbf_svc"), trials=4).fit(X[:220], y[:220])
    assert engine.score(X[220:], y[220:]) > 0.45
