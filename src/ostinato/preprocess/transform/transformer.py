"""`FeatureTransformer`: a table of numbers, categories, dates and texts as numbers, and all that was learnt as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ostinato.core.errors import UsageError
from ostinato.preprocess.mixed import MixedTable
from ostinato.preprocess.transform.automatic import choice
from ostinato.preprocess.transform.description import block_from, block_to_dict, checked, params_to_dict
from ostinato.preprocess.transform.goal import Goal, TargetType
from ostinato.preprocess.transform.graph import exported
from ostinato.preprocess.transform.kinds import learnt, needs_target
from ostinato.preprocess.transform.spec import Drop, Keep, Spec, severals, singles
from ostinato.preprocess.transform.table import Role, Table, restored

FORMAT = 1
Rest = Literal["auto", "keep", "drop"]


class FeatureTransformer(TransformerMixin, MixedTable):  # type: ignore[misc]
    """Make numbers of a table `(n, d)`: scaled, encoded, taken apart, combined. DataFrames give DataFrames, arrays arrays `(n, k)`.

    `columns` says by name what becomes of a column: a kind (`"log"`), a mapping (`{"kind": "target", "smooth": 20}`), or a list of
    them. Kinds of numbers: standard, minmax, robust, quantile, power, log; of categories: onehot, ordinal, target, leave_one_out,
    frequency, hash; also date, text, keep, drop. `preprocess.transform.spec` has their settings. `combine` lists polynomials of
    numbers and crosses of categories. Columns that are not named go by `rest`: `keep`, `drop`, or `auto` by their type, with
    `numbers`, `dates`, `texts` and `categories` as what to do (categories by default: indicators up to 12 levels, else the target's
    mean, or the frequency where `y` is None). An array's columns are called x0, x1, …

    `fit_transform(X, y, groups=None)` is not `fit(X, y).transform(X)`: codes from the target are out of fold, so that no row is
    told its own target or that of its group, and a model that learns from them does not take noise for signal. Learn models from
    `fit_transform`, and score with `transform`.

    At `transform` a missing column is refused, and so are, with their row, words among numbers and infinite values. A level that
    was not there has its kind's stated answer, numbers written as text are read, and gaps stay gaps in numbers and are a level of
    categories.

    >>> table = pd.DataFrame({"tempo": [90.0, 120.0, 150.0], "style": ["waltz", "reel", "reel"]})
    >>> FeatureTransformer().fit_transform(table).round(2)
       tempo  style=reel  style=waltz
    0  -1.22         0.0          1.0
    1   0.00         1.0          0.0
    2   1.22         1.0          0.0
    """

    def __init__(
        self,
        columns: Mapping[str, Any] | None = None,
        combine: Sequence[Any] = (),
        rest: Rest = "auto",
        numbers: Any = "standard",
        categories: Any = "auto",
        dates: Any = "date",
        texts: Any = "text",
        target_type: TargetType = "auto",
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.columns = columns
        self.combine = combine
        self.rest = rest
        self.numbers = numbers
        self.categories = categories
        self.dates = dates
        self.texts = texts
        self.target_type = target_type
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, groups: Any = None) -> Self:
        """Learn from a table `(n, d)` and, for codes from the target, `y (n,)`. Raises UsageError for what cannot be read."""
        self._learn(X, y, groups)
        return self

    def fit_transform(self, X: Any, y: Any = None, groups: Any = None) -> Any:
        """Learn from a table and give its rows, those from the target out of fold; rows of one of `groups (n,)` share a fold."""
        frame, table, goal = self._learn(X, y, groups)
        return self._joined(X, frame, [block.own(table, goal) for block in self.blocks_])

    def transform(self, X: Any) -> Any:
        """New rows `(n, d)` as numbers `(n, k)`. Raises UsageError for a missing column, and for what cannot be read."""
        check_is_fitted(self)
        frame = self._framed(X, reset=False)
        table = Table(frame)
        return self._joined(X, frame, [block.apply(table) for block in self.blocks_])

    def inverse_transform(self, X: Any, partial: bool = False) -> pd.DataFrame:
        """The table that outputs `(n, k)` came from, as a DataFrame. Raises UsageError where a column cannot be told from its
        outputs, and says which; with `partial` such columns are left out.
        """
        check_is_fitted(self)
        values = np.asarray(X, dtype=None if isinstance(X, pd.DataFrame) else np.float64)
        names = self.get_feature_names_out()
        if values.ndim != 2 or values.shape[1] != len(names):  # noqa: PLR2004
            raise UsageError(
                f"X has shape {values.shape}; inverse_transform takes (n, {len(names)}), what transform gave"
            )
        found: dict[str, Any] = {}
        exact: set[str] = set()
        start = 0
        for block in self.blocks_:
            own, start = values[:, start : start + len(block.names)], start + len(block.names)
            name = block.columns[0]
            if block.invertible and name not in exact:
                found[name] = block.invert(own.astype(np.float64) if block.numeric else own)
                exact |= {name} if block.exact else set()
        lost = [name for name in self._names if name not in found]
        if lost and not partial:
            raise UsageError(
                f"columns {', '.join(lost)} cannot be told from what they became; partial=True leaves them out, and asking for "
                "'keep', a scale, 'onehot', 'ordinal' or 'date' beside it keeps them"
            )
        index = X.index if isinstance(X, pd.DataFrame) else None
        kept = [name for name in self._names if name in found]
        return pd.DataFrame({name: restored(found[name], self._dtypes[name], index) for name in kept}, index=index)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Names of the outputs `(k,)`. Raises UsageError for `input_features` that are not the learnt ones."""
        check_is_fitted(self)
        if input_features is not None and list(map(str, input_features)) != self._names:
            raise UsageError(f"input_features is not equal to feature_names_in_: the table has columns {self._names}")
        return np.asarray([name for block in self.blocks_ for name in block.names], dtype=object)

    def description(self) -> dict[str, Any]:
        """All that was asked and learnt, as JSON; `from_description` makes an equal transformer of it."""
        check_is_fitted(self)
        return {
            "format": FORMAT,
            "transformer": type(self).__name__,
            "params": params_to_dict(self.get_params(deep=False)),
            "rows": self.n_rows_,
            "seed": self._seed,
            "named": hasattr(self, "feature_names_in_"),
            "columns": [{"name": name, "dtype": dtype} for name, dtype in self._dtypes.items()],
            "dropped": self.dropped_,
            "blocks": [block_to_dict(block) for block in self.blocks_],
        }

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Self:
        """The fitted transformer that `description` tells of. Raises UsageError for one that is damaged or of a newer release.

        >>> table = pd.DataFrame({"style": ["waltz", "reel", "reel"]})
        >>> told = FeatureTransformer().fit(table).description()
        >>> FeatureTransformer.from_description(told).transform(table.head(1))
           style=reel  style=waltz
        0         0.0          1.0
        """
        told = checked(description, cls.__name__, FORMAT)
        try:
            made = cls(**told["params"])
            made._seed, made.n_rows_, made.dropped_ = told["seed"], told["rows"], dict(told["dropped"])
            made._dtypes = {each["name"]: each["dtype"] for each in told["columns"]}
            made._names, made.n_features_in_ = list(made._dtypes), len(made._dtypes)
            made.blocks_ = [block_from(each) for each in told["blocks"]]
            if told["named"]:
                made.feature_names_in_ = np.asarray(made._names, dtype=object)
        except (KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"the description is damaged: {error!r}; give what description() returned") from None
        return made

    def to_onnx(self, partial: bool = False) -> bytes:
        """An ONNX model with an input a column and the output `Y (n, k)`, the columns in the order of `get_feature_names_out`.

        Numbers are doubles with NaN for gaps; dates too, in seconds since 1970 UTC; categories strings, whole numbers among them
        written without a point, "" for gaps.
        Raises UsageError naming what has no operation: texts, hashes, dates in a zone; `partial` leaves those out, and
        `onnx_feature_names(partial=True)` says what remains.
        """
        check_is_fitted(self)
        return exported(self.blocks_, partial=partial)[0]

    def onnx_feature_names(self, partial: bool = False) -> list[str]:
        """Names of the columns of the exported output."""
        check_is_fitted(self)
        return exported(self.blocks_, partial=partial)[1]

    # --- inside -------------------------------------------------------------------------------------------------------

    def _learn(self, X: Any, y: Any, groups: Any) -> tuple[pd.DataFrame, Table, Goal | None]:
        frame = self._framed(X, reset=True)
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        if self.target_type not in get_args(TargetType):
            raise UsageError(f"target_type={self.target_type!r} is none of {', '.join(get_args(TargetType))}")
        table, self.n_rows_ = Table(frame), len(frame)
        requests = self._requests(table, told=y is not None)
        supervised = any(needs_target(spec) for spec, _, _ in requests)
        goal = Goal.of(y, groups, self.target_type, len(frame), self._seed) if supervised and y is not None else None
        self.blocks_ = [learnt(spec, names, label, table, goal) for spec, names, label in requests]
        if not self.blocks_:
            raise UsageError(
                f"nothing is left of the table: {self.dropped_ or 'every column is dropped'}; ask for a column"
            )
        _refuse_twins([name for block in self.blocks_ for name in block.names])
        return frame, table, goal

    def _requests(self, table: Table, *, told: bool) -> list[tuple[Spec, tuple[str, ...], str]]:
        """What is asked of which columns, under which label."""
        if not isinstance(self.columns, Mapping | None):
            raise UsageError(
                f"columns={self.columns!r} has to be a mapping of names to what becomes of them, such as {{'tempo': 'log'}}"
            )
        asked = {str(name): singles(value, f"columns[{name!r}]") for name, value in (self.columns or {}).items()}
        several = severals(self.combine)
        named = {*asked, *(name for spec in several for name in spec.columns)}
        if unknown := sorted(named - set(self._names)):
            raise UsageError(
                f"there is no column {', '.join(map(repr, unknown))}; the table has {', '.join(self._names)}"
            )
        self.dropped_: dict[str, str] = {}
        requests: list[tuple[Spec, tuple[str, ...], str]] = []
        for name in self._names:
            specs, reason = (asked[name], "as asked") if name in asked else self._chosen(table, name, told=told)
            wanted = [spec for spec in specs if not isinstance(spec, Drop)]
            if not wanted:
                self.dropped_[name] = reason
            for spec in wanted:
                label = name if len(wanted) == 1 else _label(name, spec, wanted)
                requests.append((spec, (name,), label))
        for spec in several:
            requests.append((spec, spec.columns, "*".join(spec.columns)))
        return requests

    def _chosen(self, table: Table, name: str, *, told: bool) -> tuple[tuple[Spec, ...], str]:
        if self.rest == "drop":
            return (Drop(),), "not asked for"
        if self.rest == "keep":
            return (Keep(),), ""
        if self.rest != "auto":
            raise UsageError(f"rest={self.rest!r} is none of {', '.join(get_args(Rest))}")
        defaults: dict[Role, tuple[Spec, ...]] = {
            "number": singles(self.numbers, "numbers"),
            "category": () if self.categories == "auto" else singles(self.categories, "categories"),
            "date": singles(self.dates, "dates"),
            "text": singles(self.texts, "texts"),
        }
        chosen = choice(table, name, defaults, told=told)
        return chosen.specs, chosen.reason or "as asked"

    def _framed(self, X: Any, *, reset: bool) -> pd.DataFrame:
        if not isinstance(X, pd.DataFrame):
            array = validate_data(self, X, reset=reset, dtype=None, ensure_all_finite=False)
            frame = pd.DataFrame(array, columns=[f"x{place}" for place in range(array.shape[1])])
            if array.dtype.kind == "O":
                frame = frame.infer_objects()
        else:
            frame = self._checked(X, reset=reset)
        if reset:
            self._dtypes = {str(name): str(dtype) for name, dtype in frame.dtypes.items()}
            self._names = list(self._dtypes)
        return frame

    def _checked(self, X: pd.DataFrame, *, reset: bool) -> pd.DataFrame:
        twins = X.columns[X.columns.duplicated()]
        if len(twins):
            raise UsageError(f"column {twins[0]!r} is in the table more than once; rename or drop one")
        try:
            validate_data(self, X, reset=reset, skip_check_array=True)
        except ValueError as error:
            raise UsageError(f"{error}\nGive the columns that were learnt from, in their order.") from None
        for axis, what in ((1, "feature"), (0, "sample")):
            if X.shape[axis] == 0:
                raise UsageError(
                    f"Found a table with 0 {what}(s) (shape={X.shape}) while a minimum of 1 is required; give a table with values"
                )
        return X.set_axis([str(name) for name in X.columns], axis=1)

    def _joined(self, X: Any, frame: pd.DataFrame, parts: list[NDArray[Any]]) -> Any:
        numeric = all(block.numeric for block in self.blocks_)
        if not isinstance(X, pd.DataFrame):
            return np.concatenate(parts, axis=1, dtype=np.float64 if numeric else object)
        if numeric:
            joined = np.concatenate(parts, axis=1, dtype=np.float64)
            return pd.DataFrame(joined, index=frame.index, columns=self.get_feature_names_out())
        named = [
            pd.DataFrame(part, index=frame.index, columns=list(block.names))
            for part, block in zip(parts, self.blocks_, strict=True)
        ]
        kept = [
            each if block.numeric else frame[[block.columns[0]]].set_axis(list(block.names), axis=1)
            for each, block in zip(named, self.blocks_, strict=True)
        ]
        return pd.concat(kept, axis=1)


def _label(name: str, spec: Spec, wanted: list[Spec]) -> str:
    """The column with the kind, numbered where a kind is asked for twice."""
    alike = [each for each in wanted if each.kind == spec.kind]
    place = next(k for k, each in enumerate(alike) if each is spec)
    return f"{name}__{spec.kind}{place + 1 if place else ''}"


def _refuse_twins(names: list[str]) -> None:
    twins = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twins:
        raise UsageError(
            f"two outputs would be called {twins[0]!r}; rename a column, or ask for each kind once a column"
        )
