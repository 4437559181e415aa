"""`FeatureEngineer`: a list of declared features, learnt, computed and explained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ostinato.core.errors import UsageError
from ostinato.features.formulas.formula import Made, Pair, Target
from ostinato.features.formulas.specs import Kind, read_formulas

if TYPE_CHECKING:
    from ostinato.features.formulas.proposals import Proposal

_FEWEST_FOLDS = 2
_SHOWN = 12


class FeatureEngineer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """New columns by a list of formulas, which are values: `ratio`, `difference`, `product`, `log`, `bins`, `text`, `dates`,
    `elapsed`, `aggregate`, `frequency`, `temporal` (see `ostinato.features.formulas`), as specs or mappings with a `kind`.

    A formula may read a column that one before it made. `keep=True` returns the table's columns too, else only the new.
    What is learnt of the target or of a group is learnt out of fold, or from the past: `fit_transform` gives the training rows
    statistics to which they did not contribute, by `cv` folds (whole groups of the column `groups`, where one is said), and so
    differs from `fit(...).transform(...)` of the same rows, which treats them as new. In a pipeline that is what is wanted.

    `propose` looks for formulas that would help and says why.

    >>> import pandas as pd
    >>> songs = pd.DataFrame({"plays": [30, 80, 0], "days": [3, 4, 0], "title": ["One", "Three words here", None]})
    >>> engineer = FeatureEngineer([{"kind": "ratio", "of": "plays", "by": "days"}, {"kind": "text", "of": "title"}], keep=False)
    >>> engineer.fit_transform(songs)
       plays_per_days  title_characters  title_words
    0            10.0               3.0          1.0
    1            20.0              16.0          3.0
    2             NaN               NaN          NaN
    """

    def __init__(
        self,
        features: Sequence[Any] = (),
        *,
        keep: bool = True,
        cv: Any = 5,
        groups: str | None = None,
        random_state: int = 0,
    ) -> None:
        self.features = features
        self.keep = keep
        self.cv = cv
        self.groups = groups
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Learn what the formulas need of the training rows, and of the target where they read it."""
        self._run(X, y, training=False)
        return self

    def fit_transform(self, X: pd.DataFrame, y: Any = None, **_: Any) -> pd.DataFrame:
        """Learn, and compute the training rows' features so that none has told of its own target."""
        return self._run(X, y, training=True)

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """The features of new rows, `(n, k)`."""
        check_is_fitted(self)
        self._check(X)
        table = X.reset_index(drop=True)
        for formula, learnt in zip(self._formulas, self._learnt, strict=True):
            table = _joined(table, formula, formula.make(learnt, table), None)
        return self._written(X, table)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """The columns of `transform` in their order."""
        check_is_fitted(self)
        return np.array([*(self.feature_names_in_ if self.keep else ()), *self._told], dtype=object)

    def describe(self) -> pd.DataFrame:
        """For each new feature its formula in words, the columns it reads, and the spec as JSON-able values."""
        check_is_fitted(self)
        rows = [
            (name, words, list(formula.inputs), formula.model_dump(mode="json", exclude_none=True))
            for name, (words, formula) in self._told.items()
        ]
        return pd.DataFrame(rows, columns=["feature", "formula", "inputs", "spec"]).set_index("feature")

    @staticmethod
    def propose(
        X: pd.DataFrame,
        target: Any,
        *,
        time: str | None = None,
        entity: str | None = None,
        most: int = 10,
        random_state: int = 0,
    ) -> list[Proposal]:
        """Formulas that tell more of the target than the columns they read, at most `most`, the most useful first.

        `target` is the name of a column or values `(n,)`. Each is found on one half of the rows and has to hold on the other,
        whose figures its reason says. With `time` (and `entity`) the past is looked at too.
        """
        from ostinato.features.formulas.proposals import proposals

        return proposals(X, target, time=time, entity=entity, most=most, seed=random_state)

    def _run(self, X: pd.DataFrame, y: Any, *, training: bool) -> pd.DataFrame:
        self._formulas: tuple[Kind, ...] = read_formulas(self.features)
        self._check(X, fitting=True)
        target = None if y is None else Target.read(y)
        if target is not None and len(target.values) != len(X):
            raise UsageError(f"X has {len(X)} rows and y {len(target.values)}; give one target a row")
        folds = self._folds(X) if training else []
        table = X.reset_index(drop=True)
        self._learnt: list[Any] = []
        self._told: dict[str, tuple[str, Kind]] = {}
        for formula in self._formulas:
            _known(table, formula)
            learnt = formula.learn(table, target)
            made = formula.make_training(learnt, table, target, folds) if training else formula.make(learnt, table)
            told: dict[str, str] = {}
            table = _joined(table, formula, made, told)
            self._learnt.append(learnt)
            self._told |= {name: (words, formula) for name, words in told.items()}
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        self.n_features_in_ = X.shape[1]
        return self._written(X, table)

    def _check(self, X: Any, *, fitting: bool = False) -> None:
        if not isinstance(X, pd.DataFrame):
            raise UsageError(f"formulas read columns by their names, and X is a {type(X).__name__}; give a DataFrame")
        if fitting and not len(X):
            raise UsageError("the table has 0 rows; features are learnt from at least one")
        if not X.columns.is_unique:
            twice = X.columns[X.columns.duplicated()][0]
            raise UsageError(f"the table has several columns called {twice!r}; rename all but one")
        if fitting:
            return
        lacking = [name for name in self.feature_names_in_ if name not in X.columns and self._reads(name)]
        if lacking:
            raise UsageError(f"the table lacks the columns {', '.join(map(repr, lacking))}, which features are made of")

    def _reads(self, name: str) -> bool:
        return self.keep or any(name in formula.inputs for formula in self._formulas)

    def _folds(self, X: pd.DataFrame) -> Sequence[Pair]:
        from sklearn.model_selection import GroupKFold, KFold

        if not any(getattr(formula, "how", "") == "out_of_fold" for formula in self._formulas):
            return []
        groups = None
        if self.groups is not None:
            if self.groups not in X.columns:
                raise UsageError(f"groups={self.groups!r} is no column of the table")
            groups = X[self.groups].astype(str).to_numpy()
        if hasattr(self.cv, "split"):
            return list(self.cv.split(X, None, groups))
        parts = len(X) if groups is None else len(set(groups))
        if isinstance(self.cv, bool) or not isinstance(self.cv, int | np.integer) or self.cv < _FEWEST_FOLDS:
            raise UsageError(f"cv={self.cv!r} is neither a splitter nor a number of folds from {_FEWEST_FOLDS} on")
        count = min(int(self.cv), parts)
        if count < _FEWEST_FOLDS:
            return []  # nothing else to learn from: what is out of fold stays missing
        kind = KFold if groups is None else GroupKFold
        return list(kind(count, shuffle=True, random_state=self.random_state).split(X, None, groups))

    def _written(self, X: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
        found = table[list(self.get_feature_names_out())]
        return found.set_axis(X.index)


def _joined(table: pd.DataFrame, formula: Kind, made: Made, told: dict[str, str] | None) -> pd.DataFrame:
    columns: dict[str, Any] = {}
    for name, column, words in made:
        if name in table.columns or name in columns:
            raise UsageError(f"{formula!r}: a column is called {name!r} already; give the formula a name=")
        columns[name] = column
        if told is not None:
            told[name] = words
    return pd.concat([table, pd.DataFrame(columns, index=table.index)], axis=1)


def _known(table: pd.DataFrame, formula: Kind) -> None:
    """Raise UsageError for columns that neither the table has nor a formula before this one made."""
    lacking = [name for name in formula.inputs if name not in table.columns]
    if lacking:
        shown = ", ".join(map(str, table.columns[:_SHOWN])) + (", …" if len(table.columns) > _SHOWN else "")
        raise UsageError(
            f"{formula!r} reads {', '.join(map(repr, lacking))}, which the table does not have and no formula before it makes; "
            f"there are {shown}"
        )
