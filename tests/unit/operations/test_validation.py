"""Each check of the system passes on a finished workspace, and fails, with a telling note, where a fault is planted in a copy."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from ostinato.automl.export.merge import Part, merged
from ostinato.core.errors import ParamsError, UsageError
from ostinato.core.files import read_json, read_table, write_json, write_table
from ostinato.core.hashing import sha256_of_value
from ostinato.core.settings import settings
from ostinato.engines.artefact import Member, ModelArtefact
from ostinato.execution import run_step
from ostinato.operations.validation import Check, Report, validate
from ostinato.operations.validation.config import load_bounds
from ostinato.operations.validation.reproduction import md5_of
from ostinato.operations.validation.running import CHECKS
from ostinato.operations.versioning import dvc
from ostinato.pipeline import calls
from ostinato.registry.versions import find, tag
from ostinato.rendering import write_dvc_yaml
from ostinato.tenancy.workspace import Workspace

pytestmark = [pytest.mark.timeout(400)]
REPOSITORY = Path(__file__).resolve().parents[3]


def rewrite(path: Path, change: Callable[[Any], Any]) -> None:
    value = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(value)
    path.write_text(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), encoding="utf-8")


def small_params(value: dict[str, Any]) -> None:
    value["ingest"]["source"] = {"kind": "demo", "clips": 56, "seconds": 4, "seed": 1685}
    genre = value["problems"]["genre"]
    genre["search"] |= {"trials": 8, "keep": 3}
    genre["split"]["folds"] = 2
    genre["evaluate"] |= {"bootstrap": 20}
    genre["evaluate"]["gates"] = {"better_than_dummy": 0.0, "max_calibration_error": 0.9}
    genre["evaluate"]["envelope"]["max_p99_ms"] = 500.0


def small_bounds(value: dict[str, Any]) -> None:
    value["search"] |= {"trials": 8}
    value["features"] |= {"clips": 3}
    value["monitoring"] |= {"batches": 1}
    value["scoring"] |= {"p50_ms": 200.0, "p99_ms": 500.0}  # busy machines; the fault below is one of size
    value["end-to-end"] |= {"lineage_ms": 1000.0}


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small home on which the whole line has run, step by step, with what DVC recorded of it."""
    root = tmp_path_factory.mktemp("validation") / "home"
    shutil.copytree(REPOSITORY / "configs", root / "configs")
    for name in ("params.yaml", "requirements.lock"):
        shutil.copy(REPOSITORY / name, root)
    rewrite(root / "params.yaml", small_params)
    rewrite(root / "configs" / "validation.yaml", small_bounds)
    here = Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OSTINATO_HOME", str(root))
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        settings.cache_clear()
        workspace = Workspace.at(root, root)
        write_dvc_yaml(workspace)
        dvc(workspace, "init", "--no-scm", "--quiet")
        try:
            for call in calls(workspace.params.problems):
                run_step(call.name, workspace)
        finally:
            os.chdir(here)
        dvc(workspace, "commit", "--force", "--quiet")
    settings.cache_clear()
    return root


