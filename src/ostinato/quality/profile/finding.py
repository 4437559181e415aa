"""One thing that is wrong with a table, as a value, and the words and numbers that reports share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal

Severity = Literal["critical", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")
EXAMPLES = 5  # rows and values that a finding shows
_FIRST = (
    "empty_table",
    "leak",
    "leak_of_gaps",
    "target_constant",
    "target_missing",
    "duplicate_key",
    "duplicate_rows",
    "drift",
)
_LAST = ("numbers_as_text",)
_DIGITS = 6  # significant digits of a figure, so that the last bits of a sum tell nothing
_LITTLE, _TENTH = 0.001, 0.1
_NEAR = (1e-4, 1e9)
_LONGEST = 80  # letters of a shown value


@dataclass(frozen=True)
class Finding:
    """What is wrong, in which columns, how often, where for example, and what to do.

    `rows` are positions (0 is the first row), `count` the number of rows concerned or None where it is not about rows.
    """

    kind: str
    severity: Severity
    columns: tuple[str, ...]
    says: str
    todo: str
    count: int | None = None
    rows: tuple[int, ...] = ()
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        more = f" and {len(self.columns) - EXAMPLES} more" if len(self.columns) > EXAMPLES else ""
        where = f"{', '.join(self.columns[:EXAMPLES])}{more}: " if self.columns else ""
        return f"{self.severity}: {where}{self.says}. {self.todo}"


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings by severity, what spoils a judgement before what is untidy, then by rows and name: always in the same order."""

    def place(each: Finding) -> tuple[Any, ...]:
        kind = _FIRST.index(each.kind) if each.kind in _FIRST else len(_FIRST) + (each.kind in _LAST)
        return SEVERITIES.index(each.severity), kind, -(each.count or 0), each.kind, each.columns, each.says

    return tuple(sorted(findings, key=place))


def plain(value: Any) -> Any:  # noqa: PLR0911 - one return a type
    """A value as JSON has it: floats to six digits, NaN as null, infinity as words, tuples as lists.

    >>> plain({"a": (1.23456789, float("nan"), float("-inf"))})
    {'a': [1.23457, None, '-inf']}
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value
    number = float(value)
    if math.isnan(number):
        return None
    if math.isinf(number):
        return "inf" if number > 0 else "-inf"
    return float(f"{number:.{_DIGITS}g}")


def shown(value: Any) -> str:
    """A value as a report shows it: one line, not too long.

    >>> shown("a" * 100)[-3:], shown("two\\nlines"), shown("")
    ('aa…', 'two lines', "''")
    """
    words = " ".join(str(value).split())
    if not words:
        return repr(str(value))
    return words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…"


def percent(share: float) -> str:
    """A share as words; what is little is never called nothing, nor what is nearly all all.

    >>> percent(0.25), percent(0.00001), percent(0.99999), percent(0.997), percent(1.0)
    ('25 %', '< 0.1 %', '> 99.9 %', '99.7 %', '100 %')
    """
    if 0 < share < _LITTLE:
        return "< 0.1 %"
    if 1 - _LITTLE < share < 1:
        return "> 99.9 %"
    coarse = share in (0, 1) or _TENTH <= share < 1 - _TENTH / 10
    return f"{100 * share:.0f} %" if coarse else f"{100 * share:.1f} %".replace(".0 %", " %")


def figure(value: float) -> str:
    """A number as a person writes it: five digits, thousands apart, powers of ten only where they are far away.

    >>> figure(187820.0), figure(0.123456), figure(1e12), figure(-0.0000123), figure(2500000)
    ('187,820', '0.12346', '1e+12', '-1.23e-05', '2,500,000')
    """
    if value == 0 or not math.isfinite(value) or not _NEAR[0] <= abs(value) < _NEAR[1]:
        return f"{value:.5g}"
    digits = max(0, 4 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if digits else text


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "row"), counted(12345, "row")
    ('1 row', '12,345 rows')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"
