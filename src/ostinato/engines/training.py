"""What `PredictionEngine.fit` does: read the table, choose folds, search, weigh, refit, put together, prove."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.candidates import Candidate, Candidates
from ostinato.automl.index import suitable
from ostinato.automl.portfolio import portfolio
from ostinato.automl.prior import prior
from ostinato.automl.search import Budget, Problem, Search
from ostinato.automl.shipping import journal, kept, leaderboard, refitted
from ostinato.automl.target import Target
from ostinato.automl.task import read_task
from ostinato.automl.telling import Telling, telling
from ostinato.core.errors import SearchError, UsageError
from ostinato.engines.artefact import ModelArtefact
from ostinato.engines.assembly import Chosen, Room, assembled, chosen, report
from ostinato.engines.bounds import Bounds
from ostinato.engines.proof import proven
from ostinato.engines.uncertainty import calibration_section
from ostinato.features.table import TableEncoder

if TYPE_CHECKING:
    import pandas as pd

    from ostinato.engines.prediction import PredictionEngine

log = logging.getLogger(__name__)
_KEEP, _ROUNDS, _MEMBERS = 24, 60, 6
_DEFAULT_TRIALS = 40  # where neither trials nor seconds bound the search
_BACKGROUND_ROWS = 64
_MEMORY_SHARE = 0.6  # of what is free on the machine, for all workers together


@dataclass(frozen=True)
class Trained:
    """What a fit leaves behind; `lighter` hands out the next lighter artefact, or None."""

    artefact: ModelArtefact
    report: dict[str, Any]
    board: list[dict[str, Any]]
    journal: pd.DataFrame
    notes: tuple[str, ...]
    lighter: Callable[[], ModelArtefact | None]


def train(engine: PredictionEngine, X: Any, y: Any, groups: Any, time: Any) -> Trained:
    """Fit by the engine's settings; see `PredictionEngine.fit`."""
    budget = _budget(engine)
    task = read_task(
        engine.problem, engine.metric, X, y, groups, time, seconds=_sampling_seconds(budget), seed=engine.random_state
    )
    problem, target, notes = task.problem, task.target, task.notes
    entries = suitable(engine.problem, problem.X.shape[0], problem.X.shape[1], tuple(engine.algorithms))
    first = portfolio(engine.problem) if engine.portfolio is None else tuple(engine.portfolio)
    if engine.algorithms:
        first = tuple(each for each in first if each.key in engine.algorithms)
    jobs = max(1, engine.n_jobs)
    with Search(problem, entries, engine.random_state, portfolio=first, threads=jobs, memory=_memory(jobs)) as search:
        with telling("fit", problem.metric, budget) as shown:
            notes = (*notes, *_searched(search, budget, shown))
        best = kept(search, _KEEP) or [prior(problem)]
        found = _candidates(target, task.encoder, best, problem)
        bounds = engine.bounds or Bounds()
        room = Room.of(len(task.encoder.names), target.outputs, bounds.max_bytes)
        picked = chosen(found, _ROUNDS, _MEMBERS, room)
        found = _refit(search, found, picked, budget)
        board = _board(search, found, picked)
        table = journal(search.trials, problem.metric)
    held = _sections(found, picked, problem.X, task.groups)
    artefact = _assemble(found, picked, held, problem.X)
    lighter = _lighter(found, picked, room, held, problem.X)
    return Trained(artefact, report(found, picked, artefact), board, table, notes, lighter)


def _searched(search: Search, budget: Budget, shown: Telling) -> tuple[str, ...]:
    """Search; with a note where the time was over before any trial was done. Raises SearchError where trials failed."""
    try:
        search.run(budget, shown.told, shown.tick)
    except SearchError as error:
        if budget.seconds is None or budget.search_left > 0:
            raise
        return (f"The model is the prior, which looks at nothing, because {error}",)
    return ()


def _budget(engine: PredictionEngine) -> Budget:
    trials, seconds = engine.trials, engine.time_budget
    if seconds is not None and not seconds > 0:
        raise UsageError(f"time_budget={seconds!r}: expected seconds above 0, or None with trials")
    if trials is not None and trials < 1:
        raise UsageError(f"trials={trials!r}: expected 1 or more, or None")
    if engine.n_jobs < 1:
        raise UsageError(f"n_jobs={engine.n_jobs!r}: expected 1 or more processes")
    if trials is None and seconds is None:
        trials = _DEFAULT_TRIALS
    return Budget(trials, seconds)


