"""What m completed tables say together: Rubin's rules with the degrees of freedom of Barnard and Rubin (1999)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from ostinato.core.errors import UsageError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pooled:
    """Estimates `(k,)` with what they are uncertain by.

    `std_error` is the root of the total variance, `df` the degrees of freedom of `interval`, `missing_information` the share of
    what the data would have told that is lost (0 … 1), `confidence` the level of the interval.
    """

    estimate: Array
    std_error: Array
    df: Array
    low: Array
    high: Array
    missing_information: Array
    confidence: float
    m: int

    @property
    def interval(self) -> Array:
        """Lower and upper bounds `(2, k)`."""
        return np.stack([self.low, self.high])

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON; infinite degrees of freedom are None."""
        df = [float(each) if np.isfinite(each) else None for each in np.ravel(self.df)]
        names = ("estimate", "std_error", "low", "high", "missing_information")
        figures = {name: np.ravel(getattr(self, name)).tolist() for name in names}
        return {**figures, "df": df, "confidence": self.confidence, "m": self.m}


def pool(estimates: ArrayLike, variances: ArrayLike, complete_df: float = np.inf, confidence: float = 0.95) -> Pooled:
    """Pool estimates `(m, k)` or `(m,)` and their squared standard errors from m imputed tables.

    `complete_df` are the degrees of freedom that the analysis would have had on complete data: rows less coefficients. Raises
    UsageError for fewer than two tables, other shapes, negative variances, or numbers that are none.
    Rubin 1987; Barnard & Rubin 1999, "Small-sample degrees of freedom with multiple imputation".

    >>> pooled = pool([1.0, 1.2, 0.8], [0.04, 0.04, 0.04], complete_df=50)
    >>> float(pooled.estimate.round(2)), float(pooled.std_error.round(3)), float(pooled.df.round(1))
    (1.0, 0.306, 4.7)
    """
    q, u = np.asarray(estimates, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    _checked(q, u, complete_df, confidence)
    m = len(q)
    within, between = u.mean(axis=0), q.var(axis=0, ddof=1)
    extra = (1 + 1 / m) * between
    total = within + extra
    with np.errstate(divide="ignore", invalid="ignore"):
        lost = np.where(total > 0, extra / total, 0.0)
        old = np.where(lost > 0, (m - 1) / lost**2, np.inf)
        seen = np.full_like(lost, np.inf)
        if np.isfinite(complete_df):
            seen = (complete_df + 1) / (complete_df + 3) * complete_df * (1 - lost)
        df = np.where(np.isinf(old), seen, np.where(np.isinf(seen), old, old * seen / (old + seen)))
        ratio = np.where(within > 0, extra / within, np.inf)
        information = np.where(np.isinf(ratio), 1.0, (ratio + 2 / (df + 3)) / (ratio + 1))
    error = np.sqrt(total)
    reach = stats.t.ppf(0.5 + confidence / 2, np.maximum(df, 1e-3)) * error
    information = np.where(between > 0, information, 0.0)
    return Pooled(q.mean(axis=0), error, df, q.mean(axis=0) - reach, q.mean(axis=0) + reach, information, confidence, m)


def _checked(q: Array, u: Array, complete_df: float, confidence: float) -> None:
    if q.shape != u.shape or q.ndim not in (1, 2):
        raise UsageError(f"estimates have shape {q.shape} and variances {u.shape}; both have to be (m,) or (m, k)")
    if len(q) < 2:  # noqa: PLR2004 - one table says nothing of what imputation adds
        raise UsageError(f"pooling needs the estimates of at least 2 imputed tables, got {len(q)}; raise m")
    if not (np.isfinite(q).all() and np.isfinite(u).all() and (u >= 0).all()):
        raise UsageError("estimates and variances have to be finite, and variances not negative")
    if not (complete_df > 0 and 0 < confidence < 1):
        raise UsageError(
            f"complete_df has to be positive and confidence within 0 … 1, got {complete_df} and {confidence}"
        )
