"""Columns that are the target again: copied, transformed, blurred, or split over two columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ostinato.features.leakage.report import Finding
from ostinato.features.leakage.table import Column, Floats, Table
from ostinato.features.leakage.target import Target

_FEWEST = 30  # rows; in fewer anything can foretell anything
_FUNCTION = 0.99  # share of a column that the target foretells: the column was made from it
_NEARLY = 0.95  # share of other columns that makes the problem an easy one
_STANDS_OUT = 0.35  # what is left over of a copy, relative to the next best column of an easy problem
_CERTAIN = 0.9999
_ALONE = 0.98  # share of the target that one column foretells …
_OTHERS = 0.8  # … while no other column foretells more than this
_BLURRED, _OTHERS_BLURRED = 0.9, 0.6  # the same for a column with the target's own classes, some of them wrong
_EXACT = 1 - 1e-6  # of the variance, by two columns together


def copies(table: Table, target: Target, passed: set[str]) -> list[Finding]:
    """Columns that foretell the target far too well; `passed` have been found by another check."""
    if len(target.rows) < _FEWEST:
        return []
    # a target that moves along with a date is drift, which folds in time answer
    columns = [each for each in table.columns if each.name not in passed and each.distinct > 1 and each.kind != "date"]
    skill = np.array([target.foretold(each) for each in columns])
    made = np.array([target.foretells(each) for each in columns])
    few = max(1, len(columns) / 4)
    easy = bool(
        (skill >= _ALONE).sum() > few or (made >= _NEARLY).sum() > few
    )  # where every column knows, none is a copy
    found = []
    for n, each in enumerate(columns):
        others = np.delete(skill, n)
        rest = float(others[others < _ALONE].max(initial=0.0))
        next_made = float(np.delete(made, n)[np.delete(made, n) < _CERTAIN].max(initial=0.0))
        plain = not easy or 1 - made[n] < _STANDS_OUT * (1 - next_made)
        reason = _reason(each, target, float(skill[n]), float(made[n]), rest, easy=easy, plain=plain)
        if reason:
            found.append(_finding(each.name, target, reason, float(skill[n])))
    flagged = {name for each in found for name in each.columns}
    return found + _pairs([each for each in columns if each.name not in flagged], target)


def _reason(each: Column, target: Target, skill: float, made: float, rest: float, *, easy: bool, plain: bool) -> str:
    if made >= _FUNCTION and plain:
        return f"the target foretells {made:.1%} of it, so it was made from the target"
    alone = f"it alone foretells {skill:.1%} of the target, the next column {rest:.0%}"
    if skill >= _ALONE and rest <= _OTHERS and not easy:
        return alone
    if skill >= _CERTAIN and target.codes is not None and each.distinct <= max(50, 2 * int(target.codes.max() + 1)):
        return "each of its values goes with one class only"
    few = target.codes is not None and each.distinct == int(target.codes.max()) + 1
    return alone if few and skill >= _BLURRED and rest <= _OTHERS_BLURRED else ""


def _finding(name: str, target: Target, reason: str, skill: float) -> Finding:
    what = f"of {target.name!r} " if target.name else ""
    return Finding(
        kind="target_copy",
        severity="critical",
        what=f"Column {name!r} is a copy {what}or a transform of the target: {reason}.",
        advice="Leave it out unless it is known when a prediction is asked for.",
        columns=(name,),
        total=len(target.rows),
        facts={"foretold": round(skill, 4)},
    )


def _pairs(columns: list[Column], target: Target) -> list[Finding]:
    """Two columns whose sum, difference, product or quotient is the target."""
    columns = [each for each in columns if each.kind != "word" and np.isfinite(each.values[target.rows]).mean() > 0.95]  # noqa: PLR2004
    codes = target.codes
    if len(columns) < 2 or (target.values is None and codes is not None and codes.max() > 1):  # noqa: PLR2004
        return []
    y = codes.astype(np.float64) if target.values is None and codes is not None else target.values
    assert y is not None
    X = np.stack([each.values[target.rows] for each in columns], axis=1)
    known = np.isfinite(X).all(axis=1)
    found = _best_pair(X[known], y[known])
    if found is None and target.values is not None and (y[known] > 0).all():
        positive = np.flatnonzero((X[known] > 0).all(axis=0))
        logs = _best_pair(np.log(X[known][:, positive]), np.log(y[known])) if len(positive) > 1 else None
        found = (int(positive[logs[0]]), int(positive[logs[1]])) if logs else None
    if found is None:
        return []
    names = (columns[found[0]].name, columns[found[1]].name)
    return [
        Finding(
            kind="target_copy",
            severity="critical",
            what=f"The target is computed from columns {names[0]!r} and {names[1]!r} exactly.",
            advice="Leave out the one that is not known when a prediction is asked for.",
            columns=names,
            total=len(target.rows),
        )
    ]


def _best_pair(X: Floats, y: NDArray[np.float64]) -> tuple[int, int] | None:
    """The two columns that a linear function of gives `y` exactly, by the correlations alone."""
    if len(y) < _FEWEST or y.std() == 0:
        return None
    spread = X.std(axis=0)
    scaled = (X - X.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    own = scaled.T @ ((y - y.mean()) / y.std()) / len(y)
    both = scaled.T @ scaled / len(y)
    below = 1 - both**2
    with np.errstate(divide="ignore", invalid="ignore"):
        squared = (own[:, None] ** 2 + own[None, :] ** 2 - 2 * own[:, None] * own[None, :] * both) / below
    squared[(below < 1e-6) | ~np.isfinite(squared)] = 0.0  # noqa: PLR2004
    best = int(squared.argmax())
    one, other = divmod(best, len(own))
    if squared[one, other] < _EXACT or max(own[one] ** 2, own[other] ** 2) > _ALONE:
        return None
    return min(one, other), max(one, other)
