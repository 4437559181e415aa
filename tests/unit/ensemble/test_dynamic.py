from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_wine
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from ostinato.core.errors import UsageError
from ostinato.ensemble.dynamic import DynamicSelectionEnsemble, _accurate_and_diverse
from ostinato.ensemble.neighbourhood import Neighbourhood
from ostinato.ensemble.voting import VotingEnsemble

METHODS = ["knora_u", "knora_e", "des_knn", "meta_des"]
MEMBERS = [
    ("tree", DecisionTreeClassifier(max_depth=4, random_state=0)),
    ("bayes", GaussianNB()),
    ("line", make_pipeline(StandardScaler(), LogisticRegression())),
]


class Half(ClassifierMixin, BaseEstimator):
    """Right on one side of zero, wrong on the other."""

    def __init__(self, side=1.0):
        self.side = side

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        truth = X[:, 1] > 0
        said = np.where(self.side * X[:, 0] > 0, truth, ~truth).astype(int)
        return np.where(np.eye(2)[said] > 0, 0.8, 0.2)


class HalfValue(RegressorMixin, BaseEstimator):
    def __init__(self, side=1.0):
        self.side = side

    def fit(self, X, y):
        self.mean_ = 0.0
        return self

    def predict(self, X):
        return np.where(self.side * X[:, 0] > 0, X[:, 1], -X[:, 1])


@pytest.mark.parametrize("method", METHODS)
def test_each_side_is_told_by_the_member_that_knows_it(rng, method):
    X = rng.normal(size=(800, 2)) + np.where(rng.random((800, 1)) < 0.5, [[3.0, 0]], [[-3.0, 0]])
    y = np.where(X[:, 1] > 0, "up", "down")
    members = [("right", Half(1.0)), ("left", Half(-1.0))]
    made = DynamicSelectionEnsemble(members, method).fit(X[:600], y[:600])
    assert made.score(X[600:], y[600:]) > 0.95
    assert VotingEnsemble(members, weights=None).fit(X[:600], y[:600]).score(X[600:], y[600:]) < 0.7


@pytest.mark.parametrize("method", METHODS)
def test_values_are_told_by_the_member_that_knows_the_side(rng, method):
    X = rng.normal(size=(600, 2)) + np.where(rng.random((600, 1)) < 0.5, [[3.0, 0]], [[-3.0, 0]])
    members = [("right", HalfValue(1.0)), ("left", HalfValue(-1.0))]
    made = DynamicSelectionEnsemble(members, method).fit(X[:400], X[:400, 1])
    assert made.score(X[400:], X[400:, 1]) > 0.9
    X, y = load_diabetes(return_X_y=True)
    real = DynamicSelectionEnsemble([("line", LinearRegression()), ("near", KNeighborsRegressor(20))], method)
    assert real.fit(X[::2], y[::2]).score(X[1::2], y[1::2]) > 0.35


def made_with(record, method, k=4):
    made = DynamicSelectionEnsemble(MEMBERS, method, k=k)
    made.problem_ = type("P", (), {"classes": np.array([0, 1])})
    made._record = np.vstack([np.asarray(record, dtype=float), np.zeros(3)])
    made.meta_ = None
    return made


NEAR = np.arange(4)[None]
SCORES = np.stack([np.array([[0.9, 0.1]]), np.array([[0.2, 0.8]]), np.array([[0.4, 0.6]])])


@pytest.mark.parametrize(
    ("record", "union", "eliminate"),
    [
        ([[1, 1, 0], [1, 0, 0], [1, 0, 1], [1, 0, 1]], [4, 1, 2], [1, 0, 0]),
        ([[1, 1, 0], [1, 1, 0], [0, 0, 1], [1, 0, 1]], [3, 2, 2], [1, 1, 0]),
        ([[0, 0, 0], [1, 0, 0], [1, 0, 0], [1, 0, 0]], [3, 0, 0], [0, 0, 0]),
    ],
)
def test_competence_is_counted_as_in_the_paper(record, union, eliminate):
    assert made_with(record, "knora_u")._competence(NEAR, SCORES)[0].tolist() == union
    assert made_with(record, "knora_e")._competence(NEAR, SCORES)[0].tolist() == eliminate


@pytest.mark.parametrize("method", METHODS)
def test_where_none_is_competent_all_vote(method):
    mixed = made_with(np.zeros((4, 3)), method)._mixed(NEAR, SCORES)
    np.testing.assert_allclose(mixed, SCORES.mean(axis=0))


def test_the_accurate_half_and_its_diverse_half():
    record = np.array([[[1, 1, 1, 0], [1, 1, 0, 0], [0, 0, 1, 0], [1, 1, 1, 1]]], dtype=float)
    kept = _accurate_and_diverse(record)[0]
    assert kept.sum() == 1
    assert kept[3] == 0


@pytest.mark.parametrize("method", METHODS)
def test_tables_with_words_and_gaps_have_neighbours_too(rng, method):
    frame = pd.DataFrame({"n": rng.normal(size=200), "c": rng.choice(["a", "b", None], 200)})
    frame.loc[::7, "n"] = np.nan
    y = np.where(frame["c"].eq("a") ^ (rng.random(200) < 0.05), "yes", "no")
    encode = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["c"]))
    members = [
        ("line", make_pipeline(encode, LogisticRegression())),
        ("tree", make_pipeline(encode, DecisionTreeClassifier())),
    ]
    made = DynamicSelectionEnsemble(members, method).fit(frame, y)
    strange = frame.head(3).assign(c="new", n=np.inf)
    assert np.isfinite(made.predict_proba(strange)).all()
    assert made.score(frame, y) > 0.9


def test_neighbours_of_its_own_group_teach_nothing(rng):
    X = rng.normal(size=(60, 2))
    units = np.repeat(np.arange(20), 3)
    near = Neighbourhood(np.repeat(X[:20], 3, axis=0)).beside(2, units)
    assert (units[near] != units[:, None])[near >= 0].all()
    plain = Neighbourhood(X).beside(3, np.arange(60))
    assert (plain != np.arange(60)[:, None]).all()
    lonely = Neighbourhood(X[:4]).beside(3, np.zeros(4, dtype=int))
    assert (lonely == -1).all()


@pytest.mark.parametrize("method", METHODS)
def test_few_rows_and_equal_rows_do_not_break(method):
    made = DynamicSelectionEnsemble(MEMBERS[:2], method, cv=2).fit([[0.0], [0.0], [1.0], [1.0]], [0, 0, 1, 1])
    assert made.predict([[0.0], [1.0]]).tolist() == [0, 1]


@pytest.mark.parametrize("options", [{"method": "magic"}, {"k": 0}])
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(UsageError):
        DynamicSelectionEnsemble(MEMBERS, **options).fit(*load_wine(return_X_y=True))
