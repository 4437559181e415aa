"""`OutlierDetector`: score rows by how little they belong, flag them, and clip, drop or re-impute what is abnormal."""

from __future__ import annotations

from typing import Any, Literal, Self, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OutlierMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from ostinato.core.errors import UsageError
from ostinato.preprocess.missing.handler import MissingValueHandler
from ostinato.preprocess.mixed import checked
from ostinato.preprocess.outliers.covariance import RobustCovariance
from ostinato.preprocess.outliers.marginal import LIMITS, Marginal
from ostinato.preprocess.outliers.numbers import Numbers
from ostinato.preprocess.outliers.scorers import Scorer, scorer_for

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Method = Literal["ensemble", "isolation_forest", "lof", "z", "modified_z", "iqr", "mahalanobis"]
Action = Literal["flag", "clip", "drop", "impute"]
_FLAG = "outlier"
_SURPRISE = 3.0  # deviations from what a row's other cells foretell, from which on a cell is blamed


class OutlierDetector(OutlierMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Find rows `(n, d)` that do not belong, and act on them; columns that are no numbers pass through unseen.

    `method`: `z`, `modified_z` and `iqr` look at columns alone, `mahalanobis` at a robust covariance, `lof` at neighbours,
    `isolation_forest` at random splits, `ensemble` joins several (`combined`). Missing values count as the median; infinite ones
    as far beyond all others.

    `score(X)` is higher the more abnormal a row is. As scikit-learn's detectors do, `predict` says -1 for outliers and 1 for
    others, `score_samples` is the negative score, and `decision_function` is negative for outliers; `flags` says the same as
    booleans. `contamination` is the share of learnt rows to flag (0 … 0.5), or `auto`: each method's customary limit (z 3,
    modified z 3.5, quartiles 1.5, chi-square 97.5 %, factor 1.5, path 0.5); with the ensemble, as many rows as half of its
    members find far away.

    `action`: `flag` appends a column `outlier`; `drop` leaves flagged rows out, so it fits no pipeline with a target; `clip` draws
    cells of flagged rows in to the fences of their columns, and leaves a row that is odd only as a whole; `impute` empties the
    cells to blame, which are beyond a fence or far from what the row's others foretell, and fills them by `MissingValueHandler`
    (`impute_strategy`).

    >>> import numpy as np
    >>> X = np.append(np.random.default_rng(0).normal(size=(99, 2)), [[9.0, -9.0]], axis=0)
    >>> detector = OutlierDetector("modified_z", action="clip").fit(X)
    >>> int(detector.score(X).argmax()), int(detector.predict(X)[-1])
    (99, -1)
    >>> bool(np.abs(detector.transform(X)).max() < 5)
    True
    """

    def __init__(
        self,
        method: Method = "ensemble",
        action: Action = "flag",
        contamination: float | Literal["auto"] = "auto",
        n_neighbors: int = 20,
        n_estimators: int = 100,
        impute_strategy: str = "mice",
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.method = method
        self.action = action
        self.contamination = contamination
        self.n_neighbors = n_neighbors
        self.n_estimators = n_estimators
        self.impute_strategy = impute_strategy
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from rows `(n, d)`; `y` is not looked at. Raises UsageError for tables without numbers, and wrong parameters."""
        self._check_params()
        X = checked(self, X, dtype="numeric", reset=True)
        self._numbers = Numbers.learnt(X)
        cells = self._numbers.read(X)
        full = self._numbers.complete(cells)
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self._scorer: Scorer = scorer_for(self.method, self._seed, self.n_neighbors, self.n_estimators).fit(full)
        self.scores_ = self._scorer.score(full)
        self.threshold_ = self._threshold()
        self.offset_ = -self.threshold_
        self.n_rows_ = len(cells)
        self._fence(full)
        if self.action == "impute":
            self._prepare_filling(X, cells, full)
        return self

    def score(self, X: Any, y: Any = None) -> Array:
        """How abnormal each row is `(n,)`; higher is more abnormal."""
        return self._read(X)[3]

    def score_samples(self, X: Any) -> Array:
        """The negative of `score` `(n,)`: higher is more normal, as in scikit-learn."""
        return -self.score(X)

    def decision_function(self, X: Any) -> Array:
        """`score_samples` less `offset_` `(n,)`: negative for outliers."""
        return self.score_samples(X) - self.offset_

    def flags(self, X: Any) -> Mask:
        """Whether each row is an outlier `(n,)`."""
        flagged: Mask = self.decision_function(X) < 0
        return flagged

    def predict(self, X: Any) -> NDArray[np.int64]:
        """-1 for outliers, 1 for others `(n,)`."""
        return np.where(self.flags(X), -1, 1)

    def fit_predict(self, X: Any, y: Any = None) -> NDArray[np.int64]:
        """Learn from rows and judge them."""
        return self.fit(X).predict(X)

    def transform(self, X: Any) -> Any:
        """The rows after `action`: flagged, clipped, dropped or with cells to blame filled anew."""
        X, cells, full, scores = self._read(X)
        flagged = -scores - self.offset_ < 0
        match self.action:
            case "flag":
                return _marked(X, flagged)
            case "drop":
                return X[~flagged]
            case "clip":
                within = np.clip(cells, self._low, self._high)
                return self._numbers.write(X, cells, within, flagged[:, None] & (within != cells) & ~np.isnan(cells))
            case _:
                return self._refilled(X, cells, full, flagged)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """The columns, and `outlier` where the action is `flag`."""
        check_is_fitted(self)
        names = np.asarray(_check_feature_names_in(self, input_features), dtype=object)
        return np.append(names, _FLAG).astype(object) if self.action == "flag" else names

    def description(self) -> dict[str, Any]:
        """What was learnt and done, as JSON: method, limit, how many rows were flagged, and the fences of each column."""
        check_is_fitted(self)
        fences = zip(self._numbers.names, self._low.tolist(), self._high.tolist(), strict=True)
        return {
            "transformer": type(self).__name__,
            "method": self.method,
            "action": self.action,
            "seed": self._seed,
            "rows": self.n_rows_,
            "threshold": float(self.threshold_) if np.isfinite(self.threshold_) else None,
            "flagged": int((-self.scores_ - self.offset_ < 0).sum()),
            "learnt": self._scorer.facts(),
            "columns": {
                str(name): {"low": low, "high": high} if np.isfinite(low) else "does not vary"
                for name, low, high in fences
            },
            "passed_through": [str(name) for name in self._numbers.others],
        }

    def _read(self, X: Any) -> tuple[Any, Array, Array, Array]:
        """The table, its cells, the cells without gaps, and the rows' scores."""
        check_is_fitted(self)
        X = checked(self, X, dtype="numeric", reset=False)
        cells = self._numbers.read(X)
        full = self._numbers.complete(cells)
        return X, cells, full, self._scorer.score(full)

    def _threshold(self) -> float:
        share = self._scorer.share if self.contamination == "auto" else float(self.contamination)
        if self.contamination == "auto" and share is None:
            return float(self._scorer.limit)
        if not share:
            return float(self.scores_.max())
        return float(np.percentile(self.scores_, 100.0 * (1 - share)))

    def _fence(self, full: Array) -> None:
        rule = self.method if self.method in LIMITS else "modified_z"
        limit = self.threshold_ if self.method in LIMITS else LIMITS["modified_z"]
        self._low, self._high = Marginal(rule).fit(full).fences(limit)

    def _prepare_filling(self, X: Any, cells: Array, full: Array) -> None:
        self._covariance = RobustCovariance(self._seed).fit(full)
        self._filler = MissingValueHandler(self.impute_strategy, random_state=self._seed)  # type: ignore[arg-type]
        blamed = self._blamed(cells, full, -self.scores_ - self.offset_ < 0)
        self._filler.fit(np.where(blamed, np.nan, cells))

    def _blamed(self, cells: Array, full: Array, flagged: Mask) -> Mask:
        """Cells of flagged rows that are to blame `(n, d)`, at least one a row where it shows any."""
        beyond = (cells < self._low) | (cells > self._high)
        if self.method not in LIMITS:
            surprise = np.where(np.isnan(cells), 0.0, self._covariance.surprises(full))
            none = ~(beyond | (surprise > _SURPRISE)).any(axis=1)
            beyond |= surprise > _SURPRISE
            largest = np.flatnonzero(none & flagged & (surprise.max(axis=1, initial=0.0) > 0))
            beyond[largest, surprise[largest].argmax(axis=1)] = True
        return beyond & flagged[:, None]

    def _refilled(self, X: Any, cells: Array, full: Array, flagged: Mask) -> Any:
        blamed = self._blamed(cells, full, flagged)
        if not blamed.any():
            return X
        # gaps that were there before stay: they are for MissingValueHandler, not for this action
        rows = np.flatnonzero(blamed.any(axis=1))
        filled = cells.copy()
        filled[rows] = self._filler.transform(np.where(blamed, np.nan, cells)[rows])
        return self._numbers.write(X, cells, filled, blamed)

    def _check_params(self) -> None:
        for name, kinds in (("method", Method), ("action", Action)):
            if getattr(self, name) not in get_args(kinds):
                raise UsageError(f"{name}={getattr(self, name)!r} is none of {', '.join(get_args(kinds))}")
        share = self.contamination
        if share != "auto" and not (isinstance(share, int | float | np.number) and 0 < share <= 0.5):  # noqa: PLR2004
            raise UsageError(f"contamination={share!r} has to be 'auto' or a share above 0 and at most 0.5")
        for name in ("n_neighbors", "n_estimators"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise UsageError(f"{name}={value!r} has to be a whole number of at least 1")


def _marked(X: Any, flagged: Mask) -> Any:
    if isinstance(X, pd.DataFrame):
        return X.assign(**{_FLAG: flagged})
    return np.concatenate([X, flagged[:, None].astype(X.dtype)], axis=1)
