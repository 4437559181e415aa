"""One algorithm with its preparation, fitted: predictions with aligned classes, and the same as ONNX."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.entry import Entry, resolve
from ostinato.automl.export.graph import Graph
from ostinato.automl.preparation import Matrix, Preparation
from ostinato.automl.space import Value
from ostinato.core.errors import SearchError

Array = NDArray[np.float64]
TOLERANCE = 1e-4  # of a probability, or of a regression's values in units of the target's deviation


@dataclass(frozen=True)
class Fitted:
    """An estimator that was fitted behind its preparation."""

    entry: Entry
    preparation: Preparation
    estimator: Any
    outputs: int  # number of classes, or 1
    present: tuple[int, ...] = ()  # codes of the classes that were in training
    centre: float = 0.0  # of a regression's target, which the estimator sees standardised
    spread: float = 1.0

    @classmethod
    def fit(
        cls, entry: Entry, params: Mapping[str, Value], seed: int, X: Matrix, y: NDArray[Any], outputs: int
    ) -> Fitted:
        """Fit on `X (n, d)` float32 and `y (n,)`: codes below `outputs`, or values where `outputs` is 1."""
        preparation = Preparation.learnt(X, scaled=entry.scaled)
        estimator = entry.build(params, seed)
        if outputs > 1:
            # some algorithms want codes without gaps, and a fold may lack a class
            present, codes = np.unique(y, return_inverse=True)
            estimator.fit(preparation.apply(X), codes)
            return cls(entry, preparation, estimator, outputs, tuple(present.tolist()))
        centre, spread = float(np.mean(y)), float(np.std(y)) or 1.0
        estimator.fit(preparation.apply(X), (y - centre) / spread)
        return cls(entry, preparation, estimator, outputs, (), centre, spread)

    def scores(self, X: Matrix) -> Array:
        """Probabilities `(n, n_classes)`, zero for classes that were not in training, or values `(n, 1)`."""
        prepared = self.preparation.apply(X)
        if self.outputs == 1:
            values = np.asarray(self.estimator.predict(prepared), dtype=np.float64).reshape(-1, 1)
            scaled: Array = values * self.spread + self.centre
            return scaled
        aligned = np.zeros((len(X), self.outputs))
        aligned[:, list(self.present)] = self.estimator.predict_proba(prepared)
        return aligned

    def to_onnx(self, columns: int) -> bytes:
        """Preparation and estimator as one ONNX model; raises SearchError where training lacked a class."""
        if self.outputs > 1 and len(self.present) < self.outputs:
            raise SearchError(f"{self.entry.key}: only {len(self.present)} of {self.outputs} classes were in training")
        graph = Graph()
        scores = resolve(self.entry.export)(graph, self.preparation.write(graph, "X"), self.estimator)
        if self.outputs == 1:
            wide = graph.cast(scores, np.float64)
            scaled = graph.op("Mul", wide, graph.constant([self.spread]))
            scores = graph.op("Add", scaled, graph.constant([self.centre]))
        return graph.model(scores, columns, self.outputs)

    def exported(self, X: Matrix) -> bytes:
        """The ONNX model, proven to score `X` as the estimator does; raises SearchError where it does not."""
        content = self.to_onnx(X.shape[1])
        ours, theirs = run_onnx(content, X), self.scores(X)
        scale = 1.0 if self.outputs > 1 else max(float(theirs.std()), 1e-12)
        worst = float(np.abs(ours - theirs).max() / scale)
        if not worst <= TOLERANCE:
            raise SearchError(
                f"{self.entry.key}: its ONNX form differs from the fitted model by {worst:.2g} "
                f"(at most {TOLERANCE:g} is allowed); the candidate is left out"
            )
        return content


def run_onnx(content: bytes, X: Matrix) -> Array:
    """Scores `(n, outputs)` of an ONNX model, on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    scores: Array = session.run(["Y"], {"X": X})[0].astype(np.float64)
    return scores
