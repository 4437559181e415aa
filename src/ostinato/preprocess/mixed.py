"""What the estimators of this room share: they take mixed tables with gaps, and look at them before anything is learnt."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from ostinato.core.errors import UsageError


class MixedTable(BaseEstimator):  # type: ignore[misc]
    """An estimator that takes numbers, words and dates with gaps."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags


def checked(estimator: Any, X: Any, *, reset: bool, dtype: Literal["numeric"] | None = None) -> Any:
    """The table `X (n, d)`: a DataFrame as it is, anything else as an array of `dtype`; names are kept or compared.

    Raises UsageError for a DataFrame that is empty or has a name twice; scikit-learn's ValueError for what is no table.
    """
    if not isinstance(X, pd.DataFrame):
        return validate_data(estimator, X, reset=reset, dtype=dtype, ensure_all_finite=False)
    if not X.columns.is_unique:
        twice = X.columns[X.columns.duplicated()][0]
        raise UsageError(f"X has more than one column called {twice!r}; rename or drop them")
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    for axis, what in ((0, "sample"), (1, "feature")):
        if X.shape[axis] == 0:
            raise UsageError(
                f"Found a table with 0 {what}(s) (shape={X.shape}) while a minimum of 1 is required; give one with values"
            )
    return X
