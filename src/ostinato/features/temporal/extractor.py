"""`TemporalFeatureExtractor`: what an entity did before each row, and when the row is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ostinato.core.errors import UsageError
from ostinato.features.temporal.clock import Unit, check_zone, duration
from ostinato.features.temporal.events import Events, Layout
from ostinato.features.temporal.past import Past, Ties
from ostinato.features.temporal.specs import Temporal, read_specs

_LAGS = (1, 2)


class TemporalFeatureExtractor(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Features of each row from the events of its entity before it, and from its date: a DataFrame of float64, one row a row.

    `time` names the column of moments, `entity` the column (or columns) that say whose event a row is; None: all rows are one
    series. `features` lists what is wanted, as specs or mappings with a `kind` (see `ostinato.features.temporal.specs`); None
    takes activity, dates and, for each column of `values`, two lags, a window of five events, the mean so far and an exponential
    average.

    **What a row sees**: events strictly earlier than its moment. Not itself, nothing later, and not other events of the same
    moment, whose order nobody knows (`ties="order"`: those that stand before it in the table are earlier). With `delay` an
    event is seen once it is that old, for labels that become known late. A spec with `now=True` sees the row's moment as well.
    So changing or deleting what is later than a row changes none of its features.

    `fit` keeps the events; `transform` sees those and the ones that it is given. An event that equals a kept one in all columns
    that are read is the same event, and counts once; within one table, equal rows are as many events (drop copies before).
    `partial_fit` adds events, `as_of` answers rows that are questions and no events. `history=False` keeps nothing.

    Rows may stand in any order. Moments with zones or offsets become UTC; moments without are clocks of `tz`, or where that is
    None one clock for all. Numbers need their `unit`. Rows without an entity (missing or "") have no past and are nobody's.
    Infinite values, rows without a moment, and words where numbers are needed raise UsageError.

    >>> import pandas as pd
    >>> plays = pd.DataFrame({"at": pd.to_datetime(["2024-05-01", "2024-05-03", "2024-05-02"]), "user": ["a", "a", "b"],
    ...                       "seconds": [200.0, 180.0, 90.0]})
    >>> wanted = [{"kind": "lag", "of": "seconds"}, {"kind": "dates", "parts": ["day"]}]
    >>> past = TemporalFeatureExtractor("at", "user", features=wanted)
    >>> past.fit_transform(plays)
       seconds_lag_1  at_day
    0            NaN     1.0
    1          200.0     3.0
    2            NaN     2.0
    """

    _kept: Events

    def __init__(
        self,
        time: str = "at",
        entity: str | Sequence[str] | None = None,
        values: Sequence[str] = (),
        features: Sequence[Any] | None = None,
        *,
        tz: str | None = None,
        unit: Unit | None = None,
        ties: Ties = "exclude",
        delay: str | None = None,
        history: bool = True,
    ) -> None:
        self.time = time
        self.entity = entity
        self.values = values
        self.features = features
        self.tz = tz
        self.unit = unit
        self.ties = ties
        self.delay = delay
        self.history = history

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Learn which features there are and keep the events; `y` is not looked at."""
        self._learn(X)
        return self

    def fit_transform(self, X: pd.DataFrame, y: Any = None, **_: Any) -> pd.DataFrame:
        """Keep the events and tell their features."""
        return self._told(self._learn(X), X.index)

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Features of rows that are events themselves, `(n, k)`, from the kept events and these."""
        check_is_fitted(self)
        events = self._events(X)
        return self._told(self._kept.about(events).joined(events), X.index, len(events))

    def as_of(self, X: pd.DataFrame) -> pd.DataFrame:
        """Features of entities at moments: rows need time and entity alone, and are no events."""
        check_is_fitted(self)
        asking = self._layout.read(X, questions=True)
        self._same_clock(asking)
        return self._frame(self._past(self._kept.about(asking).followed(asking), len(asking), questions=True), X.index)

    def partial_fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Add events to those that are kept; the first call is `fit`."""
        if not hasattr(self, "_kept"):
            return self.fit(X, y)
        events = self._events(X)
        self._kept = self._kept.joined(events)
        return self

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """The features' names in their order."""
        check_is_fitted(self)
        return np.array(list(self._words), dtype=object)

    def describe(self) -> pd.DataFrame:
        """For each feature what it is, in words, and its spec as JSON-able values."""
        check_is_fitted(self)
        rows = [
            (name, words, spec.model_dump(mode="json", exclude_none=True))
            for name, (words, spec) in self._words.items()
        ]
        return pd.DataFrame(rows, columns=["feature", "formula", "spec"]).set_index("feature")

    def _learn(self, X: pd.DataFrame) -> Events:
        self._check()
        specs = self._default() if self.features is None else read_specs(self.features)
        self._specs: tuple[Temporal, ...] = specs
        self._layout = Layout.of(self.time, self.entity, self.values, specs, self.unit, self.tz)
        if isinstance(X, pd.DataFrame) and not len(X):
            raise UsageError("the table has 0 rows; features in time are learnt from at least one event")
        events = self._layout.read(X)
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        self.n_features_in_ = X.shape[1]
        self._words = self._named(self._past(events[:1], 1))
        self._kept = events if self.history else events[:0]
        return events

    def _check(self) -> None:
        if self.ties not in {"exclude", "order"}:
            raise UsageError(f"ties={self.ties!r} is neither 'exclude' nor 'order'")
        if self.tz is not None:
            check_zone(self.tz)
        if self.delay is not None:
            duration(self.delay, "delay")

    def _default(self) -> tuple[Temporal, ...]:
        each: list[dict[str, Any]] = [{"kind": "activity"}, {"kind": "dates"}]
        for of in [self.values] if isinstance(self.values, str) else self.values:
            each += [
                {"kind": "lag", "of": of, "steps": _LAGS},
                {"kind": "rolling", "of": of, "window": 5, "stats": ["mean", "std"]},
                {"kind": "expanding", "of": of},
                {"kind": "exponential", "of": of, "halflife": 5},
            ]
        return read_specs(each)

    def _events(self, X: pd.DataFrame) -> Events:
        events = self._layout.read(X)
        self._same_clock(events)
        return events

    def _same_clock(self, events: Events) -> None:
        if len(self._kept) and len(events) and events.zoned != self._kept.zoned:
            now, then = ("with", "without") if events.zoned else ("without", "with")
            raise UsageError(
                f"column {self.time!r} comes {now} time zones, and the events that were learnt {then}; the two cannot be "
                "put in order: give both the same way, or say tz="
            )

    def _told(self, events: Events, index: pd.Index[Any], rows: int | None = None) -> pd.DataFrame:
        return self._frame(self._past(events, len(events) if rows is None else rows), index)

    def _past(self, events: Events, rows: int, *, questions: bool = False) -> Past:
        delay = 0 if self.delay is None else duration(self.delay, "delay")
        return Past.of(events, rows, self.ties, delay, self.tz if events.zoned else None, questions=questions)

    def _named(self, past: Past) -> dict[str, tuple[str, Temporal]]:
        found: dict[str, tuple[str, Temporal]] = {}
        for name, _, words, spec in self._each(past):
            if name in found:
                raise UsageError(
                    f"two entries of features give {name!r}: {found[name][1]!r} and {spec!r}; leave one of them out"
                )
            found[name] = words, spec
        return found

    def _each(self, past: Past) -> Iterator[tuple[str, NDArray[np.float64], str, Temporal]]:
        for spec in self._specs:
            for name, column, words in past.features(spec):
                yield name, column, words, spec

    def _frame(self, past: Past, index: pd.Index[Any]) -> pd.DataFrame:
        return pd.DataFrame({name: column for name, column, _, _ in self._each(past)}, index=index)
