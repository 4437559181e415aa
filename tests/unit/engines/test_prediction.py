from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from ostinato.core.errors import ArtefactError, SplitError, UsageError
from ostinato.engines.prediction import PredictionEngine

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data"


def table(kind, n=120, seed=2):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 6)), columns=list("abcdef"))
    if kind == "regression":
        return X, 100 + 10 * X["a"] + 5 * X["b"] ** 2 + rng.normal(size=n)
    k = 2 if kind == "binary" else 3
    codes = (X.to_numpy()[:, :k] * 2 + rng.normal(size=(n, k))).argmax(axis=1)
    return X, pd.Series(np.array(["low", "mid", "high"])[codes], name="level")


@pytest.fixture(scope="module", params=["binary", "multiclass", "regression"])
def learnt(request):
    X, y = table(request.param, 160)
    X.iloc[3, 2] = np.nan
    engine = PredictionEngine(problem=request.param, random_state=4)
    assert engine.fit(X[:120], y[:120]) is engine
    return request.param, X, y, engine


def test_it_learns_what_a_dummy_cannot(learnt):
    kind, X, y, engine = learnt
    if kind == "regression":
        assert engine.score(X[120:], y[120:]) > 0.5
        with pytest.raises(UsageError, match="has no probabilities"):
            engine.predict_proba(X)
    else:
        assert engine.score(X[120:], y[120:]) > y[120:].value_counts(normalize=True).max() + 0.1
        p = engine.predict_proba(X[120:])
        np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6)
        assert engine.classes_.tolist() == sorted(set(y))
        np.testing.assert_array_equal(engine.predict(X[120:]), engine.classes_[p.argmax(axis=1)])


def test_it_follows_scikit_learns_conventions(learnt):
    _, X, _, engine = learnt
    assert engine.n_features_in_ == 6
    assert engine.feature_names_in_.tolist() == list("abcdef")
    fresh = clone(engine)
    assert fresh.get_params() == engine.get_params()
    with pytest.raises(NotFittedError):
        fresh.predict(X)


def test_the_leaderboard_ranks_algorithms(learnt):
    kind, *_, engine = learnt
    board = engine.leaderboard()
    assert board["rank"].tolist() == list(range(1, len(board) + 1))
    scores = board["score"].to_numpy()
    assert (np.diff(scores) >= 0).all(), f"{kind}: log loss and RMSE rank from the least"
    assert board["family"].nunique() >= 4


def test_saved_and_loaded_it_predicts_the_same(learnt, tmp_path):
    _, X, _, engine = learnt
    engine.save(tmp_path / "engine")
    again = PredictionEngine.load(tmp_path / "engine")
    np.testing.assert_array_equal(again.predict(X), engine.predict(X))
    assert again.get_params() == engine.get_params()
    pd.testing.assert_frame_equal(again.leaderboard(), engine.leaderboard())
    (tmp_path / "engine" / "engine.json").write_text("{")
    with pytest.raises(ArtefactError, match="torn"):
        PredictionEngine.load(tmp_path / "engine")


def test_equal_seeds_give_equal_models_whatever_the_threads():
    X, y = table("binary", 60)
    one = PredictionEngine(problem="binary", random_state=1, n_jobs=1).fit(X, y)
    two = PredictionEngine(problem="binary", random_state=1, n_jobs=2).fit(X, y)
    assert one.artefact_.digest == two.artefact_.digest


def test_arrays_and_numeric_labels_keep_their_type():
    X, y = table("binary", 60)
    engine = PredictionEngine(problem="binary").fit(X.to_numpy(), (y == "low").to_numpy().astype(int))
    assert engine.classes_.tolist() == [0, 1]
    assert engine.predict(X.to_numpy()).dtype.kind == "i"
    assert not hasattr(engine, "feature_names_in_")


@pytest.mark.parametrize(
    ("params", "change", "error", "message"),
    [
        ({"problem": "ranking"}, {}, UsageError, "expected 'binary'"),
        ({"metric": "rmse"}, {}, UsageError, "does not suit a binary problem; there are log_loss, accuracy"),
        ({}, {"y": ["x"] * 60}, SplitError, "one label only"),
        ({}, {"y": ["x"] * 59}, UsageError, r"y has shape \(59,\); expected \(60,\)"),
        ({}, {"y": [None, *["x"] * 59]}, UsageError, "1 missing values"),
        ({}, {"y": list("abc") * 20}, UsageError, "3 labels, a binary problem has two"),
        ({}, {"X": pd.DataFrame({"words": list("ab") * 30})}, UsageError, "hold no numbers: words"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_to_do(params, change, error, message):
    X, y = table("binary", 60)
    engine = PredictionEngine(**{"problem": "binary", **params})
    with pytest.raises(error, match=message):
        engine.fit(change.get("X", X), change.get("y", y))


def test_groups_stand_on_one_side_of_every_fold(monkeypatch):
    from ostinato.engines import prediction

    seen = []

    class Watched(prediction.Search):
        def run(self, budget, guard_seconds, told=None):
            seen.extend(self.problem.folds)
            return super().run(4, guard_seconds, told)

    monkeypatch.setattr(prediction, "Search", Watched)
    X, y = table("binary", 80)
    groups = np.arange(80) // 4
    PredictionEngine(problem="binary").fit(X, y, groups=groups)
    assert seen
    assert all(not set(groups[train]) & set(groups[held]) for train, held in seen)


@pytest.mark.skipif(
    not (SHARED / "tables" / "gtzan_features" / "features_30_sec.csv").exists(),
    reason="needs shared/data/tables/gtzan_features",
)
def test_genres_of_recorded_music_are_found():
    table = pd.read_csv(SHARED / "tables" / "gtzan_features" / "features_30_sec.csv")
    table = table.sample(300, random_state=0).reset_index(drop=True)
    X, y = table.drop(columns=["filename", "length", "label"]), table["label"]
    engine = PredictionEngine(random_state=0, time_budget=120).fit(X[:220], y[:220])
    assert engine.score(X[220:], y[220:]) > 0.45
