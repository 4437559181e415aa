"""Strings of an Arrow array read as machine words of eight bytes, to tell them apart without making Python strings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ostinato.quality.verdicts.unsure import Unsure

_BYTES = 8
_LONGEST = 512  # bytes of a string; each eight of them are one pass over the column
_TAILS = np.array([(1 << (8 * kept)) - 1 for kept in range(_BYTES)] + [2**64 - 1], dtype=np.uint64)  # little-endian
_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio (Knuth, The Art of Computer Programming 3, 6.4)
_MIX = np.uint64(0xFF51AFD7ED558CCD)  # MurmurHash3's finaliser (Appleby 2011)


@dataclass(frozen=True)
class Words:
    """Values of a large string array by where their bytes begin and how many there are."""

    bytes_at: NDArray[np.uint64]  # the word that begins at each byte
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]

    @classmethod
    def of(cls, array: Any, at: NDArray[np.int64]) -> Self:
        """Values of a `large_string` array at some positions; raises Unsure where they are very long."""
        _, offsets, data = array.buffers()
        bounds = np.frombuffer(offsets, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
        starts, sizes = bounds[:-1][at], (bounds[1:] - bounds[:-1])[at]
        if len(sizes) and int(sizes.max()) > _LONGEST:
            raise Unsure
        held = np.frombuffer(data, dtype=np.uint8) if data is not None else np.zeros(0, dtype=np.uint8)
        padded = np.concatenate([held, np.zeros(_BYTES, dtype=np.uint8)])
        view = np.ndarray(len(padded) - _BYTES + 1, dtype=np.dtype("<u8"), buffer=padded.data, strides=(1,))
        return cls(view, starts, sizes)

    def _words(self, chosen: Any) -> Iterator[NDArray[np.uint64]]:
        """The next word of each chosen value, zero behind its end."""
        starts, sizes = self.starts[chosen], self.sizes[chosen]
        last = len(self.bytes_at) - 1
        for begun in range(0, int(sizes.max(initial=0)), _BYTES):
            kept = np.clip(sizes - begun, 0, _BYTES)
            yield self.bytes_at[np.minimum(starts + begun, last)] & _TAILS[kept]

    def digests(self) -> NDArray[np.uint64]:
        """A number for each value, equal for equal values and seldom equal for others."""
        found = self.sizes.astype(np.uint64) * _ODD
        for word in self._words(slice(None)):
            found ^= word
            found *= _MIX
            found ^= found >> np.uint64(33)
        return found

    def equal(self, left: NDArray[np.int64], right: NDArray[np.int64]) -> bool:
        """Whether each value on the left is the one on the right."""
        if not bool(np.array_equal(self.sizes[left], self.sizes[right])):
            return False
        pairs = zip(self._words(left), self._words(right), strict=True)
        return all(bool(np.array_equal(one, other)) for one, other in pairs)
