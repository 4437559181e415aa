"""The ensembles keep scikit-learn's contract."""

from __future__ import annotations

from typing import Any

from sklearn.linear_model import LinearRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from ostinato.ensemble.bayesian import BayesianEnsemble
from ostinato.ensemble.dynamic import DynamicSelectionEnsemble
from ostinato.ensemble.manager import EnsembleManager
from ostinato.ensemble.stacking import StackingEnsemble
from ostinato.ensemble.voting import VotingEnsemble

CLASSIFIERS = [("tree", DecisionTreeClassifier(max_depth=3, random_state=0)), ("bayes", GaussianNB())]
REGRESSORS = [("line", LinearRegression()), ("near", KNeighborsRegressor(3))]


@parametrize_with_checks(
    [
        VotingEnsemble(CLASSIFIERS, cv=2),
        VotingEnsemble(REGRESSORS, weights="adaptive", cv=2),
        VotingEnsemble(CLASSIFIERS, voting="hard", weights=None),
        StackingEnsemble(CLASSIFIERS, cv=2),
        BayesianEnsemble(REGRESSORS, cv=2, draws=20),
        DynamicSelectionEnsemble(CLASSIFIERS, cv=2),
        EnsembleManager(REGRESSORS, cv=2),
    ]
)
def test_scikit_learn_accepts(estimator: Any, check: Any) -> None:
    check(estimator)
