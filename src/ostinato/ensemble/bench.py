"""Members fitted on all rows, and what they say of rows that they had not seen: what every ensemble learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _num_samples

from ostinato.core.errors import SearchError, UsageError
from ostinato.ensemble.calibrators import shares
from ostinato.ensemble.folds import Pair, pairs_of
from ostinato.ensemble.problem import Problem, missing_rows
from ostinato.ensemble.reliability import log_losses

Array = NDArray[np.float64]
_MOST_BYTES = 8 * 2**30  # of out-of-fold scores


@dataclass(frozen=True, eq=False)
class Fitted:
    """One model, and which classes it was shown; without a model, the one class that there was."""

    name: str
    model: Any
    seen: NDArray[np.int64] | None
    outputs: int

    @classmethod
    def on(cls, name: str, estimator: Any, X: Any, y: NDArray[Any], rows: NDArray[np.int64], problem: Problem) -> Self:
        """A clone of `estimator` fitted on some rows; classes that are missing there are left out of its codes."""
        part, target, seen = _safe_indexing(X, rows), y[rows], None
        if problem.classes is not None:
            seen, target = np.unique(target, return_inverse=True)
            if len(seen) == 1:
                return cls(name, None, seen, problem.outputs)
        try:
            return cls(name, clone(estimator).fit(part, target), seen, problem.outputs)
        except Exception as error:
            error.add_note(f"raised by member {name!r} on {len(rows)} rows")
            raise

    def scores(self, X: Any) -> Array:
        """Probabilities `(n, k)`, columns in the order of all classes, or values `(n, 1)`.

        Classifiers without probabilities give the softmax of their margins, or else all to the class that they choose.
        """
        if self.seen is None:
            values = np.asarray(self.model.predict(X), dtype=np.float64).reshape(_num_samples(X), -1)
            if values.shape[1] != 1:
                raise UsageError(f"member {self.name!r} predicts {values.shape[1]} values a row; ensembles take one")
            return self._finite(values)
        out = np.zeros((_num_samples(X), self.outputs))
        out[:, self.seen] = 1.0 if self.model is None else self._shares(X)
        return self._finite(out)

    def _shares(self, X: Any) -> Array:
        if hasattr(self.model, "predict_proba"):
            return np.asarray(self.model.predict_proba(X), dtype=np.float64)
        if hasattr(self.model, "decision_function"):
            margin = np.asarray(self.model.decision_function(X), dtype=np.float64)
            return shares(np.column_stack([np.zeros(len(margin)), margin]) if margin.ndim == 1 else margin)
        assert self.seen is not None
        return np.eye(len(self.seen))[np.asarray(self.model.predict(X), dtype=np.int64)]

    def _finite(self, scores: Array) -> Array:
        if not np.isfinite(scores).all():
            row = int(np.argmin(np.isfinite(scores).all(axis=1)))
            raise SearchError(
                f"member {self.name!r} gives NaN or infinity, first at row {row}; leave it out or mend it"
            )
        return scores


@dataclass(frozen=True, eq=False)
class Bench:
    """Models fitted on all rows, and out-of-fold scores `(n_models, n, outputs)`, NaN for rows that no fold held out."""

    X: Any
    y: NDArray[Any]  # codes or values
    groups: NDArray[Any] | None
    problem: Problem
    models: tuple[Fitted, ...]
    bags: tuple[tuple[Fitted, ...], ...]  # each member's fold models, in the order of the folds
    scores: Array
    pairs: tuple[Pair, ...]

    @classmethod
    def of(
        cls,
        members: Sequence[tuple[str, Any]],
        X: Any,
        y: NDArray[Any],
        problem: Problem,
        *,
        groups: ArrayLike | None = None,
        cv: Any = 5,
        seed: int = 0,
        n_jobs: int | None = None,
        out_of_fold: bool = True,
        refit: bool = True,
        pairs: Sequence[Pair] | None = None,
    ) -> Self:
        """Fit members on all rows (`refit`) and on every fold's rest (`out_of_fold`)."""
        n = _num_samples(X)
        if n != len(y):
            raise UsageError(f"X has {n} rows and y {len(y)}: inconsistent numbers of samples; give one target a row")
        if (size := len(members) * n * problem.outputs * 8) > _MOST_BYTES:
            raise UsageError(
                f"out-of-fold scores of {len(members)} members × {n} rows × {problem.outputs} outputs would take "
                f"{size / 2**30:.0f} GiB; give fewer rows or members, or group rare classes"
            )
        units = checked_groups(groups, n)
        if pairs is None:
            pairs = pairs_of(y, units, cv, seed, problem.classes is not None, X) if out_of_fold else []
        rows = [train for train, _ in pairs] + ([np.arange(n)] if refit else [])
        jobs = [(name, model, part) for name, model in members for part in rows]
        made = list(Parallel(n_jobs=n_jobs)(delayed(Fitted.on)(a, b, X, y, part, problem) for a, b, part in jobs))
        each = [made[i * len(rows) : (i + 1) * len(rows)] for i in range(len(members))]
        scores = np.full((len(members), n, problem.outputs), np.nan)
        for model, fits in enumerate(each):
            for (_, test), fit in zip(pairs, fits, strict=False):
                scores[model, test] = fit.scores(_safe_indexing(X, test))
        bags = tuple(tuple(fits[: len(pairs)]) for fits in each)
        return cls(X, y, units, problem, tuple(fits[-1] for fits in each), bags, scores, tuple(pairs))

    @property
    def held(self) -> NDArray[np.bool_]:
        """Rows `(n,)` that some fold held out."""
        return np.asarray(np.isfinite(self.scores).all(axis=(0, 2)))

    @property
    def fair(self) -> NDArray[np.bool_]:
        """Rows `(n,)` held out whose class the fold's models could know: it occurs among the rows that they learnt from."""
        out = self.held.copy()
        if self.problem.classes is not None:
            for train, test in self.pairs:
                out[test] &= np.isin(self.y[test], self.y[train])
        return out

    @property
    def folds(self) -> NDArray[np.int64]:
        """The fold `(n,)` that held a row out, -1 for none."""
        number = np.full(len(self.y), -1, dtype=np.int64)
        for fold, (_, test) in enumerate(self.pairs):
            number[test] = fold
        return number

    @property
    def units(self) -> NDArray[np.int64]:
        """What repeats itself independently `(n,)`: the group, or the row."""
        n = len(self.y)
        return np.arange(n) if self.groups is None else np.unique(self.groups, return_inverse=True)[1].astype(np.int64)


def checked_groups(groups: ArrayLike | None, n: int) -> NDArray[Any] | None:
    """Groups as text `(n,)`; raises UsageError where some are missing or the length differs."""
    if groups is None:
        return None
    given = np.asarray(groups)
    if given.shape != (n,):
        raise UsageError(f"groups has shape {given.shape}, expected ({n},): one a row")
    missing = missing_rows(given)
    if missing.any():
        raise UsageError(f"{int(missing.sum())} rows have no group, first {int(np.argmax(missing))}; give each its own")
    return given.astype(str)


def row_losses(y: NDArray[Any], scores: Array, problem: Problem) -> Array:
    """The loss `(n,)` of each row: negative log probability in nats, or squared error."""
    if problem.classes is None:
        return np.asarray((scores[:, 0] - y) ** 2)
    return log_losses(scores, y)
