from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold, RepeatedKFold, TimeSeriesSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from ostinato.core.errors import SearchError, SplitError, UsageError
from ostinato.ensemble.voting import VotingEnsemble

MEMBERS = [
    ("line", make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))),
    ("tree", DecisionTreeClassifier(max_depth=4, random_state=0)),
    ("bayes", GaussianNB()),
]
REGRESSORS = [("line", Ridge(0.1)), ("near", make_pipeline(StandardScaler(), KNeighborsRegressor(15)))]


@pytest.fixture(scope="module")
def wine():
    return load_wine(return_X_y=True)


def test_greedy_is_the_default_and_beats_its_members(wine):
    X, y = wine
    made = VotingEnsemble(MEMBERS).fit(X, y)
    own = [-np.log(np.clip(made.out_of_fold_[np.arange(len(y)), y], 1e-15, None)).mean(), made.vote_.best_single]
    assert own[0] == pytest.approx(made.vote_.loss)
    assert own[0] <= own[1]
    assert made.weights_.sum() == pytest.approx(1)
    np.testing.assert_allclose(made.predict_proba(X).sum(axis=1), 1)


def test_labels_of_any_kind_come_back(wine):
    X, y = wine
    names = np.array(["Barolo", "Grignolino", "ßarbera"])[y]
    made = VotingEnsemble(MEMBERS).fit(pd.DataFrame(X, columns=[f"c{i}" for i in range(13)]), names)
    assert made.classes_.tolist() == ["Barolo", "Grignolino", "ßarbera"]
    assert made.feature_names_in_[0] == "c0"
    assert set(made.predict(pd.DataFrame(X, columns=made.feature_names_in_))) == set(names)
    plain = VotingEnsemble(MEMBERS).fit(X, y)
    np.testing.assert_array_equal(names, np.array(["Barolo", "Grignolino", "ßarbera"])[y])
    np.testing.assert_allclose(
        made.predict_proba(pd.DataFrame(X, columns=made.feature_names_in_)), plain.predict_proba(X)
    )
    with pytest.raises(ValueError, match="feature names"):
        made.predict(pd.DataFrame(X, columns=[f"d{i}" for i in range(13)]))


def test_weights_told_are_weights_used(wine):
    X, y = wine
    made = VotingEnsemble(MEMBERS, weights=[1, 0, 3]).fit(X, y)
    single = [VotingEnsemble([each], weights=None).fit(X, y).predict_proba(X) for each in MEMBERS]
    np.testing.assert_allclose(made.predict_proba(X), 0.25 * single[0] + 0.75 * single[2])
    hard = VotingEnsemble(MEMBERS, voting="hard", weights=None).fit(X, y)
    counts = sum(np.eye(3)[each.argmax(axis=1)] for each in single) / 3
    np.testing.assert_allclose(hard.predict_proba(X), counts)


def test_members_without_probabilities_vote_too(wine):
    X, y = wine
    made = VotingEnsemble([*MEMBERS, ("margin", make_pipeline(StandardScaler(), LinearSVC()))], weights=None).fit(X, y)
    np.testing.assert_allclose(made.predict_proba(X).sum(axis=1), 1)
    assert made.score(X, y) > 0.97


class Spy(ClassifierMixin, BaseEstimator):
    """Remembers the rows that it learnt from, by their first column."""

    seen: ClassVar[list[set[float]]] = []

    def fit(self, X, y):
        self.seen.append(set(np.asarray(X)[:, 0].tolist()))
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def test_no_group_stands_on_both_sides_of_a_fold(rng):
    groups = rng.integers(0, 17, 120)
    X, y = np.column_stack([groups, rng.normal(size=120)]), rng.integers(0, 3, 120)
    for cv in (4, GroupKFold(3)):
        Spy.seen = []
        made = VotingEnsemble([("spy", Spy())], cv=cv).fit(X, y, groups=groups)
        learnt = Spy.seen[:-1]
        held = [set(range(17)) - each for each in learnt]
        assert len(Spy.seen[-1]) == 17, "the last fit sees all rows"
        assert sorted(g for fold in held for g in fold) == list(range(17)), "each group is held out whole, once"
        assert np.isfinite(made.out_of_fold_).all()
    with pytest.warns(UserWarning, match="ignored"), pytest.raises(SplitError, match="groups that it holds out"):
        VotingEnsemble([("spy", Spy())], cv=TimeSeriesSplit(3)).fit(X, y, groups=groups)


