"""Features of a row from its own values: arithmetic, bins, words, dates."""

# ruff: noqa: D102 - `Formula` says what each method does

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from ostinato.core.errors import UsageError
from ostinato.features.formulas.formula import Array, Formula, Made, Target, finite, numbers
from ostinato.features.temporal.clock import DAY, moments
from ostinato.features.temporal.dates import dates
from ostinato.features.temporal.specs import Dates, Part

TextPart = Literal["characters", "words", "distinct_words", "mean_word", "digits", "uppercase", "punctuation"]


class Ratio(Formula):
    """`of / by`; missing where `by` is 0."""

    kind: Literal["ratio"] = "ratio"
    of: str
    by: str

    def make(self, learnt: Any, table: pd.DataFrame) -> Made:
        above, below = numbers(table, self.of), numbers(table, self.by)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            yield self.name or f"{self.of}_per_{self.by}", finite(above / below), f"{self.of} / {self.by}"


class Difference(Formula):
    """`of - minus`."""

    kind: Literal["difference"] = "difference"
    of: str
    minus: str

    def make(self, learnt: Any, table: pd.DataFrame) -> Made:
        found = numbers(table, self.of) - numbers(table, self.minus)
        yield self.name or f"{self.of}_less_{self.minus}", finite(found), f"{self.of} - {self.minus}"


class Product(Formula):
    """`of * by`."""

    kind: Literal["product"] = "product"
    of: str
    by: str

    def make(self, learnt: Any, table: pd.DataFrame) -> Made:
        with np.errstate(over="ignore"):
            found = numbers(table, self.of) * numbers(table, self.by)
        yield self.name or f"{self.of}_times_{self.by}", finite(found), f"{self.of} * {self.by}"


class Log(Formula):
    """`sign(of) log(1 + |of|)`: what spans decades, evened out."""

    kind: Literal["log"] = "log"
    of: str

    def make(self, learnt: Any, table: pd.DataFrame) -> Made:
        values = numbers(table, self.of)
        yield (
            self.name or f"log_{self.of}",
            np.sign(values) * np.log1p(np.abs(values)),
            f"sign(x) log(1 + |x|), x = {self.of}",
        )


class Bins(Formula):
    """The number of the bin of `of`, from 0: `count` of equal share or width learnt from the training rows, or given `edges`."""

    kind: Literal["bins"] = "bins"
    of: str
    count: Annotated[int, Field(ge=2, le=1000)] = 5
    how: Literal["share", "width"] = "share"
    edges: tuple[float, ...] | None = None

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if self.edges is not None and (not self.edges or list(self.edges) != sorted(set(self.edges))):
            raise ValueError(f"edges={self.edges} have to ascend, and be one at least")
        return self

    def learn(self, table: pd.DataFrame, y: Target | None) -> Any:
        if self.edges is not None:
            return np.array(self.edges)
        values = numbers(table, self.of)
        known = values[np.isfinite(values)]
        if not len(known):
            return np.zeros(0)
        share = np.linspace(0, 1, self.count + 1)[1:-1]
        found = np.quantile(known, share) if self.how == "share" else known.min() + share * np.ptp(known)
        return np.unique(found)

    def make(self, learnt: Any, table: pd.DataFrame) -> Made:
        values = numbers(table, self.of)
        found = np.searchsorted(learnt, values, side="right").astype(np.float64)
        said = ", ".join(f"{edge:.6g}" for edge in learnt)
        yield (
            self.name or f"{self.of}_bin",
            np.where(np.isfinite(values), found, np.nan),
            f"bin of {self.of} between {said}",
        )


class Text(Formula):
    """Lengths and counts of a text; missing where it is."""

    kind: Literal["text"] = "text"
    of: str
    parts: tuple[TextPart, ...] = ("characters", "words")

    def make(self, learnt: Any, table: pd.DataFrame) -> Made:
        there = table[self.of].notna().to_numpy()
        texts = table[self.of].astype(object).where(there, "").astype(str)
        for part in self.parts:
            found = np.where(there, _counted(texts, part), np.nan)
            yield f"{self.name or self.of}_{part}", found, f"{part.replace('_', ' ')} of {self.of}"


class DateParts(Formula):
    """Parts of a date, on the clock of `tz` where one is said."""

    kind: Literal["dates"] = "dates"
    of: str
    parts: tuple[Part, ...] = ("year", "month", "dayofweek")
    tz: str | None = None
    unit: Literal["D", "h", "m", "s", "ms", "us", "ns"] | None = None

    def make(self, learnt: Any, table: pd.DataFrame) -> Made:
        ns, there = _moments(table, self.of, self.unit, self.tz)
        zoned = self.tz if self.tz is not None else None
        for part, (_, found, _) in zip(self.parts, dates(Dates(parts=self.parts), ns, zoned), strict=True):
            yield f"{self.name or self.of}_{part}", np.where(there, found, np.nan), f"{part} of {self.of}"


class Elapsed(Formula):
    """Days from one date to another of the same row."""

    kind: Literal["elapsed"] = "elapsed"
    since: str
    until: str

    def make(self, learnt: Any, table: pd.DataFrame) -> Made:
        (start, known), (end, there) = _moments(table, self.since), _moments(table, self.until)
        found = np.where(known & there, (end - start) / DAY, np.nan)
        yield self.name or f"days_{self.since}_to_{self.until}", found, f"days from {self.since} to {self.until}"


def _moments(table: pd.DataFrame, name: str, unit: Any = None, tz: str | None = None) -> tuple[Any, Any]:
    """Nanoseconds of a column, 0 where it is missing, and where it is not."""
    there = table[name].notna().to_numpy()
    ns = np.zeros(len(table), dtype=np.int64)
    if there.any():
        ns[there] = moments(table[name][there], unit, tz).ns
    return ns, there


def _counted(texts: pd.Series[Any], part: str) -> Array:
    found: pd.Series[Any]
    match part:
        case "characters":
            found = texts.str.len()
        case "words":
            found = texts.str.split().str.len()
        case "distinct_words":
            found = texts.str.lower().str.split().map(lambda words: len(set(words)))
        case "mean_word":
            found = texts.str.split().map(lambda words: np.mean([len(word) for word in words]) if words else 0.0)
        case "digits":
            found = texts.str.count(r"\d")
        case "uppercase":
            found = texts.map(lambda text: sum(map(str.isupper, text)))
        case "punctuation":
            found = texts.str.count(r"[^\w\s]")
        case _:
            raise UsageError(f"parts={part!r} is no count of a text")
    return np.asarray(found, dtype=np.float64)
