"""A table of anything as one float32 matrix: numbers, codes of categories, parts of dates, words of texts.

`TableEncoder` is learnt without the target, saved as JSON, and reads DataFrames, arrays, dicts and lists of dicts; what it does
after training needs NumPy alone, so that an artefact can carry it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.errors import UsageError
from ostinato.core.numbers import as_number
from ostinato.features.columns import (
    Category,
    Column,
    Moment,
    Number,
    Text,
    column_from,
    finite_or_nan,
    is_missing,
    moment_form,
    read_moment,
    spelt,
)

Matrix = NDArray[np.float32]
_SHARE = 0.95  # of a column's values that have to be numbers (or dates) for it to count as such
_SAMPLE = 2_000  # values looked at for what kind a column is
_TEXT_WORDS, _TEXT_SHARE = 2.5, 0.2  # mean words, and share of different values, from which on words count
_KEY_SHARE = 0.95  # of different values, from which on a column of words is a key
_MOST_WORDS = 40
_SHOWN = 5


@dataclass(frozen=True)
class TableEncoder:
    """The columns of a table, in their order; `names` are all that a row must have, `left_out` those that tell nothing and why."""

    names: tuple[str, ...]
    columns: tuple[Column, ...]
    left_out: Mapping[str, str]

    @classmethod
    def learnt(cls, frame: Any) -> TableEncoder:
        """Learn from a pandas DataFrame; raises UsageError where no column tells anything."""
        names = [str(name) for name in frame.columns]
        if twice := sorted(
            {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
        ):
            raise UsageError(f"X has more than one column called {twice[0]!r}; rename them")
        found: list[Column] = []
        left_out: dict[str, str] = {}
        seen: dict[bytes, str] = {}
        for place, name in enumerate(names):
            values = frame.iloc[:, place].to_numpy()
            column = learnt_column(name, values)
            if isinstance(column, str):
                left_out[name] = column
                continue
            encoded = finite_or_nan(column.many(values)).astype(np.float32)
            if (np.isnan(encoded) | (encoded == encoded[:1])).all() and not _gaps_vary(encoded):
                left_out[name] = "it has one value only"
                continue
            key = column.kind.encode() + encoded.tobytes()
            if (twin := seen.setdefault(key, name)) != name:
                left_out[name] = f"it says the same as {twin!r}"
                continue
            found.append(column)
        if not found:
            reasons = "; ".join(f"{name!r}: {why}" for name, why in list(left_out.items())[:_SHOWN])
            raise UsageError(f"no column of X tells anything ({reasons or 'it has none'}); give columns that vary")
        return cls(tuple(names), tuple(found), left_out)

    @classmethod
    def of_numbers(cls, names: Sequence[str]) -> TableEncoder:
        """Columns that are numbers, all of them."""
        return cls(tuple(names), tuple(Number(name) for name in names), {})

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """Names of the matrix's columns."""
        return tuple(name for column in self.columns for name in column.outputs)

    @cached_property
    def levels(self) -> NDArray[np.int64]:
        """Per column of the matrix the number of levels of a category, 0 for a number."""
        return np.array([count for column in self.columns for count in column.levels], dtype=np.int64)

    @cached_property
    def owners(self) -> NDArray[np.int64]:
        """Per column of the matrix the position in `columns` of what it came from."""
        return np.repeat(np.arange(len(self.columns)), [len(column.outputs) for column in self.columns])

    @property
    def places(self) -> dict[str, list[int]]:
        """For each column of the table the columns of the matrix that it became."""
        return {each.name: np.flatnonzero(self.owners == place).tolist() for place, each in enumerate(self.columns)}

    def encode(self, X: Any) -> Matrix:
        """Rows `(n, columns)` of a DataFrame, an array `(n, d)` in the order of `names` or a row of it, a dict, or a list of dicts.

        Raises UsageError where a column is missing, or a value is none of its column's kind.
        """
        if isinstance(X, Mapping):
            return self._row(X)
        if hasattr(X, "columns"):
            return self._frame(X)
        if isinstance(X, Sequence) and len(X) and isinstance(X[0], Mapping):
            return np.concatenate([self._row(row) for row in X])
        return self._array(X)

    def _row(self, row: Mapping[Any, Any]) -> Matrix:
        found: list[float] = []
        try:
            for column, single in self._singles:
                if single:
                    value = row[column.name]
                    # the commonest case by far, spelt out: a dict of numbers is read in microseconds
                    found.append(value - column.shift if type(value) is float else column.one(value)[0])  # type: ignore[attr-defined]
                else:
                    found.extend(column.one(row[column.name]))
        except KeyError:
            raise self._lacking(row) from None
        return np.array([found], dtype=np.float32)

    @cached_property
    def _singles(self) -> tuple[tuple[Column, bool], ...]:
        return tuple((column, isinstance(column, Number)) for column in self.columns)

    def _frame(self, X: Any) -> Matrix:
        places = {str(name): place for place, name in enumerate(X.columns)}
        if any(column.name not in places for column in self.columns):
            raise self._lacking(places)
        blocks = [column.many(X.iloc[:, places[column.name]].to_numpy()) for column in self.columns]
        return _joined(blocks, len(X))

    def _array(self, X: Any) -> Matrix:
        array = X if isinstance(X, np.ndarray) else np.asarray(X)
        if array.ndim == 1 and len(array) == len(self.names):
            array = array[None]
        if array.ndim != 2 or array.shape[1] != len(self.names):  # noqa: PLR2004
            raise UsageError(f"expected an array (n, {len(self.names)}) of the model's inputs, got shape {array.shape}")
        if array.dtype.kind in "fiub" and self._plain is not None:
            own = array if self._every else array[:, self._plain]
            shifted = own.astype(np.float64) - self._shifts if self._shifts is not None else own
            return np.ascontiguousarray(shifted, dtype=np.float32)
        place = {name: i for i, name in enumerate(self.names)}
        return _joined([column.many(array[:, place[column.name]]) for column in self.columns], len(array))

    @property
    def is_plain(self) -> bool:
        """Whether all columns are numbers."""
        return self._plain is not None

    def example(self, rng: np.random.Generator) -> dict[str, Any]:
        """A made-up row of the right kinds, for measuring."""
        return {column.name: column.example(rng) for column in self.columns}

    @cached_property
    def _plain(self) -> NDArray[np.int64] | None:
        """Places of the columns in an array, where all of them are numbers."""
        place = {name: i for i, name in enumerate(self.names)}
        every = all(isinstance(column, Number) for column in self.columns)
        return np.array([place[column.name] for column in self.columns]) if every else None

    @cached_property
    def _every(self) -> bool:
        return self._plain is not None and len(self._plain) == len(self.names)

    @cached_property
    def _shifts(self) -> NDArray[np.float64] | None:
        shifts = np.array([getattr(column, "shift", 0.0) for column in self.columns])
        return shifts if shifts.any() else None

    def _lacking(self, there: Any) -> UsageError:
        missing = [column.name for column in self.columns if column.name not in there]
        shown = ", ".join(missing[:_SHOWN]) + (" …" if len(missing) > _SHOWN else "")
        return UsageError(
            f"the table lacks {len(missing)} of the {len(self.columns)} columns that the model reads: {shown}"
        )

    def to_dict(self) -> dict[str, Any]:
        """The encoder as JSON."""
        return {
            "names": list(self.names),
            "columns": [column.to_dict() for column in self.columns],
            "left_out": dict(self.left_out),
        }

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> TableEncoder:
        """The encoder that `to_dict` described; raises KeyError or TypeError for what is none."""
        columns = tuple(column_from(each) for each in facts["columns"])
        return cls(tuple(facts["names"]), columns, dict(facts["left_out"]))


