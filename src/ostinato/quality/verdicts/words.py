"""Strings of an Arrow array read as machine words of eight bytes, to tell them apart without making Python strings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BYTES = 8
LONGEST = 128  # bytes of a string; each eight of them are one pass over the column
_TAILS = np.array([(1 << (8 * kept)) - 1 for kept in range(_BYTES)] + [2**64 - 1], dtype=np.uint64)  # little-endian
_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio (Knuth, The Art of Computer Programming 3, 6.4)
_MIX = np.uint64(0xFF51AFD7ED558CCD)  # MurmurHash3's finaliser (Appleby 2011)


class Words:
    """Strings of a `large_string` array without gaps, each at most `LONGEST` bytes."""

    def __init__(self, array: Any) -> None:
        _, offsets, data = array.buffers()
        bounds = np.frombuffer(offsets, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
        self.sizes = np.diff(bounds)
        self.longest = int(self.sizes.max(initial=0))
        self.fits = self.longest <= LONGEST
        self.words = tuple(self._words(bounds[:-1], data)) if self.fits else ()

    def _words(self, starts: NDArray[np.int64], data: Any) -> Iterator[NDArray[np.uint64]]:
        """The next word of each string, zero behind its end."""
        held = np.frombuffer(data, dtype=np.uint8) if data is not None else np.zeros(0, dtype=np.uint8)
        padded = np.concatenate([held, np.zeros(LONGEST, dtype=np.uint8)])
        at_byte = np.ndarray(len(padded) - _BYTES + 1, dtype=np.dtype("<u8"), buffer=padded.data, strides=(1,))
        shortest = int(self.sizes.min(initial=LONGEST))
        for begun in range(0, self.longest, _BYTES):
            word = at_byte[starts + begun]
            if shortest < begun + _BYTES:
                word &= _TAILS[np.maximum(np.minimum(self.sizes - begun, _BYTES), 0)]
            yield word

    def digests(self) -> NDArray[np.uint64]:
        """A number for each string, equal for equal ones and seldom equal for others."""
        found = self.sizes.astype(np.uint64) * _ODD
        for word in self.words:
            found ^= word
            found *= _MIX
            found ^= found >> np.uint64(33)
        return found

    def equal_to_next(self, order: NDArray[np.int64], where: NDArray[np.bool_]) -> bool:
        """Whether the strings in some order equal the one behind them wherever that is asked."""
        for part in (self.sizes, *self.words):
            ranked = part[order]
            if bool(((ranked[1:] != ranked[:-1]) & where).any()):
                return False
        return True
