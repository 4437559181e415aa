"""Ensembles beside their best member, calibration, coverage and regret, on tables.

    python -m benchmarks.ensembles [--seeds N] [--rows N] [--tables NAME …]

Tables: those that scikit-learn carries (breast cancer, wine, digits; diabetes), and where `../shared/data/tables` exists
churn, hits (2010s) and GTZAN features for classes, popularity for values. Popularity is de-duplicated by track and grouped by
artist, hits are grouped by artist: no group stands on both sides of any fold or of the test. For each seed at most `--rows` rows
are drawn (whole groups first), 40 % of rows or groups are the test. Members are six scikit-learn models at fixed settings; all
ensembles share the members' out-of-fold scores (five folds) and never see the test.

Printed: loss on the test (log loss in nats; RMSE over the standard deviation) of the best member as chosen out of fold, and
each ensemble's difference from it, negative is better, mean over seeds; expected calibration error (15 bins) before and after
the calibrator that was chosen; coverage and mean size of sets, or width of intervals over the standard deviation, at 90 %, from
out-of-fold scores with the members refitted, groups counting as one; regret of the adaptive vote over the test as a stream in
its order, and the bound. The last table plays 1,000 streams (random, turning, adversarial) against Hedge. Exit code 1 where a
regret exceeds its bound, or mean coverage over all tables falls below 88 %.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from sklearn import datasets
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from threadpoolctl import threadpool_limits

from ostinato.ensemble.bench import Bench, row_losses
from ostinato.ensemble.calibration import fitted
from ostinato.ensemble.conformal import ConformalClassifier, ConformalRegressor
from ostinato.ensemble.folds import fold_numbers
from ostinato.ensemble.manager import EnsembleManager
from ostinato.ensemble.online import BoundedStream, Hedge, LogStream, SquaredStream
from ostinato.ensemble.problem import understood
from ostinato.ensemble.reliability import expected_calibration_error

TABLES = Path(__file__).resolve().parents[2] / "shared" / "data" / "tables"
STRATEGIES = ("greedy", "vote", "stack", "bayes", "dynamic")
SOUND = ["danceability", "energy", "key", "loudness", "mode", "speechiness", "acousticness", "instrumentalness"]
SOUND += ["liveness", "valence", "tempo", "duration_ms"]
ALPHA = 0.1


@dataclass(frozen=True)
class Task:
    name: str
    X: pd.DataFrame
    y: np.ndarray
    groups: np.ndarray | None
    kind: str = "classification"


def tasks() -> Iterator[Task]:
    for name in ("breast_cancer", "wine", "digits"):
        loaded = getattr(datasets, f"load_{name}")(as_frame=True)
        yield Task(name, loaded.data, loaded.target.to_numpy(), None)
    loaded = datasets.load_diabetes(as_frame=True)
    yield Task("diabetes", loaded.data, loaded.target.to_numpy(), None, "regression")
    if not TABLES.is_dir():
        return
    frame = pd.read_csv(next((TABLES / "churn").glob("*.csv"))).drop(columns="customerID")
    frame["TotalCharges"] = pd.to_numeric(frame["TotalCharges"], errors="coerce")
    yield Task("churn", frame.drop(columns="Churn"), frame["Churn"].to_numpy(), None)
    frame = pd.read_csv(TABLES / "hits" / "dataset-of-10s.csv")
    yield Task("hits", frame[[*SOUND, "sections"]], frame["target"].to_numpy(), frame["artist"].to_numpy())
    frame = pd.read_csv(TABLES / "gtzan_features" / "features_30_sec.csv")
    yield Task("gtzan", frame.drop(columns=["filename", "length", "label"]), frame["label"].to_numpy(), None)
    frame = pd.read_csv(TABLES / "popularity" / "spotify_songs.csv").drop_duplicates("track_id")
    frame = frame[frame["track_artist"].notna()]
    y = frame["track_popularity"].to_numpy(dtype=float)
    yield Task("popularity", frame[SOUND], y, frame["track_artist"].to_numpy(), "regression")


def members(kind: str, seed: int) -> list[tuple[str, Any]]:
    def prepared(model: Any) -> Any:
        words, numbers = make_column_selector(dtype_include=object), make_column_selector(dtype_exclude=object)
        encode = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        return make_pipeline(
            make_column_transformer((make_pipeline(SimpleImputer(), StandardScaler()), numbers), (encode, words)), model
        )

    if kind == "regression":
        models: list[tuple[str, Any]] = [
            ("ridge", Ridge(1.0)),
            ("near", KNeighborsRegressor(25)),
            ("tree", DecisionTreeRegressor(max_depth=5, random_state=seed)),
            ("extra", ExtraTreesRegressor(100, min_samples_leaf=3, random_state=seed)),
            ("boost", HistGradientBoostingRegressor(learning_rate=0.06, max_iter=120, random_state=seed)),
            ("svr", make_pipeline(SVR(C=30.0))),
        ]
    else:
        models = [
            ("line", LogisticRegression(max_iter=500)),
            ("near", KNeighborsClassifier(15)),
            ("bayes", GaussianNB()),
            ("tree", DecisionTreeClassifier(max_depth=5, random_state=seed)),
            ("extra", ExtraTreesClassifier(100, min_samples_leaf=2, random_state=seed)),
            ("boost", HistGradientBoostingClassifier(learning_rate=0.06, max_iter=80, random_state=seed)),
        ]
    return [(name, prepared(model)) for name, model in models]


def drawn(task: Task, rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to learn from and rows to test on; whole groups on one side."""
    units = (
        np.arange(len(task.y)) if task.groups is None else np.unique(task.groups.astype(str), return_inverse=True)[1]
    )
    order = np.random.default_rng(seed).permutation(units.max() + 1)[units]
    kept = np.argsort(order, kind="stable")[:rows]
    strata = task.y[kept] if task.kind == "classification" else np.zeros(len(kept))
    fold = fold_numbers(strata, units[kept], 5, seed)
    return kept[fold >= 2], kept[fold < 2]


