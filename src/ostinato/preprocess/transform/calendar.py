"""The parts of a date as arithmetic on days since 1970, for a graph that knows no calendar.

Hinnant 2013, "chrono-compatible low-level date algorithms": years begin in March, so that the leap day is the last of a year.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ostinato.preprocess.transform.graph import Graph

_DAY, _HOUR, _MINUTE = 86_400.0, 3600.0, 60.0
_ERA, _CENTURY, _FOUR_YEARS, _YEAR = 146_097.0, 36_524.0, 1460.0, 365.0  # days
_SHIFT = 719_468.0  # days from 0000-03-01 to 1970-01-01


class Calendar:
    """Nodes `(n, 1)` for the parts of seconds since 1970 UTC `(n, 1)`; NaN stays NaN."""

    def __init__(self, graph: Graph, seconds: str) -> None:
        self.graph = graph
        # microseconds are what a date is read to
        self.seconds = self._over(graph.op("Round", self._times(seconds, 1e6)), 1e6)
        self.days = self._floor(self._over(self.seconds, _DAY))

    @cached_property
    def year(self) -> str:
        """The year."""
        return self._civil[0]

    @cached_property
    def month(self) -> str:
        """1 … 12."""
        return self._civil[1]

    @cached_property
    def day(self) -> str:
        """Of the month, from 1."""
        return self._civil[2]

    @cached_property
    def quarter(self) -> str:
        """1 … 4."""
        return self._floor(self._over(self._plus(self.month, 2.0), 3.0))

    @cached_property
    def weekday(self) -> str:
        """Monday is 0."""
        return self._modulo(self._plus(self.days, 3.0), 7.0)

    @cached_property
    def dayofyear(self) -> str:
        """From 1."""
        return self._plus(self._minus(self.days, self._first_of(self.year)), 1.0)

    @cached_property
    def week(self) -> str:
        """Of ISO 8601: the week belongs to the year of its Thursday."""
        thursday = self._plus(self._minus(self.days, self.weekday), 3.0)
        first = self._first_of(self._civil_of(thursday)[0])
        return self._plus(self._floor(self._over(self._minus(thursday, first), 7.0)), 1.0)

    @cached_property
    def hour(self) -> str:
        """0 … 23."""
        return self._floor(self._over(self._clock, _HOUR))

    @cached_property
    def minute(self) -> str:
        """0 … 59."""
        return self._floor(self._over(self._minus(self._clock, self._times(self.hour, _HOUR)), _MINUTE))

    @cached_property
    def _clock(self) -> str:
        return self._minus(self.seconds, self._times(self.days, _DAY))

    @cached_property
    def _civil(self) -> tuple[str, str, str]:
        return self._civil_of(self.days)

    def _civil_of(self, days: str) -> tuple[str, str, str]:
        """Year, month and day."""
        shifted = self._plus(days, _SHIFT)
        era = self._floor(self._over(shifted, _ERA))
        of_era = self._minus(shifted, self._times(era, _ERA))
        leap = self._minus(of_era, self._floor(self._over(of_era, _FOUR_YEARS)))
        leap = self.graph.op("Add", leap, self._floor(self._over(of_era, _CENTURY)))
        leap = self._minus(leap, self._floor(self._over(of_era, _ERA - 1)))
        year = self._floor(self._over(leap, _YEAR))
        of_year = self._minus(of_era, self._days_before(year))
        place = self._floor(self._over(self._plus(self._times(of_year, 5.0), 2.0), 153.0))
        before = self._floor(self._over(self._plus(self._times(place, 153.0), 2.0), 5.0))
        day = self._plus(self._minus(of_year, before), 1.0)
        late = self.graph.op("Cast", self.graph.op("GreaterOrEqual", place, self.graph.constant(10.0)), to=11)
        month = self._minus(self._plus(place, 3.0), self._times(late, 12.0))
        whole = self.graph.op("Add", year, self._times(era, 400.0))
        return self.graph.op("Add", whole, late), month, day

    def _first_of(self, year: str) -> str:
        """Days since 1970 of the first of January, which is day 306 of the year that began in March before."""
        before = self._plus(year, -1.0)
        era = self._floor(self._over(before, 400.0))
        of_era = self._minus(before, self._times(era, 400.0))
        days = self.graph.op("Add", self._times(era, _ERA), self._days_before(of_era))
        return self._plus(days, 306.0 - _SHIFT)

    def _days_before(self, year: str) -> str:
        """Days of an era before its `year`."""
        leaps = self._minus(self._floor(self._over(year, 4.0)), self._floor(self._over(year, 100.0)))
        return self.graph.op("Add", self._times(year, _YEAR), leaps)

    def _modulo(self, x: str, by: float) -> str:
        return self._minus(x, self._times(self._floor(self._over(x, by)), by))

    def _floor(self, x: str) -> str:
        return self.graph.op("Floor", x)

    def _plus(self, x: str, number: float) -> str:
        return self.graph.op("Add", x, self.graph.constant(number))

    def _minus(self, x: str, y: str) -> str:
        return self.graph.op("Sub", x, y)

    def _times(self, x: str, number: float) -> str:
        return self.graph.op("Mul", x, self.graph.constant(number))

    def _over(self, x: str, number: float) -> str:
        return self.graph.op("Div", x, self.graph.constant(number))