@pytest.fixture(scope="session")
def sound(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The validation of a copy without any fault."""
    root = tmp_path_factory.mktemp("sound") / "home"
    return validate(copied(finished, root))


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Workspace:
    return copied(finished, tmp_path / "home")


def copied(finished: Path, root: Path) -> Workspace:
    shutil.copytree(finished, root, symlinks=True, ignore=shutil.ignore_patterns(".dvc"))
    return Workspace.at(root, root)


def failure(workspace: Workspace, name: str) -> Check:
    """The one check `name`, which must fail."""
    report = validate(workspace, (name,))
    assert [check.name for check in report.checks] == [name]
    assert not report.passed
    assert not report.checks[0].passed
    assert report.checks[0].note
    return report.checks[0]


# --- without a fault -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(CHECKS))
def test_passes_without_a_fault(name: str, sound: Report) -> None:
    check = next(check for check in sound.checks if check.name == name)
    assert check.passed, check.note
    assert check.figure
    assert check.bound


def test_report_is_kept_as_json_and_page_and_in_mlflow(sound: Report) -> None:
    from ostinato.registry.store import open_client

    page = Path(sound.path)
    kept = read_json(page.with_name("report.json"))
    assert kept == json.loads(json.dumps(dataclasses.asdict(sound)))
    assert [check["name"] for check in kept["checks"]] == list(CHECKS)
    assert page.parent.parent.name == "validation"
    text = page.read_text(encoding="utf-8")
    assert all(name in text for name in CHECKS)
    assert "http" not in text
    home = page.parents[3]
    run = open_client(home).get_run(str(sound.run_id))
    assert run.data.metrics["failed"] == 0
    assert run.data.metrics["end-to-end.passed"] == 1
    assert open_client(home).get_experiment(run.info.experiment_id).name == "demo.validation"


def test_names_are_told_in_order_and_unknown_ones_refused(copy: Workspace) -> None:
    told: list[str] = []
    report = validate(copy, ("reproducibility", "preparation"), told.append)
    assert told == [check.name for check in report.checks] == ["preparation", "reproducibility"]
    with pytest.raises(UsageError, match="no check 'speed'; the checks are environment, configuration"):
        validate(copy, ("speed",))


def test_the_command_prints_figures_beside_bounds_and_ends_with_1_where_one_fails(copy: Workspace) -> None:
    def command(*words: str) -> subprocess.CompletedProcess[str]:
        env = os.environ | {"PYTHONPATH": str(REPOSITORY / "src"), "COLUMNS": "200"}
        line = [sys.executable, "-m", "ostinato", "validate", *words]
        return subprocess.run(line, cwd=copy.root, env=env, capture_output=True, text=True, timeout=120, check=False)

    (copy.data / "clean" / "tracks.parquet").unlink()
    mixed = command("--only", "preparation", "--only", "ensemble")
    assert mixed.returncode == 1, mixed.stderr
    assert "1 of 2 checks passed; failed: preparation" in mixed.stdout
    assert "data/clean/tracks.parquet is not there" in mixed.stdout
    assert "gain" in mixed.stdout
    unknown = command("--only", "speed")
    assert unknown.returncode == 2
    assert "no check 'speed'" in unknown.stderr


# --- the file of bounds --------------------------------------------------------------------------------------------------


def test_bounds_name_all_fourteen_checks_in_order() -> None:
    path = REPOSITORY / "configs" / "validation.yaml"
    bounds = load_bounds(path).bounds()
    assert len(bounds) == 14
    assert list(bounds) == list(CHECKS) == list(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert all(each.shown() for each in bounds.values())


def test_every_fault_of_the_bounds_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "validation.yaml"
    shutil.copy(REPOSITORY / "configs" / "validation.yaml", path)

    def spoil(value: dict[str, Any]) -> None:
        value["speed"] = {"ms": 3}
        value["features"]["clips"] = 0
        del value["isolation"]

    rewrite(path, spoil)
    with pytest.raises(ParamsError, match="3 faults") as caught:
        load_bounds(path)
    said = str(caught.value)
    assert "speed: unknown key" in said
    assert "features.clips" in said
    assert "isolation: missing" in said


# --- a fault for each check ----------------------------------------------------------------------------------------------


def test_environment_finds_another_version(copy: Workspace) -> None:
    lock = copy.root / "requirements.lock"
    text = lock.read_text(encoding="utf-8")
    lock.write_text(text.replace("numpy==", "numpy==0.0.", 1) + "\nno-such-package-at-all==1.0\n", encoding="utf-8")
    check = failure(copy, "environment")
    assert "numpy is " in check.note
    assert "no-such-package-at-all 1.0 is not installed" in check.note
    assert check.value == 2


def test_environment_finds_a_full_disk_and_another_python(copy: Workspace) -> None:
    rewrite(copy.configs / "validation.yaml", lambda v: v["environment"].update(python="3.99", free_bytes=10**18))
    note = failure(copy, "environment").note
    assert "expected 3.99" in note
    assert "free on the disk" in note


def test_configuration_finds_unknown_keys_and_expectations(copy: Workspace) -> None:
    rewrite(copy.configs / "drift.yaml", lambda value: value.update(tresholds=1))
    rewrite(copy.configs / "quality" / "tracks.yaml", lambda value: value.update(expectations=[]))
    check = failure(copy, "configuration")
    assert "tresholds: unknown key" in check.note
    assert "tracks.yaml" in check.note
    assert check.value == 2


def test_configuration_finds_a_stale_dvc_yaml(copy: Workspace) -> None:
    path = copy.root / "dvc.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("data/clean/tracks.parquet", "data/clean/other.parquet", 1)
    )
    assert "dvc.yaml differs from its rendering" in failure(copy, "configuration").note


def test_configuration_finds_a_policy_that_nobody_wrote(copy: Workspace) -> None:
    rewrite(copy.configs / "approval.yaml", lambda value: value["policies"].pop("demo"))
    assert "no policy 'demo'" in failure(copy, "configuration").note


def test_data_quality_finds_a_touched_verdict(copy: Workspace) -> None:
    path = copy.data / "reports" / "quality" / "verdict.json"
    write_json(path, read_json(path) | {"excluded_by_rights": 7})
    assert "verdict.json says excluded_by_rights 7, judged anew it is" in failure(copy, "data-quality").note


def test_data_quality_finds_bad_raw_rows(copy: Workspace) -> None:
    path = copy.data / "raw" / "tracks.parquet"
    raw = read_table(path)
    raw["opt_out"] = raw.index < 20
    write_table(path, raw)
    check = failure(copy, "data-quality")
    assert "tracks are set aside" in check.note
    assert check.value is not None
    assert check.value > 0.3


def test_preparation_finds_a_touched_and_doubled_table(copy: Workspace) -> None:
    path = copy.data / "clean" / "tracks.parquet"
    clean = read_table(path)
    clean.loc[1, "sha256"] = clean.loc[0, "sha256"]
    write_table(path, clean)
    note = failure(copy, "preparation").note
    assert "data/clean/tracks.parquet differs from the one made anew" in note
    assert "1 tracks hold audio that another one holds too" in note


def test_features_finds_a_number_that_is_not_heard(copy: Workspace) -> None:
    path = copy.data / "features" / "audio.parquet"
    table = read_table(path)
    column = table.columns[5]
    table.loc[0, column] += np.float32(0.01)
    table.loc[1, table.columns[7]] = np.nan
    write_table(path, table)
    note = failure(copy, "features").note
    assert f"{column} heard anew differs by 0.01" in note
    assert "not a finite number" in note


def test_features_finds_changed_audio(copy: Workspace) -> None:
    tracks, table = (
        read_table(copy.data / "clean" / "tracks.parquet"),
        read_table(copy.data / "features" / "audio.parquet"),
    )
    first = tracks.set_index("track_id").loc[table["track_id"].iloc[0], "path"]
    with (copy.root / first).open("ab") as file:
        file.write(b"more")
    assert "changed since ingest" in failure(copy, "features").note


def test_search_finds_a_prettier_score(copy: Workspace) -> None:
    path = copy.data / "models" / "genre" / "candidates" / "index.json"
    index = read_json(path)
    index["candidates"][0]["score"] -= 0.25
    write_json(path, index)
    note = failure(copy, "search").note
    assert f"{index['candidates'][0]['name']} says log_loss" in note
    assert "recomputed it is" in note


def made_of(
    model: ModelArtefact, candidates: Path, weights: dict[str, float], temperature: float = 1.0
) -> ModelArtefact:
    """An artefact like `model` of other weights."""
    parts = [Part(weight, ((candidates / name / "model.onnx").read_bytes(),)) for name, weight in weights.items()]
    graph = merged(parts, len(model.features), len(model.classes), temperature=temperature, classes=True)
    return ModelArtefact.assembled(
        graph,
        [Member(name, weight, {"models": 1}) for name, weight in weights.items()],
        kind=model.kind,
        target="label",
        classes=model.classes,
        encoder=model.encoder,
        temperature=temperature,
    )


def test_search_finds_other_answers(copy: Workspace) -> None:
    path = copy.data / "models" / "genre" / "candidates" / "truth.npy"
    np.save(path, np.roll(np.load(path), 1))
    assert "are not the catalogue's" in failure(copy, "search").note


def test_search_finds_a_torn_onnx(copy: Workspace) -> None:
    path = next((copy.data / "models" / "genre" / "candidates").glob("01_*")) / "model.onnx"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "cannot be run" in failure(copy, "search").note


def test_search_finds_too_few_trials(copy: Workspace) -> None:
    path = copy.data / "reports" / "genre" / "measured" / "trials.csv"
    write_table(path, read_table(path).head(5))
    assert "fewer than asked for" in failure(copy, "search").note


def test_ensemble_finds_a_vote_that_is_worse_than_one(copy: Workspace) -> None:
    folder = copy.data / "models" / "genre"
    index, model = read_json(folder / "candidates" / "index.json"), ModelArtefact.load(folder / "model")
    worst = index["candidates"][-1]["name"]
    made_of(model, folder / "candidates", {worst: 1.0}).save(folder / "model")
    check = failure(copy, "ensemble")
    assert "worse than the best single candidate" in check.note
    assert check.value is not None
    assert check.value < 0


def test_ensemble_finds_weights_that_do_not_sum_to_one(copy: Workspace) -> None:
    folder = copy.data / "models" / "genre"
    model = ModelArtefact.load(folder / "model")
    heavier = {m["name"]: m["weight"] * 1.1 for m in model.manifest["members"]}
    made_of(model, folder / "candidates", heavier).save(folder / "model")
    assert "the weights sum to 1.1" in failure(copy, "ensemble").note


def test_ensemble_finds_a_changed_member(copy: Workspace) -> None:
    model = copy.data / "models" / "genre" / "model" / "model.onnx"
    model.write_bytes(model.read_bytes() + b"\0")
    assert "torn or changed" in failure(copy, "ensemble").note


def test_ensemble_finds_a_graph_that_the_candidates_do_not_make(copy: Workspace) -> None:
    folder = copy.data / "models" / "genre"
    model = ModelArtefact.load(folder / "model")
    weights = {m["name"]: m["weight"] for m in model.manifest["members"]}
    other = made_of(model, folder / "candidates", weights, temperature=9.0)
    lying = {**other.manifest, "temperature": model.manifest["temperature"]}
    lying.pop("digest")
    ModelArtefact({**lying, "digest": sha256_of_value(lying)}, {"model.onnx": other._files["model.onnx"]}).save(
        folder / "model"
    )
    assert "is not what the candidates and the weights make" in failure(copy, "ensemble").note


def test_evaluation_finds_a_prettier_figure(copy: Workspace) -> None:
    path = copy.data / "reports" / "genre" / "evaluation.json"
    facts = read_json(path)
    facts["test"]["accuracy"] = 0.999
    write_json(path, facts)
    assert "evaluation.json says accuracy 0.999, recomputed it is" in failure(copy, "evaluation-gates").note


def test_evaluation_finds_predictions_of_another_model(copy: Workspace) -> None:
    path = copy.data / "predictions" / "genre.parquet"
    table = read_table(path)
    names = [name for name in table if name.startswith("p_")]
    table[names] = table[names].to_numpy()[::-1]
    write_table(path, table)
    assert "the test rows scored anew differ by" in failure(copy, "evaluation-gates").note


def test_evaluation_finds_a_gate_that_fails_by_the_bounds_of_today(copy: Workspace) -> None:
    rewrite(
        copy.root / "params.yaml",
        lambda v: v["problems"]["genre"]["evaluate"]["gates"].update(better_than_dummy=50.0),
    )
    note = failure(Workspace.at(copy.root, copy.root), "evaluation-gates").note
    assert "the gate better_than_dummy fails when judged anew" in note


def test_registry_finds_an_artefact_that_is_not_registered(copy: Workspace) -> None:
    folder = copy.data / "models" / "genre"
    model = ModelArtefact.load(folder / "model")
    made_of(model, folder / "candidates", {model.manifest["members"][0]["name"]: 1.0}).save(folder / "model")
    assert "is not among its 1 registered versions; run the line first" in failure(copy, "registry-and-approval").note


def test_registry_finds_a_policy_that_keeps_no_reason(copy: Workspace) -> None:
    rewrite(copy.configs / "approval.yaml", lambda v: v["policies"]["demo"].update(reason_min_chars=0))
    check = failure(copy, "registry-and-approval")
    assert "an approval without a reason was accepted" in check.note
    assert check.figure.startswith("7 of 8")


def test_registry_finds_an_approval_that_nobody_wrote_down(copy: Workspace) -> None:
    tag(find("demo.genre", copy.home), copy.home, approval="approved")
    assert "the audit log knows nothing of it" in failure(copy, "registry-and-approval").note


def test_registry_finds_a_changed_audit_log(copy: Workspace) -> None:
    from ostinato.security import audit

    path = copy.state / "audit.jsonl"
    for reason in ("good", "better", "best"):
        audit.append(path, "approval.refused", model="demo.genre", version="1.0.0", reason=reason)
    assert validate(copy, ("registry-and-approval",)).passed
    path.write_text(path.read_text(encoding="utf-8").replace("better", "worse"), encoding="utf-8")
    assert "entry 2 does not follow from the one before it" in failure(copy, "registry-and-approval").note


def test_registry_check_writes_nothing(copy: Workspace) -> None:
    before = find("demo.genre", copy.home)
    assert validate(copy, ("registry-and-approval",)).passed
    assert find("demo.genre", copy.home) == before
    assert not (copy.state / "audit.jsonl").exists()


def test_monitoring_finds_an_eye_that_never_opens(copy: Workspace) -> None:
    rewrite(copy.configs / "drift.yaml", lambda v: v["features"].update(threshold=1e-300, alone=None))
    check = failure(copy, "monitoring")
    assert "batch 1 with moved features is judged not drifted" in check.note
    assert check.figure.startswith("1 of 2")


def test_monitoring_finds_an_alarm_about_nothing(copy: Workspace) -> None:
    rewrite(copy.configs / "drift.yaml", lambda v: v["features"].update(threshold=0.999, share=0.001))
    assert "batch 1 of the baseline is judged drifted" in failure(copy, "monitoring").note


def test_scoring_finds_a_heavy_artefact(copy: Workspace) -> None:
    (copy.data / "models" / "genre" / "model" / "notes.bin").write_bytes(b"\0" * 6_000_000)
    note = failure(copy, "scoring").note
    assert "the bound is 5,000,000" in note


def test_scoring_finds_a_slow_and_hungry_artefact(copy: Workspace) -> None:
    rewrite(copy.configs / "validation.yaml", lambda v: v["scoring"].update(p50_ms=1e-6, p99_ms=1e-6, rss_bytes=1000))
    note = failure(copy, "scoring").note
    assert "half of the rows take more than" in note
    assert "1 in 100 rows takes more than" in note
    assert "of memory" in note


def test_isolation_finds_two_workspaces_of_one_name_and_one_folder(copy: Workspace) -> None:
    twin = copy.home / "workspaces" / "twin"
    twin.mkdir(parents=True)
    shutil.copy(copy.root / "params.yaml", twin)
    (twin / ".ostinato").symlink_to(copy.state)
    check = failure(copy, "isolation")
    assert "2 workspaces are called 'demo'" in check.note
    assert f"share {copy.state}" in check.note


def test_isolation_finds_a_state_that_all_share(copy: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Workspace, "state", property(lambda self: self.home / ".ostinato"))
    note = failure(copy, "isolation").note
    assert "alpha → beta: a prediction by its id" in note
    assert "alpha → beta: a cached vector" in note
    assert "alpha → beta: entries of the audit log" in note


def test_isolation_finds_names_that_are_paths(copy: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    import re

    monkeypatch.setattr("ostinato.core.params.NAME", re.compile(""))
    assert "params.yaml with the name '../beta'" in failure(copy, "isolation").note


def test_reproducibility_finds_moved_folds(copy: Workspace) -> None:
    path = copy.data / "features" / "genre" / "folds.parquet"
    folds = read_table(path)
    training = folds.index[folds["fold"] >= 0]
    folds.loc[training[0], "fold"] = 1 - folds.loc[training[0], "fold"]
    write_table(path, folds)
    note = failure(copy, "reproducibility").note
    assert "folds.parquet differs from the one made anew by split@genre" in note
    assert "folds.parquet is not what dvc.lock recorded" in note


def test_reproducibility_finds_a_result_beside_the_lock(copy: Workspace) -> None:
    path = copy.data / "baseline" / "baseline.json"
    write_json(path, read_json(path) | {"rows": 1})
    (copy.data / "features" / "failures.csv").unlink()
    check = failure(copy, "reproducibility")
    assert "data/baseline is not what dvc.lock recorded" in check.note
    assert "data/features/failures.csv is in dvc.lock and not on the disk" in check.note
    assert check.value == 2


def test_folders_have_the_hash_that_dvc_gives_them(finished: Path) -> None:
    lock = yaml.safe_load((finished / "dvc.lock").read_text(encoding="utf-8"))
    outs = {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage.get("outs", [])}
    assert outs["data/models/genre/model"].endswith(".dir")
    assert {path: md5_of(finished / path) for path in outs} == outs


def test_end_to_end_finds_a_raw_file_that_lineage_does_not_know(copy: Workspace) -> None:
    tested = read_table(copy.data / "predictions" / "genre.parquet")["track_id"].iloc[0]
    database = sqlite3.connect(copy.state / "lineage.db")
    with database:
        database.execute("UPDATE files SET sha256 = ? WHERE track_id = ?", ("0" * 64, tested))
    database.close()
    note = failure(copy, "end-to-end").note
    assert "its content differs" in note
    assert "does not know its input as a track of the catalogue" in note


def test_end_to_end_finds_features_of_another_clip(copy: Workspace) -> None:
    path = copy.data / "features" / "audio.parquet"
    table = read_table(path)
    write_table(
        path, pd.concat([table[["track_id"]], table.drop(columns="track_id").iloc[::-1].reset_index(drop=True)], axis=1)
    )
    assert "scored from its file differs by" in failure(copy, "end-to-end").note


# --- a line that has not run ---------------------------------------------------------------------------------------------


@pytest.fixture
def fresh(copy: Workspace) -> Workspace:
    shutil.rmtree(copy.data)
    shutil.rmtree(copy.state)
    (copy.root / "dvc.lock").unlink()
    return copy


def test_without_results_every_check_of_results_says_what_to_do(fresh: Workspace) -> None:
    report = validate(fresh)
    passed = {check.name for check in report.checks if check.passed}
    assert passed == {"environment", "configuration", "isolation"}
    assert all("run the line first: make run" in check.note for check in report.checks if check.name not in passed)
    assert all(check.value is None for check in report.checks if check.name not in passed)
    assert not report.passed
