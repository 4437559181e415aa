"""Long signals in bounded memory: separated piece by piece, the pieces faded into each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Read = Callable[[int, int], Array]  # (first sample, one past the last) to a signal (channels, n)
Method = Callable[[Array], Array]  # a signal (channels, n) to stems (n_stems, channels, n)


def in_segments(read: Read, total: int, method: Method, segment: int, overlap: int) -> Iterator[Array]:
    """Stems `(n_stems, channels, n)` of `total` samples, in order, a piece at a time; stems that sum to a signal still do.

    Each call of `method` has at most `segment + 2 * overlap` samples; calls that follow each other share `overlap`.
    """
    start, tail = 0, None
    while True:
        stop = start + segment
        if total - stop <= 2 * overlap:
            stop = total
        stems = method(read(start, stop))
        if tail is not None:
            fade = np.linspace(0, 1, tail.shape[-1], dtype=np.float32)
            stems[..., : tail.shape[-1]] *= fade
            stems[..., : tail.shape[-1]] += tail * (1 - fade)
        if stop == total:
            yield stems
            return
        yield stems[..., :-overlap]
        tail = stems[..., -overlap:].copy()
        start = stop - overlap