def test_rows_that_no_fold_holds_out_carry_no_weight(wine):
    X, y = wine
    order = np.random.default_rng(0).permutation(len(y))
    made = VotingEnsemble(MEMBERS, cv=TimeSeriesSplit(3)).fit(X[order], y[order])
    assert np.isnan(made.out_of_fold_[:40]).all()
    assert np.isfinite(made.out_of_fold_[60:]).all()
    with pytest.raises(SplitError, match="at most once"):
        VotingEnsemble(MEMBERS, cv=RepeatedKFold(n_splits=3, n_repeats=2)).fit(X, y)


def test_a_class_of_one_row_is_kept(wine):
    X, y = wine
    made = VotingEnsemble(MEMBERS).fit(np.vstack([X, X[:1] * 3]), np.append(y, 9))
    assert made.classes_.tolist() == [0, 1, 2, 9]
    assert made.predict(X[:1] * 3)[0] == 9


def test_two_rows_are_enough_to_begin():
    made = VotingEnsemble([("tree", DecisionTreeClassifier())], cv=5).fit([[0.0], [1.0]], ["a", "b"])
    assert made.predict([[0.1], [0.9]]).tolist() == ["a", "b"]


def test_columns_of_every_kind_pass_through_to_pipelines(rng):
    frame = pd.DataFrame({"n": rng.normal(size=90), "c": rng.choice(["a", "b", "ü"], 90)})
    y = np.where((frame["c"] == "a") ^ (frame["n"] > 1), "yes", "no")
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["c"]), remainder="passthrough"), LogisticRegression()
    )
    assert VotingEnsemble([("pipe", model), ("dummy", DummyClassifier())]).fit(frame, y).score(frame, y) > 0.85


@pytest.mark.parametrize("weights", ["greedy", None, [2, 1], "adaptive"])
def test_values_are_averaged(weights):
    X, y = load_diabetes(return_X_y=True)
    made = VotingEnsemble(REGRESSORS, weights=weights).fit(X, y)
    each = np.stack([model.predict(X) for model in made.estimators_])
    np.testing.assert_allclose(made.predict(X), made.weights_ @ each)
    assert made.score(X, y) > 0.4
    assert not hasattr(made, "predict_proba")


def test_parameters_reach_the_members(wine):
    made = VotingEnsemble(MEMBERS)
    made.set_params(tree__max_depth=1, bayes=DummyClassifier(), rounds=3)
    assert made.get_params()["tree__max_depth"] == 1
    assert clone(made).get_params()["bayes"].__class__ is DummyClassifier
    assert not hasattr(clone(made.fit(*wine)), "models_")
    MEMBERS[1][1].set_params(max_depth=4)


@pytest.mark.parametrize("voting", ["soft", "hard"])
@pytest.mark.parametrize("share", [0.0, 0.02])
def test_weights_follow_a_stream_within_the_bound(voting, share):
    X, y = load_breast_cancer(return_X_y=True)
    made = VotingEnsemble(MEMBERS, voting=voting, weights="adaptive", share=share).fit(X[:200], y[:200])
    before = made.weights_
    assert made.regret_ == 0
    for start in range(200, 569, 50):
        made.update(X[start : start + 50], y[start : start + 50])
        assert made.regret_ <= made.regret_bound_ + 1e-9
    assert not np.allclose(made.weights_, before)
    assert made.stream_.rows == 369