def _joined(blocks: Sequence[NDArray[np.float64]], rows: int) -> Matrix:
    matrix = np.empty((rows, sum(block.shape[1] for block in blocks)), dtype=np.float32)
    start = 0
    with np.errstate(over="ignore"):
        for block in blocks:
            matrix[:, start : start + block.shape[1]] = block
            start += block.shape[1]
    return matrix


def _gaps_vary(encoded: NDArray[np.float32]) -> bool:
    gaps = np.isnan(encoded)
    return bool(gaps.any() and not gaps.all())


def learnt_column(name: str, values: NDArray[Any]) -> Column | str:
    """What a column is, learnt from its values `(n,)`; a reason where it tells nothing."""
    if values.dtype.kind in "fiub":
        numbers = values.astype(np.float64)
        if not np.isfinite(numbers).any():
            return "it has no value"
        return Number.learnt(name, numbers, lenient=False)
    if values.dtype.kind == "c":
        raise UsageError(f"column {name!r} holds complex numbers; give their parts or magnitudes")
    if values.dtype.kind == "M":
        moments = [m for m in (read_moment(v, "iso") for v in values[~np.isnat(values)][:_SAMPLE]) if m is not None]
        return Moment.learnt(name, moments, "iso") if moments else "it has no value"
    if values.dtype.kind == "m":
        return Number.learnt(name, values.astype("timedelta64[s]").astype(np.float64), lenient=False)
    return _of_objects(name, values)


def _of_objects(name: str, values: NDArray[Any]) -> Column | str:  # noqa: PLR0911 - one way out a kind of value
    there = [value for value in values.tolist() if not is_missing(value)]
    if not there:
        return "it has no value"
    if isinstance(there[0], list | dict | set | tuple | np.ndarray):
        raise UsageError(f"column {name!r} holds {type(there[0]).__name__} values; give one number or text a cell")
    step = max(1, len(there) // _SAMPLE)
    sample = there[::step]
    if all(isinstance(value, bool | np.bool_) for value in sample):
        return Number(name)
    numbers = [as_number(value) for value in sample]
    if sum(value is not None for value in numbers) >= _SHARE * len(sample):
        every = [as_number(value) for value in there]
        lenient = any(value is None for value in every)
        return Number.learnt(name, np.array([v for v in every if v is not None]), lenient=lenient)
    words = [str(value) for value in sample]
    if (form := moment_form(words, _SHARE)) is not None:
        moments = [m for m in (read_moment(value, form) for value in there) if m is not None]
        return Moment.learnt(name, moments, form)
    different = len({str(value) for value in there}) / len(there)
    if (
        different >= _TEXT_SHARE
        and len(there) > _SAMPLE // 40
        and np.mean([len(w.split()) for w in words]) >= _TEXT_WORDS
    ):
        return Text.learnt(name, [str(value) for value in there], _MOST_WORDS)
    if different >= _KEY_SHARE and len(there) > _SAMPLE // 40:
        return "nearly every value occurs once: it is a key, and tells nothing of other rows"
    return Category.learnt(name, [spelt(value) for value in there])
