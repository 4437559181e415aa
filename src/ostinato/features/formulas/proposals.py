"""Formulas that would help, found on one half of the rows and confirmed on the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ostinato.core.errors import UsageError
from ostinato.features.formulas.formula import Array, Target, keys, numbers
from ostinato.features.formulas.groups import Aggregate, Frequency, Past
from ostinato.features.formulas.specs import Kind
from ostinato.features.formulas.values import DateParts, Difference, Elapsed, Product, Ratio, Text

_BINS = 10
_LEAST_ROWS = 40
_LEAST_GAIN = 0.01
_DEVIATIONS = 3.0  # on each of two halves
_MOST_COLUMNS = 12
_WORDS = 2.0  # on average, from where a column of words is a text
_LEVELS = 10  # from how many groups on one column each would be many
_SAMPLE = 20_000
_DATE_PARTS = ("month", "dayofweek", "day", "hour")
_TEXT_PARTS = ("characters", "words", "digits", "uppercase", "punctuation")


@dataclass(frozen=True)
class Proposal:
    """A formula, why it is proposed, and the figures: the share of the target's variance that the feature's tenths explain on rows
    that were not searched (adjusted for chance), and that of the best of its inputs.
    """

    formula: Kind
    reason: str
    explains: float
    inputs_explain: float

    def spec(self) -> dict[str, Any]:
        """The formula as JSON."""
        return self.formula.model_dump(mode="json", exclude_none=True)


def proposals(
    X: pd.DataFrame, target: Any, *, time: str | None, entity: str | None, most: int, seed: int
) -> list[Proposal]:
    """What `FeatureEngineer.propose` returns."""
    table, y = _read(X, target, seed)
    half = np.random.default_rng(seed).permutation(len(table)) % 2 == 0
    kinds = {name: kind for name in table.columns if (kind := _kind(table[name]))}
    if time is not None:
        kinds.pop(time, None)
    known = {name: _explained_by_input(table, name, kind, y, half) for name, kind in kinds.items()}
    found: list[Proposal] = []
    for formula in _candidates(table, kinds, known, time, entity):
        found += _judged(formula, table, y, half, known)
    return _best(found, most)


def explained(feature: Array, y: Array) -> float:
    """The share of the variance of `y (n, L)` between tenths of a feature, less what chance would give (adjusted η²), from 0.

    >>> x = np.arange(100.0)
    >>> explained(x, (x[:, None] - 50) ** 2) > 0.9
    True
    """
    there = np.isfinite(feature)
    code = np.zeros(len(feature), dtype=np.int64)
    if there.any():
        edges = np.unique(np.quantile(feature[there], np.linspace(0, 1, _BINS + 1)[1:-1]))
        code[there] = 1 + np.searchsorted(edges, feature[there], side="right")
    return _between(code, y)


def _between(code: NDArray[np.int64], y: Array) -> float:
    _, code, count = np.unique(code, return_inverse=True, return_counts=True)
    total = float(((y - y.mean(axis=0)) ** 2).sum())
    if total <= 0 or len(count) >= len(y):
        return 0.0
    means = np.stack([np.bincount(code, weights=column) / count for column in y.T], axis=1)
    within = float(((y - means[code]) ** 2).sum())
    return max(0.0, 1 - (within / (len(y) - len(count))) / (total / (len(y) - 1)))


def _read(X: pd.DataFrame, target: Any, seed: int) -> tuple[pd.DataFrame, Target]:
    if not isinstance(X, pd.DataFrame):
        raise UsageError(f"formulas read columns by their names, and X is a {type(X).__name__}; give a DataFrame")
    if isinstance(target, str):
        if target not in X.columns:
            raise UsageError(f"target={target!r} is no column of the table; name one, or give its values")
        X, target = X.drop(columns=target), X[target]
    y = Target.read(target)
    if len(y.values) != len(X):
        raise UsageError(f"X has {len(X)} rows and the target {len(y.values)}; give one a row")
    if len(X) < _LEAST_ROWS:
        raise UsageError(f"X has {len(X)} rows; with fewer than {_LEAST_ROWS} nothing can be told from chance")
    rows = np.sort(np.random.default_rng(seed).permutation(len(X))[:_SAMPLE])
    # by ranks: one value far off would be most of the variance
    values = y.values if len(y.names) > 1 else pd.DataFrame(y.values).rank().to_numpy()
    return X.iloc[rows].reset_index(drop=True), Target(values[rows], y.names)


def _kind(column: pd.Series[Any]) -> str:
    there = column.dropna()
    if there.nunique() < 2:  # noqa: PLR2004 - a constant tells nothing
        return ""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return "date"
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        return "number"
    if not isinstance(there.iloc[0], str):
        return "group"
    if there.str.fullmatch(r"\d{4}-\d{2}-\d{2}([T ].*)?").all():
        return "date"
    return "text" if there.str.split().str.len().mean() >= _WORDS and there.nunique() > len(there) / 2 else "group"


def _explained_by_input(table: pd.DataFrame, name: str, kind: str, y: Target, half: NDArray[np.bool_]) -> float:
    """What a column explains as it stands: a group by its levels where they are few, a date by its place in time."""
    if kind == "number":
        return explained(numbers(table, name)[~half], y.values[~half])
    if kind == "date":
        when = pd.to_datetime(table[name], utc=True, format="ISO8601", errors="coerce").dt.as_unit("ns")
        return explained(np.asarray(when.astype("int64"), dtype=np.float64)[~half], y.values[~half])
    levels = pd.factorize(keys(table, name))[0]
    return _between(levels[~half], y.values[~half]) if levels.max() < _LEVELS else 0.0


def _candidates(
    table: pd.DataFrame, kinds: dict[str, str], known: dict[str, float], time: str | None, entity: str | None
) -> Iterator[Kind]:
    of = {kind: [name for name in kinds if kinds[name] == kind] for kind in ("number", "date", "text", "group")}
    figures = sorted(of["number"], key=lambda name: -known[name])[:_MOST_COLUMNS]
    yield from (Ratio(of=a, by=b) for a, b in permutations(figures, 2))
    yield from (Difference(of=a, minus=b) for a, b in combinations(figures, 2))
    yield from (Product(of=a, by=b) for a, b in combinations(figures, 2))
    yield from (DateParts.model_validate({"of": name, "parts": [part]}) for name in of["date"] for part in _DATE_PARTS)
    yield from (Elapsed(since=a, until=b) for a, b in combinations(of["date"], 2))
    yield from (Text.model_validate({"of": name, "parts": [part]}) for name in of["text"] for part in _TEXT_PARTS)
    for name in of["group"]:
        if table[name].nunique() >= _LEVELS:
            yield Aggregate(by=name) if time is None else Aggregate(by=name, how="past", time=time)
            yield Frequency(of=name)
    if time is not None:
        past: list[dict[str, Any]] = [{"kind": "activity"}, {"kind": "sessions"}]
        past += [{"kind": "rolling", "of": name, "window": 5} for name in figures[:5]]
        yield from (Past.model_validate({"time": time, "entity": entity, "features": [each]}) for each in past)


def _judged(
    formula: Kind, table: pd.DataFrame, y: Target, half: NDArray[np.bool_], known: dict[str, float]
) -> Iterator[Proposal]:
    searched, held = np.flatnonzero(half), np.flatnonzero(~half)
    inputs = max([known.get(name, 0.0) for name in formula.inputs], default=0.0)
    if isinstance(formula, Past) or getattr(formula, "how", "") == "past":
        # the past is in the other half too, so that all rows are told and then parted
        made = formula.make_training(formula.learn(table, y), table, y, [])
        both = [(name, column[searched], column[held], words) for name, column, words in made]
    else:
        # what is learnt is learnt on the half that is searched, and judged on the other as new rows are
        learnt = formula.learn(table.iloc[searched].reset_index(drop=True), y.of(searched))
        one = formula.make_training(
            learnt, table.iloc[searched].reset_index(drop=True), y.of(searched), _folds(len(searched))
        )
        other = formula.make(learnt, table.iloc[held].reset_index(drop=True))
        both = [(name, a, b, words) for (name, a, words), (_, b, _) in zip(one, other, strict=True)]
    for name, first, second, words in both:
        before, after = explained(first, y.values[searched]), round(explained(second, y.values[held]), 4)
        margin = _margin(after, len(held))
        if min(before, after) > inputs + margin:
            reason = (
                f"{name} = {words}: explains {after:.0%} of the target's variance on {len(held)} rows that were not searched, "
                f"{'the best column that it reads ' + format(inputs, '.0%') if inputs else 'the columns that it reads none alone'}"
            )
            yield Proposal(formula, reason, after, round(inputs, 4))


def _margin(share: float, rows: int) -> float:
    """How much more than its inputs a feature has to explain: what chance gives some hundred candidates, twice."""
    chance = np.sqrt(2 * (_BINS - 1)) / (rows - _BINS)  # the deviation of an adjusted η² of nothing
    return float(max(_LEAST_GAIN, _DEVIATIONS * chance + np.sqrt(share / rows)))


def _folds(rows: int, count: int = 5) -> Sequence[tuple[NDArray[Any], NDArray[Any]]]:
    fold = np.arange(rows) % count
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(count)]


def _best(found: list[Proposal], most: int) -> list[Proposal]:
    """The most useful first; of those that read the same columns only the best, for they say the same."""
    kept: dict[Any, Proposal] = {}
    for each in sorted(found, key=lambda one: (-(one.explains - one.inputs_explain), repr(one.formula))):
        kept.setdefault((frozenset(each.formula.inputs), isinstance(each.formula, Past) and each.formula), each)
    return list(kept.values())[:most]
