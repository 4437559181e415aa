"""A category drawn by a multinomial regression on the other columns, or, where it has many levels, by like rows.

The regression is fitted by steps under Böhning's bound of the Hessian (1992), which needs one factorisation for all classes.
`proper` refits on a bootstrap sample, which stands in for the posterior (Rubin 1987, section 4.3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, lapack

from ostinato.preprocess.missing.matching import DONORS, Line, even, nearest

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Codes = NDArray[np.int64]
MOST_CLASSES = 12
_STEPS = 20
_PRIOR = 1.0
_SHRINK = 5.0  # rows of the mean that every level's mean is drawn to, when levels are put on a line


@dataclass(frozen=True)
class Classes:
    """Coefficients `(p, n_levels)`; `levels` are the codes that occur, `inputs` and `codes` the rows learnt from."""

    places: Index
    weights: Array
    levels: Codes
    inputs: Array
    codes: Codes

    @classmethod
    def learnt(cls, Z: Array, places: Index, codes: Codes, before: Array | None = None) -> Classes:
        """From the design of the rows that show the category and its codes; `before` are coefficients to start at."""
        levels, own = np.unique(codes, return_inverse=True)
        inputs = Z[:, places]
        weights = np.zeros((len(places), len(levels))) if before is None else before
        return cls(places, _climbed(inputs, own, len(levels), np.ones(len(own)), weights), levels, inputs, own)

    def proper(self, Z: Array, rng: np.random.Generator) -> Array:
        """One code a row `(n,)`, by coefficients of a bootstrap sample."""
        n = len(self.codes)
        count = np.bincount(rng.integers(0, n, n), minlength=n).astype(np.float64)
        again = _climbed(self.inputs, self.codes, len(self.levels), count, self.weights)
        return replace(self, weights=again)._drawn(Z, rng.random(len(Z)))

    def balanced(self, Z: Array, rng: np.random.Generator) -> Array:
        """One code a row `(n,)`, by the best coefficients, evenly spread over rows of like odds."""
        chance = self.chances(Z)
        return self._drawn(Z, even(chance @ np.arange(chance.shape[1]), rng), chance)

    def chances(self, Z: Array) -> Array:
        """Probabilities `(n, n_levels)`."""
        return _softmax(Z[:, self.places] @ self.weights)

    def _drawn(self, Z: Array, level: Array, chance: Array | None = None) -> Array:
        chance = self.chances(Z) if chance is None else chance
        reached = (np.cumsum(chance, axis=1) < level[:, None]).sum(axis=1)
        drawn: Array = self.levels[np.minimum(reached, len(self.levels) - 1)].astype(np.float64)
        return drawn


@dataclass(frozen=True)
class Scored:
    """Levels on one line, where the other columns tell them apart best, and donors sorted by what a regression foretells."""

    line: Line
    foretold: Array
    codes: Array

    @classmethod
    def learnt(cls, Z: Array, places: Index, codes: Codes, prior: float) -> Scored:
        """From the design of the rows that show the category and its codes."""
        inputs = Z[:, places]
        gram = inputs.T @ inputs
        score = _scores(inputs, gram, codes)[codes]
        line = Line.fitted(places, gram, inputs.T @ score, float(score @ score), len(codes), prior)
        foretold = inputs @ line.weights
        order = np.argsort(foretold, kind="stable")
        return cls(line, foretold[order], codes[order].astype(np.float64))

    def proper(self, Z: Array, rng: np.random.Generator) -> Array:
        """The code of one of the nearest donors a row `(n,)`."""
        return self._matched(Z[:, self.line.places] @ self.line.drawn(rng)[0], rng)

    def balanced(self, Z: Array, rng: np.random.Generator) -> Array:
        """The code of one of the nearest donors a row `(n,)`, by the best coefficients."""
        return self._matched(Z[:, self.line.places] @ self.line.weights, rng)

    def _matched(self, wanted: Array, rng: np.random.Generator) -> Array:
        k = min(DONORS, len(self.codes))
        near = nearest(self.foretold, wanted, k)
        codes: Array = self.codes[near + rng.integers(0, k, len(wanted))]
        return codes


@dataclass(frozen=True)
class Lottery:
    """Any seen value by chance: for keys and texts, of which no other column tells, and for constants."""

    values: Array

    def proper(self, Z: Array, rng: np.random.Generator) -> Array:
        """One seen value a row `(n,)`."""
        return rng.choice(self.values, len(Z))

    balanced = proper


def _climbed(inputs: Array, codes: Codes, k: int, count: Array, weights: Array) -> Array:
    """Coefficients after some steps of Böhning's from `weights`, rows counting `count` times."""
    gram = (inputs * count[:, None]).T @ inputs
    own = gram + 2 * _PRIOR * np.eye(len(gram))
    own[-1, -1] += 1e-6 - 2 * _PRIOR
    factor, failed = lapack.dpotrf(own, lower=1)
    if failed:
        factor, _ = lapack.dpotrf(own + 1e-3 * np.diag(np.maximum(np.diag(own), 1.0)), lower=1)
    seen = np.zeros((len(codes), k))
    seen[np.arange(len(codes)), codes] = count
    penalty = np.full((len(gram), 1), _PRIOR)
    penalty[-1] = 0.0
    for _ in range(_STEPS):
        slope = inputs.T @ (seen - _softmax(inputs @ weights) * count[:, None]) - penalty * weights
        step, _ = lapack.dpotrs(factor, slope, lower=1)
        weights = weights + 2 * step
        if np.abs(step).max() < 1e-3:  # noqa: PLR2004 - in deviations of a standardised column
            break
    return weights


def _softmax(logits: Array) -> Array:
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    out: Array = grown / grown.sum(axis=1, keepdims=True)
    return out


def _scores(inputs: Array, gram: Array, codes: Codes) -> Array:
    """A number for each code: the first canonical variate between levels and inputs, levels shrunk by their size."""
    n_levels = int(codes.max()) + 1
    size = np.bincount(codes, minlength=n_levels).astype(np.float64)
    sums = np.stack([np.bincount(codes, weights=column, minlength=n_levels) for column in inputs.T], axis=1)
    means = (sums - size[:, None] * inputs.mean(axis=0)) / (size + _SHRINK)[:, None]
    between = means.T @ (means * size[:, None])
    p = len(gram)
    whole = gram + (_PRIOR + 1e-6 * np.diag(gram).max()) * np.eye(p)
    _, direction = eigh(between, whole, subset_by_index=(p - 1, p - 1))
    score = means @ direction[:, 0]
    spread = np.sqrt((size * score**2).sum() / max(size.sum(), 1.0))
    out: Array = score / spread if spread > 0 else score
    return out
