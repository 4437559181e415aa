"""Permutation importance: how much worse the metric gets when one column is shuffled (Breiman 2001)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    matrix: NDArray[np.float32],
    columns: Mapping[str, Sequence[int]],
    truth: NDArray[Any],
    metric: Metric,
    *,
    seed: int,
    repeats: int = 3,
    top: int = 30,
) -> pd.DataFrame:
    """The `top` of `columns` with importance and its deviation over repeats, in the metric's units; more is more important.

    `score` judges rows of the encoded `matrix (n, m)`; `columns` names, for a column of the table, those of the matrix that
    it became, which are shuffled together.
    Wants rows the model was not fitted on. Columns that tell the same share the importance between them, or hide it.
    """
    import pandas as pd

    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(matrix))[:_MOST_ROWS])
    values, actual = matrix[rows], truth[rows]
    orders = [rng.permutation(len(rows)) for _ in range(repeats)]
    plain = metric.loss(actual, score(values))
    jobs = [(list(places), order) for places in columns.values() for order in orders]
    size = max(1, _CELLS // values.size)
    losses: list[float] = []
    for start in range(0, len(jobs), size):
        batch = jobs[start : start + size]
        copies = np.repeat(values[None], len(batch), axis=0)
        for copy, (places, order) in zip(copies, batch, strict=True):
            copy[:, places] = values[order][:, places]
        scores = score(copies.reshape(-1, values.shape[1])).reshape(len(batch), len(rows), -1)
        losses += [metric.loss(actual, each) for each in scores]
    worse = np.asarray(losses).reshape(len(columns), repeats) - plain
    table = pd.DataFrame(
        {
            "feature": list(columns),
            "importance": np.round(worse.mean(axis=1), 9),
            "std": np.round(worse.std(axis=1), 9),
        }
    )
    return table.sort_values(["importance", "feature"], ascending=[False, True]).head(top).reset_index(drop=True)
