"""Permutation importance: how much worse the metric gets when one column is shuffled (Breiman 2001)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.metrics import Metric

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
_MOST_ROWS = 400
_CELLS = 4_000_000  # of one batch of shuffled copies, 16 MB


def permutation_importance(
    score: Callable[[NDArray[np.float32]], Array],
    X: pd.DataFrame,
    truth: NDArray[Any],
    metric: Metric,
    *,
    seed: int,
    repeats: int = 3,
    top: int = 30,
) -> pd.DataFrame:
    """The `top` columns with importance and its deviation over repeats, in the metric's units; more is more important.

    Wants rows the model was not fitted on. Columns that tell the same share the importance between them, or hide it.
    """
    import pandas as pd

    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(X))[:_MOST_ROWS])
    values, actual = X.to_numpy(dtype=np.float32)[rows], truth[rows]
    orders = [rng.permutation(len(rows)) for _ in range(repeats)]
    plain = metric.loss(actual, score(values))
    jobs = [(column, order) for column in range(values.shape[1]) for order in orders]
    size = max(1, _CELLS // values.size)
    losses: list[float] = []
    for start in range(0, len(jobs), size):
        batch = jobs[start : start + size]
        copies = np.repeat(values[None], len(batch), axis=0)
        for copy, (column, order) in zip(copies, batch, strict=True):
            copy[:, column] = values[order, column]
        scores = score(copies.reshape(-1, values.shape[1])).reshape(len(batch), len(rows), -1)
        losses += [metric.loss(actual, each) for each in scores]
    worse = np.asarray(losses).reshape(values.shape[1], repeats) - plain
    table = pd.DataFrame(
        {
            "feature": list(map(str, X.columns)),
            "importance": np.round(worse.mean(axis=1), 9),
            "std": np.round(worse.std(axis=1), 9),
        }
    )
    return table.sort_values(["importance", "feature"], ascending=[False, True]).head(top).reset_index(drop=True)
