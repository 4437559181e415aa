import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from ostinato.automl.fitting import run_onnx
from ostinato.automl.optimizers.costs import cost_of
from ostinato.automl.optimizers.model import ModelOptimizer
from ostinato.automl.space import Choice, Float
from ostinato.core.errors import ArtefactError, SearchError, SplitError, UsageError

OWN = (Float("C", 1e-3, 1e3, default=1.0, log=True),)


class Odd(LogisticRegression):
    def predict_proba(self, X):
        return np.roll(super().predict_proba(X), 1, axis=1)  # not what its export says


@pytest.fixture
def table(rng):
    X = rng.normal(size=(120, 4))
    return X, np.array(["no", "so", "yes"])[(X[:, :3] + rng.normal(size=(120, 3))).argmax(axis=1)]


def tuned(X, y, algorithm="logistic_regression", groups=None, **options):
    return ModelOptimizer(algorithm, **{"trials": 5, "folds": 3, **options}).fit(X, y, groups)


def test_it_tunes_and_fits(table):
    X, y = table
    model = tuned(X, y, trials=12)
    assert list(model.classes_) == ["no", "so", "yes"]
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, atol=1e-6)
    assert (model.predict(X) == y).mean() > 0.6
    complete = model.trials_[model.trials_["state"] == "complete"]
    assert model.best_score_ == complete["error"].min() <= model.trials_.loc[0, "error"]
    assert model.score(X, y) < model.best_score_ * 1.2
    np.testing.assert_allclose(run_onnx(model.to_onnx(), model.encoder_.encode(X)), model.predict_proba(X), atol=1e-4)


def test_equal_seeds_give_equal_models_whatever_the_jobs(table):
    X, y = table
    one, two = tuned(X, y, random_state=3), tuned(X, y, random_state=3, n_jobs=2)
    pd.testing.assert_frame_equal(one.trials_.drop(columns="seconds"), two.trials_.drop(columns="seconds"))
    assert one.to_onnx() == two.to_onnx()
    assert not tuned(X, y, random_state=4).trials_["error"].equals(one.trials_["error"])


def test_a_regression(rng):
    X = rng.normal(size=(90, 3))
    y = 100 + 5 * X[:, 0] + rng.normal(size=90)
    for algorithm, space in (("ridge", None), (Ridge(), (Float("alpha", 1e-3, 1e3, default=1.0, log=True),))):
        model = tuned(X, y, algorithm, space=space)
        assert 0.8 < model.best_score_ < 1.4
        assert abs(model.predict(X) - y).mean() < 1.2
        with pytest.raises(UsageError, match="no probabilities"):
            model.predict_proba(X)
    assert tuned(X, y, "ridge", metric="mae").best_score_ < model.best_score_


def test_an_estimator_of_ones_own(table):
    X, y = table
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    model = tuned(X, y, pipeline, space=(Float("logisticregression__C", 1e-3, 1e3, default=1.0, log=True),))
    assert set(model.best_params_) == {"logisticregression__C"}
    assert (model.predict(X) == y).mean() > 0.6
    assert clone(model).get_params()["trials"] == 5


def test_several_objectives_are_measured_on_what_would_ship(table):
    X, y = table
    names = ("error", "latency", "bytes")
    model = tuned(X, y, "decision_tree_classifier", objectives=names, trials=10, folds=2)
    complete = model.trials_[model.trials_["state"] == "complete"]
    assert set(complete["measured_on"]) == {"onnx"}
    assert (complete["latency"] > 0).all()
    smallest = complete["bytes"].min()
    assert smallest < complete["bytes"].max()
    assert model.best_score_ == model.pareto_.front[0].values[0]
    small = tuned(
        X,
        y,
        "decision_tree_classifier",
        objectives=("error", "bytes"),
        trials=10,
        folds=2,
        envelope={"bytes": smallest},
    )
    assert small.pareto_.within(bytes=smallest).member.params == small.best_params_
    with pytest.raises(ArtefactError, match="bytes is"):
        tuned(X, y, "decision_tree_classifier", objectives=("error", "bytes"), folds=2, envelope={"bytes": 1})


def test_what_cannot_be_exported_is_measured_as_it_is(table):
    X, y = table

    model = tuned(X, y, Odd(), space=OWN, objectives=("error", "bytes"), trials=2)
    assert set(model.trials_["measured_on"]) == {"estimator"}
    cost = cost_of(tuned(X, y).fitted_, model.encoder_.encode(X))
    assert (cost.measured_on, cost.latency > 0, cost.bytes > 100) == ("onnx", True, True)


