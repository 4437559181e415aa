"""An estimator of the user's own as an entry, so that it is tuned as those of the registry are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sklearn.base import clone, is_regressor

from ostinato.automl.entry import REGRESSION, Entry, Kind
from ostinato.automl.index import algorithms
from ostinato.automl.space import Space, Value, settings
from ostinato.core.errors import UsageError


@dataclass(frozen=True)
class OwnEntry(Entry):
    """Clones `estimator` and sets what the point says, and every `random_state` in it; sees gaps as NaN."""

    estimator: Any = None

    def build(self, params: Mapping[str, Value], seed: int) -> Any:
        """A new estimator, unfitted."""
        made = clone(self.estimator)
        seeds = {name: seed for name in made.get_params() if name.split("__")[-1] == "random_state"}
        return made.set_params(**seeds, **params)


def entry_of(algorithm: Any, space: Space | None) -> Entry:
    """The entry of a key, an entry itself, or an estimator with its space.

    Raises UsageError for an unknown key, an estimator without space, a setting that it does not have, or a classifier that
    gives no probabilities.
    """
    if isinstance(algorithm, str):
        if algorithm not in algorithms():
            raise UsageError(
                f"algorithm={algorithm!r}: there is no such key; there are {', '.join(sorted(algorithms()))}"
            )
        algorithm = algorithms()[algorithm]
    if isinstance(algorithm, Entry):
        return algorithm if space is None else _with_space(algorithm, space)
    if not hasattr(algorithm, "fit") or not hasattr(algorithm, "get_params"):
        raise UsageError(f"algorithm={algorithm!r}: expected a key, an Entry or a scikit-learn estimator")
    if space is None:
        raise UsageError(f"algorithm={algorithm!r}: an estimator of your own needs its space")
    known = algorithm.get_params()
    if strange := [setting.name for setting in settings(space) if setting.name not in known]:
        raise UsageError(
            f"space: {type(algorithm).__name__} has no parameter {strange[0]!r}; it has {', '.join(sorted(known))}"
        )
    tasks: tuple[Kind, ...] = REGRESSION if is_regressor(algorithm) else ("binary", "multiclass")
    if tasks != REGRESSION and not hasattr(algorithm, "predict_proba"):
        raise UsageError(
            f"algorithm={algorithm!r} gives no probabilities (predict_proba); wrap it, or set its option for them"
        )
    return OwnEntry(type(algorithm).__name__, "", "own", tasks, tuple(space), missing=True, estimator=algorithm)


def _with_space(entry: Entry, space: Space) -> Entry:
    from dataclasses import replace

    return replace(entry, space=tuple(space))
