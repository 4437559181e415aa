import json
import shutil

import numpy as np
import pandas as pd
import pytest

from ostinato.core.errors import ArtefactError
from ostinato.core.files import read_table
from ostinato.engines.artefact import ModelArtefact

REPORTS = "data/reports/genre"


@pytest.fixture(scope="module")
def metrics(learnt):
    return json.loads((learnt[0] / REPORTS / "evaluation.json").read_text())


def test_predictions_are_of_the_test_fold_and_of_the_artefact(learnt):
    root, _ = learnt
    table = read_table(root / "data/predictions/genre.parquet")
    folds = read_table(root / "data/features/genre/folds.parquet")
    assert table["track_id"].tolist() == folds.loc[folds["fold"] == -1, "track_id"].tolist()
    assert list(table.columns) == [
        "track_id",
        "fold",
        "actual",
        "predicted",
        "confidence",
        "p_jig",
        "p_march",
        "p_reel",
    ]
    artefact = ModelArtefact.load(root / "data/models/genre/model")
    features = read_table(root / "data/features/audio.parquet").set_index("track_id").loc[table["track_id"]]
    np.testing.assert_array_equal(table[["p_jig", "p_march", "p_reel"]].to_numpy(), artefact.predict_proba(features))
    np.testing.assert_allclose(table["confidence"], table[["p_jig", "p_march", "p_reel"]].max(axis=1))


def test_figures_stand_beside_a_dummys_with_intervals(metrics, learnt):
    table = read_table(learnt[0] / "data/predictions/genre.parquet")
    truth = table["actual"].map({"jig": 0, "march": 1, "reel": 2}).to_numpy()
    p = table[["p_jig", "p_march", "p_reel"]].to_numpy()
    assert metrics["test"]["log_loss"] == pytest.approx(-np.log(p[np.arange(len(p)), truth]).mean(), abs=1e-6)
    assert metrics["test"]["accuracy"] == pytest.approx((table["actual"] == table["predicted"]).mean(), abs=1e-6)
    assert metrics["gain_over_dummy"] == pytest.approx(
        metrics["dummy"]["log_loss"] - metrics["test"]["log_loss"], abs=2e-6
    )
    span = metrics["intervals"]["log_loss"]
    assert span["low"] < metrics["test"]["log_loss"] < span["high"]
    assert metrics["intervals"]["over_groups"] == metrics["groups"]
    assert metrics["protocol"].startswith("grouped by work: 3 folds, test = ")


def test_slices_show_the_metric_and_say_what_is_not_there(metrics):
    own = metrics["slices"]["instrument"]
    assert sum(each["rows"] for each in own["values"].values()) == metrics["rows"]
    assert own["widest_gap"] >= 0
    assert metrics["slices"]["nothing"] == {"skipped": "the tracks have no column 'nothing'"}


def test_gates_hold_measured_value_bound_and_verdict(metrics):
    assert set(metrics["gates"]) == {"better_than_dummy", "max_calibration_error", "envelope_bytes", "envelope_latency"}
    assert metrics["passed"] is True
    gate = metrics["gates"]["better_than_dummy"]
    assert (gate["measured"], gate["bound"], gate["passed"]) == (metrics["gain_over_dummy"], 0.2, True)


def test_the_tables_for_plots_are_what_the_line_declares(learnt):
    root, _ = learnt
    confusion = pd.read_csv(root / REPORTS / "confusion.csv")
    assert list(confusion.columns) == ["actual", "predicted"]
    importance = pd.read_csv(root / REPORTS / "importance.csv")
    assert list(importance.columns) == ["feature", "importance", "std"]
    assert len(importance) == 12
    assert importance["importance"].is_monotonic_decreasing
    assert importance.loc[0, "importance"] > 0


def test_the_card_and_pictures_are_there(learnt, metrics):
    root, _ = learnt
    card = (root / REPORTS / "card.md").read_text()
    for part in ("# Model card: genre", "jig, march, reel", "never seen", "## Limits", "## Gates", metrics["digest"]):
        assert part in card
    for name in ("confusion.png", "importance.png"):
        assert (root / REPORTS / "measured" / name).read_bytes().startswith(b"\x89PNG")
    cost = json.loads((root / REPORTS / "measured" / "envelope.json").read_text())
    assert cost["p99_ms"] > 0


@pytest.fixture
def copied(learnt, tmp_path):
    shutil.copytree(learnt[0], tmp_path / "copy")
    return tmp_path / "copy"


def test_a_failed_gate_is_written_down_and_stops_nothing(copied, line, settings_of):
    report = line(
        copied, "evaluate", settings_of(evaluate={"gates": {"better_than_dummy": 50, "max_calibration_error": 0.0}})
    )
    assert report.gates["better_than_dummy"] is False
    said = json.loads((copied / REPORTS / "evaluation.json").read_text())
    assert said["passed"] is False
    assert said["gates"]["max_calibration_error"]["passed"] is False
    assert "**failed**" in (copied / REPORTS / "card.md").read_text()


def test_an_artefact_beyond_its_envelope_stops_the_step_after_all_is_written(copied, line, settings_of):
    (copied / REPORTS / "evaluation.json").unlink()
    tight = settings_of(evaluate={"envelope": {"max_bytes": 1000, "max_p99_ms": 1000.0}})
    with pytest.raises(
        ArtefactError, match=r"problem genre: .* does not fit its envelope: .* bytes where max_bytes allows 1,000"
    ):
        line(copied, "evaluate", tight)
    said = json.loads((copied / REPORTS / "evaluation.json").read_text())
    assert said["gates"]["envelope_bytes"]["passed"] is False


def test_no_bootstrap_no_intervals(copied, line, settings_of):
    line(copied, "evaluate", settings_of(evaluate={"bootstrap": 0, "slices": []}))
    assert json.loads((copied / REPORTS / "evaluation.json").read_text())["intervals"] == {}


def test_shuffled_labels_give_a_model_no_better_than_the_dummy(small, line, settings_of):
    from ostinato.core.files import write_table

    tracks = read_table(small / "data/clean/tracks.parquet")
    tracks["label"] = np.random.default_rng(1).permutation(tracks["label"].to_numpy())
    write_table(small / "data/clean/tracks.parquet", tracks)
    reports = {step: line(small, step, settings_of()) for step in ("split", "search", "ensemble", "evaluate")}
    assert reports["evaluate"].gates["better_than_dummy"] is False, "the line must find nothing where there is nothing"
