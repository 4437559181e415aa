"""A table as events: whose, when, and the columns that features look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from ostinato.core.errors import UsageError
from ostinato.core.numbers import as_number
from ostinato.features.temporal.clock import Ints, Unit, moments
from ostinato.features.temporal.specs import Rolling, Temporal

_WORDLESS = {"count", "distinct"}


@dataclass(frozen=True)
class Events:
    """Rows in the order of their table: entity's columns, moments `(n,)`, and columns of numbers (float64) or words."""

    owner: pd.DataFrame
    time: Ints
    columns: Mapping[str, pd.Series[Any]]
    zoned: bool

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, rows: Any) -> Events:
        own = {name: column.iloc[rows].reset_index(drop=True) for name, column in self.columns.items()}
        return Events(self.owner.iloc[rows].reset_index(drop=True), self.time[rows], own, self.zoned)

    def followed(self, others: Events) -> Events:
        """These and then others, whose columns are missing where they have none."""
        if not len(self):
            blank = {name: column for name, column in self.columns.items() if name not in others.columns}
            own = {name: column.reindex(range(len(others))) for name, column in blank.items()}
            return Events(others.owner, others.time, {**others.columns, **own}, others.zoned)
        self._same_keys(others)
        size = len(self) + len(others)
        columns = {
            name: pd.concat([column, others.columns[name]], ignore_index=True)
            if name in others.columns
            else column.reindex(range(size))
            for name, column in self.columns.items()
        }
        owner = pd.concat([self.owner, others.owner], ignore_index=True)
        return Events(owner, np.concatenate([self.time, others.time]), columns, others.zoned)

    def about(self, others: Events) -> Events:
        """Those of these whose entities may occur in others: a few rows do not search a million events."""
        if not len(self) or not len(self.owner.columns):
            return self
        self._same_keys(others)
        name = self.owner.columns[0]
        there = self.owner[name].isin(others.owner[name].unique()).to_numpy()
        return self if there.all() else self[np.flatnonzero(there)]

    def joined(self, others: Events) -> Events:
        """These and then others; what occurs in both as often counts as often, not twice as often."""
        if not len(self) or not len(others):
            return self.followed(others)
        both, size = self.followed(others), len(self)
        # told apart after joining: alone, a column with a gap is of floats and one without of whole numbers
        digest = both._digests()
        nth = [digest[part].groupby(digest[part]).cumcount() for part in (slice(0, size), slice(size, None))]
        mine, theirs = [digest[:size], nth[0]], [digest[size:], nth[1]]
        again = pd.MultiIndex.from_arrays(mine).isin(pd.MultiIndex.from_arrays(theirs))
        return both if not again.any() else both[np.flatnonzero(np.append(~again, np.ones(len(others), dtype=bool)))]

    def codes(self) -> Ints:
        """Entities `(n,)` numbered from 0; -1 where one is missing or empty."""
        found = np.zeros(len(self), dtype=np.int64)
        missing = np.zeros(len(self), dtype=bool)
        for name in self.owner.columns:
            code, values = pd.factorize(self.owner[name])
            missing |= (code < 0) | (self.owner[name] == "").to_numpy()
            found = pd.factorize(found * (len(values) + 1) + code)[0].astype(np.int64)
        return np.where(missing, -1, found)

    def _digests(self) -> pd.Series[Any]:
        """Per row a digest of all that is read."""
        whole = self.owner.assign(**{"": self.time}, **{f"={name}": column for name, column in self.columns.items()})
        return pd.util.hash_pandas_object(whole, index=False)

    def _same_keys(self, others: Events) -> None:
        for name in self.owner.columns:
            kinds = [_kind(self.owner[name]), _kind(others.owner[name])]
            if "" not in kinds and kinds[0] != kinds[1]:
                raise UsageError(
                    f"column {name!r} holds {kinds[1]} and held {kinds[0]} when events were learnt, so that no entity would "
                    "be found again; convert one of them"
                )


