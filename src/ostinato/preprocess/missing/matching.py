"""A number drawn by a regression on the other columns and by rows that it foretells alike.

`proper` is predictive mean matching of type 1: coefficients from their posterior for the rows in question, the best ones for the
donors (Little 1988; van Buuren 2018, section 3.4). `balanced` is made for one table to learn from: the best coefficients, and
residuals of like rows spread evenly over their distribution, so that chance adds as little as it can. Its noise is too small for
intervals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

Array = NDArray[np.float64]
Index = NDArray[np.intp]
DONORS = 5  # as in mice (van Buuren & Groothuis-Oudshoorn 2011)
WINDOW = 10  # like rows whose residuals a balanced draw chooses from
MOST_DONORS = 20_000
_GOLDEN = 0.6180339887498949  # its multiples fill 0 … 1 more evenly than any other number's
_RIDGE = 1e-5


@dataclass(frozen=True)
class Line:
    """A regression with what is needed to draw its coefficients: Cholesky factor of the normal matrix, residuals' sum of
    squares.
    """

    places: Index
    weights: Array
    factor: Array
    squares: float
    df: int

    @classmethod
    def fitted(cls, places: Index, gram: Array, moments: Array, total: float, n: int, prior: float = 1.0) -> Line:
        """From `gram` (p, p) of the predictors, `moments` (p,) with the target, its sum of squares and the number of rows.

        The constant is last. `prior` is worth that many rows of standardised predictors without effect.
        """
        penalty = np.full(len(gram), prior)
        penalty[-1] = 0.0
        step = gram.shape[0] + 1
        ridge = _RIDGE
        while True:
            own = gram.copy(order="F")
            own.ravel(order="K")[::step] += penalty + ridge * np.maximum(np.diag(gram), 1.0)
            factor, failed = lapack.dpotrf(own, lower=1, overwrite_a=1)
            if not failed:
                break
            ridge *= 100
        weights, _ = lapack.dpotrs(factor, moments, lower=1)
        squares = total - 2 * weights @ moments + weights @ gram @ weights
        return cls(places, weights, factor, max(float(squares), 1e-12 * max(total, 1.0)), max(n - len(gram), 1))

    def drawn(self, rng: np.random.Generator) -> Array:
        """Coefficients from their posterior under a flat prior of the scale."""
        sigma = np.sqrt(self.squares / rng.chisquare(self.df))
        z, _ = lapack.dtrtrs(self.factor, rng.standard_normal(len(self.weights)), lower=1, trans=1)
        out: Array = self.weights + sigma * z
        return out


@dataclass(frozen=True)
class Matching:
    """A learnt line and its donors, sorted by what the line foretells of them `(n_donors,)`.

    `values` are the donors' own values; `centre` and `scale` lead from the line's units to theirs. `support` holds the sorted
    different values of a column that repeats its values, and is empty for others, whose draws stay between the least and the most.
    """

    line: Line
    foretold: Array
    values: Array
    residuals: Array
    support: Array
    centre: float
    scale: float

    @classmethod
    def learnt(
        cls, line: Line, foretold: Array, values: Array, support: Array, centre: float, scale: float
    ) -> Matching:
        """From donors in any order."""
        order = np.argsort(foretold, kind="stable")
        foretold, values = foretold[order], values[order]
        return cls(line, foretold, values, (values - centre) / scale - foretold, support, centre, scale)

    def proper(self, Z: Array, rng: np.random.Generator) -> Array:
        """One draw a row `(n,)` with the uncertainty of the line in it; `Z` is the whole design."""
        wanted = _foretold(Z, self.line.places, self.line.drawn(rng))
        start = _nearest(self.foretold, wanted, min(DONORS, len(self.foretold)))
        pick = start + rng.integers(0, min(DONORS, len(self.foretold)), len(wanted))
        return self.values[pick]

    def balanced(self, Z: Array, rng: np.random.Generator) -> Array:
        """One draw a row `(n,)`, evenly spread over what like rows show."""
        wanted = _foretold(Z, self.line.places, self.line.weights)
        width = min(WINDOW, len(self.foretold))
        start = np.clip(np.searchsorted(self.foretold, wanted) - width // 2, 0, len(self.foretold) - width)
        near = np.sort(self.residuals[start[:, None] + np.arange(width)], axis=1)
        level = np.minimum((even(wanted, rng) * width).astype(np.intp), width - 1)
        drawn = (wanted + near[np.arange(len(wanted)), level]) * self.scale + self.centre
        if len(self.support):
            return _snapped(self.support, drawn)
        return np.clip(drawn, self.values.min(), self.values.max())


def even(order_by: Array, rng: np.random.Generator) -> Array:
    """Numbers in 0 … 1, one a row, spread evenly over every run of rows that are alike in `order_by`."""
    level = np.empty(len(order_by))
    level[np.argsort(order_by, kind="stable")] = (np.arange(len(order_by)) * _GOLDEN + rng.random()) % 1
    return level


def support_of(values: Array) -> Array:
    """The sorted different values where a column repeats them, else none."""
    different = np.unique(values)
    return different if len(different) <= len(values) / 2 else np.zeros(0)


def _foretold(Z: Array, places: Index, weights: Array) -> Array:
    full = np.zeros(Z.shape[1])
    full[places] = weights
    out: Array = Z @ full
    return out


def _nearest(ordered: Array, wanted: Array, k: int) -> Index:
    """Start of the k neighbours `ordered[start : start + k]` of each wanted value."""
    start = np.clip(np.searchsorted(ordered, wanted) - k, 0, len(ordered) - k)
    for _ in range(k):
        after = np.minimum(start + k, len(ordered) - 1)
        start = start + ((start + k < len(ordered)) & (ordered[after] - wanted < wanted - ordered[start]))
    return start


def _snapped(support: Array, values: Array) -> Array:
    if len(support) == 1:
        return np.full(len(values), support[0])
    above = np.clip(np.searchsorted(support, values), 1, len(support) - 1)
    return np.where(values - support[above - 1] < support[above] - values, support[above - 1], support[above])
