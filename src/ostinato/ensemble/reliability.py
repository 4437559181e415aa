"""How far probabilities are from the frequencies they promise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ostinato.core.errors import UsageError

Array = NDArray[np.float64]
_SMALLEST = 1e-15
_OFF = 1e-5  # by which the probabilities of a row may miss one


@dataclass(frozen=True)
class Bin:
    """Rows of similar confidence: their number, what they promised on the average, and what came true."""

    lower: float
    upper: float
    rows: int
    confidence: float
    frequency: float


def reliability_table(p: ArrayLike, y: ArrayLike, bins: int = 15, of: int | None = None) -> tuple[Bin, ...]:
    """Bins with rows in them, of the likeliest class's probability, or of class `of`; equal widths, equal values together.

    `p (n, k)` rows of probabilities, `y (n,)` true codes.

    >>> reliability_table([[0.2, 0.8], [0.1, 0.9]], [1, 0], bins=2)
    (Bin(lower=0.5, upper=1.0, rows=2, confidence=0.85, frequency=0.5),)
    """
    shares, codes = _checked(p, y)
    if bins < 1:
        raise UsageError(f"bins has to be at least 1, got {bins}")
    told = shares.argmax(axis=1) if of is None else np.full(len(codes), of)
    confidence, right = shares[np.arange(len(codes)), told], told == codes
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    return tuple(
        Bin(
            b / bins,
            (b + 1) / bins,
            int((own := place == b).sum()),
            round(float(confidence[own].mean()), 12),
            float(right[own].mean()),
        )
        for b in np.unique(place).tolist()
    )


def expected_calibration_error(p: ArrayLike, y: ArrayLike, bins: int = 15) -> float:
    """Mean distance of the likeliest class's probability from how often it is right, over bins weighed by their rows.

    Falls with the number of bins and rises where rows are few; compare figures of equal `n` and `bins` only.
    """
    table = reliability_table(p, y, bins)
    rows = sum(each.rows for each in table)
    return sum(each.rows * abs(each.confidence - each.frequency) for each in table) / max(rows, 1)


def classwise_calibration_error(p: ArrayLike, y: ArrayLike, bins: int = 15) -> float:
    """The same of every class's probability, averaged over classes (Kull et al. 2019)."""
    shares, codes = _checked(p, y)
    errors = []
    for of in range(shares.shape[1]):
        table = reliability_table(shares, codes, bins, of)
        errors.append(sum(b.rows * abs(b.confidence - b.frequency) for b in table) / max(len(codes), 1))
    return float(np.mean(errors))


def log_losses(p: Array, codes: NDArray[np.int64]) -> Array:
    """Negative log probability of the true class of each row, in nats."""
    return -np.log(np.clip(p[np.arange(len(codes)), codes], _SMALLEST, None))


def checked_probabilities(p: ArrayLike) -> Array:
    """`p` as `(n, k)` numbers ≥ 0 whose rows sum to one; raises UsageError naming the first row that does not."""
    shares = np.asarray(p, dtype=np.float64)
    if shares.ndim != 2 or shares.shape[1] < 2:  # noqa: PLR2004
        raise UsageError(f"probabilities have to be (n, k) with k ≥ 2 columns, got shape {shares.shape}")
    wrong = ~(np.isfinite(shares).all(axis=1) & (shares >= 0).all(axis=1) & (np.abs(shares.sum(axis=1) - 1) < _OFF))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise UsageError(
            f"{int(wrong.sum())} rows are no probabilities, first row {row}: {shares[row].tolist()[:8]}; "
            "rows are numbers ≥ 0 that sum to one"
        )
    return shares


def checked_codes(y: ArrayLike, rows: int, k: int) -> NDArray[np.int64]:
    """`y` as `(n,)` codes below `k`; raises UsageError naming the first that is none."""
    given = np.asarray(y)
    if given.shape != (rows,):
        raise UsageError(f"y has shape {given.shape}, expected ({rows},): one code a row of probabilities")
    if given.dtype.kind not in "iub" and (given.dtype.kind != "f" or not (given == np.floor(given)).all()):
        raise UsageError("y has to hold codes 0 … k-1, the columns of the probabilities; encode labels first")
    codes = given.astype(np.int64)
    if rows and (codes.min() < 0 or codes.max() >= k):
        row = int(np.argmax((codes < 0) | (codes >= k)))
        raise UsageError(f"y[{row}] = {codes[row]} is no column of probabilities with {k} classes")
    return codes


def _checked(p: ArrayLike, y: ArrayLike) -> tuple[Array, NDArray[np.int64]]:
    shares = checked_probabilities(p)
    return shares, checked_codes(y, *shares.shape)
