"""One algorithm with its preparation, fitted: predictions with aligned classes, and the same as ONNX."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.entry import Entry, resolve
from ostinato.automl.export.graph import Graph
from ostinato.automl.preparation import PREFIX, Index, Matrix, Preparation, View
from ostinato.automl.space import Value
from ostinato.automl.target_encoding import MOST_OUTPUTS
from ostinato.core.errors import SearchError

Array = NDArray[np.float64]
Held = tuple[Matrix, NDArray[Any]]
TOLERANCE = 1e-4  # of a probability, or of a regression's values in units of the target's deviation


@dataclass(frozen=True)
class Fitted:
    """Estimators that were fitted behind their preparation: one, or for a multilabel problem one a label that varies."""

    entry: Entry
    preparation: Preparation
    estimators: tuple[Any, ...]
    outputs: int  # number of classes or labels, or 1
    multilabel: bool = False
    present: tuple[int, ...] = ()  # codes of the classes, or labels that varied, in training
    constant: tuple[float, ...] = ()  # per label its share, which those that did not vary keep
    centre: float = 0.0  # of a regression's target, which the estimator sees standardised
    spread: float = 1.0
    rounds: int | None = None  # that boosting kept; the mean over labels

    @property
    def estimator(self) -> Any:
        """The only estimator, or the first label's."""
        return self.estimators[0]

    @classmethod
    def fit(
        cls,
        entry: Entry,
        params: Mapping[str, Value],
        seed: int,
        X: Matrix,
        y: NDArray[Any],
        outputs: int,
        *,
        levels: Index | None = None,
        held: Held | None = None,
        seconds: float | None = None,
        scale: tuple[float, float] | None = None,
    ) -> Fitted:
        """Fit on `X (n, d)` float32 and `y`: codes `(n,)`, values `(n,)` where `outputs` is 1, or 0 and 1 `(n, outputs)`.

        `levels (d,)` says how many levels a categorical column has, 0 for a number. An algorithm that can stop early does so on
        the rows `held`, or when `seconds` are over. `scale` is the centre and spread by which a regression's target is
        standardised, its own ones where none are given.
        """
        view = View.of(params, scaled=entry.scaled, missing=entry.missing)
        multilabel = y.ndim == 2  # noqa: PLR2004
        told = None if outputs > MOST_OUTPUTS else y
        preparation, rows = Preparation.learnt(X, view=view, levels=levels, y=told, outputs=outputs, seed=seed)
        checked = None if held is None else preparation.apply(held[0])
        own = {name: value for name, value in params.items() if not name.startswith(PREFIX)}

        rounds: list[int] = []

        def one(target: NDArray[Any], judged: NDArray[Any] | None) -> Any:
            estimator = entry.build(own, seed)
            if entry.fit is None:
                estimator.fit(rows, target)
            else:
                there = None if judged is None or checked is None else (checked, judged)
                rounds.append(resolve(entry.fit)(estimator, rows, target, there, seconds))
            return estimator

        if multilabel:
            shares = y.mean(axis=0)
            varied = [label for label in range(outputs) if 0 < shares[label] < 1]
            found = [one(y[:, i].astype(np.int64), None if held is None else held[1][:, i]) for i in varied]
            constant = tuple(map(float, shares.tolist()))
            return cls(entry, preparation, tuple(found), outputs, True, tuple(varied), constant, rounds=_mean(rounds))
        if outputs > 1:
            # some algorithms want codes without gaps, and a fold may lack a class
            present, codes = np.unique(y, return_inverse=True)
            if held is not None:
                seen = np.isin(held[1], present)
                checked = None if checked is None or not seen.any() else checked[seen]
            judged = None if held is None else np.searchsorted(present, held[1][np.isin(held[1], present)])
            fitted = one(codes, judged)
            return cls(entry, preparation, (fitted,), outputs, False, tuple(present.tolist()), rounds=_mean(rounds))
        centre, spread = scale or (float(np.mean(y)), float(np.std(y)) or 1.0)
        fitted = one((y - centre) / spread, None if held is None else (held[1] - centre) / spread)
        return cls(entry, preparation, (fitted,), outputs, centre=centre, spread=spread, rounds=_mean(rounds))

    def scores(self, X: Matrix) -> Array:
        """Probabilities of classes `(n, k)`, zero for those that were not in training, of labels `(n, L)`, or values `(n, 1)`."""
        prepared = self.preparation.apply(X)
        if self.multilabel:
            found = np.tile(np.asarray(self.constant), (len(X), 1))
            for label, estimator in zip(self.present, self.estimators, strict=True):
                found[:, label] = estimator.predict_proba(prepared)[:, 1]
            return found
        if self.outputs == 1:
            values = np.asarray(self.estimator.predict(prepared), dtype=np.float64).reshape(-1, 1)
            scaled: Array = values * self.spread + self.centre
            return scaled
        aligned = np.zeros((len(X), self.outputs))
        aligned[:, list(self.present)] = self.estimator.predict_proba(prepared)
        return aligned

    def to_onnx(self, columns: int) -> bytes:
        """Preparation and estimator as one ONNX model; a class that training lacked has probability zero there too."""
        graph = Graph()
        x = self.preparation.write(graph, "X")
        return graph.model(self._written(graph, x), columns, self.outputs)

    def _written(self, graph: Graph, x: str) -> str:
        export = resolve(self.entry.export)
        if self.multilabel:
            return self._labels(graph, x, export)
        scores: str = export(graph, x, self.estimator)
        if self.outputs == 1:
            scaled = graph.op("Mul", graph.cast(scores, np.float64), graph.constant([self.spread]))
            return graph.op("Add", scaled, graph.constant([self.centre]))
        if len(self.present) < self.outputs:
            placed = np.zeros((len(self.present), self.outputs))
            placed[np.arange(len(self.present)), list(self.present)] = 1.0
            return graph.op("MatMul", graph.cast(scores, np.float64), graph.constant(placed))
        return scores

    def _labels(self, graph: Graph, x: str, export: Any) -> str:
        if not self.estimators:
            zero = graph.op(
                "Mul", graph.cast(graph.gather(x, np.zeros(1, np.int64)), np.float64), graph.constant([0.0])
            )
            safe = graph.op("Where", graph.op("IsNaN", zero), graph.constant([0.0]), zero)
            return graph.op("Add", safe, graph.constant([self.constant]))
        second = np.array([1], dtype=np.int64)
        parts = [
            graph.cast(graph.gather(export(graph, x, estimator), second), np.float64) for estimator in self.estimators
        ]
        found = parts[0] if len(parts) == 1 else graph.op("Concat", *parts, axis=1)
        placed = np.zeros((len(self.present), self.outputs))
        placed[np.arange(len(self.present)), list(self.present)] = 1.0
        rest = np.array(self.constant)
        rest[list(self.present)] = 0.0
        return graph.affine(found, placed, rest)

    def exported(self, X: Matrix) -> bytes:
        """The ONNX model, proven to score `X` as the estimator does; raises SearchError where it does not."""
        content = self.to_onnx(X.shape[1])
        ours, theirs = run_onnx(content, X), self.scores(X)
        scale = 1.0 if self.outputs > 1 or self.multilabel else self.spread
        worst = float(np.abs(ours - theirs).max() / scale)
        if not worst <= TOLERANCE:
            raise SearchError(
                f"{self.entry.key}: its ONNX form differs from the fitted model by {worst:.2g} "
                f"(at most {TOLERANCE:g} is allowed); the candidate is left out"
            )
        return content


def _mean(rounds: list[int]) -> int | None:
    return max(1, round(sum(rounds) / len(rounds))) if rounds else None


def session_of(content: bytes) -> Any:
    """An ONNX model ready to run, on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def run_onnx(content: bytes, X: Matrix) -> Array:
    """Scores `(n, outputs)` of an ONNX model, on one thread."""
    scores: Array = session_of(content).run(["Y"], {"X": X})[0].astype(np.float64)
    return scores
