"""Folds within folds: what is chosen on the inner ones is judged on the outer ones, which it never touched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ostinato.features.folds.balance import Codes
from ostinato.features.folds.ordered import PurgedFolds, TimeFolds
from ostinato.features.folds.plan import FoldPlan, Pair, Planned, taken
from ostinato.features.folds.shuffled import GroupedFolds, RepeatedFolds, StratifiedFolds, seeds

Kind = StratifiedFolds | GroupedFolds | RepeatedFolds | TimeFolds | PurgedFolds


@dataclass(frozen=True)
class NestedFold:
    """An outer pair, and inner pairs whose positions are of the whole table and lie in `train` alone."""

    train: Codes
    test: Codes
    inner: tuple[Pair, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class NestedFolds(Planned):
    """`outer` × `inner`: a splitter by its outer folds; `nested` yields them with inner folds of the same groups and time.

    >>> import numpy as np
    >>> fold = next(NestedFolds(StratifiedFolds(2), StratifiedFolds(2)).nested(y=np.array([0, 1] * 4)))
    >>> sorted({*fold.inner[0][0].tolist(), *fold.inner[0][1].tolist()}) == fold.train.tolist()
    True
    """

    outer: Kind
    inner: Kind

    @property
    def n_splits(self) -> int:  # type: ignore[override]
        """Pairs of the outer folds, as asked for."""
        return self.outer.n_splits

    def plan(self, X: Any = None, y: Any = None, groups: Any = None, time: Any = None) -> FoldPlan:
        """The outer folds."""
        return self.outer.plan(X, y, groups, time)

    def nested(self, X: Any = None, y: Any = None, groups: Any = None, time: Any = None) -> Iterator[NestedFold]:
        """The outer folds with their inner ones, each with seeds of its own; raises SplitError where no honest ones exist."""
        pairs = self.outer.plan(X, y, groups, time).pairs
        for number, (train, test) in enumerate(pairs):
            own = [taken(each, train) for each in (X, y, groups, time)]
            plan = _with_seed(self.inner, number).plan(*own)
            inner = tuple((train[a], train[b]) for a, b in plan.pairs)
            yield NestedFold(train, test, inner, plan.notes)


def _with_seed(kind: Kind, number: int) -> Kind:
    match kind:
        case RepeatedFolds(base=base):
            return replace(kind, base=replace(base, seed=seeds(base.seed, number + 1)[-1]))
        case StratifiedFolds(seed=seed) | GroupedFolds(seed=seed):
            return replace(kind, seed=seeds(seed, number + 1)[-1])
        case _:
            return kind
