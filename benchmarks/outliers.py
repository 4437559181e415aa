"""How well rows that do not belong are ranked: the ensemble beside each of its methods alone.

    python -m benchmarks.outliers [--full] [--verbose]

Real ones are the visible ADBench sets of `../shared/data`, at most 1,500 rows (`--full` 5,000) drawn by a seed, all anomalies
kept where the draw would hold fewer than ten. Injected ones go into the normal rows of those sets and scikit-learn's, as
ADBench makes them (Han et al. 2022): 5 % of rows that lie further out (global), in a tight bunch (clustered), between what
columns do together (dependency, columns shuffled), near their kind but wider spread (local), or with one wrong cell. The figure
is the area under the ROC curve of scores; flags are judged by it too, at the share that there is. Exit code 1 where the
ensemble's mean is not ahead of every method's.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn import datasets
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from ostinato.preprocess.outliers import OutlierDetector

Array = NDArray[np.float64]
ADBENCH = Path(__file__).resolve().parents[2] / "shared" / "data" / "anomaly" / "adbench"
METHODS = ("ensemble", "isolation_forest", "lof", "z", "modified_z", "iqr", "mahalanobis")
SHARE = 0.05
WIDEST = 200  # columns; wider sets are thinned to as many


def real(rows: int, seed: int) -> Iterator[tuple[str, Array, NDArray[np.int64]]]:
    """ADBench's sets with their anomalies, where they lie."""
    for path in sorted(ADBENCH.glob("*.npz")) if ADBENCH.is_dir() else ():
        held = np.load(path)
        X, y = held["X"].astype(float), held["y"].ravel().astype(int)
        rng = np.random.default_rng(seed)
        chosen = rng.permutation(len(X))[:rows]
        if y[chosen].sum() < 10:
            odd = np.flatnonzero(y)
            chosen = np.concatenate([rng.permutation(np.flatnonzero(y == 0))[: rows - len(odd)], odd])
        columns = np.sort(rng.permutation(X.shape[1])[:WIDEST])
        yield path.stem, X[np.ix_(chosen, columns)], y[chosen]


def clean(rows: int, seed: int) -> Iterator[tuple[str, Array]]:
    """Rows without known anomalies."""
    for name in ("wine", "breast_cancer", "diabetes"):
        yield name, getattr(datasets, f"load_{name}")().data.astype(float)[:rows]
    for name, X, y in real(rows, seed):
        if X.shape[1] <= 40:
            yield name, X[y == 0]


def _global(X: Array, count: int, rng: np.random.Generator) -> Array:
    low, high = X.min(axis=0), X.max(axis=0)
    return rng.uniform(low - 0.1 * (high - low), high + 0.1 * (high - low), size=(count, X.shape[1]))


def _clustered(X: Array, count: int, rng: np.random.Generator) -> Array:
    away = X.mean(axis=0) + 3 * X.std(axis=0) * rng.choice([-1, 1], X.shape[1])
    return away + 0.1 * X.std(axis=0) * rng.normal(size=(count, X.shape[1]))


def _dependency(X: Array, count: int, rng: np.random.Generator) -> Array:
    return np.column_stack([rng.choice(column, count) for column in X.T])


def _local(X: Array, count: int, rng: np.random.Generator) -> Array:
    spread = X.std(axis=0)
    kept = spread > 0
    scaled = X[:, kept] / spread[kept]
    kinds = GaussianMixture(min(3, len(X) // 20), covariance_type="diag", random_state=0, reg_covar=1e-3).fit(scaled)
    kind = rng.choice(kinds.n_components, count, p=kinds.weights_)
    wide = kinds.means_[kind] + np.sqrt(5 * kinds.covariances_[kind]) * rng.normal(size=(count, int(kept.sum())))
    done = np.repeat(X[:1], count, axis=0)
    done[:, kept] = wide * spread[kept]
    return done


def _cell(X: Array, count: int, rng: np.random.Generator) -> Array:
    done = X[rng.integers(0, len(X), count)].copy()
    varied = np.flatnonzero(X.std(axis=0) > 0)
    column = rng.choice(varied, count)
    done[np.arange(count), column] += 8 * X.std(axis=0)[column] * rng.choice([-1, 1], count)
    return done


KINDS: dict[str, Callable[[Array, int, np.random.Generator], Array]] = {
    "global": _global,
    "clustered": _clustered,
    "dependency": _dependency,
    "local": _local,
    "one cell": _cell,
}


def injected(rows: int, seed: int) -> Iterator[tuple[str, str, Array, NDArray[np.int64]]]:
    for number, (name, X) in enumerate(clean(rows, seed)):
        for place, (kind, make) in enumerate(KINDS.items()):
            rng = np.random.default_rng([seed, number, place])
            odd = make(X, max(5, int(SHARE * len(X))), rng)
            yield kind, name, np.concatenate([X, odd]), np.repeat([0, 1], [len(X), len(odd)])


def judged(X: Array, y: NDArray[np.int64], seed: int) -> dict[str, tuple[float, float, float]]:
    """Per method the area of scores, the balanced accuracy of flags at the true share, and seconds."""
    found = {}
    for method in METHODS:
        began = time.process_time()
        share = float(np.clip(y.mean(), 1e-3, 0.5))
        detector = OutlierDetector(method, contamination=share, random_state=seed).fit(X)
        found[method] = (
            float(roc_auc_score(y, detector.scores_)),
            float(balanced_accuracy_score(y, detector.scores_ > detector.threshold_)),
            time.process_time() - began,
        )
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="5,000 rows and three seeds")
    parser.add_argument("--verbose", action="store_true")
    said = parser.parse_args()
    rows, seeds = (5_000, 3) if said.full else (1_500, 1)
    areas: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    with threadpool_limits(1):
        for seed in range(seeds):
            cases = [("ADBench", *each) for each in real(rows, seed)]
            for kind, name, X, y in [*cases, *injected(rows if said.full else 400, seed)]:
                found = judged(X, y, seed)
                if said.verbose:
                    print(
                        kind, name, X.shape, {method: round(each[0], 3) for method, each in found.items()}, flush=True
                    )
                for method, each in found.items():
                    areas[kind][method].append(each)
    return report(areas)


def report(areas: dict[str, dict[str, list[Any]]]) -> int:
    table = Table("what", "sets", *METHODS, title="area under the ROC curve of scores, mean")
    for kind, own in areas.items():
        means = [np.mean([each[0] for each in own[method]]) for method in METHODS]
        table.add_row(kind, str(len(own["ensemble"])), *(f"{mean:.3f}" for mean in means))
    lacking = 0
    for title, kinds in (("all injected", [k for k in areas if k != "ADBench"]), ("ADBench", ["ADBench"])):
        for place, what in ((0, "scores"), (1, "flags, balanced accuracy"), (2, "seconds a set")):
            parts = [
                [each[place] for kind in kinds if kind in areas for each in areas[kind][method]] for method in METHODS
            ]
            if not parts[0]:
                continue
            means = [float(np.mean(part)) for part in parts]
            table.add_row(
                f"{title}: {what}", str(len(parts[0])), *(f"{mean:.3f}" for mean in means), end_section=place == 2
            )
            lacking += place == 0 and means[0] <= max(means[1:])
    Console().print(table)
    Console().print(f"bounds missed (ensemble ahead of each method on average): {lacking}")
    return int(lacking > 0)


if __name__ == "__main__":
    sys.exit(main())
