"""Columns filled in turn, each by the others, until what was put in first is forgotten: multivariate imputation by chained
equations.

Van Buuren & Groothuis-Oudshoorn 2011. The normal equations of a column are those of all rows less those of the rows that lack
it, so a column costs the rows that it lacks, and the table's own are kept up to date.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ostinato.preprocess.missing.bends import Ramps
from ostinato.preprocess.missing.cells import Column
from ostinato.preprocess.missing.classes import MOST_CLASSES, Classes, Lottery, Scored
from ostinato.preprocess.missing.design import Design
from ostinato.preprocess.missing.matching import MOST_DONORS, Line, Matching, foretell, support_of

Array = NDArray[np.float64]
_PROPER_PRIOR = 0.01  # rows; draws for intervals must not be drawn to zero
Index = NDArray[np.intp]


class Model(Protocol):
    """What a column is drawn by, for rows of a design `(n, width)`."""

    def proper(self, Z: Array, rng: np.random.Generator) -> Array:
        """Draws with the uncertainty of the model in them."""
        ...

    def balanced(self, Z: Array, rng: np.random.Generator) -> Array:
        """Draws by the best model, evenly spread."""
        ...


@dataclass(frozen=True)
class Target:
    """A column to draw: rows that show it (at most `MOST_DONORS` of them as donors), rows that lack it, its shown values."""

    place: int
    shown: Index
    lacking: Index
    values: Array
    donors: Index
    support: Array


class Chains:
    """A table and the chains over it. `prior` is worth that many rows without any relation between columns."""

    def __init__(
        self, cells: Array, columns: Sequence[Column], sweeps: int, most_predictors: int, prior: float, seed: int
    ) -> None:
        self.cells, self.columns = cells, tuple(columns)
        self.sweeps, self.most_predictors, self.prior = sweeps, most_predictors, prior
        self.design = Design.learnt(cells, columns)
        holes = np.isnan(cells)
        rng = np.random.default_rng(seed)
        self.targets = [self._target(j, holes[:, j], rng) for j in range(cells.shape[1]) if not holes[:, j].all()]
        self.targets.sort(key=lambda target: len(target.lacking))
        self.open = [target for target in self.targets if len(target.lacking)]

    def _target(self, j: int, lacking: NDArray[np.bool_], rng: np.random.Generator) -> Target:
        shown = np.flatnonzero(~lacking)
        values = self.cells[shown, j]
        support = np.zeros(0) if self.columns[j].kind == "category" else support_of(values)
        donors = np.arange(len(shown))
        if len(shown) > MOST_DONORS:
            donors = np.sort(rng.choice(len(shown), MOST_DONORS, replace=False))
        return Target(j, shown, np.flatnonzero(lacking), values, donors, support)

    def run(self, rng: np.random.Generator, *, balanced: bool) -> tuple[Array, dict[int, Model]]:
        """One completed table `(n, d)` and the models of the last sweep by column, those of complete columns too when
        `balanced`.
        """
        cells = self.cells.copy()
        for target in self.open:
            cells[target.lacking, target.place] = rng.choice(target.values, len(target.lacking))
        cells[np.isnan(cells)] = 0.0  # columns without any value: no part of the design
        Z = self.design.matrix(cells)
        gram = Z.T @ Z
        models: dict[int, Model] = {}
        prior = self.prior if balanced else _PROPER_PRIOR
        ramps: tuple[Ramps | None, ...] = (None,) * cells.shape[1]
        for left in reversed(range(self.sweeps)):
            if balanced and left == 0:
                ramps = Ramps.dealt(Z, self.design, rng)
            for target in self.open:
                model = self._learnt(target, Z, gram, models.get(target.place), ramps[target.place], prior)
                models[target.place] = model
                rows = Z[target.lacking]
                drawn = model.balanced(rows, rng) if balanced else model.proper(rows, rng)
                cells[target.lacking, target.place] = drawn
                self._put(Z, gram, target, drawn)
        if balanced:
            for target in self.targets:
                if target.place not in models:
                    models[target.place] = self._learnt(target, Z, gram, None, ramps[target.place], prior)
        return cells, models

    def _put(self, Z: Array, gram: Array, target: Target, drawn: Array) -> None:
        self.design.put(Z, target.lacking, target.place, drawn)
        part = slice(self.design.starts[target.place], self.design.stops[target.place])
        if part.start < part.stop:
            across = Z.T @ Z[:, part]
            gram[:, part] = across
            gram[part] = across.T

    def _learnt(
        self, target: Target, Z: Array, gram: Array, before: Model | None, ramps: Ramps | None, prior: float
    ) -> Model:
        j, column = target.place, self.columns[target.place]
        if column.kind == "category":
            return self._category(target, Z, gram, before, prior)
        if self.design.starts[j] == self.design.stops[j]:
            return Lottery(target.values[:1])
        own = self.design.starts[j]
        if len(target.lacking) == 0:
            shown = gram
        elif len(target.lacking) < len(target.shown):
            rows = Z[target.lacking]
            shown = gram - rows.T @ rows
        else:
            rows = Z[target.shown]
            shown = rows.T @ rows
        places = self._predictors(j, shown[:, own], shown, len(target.shown))
        line = Line.fitted(
            places, shown[np.ix_(places, places)], shown[places, own], shown[own, own], len(target.shown), prior
        )
        foretold = foretell(Z, line, None)[target.shown]
        bend = None
        if ramps is not None:
            bent = ramps.bend(Z[target.shown, own] - foretold, target.shown, target.lacking)
            if bent is not None:
                bend, foretold = bent[0], foretold + bent[1]
        values = target.values
        if len(target.donors) < len(target.shown):
            foretold, values = foretold[target.donors], values[target.donors]
        centre, scale = float(self.design.centre[j]), float(self.design.scale[j])
        return Matching.learnt(line, foretold, values, target.support, centre, scale, bend, len(target.lacking))

    def _category(self, target: Target, Z: Array, gram: Array, before: Model | None, prior: float) -> Model:
        j = target.place
        codes = target.values[target.donors].astype(np.int64)
        rows = Z[target.shown[target.donors]]
        n_levels = len(np.unique(codes))
        if n_levels == 1:
            return Lottery(target.values[:1])
        if self.design.starts[j] == self.design.stops[j]:
            return Lottery(target.values)
        part = slice(self.design.starts[j], self.design.stops[j])
        places = self._predictors(j, np.abs(gram[:, part]).sum(axis=1), gram, len(target.shown))
        if n_levels > MOST_CLASSES:
            return Scored.learnt(rows, places, codes, prior)
        return Classes.learnt(rows, places, codes, before.weights if isinstance(before, Classes) else None)

    def _predictors(self, j: int, across: Array, gram: Array, rows: int) -> Index:
        """The other places, or those that go with the column most where they are more than rows or patience allow."""
        places = self.design.others(j)
        most = min(self.most_predictors, max(3, rows // 3))
        if len(places) - 1 <= most:
            return places
        norm = np.sqrt(np.maximum(np.diag(gram)[places[:-1]], 1e-12))
        near = np.argsort(-np.abs(across[places[:-1]]) / norm, kind="stable")[:most]
        return np.append(places[np.sort(near)], places[-1])
