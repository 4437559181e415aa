"""Fit the network of `ostinato.audio.separation.masks` to mixtures whose stems are known, and write its weights.

    python -m benchmarks._mask_training [--out PATH] [--epochs N]

What is minimised is the mean over the mixtures of the logarithm of the squared error of the masked spectra, which is what
SI-SDR measures in decibels: each mixture's errors are weighed by the inverse of their last sum. Bins are drawn with a
chance that grows with the root of their energy, and weighed back. Adam (Kingma and Ba, ICLR 2015) on rectified linear
units. About ten minutes on one core; the sets `validation` and `test` of `_mixtures` are not touched.
"""

from __future__ import annotations

import argparse
import sys
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks._mixtures import SR, Mixture, training_mixtures
from ostinato.audio.separation import masks
from ostinato.audio.separation.transform import stft

Array = NDArray[np.float32]
_HIDDEN = (32, 16)
_DRAWN = 9_000  # bins a mixture
_BATCH, _RATE = 4_096, 3e-3
_ADAM = (0.9, 0.999, 1e-9)


class Bins(NamedTuple):
    """Drawn bins: what the network is told, the best mask, the weight, and which mixture."""

    told: Array
    best: Array
    weight: Array
    mixture: NDArray[np.intp]


def drawn(m: Mixture, index: int, rng: np.random.Generator) -> Bins:
    """Bins of one mixture; the weights of all of them sum to about 1."""
    at, y = masks.resolution(SR), m.mixture[None]
    D = stft(y, *at)
    harmonic = stft(m.harmonic[None], *at)[0]
    described, X = masks.describe(y, D, at), D[0]
    power = np.abs(X) ** 2
    best = np.clip((harmonic * X.conj()).real / np.maximum(power, 1e-12), 0, 1)
    share = power.ravel() / power.sum(dtype=np.float64)
    chance = np.sqrt(share) / np.sqrt(share).sum()
    taken = rng.choice(share.size, _DRAWN, p=chance)
    t, f = np.divmod(taken, X.shape[1])
    told = [each[rows[t], f] for each, rows in zip(described.maps, described.rows, strict=True)]
    told += [*masks.positions(X.shape[1])[:, f], *described.frames[t].T]
    return Bins(
        np.stack(told, axis=1).astype(np.float32),
        best.ravel()[taken].astype(np.float32),
        (share[taken] / chance[taken] / _DRAWN).astype(np.float32),
        np.full(_DRAWN, index),
    )


def fit(bins: Bins, epochs: int, seed: int = 0) -> list[tuple[Array, Array]]:
    """The layers, first to last: a matrix `(n_out, n_in)` and offsets `(n_out,)` each."""
    rng = np.random.default_rng(seed)
    mean, spread = bins.told.mean(axis=0), bins.told.std(axis=0) + np.float32(1e-3)
    told = (bins.told - mean) / spread
    weight = np.minimum(bins.weight, np.quantile(bins.weight, 0.9995))
    sizes = (told.shape[1], *_HIDDEN, 1)
    layers = [
        (rng.normal(0, np.sqrt(2 / n_in), (n_out, n_in)).astype(np.float32), np.zeros(n_out, np.float32))
        for n_in, n_out in pairwise(sizes)
    ]
    adam = _Adam([each for layer in layers for each in layer], epochs * (len(told) // _BATCH))
    mixtures = int(bins.mixture.max()) + 1
    emphasis = np.ones(mixtures, np.float32)
    for epoch in range(epochs):
        order, errors = rng.permutation(len(told)), np.zeros(mixtures)
        for start in range(0, len(order) - _BATCH + 1, _BATCH):
            here = order[start : start + _BATCH]
            which = bins.mixture[here]
            signals, shares = _forward(layers, told[here])
            wrong = shares - bins.best[here]
            np.add.at(errors, which, weight[here] * wrong**2)
            slope = 2 * weight[here] * emphasis[which] * wrong * shares * (1 - shares)
            adam.step(_gradients(layers, signals, slope.astype(np.float32)))
        emphasis = (1 / np.maximum(errors, 1e-4)).astype(np.float32)
        emphasis /= emphasis.mean()
        print(f"epoch {epoch + 1}: {-10 * np.log10(errors).mean():.2f} dB", flush=True)
    matrix, offsets = layers[0]  # takes over the scaling
    layers[0] = (matrix / spread, offsets - (matrix / spread) @ mean)
    return layers


def _forward(layers: list[tuple[Array, Array]], X: Array) -> tuple[list[Array], Array]:
    signals = [X]
    for k, (matrix, offsets) in enumerate(layers):
        X = X @ matrix.T + offsets
        signals.append(X if k == len(layers) - 1 else np.maximum(X, 0))
        X = signals[-1]
    return signals, 1 / (1 + np.exp(-X[:, 0]))


def _gradients(layers: list[tuple[Array, Array]], signals: list[Array], slope: Array) -> list[Array]:
    found: list[Array] = []
    back = slope[:, None]
    for k in range(len(layers) - 1, -1, -1):
        found[:0] = [back.T @ signals[k], back.sum(axis=0)]
        back = (back @ layers[k][0]) * (signals[k] > 0)
    return found


class _Adam:
    def __init__(self, values: list[Array], steps: int) -> None:
        self._values, self._steps, self._done = values, steps, 0
        self._first, self._second = ([np.zeros_like(each) for each in values] for _ in range(2))

    def step(self, gradients: list[Array]) -> None:
        """One step along the gradients, shorter towards the end (cosine)."""
        first, second, least = _ADAM
        rate = _RATE * 0.5 * (1 + np.cos(np.pi * self._done / self._steps)) + 1e-5
        self._done += 1
        for value, m, v, gradient in zip(self._values, self._first, self._second, gradients, strict=True):
            np.add(m, (1 - first) * (gradient - m), out=m)
            np.add(v, (1 - second) * (gradient**2 - v), out=v)
            change = (m / (1 - first**self._done)) / (np.sqrt(v / (1 - second**self._done)) + least)
            np.subtract(value, rate * change, out=value)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(masks.__file__).with_name("masks.npz"))
    parser.add_argument("--epochs", type=int, default=30)
    options = parser.parse_args()
    with threadpool_limits(1):  # the same weights on any number of cores
        layers = trained(options.epochs)
    arrays = {}
    for k, (matrix, offsets) in enumerate(layers):
        arrays |= {f"matrix_{k}": matrix.astype(np.float32), f"offsets_{k}": offsets.astype(np.float32)}
    np.savez(options.out, **arrays)
    return 0


def trained(epochs: int) -> list[tuple[Array, Array]]:
    """The layers fitted to bins of the training set."""
    rng = np.random.default_rng(0)
    parts = [drawn(m, k, rng) for k, m in enumerate(training_mixtures())]
    print(f"{len(parts)} mixtures", flush=True)
    return fit(Bins(*(np.concatenate(column) for column in zip(*parts, strict=True))), epochs)


if __name__ == "__main__":
    sys.exit(main())
