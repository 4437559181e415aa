"""A block: columns of output that come from one request, and the values learnt for it, which are JSON."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ostinato.core.errors import UsageError
from ostinato.preprocess.transform.table import Table

if TYPE_CHECKING:
    from ostinato.preprocess.transform.goal import Goal
    from ostinato.preprocess.transform.graph import Graph

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=True)
class Block(ABC):
    """`spec` asked of `columns`; `label` begins the names of the outputs; `learnt` is all that fitting found."""

    spec: Any
    columns: tuple[str, ...]
    label: str
    learnt: Mapping[str, Any]

    kinds: ClassVar[tuple[str, ...]] = ()
    supervised: ClassVar[bool] = False  # whether it needs a target
    numeric: ClassVar[bool] = True  # whether its outputs are numbers
    invertible: ClassVar[bool] = False
    exact: ClassVar[bool] = True  # whether what is undone is what was there, up to rounding

    @classmethod
    @abstractmethod
    def found(cls, spec: Any, columns: tuple[str, ...], table: Table, goal: Goal | None) -> dict[str, Any]:
        """What fitting finds, as JSON."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return (self.label,)

    @abstractmethod
    def apply(self, table: Table) -> Array:
        """Outputs `(n, k)`."""

    def own(self, table: Table, goal: Goal | None) -> Array:
        """Outputs of the rows that were learnt from `(n, k)`."""
        return self.apply(table)

    def invert(self, values: Array) -> Any:
        """The column `(n,)` that outputs `(n, k)` came from."""
        raise UsageError(f"{self.spec.kind!r} of {', '.join(self.columns)} cannot be undone")

    def write(self, graph: Graph) -> str:
        """Append the same operations to a graph; returns the name of the outputs `(n, k)`."""
        raise UsageError(
            f"{self.spec.kind!r} of column {', '.join(self.columns)} has no ONNX operation; "
            "leave the column out, or pass partial=True for a graph of the others"
        )
