from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.linear_model import LinearRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from ostinato.core.errors import UsageError
from ostinato.ensemble.bayesian import BayesianEnsemble
from ostinato.ensemble.manager import COMPARED, STRATEGIES, EnsembleManager
from ostinato.ensemble.stacking import StackingEnsemble
from ostinato.ensemble.voting import VotingEnsemble

MEMBERS = [("tree", DecisionTreeClassifier(max_depth=4, random_state=0)), ("bayes", GaussianNB())]
REGRESSORS = [("line", LinearRegression()), ("near", KNeighborsRegressor(20))]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_by_its_name(strategy):
    X, y = load_wine(return_X_y=True)
    names = np.array(["a", "b", "c"])[y]
    made = EnsembleManager(MEMBERS, strategy, calibrate=False).fit(X[::2], names[::2])
    assert made.score(X[1::2], names[1::2]) > 0.85
    alone = made.build(strategy).fit(X[::2], names[::2])
    np.testing.assert_array_equal(made.predict_proba(X), alone.predict_proba(X))
    board = made.leaderboard()
    assert board["name"].tolist()[0] in {strategy, "tree", "bayes"}
    assert board["loss"].is_monotonic_increasing
    assert board["chosen"].sum() == 1
    values = EnsembleManager(REGRESSORS, strategy).fit(*load_diabetes(return_X_y=True))
    assert values.score(*load_diabetes(return_X_y=True)) > 0.4


def test_classes_are_those_that_can_be_used_alone():
    manager = EnsembleManager(MEMBERS, options={"stack": {"above": [[("top", GaussianNB())]], "passthrough": True}})
    assert type(manager.build("greedy")) is VotingEnsemble
    assert type(manager.build("bayes")) is BayesianEnsemble
    stack = manager.build("stack")
    assert type(stack) is StackingEnsemble
    assert (len(stack.levels), stack.passthrough) == (2, True)


def test_auto_keeps_what_is_best_on_rows_that_none_saw():
    X, y = load_breast_cancer(return_X_y=True)
    members = [*MEMBERS, ("near", make_pipeline(StandardScaler(), KNeighborsClassifier(9)))]
    made = EnsembleManager(members, "auto", cv=3).fit(X, y)
    board = made.leaderboard()
    assert set(board["name"]) == {*COMPARED, "tree", "bayes", "near"}
    ensembles = board[board["kind"] == "ensemble"]
    assert ensembles["name"].iloc[0] == made.strategy_ or ensembles["loss"].iloc[0] == pytest.approx(
        float(board.loc[board["chosen"], "loss"].iloc[0])
    )
    assert board["protocol"].str.startswith("nested: 3 outer folds").all()
    assert len(board) == len(COMPARED) + 3, "a member may be called as a strategy is"
    single = board.set_index("name").loc["single", "loss"]
    assert made.losses_["ensemble", made.strategy_].mean() <= single


def test_nested_losses_are_those_of_doing_it_by_hand():
    X, y = load_wine(return_X_y=True)
    made = EnsembleManager(MEMBERS, "auto", strategies=("greedy", "stack"), cv=3).fit(X, y)
    from ostinato.ensemble.folds import pairs_of

    own = np.zeros(len(y))
    for train, test in pairs_of(y, None, 3, 1, True, X):
        p = VotingEnsemble(MEMBERS, cv=3).fit(X[train], y[train]).predict_proba(X[test])
        own[test] = -np.log(np.clip(p[np.arange(len(test)), y[test]], 1e-15, None))
    np.testing.assert_allclose(made.losses_["ensemble", "greedy"], own)


def test_groups_stay_whole_in_outer_folds_too(rng):
    groups = np.repeat(np.arange(30), 6)
    y = np.repeat(rng.integers(0, 2, 30), 6)
    X = np.repeat(rng.normal(size=(30, 2)), 6, axis=0) + 1e-3 * rng.normal(size=(180, 2))
    members = [("near", KNeighborsClassifier(3)), ("tree", DecisionTreeClassifier(random_state=0))]
    fair = EnsembleManager(members, "auto", strategies=("vote",), cv=3).fit(X, y, groups=groups)
    leaky = EnsembleManager(members, "auto", strategies=("vote",), cv=3).fit(X, y)
    assert leaky.losses_["ensemble", "vote"].mean() < 0.1
    assert fair.losses_["ensemble", "vote"].mean() > 0.5
    assert "whole groups" in fair.leaderboard()["protocol"].iloc[0]


