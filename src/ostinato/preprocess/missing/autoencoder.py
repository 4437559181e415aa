"""A gap filled by a network that learnt to restore cells hidden from it: a denoising autoencoder in NumPy.

Vincent et al. 2008; for tables Gondara & Wang 2018. Inputs are standardised numbers and indicators, zero where missing, beside
a mask of what is shown. Only shown cells count for the loss: squares of numbers, cross-entropy of categories. It foretells, and
draws nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.preprocess.missing.cells import Layout
from ostinato.preprocess.missing.fills import fills

Array = NDArray[np.float64]
Weights = list[NDArray[np.float64]]
_MOST_LEVELS = 50  # categories with more take their mode
_HIDDEN, _BATCH, _EVERY = 96, 128, 100
_HIDE = 0.3  # share of shown cells hidden in each batch
_KEPT = 0.1  # share of the rows by which to stop
_RATE, _DECAY, _PATIENCE = 3e-3, 1e-4, 6
_BETAS = (0.9, 0.999)  # Adam's, Kingma & Ba 2015


@dataclass(frozen=True)
class Part:
    """A column's place in the network: `width` is 1 for numbers, the levels of a category, 0 where it takes no part."""

    start: int
    width: int
    named: bool


class Autoencoder:
    """Two hidden layers; the weights are those that restored hidden cells of rows left out best."""

    draws = 1

    def __init__(self, layout: Layout, most_steps: int) -> None:
        self.layout, self.most_steps = layout, most_steps

    def learn(self, cells: Array, rng: np.random.Generator) -> Array:
        """Train, and fill."""
        self._cells, self._else = cells, fills(cells, self.layout.columns, "median")
        there = ~np.isnan(cells)
        count = np.maximum(there.sum(axis=0), 1)
        known = np.where(there, cells, 0.0)
        self._centre = known.sum(axis=0) / count
        scale = np.sqrt((((known - self._centre) * there) ** 2).sum(axis=0) / count)
        varies = scale > 1e-12 * np.maximum(np.abs(self._centre), 1.0)
        self._scale = np.where(varies, scale, 1.0)
        self._parts, place = [], 0
        for j, column in enumerate(self.layout.columns):
            named = column.kind == "category"
            levels = column.n_levels if 1 < column.n_levels <= _MOST_LEVELS else 0
            width = levels if named else int(varies[j])
            self._parts.append(Part(place, width, named))
            place += width
        self._width = place
        self.steps = 0
        self._weights = self._trained(cells, rng)
        return self.fill(cells, rng)

    def fill(self, cells: Array, rng: np.random.Generator) -> Array:
        """What the network restores put into the gaps."""
        filled = np.where(np.isnan(cells), self._else, cells)
        if not self._width or not np.isnan(cells).any():
            return filled
        values, shown = self._encoded(cells)
        restored = _forward(self._weights, np.hstack([values, shown]))[-1]
        for j, part in enumerate(self._parts):
            rows = np.isnan(cells[:, j])
            if not part.width or not rows.any():
                continue
            own = restored[rows, part.start : part.start + part.width]
            filled[rows, j] = own.argmax(axis=1) if part.named else own[:, 0] * self._scale[j] + self._centre[j]
        return filled

    def draw(self, rng: np.random.Generator) -> Array:
        """The same again."""
        return self.fill(self._cells, rng)

    def how(self, j: int) -> Any:
        """Whether the network restores the column, or its median or mode stands in."""
        if not self._parts[j].width:
            return {"rule": "median or mode: a constant, or too many levels"}
        return {"rule": "denoising autoencoder", "hidden": _HIDDEN, "steps": self.steps}

    def _encoded(self, cells: Array) -> tuple[Array, Array]:
        """Values and mask `(n, width)`."""
        values, shown = np.zeros((len(cells), self._width)), np.zeros((len(cells), self._width))
        for j, part in enumerate(self._parts):
            there, place = ~np.isnan(cells[:, j]), slice(part.start, part.start + part.width)
            shown[:, place] = there[:, None]
            if part.named:
                values[:, place] = cells[:, j][:, None] == np.arange(part.width)
            elif part.width:
                values[there, part.start] = (cells[there, j] - self._centre[j]) / self._scale[j]
        return values, shown

    def _trained(self, cells: Array, rng: np.random.Generator) -> Weights:
        values, shown = self._encoded(cells)
        sizes = (2 * self._width, _HIDDEN, _HIDDEN, self._width)
        weights: Weights = []
        for into, out in pairwise(sizes):
            weights += [rng.normal(size=(into, out)) * np.sqrt(1 / max(into, 1)), np.zeros(out)]
        if not self._width:
            return weights
        order = rng.permutation(len(cells))
        kept = order[: max(1, int(_KEPT * len(order)))]
        rest = order[len(kept) :] if len(order) > len(kept) else order
        hidden = self._hidden(len(kept), rng)
        trial = (values[kept], shown[kept], shown[kept] * hidden)
        best, least, waited = [each.copy() for each in weights], np.inf, 0
        first, second = [np.zeros_like(each) for each in weights], [np.zeros_like(each) for each in weights]
        for step in range(1, self.most_steps + 1):
            rows = rest[rng.integers(0, len(rest), min(_BATCH, len(rest)))]
            slopes = self._slopes(weights, values[rows], shown[rows], self._hidden(len(rows), rng))
            _adam(weights, slopes, first, second, step)
            if step % _EVERY == 0 or step == self.most_steps:
                loss = self._loss(weights, *trial)
                waited = waited + 1
                if loss < least:
                    best, least, waited, self.steps = [each.copy() for each in weights], loss, 0, step
                if waited >= _PATIENCE:
                    break
        return best

    def _hidden(self, n: int, rng: np.random.Generator) -> Array:
        """1 where a cell is hidden, whole columns of the table at a time."""
        hidden = np.zeros((n, self._width))
        for part in self._parts:
            hidden[:, part.start : part.start + part.width] = (rng.random(n) < _HIDE)[:, None]
        return hidden

    def _restored(self, raw: Array) -> Array:
        """Outputs with each category's logits as probabilities."""
        done = raw.copy()
        for part in self._parts:
            if part.named and part.width:
                place = slice(part.start, part.start + part.width)
                grown = np.exp(raw[:, place] - raw[:, place].max(axis=1, keepdims=True))
                done[:, place] = grown / grown.sum(axis=1, keepdims=True)
        return done

    def _slopes(self, weights: Weights, values: Array, shown: Array, hidden: Array) -> Weights:
        seen = shown * (1 - hidden)
        layers = _forward(weights, np.hstack([values * seen, seen]))
        # squares of numbers and cross-entropy of categories have the same slope in the outputs
        back = (self._restored(layers[-1]) - values) * shown / len(values)
        slopes: Weights = []
        for depth in (2, 1, 0):
            slopes = [layers[depth].T @ back, back.sum(axis=0), *slopes]
            if depth:
                back = (back @ weights[2 * depth].T) * (1 - layers[depth] ** 2)
        return slopes

    def _loss(self, weights: Weights, values: Array, shown: Array, judged: Array) -> float:
        """Mean squared difference on hidden cells that are known."""
        seen = shown - judged
        restored = self._restored(_forward(weights, np.hstack([values * seen, seen]))[-1])
        return float((((restored - values) * judged) ** 2).sum() / max(judged.sum(), 1.0))


def _forward(weights: Weights, inputs: Array) -> Weights:
    """Inputs, two hidden layers and outputs."""
    one = np.tanh(inputs @ weights[0] + weights[1])
    two = np.tanh(one @ weights[2] + weights[3])
    return [inputs, one, two, two @ weights[4] + weights[5]]


def _adam(weights: Weights, slopes: Weights, first: Weights, second: Weights, step: int) -> None:
    """One step in place."""
    for at, slope in enumerate(slopes):
        first[at] += (1 - _BETAS[0]) * (slope - first[at])
        second[at] += (1 - _BETAS[1]) * (slope**2 - second[at])
        mean, square = first[at] / (1 - _BETAS[0] ** step), second[at] / (1 - _BETAS[1] ** step)
        weights[at] -= _RATE * (mean / (np.sqrt(square) + 1e-8) + _DECAY * weights[at])
