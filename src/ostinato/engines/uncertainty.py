"""Conformal sets and intervals of an artefact, calibrated on the out-of-fold scores of its vote.

The fold models are not shipped apart, so the coverage is that of cross-validated scores beside one model: in practice near what
is asked for, without a theorem for it. Rows of a group count as one draw where there are groups.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.candidates import Candidates
from ostinato.core.errors import UsageError
from ostinato.engines.artefact import ModelArtefact
from ostinato.engines.assembly import Chosen
from ostinato.ensemble.conformal import ConformalClassifier, ConformalRegressor

_MOST_ROWS = 2_000  # of calibration; more would only make the artefact larger


def calibration_section(found: Candidates, picked: Chosen, groups: NDArray[Any] | None) -> dict[str, Any] | None:
    """The manifest's section of a vote; None for several labels, which have no sets."""
    if found.kind == "multilabel" or not len(picked.held):
        return None
    order = np.random.default_rng(0).permutation(len(picked.held))[:_MOST_ROWS]
    rows = picked.held[order]
    scores, truth = picked.scores[order], found.truth[rows]
    own = None if groups is None else np.unique(groups[rows].astype(str), return_inverse=True)[1]
    every = np.zeros(len(rows), dtype=np.int64)  # one fold: the scores are known to be out of fold
    if found.classes:
        conformal = ConformalClassifier().fit(scores, truth.astype(np.int64), groups=own, folds=every)
        return {"kind": "sets", "state": _rounded(conformal.to_dict())}
    ends = ConformalRegressor().fit(scores[:, 0], truth, groups=own, folds=every)
    return {"kind": "intervals", "state": _rounded(ends.to_dict())}


def sets(artefact: ModelArtefact, X: Any, coverage: float) -> NDArray[np.bool_]:
    """Which classes `(n, n_classes)` are in the set of each row; raises UsageError for a model without classes."""
    state = _state(artefact, "sets", "predict_interval")
    return ConformalClassifier.from_dict(state).sets(artefact.scores(X), _alpha(coverage))


def intervals(artefact: ModelArtefact, X: Any, coverage: float) -> NDArray[np.float64]:
    """Lower and upper ends `(n, 2)`; raises UsageError for a model of classes."""
    state = _state(artefact, "intervals", "predict_set")
    return ConformalRegressor.from_dict(state).intervals(artefact.scores(X)[:, 0], _alpha(coverage))


def _state(artefact: ModelArtefact, kind: str, other: str) -> dict[str, Any]:
    section = artefact.manifest.get("conformal")
    if not section:
        raise UsageError("this artefact carries no calibration for sets or intervals; train it again")
    if section["kind"] != kind:
        raise UsageError(f"the model of {artefact.manifest['target']!r} gives {section['kind']}; use {other}")
    state: dict[str, Any] = section["state"]
    return state


def _alpha(coverage: float) -> float:
    if not 0 < coverage < 1:
        raise UsageError(f"coverage={coverage!r}: expected a share above 0 and below 1")
    return 1 - coverage


def _rounded(value: Any) -> Any:
    """Floats to nine digits, so that the artefact stays small."""
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value
