"""Columns of words as numbers, by Python's own rules.

`pandas.to_numeric` (2.3) ends the process on words with a huge exponent, such as the hash 5e41230987124387.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

NAN = float("nan")


def as_number(value: Any) -> float | None:
    """A value as a number, None where it is none.

    >>> as_number("3.5"), as_number(True), as_number("three"), as_number("5e41230987124387")
    (3.5, 1.0, None, inf)
    """
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def numeric(values: pd.Series[Any]) -> pd.Series[Any]:
    """A column as float64, NaN where a value is no number."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values):
        return values.astype("float64")
    found = [NAN if (number := as_number(value)) is None else number for value in values.tolist()]
    return pd.Series(found, index=values.index, name=values.name, dtype="float64")