def judged(task: Task, rows: int, seed: int) -> dict[str, float]:
    train, test = drawn(task, rows, seed)
    X, asked = task.X.iloc[train], task.X.iloc[test]
    groups = None if task.groups is None else task.groups[train]
    problem, y = understood(task.y[train], task.kind)
    truth = task.y[test] if problem.classes is None else np.searchsorted(problem.classes, task.y[test])
    models = members(task.kind, seed)
    bench = Bench.of(models, X, y, problem, groups=groups, seed=seed)
    spread = float(np.std(task.y[test])) if problem.classes is None else 1.0

    def loss(scores: np.ndarray) -> float:
        mean = float(row_losses(truth, scores, problem).mean())
        return float(np.sqrt(mean)) / spread if problem.classes is None else mean

    single = [float(row_losses(y, each, problem).mean()) for each in bench.scores]
    out = {"single": loss(bench.models[int(np.argmin(single))].scores(asked))}
    manager = EnsembleManager(models, random_state=seed)
    made = {name: manager.build(name).fit_on(bench) for name in (*STRATEGIES, "adaptive")}
    for name in STRATEGIES:
        out[name] = loss(made[name]._scores(asked)) - out["single"]
    own, new = made["greedy"].out_of_fold_, made["greedy"]._scores(asked)
    if problem.classes is None:
        ends = ConformalRegressor().fit(own[:, 0], y, groups=groups, folds=bench.folds).intervals(new[:, 0], ALPHA)
        out["coverage"] = float(((ends[:, 0] <= truth) & (truth <= ends[:, 1])).mean())
        out["size"] = float((ends[:, 1] - ends[:, 0]).mean() / spread)
    else:
        calibration = fitted(own, y, groups)
        out["ece_before"] = expected_calibration_error(new, truth)
        new = calibration.calibrator(new)
        out["ece_after"] = expected_calibration_error(new, truth)
        made_sets = ConformalClassifier().fit(calibration.calibrator(own), y, groups=groups, folds=bench.folds)
        sets = made_sets.sets(new, ALPHA)
        out["coverage"] = float(sets[np.arange(len(truth)), truth].mean())
        out["size"] = float(sets.sum(axis=1).mean())
    stream = made["adaptive"].update(asked, task.y[test])
    return out | {"regret": stream.regret_, "bound": stream.regret_bound_}


