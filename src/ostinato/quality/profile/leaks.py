"""Which columns know the answer: what each column alone says about the target, on rows that it was not learnt from.

A column is cut into at most 64 cells (quantiles of a number, commonest values of a category, missing as one of its own);
the target is predicted from the cell, half of the rows (or groups) by the other half. Skill is 1 - loss / loss of the best
constant: log loss of a class, squared error of a number. 1 says all, 0 nothing. What an honest column of music reaches lies
far below the bounds here; a column above them is a copy of the target, made from it, or filled in only afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ostinato.quality.profile.cells import Array, Bools, Ints
from ostinato.quality.profile.finding import Finding, percent
from ostinato.quality.profile.sample import few_codes
from ostinato.quality.profile.view import View

_CELLS = 64
SUSPECT, _CERTAIN = 0.75, 0.97
_GAPS = 0.4  # skill of being missing alone
_FEWEST = 40
_CLASSES = 20  # numbers of more distinct values are a regression
_MOST_CLASSES = 50
_SMOOTH = 0.5


@dataclass(frozen=True)
class Skill:
    """What one column says about the target: its values, and where it is missing alone."""

    column: str
    skill: float
    of_gaps: float


@dataclass(frozen=True)
class Leaks:
    """The target, as what it was predicted, and the skill of each column, most first."""

    target: str
    kind: str
    rows: int
    skills: tuple[Skill, ...]


def leaks_of(
    views: Sequence[View], target: str, groups: str | None, rows: Ints, seed: int
) -> tuple[Leaks | None, list[Finding]]:
    """The skill of each column and the suspects. `rows` are those looked at; rows without a target are left out."""
    goal = next(view for view in views if view.name == target)
    rows = rows[~goal.absent[rows]]
    findings = _target_findings(goal)
    if len(rows) < _FEWEST or goal.profile.distinct < 2:  # noqa: PLR2004 - one answer needs no column
        return None, findings
    y, classes = _goal(goal, rows)
    half = _halves(views, groups, rows, seed)
    if min(half.sum(), (~half).sum()) == 0:
        return None, findings
    skills = []
    for view in views:
        if view is goal or view.profile.meaning in ("nothing", "constant"):
            continue
        cells, k = _cells(view, rows)
        gone = view.absent[rows].astype(np.int64)
        own = _skill(cells, k, y, classes, half)
        skills.append(Skill(view.name, own, _skill(gone, 2, y, classes, half) if 0 < gone.sum() < len(gone) else 0.0))
    skills.sort(key=lambda skill: (-skill.skill, skill.column))
    kind = f"one of {classes} classes" if classes else "a number"
    facts = Leaks(target, kind, len(rows), tuple(skills))
    return facts, [*findings, *(finding for skill in skills if (finding := _suspect(skill, target)) is not None)]


def _goal(goal: View, rows: Ints) -> tuple[Array | Ints, int]:
    if goal.is_number and goal.profile.distinct > _CLASSES:
        y = goal.numbers(rows)
        low, high = np.nanquantile(y[np.isfinite(y)], [0.001, 0.999])
        return np.clip(np.nan_to_num(y, nan=float(low)), low, high), 0
    codes, k = few_codes(goal, rows)
    return codes, k


def _halves(views: Sequence[View], groups: str | None, rows: Ints, seed: int) -> Bools:
    rng = np.random.default_rng([seed, 7])
    if groups is None:
        return rng.random(len(rows)) < 0.5  # noqa: PLR2004 - a half
    codes, k = next(view for view in views if view.name == groups).codes(rows)
    side = rng.random(k + 1) < 0.5  # noqa: PLR2004
    return np.asarray(side[codes])


def _cells(view: View, rows: Ints) -> tuple[Ints, int]:
    """Codes from 0, the last for missing."""
    if not view.is_number or view.profile.distinct <= _CELLS:
        codes, k = few_codes(view, rows)
        return np.where(codes < 0, k, codes), k + 1
    values = view.numbers(rows)
    known = np.isfinite(values)
    edges = np.unique(np.quantile(values[known], np.linspace(0, 1, _CELLS + 1)[1:-1])) if known.any() else np.zeros(0)
    codes = np.searchsorted(edges, np.where(known, values, 0.0), "left")
    return np.where(known, codes, len(edges) + 1).astype(np.int64), len(edges) + 2


def _skill(cells: Ints, k: int, y: Array | Ints, classes: int, half: Bools) -> float:
    """Share of the loss of the best constant that knowing the cell takes away, out of sample."""
    loss = base = 0.0
    for learn, judge in ((half, ~half), (~half, half)):
        if classes:
            table = np.bincount(cells[learn] * classes + y[learn], minlength=k * classes).reshape(k, classes)
            prior = (table.sum(axis=0) + _SMOOTH) / (table.sum() + _SMOOTH * classes)
            odds = (table + _SMOOTH * prior) / (table.sum(axis=1, keepdims=True) + _SMOOTH)
            loss -= float(np.log(odds[cells[judge], y[judge]]).sum())
            base -= float(np.log(prior[y[judge]]).sum())
        else:
            counts = np.bincount(cells[learn], minlength=k)
            prior = float(y[learn].mean())
            means = (np.bincount(cells[learn], weights=y[learn], minlength=k) + _SMOOTH * prior) / (counts + _SMOOTH)
            loss += float(((y[judge] - means[cells[judge]]) ** 2).sum())
            base += float(((y[judge] - prior) ** 2).sum())
    return max(0.0, 1 - loss / base) if base > 0 else 0.0


def _suspect(skill: Skill, target: str) -> Finding | None:
    if skill.of_gaps >= _GAPS:
        says = f"whether it is filled says {percent(skill.of_gaps)} of what is to be known of {target}"
        says += ": it is known only where the answer is"
        todo = "Leave it out, unless it is known before the answer in real use"
        return Finding("leak_of_gaps", "critical", (skill.column,), says, todo)
    if skill.skill < SUSPECT:
        return None
    copy = skill.skill >= _CERTAIN
    says = f"alone it says {percent(skill.skill)} of what is to be known of {target}"
    says += ": it is a copy of it, or was made from it" if copy else ", more than an honest column does"
    todo = (
        "Leave it out"
        if copy
        else "Find out when and from what it is made; leave it out unless it is known before the answer"
    )
    return Finding("leak", "critical" if copy else "warning", (skill.column,), says, todo)


def _target_findings(goal: View) -> list[Finding]:
    profile = goal.profile
    found = []
    gone = profile.missing + profile.blank
    if gone:
        says = f"the target is missing in {percent(profile.missing_share)} of the rows"
        found.append(
            Finding(
                "target_missing", "warning", (goal.name,), says, "Those rows can be scored and not learnt from", gone
            )
        )
    if profile.filled and profile.distinct < 2:  # noqa: PLR2004 - one answer
        says = "the target is the same in every row"
        found.append(
            Finding("target_constant", "critical", (goal.name,), says, "There is nothing to learn; look at the source")
        )
    if not goal.is_number or profile.distinct <= _CLASSES:
        counts = _class_counts(goal)
        rare = sum(count < 10 for count in counts)  # noqa: PLR2004 - fewer than two a fold of five
        if rare and len(counts) <= _MOST_CLASSES:
            says = f"{rare} of {len(counts)} classes have fewer than 10 rows, the rarest {min(counts)}"
            found.append(
                Finding("rare_classes", "warning", (goal.name,), says, "Gather more of them, or put them together")
            )
    return found


def _class_counts(goal: View) -> list[int]:
    codes, k = goal.codes()
    return [count for count in np.bincount(codes[codes >= 0], minlength=k).tolist() if count]
