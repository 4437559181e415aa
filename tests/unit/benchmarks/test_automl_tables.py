"""The benchmark's tables, splits and metric: nothing of the test stands in the training rows, and less is better."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from benchmarks import _automl_runs as runs
from benchmarks import _automl_split as split
from benchmarks._automl_report import standings
from benchmarks._automl_tables import MOST, TABLES, BenchTable, Loaded

OWN = {"target", "group", "moment"}  # the columns that the split adds


def table_of(rows: pd.DataFrame, **kwargs: object) -> BenchTable:
    return BenchTable("made", "regression", "y", Path(__file__), "made here", read=lambda _: rows, **kwargs)  # type: ignore[arg-type]


@pytest.fixture
def rows(rng: np.random.Generator) -> pd.DataFrame:
    n = 2_000
    days = rng.permutation(np.repeat(np.arange(50), 40))
    return pd.DataFrame(
        {"x": rng.normal(size=n), "who": rng.integers(300, size=n), "day": days, "y": rng.normal(size=n)}
    )


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_holds_what_it_says(table: BenchTable) -> None:
    if not table.here():
        pytest.skip(f"the files of {table.name} are not here")
    loaded = table.load()
    assert 1_000 <= len(loaded.X) <= MOST
    assert len(loaded.X) == len(loaded.y)
    assert loaded.y.notna().all()
    hidden = {table.target, *table.dropped, table.group, table.order}
    assert not hidden & set(loaded.X.columns)
    assert not OWN & set(loaded.X.columns)
    labels = loaded.y.nunique()
    assert {"binary": labels == 2, "multiclass": 2 < labels < 50, "regression": labels > 50}[table.kind]
    copies = [name for name in loaded.X if loaded.X[name].astype(str).equals(loaded.y.astype(str))]
    assert not copies


def test_names_are_unique() -> None:
    assert len({table.name for table in TABLES}) == len(TABLES)


@pytest.mark.parametrize("seed", range(5))
def test_no_group_stands_on_both_sides(rows: pd.DataFrame, seed: int) -> None:
    train, test = split.parts(table_of(rows, group="who"), seed)
    assert not set(train["group"]) & set(test["group"])
    assert len(train) + len(test) == len(rows)
    assert "who" not in train


def test_the_latest_days_are_the_test_and_no_day_is_cut(rows: pd.DataFrame) -> None:
    train, test = split.parts(table_of(rows.assign(day=rows["day"] + 10), order="day", dropped={"day": "order"}), 0)
    assert train["moment"].max() < test["moment"].min()
    assert 0.2 < len(test) / len(rows) < 0.3


def test_seeds_give_other_splits_and_the_same_seed_the_same(rows: pd.DataFrame) -> None:
    loaded = Loaded(rows[["x"]], rows["y"], None, None)
    first, again, other = (split.indices(loaded, regression=True, seed=seed)[1] for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_large_table_is_cut_by_whole_groups(rng: np.random.Generator) -> None:
    n = 40_000
    large = pd.DataFrame({"x": rng.normal(size=n), "who": rng.integers(5_000, size=n), "y": rng.normal(size=n)})
    loaded = table_of(large, group="who").load()
    assert loaded.groups is not None
    assert MOST - 50 < len(loaded.X) <= MOST
    whole = large["who"].astype(str).value_counts()
    assert (
        loaded.groups.value_counts() == whole[loaded.groups.unique()].reindex(loaded.groups.value_counts().index)
    ).all()


def test_the_error_of_chances_is_log_loss(rng: np.random.Generator) -> None:
    classes = ["a", "b", "c"]
    truth = pd.Series(rng.choice(classes, 200))
    guess = rng.dirichlet(np.ones(3), 200)
    assert split.error(truth, guess, classes, 1.0) == pytest.approx(log_loss(truth, guess, labels=classes))
    assert split.error(truth, guess * 3, classes, 1.0) == pytest.approx(log_loss(truth, guess, labels=classes))


def test_a_label_that_training_never_saw_costs_what_certainty_costs() -> None:
    truth = pd.Series(["a", "new"])
    value = split.error(truth, np.array([[1.0, 0.0], [0.5, 0.5]]), ["a", "b"], 1.0)
    assert value == pytest.approx(-np.log(1e-15) / 2)


def test_the_dummy_of_a_regression_is_near_one(rng: np.random.Generator) -> None:
    values = pd.Series(rng.normal(5, 3, 4_000))
    assert split.dummy(values[:3_000], values[3_000:], "regression") == pytest.approx(1, abs=0.05)


def told(system: str, seed: int, error: float, table: str = "t") -> dict[str, object]:
    return {"system": system, "table": table, "kind": "binary", "seed": seed, "error_value": error, "dummy": 0.7}


def test_only_seeds_that_all_finished_are_compared() -> None:
    found = [told("ostinato", 0, 0.50), told("ostinato", 1, 0.10), told("flaml", 0, 0.49), told("catboost", 0, 0.51)]
    (row,) = standings(found)
    assert row.seeds == (0,)
    assert row.best_peer == "flaml"
    assert row.behind == pytest.approx(0.01)


def test_a_failure_of_ours_counts_as_infinitely_behind() -> None:
    broken = {"system": "ostinato", "table": "t", "kind": "binary", "seed": 0, "error": "it broke"}
    (row,) = standings([broken, told("flaml", 0, 0.49)])
    assert row.behind == np.inf
    assert row.failed == {"ostinato": "it broke"}


def test_without_ours_nothing_is_compared() -> None:
    (row,) = standings([told("flaml", 0, 0.49)])
    assert row.behind is None


def test_what_is_kept_is_found_again_where_nothing_newer_was_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "KEPT", tmp_path / "kept.jsonl")
    monkeypatch.setattr(runs, "STORE", tmp_path / "store")
    monkeypatch.setattr(runs, "version_of", lambda system: "2")
    runs.kept.cache_clear()
    run = runs.Run("flaml", TABLES[0], 1, 60)
    assert run.stored() is None
    result = {
        "system": "flaml",
        "table": TABLES[0].name,
        "seed": 1,
        "budget": 60.0,
        "version": "1",
        "date": "2026-01-01",
    }
    runs.keep([result, result | {"seed": 2, "error_value": 0.25}])
    runs.keep([result | {"error_value": 0.5}])
    assert run.stored() == result | {"error_value": 0.5}
    assert runs.Run("flaml", TABLES[0], 1, 5).stored() is None
    assert len(runs.kept()) == 2
    run.file("2").parent.mkdir()
    run.file("2").write_text(json.dumps(result | {"version": "2", "error_value": 0.125}))
    assert run.stored()["error_value"] == 0.125
    runs.kept.cache_clear()
