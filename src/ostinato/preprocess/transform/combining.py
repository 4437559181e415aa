"""Several columns together: products of numbers, and combinations of categories."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.errors import UsageError
from ostinato.preprocess.transform.block import Block
from ostinato.preprocess.transform.categories import Coded, Counted, Hashed, OneHotted
from ostinato.preprocess.transform.goal import Goal
from ostinato.preprocess.transform.table import Table
from ostinato.preprocess.transform.targets import Meant

if TYPE_CHECKING:
    from ostinato.preprocess.transform.graph import Graph

Array = NDArray[np.float64]
_MOST_PRODUCTS = 20_000
_ENCODERS: dict[str, type[Block]] = {
    kind: block for block in (OneHotted, Coded, Counted, Hashed, Meant) for kind in block.kinds
}


class Multiplied(Block):
    """Products of standardised columns; a gap counts as the column's mean, which is 0."""

    kinds = ("polynomial",)

    @classmethod
    def found(cls, spec: Any, columns: tuple[str, ...], table: Table, goal: Goal | None) -> dict[str, Any]:
        """Means, scales and which columns make each product."""
        from sklearn.preprocessing import PolynomialFeatures, StandardScaler

        if spec.interaction_only and spec.degree > len(columns):
            raise UsageError(
                f"polynomial of {', '.join(columns)}: {spec.degree} different columns are wanted, there are {len(columns)}"
            )
        values = np.stack([table.numbers(name) for name in columns], axis=1)
        stated = ~np.isnan(values).all(axis=0)
        mean, scale = np.zeros(len(columns)), np.ones(len(columns))
        if stated.any():
            scaler = StandardScaler().fit(values[:, stated])
            mean[stated], scale[stated] = scaler.mean_, scaler.scale_
        maker = PolynomialFeatures(spec.degree, interaction_only=spec.interaction_only, include_bias=False)
        products = maker.fit(np.zeros((1, len(columns)))).powers_
        products = products[products.sum(axis=1) > 1]
        if len(products) > _MOST_PRODUCTS:
            raise UsageError(
                f"polynomial of {len(columns)} columns to degree {spec.degree} makes {len(products):,} products, more than "
                f"{_MOST_PRODUCTS:,}; name fewer columns"
            )
        return {"mean": mean.tolist(), "scale": scale.tolist(), "powers": products.tolist()}

    @property
    def names(self) -> tuple[str, ...]:
        """`tempo*tempo*loudness`."""
        return tuple(
            "*".join(name for name, power in zip(self.columns, powers, strict=True) for _ in range(power))
            for powers in self.learnt["powers"]
        )

    def apply(self, table: Table) -> Array:
        """Products `(n, k)`."""
        values = np.stack([table.numbers(name) for name in self.columns], axis=1)
        values = np.nan_to_num((values - self.learnt["mean"]) / self.learnt["scale"])
        out = np.empty((len(values), len(self.learnt["powers"])))
        for place, powers in enumerate(self.learnt["powers"]):
            out[:, place] = np.prod([values[:, k] ** power for k, power in enumerate(powers) if power], axis=0)
        return out

    def write(self, graph: Graph) -> str:
        """Multiply column by column."""
        x = graph.op("Concat", *(graph.number(name) for name in self.columns), axis=1)
        x = graph.op(
            "Div", graph.op("Sub", x, graph.constant(self.learnt["mean"])), graph.constant(self.learnt["scale"])
        )
        x = graph.op("Where", graph.op("IsNaN", x), graph.constant(0.0), x)
        found = []
        for powers in self.learnt["powers"]:
            factors = [k for k, power in enumerate(powers) for _ in range(power)]
            product = graph.gathered(x, factors[0])
            for factor in factors[1:]:
                product = graph.op("Mul", product, graph.gathered(x, factor))
            found.append(product)
        return graph.op("Concat", *found, axis=1)


class Crossed(Block):
    """Combinations of levels as one category, encoded by another block."""

    kinds = ("cross",)

    @classmethod
    def found(cls, spec: Any, columns: tuple[str, ...], table: Table, goal: Goal | None) -> dict[str, Any]:
        """What the other block learns."""
        return _ENCODERS[spec.by.kind].found(spec.by, columns, table, goal)

    @cached_property
    def _inner(self) -> Block:
        return _ENCODERS[self.spec.by.kind](self.spec.by, self.columns, self.label, self.learnt)

    @property
    def names(self) -> tuple[str, ...]:
        """The other block's names."""
        return self._inner.names

    def apply(self, table: Table) -> Array:
        """The other block's outputs."""
        return self._inner.apply(table)

    def own(self, table: Table, goal: Goal | None) -> Array:
        """The other block's outputs for its training rows."""
        return self._inner.own(table, goal)

    def write(self, graph: Graph) -> str:
        """The other block's operations."""
        return self._inner.write(graph)
