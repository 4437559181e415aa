"""What is said of one column: what it holds, what it means, how it is spread."""

from __future__ import annotations

from dataclasses import dataclass, field

from ostinato.quality.profile.spread import Histogram, Spread


@dataclass(frozen=True)
class Moments:
    """First and last moment as ISO words, in UTC where zones are known, how they are spread, and what cannot be read."""

    first: str
    last: str
    zones: dict[str, int]
    unreadable: int
    midnight: float  # share without a time of day
    distinct: int
    histogram: Histogram  # edges in seconds since 1970
    sampled: bool


@dataclass(frozen=True)
class Words:
    """Lengths in letters, the forms that values have by number of rows, values that differ only in case or spaces."""

    shortest: int
    longest: int
    mean_length: float
    padded: int
    non_ascii: int
    forms: dict[str, int]
    language: str | None = None


@dataclass(frozen=True)
class ColumnProfile:
    """All that is said of a column; counts are exact unless a field says otherwise.

    `meaning` is what the values are to a reader (`number`, `category`, `identifier`, `date`, `ISRC`, `URL`, `text`, …),
    `storage` what pandas keeps them as. `blank` counts cells that hold spaces or a word such as `n/a` where a value should
    be.
    """

    name: str
    position: int
    storage: str
    meaning: str
    rows: int
    missing: int
    blank: int
    distinct: int
    top: tuple[tuple[str, int], ...]
    types: dict[str, int] = field(default_factory=dict)
    spread: Spread | None = None
    moments: Moments | None = None
    words: Words | None = None

    @property
    def filled(self) -> int:
        """Cells that hold a value."""
        return self.rows - self.missing - self.blank

    @property
    def missing_share(self) -> float:
        """Share of the cells that hold no value, blanks included."""
        return (self.missing + self.blank) / self.rows if self.rows else 0.0
