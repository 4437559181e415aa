"""Several views of abnormality on one scale: how unlikely a score is, as the negative logarithm of the share of rows that
exceed it.

Members see what others are blind to: a robust covariance rows that break what columns do together, its conditional deviations a
single cell that the rest of its row belies, histograms rare values, neighbours in whitened directions rows far from any other. The
mean of squared logarithms listens to the member that finds a row most unlikely; a mean of ranks would not hear it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ostinato.preprocess.outliers.covariance import RobustCovariance
from ostinato.preprocess.outliers.histogram import Histograms
from ostinato.preprocess.outliers.local import Neighbourhood

Array = NDArray[np.float64]
WEIGHTS = {"mahalanobis": 1.0, "histogram": 1.0, "neighbours": 2.0, "cells": 1.0}
_GRAIN = 1e-9
_NORMAL, _FAR = 1.482602, 4.0  # a member's vote: four deviations above its median, measured on the upper half


@dataclass(frozen=True)
class Unlikelihood:
    """The scores of the learnt rows, sorted; `values` are the different ones and `above` how many rows exceed each, ties by half.

    Between two values the count is interpolated, so that rounding moves no score by a rank.
    """

    known: Array
    values: Array
    above: Array

    @classmethod
    def learnt(cls, scores: Array) -> Unlikelihood:
        """From scores in any order."""
        known = np.sort(scores)
        grain = _GRAIN * max(float(np.abs(known).max()), 1e-300)
        values, first, count = np.unique(np.round(known / grain), return_index=True, return_counts=True)
        return cls(known, values * grain, len(known) - first - count / 2)

    def of(self, scores: Array) -> Array:
        """Negative logarithms of the share of learnt rows with at least that score `(n,)`; they grow on beyond the largest."""
        n = len(self.known)
        above = np.interp(scores, self.values, self.above)
        top, spread = self.known[-1], self.known[-1] - self.known[n // 2]
        beyond = np.log1p(np.maximum(scores - top, 0.0) / (spread if spread > 0 else 1.0))
        out: Array = -np.log((above + 0.5) / (n + 1)) + beyond
        return out

    def votes(self, scores: Array) -> NDArray[np.bool_]:
        """Scores that lie far above the bulk."""
        middle = self.known[len(self.known) // 2]
        upper = np.median(self.known[len(self.known) // 2 :] - middle)
        out: NDArray[np.bool_] = scores > middle + _FAR * _NORMAL * upper
        return out


class Combined:
    """The root of the weighted mean of the members' squared unlikelihoods."""

    def __init__(self, seed: int, n_neighbors: int) -> None:
        self.seed, self.n_neighbors = seed, n_neighbors

    def fit(self, X: Array) -> Self:
        """Learn from rows `(n, d)` without NaN."""
        self.covariance = RobustCovariance(self.seed).fit(X)
        self.histograms = Histograms().fit(X)
        self.neighbours = Neighbourhood(self.n_neighbors, self.seed).fit(self.covariance.whitened(X))
        raw = self.raw(X)
        self.scales = {name: Unlikelihood.learnt(scores) for name, scores in raw.items()}
        votes = np.zeros(len(X))
        for name, scores in raw.items():
            votes += WEIGHTS[name] * self.scales[name].votes(scores)
        self.share: float | None = float(np.mean(votes >= sum(WEIGHTS.values()) / 2))
        return self

    def raw(self, X: Array) -> dict[str, Array]:
        """Each member's own scores `(n,)`."""
        return {
            "mahalanobis": self.covariance.score(X),
            "histogram": self.histograms.score(X),
            "neighbours": self.neighbours.mean(self.covariance.whitened(X)),
            "cells": self.covariance.surprises(X).max(axis=1, initial=0.0),
        }

    def score(self, X: Array) -> Array:
        """The mean `(n,)`; higher is more abnormal."""
        total = np.zeros(len(X))
        for name, own in self.raw(X).items():
            total += WEIGHTS[name] * self.scales[name].of(own) ** 2
        mean: Array = np.sqrt(total / sum(WEIGHTS.values()))
        return mean
