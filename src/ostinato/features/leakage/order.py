"""Training on rows that come later than those that are tested."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from ostinato.features.leakage.report import Finding, shown
from ostinato.features.leakage.sides import TEST, Sides
from ostinato.features.leakage.table import Table
from ostinato.features.leakage.target import Target

_INSIDE = 0.01  # share of training rows that lie within the tested stretch of time
_ORDERED = 0.999  # rank correlation of a column with the order of the rows
_DRIFT = 0.3  # how far the target moves along the rows: correlation ratio
_FEWEST = 50


def order(moments: NDArray[Any], sides: Sides, most: int) -> list[Finding]:
    """Folds that mix what time keeps apart; blocks in time, purged or not, are well."""
    rows = np.zeros(len(moments), dtype=bool)
    worst = 0.0
    for train, test in sides.pairs():
        if not len(train) or not len(test):
            continue
        first, last = moments[test].min(), moments[test].max()
        inside = (moments[train] > first) & (moments[train] < last)
        worst = max(worst, float(inside.mean()))
        if inside.mean() > _INSIDE:
            rows[train[inside]] = True
    found = []
    if rows.any():
        found.append(
            _finding(
                f"{int(rows.sum())} training rows lie within the time that a fold tests", "critical", rows, most, worst
            )
        )
    if sides.fold is not None and (sides.fold == TEST).any():
        test = sides.fold == TEST
        later = ~test & (moments > moments[test].max())
        if not rows.any() and later.mean() > _INSIDE:
            found.append(
                _finding(
                    f"{int(later.sum())} rows to learn from are later than the test", "critical", later, most, worst
                )
            )
    return found


def drift(table: Table, targets: tuple[Target, ...], sides: Sides, most: int) -> list[Finding]:
    """Dates that follow the order of the rows, folds that do not, and a target that moves along: then order matters."""
    for each in table.columns:
        if each.kind != "date" or each.missing.any() or each.distinct < _FEWEST:
            continue
        ranks = rankdata(each.values)
        if abs(np.corrcoef(ranks, np.arange(len(ranks)))[0, 1]) < _ORDERED:
            continue
        moved = max((_moved(ranks[own.rows], own) for own in targets), default=0.0)
        mixed = order(each.values, sides, most)
        if mixed and moved > _DRIFT:
            what = f"Rows follow the dates of {each.name!r}, the target moves along ({moved:.0%} of it), and folds mix them"
            return [_finding(what, "warning", np.ones(len(ranks), dtype=bool), most, moved, (each.name,))]
    return []


def _moved(ranks: NDArray[np.float64], target: Target) -> float:
    """Correlation ratio of the target over twenty stretches of time."""
    stretch = np.minimum((rankdata(ranks) / (len(ranks) + 1) * 20).astype(np.int64), 19)
    columns = (
        [target.ranks]
        if target.codes is None
        else [(target.codes == c).astype(float) for c in range(min(int(target.codes.max()) + 1, 20))]
    )
    count = np.maximum(np.bincount(stretch, minlength=20), 1)
    ratios = []
    for y in columns:
        mean = np.bincount(stretch, weights=y, minlength=20) / count
        ratios.append(float(((mean[stretch] - y.mean()) ** 2).sum() / max(((y - y.mean()) ** 2).sum(), 1e-12)))
    return float(np.sqrt(max(ratios)))


def _finding(
    what: str, severity: Any, rows: NDArray[np.bool_], most: int, share: float, columns: tuple[str, ...] = ()
) -> Finding:
    return Finding(
        kind="temporal_order",
        severity=severity,
        what=f"{what}.",
        advice="Split in time (TimeFolds, or PurgedFolds where a label is known only later).",
        columns=columns,
        rows=shown(rows, most),
        total=int(rows.sum()),
        facts={"share": round(share, 4)},
    )
