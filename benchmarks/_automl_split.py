"""One split of a table for all systems, and the metric by which all are judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit, StratifiedShuffleSplit

from benchmarks._automl_tables import BenchTable, Loaded

TEST = 0.25


def parts(table: BenchTable, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training and test rows with the columns `target`, and `group` or `moment` where the table has them."""
    loaded = table.load()
    rows = loaded.X.assign(target=loaded.y)
    if loaded.groups is not None:
        rows["group"] = loaded.groups
    if loaded.moments is not None:
        rows["moment"] = loaded.moments
    train, test = indices(loaded, table.kind == "regression", seed)
    return rows.iloc[train].reset_index(drop=True), rows.iloc[test].reset_index(drop=True)


def indices(loaded: Loaded, regression: bool, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers: the latest quarter as the test where rows are ordered, whole groups, else stratified by label."""
    rows = np.arange(len(loaded.y))
    if loaded.moments is not None:
        moments = loaded.moments.to_numpy()
        cut = moments[round((1 - TEST) * len(rows))]  # the rows of one moment stay together, in the test
        return rows[moments < cut], rows[moments >= cut]
    splitter = (
        GroupShuffleSplit if loaded.groups is not None else ShuffleSplit if regression else StratifiedShuffleSplit
    )
    train, test = next(splitter(1, test_size=TEST, random_state=seed).split(rows, loaded.y, loaded.groups))
    return train, test


def write(table: BenchTable, seed: int, folder: Path) -> dict[str, int]:
    """Write `train.parquet` and `test.parquet`; returns their sizes."""
    train, test = parts(table, seed)
    train.to_parquet(folder / "train.parquet")
    test.to_parquet(folder / "test.parquet")
    columns = len(train.columns.difference(["target", "group", "moment"]))
    return {"train_rows": len(train), "test_rows": len(test), "columns": columns}


def error(truth: pd.Series, guess: np.ndarray, classes: list[str], spread: float) -> float:
    """Log loss of probabilities `(n, n_classes)`, or RMSE of values `(n,)` over `spread`, the training target's deviation."""
    if not classes:
        return float(np.sqrt(np.mean((truth.to_numpy(dtype=np.float64) - guess.ravel()) ** 2)) / spread)
    sums = guess.sum(axis=1, keepdims=True)
    chances = np.clip(guess / np.where(sums > 0, sums, 1), 1e-15, 1)
    place = {label: k for k, label in enumerate(classes)}
    codes = truth.astype(str).map(place)
    known = codes.notna().to_numpy()
    chosen = np.full(len(truth), 1e-15)  # a label that training never saw
    chosen[known] = chances[known, codes[known].astype(int)]
    return float(-np.log(chosen).mean())


def dummy(train: pd.Series, truth: pd.Series, kind: str) -> float:
    """The error of who knows the training target alone: its mean, or its shares."""
    if kind == "regression":
        return error(truth, np.full(len(truth), train.mean()), [], float(train.std()))
    shares = train.astype(str).value_counts(normalize=True).sort_index()
    return error(truth, np.tile(shares.to_numpy(), (len(truth), 1)), list(shares.index), 1.0)
