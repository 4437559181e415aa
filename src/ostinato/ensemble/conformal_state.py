"""Calibration scores of a conformal predictor: by stratum and class, weighed by group, kept as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ostinato.core.errors import ArtefactError, UsageError
from ostinato.ensemble.quantiles import ROUNDING, checked_alpha, needed, threshold, weights_of

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
_DIGITS = 12
_ALL = ""  # the stratum of a calibration without strata


@dataclass(frozen=True)
class Scores:
    """Scores `(n,)` with weights, the cell (stratum × class) and the fold of each; or only thresholds by alpha and cell."""

    values: Array
    weights: Array
    cells: Codes
    folds: Codes | None
    strata: tuple[str, ...]
    n_classes: int  # that have a cell of their own; 1 where classes share one
    columns: int  # of what is asked for: classes, or 1
    grouped: bool
    kept: Mapping[float, tuple[float, ...]] | None = None  # thresholds instead of scores
    counts: tuple[float, ...] = ()  # rows or groups in each cell
    known_tables: dict[float, Array] = field(
        default_factory=dict, repr=False, compare=False
    )  # thresholds worked out before

    @classmethod
    def of(
        cls,
        values: Array,
        *,
        groups: ArrayLike | None = None,
        strata: ArrayLike | None = None,
        classes: Codes | None = None,
        folds: ArrayLike | None = None,
        n_classes: int = 1,
    ) -> Self:
        """Scores of `n` held-out rows; raises UsageError where a column has another length."""
        n = len(values)
        names, place = _strata(strata, n)
        own = n_classes if classes is not None else 1
        cells = place * own + (classes if classes is not None else 0)
        number = None if folds is None else np.asarray(folds, dtype=np.int64)
        if number is not None and (number.shape != (n,) or (n and number.min() < 0)):
            raise UsageError(f"folds has to be ({n},) numbers 0, 1, …, got shape {number.shape}")
        weights = weights_of(groups, cells)
        counts = np.bincount(cells, weights=weights, minlength=len(names) * own)
        return cls(
            np.asarray(values, dtype=np.float64),
            weights,
            cells,
            number,
            names,
            own,
            n_classes,
            groups is not None,
            counts=tuple(np.round(counts, 6).tolist()),
        )

    def thresholds(self, alpha: float, strata: ArrayLike | None, rows: int) -> Array:
        """The threshold `(rows, columns)` of each asked row and class; infinite for a stratum never seen."""
        if (table := self.known_tables.get(alpha)) is None:
            own = self._table(alpha).reshape(len(self.strata), self.n_classes)
            table = np.vstack([own, np.full((1, self.n_classes), np.inf)])
            self.known_tables[alpha] = table
        place = self._known(strata, rows)
        found = table[:1] if self.strata == (_ALL,) else table[place]
        return np.broadcast_to(found, (rows, self.columns))

    def _table(self, alpha: float) -> Array:
        if self.kept is not None:
            if (found := self.kept.get(round(checked_alpha(alpha), _DIGITS))) is None:
                raise UsageError(f"only thresholds of alpha in {sorted(self.kept)} were kept, not of {alpha}")
            return np.asarray(found)
        cells = range(len(self.strata) * self.n_classes)
        return np.array([threshold(self.values[self.cells == c], self.weights[self.cells == c], alpha) for c in cells])

    def beaten(self, scores: Array, alpha: float, strata: ArrayLike | None) -> NDArray[np.bool_]:
        """CV+ (Romano et al. 2020): classes `(n, k)` that are no stranger than enough calibration rows, each judged by its model.

        `scores (n_folds, n, k)`. A class stays out where calibration scores below its own weigh at least `(1−α)(W+1)`.
        """
        n = scores.shape[1]
        inside = np.ones(scores.shape[1:], dtype=bool)
        place, fold = self._known(strata, n), self.fold(len(scores))
        for column in range(self.columns):
            for stratum in range(len(self.strata)):
                rows = np.flatnonzero(place == stratum)
                own = self.cells == stratum * self.n_classes + (column if self.n_classes > 1 else 0)
                below = np.zeros(len(rows))
                for f in np.unique(fold[own]):
                    mine = own & (fold == f)
                    order = np.argsort(self.values[mine])
                    sums = np.append(0.0, np.cumsum(self.weights[mine][order]))
                    at = np.searchsorted(self.values[mine][order], scores[f, rows, column] - ROUNDING)
                    below += sums[at]
                wanted = (1 - alpha) * (round(float(self.weights[own].sum()), 9) + 1)
                inside[rows, column] = below < wanted - ROUNDING * max(wanted, 1.0)
        return inside

    def blocks(self, strata: ArrayLike | None, rows: int, cells: int) -> Iterator[tuple[Codes, NDArray[np.bool_]]]:
        """Asked rows in blocks, each with the calibration rows of its stratum."""
        place = self._known(strata, rows)
        for stratum in np.unique(place):
            mine = np.flatnonzero(place == stratum)
            step = max(cells // max(len(self.values), 1), 1)
            for start in range(0, len(mine), step):
                yield mine[start : start + step], self.cells == stratum

    def fold(self, n_folds: int) -> Codes:
        """The fold of each calibration row; raises UsageError where none were given or others are asked for."""
        if self.folds is None or self.kept is not None:
            raise UsageError("CV+ needs the fold of every calibration row: give folds= to fit and keep all scores")
        if int(self.folds.max(initial=-1)) + 1 != n_folds:
            raise UsageError(
                f"calibrated with {int(self.folds.max(initial=-1)) + 1} folds, got predictions of {n_folds}"
            )
        return self.folds

    def _known(self, strata: ArrayLike | None, rows: int) -> Codes:
        """The number of each row's stratum; one above the last for a new one."""
        if self.strata == (_ALL,):
            if strata is not None:
                raise UsageError("fit was not told strata, so none can be asked for")
            return np.zeros(rows, dtype=np.int64)
        if strata is None:
            raise UsageError("fit was told strata, so each row asked for needs its own: give strata=")
        asked = np.asarray(strata).astype(str)
        if asked.shape != (rows,):
            raise UsageError(f"strata has shape {asked.shape}, expected ({rows},)")
        place = {name: i for i, name in enumerate(self.strata)}
        return np.array([place.get(name, len(place)) for name in asked.tolist()], dtype=np.int64)

    def notes(self, alpha: float) -> tuple[str, ...]:
        """Cells that have too few rows or groups."""
        unit, least = ("groups" if self.grouped else "rows"), needed(alpha)
        said = []
        for cell, count in enumerate(self.counts):
            if round(count) < least:
                stratum, of = divmod(cell, self.n_classes)
                where = [f"stratum {self.strata[stratum]!r}"] * (self.strata != (_ALL,))
                where += [f"class {of}"] * (self.n_classes > 1)
                said.append(
                    f"{', '.join(where) or 'calibration'} has {round(count)} {unit}; alpha={alpha} needs {least} for a "
                    "finite answer"
                )
        return tuple(said)

    def guarantee(self, alpha: float) -> str:
        """One sentence of what is promised."""
        within = ["each stratum"] * (self.strata != (_ALL,)) + ["each class"] * (self.n_classes > 1)
        which = f" of {' and '.join(within)}" if within else ""
        what = f"a row drawn from each new group{which}, groups" if self.grouped else f"new rows{which}, rows"
        what += " being exchangeable"
        if self.folds is None:
            return f"coverage ≥ {1 - alpha:.4g} over {what}, if the model never saw the calibration rows"
        return (
            f"out-of-fold scores: with the fold models (CV+) coverage ≥ {max(1 - 2 * alpha, 0):.4g} over {what}, up to a term "
            f"that vanishes with the size of a fold; with one model refitted on all rows about {1 - alpha:.4g}, without a theorem"
        )

    def to_dict(self, alphas: Sequence[float] | None) -> dict[str, Any]:
        """What JSON keeps: all scores, or the thresholds of some alphas (None for infinite)."""
        state: dict[str, Any] = {
            "strata": list(self.strata),
            "n_classes": self.n_classes,
            "columns": self.columns,
            "grouped": self.grouped,
            "counts": list(self.counts),
            "out_of_fold": self.folds is not None,
        }
        if alphas is not None or self.kept is not None:
            tables = {a: self._table(a).tolist() for a in (alphas if alphas is not None else self.kept or ())}
            kept = [[a, [q if np.isfinite(q) else None for q in table]] for a, table in tables.items()]
            return state | {"thresholds": kept}
        folds = None if self.folds is None else self.folds.tolist()
        return state | {
            "values": self.values.tolist(),
            "weights": self.weights.tolist() if self.grouped else None,
            "cells": self.cells.tolist() if len(self.counts) > 1 else None,
            "folds": folds,
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """The scores that `to_dict` wrote; raises ArtefactError where they are torn."""
        try:
            values = np.asarray(state.get("values", ()), dtype=np.float64)
            n = len(values)
            weights = np.ones(n) if state.get("weights") is None else np.asarray(state["weights"], dtype=np.float64)
            cells = (
                np.zeros(n, dtype=np.int64)
                if state.get("cells") is None
                else np.asarray(state["cells"], dtype=np.int64)
            )
            folds = state.get("folds")
            number = np.asarray(folds, dtype=np.int64) if folds is not None else None
            if number is None and state["out_of_fold"]:
                number = np.zeros(n, dtype=np.int64)
            own = (
                tuple(map(str, state["strata"])),
                int(state["n_classes"]),
                int(state["columns"]),
                bool(state["grouped"]),
            )
            kept = _kept(state, own)
            counts = tuple(map(float, state["counts"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ArtefactError(f"conformal scores do not hold what they need: {error!r}; make them anew") from error
        whole = len(weights) == len(cells) == n and (number is None or len(number) == n)
        if not whole or not (np.isfinite(values).all() and np.isfinite(weights).all() and (weights > 0).all()):
            raise ArtefactError("conformal scores are torn: numbers are missing or not finite; make them anew")
        return cls(values, weights, cells, number, *own, kept=kept, counts=counts)

    @staticmethod
    def options(state: Mapping[str, Any], kind: str, names: Sequence[str]) -> dict[str, Any]:
        """The options of a predictor of `kind`; raises ArtefactError where the state is of another."""
        if state.get("kind") != kind or "scores" not in state or any(name not in state for name in names):
            raise ArtefactError(f"this is no state of a {kind}: kind {state.get('kind')!r}, keys {sorted(state)}")
        return {name: state[name] for name in names}


def _kept(
    state: Mapping[str, Any], own: tuple[tuple[str, ...], int, int, bool]
) -> dict[float, tuple[float, ...]] | None:
    if "thresholds" not in state:
        return None
    rows = {
        round(float(a), _DIGITS): tuple(np.inf if q is None else float(q) for q in table)
        for a, table in state["thresholds"]
    }
    if any(len(table) != len(own[0]) * own[1] for table in rows.values()):
        raise ValueError("a threshold a cell")
    return rows


def _strata(strata: ArrayLike | None, n: int) -> tuple[tuple[str, ...], Codes]:
    if strata is None:
        return (_ALL,), np.zeros(n, dtype=np.int64)
    given = np.asarray(strata).astype(str)
    if given.shape != (n,):
        raise UsageError(f"strata has shape {given.shape}, expected ({n},): one a row")
    names, place = np.unique(given, return_inverse=True)
    return tuple(names.tolist()), place.astype(np.int64)
