"""DVC as its users know it: status, metrics, plots, experiments, push and pull."""

import json
import shutil

import pytest

pytestmark = [pytest.mark.flow]


def stale(installation) -> set[str]:
    return set(json.loads(installation.dvc("status", "--json") or "{}"))


def test_a_change_makes_stale_what_it_touches(installation):
    assert stale(installation) == set()
    installation.change(lambda v: v["problems"]["genre"]["register"].update(purpose="Something else."))
    assert stale(installation) == {"register@genre"}
    installation.change(lambda v: v["problems"]["genre"]["evaluate"].update(bootstrap=21))
    assert stale(installation) == {"evaluate@genre", "register@genre"}
    installation.dvc("repro", "evaluate@genre")
    assert stale(installation) == {"register@genre"}


def test_metrics_and_plots_show_and_differ(installation):
    shown = json.loads(installation.dvc("metrics", "show", "--json"))
    files = shown[""]["data"]
    assert files["data/reports/genre/metrics.json"]["data"]["log_loss"] > 0
    installation.change(lambda v: v["problems"]["genre"]["ensemble"].update(rounds=1, max_members=1))
    installation.dvc("repro", "ensemble@genre", "evaluate@genre")
    differ = json.loads(installation.dvc("metrics", "diff", "--json"))
    assert "data/reports/genre/ensemble.json" in differ
    installation.dvc("plots", "show", "--out", "plots")
    page = (installation.root / "plots" / "index.html").read_text()
    assert "Confusion on the test fold" in page
    assert "Leaderboard" in page


def test_an_experiment_changes_a_parameter_and_is_compared(installation):
    installation.git("checkout", "--quiet", "-B", "try")
    installation.commit("Before")
    said = installation.run("dvc", "exp", "run", "-S", "problems.genre.ensemble.max_members=1", "--name", "lone").stdout
    assert "lone" in said
    shown = installation.dvc("exp", "show", "--csv")
    assert "lone" in shown


def test_data_travels_by_the_default_remote(installation):
    installation.dvc("push")
    before = installation.lock()
    shutil.rmtree(installation.root / "data")
    shutil.rmtree(installation.root / ".dvc" / "cache")
    installation.dvc("pull")
    assert installation.lock() == before
    assert stale(installation) == set()
    assert "Nothing changed" in installation.ostinato("run").stdout
