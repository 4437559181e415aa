"""A number drawn by a regression on the other columns and by rows that it foretells alike.

`proper` is a local residual draw: coefficients and deviation from their posterior, a residual from rows that are foretold alike
(Schenker & Taylor 1996; Morris, White & Royston 2014), which keeps slopes straighter than the values of donors do. `balanced`
is made for one table to learn from: the best coefficients, and residuals of like rows spread evenly over their distribution,
and fewer of them where chance would cost more than it mends. Its noise is too small for intervals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from ostinato.preprocess.missing.bends import Bend

Array = NDArray[np.float64]
Index = NDArray[np.intp]
DONORS = 5  # as in mice (van Buuren & Groothuis-Oudshoorn 2011)
WINDOW = 10  # like rows whose residuals a balanced draw chooses from
MOST_DONORS = 20_000
_GOLDEN = 0.6180339887498949  # its multiples fill 0 … 1 more evenly than any other number's
_RIDGE = 1e-5
# A drawn value lies further from the truth than a foretold one, which costs energy distance by its size over n; without the draw
# the column's spread falls short, which costs by the square of the lost variance. The balance is this over the gaps times the
# residual deviation cubed; the constant was found on twenty tables (docs/adr/0015-imputation.md).
_COST = 4.0


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

    def drawn(self, rng: np.random.Generator) -> tuple[Array, float]:
        """Coefficients and the residuals' deviation from their posterior under a flat prior of the scale."""
        sigma = float(np.sqrt(self.squares / rng.chisquare(self.df)))
        z, _ = lapack.dtrtrs(self.factor, rng.standard_normal(len(self.weights)), lower=1, trans=1)
        return self.weights + sigma * z, sigma


@dataclass(frozen=True)
class Matching:
    """A learnt line and its donors, sorted by what the line foretells of them `(n_donors,)`.

    `residuals` are what it leaves of them; `centre` and `scale` lead from the line's units to the column's. `support` holds the
    sorted different values of a column that repeats its values, and is empty for others, whose draws stay between the least and
    the most.
    """

    line: Line
    foretold: Array
    residuals: Array
    support: Array
    least: float
    most: float
    centre: float
    scale: float
    bend: Bend | None
    deviation: float
    share: float

    @classmethod
    def learnt(
        cls,
        line: Line,
        foretold: Array,
        values: Array,
        support: Array,
        centre: float,
        scale: float,
        bend: Bend | None,
        gaps: int,
    ) -> Matching:
        """From donors in any order and the number of rows that lack the column."""
        order = np.argsort(foretold)
        foretold, values = foretold[order], values[order]
        residuals = (values - centre) / scale - foretold
        deviation = max(float(np.sqrt(residuals @ residuals / len(residuals))), 1e-12)
        share = float(np.sqrt(max(0.0, 1 - _COST / max(gaps * min(deviation, 1.0) ** 3, 1e-12))))
        least, most = float(values.min()), float(values.max())
        return cls(line, foretold, residuals, support, least, most, centre, scale, bend, deviation, share)

    def proper(self, Z: Array, rng: np.random.Generator) -> Array:
        """One draw a row `(n,)` with the uncertainty of the line in it; `Z` is the whole design."""
        weights, sigma = self.line.drawn(rng)
        wanted = _foretold(Z, self.line.places, weights)
        width = min(WINDOW, len(self.foretold))
        pick = nearest(self.foretold, wanted, width) + rng.integers(0, width, len(wanted))
        return self._real(wanted + sigma / self.deviation * self.residuals[pick])

    def balanced(self, Z: Array, rng: np.random.Generator) -> Array:
        """One draw a row `(n,)`, evenly spread over what like rows show."""
        wanted = foretell(Z, self.line, self.bend)
        width = min(WINDOW, len(self.foretold))
        start = np.clip(np.searchsorted(self.foretold, wanted) - width // 2, 0, len(self.foretold) - width)
        near = np.sort(self.residuals[start[:, None] + np.arange(width)], axis=1)
        level = np.minimum((even(wanted, rng) * width).astype(np.intp), width - 1)
        noise = self.share * near[np.arange(len(wanted)), level]
        return self._real(wanted + noise)

    def _real(self, drawn: Array) -> Array:
        """Deviations as values that the column could show."""
        drawn = drawn * self.scale + self.centre
        if len(self.support):
            return _snapped(self.support, drawn)
        return np.clip(drawn, self.least, self.most)


def foretell(Z: Array, line: Line, bend: Bend | None) -> Array:
    """What a line and its bend expect of rows of the whole design `(n,)`, in deviations."""
    straight = _foretold(Z, line.places, line.weights)
    return straight if bend is None else straight + bend.of(Z)


def even(order_by: Array, rng: np.random.Generator) -> Array:
    """Numbers in 0 … 1, one a row, spread evenly over every run of rows that are alike in `order_by`."""
    level = np.empty(len(order_by))
    level[np.argsort(order_by)] = (np.arange(len(order_by)) * _GOLDEN + rng.random()) % 1
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


def nearest(ordered: Array, wanted: Array, k: int) -> Index:
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
