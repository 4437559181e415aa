"""Selectors beside scikit-learn's: what they find, what they take in falsely, and how long they need; and features in time.

    python -m benchmarks.selection [--full] [--only selectors|temporal]

Tables have six columns that tell of the target, near copies of two, and noise; in every third, two of the six tell only by their
product. A real column counts as found where it or its copy is kept. Noise alone: how many of 20 columns are kept. Times of
features in time are of one process on one thread, 1 M events of 100,000 users drawn by Zipf's law, the 18 default
features, beside pandas' `groupby` with `rolling` and `shift` for five of lags and windows, whose results are compared.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from ostinato import TemporalFeatureExtractor
from ostinato.features.selection import (
    BorutaSelector,
    InformationSelector,
    RecursiveSelector,
    RedundancySelector,
    ShapSelector,
    StabilitySelector,
)

BOUND_SECONDS = 10.0  # 18 features of 1 M events, processor time
ROWS, NOISE = 600, 20


@dataclass
class Figures:
    found: list[float] = field(default_factory=list)
    false: list[int] = field(default_factory=list)
    copies: list[int] = field(default_factory=list)
    noise: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def made(seed: int, kind: str) -> tuple[pd.DataFrame, Any]:
    """Six real columns, two copies, twelve of noise; a target of numbers or two classes."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        rng.normal(size=(ROWS, 18)), columns=[f"real{i}" for i in range(6)] + [f"noise{i}" for i in range(12)]
    )
    for i in range(2):
        X[f"copy{i}"] = X[f"real{i}"] + 0.05 * rng.normal(size=ROWS)
    told = (
        X["real0"]
        - X["real1"]
        + X["real2"]
        + X["real3"]
        + (X["real4"] * X["real5"] if seed % 3 == 0 else X["real4"] + X["real5"])
    )
    told = told + rng.normal(size=ROWS)
    return X, told.to_numpy() if kind == "regression" else (told > 0).astype(int).to_numpy()


