"""The merged graph held against its members: what is shipped scores as they do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.candidates import Candidates
from ostinato.automl.export.merge import fuses
from ostinato.automl.fitting import run_onnx
from ostinato.core.errors import ArtefactError
from ostinato.engines.artefact import ModelArtefact
from ostinato.engines.assembly import Chosen
from ostinato.ensemble.temperature import tempered

Array = NDArray[np.float64]
_ROWS = 300
_TOLERANCE = 2e-4  # of a probability, or of a value in units of the members' deviation


def proven(artefact: ModelArtefact, found: Candidates, picked: Chosen, matrix: NDArray[np.float32]) -> float:
    """The largest difference between the artefact and its members on some rows; raises ArtefactError where it is too large."""
    rows = matrix[:: max(1, len(matrix) // _ROWS)][:_ROWS]
    total = np.zeros((len(rows), max(1, len(found.classes))))
    for each, weight, bag in zip(found.kept, picked.vote.weights, picked.bagged, strict=True):
        if weight > 0:
            total += weight * _bag(each.models(bag=bag), rows, classes=bool(found.classes))
    if found.classes and found.kind != "multilabel":
        total = tempered(total / total.sum(axis=1, keepdims=True), picked.temperature)
    ours = artefact.scores_of(rows)
    scale = 1.0 if found.classes else max(float(total.std()), 1e-12)
    worst = float(np.abs(ours - total).max() / scale)
    if not worst <= _TOLERANCE:
        raise ArtefactError(
            f"the merged model differs from its members by {worst:.2g} (at most {_TOLERANCE:g} is allowed); "
            "report this, and leave out one of the algorithms meanwhile"
        )
    return worst


def _bag(models: tuple[bytes, ...], rows: NDArray[np.float32], *, classes: bool) -> Array:
    scores = np.stack([run_onnx(model, rows) for model in models])
    if classes and len(models) > 1 and fuses(models):
        # margins were averaged: of probabilities that is their geometric mean
        logs = np.log(np.clip(scores, 1e-300, None)).mean(axis=0)
        powers = np.exp(logs - logs.max(axis=1, keepdims=True))
        geometric: Array = powers / powers.sum(axis=1, keepdims=True)
        return geometric
    mean: Array = scores.mean(axis=0)
    return mean
