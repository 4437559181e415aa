"""Seven numbers that sum up a row of frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float64]

STATISTICS = ("mean", "std", "min", "max", "median", "skew", "kurtosis")
_SAME = 1e-7  # a spread below this share of the largest value is float32 noise: the row is constant


def summarise(frames: npt.ArrayLike, statistics: Sequence[str] = STATISTICS) -> Rows:
    """Statistics of each row of `frames`, `(n_rows, n_frames)` or `(n_frames,)`; returns `(n_rows, n_statistics)`.

    `std` has ddof 0, `skew` and `kurtosis` are scipy's (biased; excess); both are 0 for a constant row.

    >>> summarise([1.0, 2.0, 3.0], ("mean", "max")).tolist()
    [[2.0, 3.0]]
    >>> summarise([5.0, 5.0], ("skew", "kurtosis")).tolist()
    [[0.0, 0.0]]
    """
    x = np.atleast_2d(np.asarray(frames, dtype=np.float64))
    out = np.empty((len(x), len(statistics)))
    mean = x.mean(axis=1)
    deviation = x - mean[:, None]
    variance = np.mean(deviation**2, axis=1)
    constant = variance <= (_SAME * np.abs(x).max(axis=1)) ** 2
    safe = np.where(constant, 1.0, variance)
    for column, name in enumerate(statistics):
        match name:
            case "mean":
                out[:, column] = mean
            case "std":
                out[:, column] = np.where(constant, 0.0, np.sqrt(variance))
            case "min":
                out[:, column] = x.min(axis=1)
            case "max":
                out[:, column] = x.max(axis=1)
            case "median":
                out[:, column] = np.median(x, axis=1)
            case "skew":
                out[:, column] = np.where(constant, 0.0, np.mean(deviation**3, axis=1) / safe**1.5)
            case "kurtosis":
                out[:, column] = np.where(constant, 0.0, np.mean(deviation**4, axis=1) / safe**2 - 3.0)
            case _:
                raise ValueError(f"unknown statistic {name!r}; expected one of {', '.join(STATISTICS)}")
    return out
