"""Which folds are honest for a problem, by what is known of its rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ostinato.core.errors import UsageError
from ostinato.features.folds.ordered import Duration, PurgedFolds, TimeFolds
from ostinato.features.folds.plan import FoldPlan
from ostinato.features.folds.shuffled import GroupedFolds, RepeatedFolds, StratifiedFolds
from ostinato.features.folds.strata import PROBLEMS, Problem


def folds_for(
    problem: Problem,
    y: Any,
    groups: Any = None,
    time: Any = None,
    *,
    folds: int = 5,
    seed: int = 0,
    repeats: int = 1,
    horizon: Duration | None = None,
    ends: Any = None,
    embargo: Duration = 0,
) -> FoldPlan:
    """Folds of the target `y (n,)`, or `(n, L)` of a multilabel problem, with notes on what had to be given up.

    - `time (n,)`: in order, learnt from earlier rows only; with `groups` too, training rows of tested groups are left out.
    - `horizon` or `ends (n,)`, how long after or when a label is known: purged as well, with `embargo`.
    - `groups (n,)` alone: whole groups, stratified by the target.
    - neither: stratified rows; a regression by bins of its value, several labels by each of them.

    Equal input and `seed` give equal folds. Raises SplitError where no honest folds exist, UsageError for calls that contradict
    themselves.

    >>> folds_for("binary", [0, 1] * 10, groups=list("aabbccddeeffgghhiijj"), folds=2).kind
    'grouped'
    """
    if problem not in PROBLEMS:
        raise UsageError(f"problem is {problem!r}; give one of {', '.join(PROBLEMS)}")
    if time is None:
        if horizon is not None or ends is not None or embargo:
            raise UsageError("horizon, ends and embargo belong to time; give time, one moment a row")
        base = GroupedFolds(folds, seed, problem) if groups is not None else StratifiedFolds(folds, seed, problem)
        return (base if repeats == 1 else RepeatedFolds(base, repeats)).plan(None, y, groups)
    if horizon is None and ends is None and not embargo:
        found = TimeFolds(folds).plan(None, y, groups, time)
    else:
        purged = PurgedFolds(folds, 0 if horizon is None else horizon, embargo, past_only=True)
        found = purged.plan(None, y, groups, time, ends)
    if repeats > 1:
        found = replace(found, notes=(*found.notes, "Folds in time are the same each time, so they are not repeated."))
    return found
