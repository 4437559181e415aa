"""Pictures of a judgement, drawn without a display: confusion matrix and importance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DPI = 110
_DARK = 0.5  # share from which a cell needs white letters
_NUMBERS_UP_TO = 20  # classes; beyond them cells are too small to read


def _figure(width: float, height: float) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def draw_confusion(path: Path, truth: NDArray[np.int64], guess: NDArray[np.int64], names: Sequence[str]) -> None:
    """The confusion matrix `(k, k)` as PNG: rows are true labels, columns predicted ones, shading by row share."""
    k = len(names)
    counts = np.zeros((k, k), dtype=np.int64)
    np.add.at(counts, (truth, guess), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(3.0 + 0.45 * k, 18.0)
    figure = _figure(side + 0.8, side)
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(k), names, rotation=45, ha="right")
    axes.set_yticks(range(k), names)
    axes.set(xlabel="predicted", ylabel="actual", title="Confusion on the test fold")
    if k <= _NUMBERS_UP_TO:
        for i, j in zip(*np.nonzero(counts), strict=True):
            color = "white" if shares[i, j] > _DARK else "black"
            axes.text(j, i, str(counts[i, j]), ha="center", va="center", color=color)
    figure.colorbar(image, label="share of the actual label", shrink=0.8)
    _save(figure, path)


def draw_values(path: Path, truth: NDArray[np.float64], guess: NDArray[np.float64]) -> None:
    """Predicted over actual values of a regression, as PNG."""
    figure = _figure(6, 6)
    axes = figure.add_subplot()
    axes.scatter(truth, guess, s=10, alpha=0.5)
    ends = [float(min(truth.min(), guess.min())), float(max(truth.max(), guess.max()))]
    axes.plot(ends, ends, color="grey", linewidth=1)
    axes.set(xlabel="actual", ylabel="predicted", title="Predictions on the test fold")
    _save(figure, path)


def draw_bars(path: Path, names: Sequence[str], values: Sequence[float], *, title: str, label: str) -> None:
    """Horizontal bars as PNG, the first on top."""
    figure = _figure(8, 1.2 + 0.26 * max(len(names), 2))
    axes = figure.add_subplot()
    axes.barh(range(len(names)), list(values), color="#4878a8")
    axes.set_yticks(range(len(names)), list(names))
    axes.invert_yaxis()
    axes.set(xlabel=label, title=title)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=_DPI, format="png", metadata={"Software": None})
