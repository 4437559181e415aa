"""Writing a model version into MLflow: a run a step, the model with signature and example, the version with its tags.

Registering the same artefact twice gives the same version; a registration that was cut is completed by the next.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ostinato.registry.store import experiment_id, open_client, tracking_uri
from ostinato.registry.versions import CHALLENGER, PREFIX, ModelVersion, next_version, set_alias, versions

if TYPE_CHECKING:
    import pandas as pd

REQUIREMENTS = ["numpy", "onnxruntime", "pandas"]
_MOST_PARAM_CHARS = 500


@dataclass(frozen=True)
class StepFacts:
    """What one step of the line did, for its MLflow run."""

    name: str
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Candidate:
    """A model that asks to become a version, with everything that governance wants to see beside it."""

    name: str
    artefact: Path
    digest: str
    signature: str  # digest of feature names and classes
    data: str  # digest of the data it learnt from
    card: str
    steps: tuple[StepFacts, ...]
    metrics: Mapping[str, float]
    params: Mapping[str, Any]
    tags: Mapping[str, str]
    example: pd.DataFrame
    answer: pd.DataFrame
    files: tuple[Path, ...]  # plots, reports, dvc.lock: shown below the run
    loader: str


def register(candidate: Candidate, home: Path) -> tuple[ModelVersion, bool]:
    """Register a candidate as challenger, approval pending; returns the version and whether it is new."""
    known = versions(candidate.name, home)
    for version in reversed(known):
        if version.digest == candidate.digest:
            if CHALLENGER not in version.aliases:
                set_alias(version, home, CHALLENGER)
            return version, False
    number = next_version(known, candidate.signature, candidate.data)
    client = open_client(home)
    experiment = experiment_id(client, home, candidate.name)
    run_id, source, model_id = _log(candidate, number, experiment, home)
    if not client.search_registered_models(f"name = '{candidate.name}'"):
        client.create_registered_model(candidate.name, tags={PREFIX + "problem": candidate.name.partition(".")[2]})
    tags = {
        PREFIX + "version": number,
        PREFIX + "digest": candidate.digest,
        PREFIX + "signature": candidate.signature,
        PREFIX + "data": candidate.data,
        PREFIX + "approval": "pending",
        **{PREFIX + key: value for key, value in candidate.tags.items()},
    }
    made = client.create_model_version(
        candidate.name, source, run_id=run_id, tags=tags, description=candidate.card, model_id=model_id
    )
    client.set_registered_model_alias(candidate.name, CHALLENGER, made.version)
    return next(v for v in versions(candidate.name, home) if v.number == str(made.version)), True


def _log(candidate: Candidate, number: str, experiment: str, home: Path) -> tuple[str, str, str]:
    """The run, its children, and the logged model: (run id, model URI, model id)."""
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    import mlflow

    mlflow.set_tracking_uri(tracking_uri(home))
    run_tags = {PREFIX + key: value for key, value in candidate.tags.items()} | {PREFIX + "version": number}
    with mlflow.start_run(experiment_id=experiment, run_name=f"{candidate.name} {number}", tags=run_tags) as run:
        for step in candidate.steps:
            with mlflow.start_run(experiment_id=experiment, run_name=step.name, nested=True, tags=dict(step.tags)):
                mlflow.log_params(_short(step.params))
                mlflow.log_metrics(dict(step.metrics))
        mlflow.log_params(_short(candidate.params))
        mlflow.log_metrics(dict(candidate.metrics))
        mlflow.log_text(candidate.card, "model_card.md")
        for file in candidate.files:
            mlflow.log_artifact(str(file), "images" if file.suffix == ".png" else "reports")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # hints about integer columns; ours are floats and strings
            info = mlflow.pyfunc.log_model(
                name="model",
                loader_module=candidate.loader,
                data_path=str(candidate.artefact),
                signature=_signature(candidate),
                input_example=candidate.example,
                pip_requirements=REQUIREMENTS,
            )
        return run.info.run_id, info.model_uri, info.model_id


def _signature(candidate: Candidate) -> Any:
    """The signature of the example; words and dates may be missing, which an example of a few rows need not show."""
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types.schema import ColSpec, DataType, Schema

    found = infer_signature(candidate.example, candidate.answer)
    optional = (DataType.string, DataType.datetime)
    columns = [
        ColSpec(each.type, each.name, required=each.type not in optional and each.required)
        for each in found.inputs.inputs
    ]
    return ModelSignature(Schema(columns), found.outputs)


def log_report(
    home: Path,
    experiment: str,
    run_name: str,
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
    files: Iterable[Path],
) -> str:
    """Log one report (monitoring, validation) as a run and return its id."""
    import mlflow

    client = open_client(home)
    mlflow.set_tracking_uri(tracking_uri(home))
    with mlflow.start_run(
        experiment_id=experiment_id(client, home, experiment), run_name=run_name, tags=dict(tags)
    ) as run:
        mlflow.log_metrics(dict(metrics))
        for file in files:
            mlflow.log_artifact(str(file), "reports")
        return str(run.info.run_id)


def _short(params: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value)[:_MOST_PARAM_CHARS] for key, value in params.items()}
