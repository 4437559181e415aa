"""What single values of rights say: yes or no, a date, a place, a licence; each function gives the reason against, or None."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection
from typing import Any

import pandas as pd

WORLD = frozenset({"world", "worldwide", "ww", "001"})  # 001 is the world in UN M.49
_YES = frozenset({"true", "yes", "y", "1", "1.0"})
_NO = frozenset({"false", "no", "n", "0", "0.0"})
_SHOWN = 60  # characters of a value that a reason shows


def present(value: Any) -> Any:
    """The value, or None where it is missing or blank."""
    if value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value))):
        return None
    return None if isinstance(value, str) and not value.strip() else value


def folded(value: Any) -> str:
    """A value as it is compared: without case and outer blanks, inner blanks as one."""
    return " ".join(str(value).casefold().split())


def said(value: Any) -> bool | None:
    """Yes, no, or None where it is neither.

    >>> said("Yes "), said(0.0), said("perhaps")
    (True, False, None)
    """
    text = folded(value)
    return True if text in _YES else False if text in _NO else None


def shown(value: Any) -> str:
    """A value as a reason shows it."""
    text = " ".join(str(value).split())
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def opted_out(value: Any, what: str) -> str | None:
    """Why an opt-out keeps a track out."""
    if said(value) is False:
        return None
    return "its owner opted out" if said(value) else f"{what} is {shown(value)}, neither yes nor no"


def refused(value: Any, what: str) -> str | None:
    """Why an answer about consent keeps a track out."""
    if said(value):
        return None
    return "consent was refused" if said(value) is False else f"{what} is {shown(value)}, neither yes nor no"


def day(value: Any) -> dt.date | None:
    """The day of a date, of a time, or of text in the form of ISO 8601; None where the value is no such thing.

    >>> day("2024-12-31"), day("31/12/2024")
    (datetime.date(2024, 12, 31), None)
    """
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    try:
        return dt.datetime.fromisoformat(str(value).strip()).date()
    except ValueError:
        return None


def outside(value: Any, bound: str, as_of: dt.date, what: str) -> str | None:
    """Why a permission that begins (`from`) or ends (`until`) on a day does not hold on another; both days are within."""
    found = day(value)
    if found is None:
        return f"{what} is {shown(value)}, which is no date such as 2024-12-31"
    if bound == "until" and found < as_of:
        return f"the {what.partition('_')[0]} ended on {found}"
    if bound == "from" and found > as_of:
        return f"the {what.partition('_')[0]} begins on {found}"
    return None


def places(value: Any) -> frozenset[str]:
    """Territories of a value that may name several, such as `GB; IE`."""
    return frozenset(folded(each) for each in re.split(r"[;,|/]", str(value)) if each.strip())


def blocked_place(value: Any, blocked: Collection[str]) -> str | None:
    """Why a territory is not one to learn from."""
    if not places(value) & {folded(each) for each in blocked}:
        return None
    return f"the territory {shown(value)} does not permit learning"


def uncovered_place(value: Any, used_in: Collection[str]) -> str | None:
    """Why a permission does not reach where models are used."""
    here = places(value)
    missing = sorted(each for each in used_in if folded(each) not in here)
    return None if here & WORLD or not missing else f"the territory {shown(value)} does not cover {', '.join(missing)}"
