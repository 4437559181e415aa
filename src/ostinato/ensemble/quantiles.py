"""Quantiles of calibration scores with the finite-sample correction, over rows or over groups of rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ostinato.core.errors import UsageError

Array = NDArray[np.float64]
ROUNDING = 1e-9  # of sums of weights; (n+1)(1−α) is a whole number more often than floating point says


def weights_of(groups: ArrayLike | None, strata: NDArray[np.int64]) -> Array:
    """The weight `(n,)` of each score: one a row, or one a group within each stratum, shared by the group's rows there.

    With whole groups as the unit that repeats itself, the score of a row drawn from a new group is bounded by hierarchical
    conformal prediction (Lee, Barber & Willett 2023); rows of one group are no independent evidence.
    """
    if groups is None:
        return np.ones(len(strata))
    units = np.unique(np.asarray(groups).astype(str), return_inverse=True)[1]
    if len(units) != len(strata):
        raise UsageError(f"groups has {len(units)} entries for {len(strata)} rows; give one a row")
    _, place, rows = np.unique(np.column_stack([strata, units]), axis=0, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / rows[place.ravel()])


def threshold(scores: Array, weights: Array, alpha: float) -> float:
    """The least score with at least `(W+1)(1−α)` of the weight W at or below it; infinite where W is too small.

    With weights of one that is the ⌈(n+1)(1−α)⌉-th smallest score.

    >>> threshold(np.array([3.0, 1.0, 2.0]), np.ones(3), 0.25), threshold(np.array([3.0, 1.0, 2.0]), np.ones(3), 0.2)
    (3.0, inf)
    """
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(weights[order])
    wanted = (round(float(weights.sum()), 9) + 1) * (1 - checked_alpha(alpha))
    first = int(np.searchsorted(reached, wanted - ROUNDING * max(wanted, 1.0)))
    return float(scores[order][first]) if first < len(scores) else float("inf")


def needed(alpha: float) -> int:
    """Fewest rows, or groups, with which a threshold is finite.

    >>> needed(0.1)
    9
    """
    return int(np.ceil(1 / checked_alpha(alpha) - 1 - ROUNDING))


def checked_alpha(alpha: float) -> float:
    """`alpha`, strictly between 0 and 1."""
    if not 0 < alpha < 1:
        raise UsageError(f"alpha has to lie strictly between 0 and 1, got {alpha}; 0.1 asks for nine of ten")
    return float(alpha)


def jackknife_plus(lower: Array, upper: Array, weights: Array, alpha: float) -> Array:
    """Intervals `(m, 2)` from every calibration row's candidate ends `(m, n)` (Barber et al. 2021, CV+), weighed.

    With weights of one the ends are the ⌊α(n+1)⌋-th smallest lower and the ⌈(1−α)(n+1)⌉-th smallest upper candidate.
    """
    return np.column_stack([-_upper(-lower, weights, alpha), _upper(upper, weights, alpha)])


def _upper(candidates: Array, weights: Array, alpha: float) -> Array:
    order = np.argsort(candidates, axis=1, kind="stable")
    reached = np.cumsum(weights[order], axis=1)
    wanted = (round(float(weights.sum()), 9) + 1) * (1 - checked_alpha(alpha))
    first = (reached < wanted - ROUNDING * max(wanted, 1.0)).sum(axis=1)
    padded = np.column_stack([np.take_along_axis(candidates, order, axis=1), np.full(len(candidates), np.inf)])
    return np.asarray(padded[np.arange(len(padded)), first])