def regrets(streams: int = 1000) -> list[tuple[str, float, float, int]]:
    """Largest share of its bound that a regret reached, by loss; mean share; how many exceeded it."""
    shares: dict[str, list[float]] = {}
    for seed in range(streams):
        rng = np.random.default_rng(seed)
        n, rows = int(rng.integers(2, 12)), int(rng.integers(10, 400))
        said = rng.random((rows, n))
        if seed % 3 == 1:
            said = np.where(np.arange(n) == ((np.arange(rows) // max(rows // 7, 1)) % n)[:, None], 0.95, 0.05)
        for name, loss, share in (
            ("log", LogStream(), 0.0),
            ("squared", SquaredStream(0, 1), 0.0),
            ("bounded", BoundedStream(), 0.0),
            ("log, fixed share", LogStream(), 0.02),
            ("bounded, fixed share", BoundedStream(), 0.02),
        ):
            made = Hedge(n, loss, share=share)
            if seed % 3 == 2:
                for _ in range(rows):  # whoever weighs most is wrong
                    wrong = np.arange(n) == np.argmax(made.weights)
                    lost = isinstance(loss, BoundedStream)
                    made.update([np.where(wrong, 1.0, 0.0) if lost else np.where(wrong, 0.05, 0.95)], [1.0])
            else:
                made.update(said, (rng.random(rows) < 0.5).astype(float))
            shares.setdefault(name, []).append(made.regret / made.bound())
    return [(n, max(s), float(np.mean(s)), sum(v > 1 + 1e-9 for v in s)) for n, s in shares.items()]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--tables", nargs="*")
    options = parser.parse_args()
    console = Console(width=150)
    table = Table(title=f"means over {options.seeds} seeds; differences from the best member, negative is better")
    for column in ("table", "rows", "member", *STRATEGIES, "ECE", "after", "covered", "size", "regret ≤ bound"):
        table.add_column(column, justify="left" if column == "table" else "right", no_wrap=True)
    covered, broken = [], 0
    with threadpool_limits(1):
        for task in tasks():
            if options.tables and task.name not in options.tables:
                continue
            found = pd.DataFrame([judged(task, options.rows, seed) for seed in range(options.seeds)])
            mean = found.mean()
            covered.append(mean["coverage"])
            broken += int((found["regret"] > found["bound"] + 1e-9).sum())
            ece = [f"{mean[c]:.3f}" if c in mean else "" for c in ("ece_before", "ece_after")]
            table.add_row(
                task.name + ("" if task.groups is None else ", grouped"),
                str(min(options.rows, len(task.y))),
                f"{mean['single']:.4f}",
                *[f"{mean[s]:+.4f}" for s in STRATEGIES],
                *ece,
                f"{mean['coverage']:.3f}",
                f"{mean['size']:.2f}",
                f"{mean['regret']:.2f} ≤ {mean['bound']:.4g}",
            )
        console.print(table)
        played = regrets()
    second = Table(title="1,000 streams: regret as a share of its bound")
    for column in ("loss", "largest", "mean", "exceeded"):
        second.add_column(column)
    for name, largest, share, over in played:
        second.add_row(name, f"{largest:.3f}", f"{share:.3f}", str(over))
        broken += over
    console.print(second)
    return int(bool(broken) or float(np.mean(covered)) < 0.88)


if __name__ == "__main__":
    sys.exit(main())
