"""The model artefact: a folder of ONNX and JSON that scores with NumPy and ONNX Runtime alone.

`artefact.json` names the classes, the inputs in their order, and the members with weights and digests; `members/` holds them.
Nothing in it is code, nothing is unpickled, and what does not match its digests is refused.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
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

FORMAT = 1
MANIFEST = "artefact.json"
_MEMBER = re.compile(r"members/[A-Za-z0-9][A-Za-z0-9_.-]{0,120}\.onnx")
_NEEDED = ("kind", "target", "classes", "features", "inputs", "extract", "temperature", "members", "digest")

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Member:
    """One model of the vote."""

    name: str
    weight: float
    onnx: bytes
    facts: Mapping[str, Any]  # what is said of it: algorithm, params, seed, score


class ModelArtefact:
    """A vote of ONNX models over named inputs.

    `predict_proba(X)` takes a DataFrame with the columns `features` (any order, others ignored) or an array `(n, d)` in
    their order; values that are not finite are filled with the medians of the training rows.
    """

    def __init__(self, manifest: Mapping[str, Any], members: Mapping[str, bytes]) -> None:
        self.manifest: dict[str, Any] = dict(manifest)
        self._members = dict(members)
        self.classes: tuple[Any, ...] = tuple(manifest["classes"])
        self.features: tuple[str, ...] = tuple(manifest["features"])
        self.kind: str = manifest["kind"]
        self.digest: str = manifest["digest"]

    @classmethod
    def assembled(
        cls,
        members: list[Member],
        *,
        kind: str,
        target: str,
        classes: tuple[Any, ...],
        features: tuple[str, ...],
        inputs: tuple[str, ...] = ("table",),
        extract: Mapping[str, Any] | None = None,
        temperature: float = 1.0,
    ) -> Self:
        """A new artefact; weights should sum to one."""
        content = {f"members/{each.name}.onnx": each.onnx for each in members}
        manifest: dict[str, Any] = {
            "format": FORMAT,
            "kind": kind,
            "target": target,
            "classes": list(classes),
            "features": list(features),
            "inputs": list(inputs),
            "extract": None if extract is None else dict(extract),
            "temperature": temperature,
            "members": [
                {
                    "file": f"members/{each.name}.onnx",
                    "sha256": hashlib.sha256(each.onnx).hexdigest(),
                    "weight": each.weight,
                    **each.facts,
                }
                for each in members
            ],
        }
        # through JSON, so that the digest is that of what a reader will see
        manifest = json.loads(json.dumps(manifest, allow_nan=False))
        return cls({**manifest, "digest": sha256_of_value(manifest)}, content)

    def save(self, folder: Path) -> None:
        """Write the folder, in one stroke."""
        with replacing_folder(Path(folder)) as part:
            (part / "members").mkdir()
            for name, content in self._members.items():
                (part / name).write_bytes(content)
            write_json(part / MANIFEST, self.manifest)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read and verify a folder; raises ArtefactError for one that is missing, torn, changed or of a newer format."""
        folder = Path(folder)
        manifest = _manifest(folder)
        members = {each["file"]: _member(folder, each) for each in manifest["members"]}
        artefact = cls(manifest, members)
        _ = artefact._sessions
        return artefact

    @property
    def bytes(self) -> int:
        """Size of the members, in bytes."""
        return sum(len(content) for content in self._members.values())

    @cached_property
    def _sessions(self) -> list[tuple[float, Any]]:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        found = []
        for each in self.manifest["members"]:
            try:
                session = onnxruntime.InferenceSession(
                    self._members[each["file"]], options, providers=["CPUExecutionProvider"]
                )
            except Exception as error:
                reason = " ".join(str(error).split())[:200]
                raise ArtefactError(
                    f"{each['file']}: ONNX Runtime cannot load it ({reason}); train the model again"
                ) from error
            found.append((float(each["weight"]), session))
        return found

    def scores(self, X: Any) -> Array:
        """Probabilities `(n, n_classes)`, or values `(n, 1)` of a regression."""
        matrix = self._matrix(X)
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
        """The likeliest label, or the value, of each row `(n,)`."""
        scores = self.scores(X)
        return np.asarray(self.classes)[scores.argmax(axis=1)] if self.classes else scores[:, 0]

    def _matrix(self, X: Any) -> NDArray[np.float32]:
        if hasattr(X, "columns"):
            there = set(X.columns)
            missing = [name for name in self.features if name not in there]
            if missing:
                shown = ", ".join(missing[:5]) + (" …" if len(missing) > 5 else "")  # noqa: PLR2004
                raise UsageError(
                    f"the table lacks {len(missing)} of the {len(self.features)} columns that the model reads: {shown}"
                )
            return np.ascontiguousarray(X.loc[:, list(self.features)].to_numpy(dtype=np.float32))
        matrix = np.ascontiguousarray(X, dtype=np.float32)
        if matrix.ndim != 2 or matrix.shape[1] != len(self.features):  # noqa: PLR2004
            raise UsageError(
                f"expected an array (n, {len(self.features)}) of the model's inputs, got shape {matrix.shape}"
            )
        return matrix


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


def _member(folder: Path, facts: Mapping[str, Any]) -> bytes:
    name = facts.get("file")
    path = folder / str(name)
    # the resolved path finds links that lead out of the folder
    if not isinstance(name, str) or not _MEMBER.fullmatch(name) or not path.resolve().is_relative_to(folder.resolve()):
        raise ArtefactError(f"{folder}: the member {name!r} lies outside of members/; the artefact is refused")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtefactError(f"{path}: a member is missing ({error.strerror}); fetch the artefact again") from error
    if hashlib.sha256(content).hexdigest() != facts.get("sha256"):
        raise ArtefactError(
            f"{path}: torn or changed, for its digest differs from the manifest's; fetch the artefact again"
        )
    return content
