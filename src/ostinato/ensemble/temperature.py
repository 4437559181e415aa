"""One number that makes probabilities as sure as they deserve to be (Guo et al. 2017); the likeliest class stays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_SMALLEST = 1e-15
_GRID = np.round(np.geomspace(0.4, 3.0, 105), 6)


def tempered(p: Array, temperature: float) -> Array:
    """Probabilities `(n, k)` at a temperature: above one less sure, below one surer.

    >>> tempered(np.array([[0.8, 0.2]]), 1.0).tolist()
    [[0.8, 0.2]]
    """
    if temperature == 1.0:
        return p
    margins = np.log(np.clip(p, _SMALLEST, None)) / temperature
    powers = np.exp(margins - margins.max(axis=1, keepdims=True))
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares


def fitted_temperature(p: Array, y: NDArray[np.int64]) -> float:
    """The temperature of least log loss on out-of-fold probabilities `p (n, k)` and codes `y (n,)`."""
    logs = np.log(np.clip(p, _SMALLEST, None))
    own = logs[np.arange(len(y)), y].mean()
    losses = [float(_log_sums(logs / t).mean() - own / t) for t in _GRID]
    best = int(np.argmin(np.round(losses, 12)))
    plain = float(_log_sums(logs).mean() - own)
    return float(_GRID[best]) if losses[best] < plain - 1e-9 else 1.0


def _log_sums(margins: Array) -> Array:
    highest = margins.max(axis=1)
    sums: Array = highest + np.log(np.exp(margins - highest[:, None]).sum(axis=1))
    return sums
