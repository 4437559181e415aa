"""Honest cross-validation for any table: start with `folds_for`, which chooses by what is known of the rows.

    from ostinato.features.folds import folds_for
    plan = folds_for("multiclass", y, groups=artist)
    for train, test in plan.pairs: ...

Groups are never cut, time is never shuffled, and what had to be given up is said in `plan.notes`. The kinds are splitters with
scikit-learn's convention (`split(X, y, groups)` yields index arrays), so `cross_val_score(..., cv=GroupedFolds(5))` works.
"""

from ostinato.features.folds.choice import folds_for
from ostinato.features.folds.nested import NestedFold, NestedFolds
from ostinato.features.folds.ordered import PurgedFolds, TimeFolds
from ostinato.features.folds.plan import FoldPlan, Splitter
from ostinato.features.folds.shuffled import GroupedFolds, RepeatedFolds, StratifiedFolds

__all__ = [
    "FoldPlan",
    "GroupedFolds",
    "NestedFold",
    "NestedFolds",
    "PurgedFolds",
    "RepeatedFolds",
    "Splitter",
    "StratifiedFolds",
    "TimeFolds",
    "folds_for",
]
