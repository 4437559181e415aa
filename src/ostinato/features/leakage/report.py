"""What an audit says: one value a finding, bounded, and the same each time."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Kind = Literal[
    "exact_duplicates",
    "near_duplicates",
    "groups_across_folds",
    "target_copy",
    "after_outcome",
    "temporal_order",
    "recording_slices",
    "preprocessing",
    "identifier",
]
Severity = Literal["critical", "warning"]

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Finding:
    """One leak: its kind, the columns and the first rows (positions from 0) it shows in, `total` rows in all, and why.

    `critical` findings make figures of these folds worthless; a `warning` is for a person to judge. `facts` hold the figures
    behind it.
    """

    kind: Kind
    severity: Severity
    what: str
    advice: str
    columns: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()
    total: int = 0
    facts: dict[str, float | int | str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.severity} {self.kind}: {self.what} {self.advice}"


@dataclass(frozen=True)
class LeakageReport:
    """All findings, critical ones first, in the order of `KINDS`; `skipped` says which checks could not be made and why."""

    findings: tuple[Finding, ...]
    rows: int
    columns: int
    folds: int
    skipped: tuple[str, ...] = ()

    def of(self, *kinds: Kind) -> tuple[Finding, ...]:
        """The findings of these kinds."""
        return tuple(each for each in self.findings if each.kind in kinds)

    @property
    def critical(self) -> tuple[Finding, ...]:
        """The findings that make figures worthless."""
        return tuple(each for each in self.findings if each.severity == "critical")

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        found: dict[str, Any] = asdict(self)
        found["clean"] = self.clean
        return found

    def __str__(self) -> str:
        if self.clean:
            return f"no leak found in {self.rows} rows of {self.columns} columns"
        return "\n".join(map(str, self.findings))


def shown(rows: NDArray[Any], most: int) -> tuple[int, ...]:
    """The first `most` positions of a mask or of positions, sorted."""
    positions = np.flatnonzero(rows) if rows.dtype == bool else np.sort(rows)
    return tuple(int(each) for each in positions[:most])


def named(columns: list[str] | tuple[str, ...], most: int = 6) -> str:
    """Column names in quotes, cut after `most`.

    >>> named(["a", "b"], most=1)
    "'a' and 1 more"
    """
    words = ", ".join(repr(each) for each in columns[:most])
    return words + (f" and {len(columns) - most} more" if len(columns) > most else "")
