"""Cells as 64-bit numbers that are equal where the cells are: the sum over a row's columns is the row's own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ostinato.quality.profile.cells import Cells

Hashes = NDArray[np.uint64]
# SplitMix64 (Steele, Lea and Flood 2014): every bit of the input changes half of the output's
_STEP, _FIRST, _SECOND = (np.uint64(each) for each in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def mixed(numbers: Hashes) -> Hashes:
    """Numbers spread over all 64 bits, in place."""
    numbers += _STEP
    numbers ^= numbers >> np.uint64(30)
    numbers *= _FIRST
    numbers ^= numbers >> np.uint64(27)
    numbers *= _SECOND
    numbers ^= numbers >> np.uint64(31)
    return numbers


def hash_cells(cells: Cells, salt: int) -> Hashes:
    """One number a cell `(n,)`; missing cells are equal to each other, -0.0 to 0.0; columns differ by `salt`."""
    n = len(cells.missing)
    if cells.codes is not None:
        bits = cells.codes.astype(np.int64).view(np.uint64)
        if cells.type_codes is not None:
            bits = bits + (cells.type_codes.astype(np.int64) << 32).view(np.uint64)
    elif cells.values is None:
        bits = np.zeros(n, dtype=np.uint64)
    elif cells.values.dtype.kind == "f":
        bits = (cells.values + 0.0).view(np.uint64).copy()
        bits[np.isnan(cells.values)] = 0x7FF8000000000000
    else:
        bits = cells.values.astype(np.int64).view(np.uint64).copy()
    if cells.missing.any():
        bits[cells.missing] = 0x7FF8000000000001
    with np.errstate(over="ignore"):
        start = mixed(np.array([salt + 1], dtype=np.uint64))[0]
        return mixed(bits ^ start)
