"""Little's test (1988) of "missing completely at random", on normal scores of the columns of numbers.

Means and covariances are estimated from all cells by the EM algorithm for a multivariate normal (Little and Rubin 2002,
chapter 11); the statistic adds up, over the patterns of what is missing, how far the means of a pattern's observed columns
are from them. Columns are turned into normal scores of their ranks first, so that long tails do not reject by themselves.
It sees differences of means only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ostinato.quality.profile.cells import Array, Bools, Ints
from ostinato.quality.profile.sample import Sample

_MOST_ROWS, _MOST_COLUMNS = 5_000, 15
_ROUNDS, _STILL = 60, 1e-4
_RIDGE = 1e-6


@dataclass(frozen=True)
class LittleTest:
    """The statistic, chi-square with `degrees` under MCAR, and its p; small p speaks against MCAR."""

    statistic: float
    degrees: int
    p: float
    columns: tuple[str, ...]
    patterns: int
    rows: int


def little_test(sample: Sample) -> LittleTest | None:
    """The test on at most 5,000 rows and the 15 columns with most gaps; None where no two patterns share a column."""
    from scipy.special import chdtrc

    held = sample.present.mean(axis=0) if len(sample.rows) else np.zeros(0)
    order = [at for at in np.argsort(held, kind="stable").tolist() if held[at] > 0][:_MOST_COLUMNS]
    if len(order) < 2 or held[order].min() == 1:  # noqa: PLR2004 - one column cannot tell of another
        return None
    step = max(len(sample.rows) // _MOST_ROWS, 1)
    values, known = _scores(sample.ranked[::step][:, order]), sample.present[::step][:, order]
    some = known.any(axis=1)
    values, known = np.where(known, values, 0.0)[some], known[some]
    groups = _groups(known)
    if len(groups) < 2 or len(values) <= len(order) + 1:  # noqa: PLR2004 - one pattern has nothing to differ from
        return None
    mean, cov = _em(values, groups)
    statistic, degrees = 0.0, -len(order)
    for own, seen in groups:
        off = values[own][:, seen].mean(axis=0) - mean[seen]
        statistic += len(own) * float(off @ np.linalg.solve(cov[np.ix_(seen, seen)], off))
        degrees += len(seen)
    if degrees <= 0:
        return None
    names = tuple(sample.numbers[at].name for at in order)
    return LittleTest(statistic, degrees, float(chdtrc(degrees, max(statistic, 0.0))), names, len(groups), len(values))


def _scores(ranked: Array) -> Array:
    """Normal scores of standardised ranks, which are uniform between -sqrt(3) and sqrt(3)."""
    from scipy.special import ndtri

    n = len(ranked)
    uniform = (ranked / np.sqrt(3) + 1) / 2
    return np.asarray(ndtri(np.clip(uniform, 0.5 / n, 1 - 0.5 / n)))


def _groups(known: Bools) -> list[tuple[Ints, Ints]]:
    _, code = np.unique(known, axis=0, return_inverse=True)
    code = np.ravel(code)
    order = np.argsort(code, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(code[order])) + 1)
    return [(own, np.flatnonzero(known[own[0]])) for own in parts]


def _em(values: Array, groups: list[tuple[Ints, Ints]]) -> tuple[Array, Array]:
    """Maximum-likelihood mean and covariance of rows with gaps."""
    n, p = values.shape
    mean, cov = np.zeros(p), np.eye(p)
    for _ in range(_ROUNDS):
        filled, extra = values.copy(), np.zeros((p, p))
        for own, seen in groups:
            gone = np.setdiff1d(np.arange(p), seen)
            if not len(gone):
                continue
            weights = np.linalg.solve(cov[np.ix_(seen, seen)], cov[np.ix_(seen, gone)])
            filled[np.ix_(own, gone)] = mean[gone] + (values[np.ix_(own, seen)] - mean[seen]) @ weights
            extra[np.ix_(gone, gone)] += len(own) * (cov[np.ix_(gone, gone)] - cov[np.ix_(gone, seen)] @ weights)
        fresh = filled.mean(axis=0)
        off = filled - fresh
        spread = (off.T @ off + extra) / n + _RIDGE * np.eye(p)
        moved = max(float(np.abs(fresh - mean).max()), float(np.abs(spread - cov).max()))
        mean, cov = fresh, spread
        if moved < _STILL:
            break
    return mean, cov
