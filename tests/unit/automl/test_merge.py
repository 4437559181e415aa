import numpy as np
import pytest

from ostinato.automl.export.cost import cost_of
from ostinato.automl.export.merge import Part, fuses, merged
from ostinato.automl.fitting import Fitted, run_onnx
from ostinato.automl.index import algorithms
from ostinato.automl.space import defaults


def fitted(key, outputs=3, rows=slice(None)):
    rng = np.random.default_rng(4)
    X = rng.normal(size=(240, 5)).astype(np.float32)
    X[rng.random(X.shape) < 0.05] = np.nan
    z = np.nan_to_num(X[:, 0]) + 0.3 * rng.normal(size=240)
    y = z if outputs == 1 else np.digitize(z, [-0.5, 0.5][: outputs - 1])
    entry = algorithms()[key]
    scale = (float(y.mean()), float(y.std())) if outputs == 1 else None
    return X, Fitted.fit(entry, defaults(entry.space), 1, X[rows], y[rows], outputs, scale=scale).to_onnx(5)


def bag(key, outputs=3):
    found = [fitted(key, outputs, slice(start, None, 3)) for start in range(3)]
    return found[0][0], tuple(model for _, model in found)


def test_a_vote_is_the_weighted_mean_of_its_members():
    X, forest = fitted("random_forest_classifier")
    _, linear = fitted("logistic_regression")
    model = merged([Part(0.3, (forest,)), Part(0.7, (linear,))], 5, 3, classes=True)
    expected = 0.3 * run_onnx(forest, X) + 0.7 * run_onnx(linear, X)
    np.testing.assert_allclose(run_onnx(model, X), expected / expected.sum(axis=1, keepdims=True), atol=1e-7)


def test_a_temperature_cools_and_keeps_the_order():
    X, linear = fitted("logistic_regression")
    cooled = run_onnx(merged([Part(1.0, (linear,))], 5, 3, temperature=2.0, classes=True), X)
    expected = np.sqrt(run_onnx(linear, X))
    np.testing.assert_allclose(cooled, expected / expected.sum(axis=1, keepdims=True), atol=1e-6)


@pytest.mark.parametrize("key", ["lightgbm_classifier", "xgboost_classifier", "catboost_classifier"])
def test_a_bag_of_boosted_trees_becomes_one_forest_that_averages_margins(key):
    X, models = bag(key)
    assert fuses(models)
    found = run_onnx(merged([Part(1.0, models)], 5, 3, classes=True), X)
    logs = np.mean([np.log(run_onnx(model, X)) for model in models], axis=0)
    expected = np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("key", ["lightgbm_regressor", "xgboost_regressor", "random_forest_regressor", "ridge"])
def test_a_bag_of_regressors_is_their_mean(key):
    X, models = bag(key, 1)
    found = run_onnx(merged([Part(1.0, models)], 5, 1, classes=False), X)
    np.testing.assert_allclose(found, np.mean([run_onnx(model, X) for model in models], axis=0), atol=1e-5)


def test_what_is_equal_is_written_once():
    _, linear = fitted("logistic_regression")
    once, twice = (merged([Part(0.5, (linear,))] * count, 5, 3, classes=True) for count in (1, 2))
    assert len(twice) < 1.15 * len(once)


def test_equal_parts_give_equal_bytes():
    _, models = bag("lightgbm_classifier")
    assert len({merged([Part(1.0, models)], 5, 3, classes=True) for _ in range(3)}) == 1


def test_costs_grow_with_trees_and_rows_kept():
    def cost(key):
        return cost_of(fitted(key)[1])[0]

    assert cost("logistic_regression") < cost("decision_tree_classifier") + 1 < cost("random_forest_classifier")
    assert cost_of(fitted("random_forest_classifier")[1])[1] == len(fitted("random_forest_classifier")[1])
