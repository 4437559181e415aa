"""Try algorithms and settings by cross-validation; keep the best as fitted candidates."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.candidates import Candidates
from ostinato.automl.index import suitable
from ostinato.automl.metrics import METRICS
from ostinato.automl.portfolio import portfolio
from ostinato.automl.search import Budget, Problem, Search, Trial
from ostinato.automl.shipping import journal, kept, refitted
from ostinato.automl.shipping import leaderboard as board
from ostinato.automl.telling import telling
from ostinato.core.files import read_table, write_table
from ostinato.core.params import SearchParams, Split, Task
from ostinato.features.inputs import load_inputs
from ostinato.features.splits import TEST, pairs_of
from ostinato.features.table import TableEncoder

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SearchReport:
    """What a search tried and found."""

    problem: str
    trials: int
    complete: int
    pruned: int
    failed: int
    families: int
    best: str
    score: float
    kept: list[str]
    dropped: list[dict[str, str]]


def search(
    task: Task,
    split: Split,
    params: SearchParams,
    *,
    problem: str,
    clean: Path,
    features: Path,
    folds: Path,
    candidates: Path,
    leaderboard: Path,
    trials: Path,
) -> SearchReport:
    """Write `candidates` (ONNX, JSON, NumPy), the leaderboard, and beside them every trial with its measured time.

    Raises SearchError where no candidate could be fitted and shipped, UsageError for an unknown algorithm.
    """
    table = read_table(folds)
    table = table[table["fold"] != TEST].reset_index(drop=True)
    inputs = load_inputs(task, split, clean=clean, features=features).rows(table["track_id"].tolist())
    classes, truth = encoded(inputs.y, task)
    metric = METRICS[task.metric]
    encoder = inputs.encoder
    X = encoder.encode(inputs.X)
    learnt = Problem(X, truth, max(len(classes), 1), pairs_of(table, split), metric, encoder.levels)
    entries = suitable(task.kind, X.shape[0], X.shape[1], params.algorithms)
    first = [each for each in portfolio(task.kind) if not params.algorithms or each.key in params.algorithms]
    with Search(learnt, entries, params.seed, portfolio=first) as run:
        budget = Budget(params.trials, params.guard_seconds)
        with telling("search", metric, budget) as shown:
            run.run(budget, shown.told, shown.tick)
        best = kept(run, params.keep)
        whole, dropped = refitted(run, best, [True] * len(best))
    found = _candidates(task, encoder, inputs.ids, (classes, truth), (whole, dropped))
    found.save(candidates)
    ranked = board(run.trials, metric)
    write_table(leaderboard, ranked)
    write_table(trials, journal(run.trials, metric))
    report = _report(problem, run.trials, found)
    log.info(
        "search %s: %d trials, best %s with %s %.4f", problem, report.trials, report.best, task.metric, report.score
    )
    return report


def encoded(y: NDArray[Any], task: Task) -> tuple[tuple[Any, ...], NDArray[Any]]:
    """Sorted classes and the codes of `y`, or no classes and the values themselves for regression."""
    if task.kind == "regression":
        return (), y.astype(np.float64)
    classes, codes = np.unique(y.astype(str), return_inverse=True)
    return tuple(classes.tolist()), codes.astype(np.int64)


def _candidates(
    task: Task,
    encoder: TableEncoder,
    ids: tuple[str, ...],
    learnt: tuple[tuple[Any, ...], NDArray[Any]],
    fitted: tuple[list[Any], list[Any]],
) -> Candidates:
    (classes, truth), (best, dropped) = learnt, fitted
    return Candidates(
        kind=task.kind,
        metric=task.metric,
        target=task.target,
        inputs=task.inputs,
        classes=classes,
        encoder=encoder,
        ids=ids,
        truth=truth,
        kept=tuple(best),
        dropped=tuple(dropped),
    )


def _report(problem: str, trials: list[Trial], found: Candidates) -> SearchReport:
    states = [trial.state for trial in trials]
    return SearchReport(
        problem=problem,
        trials=len(trials),
        complete=states.count("complete"),
        pruned=states.count("pruned"),
        failed=states.count("failed"),
        families=len({trial.entry.family for trial in trials}),
        best=found.kept[0].key,
        score=found.kept[0].score,
        kept=[each.name for each in found.kept],
        dropped=[dict(each) for each in found.dropped],
    )
