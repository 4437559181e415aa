"""What is missing, whether gaps come together, and whether other columns tell where they are.

Whether a gap depends on the missing value itself (MNAR) no table can show. What it can show are signs against "missing
completely at random" (MCAR): other columns differ where a column is missing (then it is at best MAR). Each pair is tested,
numbers by their ranks, categories by chi-square, and p-values are corrected over all pairs (Holm 1979). Little's test
(1988) asks all at once, see `little`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ostinato.quality.profile.association import chi_square, cramers_v
from ostinato.quality.profile.cells import Bools, Ints
from ostinato.quality.profile.finding import Finding, counted, percent
from ostinato.quality.profile.little import LittleTest, little_test
from ostinato.quality.profile.sample import Sample
from ostinato.quality.profile.view import View

_MOST_COLUMNS = 60  # columns with gaps whose pattern is looked into
_FEWEST = 20  # gaps, and filled cells, that a test needs
_P, _EFFECT = 0.01, 0.1
_EXACTLY = 0.98  # an association of this strength is a rule
_TOGETHER = 0.8  # Jaccard index from which two columns are missing together
_PATTERNS = 12
_MUCH, _MOSTLY = 0.2, 0.5


@dataclass(frozen=True)
class Sign:
    """Another column differs where `column` is missing: how much (-1 to 1, categories 0 to 1), with which p (Holm)."""

    column: str
    other: str
    effect: float
    p: float


@dataclass(frozen=True)
class Missingness:
    """Gaps of a table: rows by pattern (columns that are missing together), pairs of columns, signs against MCAR, Little's test."""

    cells: int
    complete_rows: int
    patterns: tuple[tuple[tuple[str, ...], int], ...]
    together: tuple[tuple[str, str, float], ...]
    signs: tuple[Sign, ...]
    little: LittleTest | None


def missingness_of(views: Sequence[View], sample: Sample) -> tuple[Missingness, list[Finding]]:
    """Facts and findings on what is missing."""
    gappy = [view for view in views if view.profile.missing + view.profile.blank]
    n = len(views[0].absent)
    some = sorted((v for v in gappy if v.profile.filled), key=lambda v: (-v.profile.missing_share, v.name))[
        :_MOST_COLUMNS
    ]
    patterns, complete = _patterns(gappy, n)
    together = _together(some)
    signs = _signs(some, sample)
    little = little_test(sample) if some else None
    cells = sum(view.profile.missing + view.profile.blank for view in views)
    facts = Missingness(cells, complete, patterns, together, tuple(signs), little)
    findings = [finding for view in some if (finding := _share(view)) is not None]
    return facts, [*findings, *_sign_findings(signs, some), *_together_findings(together)]


