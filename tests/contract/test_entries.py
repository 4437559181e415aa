"""Entry × check: whatever point of its declared space is drawn, an algorithm keeps the registry's promises."""

import importlib.util
import re
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from ostinato.automl.entry import CLASSIFICATION, Entry, resolve
from ostinato.automl.families.catalogue import method, rendered
from ostinato.automl.fitting import Fitted, run_onnx
from ostinato.automl.index import algorithms, indexed
from ostinato.automl.metrics import METRICS
from ostinato.automl.preparation import PREFIX
from ostinato.automl.space import Bool, Choice, Float, Int, active, defaults, to_optuna
from ostinato.automl.space import settings as settings_of
from ostinato.core.errors import UsageError

ENTRIES = sorted(algorithms())
CASES = [(key, kind) for key in ENTRIES for kind in algorithms()[key].tasks]
SINGLE = [case for case in CASES if case[1] != "multilabel"]  # many labels are many binary problems
ROWS = 120
OUTPUTS = {"binary": 2, "multiclass": 3, "multilabel": 2, "regression": 1}
DEAR = 3  # a cost from which fewer points are drawn
FAULTS = {
    **dict.fromkeys(
        [("catboost_classifier", "nothing to learn"), ("catboost_regressor", "nothing to learn")],
        "CatBoost refuses a table in which no column varies, in so many words",
    ),
}


@pytest.fixture(autouse=True)
def _one_thread():
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        yield


def entry_for(key: str, check: str) -> Entry:
    """The entry; the test is skipped, by name, where its extra is missing or it is exempt with a reason."""
    entry = algorithms()[key]
    package = entry.target.partition(":")[0].partition(".")[0]
    if entry.extra is not None and importlib.util.find_spec(package) is None:
        pytest.skip(f"{key} needs the extra {entry.extra!r}")
    if (key, check) in FAULTS:
        pytest.xfail(FAULTS[key, check])
    if check in entry.exempt:
        pytest.skip(f"{key} is exempt from {check!r}: {entry.exempt[check]}")
    return entry


def labelled(kind: str, z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if kind == "regression":
        return (200 + 40 * z[:, 0] - 25 * z[:, 1] + 3 * rng.normal(size=len(z))).astype(np.float64)
    noise = 0.3 * rng.normal(size=(len(z), OUTPUTS[kind]))
    if kind == "multilabel":
        return (z[:, :2] + noise > 0).astype(np.int64)
    centre = np.eye(z.shape[1], OUTPUTS[kind]) * 2
    return (z @ centre + noise).argmax(axis=1).astype(np.int64)


@cache
def data(kind):
    rng = np.random.default_rng(11)
    X = (rng.normal(size=(ROWS, 5)) * [1, 30, 0.01, 5, 1] + [0, 100, 0, -5, 2]).astype(np.float32)
    return X, labelled(kind, (X - X.mean(axis=0)) / X.std(axis=0), rng)


@cache
def strange():
    """Rows near the training rows, far away, and with gaps: a model and its shipped form must agree on all of them."""
    X, _ = data("regression")
    rng = np.random.default_rng(5)
    rows = np.concatenate([X + rng.normal(size=X.shape).astype(np.float32), X * 50, X[:4], X[:1] * 1e30])
    rows[-5:-1, 0] = [np.nan, np.inf, -np.inf, np.nan]
    rows[-2] = np.nan
    return rows.astype(np.float32)


@cache
def usual(key, kind):
    """The defaults, fitted to the first 90 rows; what several checks look at."""
    entry, (X, y) = algorithms()[key], data(kind)
    return Fitted.fit(entry, defaults(entry.space), 7, X[:90], y[:90], OUTPUTS[kind])


def modest(entry: Entry) -> dict:
    """Defaults with the smallest counts, for checks in which accuracy is not asked for."""
    least = {each.name: each.low for each in settings_of(entry.space) if isinstance(each, Int)}
    return {name: least.get(name, value) for name, value in defaults(entry.space).items()}


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


def assert_sound(kind, scores):
    assert np.isfinite(scores).all()
    if kind != "regression":
        assert scores.min() >= 0
        assert scores.max() <= 1 + 1e-6
    if kind in {"binary", "multiclass"}:
        np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)


def assert_shipped(model, X, y, kind):
    """Sound scores on `X`, and the same from the ONNX model."""
    scores = model.scores(X)
    assert_sound(kind, scores)
    scale = 1.0 if kind != "regression" else float(np.std(y)) or 1.0
    assert np.abs(run_onnx(model.to_onnx(X.shape[1]), X) - scores).max() / scale < 1e-3


# --- what the registry says -------------------------------------------------------------------------------------------


def test_there_are_fifty_methods_and_thirty_for_each_kind():
    entries = list(algorithms().values())
    assert len({method(entry) for entry in entries}) >= 50
    for kind in ("binary", "multiclass", "multilabel", "regression"):
        fitting = [entry for entry in entries if kind in entry.tasks]
        assert len({method(entry) for entry in fitting}) >= 30, kind
        assert len({entry.family for entry in fitting}) >= 8, kind


