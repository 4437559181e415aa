"""`register`: the evaluated artefact becomes a version in MLflow, alias challenger, approval pending."""

from __future__ import annotations

import getpass
import json
import logging
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from numpy.typing import NDArray

from ostinato.core.errors import ArtefactError, RegistryError
from ostinato.core.files import read_json, read_table, write_json
from ostinato.core.hashing import sha256_of_value
from ostinato.core.params import RegisterParams, Task
from ostinato.core.settings import settings
from ostinato.engines.artefact import ModelArtefact
from ostinato.engines.comparison import beside_champion
from ostinato.engines.plots import draw_bars
from ostinato.engines.pyfunc import answers
from ostinato.registry.lineage import remember_files, remember_model
from ostinato.registry.registration import Candidate, StepFacts
from ostinato.registry.registration import register as register_version
from ostinato.registry.versions import CHAMPION, fetch, find
from ostinato.tenancy.workspace import find_home

log = logging.getLogger(__name__)
_EXAMPLE_ROWS = 3
_MOST_OF_A_TAG = 4900  # characters; MLflow takes 5,000


@dataclass(frozen=True)
class RegisterReport:
    """What the registry now says."""

    model: str
    version: str
    digest: str
    new: bool
    gates: str
    beside_champion: str  # better, worse, no clear difference, or why nothing was compared


def register(
    name: str,
    task: Task,
    params: RegisterParams,
    *,
    problem: str,
    model: Path,
    evaluation: Path,
    card: Path,
    predictions: Path,
    folds: Path,
    confusion: Path,
    importance: Path,
    leaderboard: Path,
    features: Path,
    clean: Path,
    verdict: Path,
    measured: Path,
    lineage: Path,
) -> RegisterReport:
    """Register the artefact in `model` with everything that governance reads beside it; raises ArtefactError if it is torn."""
    home, artefact, judged = find_home(), ModelArtefact.load(model), read_json(evaluation)
    lock, commit, named = _lock(), _commit(), f"{name}.{problem}"
    board = read_table(leaderboard)
    draw_bars(
        measured / "leaderboard.png", board["algorithm"].tolist(), board["score"].tolist(),
        title="Leaderboard: the best trial of each algorithm, cross-validated", label=task.metric,
    )  # fmt: skip
    seen = read_table(predictions).astype({"track_id": str}).set_index("track_id")
    inputs = _inputs(seen.index, features, clean)
    example = _example(inputs[list(artefact.features)])
    groups = read_table(folds).astype({"track_id": str}).set_index("track_id").loc[seen.index, "group"].to_numpy()
    against = _against(named, task, artefact, home, (inputs, seen["actual"].to_numpy(), groups))
    write_json(measured / "champion.json", against)
    data = sha256_of_value(_outs(lock, "prepare"))
    candidate = Candidate(
        name=named,
        artefact=model,
        digest=artefact.digest,
        signature=sha256_of_value([list(artefact.features), [str(c) for c in artefact.classes]]),
        data=data,
        card=card.read_text(encoding="utf-8"),
        steps=tuple(_step_facts(problem, lock)),
        metrics=_numbers(judged) | _numbers_against(against),
        params={"task": task.model_dump_json(), **_numbers_of_envelope(measured)},
        tags=_tags(problem, task, params, judged, against)
        | {"commit": commit, "lock": _stages(lock)[:_MOST_OF_A_TAG], "rights": _rights(read_json(verdict))},
        example=example,
        answer=answers(artefact, example),
        files=(evaluation, confusion, importance, leaderboard, *_existing(Path("dvc.lock")), *sorted(measured.glob("*.png")),
               *_existing(measured / "envelope.json"), measured / "champion.json"),
        loader="ostinato.engines.pyfunc",
    )  # fmt: skip
    version, new = register_version(candidate, home)
    remember_files(lineage, data, _raw_files(clean))
    remember_model(
        lineage, digest=artefact.digest, name=named, version=version.version, run_id=version.run_id, commit=commit,
        lock={stage: _outs(lock, stage) for stage in lock.get("stages", {})}, data=data, rights=candidate.tags["rights"],
    )  # fmt: skip
    log.info("%s %s registered (%s)", named, version.version, "new" if new else "known already")
    said = candidate.tags["champion_verdict"]
    return RegisterReport(named, version.version, artefact.digest, new, candidate.tags["gates"], said)


def _inputs(ids: pd.Index, features: Path, clean: Path) -> pd.DataFrame:
    """What is known of tracks: the columns of the catalogue, and the audio features, which go first where names are equal."""
    tracks, heard = (read_table(path).astype({"track_id": str}).set_index("track_id") for path in (clean, features))
    X = tracks.loc[ids]
    return X.drop(columns=[column for column in heard.columns if column in X]).join(heard)


