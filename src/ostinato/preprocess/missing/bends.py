"""What a line misses: a ridge regression of its residuals on random features of the other columns.

Random ramps (an untrained layer; Huang et al. 2006, Rahimi & Recht 2008) cost one small system a column. Columns are dealt into
two groups, and a column's features are made of the group that it is not in, so that no feature has seen what it foretells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from ostinato.preprocess.missing.design import Design

Array = NDArray[np.float64]
Index = NDArray[np.intp]
_FEATURES = 64
_ROWS_A_FEATURE = 5
_PENALTY = 30.0  # in rows of standardised features
_GROUPS = 2


@dataclass(frozen=True)
class Ramps:
    """Random features `max(0, Z @ into + offset)`; `into` is (width, features), `centre` and `scale` standardise them."""

    into: Array
    offset: Array
    centre: Array
    scale: Array
    features: Array
    gram: Array

    @classmethod
    def dealt(cls, Z: Array, design: Design, rng: np.random.Generator) -> tuple[Ramps | None, ...]:
        """The features that each column is foretold by, None where there are too few rows or columns."""
        d = len(design.starts)
        count = min(_FEATURES, len(Z) // _ROWS_A_FEATURE)
        group = rng.permutation(np.arange(d) % _GROUPS)
        made = [cls._of(Z, design, np.flatnonzero(group != own), count, rng) for own in range(_GROUPS)]
        return tuple(made[own] for own in group)

    @classmethod
    def _of(cls, Z: Array, design: Design, columns: Index, count: int, rng: np.random.Generator) -> Ramps | None:
        places = np.array([p for j in columns for p in range(design.starts[j], design.stops[j])], dtype=np.intp)
        if not len(places) or not count:
            return None
        into = np.zeros((Z.shape[1], count))
        into[places] = rng.normal(size=(len(places), count)) / np.sqrt(len(places))
        offset = rng.normal(size=count) / 2
        features = np.maximum(Z @ into + offset, 0.0)
        centre = features.mean(axis=0)
        features -= centre
        scale = np.sqrt((features**2).mean(axis=0))
        scale[scale < 1e-9] = 1.0  # noqa: PLR2004 - a ramp that no row reaches
        features /= scale
        return cls(into, offset, centre, scale, features, features.T @ features)

    def bend(self, residuals: Array, shown: Index, lacking: Index) -> tuple[Bend, Array] | None:
        """The regression of residuals `(n_shown,)` and what it foretells of them; None where it would not help on rows left out."""
        inputs = self.features[shown]
        if len(lacking) < len(shown):
            others = self.features[lacking]
            gram = self.gram - others.T @ others
        else:
            gram = inputs.T @ inputs
        own = gram.copy(order="F")
        own.ravel(order="K")[:: len(own) + 1] += _PENALTY
        factor, failed = lapack.dpotrf(own, lower=1)
        if failed:
            return None
        weights, _ = lapack.dpotrs(factor, inputs.T @ residuals, lower=1)
        inverse, _ = lapack.dpotrs(factor, gram, lower=1)
        spent = float(np.trace(inverse)) / len(shown)
        # left out, a row is foretold that much worse (generalised cross-validation); what then remains sets the length of the step
        inside = inputs @ weights
        away = residuals - (residuals - inside) / max(1 - spent, 0.05)
        step = float(np.clip(away @ residuals / max(away @ away, 1e-12), 0.0, 1.0))
        if step == 0:
            return None
        slopes = step * weights / self.scale
        return Bend(self.into, self.offset, slopes, float(self.centre @ slopes)), step * inside


@dataclass(frozen=True)
class Bend:
    """A correction of what a line foretells: ramps of the design, weighed."""

    into: Array
    offset: Array
    slopes: Array
    constant: float

    def of(self, Z: Array) -> Array:
        """The correction for rows of the design `(n,)`."""
        out: Array = np.maximum(Z @ self.into + self.offset, 0.0) @ self.slopes - self.constant
        return out
