from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import TimeSeriesSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from ostinato.core.errors import UsageError
from ostinato.ensemble.stacking import StackingEnsemble

MEMBERS = [("tree", DecisionTreeClassifier(max_depth=4, random_state=0)), ("bayes", GaussianNB())]


class Memory(ClassifierMixin, BaseEstimator):
    """Sure of every row and group that it learnt from, and of nothing else: whatever it knows has leaked."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.known_ = dict(zip(np.asarray(X)[:, 0].tolist(), y.tolist(), strict=True))
        return self

    def predict_proba(self, X):
        out = np.full((len(X), len(self.classes_)), 1 / len(self.classes_))
        for i, key in enumerate(np.asarray(X)[:, 0].tolist()):
            if key in self.known_:
                out[i] = np.eye(len(self.classes_))[np.searchsorted(self.classes_, self.known_[key])]
        return out


@pytest.mark.parametrize("refit", [True, False])
def test_what_a_row_shows_comes_from_models_that_saw_neither_it_nor_its_group(rng, refit):
    groups = rng.integers(0, 25, 150)
    y = rng.integers(0, 2, 25)[groups]  # a group's rows share class and key: one row seen is all seen
    X = np.column_stack([groups, rng.normal(size=150)])
    made = StackingEnsemble([("memory", Memory())], refit=refit).fit(X, y, groups=groups)
    np.testing.assert_array_equal(made.inputs_[0], 0, "a model that knew the row would not say one half")
    leaky = StackingEnsemble([("memory", Memory())], refit=refit).fit(X, y)
    assert np.abs(leaky.inputs_[0]).min() > 0 or (leaky.inputs_[0] != 0).mean() > 0.9, "without groups it does leak"


def test_every_level_is_out_of_fold(rng):
    y = rng.integers(0, 2, 120)
    X = rng.normal(size=(120, 3))  # nothing to learn: whatever is better than chance has leaked
    X[:, 0] = np.arange(120)
    forest = RandomForestClassifier(30, random_state=0)
    made = StackingEnsemble(
        [
            [("memory", Memory()), ("forest", forest)],
            [("deep", clone(forest)), ("tree", DecisionTreeClassifier(random_state=0))],
        ],
        passthrough=True,
    ).fit(X, y)
    assert len(made.inputs_) == 2
    assert made.inputs_[0].shape == (120, 2 + 3)
    for level in made.inputs_:
        assert np.mean((level[:, 0] > 0) == y) < 0.65
    assert np.mean(made.out_of_fold_.argmax(axis=1) == y) < 0.65


def test_it_learns_which_member_to_believe():
    X, y = load_wine(return_X_y=True)
    names = np.array(["a", "b", "c"])[y]
    for levels in (MEMBERS, [MEMBERS, [("line", LogisticRegression()), ("again", GaussianNB())]]):
        for refit in (True, False):
            made = StackingEnsemble(levels, refit=refit).fit(X[::2], names[::2])
            assert made.score(X[1::2], names[1::2]) > (0.9 if levels is MEMBERS else 0.85)
            np.testing.assert_allclose(made.predict_proba(X).sum(axis=1), 1)


def test_refit_asks_one_model_and_the_bag_asks_all():
    X, y = load_wine(return_X_y=True)
    assert [len(m) for m in StackingEnsemble(MEMBERS, cv=4).fit(X, y).estimators_[0]] == [1, 1]
    assert [len(m) for m in StackingEnsemble(MEMBERS, cv=4, refit=False).fit(X, y).estimators_[0]] == [4, 4]


def test_a_fold_without_a_class_keeps_the_columns_in_place():
    X, y = load_wine(return_X_y=True)
    far = np.vstack([X, X[:2] + 500])
    made = StackingEnsemble(MEMBERS, cv=3).fit(far, np.append(y, [5, 5]), groups=[*range(len(y)), "one", "one"])
    assert made.classes_.tolist() == [0, 1, 2, 5]
    assert made.inputs_[0].shape == (len(y) + 2, 8)
    assert made.predict_proba(far).shape == (len(y) + 2, 4)
    assert np.mean(made.predict(X) == y) > 0.93


def test_values_are_stacked_too():
    X, y = load_diabetes(return_X_y=True)
    members = [
        ("line", LinearRegression()),
        ("near", KNeighborsRegressor(20)),
        ("tree", DecisionTreeRegressor(max_depth=3)),
    ]
    made = StackingEnsemble([members, [("ridge", Ridge())]], passthrough=True).fit(X[:300], y[:300])
    assert made.score(X[300:], y[300:]) > 0.4
    assert not hasattr(made, "predict_proba")


def test_ordered_folds_leave_the_first_rows_out():
    X, y = load_diabetes(return_X_y=True)
    members = [("line", LinearRegression()), ("near", KNeighborsRegressor(20))]
    made = StackingEnsemble([members, [("ridge", Ridge())]], cv=TimeSeriesSplit(4)).fit(X, y)
    assert made.inputs_[0].shape == (440 // 5 * 4, 2) or len(made.inputs_[0]) < len(y)
    assert made.score(X, y) > 0.4


def test_parameters_reach_every_level():
    made = StackingEnsemble([MEMBERS, [("line", LogisticRegression())]], final_estimator=LogisticRegression())
    made.set_params(tree__max_depth=2, line__C=5.0, final_estimator__C=7.0, bayes=DecisionTreeClassifier(max_depth=1))
    found = clone(made).get_params()
    assert (found["tree__max_depth"], found["line__C"], found["final_estimator__C"], found["bayes__max_depth"]) == (
        2,
        5.0,
        7.0,
        1,
    )
    MEMBERS[0][1].set_params(max_depth=4)


@pytest.mark.parametrize("levels", [[], [[]], [MEMBERS, [MEMBERS[0]]], 3])
def test_levels_that_make_no_sense_are_refused(levels):
    with pytest.raises(ValueError, match="levels|estimators|unique"):
        StackingEnsemble(levels).fit(*load_wine(return_X_y=True))


def test_words_cannot_pass_through_as_numbers():
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    words = np.array([["loud noise"], ["soft tone"]] * 20, dtype=object)
    first = make_pipeline(FunctionTransformer(lambda X: X[:, 0]), CountVectorizer(), LogisticRegression())
    assert StackingEnsemble([("words", first)]).fit(words, [0, 1] * 20).predict(words[:2]).tolist() == [0, 1]
    with pytest.raises(UsageError, match="passthrough needs"):
        StackingEnsemble([("words", first)], passthrough=True).fit(words, [0, 1] * 20)


def test_many_classes_and_few_rows_do_not_carry_the_last_level_away():
    from sklearn.datasets import make_classification

    X, y = make_classification(400, 12, n_informative=8, n_redundant=0, n_classes=8, class_sep=1.5, random_state=1)
    members = [*MEMBERS, ("forest", RandomForestClassifier(30, min_samples_leaf=3, random_state=0))]
    made = StackingEnsemble(members).fit(X[:200], y[:200])
    chosen, free = (
        -np.log(np.clip(m.predict_proba(X[200:])[np.arange(200), y[200:]], 1e-15, None)).mean()
        for m in (made, StackingEnsemble(members, LogisticRegression(C=1.0, max_iter=2000)).fit(X[:200], y[:200]))
    )
    assert made.final_estimator_.C < 1
    assert chosen < free - 0.1
