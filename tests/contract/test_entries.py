"""Entry × check: whatever point of its declared space is drawn, an algorithm keeps the registry's promises."""

import warnings
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from ostinato.automl.entry import Entry
from ostinato.automl.fitting import Fitted, run_onnx
from ostinato.automl.index import algorithms
from ostinato.automl.metrics import METRICS
from ostinato.automl.space import Bool, Choice, Float, Int, active, defaults, to_optuna
from ostinato.automl.space import settings as settings_of

ENTRIES = sorted(algorithms())
CASES = [(key, kind) for key in ENTRIES for kind in algorithms()[key].tasks]
ROWS = 170
OUTPUTS = {"binary": 2, "multiclass": 4, "regression": 1}


@pytest.fixture(autouse=True)
def _one_thread():
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        yield


@cache
def data(kind):
    rng = np.random.default_rng(11)
    X = (rng.normal(size=(ROWS, 5)) * [1, 30, 0.01, 5, 1] + [0, 100, 0, -5, 2]).astype(np.float32)
    z = (X - X.mean(axis=0)) / X.std(axis=0)
    if kind == "regression":
        return X, (200 + 40 * z[:, 0] - 25 * z[:, 1] + 3 * rng.normal(size=ROWS)).astype(np.float64)
    centre = rng.normal(size=(5, OUTPUTS[kind])) * 2
    return X, (z @ centre + 0.3 * rng.normal(size=(ROWS, OUTPUTS[kind]))).argmax(axis=1).astype(np.int64)


def points(entry: Entry):
    drawn = {}
    for each in settings_of(entry.space):
        match each:
            case Float() if each.log:
                drawn[each.name] = st.floats(np.log(each.low), np.log(each.high)).map(
                    lambda v, e=each: float(np.clip(np.exp(v), e.low, e.high))
                )
            case Float():
                drawn[each.name] = st.floats(each.low, each.high)
            case Int():
                drawn[each.name] = st.integers(each.low, each.high)
            case Choice():
                drawn[each.name] = st.sampled_from(each.options)
            case Bool():
                drawn[each.name] = st.booleans()
    return st.fixed_dictionaries(drawn).map(lambda point: active(entry.space, point))


def test_there_are_enough_algorithms_and_families():
    for kind in ("binary", "multiclass", "regression"):
        fitting = [entry for entry in algorithms().values() if kind in entry.tasks]
        assert len(fitting) >= 12
        assert len({entry.family for entry in fitting}) >= 4


@pytest.mark.parametrize("key", ENTRIES)
def test_the_default_lies_in_the_space_and_optuna_knows_every_setting(key):
    entry = algorithms()[key]
    distributions = to_optuna(entry.space)
    assert set(distributions) == {each.name for each in settings_of(entry.space)}
    for each in settings_of(entry.space):
        assert distributions[each.name]._contains(distributions[each.name].to_internal_repr(each.default))
    point = defaults(entry.space)
    built = entry.build(point, 1).get_params()
    assert {name: built[name] for name in point} == point


@pytest.mark.parametrize("key", ENTRIES)
def test_it_clones(key):
    entry = algorithms()[key]
    built = entry.build(defaults(entry.space), 3)
    assert clone(built).get_params() == built.get_params()


@pytest.mark.parametrize(("key", "kind"), CASES)
def test_any_point_fits_ships_repeats_and_leaves_its_input_alone(key, kind):
    entry = algorithms()[key]
    X, y = data(kind)
    rng = np.random.default_rng(5)
    # near the training rows, far away, and with gaps: the shipped model must agree on all of them
    strange = np.concatenate([X + rng.normal(size=X.shape).astype(np.float32), X * 50, X[:3]])
    strange[-3:, 0] = [np.nan, np.inf, -np.inf]

    @settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
    @given(points(entry))
    def check(params):
        before = X.copy(), y.copy()
        first = Fitted.fit(entry, params, 7, X, y, OUTPUTS[kind])
        scores = first.scores(strange)
        assert np.isfinite(scores).all()
        if kind != "regression":
            np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
            assert scores.min() >= 0
        content = first.exported(X)
        scale = 1.0 if kind != "regression" else float(np.std(y))
        assert np.abs(run_onnx(content, strange) - scores).max() / scale < 1e-3
        again = Fitted.fit(entry, params, 7, X, y, OUTPUTS[kind])
        np.testing.assert_array_equal(again.scores(strange), scores)
        assert again.to_onnx(X.shape[1]) == content, "equal seeds must give equal bytes"
        np.testing.assert_array_equal(X, before[0])
        np.testing.assert_array_equal(y, before[1])

    check()


@pytest.mark.parametrize(("key", "kind"), CASES)
def test_its_defaults_learn_more_than_a_dummy(key, kind):
    entry = algorithms()[key]
    X, y = data(kind)
    model = Fitted.fit(entry, defaults(entry.space), 7, X[:120], y[:120], OUTPUTS[kind])
    scores = model.scores(X[120:])
    if kind == "regression":
        assert METRICS["rmse"].of(y[120:], scores) < np.std(y[120:])
    else:
        assert METRICS["accuracy"].of(y[120:], scores) > np.bincount(y[120:]).max() / (ROWS - 120) + 0.1


@pytest.mark.parametrize(("key", "kind"), [case for case in CASES if case[1] == "multiclass"])
def test_a_class_that_a_fold_lacks_gets_probability_zero(key, kind):
    entry = algorithms()[key]
    X, y = data(kind)
    rows = y != 2
    scores = Fitted.fit(entry, defaults(entry.space), 7, X[rows], y[rows], 4).scores(X)
    assert scores.shape == (ROWS, 4)
    assert (scores[:, 2] == 0).all()
