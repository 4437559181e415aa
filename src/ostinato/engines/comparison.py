"""A new model beside the champion on the same rows: the difference of the metric with an interval over whole groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.metrics import METRICS
from ostinato.core.errors import ArtefactError, UsageError
from ostinato.engines.artefact import ModelArtefact

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
_DIGITS = 6


def beside_champion(
    metric: str,
    new: ModelArtefact,
    champion: ModelArtefact,
    X: pd.DataFrame,
    actual: NDArray[Any],
    groups: NDArray[Any],
    *,
    resamples: int = 500,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any]:
    """Both models on rows `X` with their `actual` labels or values; `gain` is above zero where the new one is better.

    The verdict is "better" or "worse" where the whole interval says so. Where the champion reads other columns or knows other
    labels nothing can be compared, and `skipped` says why. The champion may have learnt from rows that are tested here; its
    figure is then too good.
    """
    if new.classes != champion.classes:
        return {"champion": champion.digest, "skipped": "the champion knows other labels"}
    try:
        ours, theirs = new.scores(X), champion.scores(X)
    except (UsageError, ArtefactError) as error:
        return {"champion": champion.digest, "skipped": f"the champion cannot score these rows: {error}"}
    place = {str(label): code for code, label in enumerate(new.classes)}
    truth: NDArray[Any] = (
        np.array([place[str(label)] for label in actual], dtype=np.int64) if place else actual.astype(np.float64)
    )
    return {
        "champion": champion.digest,
        "metric": metric,
        "rows": len(truth),
        **_difference(metric, truth, ours, theirs, groups, resamples, confidence, seed),
    }


def _difference(
    metric: str,
    truth: NDArray[Any],
    ours: Array,
    theirs: Array,
    groups: NDArray[Any],
    resamples: int,
    confidence: float,
    seed: int,
) -> dict[str, Any]:
    of = METRICS[metric]
    _, place = np.unique(groups.astype(str), return_inverse=True)
    members = [np.flatnonzero(place == group) for group in range(int(place.max()) + 1)]
    rng = np.random.default_rng(seed)
    gains = []
    for _ in range(resamples):
        rows = np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
        gains.append(of.gain(of.of(truth[rows], ours[rows]), of.of(truth[rows], theirs[rows])))
    tail = (1 - confidence) / 2
    low, high = (round(float(v), _DIGITS) for v in np.quantile(gains, [tail, 1 - tail]))
    mine, other = of.of(truth, ours), of.of(truth, theirs)
    return {
        "groups": len(members),
        "new": round(mine, _DIGITS),
        "old": round(other, _DIGITS),
        "gain": round(of.gain(mine, other), _DIGITS),
        "low": low,
        "high": high,
        "confidence": confidence,
        "verdict": "better" if low > 0 else "worse" if high < 0 else "no clear difference",
    }
