"""The strategies behind one face: learn from cells and fill them, fill others, draw again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ostinato.preprocess.missing.autoencoder import Autoencoder
from ostinato.preprocess.missing.cells import Layout
from ostinato.preprocess.missing.chained import Chains
from ostinato.preprocess.missing.classes import Classes, Lottery, Scored
from ostinato.preprocess.missing.fills import fills, given
from ostinato.preprocess.missing.matching import Matching
from ostinato.preprocess.missing.neighbours import Neighbours

Array = NDArray[np.float64]
_PRIOR = 1.0


class Filler(Protocol):
    """What a strategy does with cells `(n, d)`; NaN is missing."""

    layout: Layout
    draws: int

    def learn(self, cells: Array, rng: np.random.Generator) -> Array:
        """Learn, and the cells filled."""
        ...

    def fill(self, cells: Array, rng: np.random.Generator) -> Array:
        """Other cells filled by what was learnt."""
        ...

    def draw(self, rng: np.random.Generator) -> Array:
        """The learnt cells filled once more."""
        ...

    def how(self, j: int) -> Any:
        """What fills column `j`, as JSON."""
        ...


class OneValue:
    """A value a column."""

    draws = 1

    def __init__(self, layout: Layout, rule: str, fill_value: Any) -> None:
        self.layout, self.rule = layout, rule
        self.values = np.zeros(0)
        if rule == "constant":
            columns, self.values = given(layout.columns, fill_value)
            self.layout = replace(layout, columns=columns)

    def learn(self, cells: Array, rng: np.random.Generator) -> Array:
        """Find the values."""
        if self.rule != "constant":
            self.values = fills(cells, self.layout.columns, self.rule)
        self._cells = cells
        return self.fill(cells, rng)

    def fill(self, cells: Array, rng: np.random.Generator) -> Array:
        """The values put in."""
        return np.where(np.isnan(cells), self.values, cells)

    def draw(self, rng: np.random.Generator) -> Array:
        """The same again."""
        return self.fill(self._cells, rng)

    def how(self, j: int) -> Any:
        """The rule and its value."""
        column, value = self.layout.columns[j], self.values[j]
        shown = str(column.levels[int(value)]) if column.kind == "category" else float(value)
        rule = "mode" if column.kind == "category" and self.rule in ("mean", "median") else self.rule
        return {"rule": rule, "value": shown}


class Chained:
    """Chained equations; new rows go through the models of the last sweep."""

    def __init__(self, layout: Layout, m: int, sweeps: int, most_predictors: int, seed: int) -> None:
        self.layout, self.draws = layout, m
        self._sweeps, self._most, self._seed = sweeps, most_predictors, seed

    def learn(self, cells: Array, rng: np.random.Generator) -> Array:
        """One balanced chain."""
        columns = self.layout.columns
        self.chains = Chains(cells, columns, self._sweeps, self._most, _PRIOR, self._seed)
        self._start = np.nan_to_num(fills(cells, columns, "median"))
        filled, self.models = self.chains.run(rng, balanced=True)
        return filled

    def fill(self, cells: Array, rng: np.random.Generator) -> Array:
        """Columns in the learnt order, `sweeps` times over."""
        holes = np.isnan(cells)
        filled = np.where(holes, self._start, cells)
        order = [t.place for t in self.chains.targets if holes[:, t.place].any()]
        if not order:
            return filled
        Z = self.chains.design.matrix(filled)
        for _ in range(self._sweeps):
            for j in order:
                rows = np.flatnonzero(holes[:, j])
                filled[rows, j] = drawn = self.models[j].balanced(Z[rows], rng)
                self.chains.design.put(Z, rows, j, drawn)
        return filled

    def draw(self, rng: np.random.Generator) -> Array:
        """One proper chain."""
        return self.chains.run(rng, balanced=False)[0]

    def how(self, j: int) -> Any:
        """The kind of regression and what it reads."""
        match self.models[j]:
            case Lottery():
                return {"rule": "seen values by chance"}
            case Classes() as model:
                return {"rule": "multinomial regression", "predictors": len(model.places) - 1}
            case Scored() as scored:
                return {"rule": "matching by levels put on a line", "predictors": len(scored.line.places) - 1}
            case Matching() as line:
                rule = {"rule": "regression and residuals of like rows", "predictors": len(line.line.places) - 1}
                return {**rule, "unexplained": round(min(line.deviation**2, 1.0), 6), "noise": round(line.share, 6)}
            case _:
                return {"rule": "another"}


def filler_for(params: Any, layout: Layout, seed: int) -> Filler:
    """The strategy that the parameters of a `MissingValueHandler` name."""
    if params.strategy == "mice":
        return Chained(layout, params.m, params.sweeps, params.most_predictors, seed)
    if params.strategy == "knn":
        return Neighbours(layout, params.n_neighbors)
    if params.strategy == "autoencoder":
        return Autoencoder(layout, params.training_steps)
    return OneValue(layout, params.strategy, params.fill_value)
