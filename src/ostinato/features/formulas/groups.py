"""Features of a row from the other rows of its group, none of which may tell the row what it should not know."""

# ruff: noqa: D102 - `Formula` says what each method does

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from ostinato.core.errors import UsageError
from ostinato.features.formulas.formula import Array, Formula, Made, Pair, Target, keys, numbers
from ostinato.features.temporal.extractor import TemporalFeatureExtractor
from ostinato.features.temporal.specs import Temporal as TemporalSpec

_OF_PAST = "value"
_GROUP = "group"


class Aggregate(Formula):
    """A statistic of `of`, or where that is left out of the target, over the rows with the same `by`.

    `how` says over which rows. `out_of_fold`: a training row's statistic comes from the other folds, a new row's from all training
    rows. `past`: from earlier rows by the column `time` alone. `all`: from all training rows, the row itself among them; refused
    for the target. Means of small groups are drawn to the mean of all by `smoothing` rows' worth (default 10 for the
    target, else 0); a group that was never seen has the mean of all where there is smoothing, else nothing.
    """

    kind: Literal["aggregate"] = "aggregate"
    by: str
    of: str | None = None
    stat: Literal["mean", "std", "min", "max", "median", "sum", "count"] = "mean"
    how: Literal["out_of_fold", "past", "all"] = "out_of_fold"
    time: str | None = None
    smoothing: Annotated[float, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if self.how == "all" and self.of is None:
            raise ValueError("how='all' over the target would tell each row its own; take 'out_of_fold' or 'past'")
        if (self.how == "past") != (self.time is not None):
            raise ValueError("how='past' needs the column of the time, and only it does: say time=")
        return self

    @property
    def inputs(self) -> tuple[str, ...]:
        return (*super().inputs, *([self.time] if self.time is not None else []))

    def learn(self, table: pd.DataFrame, y: Target | None) -> Any:
        if self.how != "past":
            return {label: self._table(table, values) for label, values in self._told(table, y)}
        return {label: self._extractor().fit(self._events(table, values)) for label, values in self._told(table, y)}

    def make(self, learnt: Any, table: pd.DataFrame) -> Made:
        for label, each in learnt.items():
            yield self._named(label), self._looked_up(each, table), self._words()

    def make_training(self, learnt: Any, table: pd.DataFrame, y: Target | None, folds: Sequence[Pair]) -> Made:
        for label, values in self._told(table, y):
            each = learnt[label]
            if self.how == "all":
                found = self._looked_up(each, table)
            elif self.how == "past":
                found = each.transform(self._events(table, values)).iloc[:, 0].to_numpy()
            else:
                found = np.full(len(table), np.nan)
                for train, test in folds:
                    known = self._table(table.iloc[train], values[train])
                    found[test] = self._looked_up(known, table.iloc[test])
            yield self._named(label), found, self._words()

    def _told(self, table: pd.DataFrame, y: Target | None) -> Iterator[tuple[str, Array]]:
        if self.of is not None:
            yield self.of, numbers(table, self.of)
        elif y is None:
            raise UsageError(f"{self!r} reads the target, and no y was given; call fit(X, y) or name a column by of=")
        else:
            yield from zip(y.names, y.values.T, strict=True)

    def _named(self, label: str) -> str:
        if self.name:
            return self.name if label in {"target", self.of} else f"{self.name}_{label.removeprefix('target_')}"
        return f"{label}_{self.stat}_by_{self.by}"

    def _table(self, table: pd.DataFrame, values: Array) -> tuple[dict[str, float], float]:
        """The statistic of each group, and what holds for others."""
        own = pd.Series(values).groupby(keys(table, self.by).to_numpy(), sort=False)
        found = getattr(own, self.stat)()
        if self.stat == "count":
            return {str(k): float(v) for k, v in found.items()}, 0.0
        weight = self.smoothing if self.smoothing is not None else 10.0 * (self.of is None)
        if self.stat != "mean" or not weight:
            return {str(k): float(v) for k, v in found.items()}, float("nan")
        prior = float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
        count = own.count()
        drawn = (found.fillna(0.0) * count + weight * prior) / (count + weight)
        return {str(k): float(v) for k, v in drawn.items()}, prior

    def _looked_up(self, learnt: Any, table: pd.DataFrame) -> Array:
        if isinstance(learnt, TemporalFeatureExtractor):
            asked = pd.DataFrame({"at": table[self.time].to_numpy(), _GROUP: keys(table, self.by).to_numpy()})
            return learnt.as_of(asked).iloc[:, 0].to_numpy()
        known, others = learnt
        return keys(table, self.by).map(known).fillna(others).to_numpy(dtype=np.float64)

    def _extractor(self) -> TemporalFeatureExtractor:
        spec = {"kind": "expanding", "of": _OF_PAST, "stats": [self.stat]}
        return TemporalFeatureExtractor("at", _GROUP, features=[spec])

    def _events(self, table: pd.DataFrame, values: Array) -> pd.DataFrame:
        assert self.time is not None
        return pd.DataFrame(
            {"at": table[self.time].to_numpy(), _GROUP: keys(table, self.by).to_numpy(), _OF_PAST: values}
        )

    def _words(self) -> str:
        over = {"out_of_fold": "over rows of other folds", "past": "over earlier rows", "all": "over all training rows"}
        return f"{self.stat} of {self.of or 'the target'} by {self.by}, {over[self.how]}"


class Frequency(Formula):
    """The share of training rows with the same value; 0 for values that were never seen."""

    kind: Literal["frequency"] = "frequency"
    of: str

    def learn(self, table: pd.DataFrame, y: Target | None) -> Any:
        return {str(k): float(v) for k, v in keys(table, self.of).value_counts(normalize=True).items()}

    def make(self, learnt: Any, table: pd.DataFrame) -> Made:
        own = keys(table, self.of)
        found = own.map(learnt).astype(float).fillna(0.0).where(own.notna())
        yield (
            self.name or f"{self.of}_frequency",
            found.to_numpy(dtype=np.float64),
            f"share of training rows with this {self.of}",
        )


class Past(Formula):
    """Features in time by `TemporalFeatureExtractor`: the entity's past as it stood before the row."""

    kind: Literal["temporal"] = "temporal"
    time: str
    entity: str | tuple[str, ...] | None = None
    features: tuple[TemporalSpec, ...]
    tz: str | None = None
    unit: Literal["D", "h", "m", "s", "ms", "us", "ns"] | None = None
    ties: Literal["exclude", "order"] = "exclude"
    delay: str | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        owners = (self.entity,) if isinstance(self.entity, str) else self.entity or ()
        read = [name for spec in self.features for name in spec.reads]
        return tuple(dict.fromkeys([self.time, *owners, *read]))

    def learn(self, table: pd.DataFrame, y: Target | None) -> Any:
        return TemporalFeatureExtractor(
            self.time, self.entity, features=self.features, tz=self.tz, unit=self.unit, ties=self.ties, delay=self.delay
        ).fit(table[list(self.inputs)])

    def make(self, learnt: Any, table: pd.DataFrame) -> Made:
        found = learnt.transform(table[list(self.inputs)])
        for name, words in learnt.describe()["formula"].items():
            yield f"{self.name or ''}{'_' if self.name else ''}{name}", found[name].to_numpy(), str(words)
