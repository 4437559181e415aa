from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_wine, make_classification
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from ostinato.core.errors import UsageError
from ostinato.ensemble.bayesian import BayesianEnsemble, _stacked

MEMBERS = [
    ("line", make_pipeline(StandardScaler(), LogisticRegression())),
    ("tree", DecisionTreeClassifier(max_depth=3, random_state=0)),
    ("bayes", GaussianNB()),
]
REGRESSORS = [("line", LinearRegression()), ("near", KNeighborsRegressor(25))]


@pytest.fixture(scope="module")
def table():
    return make_classification(900, 8, n_informative=5, n_classes=3, flip_y=0.1, random_state=3)


@pytest.mark.parametrize("method", ["stacking", "pseudo_bma", "bma"])
def test_weights_are_a_posterior(table, method):
    X, y = table
    made = BayesianEnsemble(MEMBERS, method).fit(X, y)
    assert made.weight_draws_.shape[1] == 3
    np.testing.assert_allclose(made.weight_draws_.sum(axis=1), 1)
    np.testing.assert_allclose(made.weights_.sum(), 1)
    assert made.predict_proba(X).shape == (900, 3)
    again = BayesianEnsemble(MEMBERS, method).fit(X, y)
    np.testing.assert_array_equal(again.weight_draws_, made.weight_draws_)


def test_stacking_is_the_best_mixture(rng):
    """Against a grid, on densities of two models that are each right about half of the rows."""
    densities = np.log(np.where(np.arange(200)[:, None] % 3 == [0, 1], 0.9, 0.2)) + 0.1 * rng.normal(size=(200, 2))
    found = _stacked(densities, np.ones((1, 200)), np.ones(2))[0]
    grid = np.linspace(0, 1, 2001)
    scores = [np.log(np.exp(densities) @ [w, 1 - w]).mean() for w in grid]
    assert found[0] == pytest.approx(grid[int(np.argmax(scores))], abs=1e-3)


def test_the_score_of_the_mixture_is_at_least_any_members(table):
    made = BayesianEnsemble(MEMBERS).fit(*table)
    single = [BayesianEnsemble([each]).fit(*table).log_score_ for each in MEMBERS]
    assert made.log_score_ >= max(single) - 1e-9


def test_averaging_goes_to_one_member_and_stacking_need_not(table):
    bma = BayesianEnsemble([*MEMBERS, ("near", KNeighborsClassifier(20))], "bma").fit(*table)
    stacked = BayesianEnsemble([*MEMBERS, ("near", KNeighborsClassifier(20))]).fit(*table)
    assert bma.weights_.max() > 0.99
    assert np.sum(stacked.weights_ > 0.05) >= 2


def test_the_prior_draws_weights_to_itself(table):
    spread = [BayesianEnsemble(MEMBERS, prior=a, draws=20).fit(*table).weights_.std() for a in (1.0, 100.0, 1e6)]
    assert spread[0] > spread[1] > spread[2]
    assert spread[2] < 0.01
    leaning = BayesianEnsemble(MEMBERS, prior=[1e6, 1.0, 1.0]).fit(*table)
    assert leaning.weights_[0] > 0.99


def test_groups_make_the_posterior_wider(table):
    X, y = table
    X, y = np.repeat(X[:90], 10, axis=0), np.repeat(y[:90], 10)
    groups = np.repeat(np.arange(90), 10)
    made = BayesianEnsemble(MEMBERS, cv=3)
    wide, narrow = (made._bootstrapped(u).std() for u in (groups, np.arange(900)))
    assert wide == pytest.approx(narrow, rel=0.2), "each row counts as much on the average"
    mean = [made._bootstrapped(u).reshape(200, 90, 10).mean(axis=2).std() for u in (groups, np.arange(900))]
    assert mean[0] > 2.5 * mean[1], "but rows of a group count together"


def test_uncertainty_splits_into_noise_and_ignorance(table):
    X, y = table
    made = BayesianEnsemble(MEMBERS).fit(X, y)
    found = made.uncertainty(X)
    np.testing.assert_allclose(found.total, found.aleatoric + found.epistemic, atol=1e-9)
    assert (found.epistemic >= 0).all()
    one = BayesianEnsemble(MEMBERS[:1]).fit(X, y).uncertainty(X)
    np.testing.assert_allclose(one.epistemic, 0, atol=1e-12)
    guess = BayesianEnsemble([("even", DummyClassifier(strategy="uniform"))]).fit(X, y).uncertainty(X)
    np.testing.assert_allclose(guess.aleatoric, np.log(3))


def test_members_disagree_most_where_nothing_was_seen():
    X, y = load_diabetes(return_X_y=True)
    made = BayesianEnsemble(REGRESSORS).fit(X, y)
    near, far = made.uncertainty(X), made.uncertainty(10 * X)
    assert far.epistemic.mean() > 10 * near.epistemic.mean()
    np.testing.assert_allclose(far.aleatoric, near.aleatoric)
    np.testing.assert_allclose(near.total, near.aleatoric + near.epistemic)


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_predictive_intervals_hold_about_what_they_say(level):
    X, y = load_diabetes(return_X_y=True)
    made = BayesianEnsemble(REGRESSORS).fit(X[::2], y[::2])
    low, high = made.predict_interval(X[1::2], level).T
    assert np.mean((low < y[1::2]) & (y[1::2] < high)) == pytest.approx(level, abs=0.08)


def test_credible_intervals_of_probabilities_hold_the_prediction(table):
    X, y = table
    made = BayesianEnsemble(MEMBERS, "pseudo_bma").fit(X, y)
    ends = made.predict_interval(X[:50], 0.98)
    assert ends.shape == (50, 3, 2)
    assert ((ends[:, :, 0] <= made.predict_proba(X[:50])) & (made.predict_proba(X[:50]) <= ends[:, :, 1])).all()
    assert (ends[:, :, 1] - ends[:, :, 0]).max() > 0


@pytest.mark.parametrize("options", [{"method": "magic"}, {"prior": 0.0}, {"prior": [1.0, 2.0]}, {"draws": 0}])
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises((UsageError, ValueError)):
        BayesianEnsemble(MEMBERS, **options).fit(*load_wine(return_X_y=True))
    with pytest.raises(UsageError, match="level"):
        BayesianEnsemble(MEMBERS).fit(*load_wine(return_X_y=True)).predict_interval([[0.0] * 13], 1.0)
