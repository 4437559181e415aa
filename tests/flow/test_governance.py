"""Predict, lineage, approve, promote, reject, roll back: by the commands that people use."""

import json
from pathlib import Path

import pandas as pd
import pytest

pytestmark = [pytest.mark.flow]


def clips(installation, n: int) -> list[str]:
    return [str(p) for p in sorted((installation.root / "data/raw/audio").rglob("*.flac"))[:n]]


def test_a_prediction_walks_back_to_its_raw_files(installation):
    found = installation.json("predict", "demo.genre", *clips(installation, 2))
    first = found["predictions"][0]
    assert (
        first["predicted"]
        in json.loads((installation.root / "data/models/genre/model/artefact.json").read_text())["classes"]
    )
    assert abs(sum(v for k, v in first.items() if k.startswith("p_")) - 1) < 1e-6
    assert first["digest"] == found["digest"]
    traced = installation.json("lineage", first["prediction_id"])
    assert traced["model"]["digest"] == found["digest"]
    assert traced["prediction"]["input_was_in_the_catalogue"]
    assert traced["run"]["run_id"]
    assert "tracks kept out" in traced["rights"]
    assert (
        traced["lock"]["prepare"]["data/clean/tracks.parquet"]
        == installation.lock()["prepare"]["data/clean/tracks.parquet"]
    )
    tracks = pd.read_parquet(installation.root / "data/clean/tracks.parquet")
    assert {f["sha256"] for f in traced["files"]} == set(tracks["sha256"])


def test_scoring_a_folder_gives_the_same_answers(installation, tmp_path: Path):
    out = tmp_path / "scores.parquet"
    installation.ostinato("score", "demo.genre", str(installation.root / "data/raw/audio"), str(out))
    table = pd.read_parquet(out).set_index("path")
    for row in installation.json("predict", "demo.genre", *clips(installation, 3))["predictions"]:
        assert table.loc[row["path"], "predicted"] == row["predicted"]
        assert table.loc[row["path"], "confidence"] == pytest.approx(row["confidence"], abs=1e-9)


def test_approval_promotion_rejection_and_rollback(installation):
    refused = installation.ostinato("approve", "demo.genre", "1.0.0", "--by", "Ada", "--reason", "", code=1)
    assert "reason" in refused.stderr
    champion = installation.json("approve", "demo.genre", "1.0.0", "--by", "Ada", "--reason", "heard it, it is right")
    assert champion["aliases"] == ["challenger", "champion"]
    first_only = installation.ostinato("rollback", "demo.genre", "--by", "Ada", "--reason", "try", code=1)
    assert "first champion" in first_only.stderr

    installation.change(lambda v: v["problems"]["genre"]["ensemble"].update(rounds=1, max_members=1))
    second = installation.json("run")["models"][0]
    assert second["version"] == "1.0.1"
    assert second["approval"] == "pending"
    installation.json("approve", "demo.genre", "1.0.1", "--by", "Grace", "--reason", "smaller and as good")
    back = installation.json("rollback", "demo.genre", "--by", "Ada", "--reason", "complaints about 1.0.1")
    assert back["version"] == "1.0.0"
    assert "champion" in back["aliases"]
    refused = installation.ostinato("reject", "demo.genre", "1.0.0", "--by", "Ada", "--reason", "no", code=1)
    assert "roll" in refused.stderr
    rejected = installation.json("reject", "demo.genre", "1.0.1", "--by", "Ada", "--reason", "complaints")
    assert rejected["approval"] == "rejected"
    again = installation.ostinato("approve", "demo.genre", "1.0.1", "--by", "Eve", "--reason", "please please", code=1)
    assert "rejected by Ada" in again.stderr

    events = [
        json.loads(line)["event"] for line in (installation.root / ".ostinato/audit.jsonl").read_text().splitlines()
    ]
    assert events.count("champion.moved") == 2
    assert {"approval.refused", "version.approved", "champion.rolled_back", "version.rejected"} <= set(events)


def test_a_trainer_is_refused_by_name(installation):
    installation.env["OSTINATO_USER"] = "ada"
    installation.change(lambda v: v["problems"]["genre"]["register"].update(policy="four-eyes"))
    installation.change(lambda v: v["problems"]["genre"]["ensemble"].update(rounds=2))
    version = installation.json("run")["models"][0]["version"]
    refused = installation.ostinato(
        "approve", "demo.genre", version, "--by", "Ada", "--reason", "I trained it and I like it", code=1
    )
    assert "Ada trained it" in refused.stderr
    approved = installation.json(
        "approve", "demo.genre", version, "--by", "Grace", "--reason", "checked against the old one"
    )
    assert "champion" in approved["aliases"]


def test_a_changed_artefact_is_not_loaded(installation):
    import sqlite3

    with sqlite3.connect(installation.root / ".ostinato/mlflow.db") as db:
        (source,) = db.execute("SELECT artifact_location FROM logged_models").fetchone()
    path = next(Path(source.removeprefix("file://")).rglob("artefact.json"))
    before = path.read_text()
    try:
        path.write_text(before.replace('"temperature": ', '"temperature": 1'))
        refused = installation.ostinato("predict", "demo.genre", *clips(installation, 1), code=1)
        assert "artefact" in refused.stderr
    finally:
        path.write_text(before)
