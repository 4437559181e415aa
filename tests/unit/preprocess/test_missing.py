"""Gaps of mixed tables are filled, and scikit-learn's contract is kept."""

from __future__ import annotations

from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

from ostinato.preprocess.missing import MissingValueHandler


@parametrize_with_checks(
    [
        MissingValueHandler(),
        MissingValueHandler("mean", indicators=True),
        MissingValueHandler("median"),
        MissingValueHandler("mode"),
        MissingValueHandler("constant"),
        MissingValueHandler("knn"),
        MissingValueHandler("autoencoder", training_steps=5),
    ]
)
def test_scikit_learn_accepts(estimator: Any, check: Any) -> None:
    check(estimator)
