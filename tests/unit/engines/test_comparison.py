import numpy as np
import pandas as pd
import pytest

from ostinato.automl.export.merge import Part, merged
from ostinato.automl.fitting import Fitted
from ostinato.automl.index import algorithms
from ostinato.automl.space import defaults
from ostinato.engines.artefact import Member, ModelArtefact
from ostinato.engines.comparison import beside_champion
from ostinato.features.table import TableEncoder

NAMES = ("a", "b")


def data(n=200):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(n, 2)).astype(np.float32)
    return X, (X[:, 0] + 0.2 * rng.normal(size=n) > 0).astype(np.int64)


def model(rows, classes=("no", "yes"), names=NAMES):
    X, y = data()
    entry = algorithms()["logistic_regression"]
    content = Fitted.fit(entry, defaults(entry.space), 1, X[rows], y[rows], 2).to_onnx(2)
    graph = merged([Part(1.0, (content,))], 2, 2, classes=True)
    encoder = TableEncoder.of_numbers(names)
    return ModelArtefact.assembled(
        graph, [Member("m", 1.0, {})], kind="binary", target="t", classes=classes, encoder=encoder
    )


@pytest.fixture(scope="module")
def told():
    X, y = data()
    frame = pd.DataFrame(X[100:], columns=list(NAMES))
    return frame, np.array(["no", "yes"])[y[100:]], np.arange(100) // 5


def test_a_model_that_learnt_more_is_better_and_the_sides_mirror(told):
    good, poor = model(slice(0, 100)), model(slice(0, 6))
    found = beside_champion("log_loss", good, poor, *told)
    assert found["verdict"] == "better"
    assert 0 < found["low"] < found["gain"] < found["high"]
    assert found["gain"] == pytest.approx(found["old"] - found["new"], abs=2e-6)
    assert found["groups"] == 20
    back = beside_champion("log_loss", poor, good, *told)
    assert back["verdict"] == "worse"
    assert back["gain"] == -found["gain"]
    assert beside_champion("accuracy", good, good, *told)["verdict"] == "no clear difference"


def test_what_cannot_be_compared_says_why(told):
    good = model(slice(0, 100))
    assert "other labels" in beside_champion("log_loss", good, model(slice(0, 100), ("n", "y")), *told)["skipped"]
    other = model(slice(0, 100), names=("a", "c"))
    assert "cannot score these rows" in beside_champion("log_loss", good, other, *told)["skipped"]
