import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from ostinato.automl.optimizer import AutoMLOptimizer
from ostinato.core.errors import NotFittedError, UsageError

LIGHT = ("logistic_regression", "gaussian_naive_bayes", "decision_tree_classifier")


def data(n=120, seed=3):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n), "word": rng.choice(list("xyz"), n)})
    y = np.where(X["a"] + (X["word"] == "x") + 0.3 * rng.normal(size=n) > 0.4, "in", "out")
    return X, y


@pytest.fixture(scope="module")
def found():
    X, y = data()
    return AutoMLOptimizer("binary", trials=9, algorithms=LIGHT, random_state=5, time_budget=None).fit(X, y)


def test_it_keeps_the_best_of_its_trials_as_a_model(found):
    X, y = data(seed=8)
    assert found.best_algorithm_ in LIGHT
    assert found.best_score_ == pytest.approx(found.trials_.query("state == 'complete'")["score"].min())
    assert found.leaderboard()["algorithm"].tolist()[0] == found.best_algorithm_
    assert (found.predict(X) == y).mean() > 0.8
    np.testing.assert_allclose(found.predict_proba(X).sum(axis=1), 1, atol=1e-6)
    assert clone(found).get_params() == found.get_params()
    with pytest.raises(NotFittedError):
        AutoMLOptimizer().predict(X)
    with pytest.raises(UsageError, match="neither time_budget nor trials"):
        AutoMLOptimizer(time_budget=None).fit(X, y)


def test_its_front_weighs_error_time_and_size(found, tmp_path):
    front = found.pareto_
    assert front.objectives == ("error", "latency_us", "bytes")
    best, *rest = front.front
    assert best.values[0] == pytest.approx(found.best_score_)
    assert all(each.values[1] < best.values[1] or each.values[2] < best.values[2] for each in rest)
    assert all(value > 0 for each in front.members for value in each.values)
    front.plot(tmp_path / "front.png")
    assert (tmp_path / "front.png").stat().st_size > 5_000


def run(folder, trials):
    X, y = data()
    how = {"trials": trials, "algorithms": LIGHT, "random_state": 5, "time_budget": None, "storage": folder}
    return AutoMLOptimizer("binary", **how).fit(X, y)


def told(optimizer):
    return optimizer.trials_.drop(columns="seconds")


def test_a_search_goes_on_where_it_was(found, tmp_path):
    first = run(tmp_path / "study", 4)
    lines = (tmp_path / "study" / "trials.jsonl").read_bytes()
    again = run(tmp_path / "study", 9)
    assert (tmp_path / "study" / "trials.jsonl").read_bytes().startswith(lines)
    pd.testing.assert_frame_equal(told(again), told(found))
    pd.testing.assert_frame_equal(told(again).head(4), told(first), check_dtype=False)
    assert again.model_ == found.model_


def test_a_killed_search_goes_on_with_the_same_result(found, tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from tests.unit.automl.test_optimizer import run; run(sys.argv[1], 9)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "study"), str(Path.cwd())])
    journal = tmp_path / "study" / "trials.jsonl"
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") >= 3:
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with journal.open("ab") as stream:
        stream.write(b'{"number": 99, "ke')  # as a kill in the middle of a line leaves it
    again = run(tmp_path / "study", 9)
    pd.testing.assert_frame_equal(told(again), told(found))
    assert again.model_ == found.model_


def test_a_storage_of_other_data_is_refused(tmp_path):
    run(tmp_path / "study", 2)
    X, y = data(seed=9)
    with pytest.raises(UsageError, match="keeps a search on other data"):
        AutoMLOptimizer("binary", trials=2, algorithms=LIGHT, storage=tmp_path / "study").fit(X, y)