@dataclass(frozen=True)
class Layout:
    """Which columns of a table are read, and as what."""

    time: str
    entity: tuple[str, ...]
    numbers: tuple[str, ...]
    words: tuple[str, ...]
    unit: Unit | None
    tz: str | None

    @classmethod
    def of(
        cls, time: str, entity: str | Sequence[str] | None, values: Sequence[str], specs: Sequence[Temporal], unit: Unit | None,
        tz: str | None,
    ) -> Self:  # fmt: skip
        """The columns that specs look at, besides those named."""
        numbers = dict.fromkeys([values] if isinstance(values, str) else values)
        words: dict[str, None] = {}
        for spec in specs:
            of = getattr(spec, "of", None)
            wordless = isinstance(spec, Rolling) and set(spec.stats) <= _WORDLESS
            words |= dict.fromkeys(name for name in spec.reads if name != of or wordless)
            numbers |= dict.fromkeys([of] if of is not None and not wordless else [])
        owners = () if entity is None else (entity,) if isinstance(entity, str) else tuple(entity)
        return cls(time, owners, tuple(numbers), tuple(w for w in words if w not in numbers), unit, tz)

    def read(self, X: Any, *, questions: bool = False) -> Events:
        """A table as events, or as questions, of which time and entity are read; raises UsageError for what cannot be."""
        if not isinstance(X, pd.DataFrame):
            raise UsageError(
                f"features in time are told by columns' names, and X is a {type(X).__name__}; give a DataFrame"
            )
        wanted = [self.time, *self.entity, *(() if questions else (*self.numbers, *self.words))]
        lacking = [name for name in dict.fromkeys(wanted) if name not in X.columns]
        if lacking:
            raise UsageError(f"the table lacks the columns {', '.join(map(repr, lacking))}; it has {_shown(X.columns)}")
        twice = [name for name in dict.fromkeys(wanted) if isinstance(X[name], pd.DataFrame)]
        if twice:
            raise UsageError(f"the table has several columns called {twice[0]!r}; rename all but one")
        X = X.reset_index(drop=True)
        found = moments(X[self.time], self.unit, self.tz)
        columns = {} if questions else {name: _numbers(X[name]) for name in self.numbers}
        columns |= {} if questions else {name: _plain(X[name]) for name in self.words}
        return Events(X[list(self.entity)].apply(_plain), found.ns, columns, found.zoned)


def _numbers(column: pd.Series[Any]) -> pd.Series[Any]:
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_complex_dtype(column.dtype):
        found = column.astype("float64")
    else:
        read = [None if missing else as_number(v) for v, missing in zip(column.tolist(), column.isna(), strict=True)]
        found = pd.Series(read, index=column.index, name=column.name, dtype="float64")
        wrong = (found.isna() & column.notna()).to_numpy()
        if wrong.any():
            row = int(np.argmax(wrong))
            raise UsageError(
                f"column {column.name!r}, row {row}: {column.iloc[row]!r} is no number ({int(wrong.sum())} rows); only count and "
                "distinct can be told of words"
            )
    endless = np.isinf(found.to_numpy())
    if endless.any():
        raise UsageError(
            f"column {column.name!r}: {int(endless.sum())} values are infinite, such as row {int(np.argmax(endless))}; a mean with "
            "them is none: replace them, by NaN where they stand for nothing known"
        )
    return found


def _plain(column: pd.Series[Any]) -> pd.Series[Any]:
    """Without categories and with one kind of number, so that tables of one content are equal."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype if not column.isna().any() else object)
    if pd.api.types.is_bool_dtype(column.dtype):
        return column.astype(object)
    if pd.api.types.is_integer_dtype(column.dtype) and not column.isna().any():
        return column if column.dtype == "uint64" else column.astype("int64")
    return column.astype("float64") if pd.api.types.is_numeric_dtype(column.dtype) else column.astype(object)


def _kind(column: pd.Series[Any]) -> str:
    there = column.dropna()
    if not len(there):
        return ""
    if pd.api.types.is_numeric_dtype(there.dtype):
        return "numbers"
    return "words" if isinstance(there.iloc[0], str) else type(there.iloc[0]).__name__


def _shown(names: Any, most: int = 12) -> str:
    return ", ".join(map(str, names[:most])) + (", …" if len(names) > most else "")
