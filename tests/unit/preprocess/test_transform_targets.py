"""Codes from the target tell no row its own target, hold what the formulas say, and keep groups together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from ostinato import FeatureTransformer
from ostinato.core.errors import UsageError


def coded(spec: Any, words: Any, y: Any, **more: Any) -> NDArray[Any]:
    return np.asarray(FeatureTransformer({"c": spec}, **more).fit_transform(pd.DataFrame({"c": words}), y))


def noise(seed: int, levels: int, rows: int = 600) -> tuple[pd.DataFrame, NDArray[Any]]:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"c": [f"v{k}" for k in rng.integers(0, levels, rows)]}), rng.integers(0, 2, rows)


def cross_validated(codes: NDArray[Any], y: NDArray[Any]) -> float:
    """AUC of a deep tree on codes made before the folds were."""
    found = []
    for learn, test in StratifiedKFold(5, shuffle=True, random_state=0).split(codes, y):
        tree = DecisionTreeClassifier(min_samples_leaf=5, random_state=0).fit(codes[learn], y[learn])
        found.append(roc_auc_score(y[test], tree.predict_proba(codes[test])[:, 1]))
    return float(np.mean(found))


@pytest.mark.parametrize("levels", [12, 300])
@pytest.mark.parametrize("kind", ["target", "leave_one_out"])
def test_pure_noise_stays_at_chance(kind: str, levels: int) -> None:
    scores, leaky, inside = [], [], []
    for seed in range(4):
        X, y = noise(seed, levels)
        made = FeatureTransformer({"c": kind}, random_state=seed)
        scores.append(cross_validated(np.asarray(made.fit_transform(X, y)), y))
        tree = DecisionTreeClassifier(min_samples_leaf=5, random_state=0)
        inside.append(cross_val_score(make_pipeline(made, tree), X, y, scoring="roc_auc").mean())
        every_row = FeatureTransformer({"c": {"kind": kind, "smooth": 0}}).fit(X, y)
        leaky.append(cross_validated(np.asarray(every_row.transform(X)), y))
    assert abs(np.mean(scores) - 0.5) < 0.03
    assert abs(np.mean(inside) - 0.5) < 0.04
    assert levels == 12 or np.mean(leaky) > 0.6  # the same tree finds the target in codes from all rows


def test_blur_hides_what_leaving_one_out_tells() -> None:
    X, y = noise(0, 12)
    assert cross_validated(coded({"kind": "leave_one_out", "smooth": 5.0, "blur": 0}, X["c"], y), y) > 0.9
    assert cross_validated(coded({"kind": "leave_one_out", "smooth": 5.0}, X["c"], y), y) < 0.6


@pytest.mark.parametrize("kind", ["target", "leave_one_out"])
def test_a_row_is_not_told_its_own_target(kind: str) -> None:
    rng = np.random.default_rng(5)
    words, y = rng.choice(list("abcdef"), 90), rng.normal(size=90)
    spec = {"kind": kind, "smooth": 0.0} | ({"blur": 0} if kind == "leave_one_out" else {})
    first = coded(spec, words, y)
    for row in (0, 17, 89):
        changed = y.copy()
        changed[row] += 1000
        again = coded(spec, words, changed)
        assert again[row, 0] == pytest.approx(first[row, 0], abs=1e-9)
        assert (again != first).any()


@pytest.mark.parametrize("kind", ["target", "leave_one_out"])
def test_a_row_is_not_told_the_target_of_its_group(kind: str) -> None:
    rng = np.random.default_rng(6)
    words, y, groups = rng.choice(list("abc"), 120), rng.normal(size=120), rng.choice([f"g{k}" for k in range(20)], 120)
    made = FeatureTransformer({"c": {"kind": kind, "smooth": 0.0} | ({"blur": 0} if kind == "leave_one_out" else {})})
    X = pd.DataFrame({"c": words})
    first = made.fit_transform(X, y, groups=groups)["c"]
    again = made.fit_transform(X, y + 1000 * (groups == "g3"), groups=groups)["c"]
    own = groups == "g3"
    np.testing.assert_allclose(again[own], first[own])
    assert (again[~own] != first[~own]).any()


def test_codes_are_the_means_of_the_other_rows() -> None:
    words, y = list("aaaabbc"), np.array([1.0, 2, 3, 6, 10, 20, 5])
    found = coded({"kind": "leave_one_out", "smooth": 0, "blur": 0}, words, y, target_type="continuous")[:, 0]
    np.testing.assert_allclose(found, [11 / 3, 10 / 3, 3, 2, 20, 10, y.mean()])
    made = FeatureTransformer({"c": {"kind": "target", "smooth": 2}}, target_type="continuous").fit(
        pd.DataFrame({"c": words}), y
    )
    new = made.transform(pd.DataFrame({"c": ["a", "b", "z", None]}))["c"]
    prior = y.mean()
    np.testing.assert_allclose(new, [(12 + 2 * prior) / 6, (30 + 2 * prior) / 4, prior, prior])


def test_smoothing_is_found_from_how_much_levels_differ() -> None:
    rng, levels, rows = np.random.default_rng(0), 200, 8000
    words = rng.integers(0, levels, rows)
    X = pd.DataFrame({"c": [f"v{k}" for k in words]})

    def strength(spread: float) -> float:
        y = rng.normal(0, spread, levels)[words] + rng.normal(0, 1, rows)
        return float(FeatureTransformer().fit(X, y).description()["blocks"][0]["learnt"]["strength"][0])

    assert strength(1.0) == pytest.approx(1.0, rel=0.3)  # variance within over variance between
    assert strength(0.5) == pytest.approx(4.0, rel=0.3)
    assert strength(0.0) > 100


def test_gaps_are_a_level() -> None:
    found = FeatureTransformer({"c": {"kind": "target", "smooth": 0}}).fit(
        pd.DataFrame({"c": ["a", None, None, "a"]}), [0, 1, 1, 0]
    )
    assert found.transform(pd.DataFrame({"c": [None, "a"]}))["c"].tolist() == [1, 0]


def test_a_column_a_class() -> None:
    words, y = ["a", "b"] * 30, np.array(["reel", "jig", "waltz"] * 20)
    made = FeatureTransformer({"c": "target"})
    found = made.fit_transform(pd.DataFrame({"c": words}), y)
    assert found.columns.tolist() == ["c=jig", "c=reel", "c=waltz"]
    np.testing.assert_allclose(made.transform(pd.DataFrame({"c": words})).sum(axis=1), 1)


@pytest.mark.parametrize(
    "y", [[True, False] * 20, ["yes", "no"] * 20, [1, 0] * 20, [1.0, 0.0] * 20, pd.Categorical(["b", "a"] * 20)]
)
def test_the_second_of_two_classes_counts(y: Any) -> None:
    made = FeatureTransformer({"c": {"kind": "target", "smooth": 0}}).fit(pd.DataFrame({"c": ["p", "q"] * 20}), y)
    assert made.transform(pd.DataFrame({"c": ["p", "q"]}))["c"].tolist() == [1, 0]


def test_crosses_see_what_single_columns_do_not() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.integers(0, 2, (2, 400)).astype(str)
    y = (a == b).astype(int)
    spec = {"kind": "cross", "columns": ["a", "b"], "by": {"kind": "target"}}
    codes = FeatureTransformer({"a": "target", "b": "target"}, [spec]).fit_transform(pd.DataFrame({"a": a, "b": b}), y)
    assert roc_auc_score(y, codes["a*b"]) == 1
    assert roc_auc_score(y, codes["a"]) < 0.7


def test_equal_seeds_give_equal_codes() -> None:
    X, y = noise(1, 50)
    for kind in ("target", "leave_one_out"):
        first, again = (coded({"kind": kind, "smooth": 2}, X["c"], y, random_state=4) for _ in range(2))
        np.testing.assert_array_equal(first, again)
        assert (coded({"kind": kind, "smooth": 2}, X["c"], y, random_state=5) != first).any()


@pytest.mark.parametrize(
    ("y", "groups", "more", "words"),
    [
        ([1, 0, 1], None, {}, "3 values and X 4 rows"),
        ([1, 0, None, 1], None, {}, "missing in 1 of 4"),
        ([[1, 0]] * 4, None, {}, "one target"),
        ([1, 0, 1, 0], [1, 2], {}, "groups have 2 values"),
        ([1, 2, 3, 3], None, {"target_type": "binary"}, "3 classes"),
        (["a", "b", "a", "b"], None, {"target_type": "continuous"}, "wants numbers"),
    ],
)
def test_targets_that_cannot_be_used_are_refused(y: Any, groups: Any, more: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        FeatureTransformer({"c": "target"}, **more).fit_transform(pd.DataFrame({"c": list("abab")}), y, groups=groups)


def test_one_class_one_group_and_few_rows() -> None:
    for y, groups in (([1, 1, 1, 1], None), ([0, 1, 0, 1], ["g"] * 4), ([0.5, 1.5, 2.5, 0], None)):
        for kind in ("target", "leave_one_out"):
            made = FeatureTransformer({"c": kind})
            found = made.fit_transform(pd.DataFrame({"c": ["a", "a", "b", None]}), y, groups=groups)
            assert np.isfinite(found).all(axis=None)
            if groups:
                assert found["c"].nunique() == 1  # nothing is known of a group but itself
