"""Prediction sets and intervals that hold the truth as often as promised: conformal prediction on held-out scores.

NumPy alone; a fitted state is JSON. What is promised depends on where the scores came from, and `guarantee` says it:

- scores of rows that the model never saw (split): at least 1 − α, over rows like those, or rows of groups like those;
- out-of-fold scores and the fold models kept (`sets_plus`, `intervals_plus`; CV+): at least 1 − 2α, in practice near 1 − α;
- out-of-fold scores and one model refitted on all rows: no theorem, and in practice near 1 − α, for the model is a little
  better than those that were measured.

Vovk, Gammerman & Shafer 2005; Romano, Patterson & Candès 2019 (CQR); Romano, Sesia & Candès 2020 (APS); Angelopoulos et al.
2021 (RAPS); Barber et al. 2021 (CV+); Lee, Barber & Willett 2023 (groups).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ostinato.core.errors import UsageError
from ostinato.ensemble.conformal_state import Scores
from ostinato.ensemble.quantiles import ROUNDING, checked_alpha, jackknife_plus
from ostinato.ensemble.reliability import checked_codes, checked_probabilities

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
_CHUNK = 4_000_000  # cells of test × calibration rows at a time
_PLANES = 3  # dimensions of fold × row × class
_ENDS = 2


class _Conformal:
    """What classifier and regressor share: the scores kept, what they promise, JSON."""

    scores: Scores

    def guarantee(self, alpha: float = 0.1) -> str:
        """One sentence: what coverage is promised, over what, on which assumption."""
        return self.scores.guarantee(alpha)

    def notes(self, alpha: float = 0.1) -> tuple[str, ...]:
        """Strata for which calibration rows (or groups) are too few for a finite answer at `alpha`, in words."""
        return self.scores.notes(alpha)

    def _thresholds(self, alpha: float, strata: ArrayLike | None, rows: int) -> Array:
        found = self.scores.thresholds(alpha, strata, rows)
        if np.isinf(found).any():
            warnings.warn(
                f"{int(np.isinf(found).sum())} of {found.size} thresholds at alpha={alpha} are infinite: "
                f"{'; '.join(self.notes(alpha)) or 'strata that calibration never saw'}",
                stacklevel=3,
            )
        return found


class ConformalClassifier(_Conformal):
    """Sets of classes. `method`: `lac` (smallest sets), `aps` (evener coverage over easy and hard rows), `raps` (smaller `aps`).

    `conditional="class"` promises coverage for every class by itself. `strata` in `fit` promises it for every stratum (a genre,
    a country). `groups` says which rows belong together (one artist's): the promise then counts groups.

    >>> p = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    >>> ConformalClassifier().fit(p, [0, 1, 0, 1]).sets([[0.65, 0.35]], alpha=0.4)
    array([[ True, False]])
    """

    def __init__(
        self,
        method: str = "lac",
        conditional: str | None = None,
        penalty: float = 0.01,
        free: int = 2,
        at_least_one: bool = True,
    ) -> None:
        if method not in {"lac", "aps", "raps"} or conditional not in {None, "class"}:
            raise UsageError(
                f"method is lac, aps or raps and conditional None or 'class', got {method!r}, {conditional!r}"
            )
        self.method, self.conditional, self.at_least_one = method, conditional, at_least_one
        self.penalty, self.free = penalty, free  # RAPS: what every class beyond the first `free` ones adds

    def fit(
        self,
        p: ArrayLike,
        y: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        strata: ArrayLike | None = None,
        folds: ArrayLike | None = None,
        u: ArrayLike | None = None,
    ) -> Self:
        """Keep the scores of held-out probabilities `p (n, k)` and codes `y (n,)`.

        `folds (n,)` says which fold's model made each row of `p`: needed for `sets_plus`, and out-of-fold scores are then known
        as such. `u (n,)`, uniform random numbers, makes `aps` and `raps` exact instead of a little too wide.
        """
        held = checked_probabilities(p)
        codes = checked_codes(y, *held.shape)
        self.n_classes, self.randomised = held.shape[1], u is not None
        own = self._scores(held, u)[np.arange(len(codes)), codes]
        by_class = codes if self.conditional == "class" else None
        self.scores = Scores.of(
            own, groups=groups, strata=strata, classes=by_class, folds=folds, n_classes=self.n_classes
        )
        return self

    def sets(
        self, p: ArrayLike, alpha: float = 0.1, *, strata: ArrayLike | None = None, u: ArrayLike | None = None
    ) -> Mask:
        """Which classes `(n, k)` belong to the set of each row, from one model's probabilities `p (n, k)`.

        All classes where calibration rows are too few or a stratum is new; that is warned of, and `notes` says which.
        """
        given = self._given(p, u)
        inside: Mask = self._scores(given, u) <= self._thresholds(alpha, strata, len(given)) + ROUNDING
        return self._filled(inside, given)

    def sets_plus(
        self, p: ArrayLike, alpha: float = 0.1, *, strata: ArrayLike | None = None, u: ArrayLike | None = None
    ) -> Mask:
        """CV+ sets `(n, k)` from the probabilities of all fold models, `p (n_folds, n, k)` in the order of their numbers."""
        planes = np.asarray(p, dtype=np.float64)
        if planes.ndim != _PLANES:
            raise UsageError(
                f"sets_plus takes every fold model's probabilities (n_folds, n, k), got shape {planes.shape}"
            )
        scores = np.stack([self._scores(self._given(each, u), u) for each in planes])
        self._thresholds(alpha, strata, scores.shape[1])  # warns
        inside = self.scores.beaten(scores, checked_alpha(alpha), strata)
        return self._filled(inside, planes.mean(axis=0))

    def _given(self, p: ArrayLike, u: ArrayLike | None) -> Array:
        given = checked_probabilities(p)
        if given.shape[1] != self.n_classes:
            raise UsageError(f"calibrated on {self.n_classes} classes, got probabilities of {given.shape[1]}")
        if self.randomised != (u is not None):
            raise UsageError("give uniform numbers u to both fit and sets, or to neither")
        return given

    def _scores(self, p: Array, u: ArrayLike | None) -> Array:
        """How strange each class would be `(n, k)`; a class belongs to the set where that is at most the threshold."""
        if self.method == "lac":
            return 1 - p
        order = np.argsort(-p, axis=1, kind="stable")
        ranked = np.take_along_axis(p, order, axis=1)
        mass = np.cumsum(ranked, axis=1)
        if u is not None:
            mass -= np.asarray(u, dtype=np.float64)[:, None] * ranked
        if self.method == "raps":
            mass += self.penalty * np.maximum(np.arange(1, p.shape[1] + 1) - self.free, 0)
        scores = np.empty_like(p)
        np.put_along_axis(scores, order, mass, axis=1)
        return scores

    def _filled(self, inside: Mask, p: Array) -> Mask:
        if self.at_least_one:
            inside[np.arange(len(p)), p.argmax(axis=1)] = True
        return inside

    def to_dict(self, alphas: Sequence[float] | None = None) -> dict[str, Any]:
        """What JSON keeps; with `alphas` only their thresholds instead of all scores (then CV+ is over)."""
        own = {
            name: getattr(self, name)
            for name in ("method", "conditional", "penalty", "free", "at_least_one", "n_classes", "randomised")
        }
        return {"kind": "conformal_classifier", **own, "scores": self.scores.to_dict(alphas)}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """The classifier that `to_dict` wrote; raises ArtefactError where the state is none."""
        options = Scores.options(
            state, "conformal_classifier", ("method", "conditional", "penalty", "free", "at_least_one")
        )
        made = cls(**options)
        made.n_classes, made.randomised = int(state["n_classes"]), bool(state["randomised"])
        made.scores = Scores.from_dict(state["scores"])
        return made


class ConformalRegressor(_Conformal):
    """Intervals of a value. `method`: `absolute` (equally wide), `normalised` (as wide as `scale`), `cqr` (around two quantiles).

    >>> made = ConformalRegressor().fit(np.zeros(4), [1.0, -2.0, 3.0, 0.5])
    >>> made.intervals([10.0], alpha=0.4)
    array([[ 8., 12.]])
    """

    def __init__(self, method: str = "absolute") -> None:
        if method not in {"absolute", "normalised", "cqr"}:
            raise UsageError(f"method is absolute, normalised or cqr, got {method!r}")
        self.method = method

    def fit(
        self,
        p: ArrayLike,
        y: ArrayLike,
        *,
        scale: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        strata: ArrayLike | None = None,
        folds: ArrayLike | None = None,
    ) -> Self:
        """Keep the scores of held-out predictions `p (n,)`, for `cqr` quantiles `(n, 2)`, and values `y (n,)`.

        `scale (n,)`, above zero, is how wide `normalised` expects to be: a predicted error, the spread of an ensemble.
        """
        ends, width = self._ends(p, scale)
        truth = np.asarray(y, dtype=np.float64)
        if truth.shape != (len(ends),) or not np.isfinite(truth).all():
            raise UsageError(f"y has to be ({len(ends)},) finite values, got shape {truth.shape}")
        own = np.maximum(ends[:, 0] - truth, truth - ends[:, 1]) / width
        self.scores = Scores.of(own, groups=groups, strata=strata, folds=folds)
        return self

    def intervals(
        self, p: ArrayLike, alpha: float = 0.1, *, scale: ArrayLike | None = None, strata: ArrayLike | None = None
    ) -> Array:
        """Ends `(n, 2)` for one model's predictions; infinite where calibration rows are too few, which is warned of."""
        ends, width = self._ends(p, scale)
        reach = self._thresholds(alpha, strata, len(ends))[:, 0] * width
        return _ordered(np.column_stack([ends[:, 0] - reach, ends[:, 1] + reach]))

    def intervals_plus(
        self, p: ArrayLike, alpha: float = 0.1, *, scale: ArrayLike | None = None, strata: ArrayLike | None = None
    ) -> Array:
        """CV+ intervals `(n, 2)` from all fold models' predictions `(n_folds, n)`, for `cqr` `(n_folds, n, 2)`."""
        planes = np.asarray(p, dtype=np.float64)
        widths: Any = [None] * len(planes) if scale is None else np.asarray(scale, dtype=np.float64)
        both = [self._ends(each, width) for each, width in zip(planes, widths, strict=True)]
        lower, upper = np.stack([ends[:, 0] for ends, _ in both]), np.stack([ends[:, 1] for ends, _ in both])
        spread = np.stack([width for _, width in both])
        kept, out = self.scores, np.empty((lower.shape[1], 2))
        self._thresholds(alpha, strata, len(out))  # warns
        for rows, own in kept.blocks(strata, lower.shape[1], _CHUNK):
            fold, score = kept.fold(len(planes))[own], kept.values[own]
            reach = score * spread[fold][:, rows].T
            ends = lower[fold][:, rows].T - reach, upper[fold][:, rows].T + reach
            out[rows] = jackknife_plus(*ends, kept.weights[own], alpha)
        return _ordered(out)

    def _ends(self, p: ArrayLike, scale: ArrayLike | None) -> tuple[Array, Array]:
        given = np.asarray(p, dtype=np.float64)
        if self.method == "cqr":
            if given.ndim != _ENDS or given.shape[1] != _ENDS:
                raise UsageError(f"cqr takes a lower and an upper quantile (n, 2), got shape {given.shape}")
            ends = np.sort(given, axis=1)
        else:
            ends = np.repeat(given.reshape(len(given), -1)[:, :1], 2, axis=1)
            if given.ndim > 1 and given.shape[1:] != (1,):
                raise UsageError(f"{self.method} takes one prediction a row, got shape {given.shape}")
        if not np.isfinite(ends).all():
            raise UsageError("predictions hold NaN or infinity; an interval around them would mean nothing")
        if (self.method == "normalised") != (scale is not None):
            raise UsageError(f"scale belongs to method normalised, and only to it; this is {self.method}")
        width = np.ones(len(ends)) if scale is None else np.asarray(scale, dtype=np.float64)
        if width.shape != (len(ends),) or not (np.isfinite(width) & (width > 0)).all():
            raise UsageError(f"scale has to be ({len(ends)},) finite numbers above 0, got shape {width.shape}")
        return ends, width

    def to_dict(self, alphas: Sequence[float] | None = None) -> dict[str, Any]:
        """What JSON keeps; with `alphas` only their thresholds instead of all scores (then CV+ is over)."""
        return {"kind": "conformal_regressor", "method": self.method, "scores": self.scores.to_dict(alphas)}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """The regressor that `to_dict` wrote; raises ArtefactError where the state is none."""
        made = cls(**Scores.options(state, "conformal_regressor", ("method",)))
        made.scores = Scores.from_dict(state["scores"])
        return made


def _ordered(ends: Array) -> Array:
    """Ends that crossed, as `cqr` with a negative score may, meet in the middle."""
    crossed = ends[:, 0] > ends[:, 1]
    ends[crossed] = ends[crossed].mean(axis=1, keepdims=True)
    return ends