def test_no_group_stands_on_both_sides(rng):
    groups = np.repeat(np.arange(12), 10)
    centre = rng.normal(size=(12, 6))
    X, y = centre[groups] + 0.01 * rng.normal(size=(120, 6)), rng.integers(0, 2, 12)[groups]
    options = {"metric": "accuracy", "trials": 3, "folds": 3}
    leaky, honest = (
        tuned(X, y, "k_nearest_classifier", **options),
        tuned(X, y, "k_nearest_classifier", groups, **options),
    )
    assert leaky.best_score_ > 0.95
    assert honest.best_score_ < 0.85
    options["folds"] = GroupKFold(3)
    assert tuned(X, y, "k_nearest_classifier", groups, **options).best_score_ < 0.85


def test_a_table_with_words_and_gaps(rng):
    frame = pd.DataFrame({"n": rng.normal(size=90), "c": rng.choice(["ä", "b", None], 90), "same": 1.0})
    frame["twin"] = frame["n"]
    frame.loc[::7, "n"] = np.nan
    y = (frame["c"] == "ä").astype(int).to_numpy()
    model = tuned(frame, y, metric="roc_auc")
    assert model.best_score_ > 0.95
    assert list(model.predict(frame.iloc[:3])) == list(y[:3])


def test_a_study_of_a_model_goes_on(table, tmp_path):
    X, y = table
    options = {"storage": tmp_path / "m.jsonl", "random_state": 1}
    first = tuned(X, y, trials=3, **options)
    again = tuned(X, y, trials=5, **options)
    assert again.trials_["seconds"].iloc[:3].tolist() == first.trials_["seconds"].tolist()
    whole = tuned(X, y, trials=5, random_state=1)
    assert again.trials_["error"].equals(whole.trials_["error"])
    other = tuned(X, np.roll(y, 1), trials=2, **options)  # other data are another study
    assert len(other.trials_) == 2


def test_a_tight_budget_still_gives_a_model(table):
    X, y = table
    model = tuned(X, y, trials=500, seconds=0.7)
    assert 1 <= len(model.trials_) < 500
    assert model.predict(X[:1]).shape == (1,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"algorithm": "magic"}, "no such key; there are .*logistic_regression"),
        ({"algorithm": "ridge"}, "ridge is for regression and y is no number"),
        ({"algorithm": 5}, "expected a key, an Entry or a scikit-learn estimator"),
        ({"algorithm": LogisticRegression()}, "needs its space"),
        ({"algorithm": LogisticRegression(), "space": (Choice("D", (1,), default=1),)}, "no parameter 'D'"),
        ({"algorithm": SVC(), "space": OWN}, "gives no probabilities"),
        ({"metric": "rmse"}, "for multiclass problems there are log_loss"),
        ({"objectives": ("bytes",)}, "'error' first"),
        ({"objectives": ("error", "beauty")}, "'error' first"),
        ({"folds": 1}, "expected 2 or more"),
        ({"folds": [(np.arange(60), np.arange(50, 120))]}, "a row stands on both"),
        ({"folds": []}, "there is none"),
        ({"envelope": {"bytes": 10}}, "no such objective"),
        ({"trials": 0}, "trials=0"),
    ],
)
def test_wrong_arguments_are_refused(table, change, message):
    with pytest.raises(UsageError, match=message):
        tuned(*table, **{"trials": 2} | change)


def test_bad_tables_are_refused(table):
    X, y = table
    for bad_X, bad_y, message in (
        (X[:, 0], y, "expected rows and columns"),
        (X[:0], y[:0], "one label only|no column"),
        (X[:1], y[:1], "one label only"),
        (X, y[:5], "one value for each of 120 rows"),
        (X, np.where(np.arange(120) == 7, None, y), "missing in 1 rows, the first is row 7"),
        (X, np.full(120, "no"), "one label only"),
        (np.zeros((120, 2)), y, "no column of X tells anything"),
    ):
        with pytest.raises((UsageError, SplitError), match=message):
            tuned(bad_X, bad_y)
    with pytest.raises(UsageError, match=r"y is inf in row 1"):
        tuned(X, np.where(np.arange(120) == 1, np.inf, 1.0), "ridge")
    with pytest.raises(UsageError, match="not fitted"):
        ModelOptimizer("ridge").predict(X)
    with pytest.raises(UsageError, match="label 'maybe', which training did not have"):
        tuned(X, y).score(X[:1], ["maybe"])


def test_an_algorithm_that_never_works_is_an_error_that_says_why(table):
    class Broken(LogisticRegression):
        def fit(self, X, y):
            raise FloatingPointError("at depth 1")

    with pytest.raises(SearchError, match="FloatingPointError: at depth 1"):
        tuned(*table, Broken(), space=OWN)
