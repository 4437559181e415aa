"""Which temporal features there are, as values: JSON or YAML becomes them by `kind`.

A `window` is a number of events or a span of time such as "7D". `where` counts only events whose columns hold these values.
`now=True` lets a window end with the row instead of before it: for values that are known when the row is, never for a target.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator

from ostinato.core.errors import UsageError, listed
from ostinato.features.temporal.clock import duration

Statistic = Literal["count", "sum", "mean", "std", "min", "max", "median", "distinct", "first", "last"]
Part = Literal[
    "year", "quarter", "month", "week", "day", "dayofyear", "dayofweek", "hour", "minute", "weekend", "month_start", "month_end"
]  # fmt: skip
Window = Annotated[int, Field(ge=1)] | str
Value = str | int | float | bool
Where = dict[str, Value | tuple[Value, ...]]


class Spec(BaseModel):
    """One entry of a list of features."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("window", "halflife", "every", "gap", "period", "refit", mode="after", check_fields=False)
    @classmethod
    def _span(cls, value: Any, info: Any) -> Any:
        if isinstance(value, str):
            duration(value, str(info.field_name))
        return value

    @field_validator("spans", mode="after", check_fields=False)
    @classmethod
    def _spans(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            duration(each, "spans")
        return value

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns of events that it looks at, besides time and entity."""
        of = getattr(self, "of", None)
        return tuple(dict.fromkeys([*([of] if of is not None else []), *(getattr(self, "where", None) or {})]))


class Lag(Spec):
    """The value some events earlier (`steps`), or as it stood some spans of time earlier (`spans`)."""

    kind: Literal["lag"] = "lag"
    of: str
    steps: tuple[Annotated[int, Field(ge=1)], ...] = ()
    spans: tuple[str, ...] = ()
    where: Where | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        return self if self.steps or self.spans else self.model_copy(update={"steps": (1,)})


class Rolling(Spec):
    """Statistics of the latest events; NaN where fewer than `least` values are seen, but 0 for a count or sum of none."""

    kind: Literal["rolling"] = "rolling"
    of: str | None = None
    window: Window
    stats: tuple[Statistic, ...] = ("mean",)
    least: Annotated[int, Field(ge=0)] = 1
    now: bool = False
    where: Where | None = None

    @model_validator(mode="after")
    def _of_what(self) -> Self:
        if self.of is None and set(self.stats) != {"count"}:
            raise ValueError(
                f"stats={list(self.stats)} need a column: say of=, or count events alone by stats=['count']"
            )
        return self


class Expanding(Rolling):
    """Statistics of all events so far."""

    kind: Literal["expanding"] = "expanding"  # type: ignore[assignment]
    window: None = None  # type: ignore[assignment]


class Exponential(Spec):
    """The average of the events so far, whose weights halve every `halflife` events, or span of time."""

    kind: Literal["exponential"] = "exponential"
    of: str
    halflife: Annotated[float, Field(gt=0)] | str
    now: bool = False
    where: Where | None = None


class Trend(Spec):
    """The slope of a least-squares line through the latest events, per day, and how well it fits (r²)."""

    kind: Literal["trend"] = "trend"
    of: str
    window: Window
    now: bool = False
    where: Where | None = None


class Seasonal(Spec):
    """Level, season and strength by STL (Cleveland 1990) of a series of buckets, fitted on complete buckets of the past alone.

    Events are joined by `stat` in buckets of `every` (of UTC, or of the naive clock); a season has `period` buckets. The
    decomposition is made anew every `refit` buckets (default: each season) from at most `memory` seasons.
    """

    kind: Literal["seasonal"] = "seasonal"
    of: str | None = None
    every: str = "1D"
    period: Annotated[int, Field(ge=2)] = 7
    stat: Literal["count", "sum", "mean"] = "mean"
    refit: Annotated[int, Field(ge=1)] | None = None
    memory: Annotated[int, Field(ge=2)] = 20
    where: Where | None = None

    @model_validator(mode="after")
    def _of_what(self) -> Self:
        if self.of is None and self.stat != "count":
            raise ValueError(f"stat={self.stat!r} needs a column: say of=, or stat='count'")
        return self


class Fourier(Spec):
    """Sines and cosines of the clock: `order` pairs for a cycle of `period`, such as "1D", "7D" or "365.25D"."""

    kind: Literal["fourier"] = "fourier"
    period: str
    order: Annotated[int, Field(ge=1, le=50)] = 1


class Dates(Spec):
    """Parts of the date on the wall clock of the extractor's `tz`."""

    kind: Literal["dates"] = "dates"
    parts: tuple[Part, ...] = ("month", "dayofweek", "hour", "weekend")


class Holidays(Spec):
    """Whether a day is a public holiday of a country (ISO 3166), how many days the last one is past and the next one off, both
    at most `most`. Holidays are known beforehand, so that the next one is no look into the future.
    """

    kind: Literal["holidays"] = "holidays"
    country: str
    subdivision: str | None = None
    most: Annotated[int, Field(ge=1)] = 30


class Sessions(Spec):
    """Runs of events with pauses of at most `gap`: what the running session and the ones before it were like."""

    kind: Literal["sessions"] = "sessions"
    gap: str = "30min"
    where: Where | None = None


class Activity(Spec):
    """Recency, tenure and regularity of an entity's events, and their frequency (and sum of `of`) over spans."""

    kind: Literal["activity"] = "activity"
    of: str | None = None
    spans: tuple[str, ...] = ("1D", "7D", "30D")
    where: Where | None = None


Temporal = Annotated[
    Lag | Rolling | Expanding | Exponential | Trend | Seasonal | Fourier | Dates | Holidays | Sessions | Activity,
    Field(discriminator="kind"),
]
_READER: TypeAdapter[tuple[Temporal, ...]] = TypeAdapter(tuple[Temporal, ...])


def read_specs(said: Any) -> tuple[Temporal, ...]:
    """A list of specs or of mappings as specs; raises UsageError that lists every fault.

    >>> read_specs([{"kind": "lag", "of": "length", "steps": [1, 2]}])
    (Lag(kind='lag', of='length', steps=(1, 2), spans=(), where=None),)
    """
    if isinstance(said, Spec | dict):
        said = [said]
    try:
        return _READER.validate_python(tuple(said))
    except ValidationError as error:
        faults = [f"features[{'.'.join(map(str, each['loc']))}]: {each['msg']}" for each in error.errors()]
        raise UsageError(f"{len(faults)} faults in the list of features\n{listed(faults)}") from error
    except TypeError as error:
        raise UsageError(f"features={said!r} is no list of features; give specs or mappings with a kind") from error
