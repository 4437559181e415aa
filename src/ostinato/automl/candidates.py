"""What a search hands to an ensemble: fitted candidates as ONNX, their out-of-fold scores, and who was left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.automl.space import Value
from ostinato.core.errors import ArtefactError
from ostinato.core.files import read_json, replacing_folder, write_json
from ostinato.features.table import TableEncoder

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Candidate:
    """One fitted algorithm.

    `oof` holds its scores `(n, outputs)` for the training rows, each from folds that had not seen the row; rows that no
    fold held out are NaN.
    """

    rank: int
    key: str
    family: str
    params: Mapping[str, Value]
    seed: int
    score: float
    std: float
    oof: Array
    cost: tuple[float, float] = (0.0, 0.0)  # foreseen of one model: microseconds a row in a batch, bytes
    parts: tuple[bytes, ...] = ()  # ONNX models of the folds, which together are its bag
    whole: bytes | None = None  # the ONNX model that was fitted on all rows

    @property
    def folds(self) -> int:
        """Models of its bag; 0 or 1 where there is none."""
        return len(self.parts)

    def models(self, *, bag: bool) -> tuple[bytes, ...]:
        """What is shipped of it: its bag, or one model, of all rows where that is there; raises ArtefactError for neither."""
        if bag or self.whole is None:
            if not self.parts:
                raise ArtefactError(f"candidate {self.name} has no models; run the step search again")
            return self.parts if bag else self.parts[:1]
        return (self.whole,)

    @property
    def name(self) -> str:
        """A name that is unique among the candidates of a search.

        >>> Candidate(1, "ridge", "linear", {}, 7, 0.5, 0.1, np.zeros((1, 1))).name
        '01_ridge'
        """
        return f"{self.rank:02d}_{self.key}"

    def facts(self) -> dict[str, Any]:
        """Everything but the arrays."""
        return {
            "name": self.name,
            "rank": self.rank,
            "key": self.key,
            "family": self.family,
            "params": dict(self.params),
            "seed": self.seed,
            "score": self.score,
            "std": self.std,
            "cost": list(self.cost),
        }


@dataclass(frozen=True)
class Candidates:
    """The kept candidates of one problem, with the truth that their `oof` rows stand beside."""

    kind: str
    metric: str
    target: str
    inputs: tuple[str, ...]
    classes: tuple[Any, ...]  # empty for regression
    encoder: TableEncoder
    ids: tuple[str, ...]
    truth: NDArray[Any]  # codes of classes, or values
    kept: tuple[Candidate, ...]
    dropped: tuple[Mapping[str, str], ...]  # key and reason of candidates that could not be shipped

    def save(self, folder: Path) -> None:
        """Write the folder: index.json, truth.npy, and one folder a candidate."""
        with replacing_folder(folder) as part:
            index = {
                "kind": self.kind,
                "metric": self.metric,
                "target": self.target,
                "inputs": list(self.inputs),
                "classes": list(self.classes),
                "encoder": self.encoder.to_dict(),
                "ids": list(self.ids),
                "candidates": [each.facts() for each in self.kept],
                "dropped": [dict(each) for each in self.dropped],
            }
            write_json(part / "index.json", index)
            np.save(part / "truth.npy", self.truth, allow_pickle=False)
            for each in self.kept:
                own = part / each.name
                own.mkdir()
                if each.whole is not None:
                    (own / "model.onnx").write_bytes(each.whole)
                for fold, content in enumerate(each.parts):
                    (own / f"fold_{fold}.onnx").write_bytes(content)
                write_json(own / "candidate.json", each.facts())
                np.save(own / "oof.npy", each.oof, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Candidates:
        """Read what `save` wrote; raises ArtefactError where it is torn."""
        try:
            index = read_json(folder / "index.json")
            kept = tuple(_candidate(folder, facts) for facts in index["candidates"])
            encoder = TableEncoder.from_dict(index["encoder"])
            truth = np.load(folder / "truth.npy", allow_pickle=False)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArtefactError(
                f"{folder}: candidates are missing or torn ({error}); run the step search again"
            ) from error
        return cls(
            index["kind"],
            index["metric"],
            index["target"],
            tuple(index["inputs"]),
            tuple(index["classes"]),
            encoder,
            tuple(index["ids"]),
            truth,
            kept,
            tuple(index["dropped"]),
        )


def _candidate(folder: Path, facts: Mapping[str, Any]) -> Candidate:
    known = {name: facts[name] for name in ("rank", "key", "family", "params", "seed", "score", "std")}
    own = folder / f"{known['rank']:02d}_{known['key']}"
    whole = own / "model.onnx"
    return Candidate(
        **known,
        oof=np.load(own / "oof.npy", allow_pickle=False),
        cost=tuple(facts["cost"]),
        parts=tuple(part.read_bytes() for part in sorted(own.glob("fold_*.onnx"))),
        whole=whole.read_bytes() if whole.is_file() else None,
    )
