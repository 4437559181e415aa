"""Ostinato on one split: `python -m benchmarks._automl_ostinato fit|judge|serve JOB.json`, each in a process of its own.

`fit` searches and saves; `judge` loads what was saved and predicts the test rows; `serve` loads it again with nothing of pandas
from this side, and measures memory and single rows, given as a dict or a numpy row.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROUNDS, WARM = 2_000, 200
BATCH = 200_000


def _fit(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    import pandas as pd

    from ostinato import PredictionEngine

    train = pd.read_parquet(folder / "train.parquet")
    y = train.pop("target")
    beside: dict[str, Any] = {"groups": train.pop("group")} if "group" in train else {}
    if "moment" in train:
        beside["time"] = pd.factorize(train.pop("moment"), sort=True)[0]
    from ostinato.automl.portfolio import portfolio

    engine = PredictionEngine(
        problem=job["kind"],
        time_budget=job["budget"],
        n_jobs=job["cores"],
        random_state=job["seed"],
        portfolio=portfolio(job["kind"], without=job["table"]),  # a table has no part in how it is judged
    )
    began = time.perf_counter()
    engine.fit(train, y, **beside)
    fitted = time.perf_counter()
    engine.save(folder / "saved")
    size = sum(file.stat().st_size for file in (folder / "saved").rglob("*") if file.is_file())
    board = engine.leaderboard().head(10).to_dict("records")
    return {
        "fit_seconds": fitted - began,
        "save_seconds": time.perf_counter() - fitted,
        "bytes": size,
        "leaderboard": json.loads(json.dumps(board, default=str)),
    }


def _judge(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    import numpy as np
    import pandas as pd

    from ostinato import PredictionEngine

    engine = PredictionEngine.load(folder / "saved")
    X = pd.read_parquet(folder / "test.parquet").drop(columns=["target", "group", "moment"], errors="ignore")
    predict = engine.predict if job["kind"] == "regression" else engine.predict_proba
    guess = np.asarray(predict(X), dtype=np.float64)
    classes = [] if job["kind"] == "regression" else [str(label) for label in engine.classes_]
    if classes:
        guess = guess[:, np.argsort(classes)]
    np.save(folder / "predictions.npy", guess)
    many = pd.concat([X] * (BATCH // len(X) + 1), ignore_index=True).iloc[:BATCH]
    began = time.perf_counter()
    predict(many)
    return {"classes": sorted(classes), "rows_a_second": len(many) / (time.perf_counter() - began)}


def _resident() -> int:
    """Bytes of this process in memory now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def _forms(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    import numpy as np

    forms: dict[str, list[Any]] = {"dict": rows}
    if all(value is None or isinstance(value, int | float) for row in rows for value in row.values()):
        table = np.array([[np.nan if value is None else value for value in row.values()] for row in rows])
        forms |= {"numpy row": list(table), "numpy row of two dimensions": list(table[:, None, :])}
    return forms


def _timed(predict: Callable[[Any], Any], rows: list[Any]) -> dict[str, float]:
    import numpy as np

    for k in range(WARM):
        predict(rows[k % len(rows)])
    gc.collect()
    took = np.empty(ROUNDS)
    for k in range(ROUNDS):
        row = rows[k % len(rows)]
        began = time.perf_counter_ns()
        predict(row)
        took[k] = time.perf_counter_ns() - began
    return {"p50": float(np.percentile(took, 50)) / 1e6, "p99": float(np.percentile(took, 99)) / 1e6}


def _serve(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    rows = json.loads((folder / "rows.json").read_text())
    import numpy as np  # noqa: F401 - of the predict-only process, whatever it loads

    from ostinato import PredictionEngine

    before = _resident()
    engine = PredictionEngine.load(folder / "saved")
    loaded = _resident()
    predict = engine.predict if job["kind"] == "regression" else engine.predict_proba
    times, refused = {}, {}
    for form, given in _forms(rows).items():
        try:
            predict(given[0])
        except Exception as error:  # noqa: BLE001 - a form that this engine does not take
            refused[form] = f"{type(error).__name__}: {error}"[:200]
        else:
            times[form] = _timed(predict, given)
    best = min(times, key=lambda form: times[form]["p99"]) if times else None
    return {
        "rss_before": before,
        "rss_loaded": loaded,
        "rss_served": _resident(),
        "row_form": best,
        "row_forms": times,
        "row_refused": refused,
        "row_ms_p50": times[best]["p50"] if best else None,
        "row_ms_p99": times[best]["p99"] if best else None,
        "heavy": sorted({"pandas", "sklearn", "scipy", "optuna", "torch"} & set(sys.modules)),
    }


def main() -> int:
    what, path = sys.argv[1], Path(sys.argv[2])
    job = json.loads(path.read_text())
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: job["cores"]])
    told = {"fit": _fit, "judge": _judge, "serve": _serve}[what](job, path.parent)
    (path.parent / f"told-{what}.json").write_text(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