def test_an_entry_that_does_two_classes_does_labels_or_says_why():
    for entry in algorithms().values():
        if "binary" in entry.tasks:
            assert "multilabel" in entry.tasks or entry.exempt.get("multilabel"), entry.key


def test_no_two_entries_are_one_algorithm_under_two_names():
    seen = {}
    for entry in algorithms().values():
        # what tells entries apart: the class, what is fixed, and what may be set
        facts = entry.target, repr(sorted(entry.fixed.items())), tuple(each.name for each in settings_of(entry.space))
        assert facts not in seen, f"{entry.key} and {seen[facts]}"
        seen[facts] = entry.key


def test_one_key_for_two_entries_is_refused_and_both_are_shown():
    first, second = list(algorithms().values())[:2]
    twin = Entry(first.key, second.target, "x", first.tasks, ())
    with pytest.raises(UsageError, match=re.escape(first.target)) as caught:
        indexed([first, twin])
    assert second.target in str(caught.value)


@pytest.mark.parametrize("key", ENTRIES)
def test_an_entry_is_described(key):
    entry = algorithms()[key]
    assert re.fullmatch(r"[a-z][a-z0-9_]*", key)
    assert entry.paper
    assert 1 <= entry.cost <= 5
    assert entry.tasks in (CLASSIFICATION, ("regression",))
    assert callable(resolve(entry.export))
    names = [each.name for each in settings_of(entry.space)]
    assert len(names) == len(set(names))
    assert all(reason for reason in entry.exempt.values())


def test_the_documentation_lists_every_entry():
    page = Path(__file__).resolve().parents[2] / "docs" / "algorithms.md"
    assert page.read_text(encoding="utf-8") == rendered(), (
        "python -m ostinato.automl.families.catalogue docs/algorithms.md"
    )


# --- an entry's promises ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ENTRIES)
def test_the_default_lies_in_the_space_and_optuna_knows_every_setting(key):
    entry = entry_for(key, "space")
    distributions = to_optuna(entry.space)
    assert set(distributions) == {each.name for each in settings_of(entry.space)}
    for each in settings_of(entry.space):
        assert distributions[each.name]._contains(distributions[each.name].to_internal_repr(each.default))
    point = {name: value for name, value in defaults(entry.space).items() if not name.startswith(PREFIX)}
    built = entry.build(point, 1).get_params()
    assert {name: built[name] for name in point} == point


@pytest.mark.parametrize("key", ENTRIES)
def test_it_clones_and_its_settings_can_be_set(key):
    entry = entry_for(key, "clone")
    point = {name: value for name, value in modest(entry).items() if not name.startswith(PREFIX)}
    built = entry.build(point, 3)
    assert clone(built).get_params() == built.get_params()
    other = entry.build({}, 4).set_params(**point, **({} if entry.seed is None else {entry.seed: 3}))
    assert {name: other.get_params()[name] for name in point} == point


@pytest.mark.parametrize(("key", "kind"), CASES)
def test_any_point_fits_ships_repeats_and_leaves_its_input_alone(key, kind):
    entry = entry_for(key, "any point")
    X, y = data(kind)
    examples = 1 if entry.cost >= DEAR or kind == "multilabel" else 2

    @settings(
        max_examples=examples, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
    )
    @given(points(entry))
    def check(params):
        before = X.copy(), y.copy(), dict(params)
        first = Fitted.fit(entry, params, 7, X, y, OUTPUTS[kind])
        scores = first.scores(strange())
        assert_sound(kind, scores)
        content = first.to_onnx(X.shape[1])
        scale = 1.0 if kind != "regression" else float(np.std(y))
        assert np.abs(run_onnx(content, strange()) - scores).max() / scale < 1e-3
        again = Fitted.fit(entry, params, 7, X, y, OUTPUTS[kind])
        assert again.to_onnx(X.shape[1]) == content, "equal seeds must give equal bytes"
        np.testing.assert_array_equal(X, before[0])
        np.testing.assert_array_equal(y, before[1])
        assert params == before[2]

    check()


@pytest.mark.parametrize(("key", "kind"), CASES)
def test_its_defaults_learn_more_than_a_dummy(key, kind):
    entry_for(key, "learns")
    X, y = data(kind)
    scores, truth = usual(key, kind).scores(X[90:]), y[90:]
    if kind == "regression":
        assert METRICS["rmse"].of(truth, scores) < 0.9 * np.std(truth)
        assert np.corrcoef(scores[:, 0], truth)[0, 1] > 0.5
    elif kind == "multilabel":
        for label in range(2):
            # a label's rows score higher than the others, by far
            assert scores[truth[:, label] == 1, label].mean() > scores[truth[:, label] == 0, label].mean() + 0.03
    else:
        assert METRICS["accuracy"].of(truth, scores) > np.bincount(truth).max() / len(truth) + 0.1
        own = scores[np.arange(len(truth)), truth]
        assert own.mean() > 1 / OUTPUTS[kind] + 0.05


