"""Seven numbers that sum up a row of frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float64]

STATISTICS = ("mean", "std", "min", "max", "median", "skew", "kurtosis")
_SAME = 1e-7  # a spread below this share of the largest value is float32 noise: the row is constant
_BLOCK = 1 << 18  # numbers worked on at a time


def summarise(frames: npt.ArrayLike, statistics: Sequence[str] = STATISTICS) -> Rows:
    """Statistics of each row of `frames`, `(n_rows, n_frames)` or `(n_frames,)`; returns `(n_rows, n_statistics)`.

    `std` has ddof 0, `skew` and `kurtosis` are scipy's (biased; excess); both are 0 for a constant row.

    >>> summarise([1.0, 2.0, 3.0], ("mean", "max")).tolist()
    [[2.0, 3.0]]
    >>> summarise([5.0, 5.0], ("skew", "kurtosis")).tolist()
    [[0.0, 0.0]]
    """
    if unknown := [name for name in statistics if name not in STATISTICS]:
        raise ValueError(f"unknown statistic {unknown[0]!r}; expected one of {', '.join(STATISTICS)}")
    x = np.atleast_2d(np.asarray(frames))
    at_once = max(1, _BLOCK // x.shape[1])
    chosen = [STATISTICS.index(name) for name in statistics]
    parts = [_all(x[start : start + at_once])[:, chosen] for start in range(0, len(x), at_once)]
    return np.concatenate(parts)


def _all(rows: npt.NDArray[np.floating]) -> Rows:
    """All statistics of some rows, in the order of `STATISTICS`."""
    n = rows.shape[1]
    ordered = np.sort(rows, axis=1)  # in the type that came: numpy sorts float32 by vectors
    low, high = ordered[:, 0].astype(np.float64), ordered[:, -1].astype(np.float64)
    median = (ordered[:, (n - 1) // 2].astype(np.float64) + ordered[:, n // 2]) / 2.0
    x = ordered.astype(np.float64)
    mean = x.mean(axis=1)
    x -= mean[:, None]
    squares = x * x
    variance = squares.mean(axis=1)
    constant = variance <= (_SAME * np.maximum(np.abs(low), np.abs(high))) ** 2
    safe = np.where(constant, 1.0, variance)
    third, fourth = np.einsum("ij,ij->i", squares, x) / n, np.einsum("ij,ij->i", squares, squares) / n
    return np.stack(
        [
            mean,
            np.where(constant, 0.0, np.sqrt(variance)),
            low,
            high,
            median,
            np.where(constant, 0.0, third / safe**1.5),
            np.where(constant, 0.0, fourth / safe**2 - 3.0),
        ],
        axis=1,
    )
