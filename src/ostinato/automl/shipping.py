"""From trials to what is kept: the leaderboard, and the best candidates of different kinds with their models as ONNX."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ostinato.automl.candidates import Candidate
from ostinato.automl.metrics import Metric
from ostinato.automl.search import Search, Trial
from ostinato.automl.worker import WHOLE

if TYPE_CHECKING:
    import pandas as pd

_FEWEST_OF_ONE = 2  # candidates of one algorithm, as long as others are left
_DIGITS = 9


def complete(trials: Sequence[Trial]) -> list[Trial]:
    """Trials that ran through all folds, best first; equals in the order of their numbers."""
    return sorted((t for t in trials if t.state == "complete"), key=lambda t: (t.loss, t.number))


def diverse(trials: Sequence[Trial], most: int) -> list[Trial]:
    """The best `most` trials, of one algorithm at most a few before others have had their turn; no point twice."""
    ranked, seen = [], set()
    for trial in complete(trials):
        point = trial.entry.key, json.dumps(dict(trial.params), sort_keys=True)
        if point not in seen:
            seen.add(point)
            ranked.append(trial)
    share = max(_FEWEST_OF_ONE, most // 4)
    count: dict[str, int] = {}
    first: list[Trial] = []
    later: list[Trial] = []
    for trial in ranked:
        count[trial.entry.key] = count.get(trial.entry.key, 0) + 1
        (first if count[trial.entry.key] <= share else later).append(trial)
    return (first + later)[:most]


def kept(search: Search, most: int) -> list[Candidate]:
    """The best trials as candidates, best first, with the models of their folds."""
    found = []
    for rank, trial in enumerate(diverse(search.trials, most), start=1):
        assert trial.oof is not None
        found.append(
            Candidate(
                rank=rank,
                key=trial.entry.key,
                family=trial.entry.family,
                params=trial.params,
                seed=trial.seed,
                score=round(search.problem.metric.score(trial.loss), _DIGITS),
                std=round(float(np.std(trial.losses)), _DIGITS),
                oof=trial.oof,
                cost=trial.cost,
                parts=tuple(search.model(trial, fold) for fold in range(len(search.problem.folds))),
            )
        )
    return found


def refitted(
    search: Search, candidates: Sequence[Candidate], wanted: Sequence[bool], deadline: float | None = None
) -> tuple[list[Candidate], list[dict[str, str]]]:
    """The candidates, those `wanted` with a model fitted on all rows; and the key and reason of fits that came to nothing.

    A fit that is not done at `deadline`, a moment of `time.monotonic()`, leaves its candidate with the models of its folds.
    """
    trials = {(t.entry.key, t.seed): t for t in search.trials}
    jobs = {
        each.rank: search.whole(trials[each.key, each.seed], deadline)
        for each, want in zip(candidates, wanted, strict=True)
        if want
    }
    found: list[Candidate] = []
    dropped: list[dict[str, str]] = []
    for each in candidates:
        answer = jobs[each.rank].result() if each.rank in jobs else None
        if answer is not None and answer.reason:
            dropped.append({"key": each.key, "reason": answer.reason})
        if answer is None or answer.reason:
            found.append(each)
        else:
            found.append(replace(each, whole=search.model(trials[each.key, each.seed], WHOLE)))
    return found, dropped


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
