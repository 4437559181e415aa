"""Warm and cold starts beside chance, what asking costs, how late a budget ends, and whether a killed study goes on as it was.

    python -m benchmarks.optimizers [--seeds N] [--trials N] [--reference N] [--seconds S]

1. Regret: tuning a tree and a radial-basis machine on scikit-learn's tables, cross-validated loss, equal trials. Each task's
   floor is the best of anything tried on it, a longer random search included; regret is a loss's way above it as a share of the way
   from there to the default's loss (or the reference's median, where the default is the floor). The warm start is the best point of
   that random search on each *other* table for the same algorithm, never on the table itself; it costs its trials like all others.
2. Overhead: `ask` and `tell` of a function that takes no time, by the number of trials that are over.
3. Overrun: how far past `seconds` a call returns, over functions of even, skewed, growing and reporting cost; bound 10 %.
4. Resume: a search in a process of its own that is killed (SIGKILL) six times, each time some trials after it went on, beside one
   that was left alone; bound: all equal. (A trial that runs at two kills is given up on purpose, so each run gets three.)
"""

from __future__ import annotations

import argparse
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from ostinato.automl.fitting import Fitted
from ostinato.automl.index import algorithms
from ostinato.automl.metrics import METRICS
from ostinato.automl.optimizers.optimizer import OptunaOptimizer
from ostinato.automl.optimizers.trial import Trial
from ostinato.automl.space import Bool, Choice, Float, Int, When
from ostinato.core.errors import SearchError
from ostinato.features.folds.choice import folds_for

FOLDS, ROWS, OVER, KILLS = 3, 600, 10.0, 6
TASKS = {
    "tree": ("decision_tree_classifier", "decision_tree_regressor"),
    "rbf": ("rbf_svc", "rbf_svr"),
}
SPACE = (
    Float("x", -4.0, 4.0, default=0.0),
    Float("lr", 1e-4, 1.0, default=0.1, log=True),
    Int("k", 1, 30, default=3, log=True),
    Choice("kind", ("a", "b", None), default="a"),
    When("kind", "a", (Float("g", 1e-3, 1.0, default=0.1, log=True),)),
    Bool("b", default=True),
)
CHILD = """
import sys, time
from benchmarks.optimizers import SPACE, bowl
from ostinato.automl.optimizers.optimizer import OptunaOptimizer
with OptunaOptimizer(SPACE, seed=int(sys.argv[2]), storage=sys.argv[1]) as optimizer:
    over = lambda record: print(record.number, flush=True)
    optimizer.minimise(lambda trial: time.sleep(0.02) or bowl(trial), trials=40, jobs=2, told=over)
"""


def bowl(trial: Trial) -> float:
    off = 0.0 if trial["kind"] == "a" else 1.0
    return (trial["x"] - 1) ** 2 + abs(np.log10(trial["lr"]) + 2) + abs(trial["k"] - 5) / 10 + off


def tables() -> dict[str, tuple[Any, Any, bool]]:
    from sklearn import datasets

    found = {}
    for name, regression in (
        ("breast_cancer", False),
        ("wine", False),
        ("digits", False),
        ("diabetes", True),
    ):
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        chosen = np.random.default_rng(0).permutation(len(y))[:ROWS]
        found[name] = X[chosen].astype(np.float32), y[chosen].astype(float) if regression else y[chosen], regression
    found["friedman"] = (*datasets.make_friedman1(400, noise=1.0, random_state=0), True)
    return {name: (np.asarray(X, np.float32), y, regression) for name, (X, y, regression) in found.items()}


class Task:
    """Cross-validated losses of one algorithm on one table; equal points are fitted once, so that all sides see one landscape."""

    def __init__(self, key: str, X: Any, y: Any, regression: bool) -> None:
        self.entry, self.X, self.y = algorithms()[key], X, y
        self.outputs = 1 if regression else len(np.unique(y))
        self.metric = METRICS["rmse" if regression else "log_loss"]
        kind = "regression" if regression else "multiclass" if self.outputs > 2 else "binary"
        self.pairs = folds_for(kind, y, folds=FOLDS).pairs
        self.known: dict[str, float] = {}

    def __call__(self, trial: Trial) -> float:
        params = trial.params
        if (name := str(sorted(params.items(), key=str))) not in self.known:
            losses = []
            for train, held in self.pairs:
                model = Fitted.fit(self.entry, params, 0, self.X[train], self.y[train], self.outputs)
                losses.append(self.metric.loss(self.y[held], model.scores(self.X[held])))
            self.known[name] = float(np.mean(losses))
        return self.known[name]


def best_after(
    task: Task, trials: int, seed: int, sampler: str, warm: list[Mapping[str, Any]]
) -> tuple[float, Mapping[str, Any]]:
    optimizer = OptunaOptimizer(task.entry.space, sampler=sampler, seed=seed, warm_start=warm, pruner=None)
    best = optimizer.minimise(task, trials=trials)
    return best.value, best.point


