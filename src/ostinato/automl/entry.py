"""An algorithm as a frozen value: what it is, what may be set, what it costs, and how it leaves as ONNX."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ostinato.automl.space import Space, Value
from ostinato.core.errors import UsageError

Kind = Literal["binary", "multiclass", "multilabel", "regression"]
CLASSIFICATION: tuple[Kind, ...] = ("binary", "multiclass", "multilabel")
REGRESSION: tuple[Kind, ...] = ("regression",)
GENERIC_EXPORT = "ostinato.automl.export.generic:convert"


@dataclass(frozen=True)
class Entry:
    """One algorithm of the registry.

    `target` names a class with scikit-learn's conventions (`fit`, `predict`, and `predict_proba` for classification);
    `export` a function `(graph, x, estimator) -> name` that appends the fitted estimator to an ONNX graph and returns
    the name of its output `(n, n_classes)` or `(n, 1)`. `scaled` algorithms see standardised columns, those that take `missing`
    values see NaN where there is none, the others see gaps filled with medians. A multilabel problem fits one estimator a label.
    `fit` names an adapter `(estimator, X, y, held, seconds) -> int` for algorithms that stop early on held-out rows or when their
    seconds are over, either of which may be None; it returns the rounds it kept, which the setting `rounds` asks for.
    """

    key: str
    target: str
    family: str
    tasks: tuple[Kind, ...]
    space: Space
    export: str = GENERIC_EXPORT
    fixed: Mapping[str, Any] = field(default_factory=dict)
    seed: str | None = "random_state"
    fit: str | None = None
    rounds: str | None = None
    scaled: bool = False
    missing: bool = False
    cost: int = 1  # 1 cheap … 5 dear, for one fit on a thousand rows
    max_rows: int | None = None
    min_rows_per_column: float = 0.0
    extra: str | None = None
    tags: tuple[str, ...] = ()
    avoid_when: str = ""
    paper: str = ""
    exempt: Mapping[str, str] = field(default_factory=dict)  # checks of the conformance suite, with the reason

    def build(self, params: Mapping[str, Value], seed: int) -> Any:
        """A new estimator with `params`, its fixed arguments and its seed."""
        seeded = {} if self.seed is None else {self.seed: seed}
        return resolve(self.target)(**{**self.fixed, **params, **seeded})

    def suits(self, kind: Kind, rows: int, columns: int) -> bool:
        """Whether it can be tried on a problem of this kind and size."""
        small_enough = self.max_rows is None or rows <= self.max_rows
        return kind in self.tasks and small_enough and rows >= self.min_rows_per_column * columns


def resolve(target: str) -> Any:
    """What a string `module:name` names; raises UsageError where there is no such thing."""
    module, _, name = target.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"{target}: cannot be loaded ({error}). Is the package installed and the name right?"
        ) from error