def selectors() -> dict[str, tuple[Callable[[str], Any], float | None]]:
    """By name what makes one for a kind of problem, and how many columns of noise it promises to keep at most, on average."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.feature_selection import RFECV, SelectFdr, SelectKBest, f_classif, f_regression

    def forest(kind: str) -> Any:
        return (RandomForestRegressor if kind == "regression" else RandomForestClassifier)(
            100, max_depth=5, random_state=0
        )

    def score(kind: str) -> Any:
        return f_regression if kind == "regression" else f_classif

    own: dict[str, tuple[Callable[[str], Any], float | None]] = {
        "RecursiveSelector": (lambda kind: RecursiveSelector(step=2, cv=3), None),
        "ShapSelector": (lambda kind: ShapSelector(repeats=2), 0.5),
        "InformationSelector": (lambda kind: InformationSelector(), 0.5),
        "RedundancySelector": (lambda kind: RedundancySelector(), 0.5),
        "StabilitySelector": (lambda kind: StabilitySelector(), 1.0),
    }
    try:
        import boruta  # noqa: F401

        own["BorutaSelector"] = (lambda kind: BorutaSelector(rounds=20, trees=50), None)
    except ImportError:
        Console().print("boruta is not installed: BorutaSelector is left out")
    return own | {
        "sklearn RFECV (forest)": (lambda kind: RFECV(forest(kind), step=2, cv=3), None),
        "sklearn SelectKBest (k=6)": (lambda kind: SelectKBest(score(kind), k=6), None),
        "sklearn SelectFdr (0.05)": (lambda kind: SelectFdr(score(kind)), None),
    }


def select(seeds: int) -> int:
    missed = 0
    table = Table(
        "selector", "found of 6", "false of 12", "both of a pair", f"kept of {NOISE} of noise", "bound", "seconds a fit"
    )
    for name, (make, promises) in selectors().items():
        figures = Figures()
        for seed in range(1, 1 + seeds):
            for kind in ("regression", "classification"):
                measure(make(kind), seed, kind, figures)
        noise = float(np.mean(figures.noise))
        missed += promises is not None and noise > promises
        row = [np.mean(figures.found), np.mean(figures.false), np.mean(figures.copies), noise]
        bound = f"{promises} ({noise / promises:.2f})" if promises else ""
        table.add_row(name, *(f"{value:.2f}" for value in row), bound, f"{np.mean(figures.seconds):.2f}")
    Console(width=130).print(table)
    return missed


def measure(selector: Any, seed: int, kind: str, figures: Figures) -> None:
    X, y = made(seed, kind)
    began = time.process_time()
    kept = set(X.columns[selector.fit(X, y).get_support()])
    figures.seconds.append(time.process_time() - began)
    figures.found.append(sum(bool(kept & {f"real{i}", f"copy{i}"}) for i in range(6)))
    figures.false.append(sum(name.startswith("noise") for name in kept))
    figures.copies.append(sum({f"real{i}", f"copy{i}"} <= kept for i in range(2)))
    rng = np.random.default_rng(1000 + seed)
    nothing = rng.normal(size=ROWS) if kind == "regression" else rng.integers(0, 2, ROWS)
    figures.noise.append(int(selector.fit(rng.normal(size=(ROWS, NOISE)), nothing).get_support().sum()))


def temporal(events: int) -> int:
    rng = np.random.default_rng(0)
    at = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.choice(90 * 86_400 * 1000, events, replace=False), unit="ms")
    X = pd.DataFrame({"at": at, "user": rng.zipf(1.3, events) % 100_000, "v": rng.normal(size=events)})
    began = time.process_time()
    found = TemporalFeatureExtractor("at", "user", ["v"]).fit_transform(X)
    all_of_them = time.process_time() - began
    five = [
        {"kind": "lag", "of": "v", "steps": [1, 2]},
        {"kind": "rolling", "of": "v", "window": 5, "stats": ["mean", "std"]},
        {"kind": "rolling", "of": "v", "window": "7D", "stats": ["mean"]},
    ]
    began = time.process_time()
    ours = TemporalFeatureExtractor("at", "user", features=five).fit_transform(X)
    own = time.process_time() - began
    began = time.process_time()
    theirs = by_pandas(X)
    peer = time.process_time() - began
    apart = float(np.nanmax(np.abs(ours[theirs.columns].to_numpy() - theirs.to_numpy())))
    same = apart < 1e-6 and (ours[theirs.columns].isna() == theirs.isna()).all(axis=None)
    table = Table("work", "ostinato s", "pandas s", "bound s", "ratio to bound")
    table.add_row(
        f"{found.shape[1]} default features, {events:,} events",
        f"{all_of_them:.2f}",
        "",
        f"{BOUND_SECONDS:.0f}",
        f"{all_of_them / BOUND_SECONDS:.2f}",
    )
    table.add_row("5 of lags and windows", f"{own:.2f}", f"{peer:.2f}", "", "")
    console = Console(width=130)
    console.print(table)
    console.print(f"largest difference to pandas {apart:.1e}: {'equal' if same else 'NOT EQUAL'}")
    return int(all_of_them > BOUND_SECONDS or not same)


def by_pandas(X: pd.DataFrame) -> pd.DataFrame:
    ordered = X.sort_values(["user", "at"])
    groups = ordered.groupby("user")["v"]
    told = pd.DataFrame({"v_lag_1": groups.shift(1), "v_lag_2": groups.shift(2)})
    before = groups.shift(1).groupby(ordered["user"]).rolling(5, min_periods=1)
    told["v_mean_5"], told["v_std_5"] = before.mean().to_numpy(), before.std().to_numpy()
    spans = ordered.set_index("at").groupby("user")["v"].rolling("7D", closed="left", min_periods=1)
    told["v_mean_7D"] = spans.mean().to_numpy()
    return told.loc[X.index]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="20 seeds instead of one")
    parser.add_argument("--only", choices=["selectors", "temporal"])
    said = parser.parse_args()
    missed = 0
    with threadpool_limits(1):
        if said.only != "selectors":
            missed += temporal(1_000_000)
        if said.only != "temporal":
            missed += select(20 if said.full else 1)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
