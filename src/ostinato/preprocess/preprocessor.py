"""`DataPreprocessor`: outliers, gaps and features of a table in one step that says what it did to which column."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ostinato.core.errors import StorageError, UsageError
from ostinato.core.files import read_json, write_json
from ostinato.preprocess import record
from ostinato.preprocess.missing.handler import MissingValueHandler
from ostinato.preprocess.mixed import MixedTable
from ostinato.preprocess.outliers.detector import OutlierDetector
from ostinato.preprocess.transform.description import params_to_dict
from ostinato.preprocess.transform.transformer import FeatureTransformer

FORMAT = 1
FLAG = "outlier"
_LOG = logging.getLogger(__name__)


class DataPreprocessor(TransformerMixin, MixedTable):  # type: ignore[misc]
    """Prepare a table `(n, d)`: act on outliers, fill gaps, make features, in this order. A DataFrame stays one.

    Each of `outliers`, `missing` and `features` is None for nothing, a word (`"iqr"`, `"mice"`, `"auto"`), a mapping of settings,
    or an estimator (`OutlierDetector`, `MissingValueHandler`, `FeatureTransformer`). Columns of `protected`, such as keys and
    labels, are neither looked at nor changed, and come last. With the action `flag` outliers are told in a column `outlier`.

    Rows are dropped (`outliers={"action": "drop"}`) only from what is learnt from: `fit_transform` gives the rows where `kept_`
    holds, `fit_resample(X, y)` their targets too, and `transform` gives every row, for new rows ask for an answer.

    `report_` says what was done to the rows that were learnt from, by column and in all, as JSON. `save` writes one JSON file,
    `load` makes an equal preprocessor of it. The table that was learnt from is not in it, but methods that compare rows with those
    (`knn`, `lof`, `ensemble`, and `mice` for its donors) keep numbers of theirs.

    >>> tempo = [116.0, None, 120.0, 9999.0, 124.0, 118.0]
    >>> table = pd.DataFrame({"tempo": tempo, "style": ["waltz", "reel", None, "reel", "reel", "jig"]})
    >>> made = DataPreprocessor(missing="median", outliers={"method": "iqr", "action": "clip"})
    >>> made.fit_transform(table).loc[[1, 2]]
       tempo style
    1  120.0  reel
    2  120.0  reel
    >>> made.report_["columns"]["tempo"]
    {'missing': 1, 'filled': 1, 'outliers': 1, 'becomes': ['tempo']}
    """

    def __init__(
        self,
        missing: Any = "mice",
        outliers: Any = None,
        features: Any = None,
        protected: Sequence[str] = (),
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.missing = missing
        self.outliers = outliers
        self.features = features
        self.protected = protected
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, groups: Any = None) -> Self:
        """Learn from a table; `y` and `groups` are for codes from the target. Raises UsageError for what cannot be read."""
        self._learn(X, y, groups)
        return self

    def fit_transform(self, X: Any, y: Any = None, groups: Any = None) -> Any:
        """Learn from a table and prepare it: the rows where `kept_` holds, codes from the target out of fold."""
        return self._given(X, self._learn(X, y, groups))

    def fit_resample(self, X: Any, y: Any, groups: Any = None) -> tuple[Any, Any]:
        """Learn from a table and give the rows that are kept with their targets."""
        if y is None:
            raise UsageError(
                "fit_resample gives the targets of the rows that are kept, and y is None; call fit_transform(X)"
            )
        prepared = self._given(X, self._learn(X, y, groups))
        return prepared, y[self.kept_] if isinstance(y, pd.Series) else np.asarray(y)[self.kept_]

    def transform(self, X: Any) -> Any:
        """New rows prepared by what was learnt; none is dropped."""
        check_is_fitted(self)
        frame = self._framed(X, reset=False)
        table = frame.drop(columns=list(self.protected))
        flags = None
        if self.outliers_ is not None and self.outliers_.action == "flag":
            flags = self.outliers_.flags(table)
        elif self.outliers_ is not None and self.outliers_.action != "drop":
            table = self.outliers_.transform(table)
        for step in (self.missing_, self.features_):
            table = table if step is None else step.transform(table)
        return self._given(X, self._whole(table, frame, flags))

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Names of the columns that come out."""
        check_is_fitted(self)
        if input_features is not None and list(map(str, input_features)) != self._names:
            raise UsageError(f"input_features is not equal to feature_names_in_: the table has columns {self._names}")
        return np.asarray(self._outputs, dtype=object)

    def description(self) -> dict[str, Any]:
        """What was asked, learnt and done, as JSON for people."""
        check_is_fitted(self)
        steps = {"outliers": self.outliers_, "missing": self.missing_, "features": self.features_}
        return {
            "format": FORMAT,
            "transformer": type(self).__name__,
            "params": params_to_dict({name: _told(value) for name, value in self.get_params(deep=False).items()}),
            "report": self.report_,
            "steps": {name: step.description() for name, step in steps.items() if step is not None},
        }

    def save(self, path: Path | str) -> Path:
        """Write one JSON file, whole or not at all. Raises UsageError for what cannot be written as JSON."""
        check_is_fitted(self)
        target = Path(path)
        try:
            write_json(target, {"format": FORMAT, "report": self.report_, "learnt": record.encode(self)})
        except OSError as error:
            raise StorageError.from_os(error, target) from None
        return target

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """The preprocessor of a file that `save` wrote. Raises UsageError for another's, a damaged or a newer release's file."""
        source = Path(path)
        if not source.is_file():
            raise UsageError(f"{source}: there is no such file; give what save() wrote")
        try:
            told = read_json(source)
        except ValueError as error:
            raise UsageError(f"{source} is no JSON ({error}); save again") from None
        if not isinstance(told, Mapping) or "learnt" not in told:
            raise UsageError(f"{source} is no file that save() wrote")
        if told.get("format") != FORMAT:
            raise UsageError(
                f"{source} has format {told.get('format')!r} and this release reads {FORMAT}; update, or learn anew"
            )
        try:
            made = record.decode(told["learnt"])
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
            raise UsageError(f"{source} is damaged: {error}") from None
        if not isinstance(made, cls):
            raise UsageError(f"{source} holds a {type(made).__name__}, no {cls.__name__}")
        return made

    # --- inside -------------------------------------------------------------------------------------------------------

    def _learn(self, X: Any, y: Any, groups: Any) -> pd.DataFrame:
        frame = self._framed(X, reset=True)
        if unknown := sorted(set(map(str, self.protected)) - set(self._names)):
            raise UsageError(
                f"protected: there is no column {', '.join(unknown)}; the table has {', '.join(self._names)}"
            )
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.outliers_ = _made(OutlierDetector, "method", self.outliers, seed)
        self.missing_ = _made(MissingValueHandler, "strategy", self.missing, seed)
        self.features_ = _made(FeatureTransformer, "rest", self.features, seed)
        before = frame.drop(columns=list(self.protected))
        table, flags = self._learn_outliers(before)
        if not len(table):
            raise UsageError("every row is an outlier and would be dropped; lower contamination, or clip instead")
        cleaned = table
        if self.missing_ is not None:
            table = self.missing_.fit_transform(table)
        filled = table
        if self.features_ is not None:
            own_y, own_groups = (None if each is None else np.asarray(each)[self.kept_] for each in (y, groups))
            table = self.features_.fit_transform(table, own_y, groups=own_groups)
        told = flags if self.outliers_ is not None and self.outliers_.action == "flag" else None
        prepared = self._whole(table, frame[self.kept_], told)
        self._outputs = list(prepared.columns)
        self.report_ = self._reported(before, cleaned, filled, flags)
        return prepared

    def _learn_outliers(self, table: pd.DataFrame) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
        """The rows after the detector's action, and which were flagged `(n,)`; sets `kept_`."""
        self.kept_ = np.ones(len(table), dtype=bool)
        if self.outliers_ is None:
            return table, np.zeros(len(table), dtype=bool)
        flags: NDArray[np.bool_] = self.outliers_.fit(table).flags(table)
        match self.outliers_.action:
            case "flag":
                return table, flags
            case "drop":
                self.kept_ = ~flags
                if flags.any():
                    _LOG.info("%d of %d rows are outliers and were dropped", flags.sum(), len(flags))
                return table[self.kept_], flags
        return self.outliers_.transform(table), flags

    def _reported(
        self, before: pd.DataFrame, cleaned: pd.DataFrame, filled: pd.DataFrame, flags: NDArray[np.bool_]
    ) -> dict[str, Any]:
        kept = before[self.kept_]
        columns: dict[str, Any] = {}
        for name in before.columns:
            gaps = kept[name].isna()
            still = filled[name].isna()
            changed = (kept[name] != cleaned[name]) & ~gaps
            columns[name] = {
                "missing": int(gaps.sum()),
                "filled": int((gaps & ~still).sum()),
                "outliers": int(changed.sum()),
                "becomes": self._becomes(name),
            }
        return {
            "rows": {
                "given": len(before),
                "kept": len(kept),
                "dropped": int((~self.kept_).sum()),
                "outliers": int(flags.sum()),
            },
            "cells": {key: sum(each[key] for each in columns.values()) for key in ("missing", "filled", "outliers")},
            "columns": columns,
            "protected": list(self.protected),
            "left_out": {} if self.features_ is None else self.features_.dropped_,
        }

    def _becomes(self, name: str) -> list[str]:
        if self.features_ is None:
            return [name]
        return [each for block in self.features_.blocks_ if name in block.columns for each in block.names]

    def _whole(self, table: pd.DataFrame, frame: pd.DataFrame, flags: NDArray[np.bool_] | None) -> pd.DataFrame:
        """The prepared columns, the flag, and the protected columns as they came."""
        parts = [table, frame[list(self.protected)]]
        if flags is not None:
            parts.insert(1, pd.DataFrame({FLAG: flags}, index=table.index))
        whole = pd.concat([each for each in parts if each.shape[1]], axis=1)
        if twins := whole.columns[whole.columns.duplicated()].tolist():
            raise UsageError(
                f"two columns would be called {twins[0]!r}; rename the protected one, or the one it is made of"
            )
        return whole

    def _given(self, X: Any, prepared: pd.DataFrame) -> Any:
        return prepared if isinstance(X, pd.DataFrame) else prepared.to_numpy()

    def _framed(self, X: Any, *, reset: bool) -> pd.DataFrame:
        if not isinstance(X, pd.DataFrame):
            array = validate_data(self, X, reset=reset, dtype=None, ensure_all_finite=False)
            frame = pd.DataFrame(array, columns=[f"x{place}" for place in range(array.shape[1])])
            frame = frame.infer_objects() if array.dtype.kind == "O" else frame
        else:
            if X.columns.has_duplicates:
                twin = X.columns[X.columns.duplicated()][0]
                raise UsageError(f"column {twin!r} is in the table more than once; rename or drop one")
            try:
                validate_data(self, X, reset=reset, skip_check_array=True)
            except ValueError as error:
                raise UsageError(f"{error}\nGive the columns that were learnt from, in their order.") from None
            if not X.shape[1] or not len(X):
                what = "sample" if X.shape[1] else "feature"
                raise UsageError(f"Found a table with 0 {what}(s) (shape={X.shape}) while a minimum of 1 is required")
            frame = X.set_axis([str(name) for name in X.columns], axis=1)
        if reset:
            self._names = [str(name) for name in frame.columns]
        return frame


def _made(kind: type[Any], word: str, asked: Any, seed: int) -> Any:
    """The step that is asked for, with a seed where none is stated; None where nothing is."""
    if asked is None:
        return None
    if isinstance(asked, kind):
        return clone(asked)
    if isinstance(asked, str):
        asked = {word: asked}
    if not isinstance(asked, Mapping):
        raise UsageError(
            f"{asked!r} is no {kind.__name__}; give a word, a mapping of its settings, an estimator or None"
        )
    try:
        return kind(**{"random_state": seed, **asked})
    except TypeError:
        known = ", ".join(sorted(kind().get_params()))
        unknown = ", ".join(sorted(set(asked) - set(kind().get_params())))
        raise UsageError(f"{kind.__name__} has no setting {unknown}; it has {known}") from None


def _told(value: Any) -> Any:
    return (
        {type(value).__name__: params_to_dict(value.get_params(deep=False))}
        if isinstance(value, BaseEstimator)
        else value
    )
