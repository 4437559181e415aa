"""One column of a table as numbers: what kind it is, learnt from its values, and how a single value is read.

Everything here needs NumPy alone and is data: `to_dict` and `column_from` go through JSON.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ostinato.core.errors import UsageError

Array = NDArray[np.float64]
NAN = float("nan")
MOST_LEVELS = 2_000
_FEWEST_OF_A_LEVEL = 2
_EXACT = 2**24  # whole numbers up to here are exact in float32
_WORD = re.compile(r"\w+", re.UNICODE)
_FORMATS = ("%Y-%m-%d %H:%M:%S", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%d-%m-%Y", "%Y%m%d")
_PARTIAL = re.compile(r"\d{4}(-\d{2})?")
_DATED = re.compile(r"\d{1,4}[-/.]\d{1,2}|\d{8}")
_DAY_SECONDS = 86_400
_FIRST_SAMPLES = 50  # looked at before all of them are


class Column(ABC):
    """A column of a table, and the float columns it becomes."""

    kind: ClassVar[str]
    name: str

    @property
    @abstractmethod
    def outputs(self) -> tuple[str, ...]:
        """Names of the columns it becomes."""

    @property
    def levels(self) -> tuple[int, ...]:
        """Per output the number of levels of a category, 0 for a number."""
        return (0,) * len(self.outputs)

    @abstractmethod
    def one(self, value: Any) -> Sequence[float]:
        """The outputs of one value; raises UsageError for one that is none of its kind."""

    def many(self, values: NDArray[Any]) -> Array:
        """The outputs `(n, k)` of values `(n,)`; raises UsageError with the row."""
        return np.array([self.one(value) for value in values.tolist()], dtype=np.float64).reshape(len(values), -1)

    @abstractmethod
    def example(self, rng: np.random.Generator) -> Any:
        """A made-up value of its kind."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The column as JSON."""


def is_missing(value: Any) -> bool:
    """Whether a value stands for none: None, NaN, NaT, pandas' NA.

    >>> is_missing(float("nan")), is_missing(None), is_missing(""), is_missing(0)
    (True, True, False, False)
    """
    if value is None:
        return True
    try:
        return bool(value != value)  # noqa: PLR0124 - NaN and NaT are what differs from itself
    except TypeError:  # pandas' NA does not say
        return True


@dataclass(frozen=True)
class Number(Column):
    """Numbers, less `shift` where they would not be exact in float32; `lenient` where words in between stand for gaps."""

    name: str
    shift: float = 0.0
    lenient: bool = False
    kind: ClassVar[str] = "number"

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.name,)

    def one(self, value: Any) -> Sequence[float]:
        try:
            return (float(value) - self.shift,)
        except (TypeError, ValueError):
            if is_missing(value) or self.lenient:
                return (NAN,)
            raise UsageError(f"column {self.name!r}: {value!r} is no number, and the model learnt numbers") from None

    def many(self, values: NDArray[Any]) -> Array:
        if values.dtype.kind in "fiub":
            return (values.astype(np.float64) - self.shift)[:, None]
        found = np.empty((len(values), 1))
        for row, value in enumerate(values.tolist()):
            try:
                found[row, 0] = float(value) - self.shift
            except (TypeError, ValueError):
                if not (is_missing(value) or self.lenient):
                    raise UsageError(
                        f"column {self.name!r}, row {row}: {value!r} is no number, and the model learnt numbers"
                    ) from None
                found[row, 0] = NAN
        return found

    def example(self, rng: np.random.Generator) -> Any:
        return float(rng.normal()) + self.shift

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "shift": self.shift, "lenient": self.lenient}

    @classmethod
    def learnt(cls, name: str, numbers: Array, *, lenient: bool) -> Number:
        """Learn from values as float64 with gaps as NaN."""
        finite = numbers[np.isfinite(numbers)]
        large = len(finite) and float(np.abs(finite).max()) > _EXACT and float(np.ptp(finite)) < np.abs(finite).max()
        return cls(name, float(np.median(finite)) if large else 0.0, lenient)


@dataclass(frozen=True)
class Category(Column):
    """A few values again and again, as codes by falling frequency; what is rare or was never seen is missing."""

    name: str
    values: tuple[str, ...]
    kind: ClassVar[str] = "category"
    _codes: dict[str, float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_codes", {value: float(code) for code, value in enumerate(self.values)})

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def levels(self) -> tuple[int, ...]:
        return (len(self.values),)

    def one(self, value: Any) -> Sequence[float]:
        return (self._codes.get(value if type(value) is str else (spelt(value) or ""), NAN),)

    def many(self, values: NDArray[Any]) -> Array:
        codes, known = self._codes, dict[Any, float]()
        found = np.empty((len(values), 1))
        for row, value in enumerate(values.tolist()):
            code = codes.get(value) if type(value) is str else None
            if code is None:
                try:
                    code = known[value]
                except (KeyError, TypeError):
                    code = codes.get(spelt(value) or "", NAN)
                    if value.__hash__ is not None:
                        known[value] = code
            found[row, 0] = code
        return found

    def example(self, rng: np.random.Generator) -> Any:
        return self.values[int(rng.integers(len(self.values)))]

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "values": list(self.values)}

    @classmethod
    def learnt(cls, name: str, spellings: Sequence[str | None]) -> Category:
        """Learn from spelt values, None for gaps."""
        counts = Counter(value for value in spellings if value is not None)
        kept = [(value, count) for value, count in counts.items() if count >= _FEWEST_OF_A_LEVEL] or list(
            counts.items()
        )
        kept.sort(key=lambda each: (-each[1], each[0]))
        return cls(name, tuple(value for value, _ in kept[:MOST_LEVELS]))