def _patterns(gappy: Sequence[View], n: int) -> tuple[tuple[tuple[tuple[str, ...], int], ...], int]:
    """The commonest sets of columns that are missing in the same rows."""
    import pandas as pd

    if not gappy:
        return (), n
    own = np.zeros(n, dtype=np.uint64)
    rng = np.random.default_rng(0)
    keys = rng.integers(1, 2**63, len(gappy), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for view, key in zip(gappy, keys, strict=True):
            own[view.absent] += key
    codes, values = pd.factorize(own)
    counts = np.bincount(codes, minlength=len(values))
    first = np.empty(len(values), dtype=np.int64)
    first[codes[::-1]] = np.arange(n)[::-1]  # of several writes the last stays
    order = np.lexsort((first, -counts))
    found = list[tuple[tuple[str, ...], int]]()
    complete = 0
    for at in order.tolist():
        if values[at] == 0:
            complete = int(counts[at])
        elif len(found) < _PATTERNS:
            found.append((tuple(view.name for view in gappy if view.absent[first[at]]), int(counts[at])))
    return tuple(found), complete


def _together(some: Sequence[View]) -> tuple[tuple[str, str, float], ...]:
    found = []
    for one, other in combinations(some, 2):
        sizes = one.profile.missing + one.profile.blank, other.profile.missing + other.profile.blank
        if min(sizes) < max(2, _TOGETHER * max(sizes)):
            continue
        both = int((one.absent & other.absent).sum())
        jaccard = both / (sum(sizes) - both)
        if jaccard >= _TOGETHER:
            found.append((one.name, other.name, jaccard))
    return tuple(sorted(found, key=lambda pair: (-pair[2], pair[0], pair[1])))


def _signs(some: Sequence[View], sample: Sample) -> list[Sign]:
    """Columns that differ where others are missing, after Holm's correction over all pairs that were tested."""
    tested: list[Sign] = []
    for view in some:
        gone = view.absent[sample.rows]
        if min(gone.sum(), (~gone).sum()) < _FEWEST:
            continue
        tested += _by_rank(view, gone, sample)
        for category, (codes, k) in zip(sample.categories, sample.coded, strict=True):
            if (
                category is not view and (codes[gone] < 0).mean() < _TOGETHER
            ):  # else both are missing together, and that is all
                tested.append(_by_level(view, category, gone, codes, k))
    tested.sort(key=lambda sign: (sign.p, sign.column, sign.other))
    kept, worst = [], 0.0
    for at, sign in enumerate(tested):
        worst = max(worst, min(1.0, sign.p * (len(tested) - at)))
        if worst < _P and abs(sign.effect) >= _EFFECT:
            kept.append(Sign(sign.column, sign.other, sign.effect, worst))
    return sorted(kept, key=lambda sign: (-abs(sign.effect), sign.column, sign.other))


def _by_rank(view: View, gone: Bools, sample: Sample) -> list[Sign]:
    """Rank-biserial correlations: how much oftener each column of numbers is higher where this one is missing."""
    from scipy.special import ndtr

    weights = gone.astype(np.float64)
    total = sample.present.sum(axis=0)
    inside = weights @ sample.present
    outside = total - inside
    usable = (np.minimum(inside, outside) >= _FEWEST) & (np.abs(sample.ranked).max(axis=0, initial=0.0) > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        # ranks are standardised over the rows that a column holds, so their sum outside is that inside with the other sign
        difference = (weights @ sample.ranked) * (1 / inside + 1 / outside)
        z = difference / np.sqrt(1 / inside + 1 / outside) * np.sqrt((total - 1) / total)
    p = 2 * ndtr(-np.abs(z))
    effect = np.clip(
        difference / np.sqrt(3), -1, 1
    )  # standardised ranks are sqrt(12) wide, and differ by twice the correlation
    return [
        Sign(view.name, number.name, float(effect[at]), float(p[at]))
        for at, number in enumerate(sample.numbers)
        if number is not view and usable[at]
    ]


def _by_level(view: View, category: View, gone: Bools, codes: Ints, k: int) -> Sign:
    from scipy.special import chdtrc

    filled = np.where(codes >= 0, codes, k)  # that the other is missing too is a level of its own
    own = gone.astype(np.int64)
    square, _, levels, _ = chi_square(own, 2, filled, k + 1)
    value, _ = cramers_v(own, 2, filled, k + 1)
    return Sign(view.name, category.name, value, float(chdtrc(max(levels - 1, 1), square)))


def _share(view: View) -> Finding | None:
    profile = view.profile
    if profile.missing_share < _MUCH:
        return None
    severity = "warning" if profile.missing_share >= _MOSTLY else "info"
    return Finding(
        "missing",
        severity,  # type: ignore[arg-type]
        (view.name,),
        f"{percent(profile.missing_share)} of its cells are missing",
        "Find out why before imputing; above a half, an indicator of being there often says more than the value"
        if severity == "warning"
        else "Find out why before imputing",
        profile.missing + profile.blank,
        tuple(np.flatnonzero(view.absent)[:3].tolist()),
    )


def _sign_findings(signs: Sequence[Sign], some: Sequence[View]) -> list[Finding]:
    """One finding for all columns whose gaps the same column tells most about."""
    causes: dict[tuple[str, bool], list[View]] = {}
    for view in some:
        own = [sign for sign in signs if sign.column == view.name]
        if own:
            causes.setdefault((own[0].other, abs(own[0].effect) >= _EXACTLY), []).append(view)
    return [_cause(other, exactly, views, signs) for (other, exactly), views in causes.items()]


def _cause(other: str, exactly: bool, views: Sequence[View], signs: Sequence[Sign]) -> Finding:
    if exactly:
        says = f"missing exactly where {other} has certain values: the gaps are by rule"
        todo = "Give the gaps a value of their own (does not apply)"
    else:
        told = [sign for sign in signs if sign.column == views[0].name][:3]
        names = ", ".join(f"{sign.other} ({sign.effect:+.2f})" for sign in told)
        says = f"not missing at random: where values are missing, others differ, most of all {names}"
        todo = "Impute from those columns (MICE) and keep an indicator; the mean would be biased"
    count = max(view.profile.missing + view.profile.blank for view in views)
    return Finding("missing_not_at_random", "warning", tuple(view.name for view in views), says, todo, count)


def _together_findings(together: Sequence[tuple[str, str, float]]) -> list[Finding]:
    if not together:
        return []
    names = tuple(dict.fromkeys(name for one, other, _ in together for name in (one, other)))
    return [
        Finding(
            "missing_together",
            "info",
            names,
            f"{counted(len(names), 'column')} are missing in the same rows",
            "They come from one source: one indicator is enough, and they cannot be imputed from each other",
        )
    ]
