"""Predict with a registered model: files or a folder in, labels with probabilities, model digest and prediction ids out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ostinato.audio.extractor import AudioFeatureExtractor
from ostinato.catalog.describe import TABLE_SUFFIXES
from ostinato.catalog.folder import SUFFIXES
from ostinato.catalog.table import read_frame, with_keys
from ostinato.core.errors import SourceError, UsageError
from ostinato.core.files import write_table
from ostinato.core.hashing import sha256_of_file, sha256_of_value
from ostinato.engines.artefact import ModelArtefact
from ostinato.engines.pyfunc import answers
from ostinato.preprocess.columns import TEXT
from ostinato.preprocess.types import typed
from ostinato.registry.lineage import Prediction, new_id, remember_predictions, scored_by
from ostinato.registry.versions import ModelVersion, fetch, find
from ostinato.tenancy.workspace import Workspace


@dataclass(frozen=True)
class Scored:
    """Answers for a set of files, or for the rows of a table.

    `table` has a row a file that could be heard: path, predicted, confidence, p_<class>…, model, version, digest,
    prediction_id. `failures` maps the other files to why. `features` are the vectors behind the table, by path. Rows of a
    table are called by their key instead of a path.
    """

    version: ModelVersion
    table: pd.DataFrame
    failures: dict[str, str]
    features: pd.DataFrame


def score_files(model: str, files: Sequence[Path], which: str | None = None) -> Scored:
    """Score audio files with a model's champion (or challenger, or the version `which`); raises RegistryError, ArtefactError."""
    workspace, version, artefact = _opened(model, which)
    if "table" in artefact.manifest["inputs"]:
        raise UsageError(f"{version.title} reads a table, not only audio: ostinato score {model} TABLE.csv OUT.parquet")
    heard = artefact.manifest["extract"]
    extractor = AudioFeatureExtractor(
        preset=heard["preset"],
        sr=heard["sr"],
        n_fft=heard["n_fft"],
        hop_length=heard["hop_length"],
        seconds=heard["seconds"],
    )
    features = extractor.transform([str(file) for file in files])
    failures = {str(path): reason for path, reason in extractor.failures_.items()}
    table = answers(artefact, features).reset_index(names="path") if len(features) else pd.DataFrame({"path": []})
    table = _named(table, version)
    if len(table):
        paths = [str(Path(path).absolute()) for path in table["path"]]
        hashes = [sha256_of_file(Path(path)) for path in table["path"]]
        remember_predictions(workspace.state / "lineage.db", _memories(table, paths, hashes))
    return Scored(version, table, failures, features)


def score_table(model: str, source: Path, which: str | None = None) -> Scored:
    """Score the rows of a CSV or Parquet table with a model that learnt from a table.

    The rows are typed as `prepare` types them, and called by the column `track_id` or their number. Raises UsageError where
    columns that the model reads are missing, SourceError where the file is no table.
    """
    workspace, version, artefact = _opened(model, which)
    if "audio" in artefact.manifest["inputs"]:
        raise UsageError(f"{version.title} listens to audio: give it a folder of audio instead of {source}")
    frame = with_keys(read_frame(source), None, source)
    rows = typed(frame, TEXT)
    table = answers(artefact, rows)
    table.insert(0, "track_id", frame["track_id"].to_numpy())
    table = _named(table, version)
    read = rows[list(artefact.features)].astype(str).to_dict("records")
    hashes = [sha256_of_value(row) for row in read]
    paths = [f"{source.absolute()}#{key}" for key in table["track_id"]]
    remember_predictions(workspace.state / "lineage.db", _memories(table, paths, hashes))
    return Scored(version, table, {}, rows)


def _opened(model: str, which: str | None) -> tuple[Workspace, ModelVersion, ModelArtefact]:
    workspace, _ = Workspace.of_model(model)
    version = find(model, workspace.home, which)
    artefact = ModelArtefact.load(fetch(version, workspace.home))
    if artefact.digest != version.digest:
        raise _changed(version, artefact.digest)
    return workspace, version, artefact


def _named(table: pd.DataFrame, version: ModelVersion) -> pd.DataFrame:
    table["model"], table["version"], table["digest"] = version.name, version.version, version.digest
    table["prediction_id"] = [new_id() for _ in range(len(table))]
    return table


def _memories(table: pd.DataFrame, paths: Sequence[str], hashes: Sequence[str]) -> list[Prediction]:
    confidence = table["confidence"] if "confidence" in table else [1.0] * len(table)
    rows = zip(table["prediction_id"], table["digest"], paths, hashes, table["predicted"], confidence, strict=True)
    return [Prediction(id, digest, path, sha, str(label), float(sure)) for id, digest, path, sha, label, sure in rows]


def score_source(
    model: str, source: Path, out: Path, which: str | None = None, files: Sequence[Path] | None = None
) -> Scored:
    """Score every audio file below a folder (or `files` of it), or every row of a table, into `out` (Parquet or CSV)."""
    if out.suffix not in (".parquet", ".csv"):
        raise UsageError(f"{out}: the output is a .parquet or a .csv file")
    if files is None and source.suffix.lower() in TABLE_SUFFIXES:
        scored = score_table(model, source, which)
    else:
        scored = score_files(model, files if files is not None else audio_files(source), which)
    write_table(out, scored.table)
    return scored


def new_files(model: str, source: Path) -> list[Path]:
    """Audio files below a folder that the model which answers now has not answered for; empty where the folder is missing."""
    if not source.is_dir():
        return []
    workspace, _ = Workspace.of_model(model)
    known = scored_by(workspace.state / "lineage.db", find(model, workspace.home).digest)
    files = sorted(
        p for p in source.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file() and not p.name.startswith(".")
    )
    return [file for file in files if sha256_of_file(file) not in known]


def audio_files(source: Path) -> list[Path]:
    """Audio files below a folder, by path; raises SourceError where there is none."""
    if not source.exists():
        raise SourceError.missing(source)
    if source.is_file():
        return [source]
    found = sorted(
        p for p in source.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file() and not p.name.startswith(".")
    )
    if not found:
        raise SourceError(f"{source}: no audio below it; expected files that end in {', '.join(sorted(SUFFIXES))}")
    return found


def _changed(version: ModelVersion, digest: str) -> Exception:
    from ostinato.core.errors import ArtefactError

    return ArtefactError(
        f"{version.title}: its artefact was changed after registration (digest {digest[:12]}, registered "
        f"{version.digest[:12]}). It is not loaded. Restore the store, or register anew with `ostinato run`."
    )
