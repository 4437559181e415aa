"""What can be asked of a column, as frozen values discriminated by `kind`; YAML and JSON become them without a factory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from ostinato.core.errors import UsageError, listed

Unseen = Literal["ignore", "error"]
Part = Literal["year", "quarter", "month", "week", "day", "dayofyear", "weekday", "hour", "minute"]


class Spec(BaseModel):
    """A frozen request that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: str


# --- numbers ----------------------------------------------------------------------------------------------------------


class Keep(Spec):
    """The column as it is."""

    kind: Literal["keep"] = "keep"


class Drop(Spec):
    """Nothing."""

    kind: Literal["drop"] = "drop"


class Standard(Spec):
    """Mean 0 and standard deviation 1."""

    kind: Literal["standard"] = "standard"


class MinMax(Spec):
    """The least value at 0, the greatest at 1."""

    kind: Literal["minmax"] = "minmax"


class Robust(Spec):
    """Median 0, and 1 the distance between two percentiles, which far values do not move."""

    kind: Literal["robust"] = "robust"
    low: float = Field(default=25.0, ge=0, lt=100)
    high: float = Field(default=75.0, gt=0, le=100)

    @model_validator(mode="after")
    def _ordered(self) -> Robust:
        if self.low >= self.high:
            raise ValueError(f"low={self.low} has to lie below high={self.high}")
        return self


class Quantile(Spec):
    """The rank, as a uniform or a normal variable."""

    kind: Literal["quantile"] = "quantile"
    output: Literal["normal", "uniform"] = "normal"
    most: int = Field(default=1000, ge=2, le=100_000)  # quantiles kept


class Power(Spec):
    """Yeo and Johnson's power that is most nearly normal, standardised (Biometrika 2000)."""

    kind: Literal["power"] = "power"


class Log(Spec):
    """sign(x) log(1 + |x|), which is log(1 + x) where nothing is negative and has no undefined place, standardised if asked."""

    kind: Literal["log"] = "log"
    standardise: bool = True


# --- categories -------------------------------------------------------------------------------------------------------


class OneHot(Spec):
    """An indicator a level; levels seen in fewer than `rare` rows, and those beyond the `most` frequent, share one."""

    kind: Literal["onehot"] = "onehot"
    most: int = Field(default=100, ge=1, le=10_000)
    rare: int = Field(default=1, ge=1)
    unseen: Unseen = "ignore"  # ignore: all zero, or the shared indicator where there is one


class Ordinal(Spec):
    """The place of a level in `order`, or in the order of their texts; -1 for an unseen one, NaN for a missing value."""

    kind: Literal["ordinal"] = "ordinal"
    order: tuple[str, ...] | None = None
    unseen: Unseen = "ignore"


class Target(Spec):
    """The mean of the target by level, drawn to the mean of all rows; training rows are told what rows of other folds say.

    `smooth` is how many rows the mean of all counts for; `auto` estimates it from how much levels differ beyond chance.
    """

    kind: Literal["target"] = "target"
    smooth: Annotated[float, Field(ge=0, allow_inf_nan=False)] | Literal["auto"] = "auto"
    folds: int = Field(default=5, ge=2, le=100)


class LeaveOneOut(Spec):
    """As `target`, but training rows are told what all rows but their own (or their own group) say.

    What is told of a row differs from its neighbours' by its own target, which a tree can learn to undo. `blur` spreads it by so
    many standard errors of the level's mean, which hides that.
    """

    kind: Literal["leave_one_out"] = "leave_one_out"
    smooth: Annotated[float, Field(ge=0, allow_inf_nan=False)] | Literal["auto"] = "auto"
    blur: float = Field(default=1.0, ge=0, le=10, allow_inf_nan=False)


class Frequency(Spec):
    """The share of rows that hold the level, or their count; 0 for an unseen one."""

    kind: Literal["frequency"] = "frequency"
    count: bool = False


class Hash(Spec):
    """`width` columns, of which the level's hash picks one and a sign (Weinberger et al., ICML 2009). Nothing is learnt."""

    kind: Literal["hash"] = "hash"
    width: int = Field(default=16, ge=1, le=65_536)


# --- dates and texts --------------------------------------------------------------------------------------------------


