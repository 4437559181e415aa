"""How features move: librosa's delta features, without scipy.signal, which takes longer to import than they take."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import UsageError

Array = npt.NDArray[np.floating]

_NARROWEST = 3
_PADDINGS = {"nearest": "edge", "mirror": "reflect", "constant": "constant", "wrap": "wrap"}  # scipy's word: numpy's


@lru_cache(maxsize=16)
def weights(width: int, order: int) -> tuple[float, ...]:
    """What each of `width` samples adds to the derivative of the polynomial of degree `order` that fits them best."""
    k = np.arange(width) - width // 2
    fit = np.linalg.pinv(np.vander(k / (width // 2), order + 1, increasing=True))
    return tuple((math.factorial(order) / (width // 2) ** order * fit[order]).tolist())


def delta(
    data: Array, *, width: int = 9, order: int = 1, axis: int = -1, mode: str = "interp", **unsupported: Any
) -> Array:
    """Derivative of `order` along `axis`, smoothed over `width` frames; the shape of `data`, librosa.feature.delta's numbers.

    At the ends `mode="interp"` continues the first and last whole window, so `data` must be `width` long; "nearest",
    "mirror", "constant" (0) and "wrap" pad and take any length. `width` is odd and above `order`. float32 stays float32.

    Savitzky and Golay 1964: a polynomial of degree `order` is fitted to each window. Its derivative of that order is one
    number for the whole window, which is why "interp" repeats the outermost value.

    >>> delta(np.arange(0.0, 30.0, 3.0)).round(6).tolist()
    [3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0]
    """
    data = np.atleast_1d(data)
    _check(width, order, mode, data.shape[axis], unsupported)
    dtype = np.float32 if data.dtype == np.float32 else np.float64
    # in double: the weights of a higher derivative cancel all but a thousandth of what they weigh
    x = np.moveaxis(data, axis, -1).astype(np.float64)
    half = width // 2
    if mode != "interp":
        x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(half, half)], mode=_PADDINGS[mode])  # type: ignore[call-overload]
    n = x.shape[-1] - width + 1
    inner = np.zeros((*x.shape[:-1], n))
    each = np.empty_like(inner)
    for k, weight in enumerate(weights(width, order)):
        inner += np.multiply(x[..., k : k + n], weight, out=each)
    if mode == "interp":
        inner = np.pad(inner, [(0, 0)] * (x.ndim - 1) + [(half, half)], mode="edge")
    return np.moveaxis(inner, -1, axis).astype(dtype)


def _check(width: int, order: int, mode: str, length: int, unsupported: dict[str, Any]) -> None:
    if unsupported:
        raise UsageError(f"delta: {', '.join(sorted(unsupported))} not offered here; leave it out.")
    if width < _NARROWEST or width % 2 != 1:
        raise UsageError(f"width={width} must be an odd number of frames, at least {_NARROWEST}.")
    if order != int(order) or not 0 < order < width:
        raise UsageError(f"order={order} must be a positive integer below width={width}.")
    if mode != "interp" and mode not in _PADDINGS:
        raise UsageError(f"mode={mode!r} is not known; expected 'interp' or one of {sorted(_PADDINGS)}.")
    if mode == "interp" and width > length:
        raise UsageError(f"width={width} exceeds the {length} frames of data; give a smaller width, or mode='nearest'.")
