"""The model artefact: a folder of ONNX and JSON that scores with NumPy and ONNX Runtime alone.

`artefact.json` names the classes, the inputs in their order and how they are read, and says of which members, with which weights,
`model.onnx` was put together: preparation, models, vote and temperature in one graph. Nothing in it is code, nothing is
unpickled, and what does not match its digests is refused. Format 1, in which each member had a file of its own, is still read.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ostinato.core.errors import ArtefactError, UsageError
from ostinato.core.files import replacing_folder, write_json
from ostinato.core.hashing import sha256_of_value
from ostinato.ensemble.temperature import tempered
from ostinato.features.table import TableEncoder

FORMAT = 2
MANIFEST = "artefact.json"
MODEL = "model.onnx"
_FILE = re.compile(r"model\.onnx|members/[A-Za-z0-9][A-Za-z0-9_.-]{0,120}\.onnx")
_NEEDED = ("kind", "target", "classes", "features", "inputs", "extract", "temperature", "members", "digest")
_BLOCK = 2_048  # rows that go through the graph at once
_CHUNK = 4_096  # rows that are read at once
_THREADS = 2

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Member:
    """One model of the vote, as it is spoken of."""

    name: str
    weight: float
    facts: Mapping[str, Any]  # algorithm, params, seed, score


class ModelArtefact:
    """A vote of models over a table's columns, as one graph.

    `predict_proba(X)` takes a DataFrame with the columns `features` (any order, others ignored), an array `(n, d)` in their
    order, one row as a dict, or a list of dicts; what is missing, infinite or was never seen is handled as in training.
    """

    def __init__(self, manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
        self.manifest: dict[str, Any] = dict(manifest)
        self._files = dict(files)
        self.classes: tuple[Any, ...] = tuple(manifest["classes"])
        self.features: tuple[str, ...] = tuple(manifest["features"])
        self.kind: str = manifest["kind"]
        self.digest: str = manifest["digest"]

    @classmethod
    def assembled(
        cls,
        model: bytes,
        members: Sequence[Member],
        *,
        kind: str,
        target: str,
        classes: tuple[Any, ...],
        encoder: TableEncoder,
        inputs: tuple[str, ...] = ("table",),
        extract: Mapping[str, Any] | None = None,
        temperature: float = 1.0,
        more: Mapping[str, Any] | None = None,
    ) -> Self:
        """A new artefact of a graph `model` from the encoder's columns to scores; `more` sections go into the manifest."""
        manifest: dict[str, Any] = {
            "format": FORMAT,
            "kind": kind,
            "target": target,
            "classes": list(classes),
            "features": list(encoder.names),
            "inputs": list(inputs),
            "extract": None if extract is None else dict(extract),
            "temperature": temperature,
            "encoder": encoder.to_dict(),
            "model": {"file": MODEL, "sha256": hashlib.sha256(model).hexdigest()},
            "members": [{"name": each.name, "weight": each.weight, **each.facts} for each in members],
            **(more or {}),
        }
        # through JSON, so that the digest is that of what a reader will see
        manifest = json.loads(json.dumps(manifest, allow_nan=False))
        return cls({**manifest, "digest": sha256_of_value(manifest)}, {MODEL: model})

    def save(self, folder: Path) -> None:
        """Write the folder, in one stroke."""
        with replacing_folder(Path(folder)) as part:
            for name, content in self._files.items():
                (part / name).parent.mkdir(exist_ok=True)
                (part / name).write_bytes(content)
            write_json(part / MANIFEST, self.manifest)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read and verify a folder; raises ArtefactError for one that is missing, torn, changed or of a newer format."""
        folder = Path(folder)
        manifest = _manifest(folder)
        told = [manifest["model"]] if "model" in manifest else manifest["members"]
        artefact = cls(manifest, {each["file"]: _file(folder, each) for each in told})
        _ = artefact.encoder, artefact._sessions
        return artefact

    @cached_property
    def _sizes(self) -> dict[str, int]:
        return {name: len(content) for name, content in self._files.items()}

    @property
    def bytes(self) -> int:
        """Size of the graph, in bytes."""
        return sum(self._sizes.values())

    @cached_property
    def encoder(self) -> TableEncoder:
        """How rows are read; raises ArtefactError where the manifest does not say it."""
        if self.manifest["format"] == 1:
            return TableEncoder.of_numbers(self.features)
        try:
            return TableEncoder.from_dict(self.manifest["encoder"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ArtefactError(f"{MANIFEST}: its encoder cannot be read ({error}); train the model again") from error

    @cached_property
    def _sessions(self) -> list[tuple[float, Any]]:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.enable_cpu_mem_arena = False  # an arena keeps what the largest batch once needed
        found = []
        weights = {each.get("file"): float(each["weight"]) for each in self.manifest["members"]}
        for name, content in self._files.items():
            try:
                session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
            except Exception as error:
                reason = " ".join(str(error).split())[:200]
                raise ArtefactError(f"{name}: ONNX Runtime cannot load it ({reason}); train the model again") from error
            found.append((weights.get(name, 1.0), session))
        return found

    def scores(self, X: Any) -> Array:
        """Probabilities `(n, n_classes)` (or of each label), or values `(n, 1)` of a regression."""
        if isinstance(X, Mapping) or len(X) <= _CHUNK:
            return self.scores_of(self.encoder.encode(X))
        # one thread reads rows, which is Python's work, while others run the graph, which is not
        chunks = [_rows(X, start, start + _CHUNK) for start in range(0, len(X), _CHUNK)]
        with ThreadPoolExecutor(_THREADS) as pool:
            try:
                running = [pool.submit(self._run, self.encoder.encode(chunk)) for chunk in chunks]
            except UsageError:
                self.encoder.encode(X)  # says the row of the whole table
                raise
            return np.concatenate([each.result() for each in running])

    def scores_of(self, matrix: NDArray[np.float32]) -> Array:
        """Scores of rows that are encoded already."""
        rows = len(matrix)
        if rows <= _BLOCK:
            return self._run(matrix)
        blocks = [matrix[start : start + _BLOCK] for start in range(0, rows, _BLOCK)]
        with ThreadPoolExecutor(_THREADS) as pool:
            return np.concatenate(list(pool.map(self._run, blocks)))

    def _run(self, matrix: NDArray[np.float32]) -> Array:
        if self.manifest["format"] > 1:
            found: Array = self._sessions[0][1].run(None, {"X": matrix})[0].astype(np.float64)
            return found
        total = sum(
            weight * session.run(["Y"], {"X": matrix})[0].astype(np.float64) for weight, session in self._sessions
        )
        votes = np.asarray(total, dtype=np.float64)
        return (
            tempered(votes / votes.sum(axis=1, keepdims=True), self.manifest["temperature"]) if self.classes else votes
        )

    def predict_proba(self, X: Any) -> Array:
        """Probabilities `(n, n_classes)` in the order of `classes`; raises UsageError for a regression."""
        if not self.classes:
            raise UsageError(
                f"the model of {self.manifest['target']!r} predicts a number and has no probabilities; use predict"
            )
        return self.scores(X)

    def predict(self, X: Any) -> NDArray[Any]:
        """The likeliest label, or the value, of each row `(n,)`; of several labels 0 and 1 `(n, L)`."""
        scores = self.scores(X)
        if self.kind == "multilabel":
            return (scores > 0.5).astype(np.int64)  # noqa: PLR2004
        return self._labels[scores.argmax(axis=1)] if self.classes else scores[:, 0]

    @cached_property
    def _labels(self) -> NDArray[Any]:
        return np.asarray(self.classes)


def _rows(X: Any, start: int, end: int) -> Any:
    return X.iloc[start:end] if hasattr(X, "iloc") else X[start:end]


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArtefactError(
            f"{path}: there is no such file, so {folder} holds no model; train one, or check the path"
        ) from None
    except (OSError, ValueError) as error:
        raise ArtefactError(f"{path}: torn or not JSON ({error}); fetch the artefact again") from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("format"), int):
        raise ArtefactError(f"{path}: not an artefact of this product, for it states no format")
    if manifest["format"] > FORMAT:
        raise ArtefactError(
            f"{path}: format {manifest['format']} is newer than the {FORMAT} that this version reads; update ostinato"
        )
    if missing := [name for name in _NEEDED if name not in manifest]:
        raise ArtefactError(f"{path}: torn, for it lacks {', '.join(missing)}; fetch the artefact again")
    said = {name: value for name, value in manifest.items() if name != "digest"}
    if (found := sha256_of_value(said)) != manifest["digest"]:
        raise ArtefactError(
            f"{path}: changed after it was written (digest {found[:12]}…, expected {str(manifest['digest'])[:12]}…); "
            "fetch the artefact again"
        )
    return manifest


def _file(folder: Path, facts: Mapping[str, Any]) -> bytes:
    name = facts.get("file")
    path = folder / str(name)
    # the resolved path finds links that lead out of the folder
    if not isinstance(name, str) or not _FILE.fullmatch(name) or not path.resolve().is_relative_to(folder.resolve()):
        raise ArtefactError(f"{folder}: the file {name!r} lies outside of it; the artefact is refused")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtefactError(f"{path}: a file is missing ({error.strerror}); fetch the artefact again") from error
    if hashlib.sha256(content).hexdigest() != facts.get("sha256"):
        raise ArtefactError(
            f"{path}: torn or changed, for its digest differs from the manifest's; fetch the artefact again"
        )
    return content