class Date(Spec):
    """Parts of a date; those that come round again as sine and cosine too or instead; days since `since` or the first date seen.

    Dates without a zone are UTC; `zone` is where the clock is read. `format` reads text as strptime does; without it text has to be
    ISO 8601, for 03/04/2020 does not say which is the month.
    """

    kind: Literal["date"] = "date"
    parts: tuple[Part, ...] = ("year", "month", "day", "weekday")
    cyclic: tuple[Part, ...] = ("month", "weekday")
    age: bool = True
    since: str | None = None
    zone: str | None = None
    format: str | None = None


class Text(Spec):
    """Words or letters in a row (`ngrams` of them), counted in `width` columns by hash, each row of length 1.

    `idf` weighs what few rows hold more. `analyzer="char"` takes letters within words.
    """

    kind: Literal["text"] = "text"
    width: int = Field(default=64, ge=1, le=65_536)
    analyzer: Literal["word", "char"] = "word"
    ngrams: tuple[int, int] = (1, 2)
    idf: bool = True

    @model_validator(mode="after")
    def _ordered(self) -> Text:
        if not 1 <= self.ngrams[0] <= self.ngrams[1] <= 10:  # noqa: PLR2004 - beyond it nothing occurs twice
            raise ValueError(f"ngrams={list(self.ngrams)} have to be two whole numbers from 1 to 10 in order")
        return self


# --- several columns --------------------------------------------------------------------------------------------------


class Joint(Spec):
    """A request for several columns together."""

    columns: tuple[str, ...]

    @model_validator(mode="after")
    def _different(self) -> Self:
        if len(set(self.columns)) < len(self.columns):
            raise ValueError(f"columns={list(self.columns)} name one twice; name each once")
        return self


class Polynomial(Joint):
    """Products of standardised numbers up to `degree`, the numbers themselves left out; gaps count as the mean.

    `interaction_only` leaves out powers.
    """

    kind: Literal["polynomial"] = "polynomial"
    columns: tuple[str, ...] = Field(min_length=1, max_length=200)
    degree: int = Field(default=2, ge=2, le=6)
    interaction_only: bool = False


Category = Annotated[OneHot | Ordinal | Target | LeaveOneOut | Frequency | Hash, Field(discriminator="kind")]


class Cross(Joint):
    """Several columns as one category, a level each combination, encoded as `by` says."""

    kind: Literal["cross"] = "cross"
    columns: tuple[str, ...] = Field(min_length=2, max_length=10)
    by: Category = Target()


Single = Annotated[
    Keep
    | Drop
    | Standard
    | MinMax
    | Robust
    | Quantile
    | Power
    | Log
    | OneHot
    | Ordinal
    | Target
    | LeaveOneOut
    | Frequency
    | Hash
    | Date
    | Text,
    Field(discriminator="kind"),
]
Several = Annotated[Polynomial | Cross, Field(discriminator="kind")]

Asked = TypeVar("Asked", bound=Spec)
_SINGLE: TypeAdapter[Spec] = TypeAdapter(Single)
_SEVERAL: TypeAdapter[Joint] = TypeAdapter(Several)


def singles(value: Any, where: str) -> tuple[Spec, ...]:
    """What is asked of one column: a kind, a mapping with `kind`, a spec, or a list of them; None asks for nothing.

    >>> singles(["log", {"kind": "target", "smooth": 10}], "artist")
    (Log(kind='log', standardise=True), Target(kind='target', smooth=10.0, folds=5))
    """
    asked = _listed(value)
    if not asked:
        raise UsageError(f"{where}: an empty list asks for nothing; leave the column out, or write 'drop'")
    return tuple(_read(_SINGLE, each, where) for each in asked)


def severals(value: Any) -> tuple[Joint, ...]:
    """What is asked of several columns together."""
    return tuple(_read(_SEVERAL, each, f"combine[{place}]") for place, each in enumerate(_listed(value)))


def _listed(value: Any) -> Sequence[Any]:
    if value is None:
        return ("drop",)
    if isinstance(value, str | Mapping | Spec):
        return (value,)
    if isinstance(value, Sequence):
        return value
    return (value,)


def _read(adapter: TypeAdapter[Asked], value: Any, where: str) -> Asked:
    if isinstance(value, str):
        value = {"kind": value}
    if isinstance(value, Spec):
        value = value.model_dump()
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        faults = [".".join(map(str, each["loc"])) + ": " + each["msg"] for each in error.errors()]
        raise UsageError(f"{where}: {value!r} cannot be read\n{listed(faults)}") from None
