import numpy as np
import pytest

from ostinato.automl.export.graph import Graph
from ostinato.automl.fitting import run_onnx
from ostinato.automl.preparation import Preparation, View
from ostinato.automl.target_encoding import STRENGTH

LEVELS = np.array([0, 0, 3, 40])


def rows(n=300, seed=5):
    rng = np.random.default_rng(seed)
    X = np.column_stack(
        [rng.normal(50, 9, n), rng.exponential(1, n), rng.integers(0, 3, n), rng.integers(0, 40, n)]
    ).astype(np.float32)
    X[rng.random(X.shape) < 0.08] = np.nan
    X[3, 0] = np.inf
    return X, (np.nan_to_num(X[:, 3]) % 2 + rng.normal(0, 0.2, n) > 0.5).astype(np.int64)


VIEWS = [
    View(numbers, categories, missing)
    for numbers in ("plain", "standard", "quantile")
    for categories in ("ordinal", "indicators", "target", "both", "pairs")
    for missing in (False, True)
    if not (missing and numbers != "plain")
]


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_the_graph_prepares_as_numpy_does(view):
    X, y = rows()
    preparation, _ = Preparation.learnt(X, view=view, levels=LEVELS, y=y, outputs=2)
    graph = Graph()
    strange = np.concatenate([X * 3, X, np.full((2, 4), np.nan, dtype=np.float32)])
    strange[:, 2:] = np.where(np.isnan(strange[:, 2:]), np.nan, strange[:, 2:] % [[3, 40]])
    expected = preparation.apply(strange)
    content = graph.model(preparation.write(graph, "X"), 4, expected.shape[1])
    found = run_onnx(content, strange)
    np.testing.assert_allclose(found, expected, atol=2e-6, rtol=1e-6)
    if view.numbers == "plain":
        np.testing.assert_array_equal(found.astype(np.float32), expected)
    assert view.missing or np.isfinite(expected).all()


def test_target_means_are_shrunk_and_out_of_fold_for_training_rows():
    X, y = rows()
    preparation, training = Preparation.learnt(X, view=View("plain", "target", True), levels=LEVELS, y=y, outputs=2)
    means = preparation.apply(X)[:, -1]
    own = X[:, 3] == 7
    expected = (y[own].sum() + STRENGTH * y.mean()) / (own.sum() + STRENGTH)
    np.testing.assert_allclose(means[own], expected, rtol=1e-6)
    assert not np.allclose(training[own, -1], expected), "a training row must not be told its own target"
    flipped = y.copy()
    row = int(np.flatnonzero(own)[0])
    flipped[row] = 1 - flipped[row]
    _, again = Preparation.learnt(X, view=View("plain", "target", True), levels=LEVELS, y=flipped, outputs=2)
    assert again[row, -1] == training[row, -1]


def test_pairs_of_columns_tell_what_neither_does_alone():
    rng = np.random.default_rng(3)
    X = rng.integers(0, 6, size=(3000, 2)).astype(np.float32)
    y = ((X[:, 0] + X[:, 1]) % 2).astype(np.int64)
    levels = np.array([6, 6])
    for categories, told in (("target", 0.1), ("pairs", 0.9)):
        view = View("plain", categories)
        preparation, _ = Preparation.learnt(X, view=view, levels=levels, y=y, outputs=2)
        means = preparation.apply(X)
        best = max(abs(np.corrcoef(column, y)[0, 1]) for column in means.T)
        assert (best < told) if categories == "target" else (best > told)


def test_a_noise_category_tells_a_model_nothing_through_its_means():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 200, size=(2000, 1)).astype(np.float32)
    y = rng.integers(0, 2, 2000)
    _, training = Preparation.learnt(X, view=View("plain", "target"), levels=np.array([200]), y=y, outputs=2)
    assert abs(np.corrcoef(training[:, -1], y)[0, 1]) < 0.1


def test_columns_without_a_value_are_left_out_and_gaps_are_told():
    X, _ = rows()
    X = np.column_stack([X, np.full(len(X), np.nan)]).astype(np.float32)
    preparation, prepared = Preparation.learnt(X, scaled=True, levels=np.append(LEVELS, 0))
    assert preparation.numbers.tolist() == [0, 1]
    assert preparation.gaps.tolist() == [0, 1]
    np.testing.assert_array_equal(prepared[:, 2], ~np.isfinite(X[:, 0]))


def test_ranks_map_any_shape_onto_a_bell():
    rng = np.random.default_rng(1)
    X = np.exp(3 * rng.normal(size=(4000, 1))).astype(np.float32)
    preparation, prepared = Preparation.learnt(X, view=View("quantile", "ordinal"))
    assert abs(np.mean(prepared)) < 0.05
    assert np.std(prepared) == pytest.approx(1, abs=0.1)
    order = np.argsort(X[:, 0])
    assert (np.diff(prepared[order, 0]) >= -1e-6).all()
    assert np.abs(preparation.apply(X * 1e6)).max() < 3