def spelt(value: Any) -> str | None:
    """A value of a category as text, None for a gap; 1 and 1.0 are the same.

    >>> spelt(1.0), spelt("rock"), spelt(True), spelt(None)
    ('1', 'rock', 'True', None)
    """
    if is_missing(value):
        return None
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


@dataclass(frozen=True)
class Moment(Column):
    """Dates: days since 1970, and the parts that vary."""

    name: str
    form: str  # a format of strptime, or "iso"
    parts: tuple[str, ...]
    kind: ClassVar[str] = "moment"

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(f"{self.name} ({part})" for part in self.parts)

    def one(self, value: Any) -> Sequence[float]:
        moment = None if is_missing(value) else read_moment(value, self.form)
        return [NAN] * len(self.parts) if moment is None else [_part(moment, part) for part in self.parts]

    def many(self, values: NDArray[Any]) -> Array:
        if values.dtype.kind == "M":
            values = values.astype("datetime64[s]").astype(object)
        return super().many(values)

    def example(self, rng: np.random.Generator) -> Any:
        moment = datetime(1990 + int(rng.integers(40)), 1 + int(rng.integers(12)), 1 + int(rng.integers(28)))
        return moment.isoformat() if self.form == "iso" else moment.strftime(self.form)

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "form": self.form, "parts": list(self.parts)}

    @classmethod
    def learnt(cls, name: str, moments: Sequence[datetime], form: str) -> Moment:
        """Learn which parts vary."""
        every = ("days", "year", "month", "day", "weekday", "hour")
        kept = tuple(part for part in every if len({_part(moment, part) for moment in moments}) > 1)
        return cls(name, form, kept)


def _part(moment: datetime, part: str) -> float:
    match part:
        case "days":
            whole = moment.date().toordinal() - date(1970, 1, 1).toordinal()
            return whole + (moment.hour * 3600 + moment.minute * 60 + moment.second) / _DAY_SECONDS
        case "weekday":
            return float(moment.weekday())
        case _:
            return float(getattr(moment, part))


def read_moment(value: Any, form: str) -> datetime | None:  # noqa: PLR0911 - one way out a kind of value
    """A date or time from text, or from what is one already; None where it is none.

    >>> read_moment("2019-06", "iso"), read_moment("14/06/2019", "%d/%m/%Y"), read_moment("soon", "iso")
    (datetime.datetime(2019, 6, 1, 0, 0), datetime.datetime(2019, 6, 14, 0, 0), None)
    """
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    if isinstance(value, np.datetime64):
        return read_moment(value.astype("datetime64[s]").item(), form)
    text = str(value).strip()
    try:
        if form != "iso":
            return datetime.strptime(text, form)
        if _PARTIAL.fullmatch(text):
            year, _, month = text.partition("-")
            return datetime(int(year), int(month or 1), 1)
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None


def moment_form(samples: Sequence[str], share: float) -> str | None:
    """The form in which at least `share` of the samples are dates; None where there is none. Bare numbers are no dates."""
    first = samples[:_FIRST_SAMPLES]
    bare = sum(value.strip().replace(".", "", 1).lstrip("-").isdigit() for value in first)
    dated = sum(_DATED.search(value) is not None for value in first)
    if not first or bare > len(first) / 2 or dated < share * len(first):
        return None
    for form in ("iso", *_FORMATS):
        if all(
            sum(read_moment(value, form) is not None for value in some) >= share * len(some)
            for some in (first, samples)
        ):
            return form
    return None


@dataclass(frozen=True)
class Text(Column):
    """Free text: its length, its number of words, and which of its commonest words it has."""

    name: str
    words: tuple[str, ...]
    kind: ClassVar[str] = "text"
    _places: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_places", {word: place for place, word in enumerate(self.words, start=2)})

    @property
    def outputs(self) -> tuple[str, ...]:
        words = (f"{self.name}: {word}" for word in self.words)
        return (f"{self.name} (characters)", f"{self.name} (words)", *words)

    def one(self, value: Any) -> Sequence[float]:
        found = [0.0] * (len(self.words) + 2)
        if is_missing(value):
            found[0] = found[1] = NAN
            return found
        text = str(value)
        tokens = _WORD.findall(text.lower())
        found[0], found[1] = float(len(text)), float(len(tokens))
        for token in tokens:
            if (place := self._places.get(token)) is not None:
                found[place] = 1.0
        return found

    def example(self, rng: np.random.Generator) -> Any:
        words = [*self.words, "something", "else", "again"]
        return " ".join(words[int(i)] for i in rng.integers(len(words), size=5))

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "words": list(self.words)}

    @classmethod
    def learnt(cls, name: str, texts: Sequence[str], most: int) -> Text:
        """Learn the `most` commonest words that are in at least five texts, or one of two hundred, and not in nearly all."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(set(_WORD.findall(text.lower())))
        fewest, too_many = max(5, len(texts) // 200), 0.95 * len(texts)
        kept = [(word, count) for word, count in counts.items() if fewest <= count <= too_many]
        kept.sort(key=lambda each: (-each[1], each[0]))
        return cls(name, tuple(word for word, _ in kept[:most]))


_KINDS: Mapping[str, Any] = {each.kind: each for each in (Number, Category, Moment, Text)}


def column_from(facts: Mapping[str, Any]) -> Column:
    """The column that `to_dict` described; raises KeyError or TypeError for what is none."""
    own = {name: tuple(value) if isinstance(value, list) else value for name, value in facts.items() if name != "kind"}
    column: Column = _KINDS[facts["kind"]](**own)
    return column


def finite_or_nan(values: Array) -> Array:
    """Infinite values as gaps."""
    return np.where(np.isfinite(values), values, math.nan)