def test_a_stream_of_values_is_bounded_even_beyond_the_range_seen():
    X, y = load_diabetes(return_X_y=True)
    made = VotingEnsemble(REGRESSORS, weights="adaptive").fit(X[:200], y[:200])
    made.partial_fit(X[200:], 2 * y[200:])
    assert made.regret_ <= made.regret_bound_
    assert made.weights_.sum() == pytest.approx(1)


def test_only_an_adaptive_vote_can_be_updated(wine):
    X, y = wine
    made = VotingEnsemble(MEMBERS, weights="adaptive")
    assert made.partial_fit(X, y).stream_.rows == 0
    made.update(X[:3], [7, 7, 7])
    assert made.stream_.rows == 0, "classes never seen move nothing"
    made.partial_fit(X[:3], y[:3])
    assert made.stream_.rows == 3
    still = VotingEnsemble(MEMBERS).fit(X, y)
    assert not hasattr(still, "update")
    assert not hasattr(still, "regret_")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"weights": "best"}, "weights is greedy"),
        ({"weights": [1, 2]}, "3 numbers"),
        ({"weights": [0, 0, 0]}, "not all 0"),
        ({"voting": "loud"}, "soft or hard"),
        ({"cv": 1}, "two folds"),
        ({"estimators": []}, "at least one"),
        ({"estimators": [*MEMBERS, ("other", Ridge())]}, "all classifiers or all regressors"),
        ({"estimators": [MEMBERS[0], MEMBERS[0]]}, "not unique"),
    ],
)
def test_options_that_make_no_sense_are_refused(wine, options, said):
    with pytest.raises(ValueError, match=said):
        VotingEnsemble(MEMBERS).set_params(**options).fit(*wine)


@pytest.mark.parametrize(
    ("y", "said"),
    [
        ([0.0, 1.0, np.nan, 1.0], "rows, first \\[2\\]"),
        (["a", None, "b", "a"], "rows, first \\[1\\]"),
        ([1, 1, 1, 1], "one class only"),
        ([[0, 1], [1, 0], [1, 1], [0, 0]], "1d array"),
        ([0, 1, 1], "inconsistent"),
    ],
)
def test_targets_that_tell_nothing_are_refused(y, said):
    with pytest.raises(ValueError, match=said):
        VotingEnsemble(MEMBERS, cv=2).fit(np.arange(8.0).reshape(4, 2), y)


@pytest.mark.parametrize("groups", [[1, 2, 3], [1, None, 2, 2], [1, 1, 1, 1]])
def test_groups_that_keep_nothing_apart_are_refused(groups):
    with pytest.raises((UsageError, SplitError), match="group"):
        VotingEnsemble(MEMBERS, cv=2).fit(np.arange(8.0).reshape(4, 2), [0, 1, 0, 1], groups=groups)


@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_scores_that_no_memory_holds_are_refused():
    with pytest.raises(UsageError, match="GiB"):
        VotingEnsemble(MEMBERS).fit(np.zeros((60_000, 1)), np.arange(60_000))


def test_a_generator_of_seeds_is_taken_as_one(wine):
    made = VotingEnsemble(MEMBERS, random_state=np.random.RandomState(3)).fit(*wine)
    np.testing.assert_array_equal(
        made.weights_, VotingEnsemble(MEMBERS, random_state=np.random.RandomState(3)).fit(*wine).weights_
    )


class Broken(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), np.nan)


@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_member_that_breaks_is_named(wine):
    with pytest.raises(SearchError, match="member 'bad' gives NaN"):
        VotingEnsemble([*MEMBERS, ("bad", Broken())]).fit(*wine)
    with pytest.raises(ValueError, match="NaN") as error:
        VotingEnsemble(MEMBERS).fit(np.full((10, 2), np.nan), [0, 1] * 5)
    assert "raised by member 'line'" in "".join(error.value.__notes__)
