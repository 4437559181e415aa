"""The quarantine: a table with one row for each bad row and each reason why it is bad."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

import pandas as pd


@dataclass(frozen=True)
class BadRow:
    """A row that broke a rule which sets rows aside; `row` counts from 0 in the raw table."""

    table: str
    track_id: str
    row: int
    suite: str
    expectation: str
    column: str
    reason: str


COLUMNS = tuple(field.name for field in fields(BadRow))


def quarantine_table(bad: Iterable[BadRow]) -> pd.DataFrame:
    """Columns table, track_id, row (int64, from 0 in the raw table), suite, expectation, column, reason; sorted."""
    frame = pd.DataFrame([asdict(each) for each in bad], columns=list(COLUMNS))
    frame = frame.astype({name: "int64" if name == "row" else "object" for name in COLUMNS})
    return frame.drop_duplicates().sort_values(["table", "row", "suite", "expectation", "column"], ignore_index=True)


def rows_set_aside(quarantine: pd.DataFrame, table: str) -> set[int]:
    """Positions of the quarantined rows of a raw table."""
    return {int(row) for row in quarantine.loc[quarantine["table"] == table, "row"]}