def _example(inputs: pd.DataFrame) -> pd.DataFrame:
    """Some rows as MLflow's signature takes them: whole numbers may have gaps later, and dates have no zone (they are in UTC)."""
    rows = inputs.head(_EXAMPLE_ROWS).reset_index(drop=True)
    for name, dtype in rows.dtypes.items():
        if isinstance(dtype, pd.DatetimeTZDtype):
            rows[name] = rows[name].dt.tz_convert("UTC").dt.tz_localize(None)
        elif pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_float_dtype(dtype):
            rows[name] = rows[name].astype("float64")
    return rows


def _tags(
    problem: str, task: Task, params: RegisterParams, judged: dict[str, Any], against: dict[str, Any]
) -> dict[str, str]:
    failed = [name for name, gate in judged["gates"].items() if not gate["passed"]]
    return {
        "verdicts": json.dumps({name: gate["passed"] for name, gate in judged["gates"].items()}),
        "problem": problem,
        "kind": task.kind,
        "gates": "failed" if failed else "passed",
        "gates_failed": ", ".join(failed),
        "protocol": str(judged["protocol"]),
        "champion_verdict": str(against.get("verdict", against.get("skipped", ""))),
        "trained_by": settings().user or getpass.getuser(),
        **params.model_dump(),
    }


def _rights(verdict: dict[str, Any]) -> str:
    """What the rights of the tracks kept out of this model, and by which rules."""
    said = verdict.get("rights")
    if not said:
        return "not respected: params.yaml says check.rights: ignore"
    reasons = ", ".join(f"{name.removeprefix('rights_')} {count}" for name, count in said["by_reason"].items())
    return f"{said['kept_out']} of {said['tracks']} tracks kept out{f' ({reasons})' if reasons else ''}; rules {said['rules'][:12]}"


def _stages(lock: dict[str, Any]) -> str:
    return json.dumps({stage: _outs(lock, stage) for stage in lock.get("stages", {})}, sort_keys=True)


def _against(
    name: str, task: Task, new: ModelArtefact, home: Path, rows: tuple[pd.DataFrame, NDArray[Any], NDArray[Any]]
) -> dict[str, Any]:
    """The new model beside the champion on the test rows; `skipped` says why where there is nothing to compare."""
    try:
        champion = find(name, home, CHAMPION)
        if champion.digest == new.digest:
            return {"champion": champion.digest, "skipped": "this model is the champion"}
        theirs = ModelArtefact.load(fetch(champion, home))
    except (RegistryError, ArtefactError) as error:
        return {"skipped": "there is no champion yet" if isinstance(error, RegistryError) else str(error)}
    found = {"version": champion.version, **beside_champion(task.metric, new, theirs, *rows)}
    if "gain" in found:
        log.info("%s beside the champion: %s, gain %.4f", name, found["verdict"], found["gain"])
    return found


def _numbers_against(against: dict[str, Any]) -> dict[str, float]:
    return {f"champion_{key}": float(against[key]) for key in ("gain", "low", "high") if key in against}


def _raw_files(clean: Path) -> list[tuple[str, str | None, str]]:
    tracks = read_table(clean)
    paths = tracks["path"] if "path" in tracks else [None] * len(tracks)
    return list(zip(tracks["track_id"], paths, tracks["sha256"], strict=True))


def _lock() -> dict[str, Any]:
    path = Path("dvc.lock")
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {} if path.is_file() else {}


def _outs(lock: dict[str, Any], stage: str) -> dict[str, str]:
    return {out["path"]: out["md5"] for out in lock.get("stages", {}).get(stage, {}).get("outs", [])}


def _commit() -> str:
    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    commit = git("rev-parse", "HEAD")
    return (commit + ("-dirty" if git("status", "--porcelain", "--untracked-files=no") else "")) if commit else "none"


def _step_facts(problem: str, lock: dict[str, Any]) -> list[StepFacts]:
    """What each step of the line said when it last ran, from its record and from dvc.lock."""
    facts = []
    for stage, entry in lock.get("stages", {}).items():
        if "@" in stage and not stage.endswith(f"@{problem}"):
            continue
        record = Path(".ostinato/steps") / f"{stage}.json"
        said = read_json(record) if record.is_file() else {}
        report = said.get("report", {})
        numbers = {k: float(v) for k, v in report.items() if isinstance(v, (int, float))}
        params = {key: json.dumps(value) for key, value in entry.get("params", {}).get("params.yaml", {}).items()}
        tags = {f"md5.{Path(path).name}": md5 for path, md5 in _outs(lock, stage).items()}
        facts.append(StepFacts(stage, params, numbers | {"seconds": float(said.get("seconds", 0.0))}, tags))
    return facts


def _numbers(evaluation: dict[str, Any]) -> dict[str, float]:
    found = {}
    for key, value in evaluation["test"].items():
        found[key] = float(value)
        for end, limit in evaluation["intervals"].get(key, {}).items():
            found[f"{key}_{end}"] = float(limit)
    return found


def _numbers_of_envelope(measured: Path) -> dict[str, Any]:
    path = measured / "envelope.json"
    return {f"envelope_{key}": value for key, value in read_json(path).items()} if path.is_file() else {}


def _existing(path: Path) -> list[Path]:
    return [path] if path.is_file() else []
