"""Tables become numbers, and scikit-learn's contract is kept."""

from __future__ import annotations

from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

from ostinato import FeatureTransformer


@parametrize_with_checks(
    [
        FeatureTransformer(),
        FeatureTransformer(numbers=["robust", "log"]),
        FeatureTransformer(numbers="quantile"),
        FeatureTransformer(numbers="power"),
        FeatureTransformer(numbers="onehot"),
        FeatureTransformer(numbers=["ordinal", "frequency", "hash"]),
    ]
)
def test_scikit_learn_accepts(estimator: Any, check: Any) -> None:
    check(estimator)