def _sampling_seconds(budget: Budget) -> float | None:
    """Seconds by which rows are sampled: none where trials bound the search, for then time must not choose."""
    return None if budget.trials is not None else budget.seconds


def _memory(jobs: int) -> int:
    import psutil

    return int(psutil.virtual_memory().available * _MEMORY_SHARE / jobs)


def _candidates(target: Target, encoder: TableEncoder, found: list[Candidate], problem: Problem) -> Candidates:
    return Candidates(
        kind=target.problem,
        metric=target.metric,
        target=target.name,
        inputs=("table",),
        classes=target.classes,
        encoder=encoder,
        ids=(),
        truth=problem.y,
        kept=tuple(found),
        dropped=(),
    )


def _refit(search: Search, found: Candidates, picked: Chosen, budget: Budget) -> Candidates:
    """Models of all rows for the members whose bag is not shipped, as far as the time goes."""
    from dataclasses import replace

    wanted = [
        weight > 0 and not bag and each.whole is None
        for each, weight, bag in zip(found.kept, picked.vote.weights, picked.bagged, strict=True)
    ]
    deadline = None
    if budget.seconds is not None:
        # what is left after the search, but for putting the model together
        deadline = budget.deadline - max(0.25, 0.04 * budget.seconds) if budget.deadline is not None else None
    again, dropped = refitted(search, found.kept, wanted, deadline)
    return replace(found, kept=tuple(again), dropped=tuple(dropped))


def _assemble(found: Candidates, picked: Chosen, more: dict[str, Any], matrix: NDArray[np.float32]) -> ModelArtefact:
    artefact = assembled(found, picked, lambda each, bag: each.models(bag=bag), more=more)
    proven(artefact, found, picked, matrix)
    return artefact


def _lighter(
    found: Candidates, picked: Chosen, room: Room, more: dict[str, Any], matrix: NDArray[np.float32]
) -> Callable[[], ModelArtefact | None]:
    """Down the front of loss against cost: the same vote without bags, then votes of ever less room."""
    from dataclasses import replace

    bags, share, last = any(picked.bagged), 1.0, ""

    def following() -> ModelArtefact | None:
        nonlocal bags, share, last
        while bags or share > _LEAST_SHARE:
            if bags:
                bags, less = False, picked
            else:
                share /= 2
                less = chosen(found, _ROUNDS, _MEMBERS, Room(room.row_us * share, room.bytes * share))
            artefact = _assemble(found, replace(less, bagged=tuple(False for _ in less.bagged)), more, matrix)
            if artefact.digest != last:
                last = artefact.digest
                return artefact
        return None

    return following


_LEAST_SHARE = 1 / 64


def _sections(found: Candidates, picked: Chosen, matrix: NDArray[np.float32], groups: Any) -> dict[str, Any]:
    """What the artefact carries beside its model: background rows for explanations, calibration of sets or intervals."""
    rows = np.sort(np.random.default_rng(0).permutation(len(matrix))[:_BACKGROUND_ROWS])
    background = [[float(v) if np.isfinite(v) else None for v in row] for row in matrix[rows].astype(np.float64)]
    section = calibration_section(found, picked, groups)
    return {"background": background, **({"conformal": section} if section else {})}


def _board(search: Search, found: Candidates, picked: Chosen) -> list[dict[str, Any]]:
    metric = search.problem.metric
    table = leaderboard(search.trials, metric)
    weights: dict[str, float] = {}
    for each, weight in zip(found.kept, picked.vote.weights, strict=True):
        weights[each.key] = weights.get(each.key, 0.0) + weight
    rows: list[dict[str, Any]] = [
        {
            "rank": 0,
            "algorithm": "vote",
            "family": "ensemble",
            "score": round(picked.calibrated, 9),
            "std": None,
            "trials": len(search.trials),
            "params": "{}",
            "weight": 1.0,
        }
    ]
    for row in table.to_dict("records"):
        rows.append({**{str(k): v for k, v in row.items()}, "weight": round(weights.get(row["algorithm"], 0.0), 6)})
    return rows
