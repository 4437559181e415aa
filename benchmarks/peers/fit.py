"""Fit one peer on one split, in the peers' environment: `python fit.py JOB.json`, where the job says who, on what, how long.

Reads `train.parquet` and `test.parquet` of the job's folder (the column `target`, and `group` where rows belong together), writes
`predictions.npy` (probabilities `(n, n_classes)` in sorted order of the labels, or values `(n,)`) and `told.json` with seconds,
bytes and milliseconds a row. The one that asked computes the metric, for all systems alike.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

FOLDS = 8  # AutoGluon's own number of folds
Fitted = tuple[Callable[[pd.DataFrame], Any], list[str], Callable[[], int]]


def _autogluon(preset: str, job: dict[str, Any], train: pd.DataFrame, groups: pd.Series | None) -> Fitted:
    from autogluon.tabular import TabularPredictor

    grouped = groups is not None and preset != "medium_quality"  # without bagging it knows no groups
    if groups is not None and grouped:
        codes = pd.factorize(groups)[0]
        train = train.assign(group=np.random.default_rng(job["seed"]).permutation(codes.max() + 1)[codes] % FOLDS)
    folder = Path(job["folder"]) / "autogluon"
    predictor = TabularPredictor(
        "target",
        problem_type=job["kind"],
        eval_metric="rmse" if job["kind"] == "regression" else "log_loss",
        path=str(folder),
        verbosity=job.get("verbosity", 1),
        groups="group" if grouped else None,
    )
    predictor.fit(train, time_limit=job["budget"], presets=preset, num_cpus=job["cores"], num_gpus=0)
    classes = [] if job["kind"] == "regression" else [str(label) for label in predictor.class_labels]

    def size() -> int:
        """What a user would ship: the copy that AutoGluon makes for deployment."""
        copy = predictor.clone_for_deployment(str(folder) + "-copy")
        return sum(file.stat().st_size for file in Path(copy).rglob("*") if file.is_file())

    job["models"] = predictor.model_names()
    job["best"] = predictor.model_best
    predictor.persist()
    predict = predictor.predict if job["kind"] == "regression" else predictor.predict_proba
    return lambda X: predict(X).to_numpy(), classes, size


def _flaml(job: dict[str, Any], train: pd.DataFrame, groups: pd.Series | None) -> Fitted:
    from flaml import AutoML

    model = AutoML()
    split = {} if groups is None else {"split_type": "group", "groups": pd.factorize(groups)[0]}
    model.fit(
        X_train=train.drop(columns="target"),
        y_train=train["target"],
        task="regression" if job["kind"] == "regression" else "classification",
        metric="rmse" if job["kind"] == "regression" else "log_loss",
        time_budget=job["budget"],
        n_jobs=job["cores"],
        seed=job["seed"],
        verbose=0,
        **split,
    )
    job["best"] = model.best_estimator
    predict = model.predict if job["kind"] == "regression" else model.predict_proba
    return (
        predict,
        [] if job["kind"] == "regression" else [str(c) for c in model.classes_],
        lambda: len(pickle.dumps(model)),
    )


def _catboost(job: dict[str, Any], train: pd.DataFrame, groups: pd.Series | None) -> Fitted:
    from catboost import CatBoostClassifier, CatBoostRegressor

    del groups  # fits once, validates nothing
    X, y = train.drop(columns="target"), train["target"]
    words = [name for name in X if not pd.api.types.is_numeric_dtype(X[name])]
    losses = {"binary": "Logloss", "multiclass": "MultiClass", "regression": "RMSE"}
    kind = CatBoostRegressor if job["kind"] == "regression" else CatBoostClassifier
    model = kind(
        loss_function=losses[job["kind"]],
        cat_features=words,
        thread_count=job["cores"],
        random_seed=job["seed"],
        verbose=False,
        allow_writing_files=False,
    )

    def ready(X: pd.DataFrame) -> pd.DataFrame:
        X = X.copy()
        for name in words:
            X[name] = X[name].fillna("").astype(str)
        return X

    model.fit(ready(X), y)
    file = Path(job["folder"]) / "model.cbm"
    model.save_model(str(file))
    predict = model.predict if job["kind"] == "regression" else model.predict_proba
    classes = [] if job["kind"] == "regression" else [str(label) for label in model.classes_]
    return lambda X: predict(ready(X)), classes, lambda: file.stat().st_size


def fitted(job: dict[str, Any], train: pd.DataFrame, groups: pd.Series | None) -> Fitted:
    """The fitted system as what predicts, its labels, and what counts its bytes."""
    system = job["system"]
    if system.startswith("autogluon-"):
        return _autogluon(f"{system.removeprefix('autogluon-')}_quality", job, train, groups)
    return {"flaml": _flaml, "catboost": _catboost}[system](job, train, groups)


def _row_ms(predict: Callable[[pd.DataFrame], Any], X: pd.DataFrame) -> dict[str, float]:
    times, until = [], time.perf_counter() + 3
    while len(times) < 5 or (len(times) < 200 and time.perf_counter() < until):
        row = X.iloc[[len(times) % len(X)]]
        began = time.perf_counter()
        predict(row)
        times.append((time.perf_counter() - began) * 1e3)
    return {"row_ms_p50": float(np.median(times)), "row_ms_p99": float(np.percentile(times, 99))}


def main() -> int:
    path = Path(sys.argv[1])
    job = json.loads(path.read_text())
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: job["cores"]])
    warnings.filterwarnings("ignore")
    train, test = (pd.read_parquet(path.parent / f"{part}.parquet") for part in ("train", "test"))
    groups = train.pop("group") if "group" in train else None
    train = train.drop(columns="moment", errors="ignore")
    X = test.drop(columns=["target", "group", "moment"], errors="ignore")
    np.random.seed(job["seed"])  # AutoGluon takes no seed of its own
    began = time.perf_counter()
    predict, classes, size = fitted(job, train, groups)
    seconds = time.perf_counter() - began
    began = time.perf_counter()
    guess = np.asarray(predict(X), dtype=np.float64)
    batch = len(X) / (time.perf_counter() - began)
    if classes:
        guess = guess[:, np.argsort(classes)]
    np.save(path.parent / "predictions.npy", guess)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    told = {
        "classes": sorted(classes),
        "fit_seconds": seconds,
        "rows_a_second": batch,
        "bytes": size(),
        "peak_bytes": peak,
        "best": job.get("best"),
        "models": job.get("models"),
        **_row_ms(predict, X),
    }
    (path.parent / "told.json").write_text(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
