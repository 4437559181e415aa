"""From trials to what is kept: the leaderboard, and the best candidates of different kinds, refitted and proven as ONNX."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ostinato.automl.candidates import Candidate
from ostinato.automl.fitting import Fitted
from ostinato.automl.metrics import Metric
from ostinato.automl.search import Problem, Trial, workers
from ostinato.core.errors import SearchError

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)
_MOST_OF_ONE = 2  # candidates of one algorithm, as long as others are left
_DIGITS = 9


def complete(trials: Sequence[Trial]) -> list[Trial]:
    """Trials that ran through all folds, best first; equals in the order of their numbers."""
    return sorted((t for t in trials if t.state == "complete"), key=lambda t: (t.loss, t.number))


def diverse(trials: Sequence[Trial], most: int) -> list[Trial]:
    """The best `most` trials, of one algorithm at most two before others have had their turn; no point twice."""
    ranked, seen = [], set()
    for trial in complete(trials):
        point = trial.entry.key, json.dumps(dict(trial.params), sort_keys=True)
        if point not in seen:
            seen.add(point)
            ranked.append(trial)
    count: dict[str, int] = {}
    first: list[Trial] = []
    later: list[Trial] = []
    for trial in ranked:
        count[trial.entry.key] = count.get(trial.entry.key, 0) + 1
        (first if count[trial.entry.key] <= _MOST_OF_ONE else later).append(trial)
    return (first + later)[:most]


def shipped(
    problem: Problem, trials: Sequence[Trial], most: int, threads: int = 2
) -> tuple[list[Candidate], list[dict[str, str]]]:
    """Refit the best trials on all rows of the training folds and write them as ONNX.

    Returns candidates, best first, and the key and reason of those that were dropped. Raises SearchError where none is left.
    """
    picked = diverse(trials, most)
    with workers(threads) as pool:
        models = list(pool.map(lambda trial: _ship(problem, trial), picked))
    kept: list[Candidate] = []
    dropped: list[dict[str, str]] = []
    for trial, model in zip(picked, models, strict=True):
        if isinstance(model, str):
            dropped.append({"key": trial.entry.key, "reason": model})
            continue
        kept.append(_candidate(problem.metric, trial, len(kept) + 1, model))
    if not kept:
        raise SearchError(f"no candidate could be written as ONNX: {'; '.join(each['reason'] for each in dropped)}")
    return kept, dropped


def _ship(problem: Problem, trial: Trial) -> bytes | str:
    try:
        model = Fitted.fit(trial.entry, trial.params, trial.seed, problem.X, problem.y, problem.outputs)
        return model.exported(problem.X)
    except Exception as error:
        log.info("search: %s is left out", trial.entry.key, exc_info=True)
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _candidate(metric: Metric, trial: Trial, rank: int, onnx: bytes) -> Candidate:
    assert trial.oof is not None
    return Candidate(
        rank=rank,
        key=trial.entry.key,
        family=trial.entry.family,
        params=trial.params,
        seed=trial.seed,
        score=round(metric.score(trial.loss), _DIGITS),
        std=round(float(np.std(trial.losses)), _DIGITS),
        oof=trial.oof,
        onnx=onnx,
    )


def leaderboard(trials: Sequence[Trial], metric: Metric) -> pd.DataFrame:
    """One row an algorithm by its best complete trial: rank, algorithm, family, score, std, trials, params; best first."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for trial in complete(trials):
        if trial.entry.key not in {row["algorithm"] for row in rows}:
            rows.append(
                {
                    "rank": len(rows) + 1,
                    "algorithm": trial.entry.key,
                    "family": trial.entry.family,
                    "score": round(metric.score(trial.loss), _DIGITS),
                    "std": round(float(np.std(trial.losses)), _DIGITS),
                    "trials": sum(t.entry.key == trial.entry.key for t in trials),
                    "params": json.dumps(dict(trial.params), sort_keys=True),
                }
            )
    return pd.DataFrame(rows)


def journal(trials: Sequence[Trial], metric: Metric) -> pd.DataFrame:
    """Every trial as it went, with its measured seconds."""
    import pandas as pd

    rows = [
        {
            "trial": t.number,
            "algorithm": t.entry.key,
            "state": t.state,
            "score": metric.score(t.loss) if t.losses else np.nan,
            "folds": len(t.losses),
            "seconds": round(t.seconds, 3),
            "params": json.dumps(dict(t.params), sort_keys=True),
            "reason": t.reason,
        }
        for t in trials
    ]
    return pd.DataFrame(rows)
