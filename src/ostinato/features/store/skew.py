"""Whether a model is served what it was trained on: exact values, row by row, and distributions, feature by feature."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_SHOWN = 5  # rows named with their values
_BINS = 10
PSI_LIMIT = 0.2  # population stability index that is customarily called a shift (Siddiqi, Credit Risk Scorecards, 2006)
GAP_LIMIT = 0.1  # difference of the shares of missing values


@dataclass(frozen=True)
class Disagreement:
    """Rows of one feature that differ: how many of how many, and the first few as (row or key, given, expected)."""

    rows: int
    differing: int
    first: tuple[tuple[Any, Any, Any], ...] = ()


@dataclass(frozen=True)
class FeatureSkew:
    """One feature: `training` values against history, `served` values against history, and the two distributions.

    `psi`: population stability index over the deciles or values of training; None where a side is empty.
    """

    feature: str
    training: Disagreement
    served: Disagreement
    psi: float | None
    null_share_training: float
    null_share_served: float
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class SkewReport:
    """All features asked for; `ok` where none has a problem."""

    features: tuple[FeatureSkew, ...]

    @property
    def ok(self) -> bool:
        """Whether no feature has a problem."""
        return not any(each.problems for each in self.features)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-able values."""
        return {"ok": self.ok, "features": [asdict(each) for each in self.features]}

    def __str__(self) -> str:
        lines = [f"{each.feature}: {problem}" for each in self.features for problem in each.problems]
        return "\n".join(lines) or f"no skew in {len(self.features)} features"


def skew_of(
    feature: str,
    training: tuple[pd.Series[Any], pd.Series[Any]],
    served: tuple[pd.Series[Any], pd.Series[Any]],
    tolerance: float,
) -> FeatureSkew:
    """Compare one feature: pairs of what was given and what history says, for training and for serving."""
    trained, by_service = _differing(*training, tolerance), _differing(*served, tolerance)
    psi, noise = stability(training[0], served[0])
    gaps = float(training[0].isna().mean()) if len(training[0]) else 0.0
    served_gaps = float(served[0].isna().mean()) if len(served[0]) else 0.0
    problems = [*_said("training", trained), *_said("serving", by_service)]
    if psi is not None and psi > PSI_LIMIT + 2 * noise:
        problems.append(f"its distribution shifted between training and serving (PSI {psi:.2f}, limit {PSI_LIMIT})")
    if len(served[0]) and abs(gaps - served_gaps) > GAP_LIMIT:
        problems.append(f"missing in {gaps:.0%} of training and in {served_gaps:.0%} of what is served")
    return FeatureSkew(feature, trained, by_service, psi, gaps, served_gaps, tuple(problems))


def stability(expected: pd.Series[Any], actual: pd.Series[Any]) -> tuple[float | None, float]:
    """Population stability index of two samples, and how much of it chance alone would give.

    >>> same = pd.Series(range(1000), dtype=float)
    >>> stability(same, same)[0]
    0.0
    """
    expected, actual = expected.dropna(), actual.dropna()
    if not len(expected) or not len(actual):
        return None, 0.0
    one, other = _shares(expected, actual)
    small = 0.5 / min(len(expected), len(actual))
    one, other = np.maximum(one, small), np.maximum(other, small)
    noise = (len(one) - 1) * (1 / len(expected) + 1 / len(actual))
    return float(np.sum((one - other) * np.log(one / other))), noise


def _shares(expected: pd.Series[Any], actual: pd.Series[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if pd.api.types.is_numeric_dtype(expected) and not pd.api.types.is_bool_dtype(expected):
        old, new = expected.to_numpy(dtype=float), pd.to_numeric(actual, errors="coerce").to_numpy(dtype=float)
        edges = np.unique(np.quantile(old, np.linspace(0, 1, _BINS + 1)[1:-1], method="nearest"))
        slots = [np.bincount(np.searchsorted(edges, each), minlength=len(edges) + 1) for each in (old, new)]
        return slots[0] / len(old), slots[1] / len(new)
    top = expected.astype(str).value_counts(normalize=True).head(_BINS)
    seen = actual.astype(str).value_counts(normalize=True).reindex(top.index, fill_value=0.0)
    rest = [np.append(each.to_numpy(dtype=float), max(0.0, 1 - float(each.sum()))) for each in (top, seen)]
    return rest[0], rest[1]


def _differing(given: pd.Series[Any], expected: pd.Series[Any], tolerance: float) -> Disagreement:
    one, other = given.isna().to_numpy(), expected.isna().to_numpy()
    both = ~one & ~other
    differs = one != other
    left, right = given[both].to_numpy(dtype=object), expected[both].to_numpy(dtype=object)
    differs[both] = [not _equal(a, b, tolerance) for a, b in zip(left, right, strict=True)]
    rows = np.flatnonzero(differs)
    first = tuple(
        (_plain(given.index[row]), _plain(given.iloc[row]), _plain(expected.iloc[row])) for row in rows[:_SHOWN]
    )
    return Disagreement(len(given), len(rows), first)


def _equal(one: Any, other: Any, tolerance: float) -> bool:
    if one == other:
        return True
    if not tolerance or isinstance(one, str) or isinstance(other, str):
        return False
    try:
        return bool(abs(one - other) <= tolerance * max(abs(one), abs(other)))
    except TypeError:
        return False


def _plain(value: Any) -> Any:
    if value is pd.NA or value is pd.NaT:
        return None
    value = value.item() if isinstance(value, np.generic) else value
    return value.isoformat() if isinstance(value, pd.Timestamp) else value


def _said(where: str, found: Disagreement) -> list[str]:
    if not found.differing:
        return []
    shown = "; ".join(f"{row!r} has {given!r}, history says {expected!r}" for row, given, expected in found.first[:3])
    return [f"{where}: {found.differing} of {found.rows} rows are not what history says: {shown}"]
