"""`MissingValueHandler`: the gaps of a mixed table filled, by one value or by draws that know how little they know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Self, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from ostinato.core.errors import NotFittedError, UsageError
from ostinato.preprocess.missing.cells import Layout, Mask
from ostinato.preprocess.missing.fillers import Filler, filler_for
from ostinato.preprocess.missing.rubin import Pooled, pool
from ostinato.preprocess.mixed import MixedTable, checked

Array = NDArray[np.float64]
Strategy = Literal["mice", "mean", "median", "mode", "constant", "knn", "autoencoder"]
_INDICATOR = "missing_"


class MissingValueHandler(TransformerMixin, MixedTable):  # type: ignore[misc]
    """Fill what is missing in a table `(n, d)` of numbers, dates and categories; a DataFrame stays one, with its columns and
    dtypes.

    `strategy`: `mean`, `median`, `mode` and `constant` (`fill_value`, or one by column) put one value; categories take their
    mode with the first two. `knn` takes the mean or the most frequent of `n_neighbors` like rows, `autoencoder` what a
    denoising network restores. `mice` draws: each column in turn by a regression on the others and like rows, `sweeps` times
    over (van Buuren 2011).

    With `mice` there are two kinds of answers. `fit_transform` and `transform` give one table to learn from, with as little
    chance in it as can be. `imputations_` holds `m` tables for statistics, whose spread says how uncertain what was missing is;
    they are drawn when first asked for, and `pooled` joins them. It assumes that what is missing depends on what is seen
    (missing at random).

    `indicators=True` appends `missing_<column>` for each column that had gaps while learning. A column without any value stays
    missing: nothing tells what it is. Infinite values are refused. `most_predictors` bounds how many columns foretell one, the ones
    that go with it most, `training_steps` the network's training. Missing values are NaN, None, NA and NaT.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"tempo": [90.0, None, 120.0, 124.0], "style": ["waltz", "waltz", None, "reel"]})
    >>> MissingValueHandler(strategy="median").fit_transform(table)
       tempo  style
    0   90.0  waltz
    1  120.0  waltz
    2  120.0  waltz
    3  124.0   reel
    >>> int(MissingValueHandler(strategy="mice", random_state=0).fit_transform(table).isna().sum().sum())
    0
    """

    _sets: list[Any] | None

    def __init__(
        self,
        strategy: Strategy = "mice",
        m: int = 5,
        sweeps: int = 5,
        indicators: bool = False,
        fill_value: Any = None,
        n_neighbors: int = 5,
        most_predictors: int = 60,
        training_steps: int = 3_000,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.strategy = strategy
        self.m = m
        self.sweeps = sweeps
        self.indicators = indicators
        self.fill_value = fill_value
        self.n_neighbors = n_neighbors
        self.most_predictors = most_predictors
        self.training_steps = training_steps
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from a table `(n, d)`; `y` is not looked at. Raises UsageError for what cannot be read, and wrong parameters."""
        self._learn(X)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Learn from a table and fill it: with `mice` the balanced draw."""
        X, cells, filled = self._learn(X)
        return self._written(X, cells, filled)

    def transform(self, X: Any) -> Any:
        """Fill new rows by what was learnt; the same rows give the same table."""
        check_is_fitted(self)
        X = checked(self, X, reset=False)
        cells = self._layout.read(X)
        return self._written(X, cells, self._filler.fill(cells, self._rng(0, 1)))

    @property
    def imputations_(self) -> list[Any]:
        """The `m` completed tables of `mice`; of the other strategies, which do not draw, the one that there is."""
        if not hasattr(self, "_source"):
            raise NotFittedError("MissingValueHandler has learnt nothing yet; call fit or fit_transform first")
        if self._sets is None:
            X, cells = self._source, self._layout.read(self._source)
            drawn = [self._filler.draw(self._rng(1 + k)) for k in range(self._filler.draws)]
            self._sets = [self._written(X, cells, each, indicators=False) for each in drawn]
        return self._sets

    def pooled(
        self,
        analysis: Callable[[Any], tuple[ArrayLike, ArrayLike]],
        complete_df: float | None = None,
        confidence: float = 0.95,
    ) -> Pooled:
        """Rubin's intervals of an analysis `table -> (estimates, squared standard errors)` run on each of `imputations_`.

        `complete_df` defaults to rows - 1; for a regression it is rows less coefficients. Raises UsageError unless strategy is
        `mice`.
        """
        check_is_fitted(self)
        if self.strategy != "mice":
            raise UsageError(
                f"strategy={self.strategy!r} fills each gap once, so intervals would be too narrow; take strategy='mice'"
            )
        told = [analysis(each) for each in self.imputations_]
        df = float(max(self.n_rows_ - 1, 1)) if complete_df is None else complete_df
        return pool([np.asarray(each[0]) for each in told], [np.asarray(each[1]) for each in told], df, confidence)

    pool = staticmethod(pool)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """The table's columns, then the indicators."""
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        if not self.indicators:
            return np.asarray(names, dtype=object)
        return np.concatenate([names, [f"{_INDICATOR}{names[j]}" for j in self._gaps]]).astype(object)

    def description(self) -> dict[str, Any]:
        """What was learnt and done, as JSON: the strategy, and for each column its kind, gaps and what fills them."""
        check_is_fitted(self)
        columns = {}
        for j, column in enumerate(self._layout.columns):
            how = "left missing: no value was seen" if j in self._empty else self._filler.how(j)
            facts = {"kind": column.kind, "missing": int(self._missing[j]), "filled_by": how}
            if column.kind == "category":
                facts["levels"] = column.n_levels
            columns[str(column.name)] = facts
        return {
            "transformer": type(self).__name__,
            "strategy": self.strategy,
            "rows": self.n_rows_,
            "seed": self._seed,
            "draws": self._filler.draws,
            "indicators": [str(self._layout.columns[j].name) for j in self._gaps] if self.indicators else [],
            "columns": columns,
        }

    def _learn(self, X: Any) -> tuple[Any, Array, Array]:
        self._check_params()
        X = checked(self, X, reset=True)
        self._layout = Layout.learnt(X)
        cells = self._layout.read(X)
        holes = np.isnan(cells)
        self._missing = holes.sum(axis=0)
        self._gaps = np.flatnonzero(self._missing)
        self._empty = frozenset(np.flatnonzero(holes.all(axis=0)).tolist())
        self.n_rows_ = len(cells)
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self._filler: Filler = filler_for(self, self._layout, self._seed)
        self._layout = self._filler.layout
        filled = self._filler.learn(cells, self._rng(0))
        self._source = X.copy()
        self._sets = None
        return X, cells, filled

    def _check_params(self) -> None:
        if self.strategy not in get_args(Strategy):
            raise UsageError(f"strategy={self.strategy!r} is none of {', '.join(get_args(Strategy))}")
        for name, least in (("m", 1), ("sweeps", 1), ("n_neighbors", 1), ("most_predictors", 1), ("training_steps", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise UsageError(f"{name}={value!r} has to be a whole number of at least {least}")

    def _rng(self, *part: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, *part])

    def _written(self, X: Any, cells: Array, filled: Array, *, indicators: bool = True) -> Any:
        holes = np.isnan(cells)
        if self._empty:
            keep = sorted(self._empty)
            filled[:, keep], holes[:, keep] = cells[:, keep], False
        done = self._layout.write(X, filled, holes)
        return self._marked(done, np.isnan(cells)) if self.indicators and indicators else done

    def _marked(self, done: Any, holes: Mask) -> Any:
        marks = holes[:, self._gaps]
        if isinstance(done, np.ndarray):
            return np.concatenate([done, marks.astype(done.dtype)], axis=1)
        names = [f"{_INDICATOR}{done.columns[j]}" for j in self._gaps]
        return pd.concat([done, pd.DataFrame(marks, index=done.index, columns=names)], axis=1)
