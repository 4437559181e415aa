"""How far a row lies from the centre, in units of what rows vary by together: Mahalanobis distance by a robust covariance.

The minimum covariance determinant (Rousseeuw & Van Driessen 1999) where rows are plenty; else a shrunk covariance (Ledoit &
Wolf 2004) of the nearer three quarters of the rows, found in a few steps of concentration.
"""

from __future__ import annotations

import warnings
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.covariance import LedoitWolf, MinCovDet

Array = NDArray[np.float64]
_MOST_ROWS, _MOST_COLUMNS, _ROWS_A_COLUMN = 5_000, 60, 5
_FLAT = 1e-2  # directions that vary less than this share of the first are left out
_STEPS, _KEPT = 4, 0.75
_QUANTILE = 0.975  # of the chi-square distribution, from which on a distance is abnormal (Rousseeuw & Van Zomeren 1990)
_FARTHEST = 20.0  # deviations that a whitened row keeps at most


class RobustCovariance:
    """Learnt in standardised columns and their directions of some variance."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, X: Array) -> Self:
        """Learn from rows `(n, d)` without NaN."""
        self.centre, scale = X.mean(axis=0), X.std(axis=0)
        self.varies = scale > 1e-12 * np.maximum(np.abs(X).max(axis=0), 1e-300)
        self.scale = scale[self.varies]
        Z = self._scaled(X)
        if len(X) > _MOST_ROWS:
            Z = Z[np.sort(np.random.default_rng(self.seed).choice(len(X), _MOST_ROWS, replace=False))]
        self.limit, self.kind = 0.0, "none: no column varies"
        if not Z.shape[1]:
            return self
        _, size, directions = np.linalg.svd(Z, full_matrices=False)
        self.directions = directions[size > _FLAT * size[0]].T
        P = Z @ self.directions
        self.location, covariance = self._robust(P)
        values, vectors = np.linalg.eigh(covariance)
        values = np.maximum(values, 1e-6 * values[-1])
        self.into = self.directions @ vectors / np.sqrt(values)
        self.offset = self.location @ vectors / np.sqrt(values)
        self.limit = float(np.sqrt(stats.chi2.ppf(_QUANTILE, P.shape[1])))
        return self

    def _robust(self, P: Array) -> tuple[Array, Array]:
        n, k = P.shape
        if n >= _ROWS_A_COLUMN * k and k <= _MOST_COLUMNS:
            self.kind = "minimum covariance determinant"
            with warnings.catch_warnings():
                # rows that repeat make subsets singular, which the floor of the eigenvalues mends
                warnings.simplefilter("ignore")
                found = MinCovDet(random_state=self.seed).fit(P)
            if np.isfinite(found.covariance_).all() and np.trace(found.covariance_) > 0:
                return found.location_, found.covariance_
        self.kind = "shrunk covariance of the nearer rows"
        rows = np.arange(n)
        for _ in range(_STEPS):
            near = LedoitWolf().fit(P[rows])
            covariance = near.covariance_ + 1e-9 * np.eye(k)
            far = ((P - near.location_) @ np.linalg.inv(covariance) * (P - near.location_)).sum(axis=1)
            rows = np.sort(np.argsort(far, kind="stable")[: max(2, int(_KEPT * n))])
        return near.location_, covariance * max(float(np.median(far)) / stats.chi2.ppf(0.5, k), 1e-12)

    def _scaled(self, X: Array) -> Array:
        scaled: Array = (X[:, self.varies] - self.centre[self.varies]) / self.scale
        return scaled

    def whitened(self, X: Array) -> Array:
        """Rows `(n, k)` in directions that vary alike and apart, outlying values drawn in."""
        if not len(self.scale):
            return np.zeros((len(X), 1))
        white: Array = np.clip(self._scaled(X) @ self.into - self.offset, -_FARTHEST, _FARTHEST)
        return white

    def score(self, X: Array) -> Array:
        """Distances `(n,)`."""
        if not len(self.scale):
            return np.zeros(len(X))
        distance: Array = np.linalg.norm(self._scaled(X) @ self.into - self.offset, axis=1)
        return distance

    def surprises(self, X: Array) -> Array:
        """Deviations `(n, d)` of each cell from what the row's others foretell."""
        found = np.zeros(X.shape)
        if len(self.scale):
            precision = self.into @ self.into.T + 1e-9 * np.eye(len(self.scale))
            pull = (self._scaled(X) @ self.into - self.offset) @ self.into.T
            found[:, self.varies] = np.abs(pull) / np.sqrt(np.diag(precision))
        return found
