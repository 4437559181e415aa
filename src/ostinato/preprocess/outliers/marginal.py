"""How far a cell lies from the bulk of its column: by the deviation, by the median's deviation, or by the quartiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rule = Literal["z", "modified_z", "iqr"]
LIMITS: dict[Rule, float] = {
    "z": 3.0,
    "modified_z": 3.5,
    "iqr": 1.5,
}  # the last two: Iglewicz & Hoaglin 1993, Tukey 1977
_NORMAL = 1.482602  # of the median deviation, for the deviation of a normal column
_MEAN_NORMAL = 1.253314  # of the mean deviation; Iglewicz & Hoaglin take it where the median deviation is 0


@dataclass
class Marginal:
    """Deviations `(n, d)` beyond `low` … `high` in units of `scale`; a column that does not vary has none.

    With `iqr` the bulk is the middle half and the unit its width; with the others it is one value. The score of a row is its
    largest.
    """

    rule: Rule

    def fit(self, X: Array) -> Self:
        """Learn bulk and unit of each column of `X` (n, d) without NaN."""
        centre = np.median(X, axis=0)
        if self.rule == "z":
            self.low = self.high = X.mean(axis=0)
            scale = X.std(axis=0)
        elif self.rule == "modified_z":
            self.low = self.high = centre
            scale = _NORMAL * np.median(np.abs(X - centre), axis=0)
        else:
            self.low, self.high = np.percentile(X, [25, 75], axis=0)
            scale = self.high - self.low
        typical = np.maximum(np.abs(X).max(axis=0), 1e-300)
        other = _MEAN_NORMAL * np.abs(X - centre).mean(axis=0)
        scale = np.where(scale > 1e-12 * typical, scale, other)
        self.scale = np.where(scale > 1e-12 * typical, scale, np.inf)
        return self

    def deviations(self, X: Array) -> Array:
        """Distances from the bulk `(n, d)`, 0 within it; NaN counts as 0."""
        beyond: Array = np.maximum(np.maximum(self.low - X, X - self.high), 0.0) / self.scale
        return np.where(np.isnan(beyond), 0.0, beyond)

    def score(self, X: Array) -> Array:
        """The largest deviation of each row `(n,)`."""
        largest: Array = self.deviations(X).max(axis=1, initial=0.0)
        return largest

    def fences(self, limit: float) -> tuple[Array, Array]:
        """Values `(d,)` from which on a deviation exceeds `limit`; infinite for a column that does not vary."""
        return self.low - limit * self.scale, self.high + limit * self.scale
