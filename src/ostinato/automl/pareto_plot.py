"""The picture of a Pareto front: one objective over another, coloured by a third."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.pareto import dominance

if TYPE_CHECKING:
    from ostinato.automl.pareto import Member, ParetoFront

Array = NDArray[np.float64]
_DECADE = 10.0  # a spread from which on an axis is logarithmic
_NAMED = 8  # members of the front that get their name


def draw(front: ParetoFront, path: Path, y: str, x: str, colour: str | None) -> Path:
    """Write a PNG: the front as filled points on a line of steps, what it dominates as hollow ones."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 5.0), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    columns = {
        name: np.array([_value(front, m, name) for m in front.members])
        for name in (x, y, *([colour] if colour else []))
    }
    best = np.array([m.rank == 0 for m in front.members])
    order = np.flatnonzero(best)[np.argsort(columns[x][best], kind="stable")]
    flat = front.losses(front.members)[order][:, [front.objectives.index(name) for name in (x, y)]]
    edge = order[~dominance(flat).any(axis=0)]
    # a third objective keeps some on the front that these two alone would not
    axes.step(columns[x][edge], columns[y][edge], where="post", color="0.75", linewidth=1, zorder=1)
    axes.scatter(
        columns[x][~best], columns[y][~best], s=28, facecolors="none", edgecolors="0.6", zorder=2, label="dominated"
    )
    shade: dict[str, Any] = (
        {"color": "tab:blue"}
        if colour is None
        else {"c": columns[colour][best], "cmap": "viridis", "norm": _norm(columns[colour])}
    )
    points = axes.scatter(
        columns[x][best], columns[y][best], s=70, edgecolors="black", linewidths=0.6, zorder=3, label="front", **shade
    )
    if colour is not None:
        figure.colorbar(points, ax=axes, label=colour)
    for i in order[np.unique(np.linspace(0, len(order) - 1, min(_NAMED, len(order))).round().astype(int))]:
        axes.annotate(
            front.members[i].name, (columns[x][i], columns[y][i]), xytext=(6, 6), textcoords="offset points", fontsize=8
        )
    if _wide(columns[x]):
        axes.set_xscale("log")
    axes.set(xlabel=x, ylabel=y, title=f"{int(best.sum())} of {len(best)} are on the front")
    axes.grid(alpha=0.25)
    axes.legend(loc="best", fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})
    return path


def _value(front: ParetoFront, member: Member, name: str) -> float:
    return member.values[front.objectives.index(name)]


def _wide(values: Array) -> bool:
    return bool(values.min() > 0 and values.max() / values.min() >= _DECADE)


def _norm(values: Array) -> Any:
    from matplotlib.colors import LogNorm, Normalize

    kind = LogNorm if _wide(values) else Normalize
    return kind(float(values.min()), float(values.max()))