def regret(console: Console, seeds: int, trials: int, reference: int) -> bool:
    sides: dict[str, list[float]] = {"TPE warm": [], "TPE cold": [], "random": []}
    shown = Table("task", *sides, "floor", title=f"mean regret after {trials} trials, {seeds} seeds, {FOLDS} folds")
    every = tables()
    for family, (classifier, regressor) in TASKS.items():
        tasks = {name: Task(regressor if r else classifier, X, y, r) for name, (X, y, r) in every.items()}
        good = {name: best_after(task, reference, 1000, "random", [{}]) for name, task in tasks.items()}
        for name, task in tasks.items():
            alike = [n for n in tasks if n != name and tasks[n].entry.key == task.entry.key]
            middle = float(np.median(list(task.known.values())))
            default = best_after(task, 1, 0, "tpe", [{}])[0]
            starts = {
                "TPE warm": ("tpe", [{}, *(good[n][1] for n in alike)]),
                "TPE cold": ("tpe", []),
                "random": ("random", []),
            }
            found = {
                side: [best_after(task, trials, seed, sampler, warm)[0] for seed in range(seeds)]
                for side, (sampler, warm) in starts.items()
            }
            floor = min(task.known.values())
            span = (default if default > floor else middle) - floor or 1.0
            shares = {side: float(np.mean(values) - floor) / span for side, values in found.items()}
            for side, share in shares.items():
                sides[side].append(share)
            shown.add_row(f"{family} on {name}", *(f"{share:.3f}" for share in shares.values()), f"{floor:.4f}")
    means = {side: statistics.mean(values) for side, values in sides.items()}
    shown.add_row("mean", *(f"{value:.3f}" for value in means.values()), "")
    console.print(shown)
    return means["TPE warm"] <= means["TPE cold"] and means["TPE cold"] <= means["random"]


def overhead(console: Console) -> None:
    shown = Table(
        "sampler", "storage", "trials 1-50, ms", "trials 151-200, ms", title="median of ask and tell together"
    )
    with tempfile.TemporaryDirectory() as folder:
        for sampler, storage in (("tpe", None), ("random", None), ("tpe", f"{folder}/s.jsonl")):
            times = []
            with OptunaOptimizer(SPACE, sampler=sampler, storage=storage) as optimizer:
                for _ in range(200):
                    began = time.perf_counter()
                    trial = optimizer.ask()
                    optimizer.tell(trial, bowl(trial))
                    times.append(1e3 * (time.perf_counter() - began))
            early, late = statistics.median(times[:50]), statistics.median(times[150:])
            shown.add_row(sampler, "journal" if storage else "memory", f"{early:.2f}", f"{late:.2f}")
    console.print(shown)


def overrun(console: Console, seconds: float) -> bool:
    skewed, uneven = random.Random(1), random.Random(2)

    def reporting(trial: Trial) -> float:
        for step in range(100):
            time.sleep(seconds / 100)
            trial.report(step, 1.0)
        return 1.0

    functions: dict[str, Callable[[Trial], float]] = {
        "even": lambda t: time.sleep(0.04 * seconds) or bowl(t),
        "uneven": lambda t: time.sleep(uneven.uniform(0.001, 0.08) * seconds) or bowl(t),
        "skewed": lambda t: time.sleep(min(skewed.lognormvariate(-4.2, 0.9), 0.2) * seconds) or bowl(t),
        "growing": lambda t: time.sleep(0.004 * t.number * seconds) or bowl(t),
        "fast": bowl,
        "as long as the budget, reports": reporting,
    }
    shown = Table("function", "jobs", "trials", "used of the budget", title=f"budget of {seconds:g} s")
    worst = 0.0
    for name, function in functions.items():
        for jobs in (1, 2):
            optimizer = OptunaOptimizer(SPACE, sampler="random", pruner=None, warm_start=[{}])
            began = time.monotonic()
            with suppress(SearchError):  # where not even the first trial ends in time
                optimizer.minimise(function, seconds=seconds, jobs=jobs)
            used = 100 * (time.monotonic() - began) / seconds
            worst = max(worst, used - 100)
            shown.add_row(name, str(jobs), str(len(optimizer.records)), f"{used:.1f} %")
    console.print(shown)
    return worst <= OVER


def resume(console: Console, seeds: int) -> bool:
    equal, kills, dice = 0, 0, random.Random(5)
    for seed in range(seeds):
        alone = OptunaOptimizer(SPACE, seed=seed)
        alone.minimise(bowl, trials=40)
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "s.jsonl")
            for _ in range(KILLS):
                child = subprocess.Popen(
                    [sys.executable, "-c", CHILD, path, str(seed)], stdout=subprocess.PIPE, text=True
                )
                assert child.stdout is not None
                for _ in range(dice.randint(3, 6)):
                    child.stdout.readline()
                time.sleep(dice.uniform(0.0, 0.03))
                child.send_signal(signal.SIGKILL)
                kills += child.wait() == -signal.SIGKILL
                child.stdout.close()
            with OptunaOptimizer(SPACE, seed=seed, storage=path) as killed:
                killed.minimise(bowl, trials=40)
        equal += [(dict(r.params), r.values) for r in killed.records] == [
            (dict(r.params), r.values) for r in alone.records
        ]
    console.print(f"resume: {equal} of {seeds} studies equal those that were left alone, after {kills} kills in all")
    return equal == seeds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--reference", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=4.0)
    options = parser.parse_args()
    console = Console()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        learns = regret(console, options.seeds, options.trials, options.reference)
    overhead(console)
    in_time = overrun(console, options.seconds)
    resumed = resume(console, options.seeds)
    return int(not (learns and in_time and resumed))


if __name__ == "__main__":
    sys.exit(main())
