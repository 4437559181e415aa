"""The line by its one command: from nothing to a registered model, and what a second run costs."""

import re
import sqlite3
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ostinato.pipeline import calls

pytestmark = [pytest.mark.flow]
NAMES = [call.name for call in calls(["genre"])]


def test_the_line_ends_with_a_challenger_that_waits_for_approval(finished):
    model = finished.json("run")["models"][0]
    assert (model["name"], model["version"], model["approval"]) == ("demo.genre", "1.0.0", "pending")
    assert model["aliases"] == ["challenger"]
    assert "grouped by work" in model["protocol"]
    assert "never seen" in model["protocol"]


def test_a_second_run_says_that_nothing_changed_and_starts_no_flow(finished):
    before = _flow_runs(finished)
    said = finished.ostinato("run").stdout
    assert "Nothing changed" in said
    assert "demo.genre 1.0.0" in said
    assert _flow_runs(finished) == before


def test_steps_prefect_tasks_dvc_stages_and_mlflow_runs_carry_the_same_names(finished):
    with sqlite3.connect(finished.root / ".ostinato/prefect/prefect.db") as db:
        tasks = {name for (name,) in db.execute("SELECT name FROM task_run")}
        progress = {key for (key,) in db.execute("SELECT key FROM artifact WHERE type = 'progress'")}
    with sqlite3.connect(finished.root / ".ostinato/mlflow.db") as db:
        runs = {name for (name,) in db.execute("SELECT name FROM runs")}
    assert set(NAMES) <= tasks
    assert set(finished.lock()) == set(NAMES)
    # the run that registers is written by `register` itself, and `baseline` comes after it
    assert set(NAMES) - {"register@genre", "baseline"} <= runs
    assert {"step-extract", "step-search-genre"} <= progress


def test_a_version_shows_what_governance_reads(finished):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{finished.root}/.ostinato/mlflow.db")
    version = client.get_model_version_by_alias("demo.genre", "challenger")
    tags = version.tags
    assert version.description.startswith("# Model card")
    assert tags["ostinato.gates"] == "passed"
    assert tags["ostinato.commit"] != "none"
    assert tags["ostinato.trained_by"]
    assert re.fullmatch(r"\d+ of 56 tracks kept out.*; rules [0-9a-f]{12}", tags["ostinato.rights"])
    assert "data/clean/tracks.parquet" in tags["ostinato.lock"]
    run = client.get_run(version.run_id)
    assert {"log_loss", "accuracy", "accuracy_low", "accuracy_high"} <= set(run.data.metrics)
    files = {f.path for folder in ("reports", "images") for f in client.list_artifacts(version.run_id, folder)}
    assert {
        "images/confusion.png",
        "images/importance.png",
        "images/leaderboard.png",
        "reports/leaderboard.csv",
    } <= files
    children = client.search_runs([run.info.experiment_id], f"tags.mlflow.parentRunId = '{version.run_id}'")
    search = next(child for child in children if child.info.run_name == "search@genre")
    assert any(key.startswith("problems.genre.search") for key in search.data.params)


def test_mlflow_loads_the_version_without_pickle(finished, monkeypatch):
    import pandas as pd

    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{finished.root}/.ostinato/mlflow.db")
    model = mlflow.pyfunc.load_model("models:/demo.genre@challenger")
    features = pd.read_parquet(finished.root / "data/features/audio.parquet").drop(columns="track_id").head(3)
    answers = model.predict(features)
    classes = [c for c in answers.columns if c.startswith("p_")]
    np.testing.assert_allclose(answers[classes].sum(axis=1), 1, atol=1e-6)
    artefacts = finished.root / ".ostinato" / "artifacts"
    assert not [p for p in artefacts.rglob("*") if p.suffix in (".pkl", ".pickle", ".joblib", ".pt")]


def test_growth_costs_what_was_added(finished, tmp_path: Path):
    source = tmp_path / "my röck"
    rng = np.random.default_rng(3)
    _add(source, rng, 0, 8)
    name = finished.json("run", "--source", str(source))["workspace"]
    assert name == "my-rock"
    assert finished.step_report("extract", name)["extracted"] == 16
    _add(source, rng, 8, 23)  # 15 a label: 30 more
    done = finished.json("run", "--source", str(source))
    assert finished.step_report("extract", name)["extracted"] == 30
    assert finished.step_report("extract", name)["cached"] == 16
    assert done["models"][0]["version"] == "1.1.0"  # new data is a minor version
    assert finished.json("run")["models"][0]["version"] == "1.0.0"  # the demo is untouched


def test_what_the_registry_lost_is_registered_again(installation):
    (installation.root / ".ostinato/mlflow.db").unlink()
    done = installation.json("run")
    assert done["models"][0]["version"] == "1.0.0"
    assert installation.step_report("register@genre")["new"]


def _add(source: Path, rng: np.random.Generator, start: int, stop: int) -> None:
    for label, low in (("hum", 110.0), ("whistle", 1760.0)):
        (source / label).mkdir(parents=True, exist_ok=True)
        for i in range(start, stop):
            t = np.arange(22_050 * 2) / 22_050
            y = 0.4 * np.sin(2 * np.pi * low * rng.uniform(0.8, 1.2) * t) + 0.02 * rng.normal(size=t.size)
            soundfile.write(source / label / f"{i:03d}.wav", y.astype("float32"), 22_050)


def _flow_runs(finished) -> int:
    with sqlite3.connect(finished.root / ".ostinato/prefect/prefect.db") as db:
        return int(db.execute("SELECT count(*) FROM flow_run").fetchone()[0])
