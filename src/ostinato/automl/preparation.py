"""What every model sees of a table: numbers filled, scaled or left alone; categories as codes, indicators or target means.

Rows come as one float32 matrix in which a categorical column holds codes 0 … levels - 1 and NaN stands for what is missing or
was never seen. The same float32 arithmetic runs here and in the ONNX graph, so a tree gets bit for bit the same inputs in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.export.graph import Graph
from ostinato.automl.target_encoding import TargetMeans
from ostinato.automl.warp import Warp

Matrix = NDArray[np.float32]
Index = NDArray[np.int64]
FARTHEST = 8.0  # standard deviations; a column that was nearly constant in training cannot explode later
MOST_INDICATORS = 24  # levels of a column that still get an indicator each; more go by their target means
_RARE_GAPS = 0.005  # share of missing values from which a column's gaps are told to models that cannot see NaN
PREFIX = "view."

Numbers = Literal["plain", "standard", "quantile"]
Categories = Literal["ordinal", "indicators", "target", "both", "pairs"]


@dataclass(frozen=True)
class View:
    """How a model wants to see a table; `missing` keeps NaN, `numbers` and `categories` say what becomes of the columns."""

    numbers: Numbers = "plain"
    categories: Categories = "ordinal"
    missing: bool = False

    @classmethod
    def of(cls, params: Mapping[str, Any], *, scaled: bool, missing: bool) -> View:
        """The view that settings named `view.numbers` and `view.categories` ask for, or what suits the kind of model."""
        numbers = params.get(PREFIX + "numbers", "standard" if scaled else "plain")
        categories = params.get(PREFIX + "categories", "indicators" if scaled else "both")
        return cls(numbers, categories, missing)


@dataclass(frozen=True)
class Preparation:
    """Blocks of columns, each learnt from the training rows alone."""

    numbers: Index  # columns that are numbers
    median: Matrix | None  # of the numbers, where gaps are filled
    gaps: Index  # columns whose gaps are told by an indicator
    mean: Matrix | None = None  # of the numbers, where they are standardised
    deviation: Matrix | None = None
    warp: Warp | None = None
    codes: Index | None = None  # categorical columns taken as they are
    hot_columns: Index | None = None  # one indicator each: column and level
    hot_levels: Matrix | None = None
    means: TargetMeans | None = None

    @classmethod
    def learnt(
        cls,
        X: Matrix,
        *,
        scaled: bool = False,
        view: View | None = None,
        levels: Index | None = None,
        y: NDArray[Any] | None = None,
        outputs: int = 1,
        seed: int = 0,
    ) -> tuple[Preparation, Matrix]:
        """Learn from `X (n, d)`; returns the preparation and the prepared training rows.

        Target means of a training row are out of fold, so that no row is told its own target; `y` may be None where no
        view asks for them. A column without any finite value is left out, unless there is no other.
        """
        view = view or View("standard" if scaled else "plain", "indicators" if scaled else "ordinal")
        levels = np.zeros(X.shape[1], dtype=np.int64) if levels is None else np.asarray(levels)
        numbers = np.flatnonzero(levels == 0)
        told_something = np.isfinite(X[:, numbers]).any(axis=0)
        numbers = numbers[told_something] if told_something.any() else numbers
        found = _Numbers.learnt(X[:, numbers], view)
        codes, hot, targets = _parted(levels, view, told=y is not None)
        means = None
        if len(targets) and y is not None:
            means = TargetMeans.learnt(X, targets, levels, y, outputs, pairs=view.categories == "pairs")
        hot_columns = np.repeat(hot, levels[hot])
        hot_levels = np.concatenate([np.arange(levels[c]) for c in hot]) if len(hot) else np.zeros(0)
        preparation = cls(
            numbers,
            found.median,
            numbers[found.gaps],
            found.mean,
            found.deviation,
            found.warp,
            codes if len(codes) else None,
            hot_columns if len(hot_columns) else None,
            hot_levels.astype(np.float32) if len(hot_columns) else None,
            means,
        )
        own = None if means is None or y is None else means.out_of_fold(X, y, outputs, seed)
        return preparation, preparation.apply(X, own)

    def apply(self, X: Matrix, target_means: Matrix | None = None) -> Matrix:
        """Prepared rows `(n, columns)`; `X` is left alone. `target_means` replace what the means would say."""
        blocks = [self._numbers_of(X)]
        if len(self.gaps):
            blocks.append((~np.isfinite(X[:, self.gaps])).astype(np.float32))
        if self.codes is not None:
            own = X[:, self.codes]
            blocks.append(np.where(np.isfinite(own), own, np.float32(np.nan if self.median is None else -1.0)))
        if self.hot_columns is not None:
            blocks.append((X[:, self.hot_columns] == self.hot_levels).astype(np.float32))
        if self.means is not None:
            blocks.append(self.means.of(X) if target_means is None else target_means)
        return np.ascontiguousarray(np.concatenate(blocks, axis=1), dtype=np.float32)

    def _numbers_of(self, X: Matrix) -> Matrix:
        own = X[:, self.numbers]
        filled = np.where(np.isfinite(own), own, np.float32(np.nan) if self.median is None else self.median)
        if self.warp is not None:
            return self.warp.of(filled)
        if self.mean is None or self.deviation is None:
            return filled.astype(np.float32)
        scaled: Matrix = np.clip((filled - self.mean) / self.deviation, -FARTHEST, FARTHEST).astype(np.float32)
        return scaled

    def write(self, graph: Graph, x: str) -> str:
        """Append the same operations to a graph."""
        # infinity minus itself is no number, so one test finds every value that is not finite
        gap = graph.op("IsNaN", graph.op("Sub", x, x))
        blocks = [self._write_numbers(graph, x, gap)] if len(self.numbers) else []
        if len(self.gaps):
            blocks.append(graph.cast(graph.gather(gap, self.gaps), np.float32))
        if self.codes is not None:
            other = graph.constant(np.float32(np.nan if self.median is None else -1.0), np.float32)
            blocks.append(graph.op("Where", graph.gather(gap, self.codes), other, graph.gather(x, self.codes)))
        if self.hot_columns is not None and self.hot_levels is not None:
            equal = graph.op("Equal", graph.gather(x, self.hot_columns), graph.constant(self.hot_levels, np.float32))
            blocks.append(graph.cast(equal, np.float32))
        if self.means is not None:
            blocks.append(self.means.write(graph, x))
        return blocks[0] if len(blocks) == 1 else graph.op("Concat", *blocks, axis=1)

    def _write_numbers(self, graph: Graph, x: str, gap: str) -> str:
        others = (self.codes, self.hot_columns, self.means)
        every = all(block is None for block in others) and len(self.numbers) == self.numbers[-1] + 1
        own, holes = (x, gap) if every else (graph.gather(x, self.numbers), graph.gather(gap, self.numbers))
        fill = np.float32(np.nan) if self.median is None else self.median
        flow = graph.op("Where", holes, graph.constant(fill, np.float32), own)
        if self.warp is not None:
            return self.warp.write(graph, flow)
        if self.mean is None or self.deviation is None:
            return flow
        centred = graph.op("Sub", flow, graph.constant(self.mean, np.float32))
        flow = graph.op("Div", centred, graph.constant(self.deviation, np.float32))
        low, high = graph.constant(-FARTHEST, np.float32), graph.constant(FARTHEST, np.float32)
        return graph.op("Clip", flow, low, high)


@dataclass(frozen=True)
class _Numbers:
    median: Matrix | None
    gaps: Index
    mean: Matrix | None = None
    deviation: Matrix | None = None
    warp: Warp | None = None

    @classmethod
    def learnt(cls, X: Matrix, view: View) -> _Numbers:
        if view.missing:
            return cls(None, np.zeros(0, dtype=np.int64))
        finite = np.where(np.isfinite(X), X, np.nan).astype(np.float64)
        share = np.isnan(finite).mean(axis=0) if X.size else np.zeros(X.shape[1])
        gaps = np.flatnonzero((share > _RARE_GAPS) & (share < 1 - _RARE_GAPS))
        empty = share == 1
        median = np.zeros(X.shape[1])
        if (~empty).any():
            median[~empty] = np.nanmedian(finite[:, ~empty], axis=0)
        if view.numbers == "plain":
            return cls(median.astype(np.float32), gaps)
        filled = np.where(np.isnan(finite), median, finite)
        if view.numbers == "quantile":
            return cls(median.astype(np.float32), gaps, warp=Warp.learnt(filled))
        deviation = filled.std(axis=0)
        deviation[deviation < 1e-9 * np.maximum(1.0, np.abs(filled).max(axis=0, initial=0.0))] = 1.0
        mean = filled.mean(axis=0).astype(np.float32)
        return cls(median.astype(np.float32), gaps, mean, deviation.astype(np.float32))


def _parted(levels: Index, view: View, *, told: bool) -> tuple[Index, Index, Index]:
    """Categorical columns by what becomes of them: taken as codes, as indicators, as target means."""
    names, none = np.flatnonzero(levels > 0), np.zeros(0, dtype=np.int64)
    match view.categories:
        case "ordinal":
            return names, none, none
        case "indicators":
            few = names[levels[names] <= MOST_INDICATORS]
            many = names[levels[names] > MOST_INDICATORS]
            return (none, few, many) if told else (many, few, none)
        case "target":
            return (none, none, names) if told else (names, none, none)
        case "pairs":
            return names, none, names if told else none
        case _:
            # with two levels a code says all that a mean could
            return names, none, names[levels[names] > 2] if told else none  # noqa: PLR2004
