import pandas as pd
import pytest

from ostinato.automl.candidates import Candidates
from ostinato.core.errors import UsageError
from ostinato.core.files import read_table
from ostinato.core.hashing import sha256_of_folder

CANDIDATES = "data/models/genre/candidates"


def test_it_keeps_candidates_that_never_saw_the_test(learnt):
    root, reports = learnt
    found = Candidates.load(root / CANDIDATES)
    folds = read_table(root / "data/features/genre/folds.parquet")
    assert set(found.ids) == set(folds.loc[folds["fold"] != -1, "track_id"])
    assert reports["search"].kept == [each.name for each in found.kept]
    assert reports["search"].families >= 4
    assert reports["search"].failed == 0
    assert found.classes == ("jig", "march", "reel")


def test_the_leaderboard_holds_figures_and_the_journal_times(learnt):
    root, reports = learnt
    board = pd.read_csv(root / "data/reports/genre/leaderboard.csv")
    assert list(board.columns) == ["rank", "algorithm", "family", "score", "std", "trials", "params"]
    assert board["algorithm"].is_unique
    assert board.loc[0, "algorithm"] == reports["search"].best
    journal = pd.read_csv(root / "data/reports/genre/measured/trials.csv")
    assert len(journal) == 18
    assert (journal["seconds"] > 0).all()


def test_two_runs_give_the_same_bytes(learnt, small, line, settings_of):
    root, _ = learnt
    for step in ("split", "search", "ensemble", "evaluate"):
        line(small, step, settings_of())
    for folder in ("data/models", "data/features", "data/predictions"):
        assert sha256_of_folder(root / folder) == sha256_of_folder(small / folder), folder
    for path in (root / "data/reports/genre").glob("*.*"):
        assert path.read_bytes() == (small / "data/reports/genre" / path.name).read_bytes(), path.name


def test_named_algorithms_narrow_the_search(small, line, settings_of):
    line(small, "split", settings_of())
    settings = settings_of(search={"algorithms": ["gaussian_naive_bayes", "linear_discriminant"], "trials": 4})
    report = line(small, "search", settings)
    assert {name[3:] for name in report.kept} == {"gaussian_naive_bayes", "linear_discriminant"}
    with pytest.raises(UsageError, match="'deep_thought' is no algorithm"):
        line(small, "search", settings_of(search={"algorithms": ["deep_thought"]}))


def test_in_time_and_as_regression_the_line_runs_too(small, line, settings_of):
    tracks = read_table(small / "data/clean/tracks.parquet")
    tracks["released"] = pd.date_range("2001-01-01", periods=len(tracks), tz="UTC")
    from ostinato.core.files import write_table

    write_table(small / "data/clean/tracks.parquet", tracks)
    from ostinato.core.params import Problem

    said = settings_of().model_dump(mode="json", by_alias=True)
    said["task"] = {"target": "tempo", "kind": "regression", "inputs": ["audio"], "metric": "rmse"}
    said["split"] = {"kind": "time", "column": "released", "folds": 3, "test_share": 0.2}
    said["search"] |= {"trials": 14, "keep": 3}
    said["evaluate"]["gates"] = {"better_than_dummy": 1.0, "max_calibration_error": None}
    settings = Problem.model_validate(said)
    reports = {step: line(small, step, settings) for step in ("split", "search", "ensemble", "evaluate")}
    assert reports["evaluate"].value < 0.7 * reports["evaluate"].dummy
    assert set(reports["evaluate"].gates) == {"better_than_dummy", "envelope_bytes", "envelope_latency"}
    predictions = read_table(small / "data/predictions/genre.parquet")
    assert list(predictions.columns) == ["track_id", "fold", "actual", "predicted", "confidence"]
    assert "latest ones" in reports["split"].protocol
