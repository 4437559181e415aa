"""What a shipped model costs: bytes, memory, one row, a batch: `python -m benchmarks.serving [--seconds 20] [--rows 6000]`.

Made-up numbers, 20 columns, fitted three times: as the engine does by itself, among tree ensembles alone, among linear ones alone.
Each artefact is loaded and measured in a fresh process on 2 cores, rows given as dict and as NumPy row, the batch as a NumPy array
and as a DataFrame, preparation included. CatBoost with its defaults, fitted on the same rows, stands beside. Give it a quiet
machine. Exit code 1 where a bound is missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from sklearn.datasets import make_classification, make_regression

COLUMNS, BATCH = 20, 200_000
MIB = 2**20
BOUNDS = {"bytes": 5e6, "model": 50 * MIB, "process": 100 * MIB, "rows_a_second": 100_000}
MS = {"trees": 0.1, "linear": 0.1, "as it comes": 1.0}
FAMILIES = {"trees": ("boosting", "forests"), "linear": ("linear",), "as it comes": ()}

_MEASURE = """
import gc, json, sys, time
import numpy as np
def resident():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))
folder, kind = sys.argv[1:]
X = np.load(folder + "/rows.npy", mmap_mode="r")[:500].copy()
if kind == "catboost":
    from catboost import CatBoost
    before = resident()
    model = CatBoost().load_model(folder + "/catboost.cbm")
    predict = model.predict
    forms = {"numpy row": list(X[:500, None, :])}
else:
    import onnxruntime  # a part of the process, not of the model
    from ostinato import PredictionEngine
    before = resident()
    engine = PredictionEngine.load(folder + "/saved")
    predict = engine.predict if kind == "regression" else engine.predict_proba
    forms = {"numpy row": list(X[:500]), "dict": [dict(zip([f"c{i}" for i in range(X.shape[1])], row.tolist())) for row in X[:500]]}
times = {}
for form, rows in forms.items():
    for row in rows[:200]:
        predict(row)
    gc.collect()
    took = []
    for k in range(4000):
        row = rows[k % len(rows)]
        began = time.perf_counter_ns()
        predict(row)
        took.append(time.perf_counter_ns() - began)
    times[form] = [float(np.percentile(took, q)) / 1e6 for q in (50, 99)]
after = resident()
X = np.load(folder + "/rows.npy")
predict(X[:20_000])
speeds = []
for _ in range(5):
    began = time.perf_counter()
    predict(X)
    speeds.append(len(X) / (time.perf_counter() - began))
told = {"times": times, "model": after - before, "process": after, "rows_a_second": max(speeds)}
if kind != "catboost":
    import pandas as pd
    frame = pd.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])])
    predict(frame[:20_000])
    began = time.perf_counter()
    predict(frame)
    told["frame_rows_a_second"] = len(X) / (time.perf_counter() - began)
print(json.dumps(told))
"""


def data(kind: str, rows: int) -> tuple[pd.DataFrame, Any]:
    if kind == "binary":
        X, y = make_classification(rows, COLUMNS, n_informative=10, flip_y=0.1, random_state=0)
    else:
        X, y = make_regression(rows, COLUMNS, n_informative=10, noise=20, random_state=0)
        y = y + 40 * np.sin(X[:, 0] * 2) * X[:, 1]
    return pd.DataFrame(X, columns=[f"c{i}" for i in range(COLUMNS)]), y


def measured(folder: Path, kind: str) -> dict[str, Any]:
    run = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(folder), kind], capture_output=True, text=True, check=False
    )
    if run.returncode:
        raise RuntimeError(run.stderr[-2000:])
    told: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return told


def shipped(kind: str, what: str, seconds: float, X: pd.DataFrame, y: Any, folder: Path) -> dict[str, Any]:
    from ostinato import PredictionEngine
    from ostinato.automl.index import suitable

    families = FAMILIES[what]
    keys = [e.key for e in suitable(kind, len(X), COLUMNS) if e.family in families]  # type: ignore[arg-type]
    engine = PredictionEngine(problem=kind, time_budget=seconds, random_state=0, algorithms=tuple(keys))
    engine.fit(X, y).save(folder / "saved")
    size = sum(file.stat().st_size for file in (folder / "saved").rglob("*") if file.is_file())
    return {"bytes": size, **measured(folder, kind)}


def beside(kind: str, X: pd.DataFrame, y: Any, folder: Path) -> dict[str, Any]:
    from catboost import CatBoostClassifier, CatBoostRegressor

    model = (CatBoostClassifier if kind == "binary" else CatBoostRegressor)(
        verbose=0, thread_count=2, random_seed=0, allow_writing_files=False
    )
    model.fit(X.to_numpy(), y).save_model(str(folder / "catboost.cbm"))
    return {"bytes": (folder / "catboost.cbm").stat().st_size, **measured(folder, "catboost")}


def row_of(name: str, told: dict[str, Any], peer: dict[str, Any], most_ms: float | None) -> tuple[list[str], bool]:
    """Cells of the table, each with its ratio to the bound where there is one."""
    worst = max(p99 for _, p99 in told["times"].values())
    theirs = max(p99 for _, p99 in peer["times"].values())
    good = [most_ms is None or worst <= most_ms]
    cells = [name]
    for key, scale in (("bytes", 1e6), ("model", MIB), ("process", MIB)):
        good.append(most_ms is None or told[key] <= BOUNDS[key])
        cells.append(f"{told[key] / scale:.2f}" + (f" ({told[key] / BOUNDS[key]:.2f})" if most_ms else ""))
    for form in ("numpy row", "dict"):
        p50, p99 = told["times"].get(form, (np.nan, np.nan))
        cells.append(f"{p50:.3f}, {p99:.3f}" + (f" ({p99 / most_ms:.2f})" if most_ms else ""))
    good.append(most_ms is None or told["rows_a_second"] >= BOUNDS["rows_a_second"])
    cells.append(f"{told['rows_a_second']:,.0f}" + (f" ({told['rows_a_second'] / 1e5:.2f})" if most_ms else ""))
    cells.append(f"{told.get('frame_rows_a_second', np.nan):,.0f}")
    cells += [f"{worst / theirs:.2f}", "said" if most_ms is None else "ok" if all(good) else "MISSED"]
    return cells, all(good)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rows", type=int, default=6_000)
    said = parser.parse_args()
    held = True
    table = Table(
        "model", "MB", "model MiB", "process MiB", "NumPy row p50, p99 ms", "dict p50, p99 ms", "rows/s", "rows/s of a frame",
        "p99 / CatBoost's", "", title="what a shipped model costs (figure / bound)",
    )  # fmt: skip
    for kind in ("binary", "regression"):
        X, y = data(kind, said.rows)
        rows = np.random.default_rng(1).normal(size=(BATCH, COLUMNS))
        with tempfile.TemporaryDirectory() as made:
            np.save(Path(made) / "rows.npy", rows)
            peer = beside(kind, X, y, Path(made))
        for what, most in MS.items():
            with tempfile.TemporaryDirectory() as made:
                np.save(Path(made) / "rows.npy", rows)
                told = shipped(kind, what, said.seconds, X, y, Path(made))
            cells, good = row_of(f"{kind}, {what}", told, peer, most)
            table.add_row(*cells)
            held &= good
        table.add_row(*row_of(f"{kind}, CatBoost", peer, peer, None)[0])
    Console(width=170).print(table)
    return int(not held)


if __name__ == "__main__":
    sys.exit(main())