def test_sets_and_intervals_cover_new_rows():
    X, y = load_wine(return_X_y=True)
    made = EnsembleManager(MEMBERS).fit(X[::2], y[::2])
    sets = made.predict_set(X[1::2], 0.1)
    assert sets[np.arange(89), y[1::2]].mean() > 0.85
    X, y = load_diabetes(return_X_y=True)
    values = EnsembleManager(REGRESSORS).fit(X[::2], y[::2])
    low, high = values.predict_interval(X[1::2], 0.2).T
    assert np.mean((low <= y[1::2]) & (y[1::2] <= high)) == pytest.approx(0.8, abs=0.08)
    assert not hasattr(values, "predict_set")
    with pytest.raises(UsageError, match="predict_set"):
        EnsembleManager(MEMBERS).fit(*load_wine(return_X_y=True)).predict_interval([[0.0] * 13])


def test_probabilities_are_calibrated_where_that_helps():
    X, y = load_breast_cancer(return_X_y=True)
    made = EnsembleManager([("bayes", GaussianNB())]).fit(X[::2], y[::2])
    raw = EnsembleManager([("bayes", GaussianNB())], calibrate=False).fit(X[::2], y[::2])
    losses = [
        -np.log(np.clip(m.predict_proba(X[1::2])[np.arange(284), y[1::2]], 1e-15, None)).mean() for m in (made, raw)
    ]
    assert made.calibration_.calibrator.kind != "identity"
    assert losses[0] < 0.6 * losses[1]


def test_an_adaptive_strategy_follows_a_stream():
    X, y = load_wine(return_X_y=True)
    made = EnsembleManager(MEMBERS, "adaptive").fit(X, y)
    before = made.ensemble_.weights_
    made.update(X[::5], y[::5])
    assert not np.allclose(made.ensemble_.weights_, before)
    assert not hasattr(EnsembleManager(MEMBERS), "update")


def test_parameters_and_clones():
    made = EnsembleManager(MEMBERS, "stack").set_params(tree__max_depth=2)
    assert clone(made).get_params()["tree__max_depth"] == 2
    MEMBERS[0][1].set_params(max_depth=4)


@pytest.mark.parametrize(
    "options", [{"strategy": "magic"}, {"strategy": "auto", "strategies": ["magic"]}, {"options": {"magic": {}}}]
)
def test_strategies_that_do_not_exist_are_refused(options):
    with pytest.raises(UsageError, match="magic"):
        EnsembleManager(MEMBERS, **options).fit(*load_wine(return_X_y=True))


@pytest.mark.filterwarnings("ignore:The number of unique classes")
@pytest.mark.parametrize("strategy", ["greedy", "vote", "bayes", "dynamic"])
def test_classes_of_one_row_are_still_told_apart(strategy):
    X, _ = load_wine(return_X_y=True)
    made = EnsembleManager([("tree", DecisionTreeClassifier())], strategy, cv=3).fit(X[:40], np.arange(40))
    assert made.predict(X[:40]).tolist() == list(range(40)), (
        "no fold could know a class, and that is no reason to doubt all"
    )


def test_what_is_no_member_and_columns_of_one_name_are_refused():
    import pandas as pd

    X, y = load_wine(return_X_y=True)
    for members in (None, [], [("a", "drop")], ["a"]):
        with pytest.raises(UsageError, match="estimator"):
            EnsembleManager(members).fit(X, y)
    with pytest.raises(UsageError, match="columns b occur"):
        EnsembleManager(MEMBERS).fit(pd.DataFrame(X[:, :3], columns=["a", "b", "b"]), y)