@pytest.mark.parametrize(("key", "kind"), CASES)
def test_its_shipped_form_passes_its_own_proof(key, kind):
    entry_for(key, "ships")
    X, _ = data(kind)
    content = usual(key, kind).exported(X)
    assert len(content) < 5_000_000


@pytest.mark.parametrize(("key", "kind"), [case for case in CASES if case[1] == "multiclass"])
def test_a_class_that_a_fold_lacks_gets_probability_zero(key, kind):
    entry = entry_for(key, "missing class")
    X, y = data(kind)
    rows = y != 1
    model = Fitted.fit(entry, modest(entry), 7, X[rows], y[rows], 3)
    scores = model.scores(X)
    assert scores.shape == (ROWS, 3)
    assert (scores[:, 1] == 0).all()
    assert_shipped(model, X, y, kind)


@pytest.mark.parametrize("key", [key for key, kind in SINGLE if kind == "multiclass"])
def test_two_examples_of_a_class_are_enough(key):
    entry = entry_for(key, "two examples")
    X, y = data("multiclass")
    rows = np.concatenate([np.flatnonzero(y == 0)[:2], np.flatnonzero(y == 1)[:25], np.flatnonzero(y == 2)[:25]])
    assert_shipped(Fitted.fit(entry, modest(entry), 7, X[rows], y[rows], 3), strange(), y, "multiclass")


@cache
def wide(kind):
    """More columns than rows, among them constant, repeated, nearly repeated and gappy ones."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(40, 60)).astype(np.float32)
    y = labelled(kind, X.astype(np.float64), rng)
    X[:, 10], X[:, 11], X[:, 12] = 0, 1e6, X[:, 0]
    X[:, 13] = X[:, 1] * 2 + 1e-6
    X[rng.random(40) < 0.3, 15] = np.nan
    X[:, 16] = np.round(X[:, 16])
    return X, y


@pytest.mark.parametrize(("key", "kind"), [case for case in SINGLE if algorithms()[case[0]].suits(case[1], 40, 60)])
def test_more_columns_than_rows_with_constant_and_repeated_ones(key, kind):
    entry = entry_for(key, "wide")
    X, y = wide(kind)
    model = Fitted.fit(entry, modest(entry), 7, X, y, OUTPUTS[kind])
    assert_shipped(model, np.concatenate([X, X * 100]).astype(np.float32), y, kind)


@pytest.mark.parametrize(("key", "kind"), [case for case in SINGLE if case[1] != "multiclass"])
def test_one_column_and_few_rows(key, kind):
    entry = entry_for(key, "one column")
    X, y = data(kind)
    assert_shipped(Fitted.fit(entry, modest(entry), 7, X[:24, :1], y[:24], OUTPUTS[kind]), strange()[:, :1], y, kind)


@pytest.mark.parametrize(("key", "kind"), [case for case in SINGLE if case[1] != "multiclass"])
def test_nothing_to_learn_from_is_no_crash(key, kind):
    """Columns that never change, and for a regression a target that never does."""
    entry = entry_for(key, "nothing to learn")
    X, y = np.full((30, 3), 2.5, dtype=np.float32), data(kind)[1][:30]
    model = Fitted.fit(entry, modest(entry), 7, X, np.full(30, 4.0) if kind == "regression" else y, OUTPUTS[kind])
    assert_shipped(model, np.concatenate([X, X * 3]).astype(np.float32), y, kind)
    if kind == "regression":
        np.testing.assert_allclose(model.scores(X), 4.0, atol=0.5)


@pytest.mark.parametrize("key", ENTRIES)
def test_a_column_without_any_value_is_no_crash(key):
    entry = entry_for(key, "empty column")
    kind = "binary" if "binary" in entry.tasks else "regression"
    X, y = data(kind)
    X = X[:40].copy()
    X[:, 2] = np.nan
    assert_shipped(Fitted.fit(entry, modest(entry), 7, X, y[:40], OUTPUTS[kind]), strange(), y, kind)


@pytest.mark.parametrize("key", ENTRIES)
def test_categories_and_gaps_reach_it(key):
    """A column of codes that decides the target, with gaps; unseen levels score too."""
    entry = entry_for(key, "categories")
    kind = "binary" if "binary" in entry.tasks else "regression"
    rng = np.random.default_rng(4)
    X = np.stack([rng.normal(size=80), rng.integers(0, 4, 80), rng.normal(size=80)], axis=1).astype(np.float32)
    y = (X[:, 1] >= 2).astype(np.int64) if kind == "binary" else X[:, 1] * 3.0 + rng.normal(size=80)
    X[rng.random(80) < 0.1, 0] = np.nan
    model = Fitted.fit(entry, modest(entry), 7, X, y, OUTPUTS[kind], levels=np.array([0, 4, 0]))
    unseen = X.copy()
    unseen[:30, 1] = np.nan  # what was never seen comes as a gap
    assert_shipped(model, np.concatenate([X, unseen]), y, kind)
