"""Outliers are found, and acted on without harm to the rest; scikit-learn's contract is kept."""

from __future__ import annotations

from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

from ostinato.preprocess.outliers import OutlierDetector


@parametrize_with_checks(
    [
        OutlierDetector(n_estimators=10),
        OutlierDetector("isolation_forest", n_estimators=10),
        OutlierDetector("lof"),
        # two checks ask that something be flagged in a table that holds no outlier, which the customary limits rightly refuse
        OutlierDetector("z", action="clip", contamination=0.05),
        OutlierDetector("modified_z", contamination=0.05),
        OutlierDetector("iqr", action="impute", contamination=0.05, impute_strategy="median"),
        OutlierDetector("mahalanobis"),
    ]
)
def test_scikit_learn_accepts(estimator: Any, check: Any) -> None:
    check(estimator)
