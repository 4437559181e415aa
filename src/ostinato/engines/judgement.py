"""A model judged on rows it has never seen: figures beside a dummy's, intervals over groups, slices, and gates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.metrics import METRICS, Metric, calibration_error
from ostinato.core.params import EvaluateParams, Task

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
DIGITS = 6
FEWEST_IN_SLICE = 5
_CLASSIFICATION = ("log_loss", "accuracy", "macro_f1", "roc_auc")
_REGRESSION = ("rmse", "mae")


@dataclass(frozen=True)
class Judged:
    """What there is to judge: codes or values `truth (n,)`, `scores (n, outputs)`, the groups of rows, and the dummy's scores."""

    truth: NDArray[Any]
    scores: Array
    dummy: Array
    groups: NDArray[Any]
    names: tuple[str, ...]  # of classes; empty for regression


def dummy_scores(task: Task, training: NDArray[Any], outputs: int, rows: int) -> Array:
    """Scores of a model that looks at nothing: the shares of the training labels, or the training mean (median for mae)."""
    if task.kind == "regression":
        value = np.median(training) if task.metric == "mae" else np.mean(training)
        return np.full((rows, 1), float(value))
    shares = np.bincount(training, minlength=outputs) / len(training)
    return np.tile(shares, (rows, 1))


def figures(task: Task, truth: NDArray[Any], scores: Array) -> dict[str, float]:
    """Every metric of the problem's kind; classification with its expected calibration error."""
    names = _REGRESSION if task.kind == "regression" else _CLASSIFICATION
    found = {name: round(METRICS[name].of(truth, scores), DIGITS) for name in names}
    if task.kind != "regression":
        found["calibration_error"] = round(calibration_error(truth, scores), DIGITS)
    return found


def judge(task: Task, params: EvaluateParams, seen: Judged, tracks: pd.DataFrame) -> dict[str, Any]:
    """All that evaluation.json says of the test fold, but for the protocol."""
    metric = METRICS[task.metric]
    test, dummy = figures(task, seen.truth, seen.scores), figures(task, seen.truth, seen.dummy)
    slices = {column: _slice(task, metric, seen, tracks, column) for column in params.slices}
    return {
        "kind": task.kind,
        "metric": task.metric,
        "rows": len(seen.truth),
        "groups": len(np.unique(seen.groups.astype(str))),
        "test": test,
        "dummy": dummy,
        "gain_over_dummy": round(metric.gain(test[task.metric], dummy[task.metric]), DIGITS),
        "intervals": intervals(task, params, seen),
        "per_class": _per_class(seen),
        "slices": slices,
        "gates": gates(task, params, test, dummy),
    }


def intervals(task: Task, params: EvaluateParams, seen: Judged) -> dict[str, Any]:
    """Percentile bootstrap over whole groups, for rows of one group are not independent."""
    if params.bootstrap == 0:
        return {}
    _, place = np.unique(seen.groups.astype(str), return_inverse=True)
    members = [np.flatnonzero(place == group) for group in range(place.max() + 1)]
    rng = np.random.default_rng(params.seed)
    drawn: list[dict[str, float]] = []
    for _ in range(params.bootstrap):
        rows = np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
        drawn.append(figures(task, seen.truth[rows], seen.scores[rows]))
    tail = (1 - params.confidence) / 2
    found = {}
    for name in drawn[0]:
        low, high = np.quantile([each[name] for each in drawn], [tail, 1 - tail])
        found[name] = {"low": round(float(low), DIGITS), "high": round(float(high), DIGITS)}
    return {"confidence": params.confidence, "resamples": params.bootstrap, "over_groups": len(members), **found}


def gates(task: Task, params: EvaluateParams, test: dict[str, float], dummy: dict[str, float]) -> dict[str, Any]:
    """Verdicts with measured value and bound. They decide nothing here: a failed one keeps a version from approval."""
    metric = METRICS[task.metric]
    gain = round(metric.gain(test[task.metric], dummy[task.metric]), DIGITS)
    bound = params.gates.better_than_dummy
    found = {
        "better_than_dummy": {
            "says": f"{task.metric} is better than a dummy's by at least the bound",
            "measured": gain,
            "bound": bound,
            "passed": gain >= bound,
        }
    }
    limit = params.gates.max_calibration_error
    if limit is not None and task.kind != "regression":
        found["max_calibration_error"] = {
            "says": "the expected calibration error is at most the bound",
            "measured": test["calibration_error"],
            "bound": limit,
            "passed": test["calibration_error"] <= limit,
        }
    return found


def _slice(task: Task, metric: Metric, seen: Judged, tracks: pd.DataFrame, column: str) -> dict[str, Any]:
    if column not in tracks.columns:
        return {"skipped": f"the tracks have no column {column!r}"}
    values = tracks[column].astype(object).where(tracks[column].notna(), "(none)").astype(str).to_numpy()
    found: dict[str, Any] = {}
    few = 0
    for value in sorted(set(values.tolist())):
        rows = np.flatnonzero(values == value)
        if len(rows) < FEWEST_IN_SLICE:
            few += 1
            continue
        own: dict[str, float] = {"rows": len(rows)}
        own[task.metric] = round(metric.of(seen.truth[rows], seen.scores[rows]), DIGITS)
        if seen.names:
            own["accuracy"] = round(METRICS["accuracy"].of(seen.truth[rows], seen.scores[rows]), DIGITS)
        found[value] = own
    spread: Sequence[float] = [own[task.metric] for own in found.values()]
    return {
        "values": found,
        "too_few_rows": few,
        "widest_gap": round(max(spread) - min(spread), DIGITS) if spread else 0.0,
    }


def _per_class(seen: Judged) -> dict[str, Any]:
    guess = seen.scores.argmax(axis=1)
    found = {}
    for code, name in enumerate(seen.names):
        own, said = seen.truth == code, guess == code
        hit = int((own & said).sum())
        found[str(name)] = {
            "rows": int(own.sum()),
            "recall": round(hit / int(own.sum()), DIGITS) if own.any() else None,
            "precision": round(hit / int(said.sum()), DIGITS) if said.any() else None,
        }
    return found
