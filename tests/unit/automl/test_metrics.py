import numpy as np
import pytest
from sklearn import metrics as theirs

from ostinato.automl.metrics import METRICS, calibration_error


@pytest.fixture
def guesses(rng):
    p = rng.dirichlet([0.6] * 4, 200).round(2) + 1e-3
    return rng.integers(0, 4, 200), p / p.sum(axis=1, keepdims=True)


def test_classification_metrics_equal_scikit_learns(guesses):
    y, p = guesses
    said = p.argmax(axis=1)
    assert METRICS["log_loss"].of(y, p) == pytest.approx(theirs.log_loss(y, p))
    assert METRICS["accuracy"].of(y, p) == pytest.approx(theirs.accuracy_score(y, said))
    assert METRICS["macro_f1"].of(y, p) == pytest.approx(theirs.f1_score(y, said, average="macro"))
    assert METRICS["roc_auc"].of(y, p) == pytest.approx(theirs.roc_auc_score(y, p, multi_class="ovr"))


def test_binary_area_with_ties_equals_scikit_learns(rng):
    y, score = rng.integers(0, 2, 300), rng.random(300).round(1)
    p = np.column_stack([1 - score, score])
    assert METRICS["roc_auc"].of(y, p) == pytest.approx(theirs.roc_auc_score(y, score))


def test_regression_metrics_equal_scikit_learns(rng):
    y, guess = rng.normal(size=50), rng.normal(size=(50, 1))
    assert METRICS["rmse"].of(y, guess) == pytest.approx(theirs.root_mean_squared_error(y, guess[:, 0]))
    assert METRICS["mae"].of(y, guess) == pytest.approx(theirs.mean_absolute_error(y, guess[:, 0]))


def test_one_class_alone_tells_nothing():
    assert METRICS["roc_auc"].of(np.zeros(3), np.array([[0.9, 0.1]] * 3)) == 0.5


def test_calibration_error_is_the_gap_between_sure_and_right():
    p = np.array([[0.8, 0.2]] * 10)
    assert calibration_error(np.array([0] * 8 + [1] * 2), p) == pytest.approx(0)
    assert calibration_error(np.array([0] * 5 + [1] * 5), p) == pytest.approx(0.3)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_loss_and_gain_point_the_same_way(name):
    metric = METRICS[name]
    y = np.array([0, 1, 1, 0])
    good, bad = (np.array([[0.1], [0.9], [0.8], [0.2]]), np.array([[0.9], [0.1], [0.2], [0.8]]))
    if metric.probabilistic:
        good, bad = np.hstack([1 - good, good]), np.hstack([1 - bad, bad])
    assert metric.loss(y, good) < metric.loss(y, bad)
    assert metric.gain(metric.of(y, good), metric.of(y, bad)) > 0
    assert metric.score(metric.loss(y, good)) == metric.of(y, good)
