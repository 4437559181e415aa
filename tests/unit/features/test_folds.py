import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score

from ostinato.core.errors import SplitError, UsageError
from ostinato.features.folds import (
    GroupedFolds,
    NestedFolds,
    PurgedFolds,
    RepeatedFolds,
    StratifiedFolds,
    TimeFolds,
    folds_for,
)
from ostinato.features.folds.balance import Members, balanced


def held_once(plan, rows):
    assert sorted(np.concatenate([test for _, test in plan.pairs])) == list(range(rows))
    for train, test in plan.pairs:
        assert sorted([*train, *test]) == list(range(rows))


def one_by_one(strata, place, shares, seed):
    """The deal by its definition: each group in turn to the bin that it brings nearest to its share."""
    counts = np.zeros((place.max() + 1, strata.max() + 1))
    np.add.at(counts, (place, strata), 1.0)
    rarity = (counts > 0).sum(axis=0)
    rarest = np.where(counts > 0, rarity, np.inf).min(axis=1)
    shuffled = np.random.default_rng(seed).permutation(len(counts))
    order = shuffled[np.lexsort((-counts.sum(axis=1)[shuffled], rarest[shuffled]))]
    total = counts.sum(axis=0)
    filled, chosen = np.zeros((len(shares), len(total))), np.zeros(len(counts), dtype=int)
    for unit in order:
        after, before = filled + counts[unit] - shares[:, None] * total, filled - shares[:, None] * total
        nearer = ((after**2 - before**2) / np.maximum(total, 1) ** 2).sum(axis=1) / shares
        rows_after, rows_before = after.sum(axis=1), before.sum(axis=1)
        nearer += (rows_after**2 - rows_before**2) / len(strata) ** 2 / shares
        chosen[unit] = np.argmin(np.round(nearer, 12))
        filled[chosen[unit]] += counts[unit]
    return chosen


@pytest.mark.parametrize("groups", ["single rows", "large", "mixed"])
@pytest.mark.parametrize("even", [True, False])
def test_dealing_whole_runs_gives_what_dealing_one_by_one_gives(rng, groups, even):
    for trial in range(8):
        n, labels = int(rng.integers(20, 400)), int(rng.integers(1, 6))
        strata = np.arange(n) % labels if even else rng.choice(labels, n, p=rng.dirichlet(np.ones(labels)))
        strata = np.unique(strata, return_inverse=True)[1]
        place = {
            "single rows": np.arange(n),
            "large": rng.integers(0, max(2, n // 6), n),
            "mixed": np.where(rng.random(n) < 0.5, np.arange(n) + n, rng.integers(0, 5, n)),
        }[groups]
        place = np.unique(place, return_inverse=True)[1]
        shares = np.array([0.25, 0.25, 0.25, 0.25]) if trial % 2 else np.array([0.4, 0.2, 0.2, 0.2])
        np.testing.assert_array_equal(
            balanced(Members.of(place, strata), shares, trial), one_by_one(strata, place, shares, trial)
        )


def test_rows_are_stratified_and_each_is_held_out_once(rng):
    y = rng.choice(["a", "b", "ü"], 301, p=[0.7, 0.2, 0.1])
    plan = folds_for("multiclass", y, folds=5, seed=3)
    held_once(plan, 301)
    table = pd.crosstab(y, plan.fold).to_numpy()
    assert (table.max(axis=1) - table.min(axis=1) <= 1).all()
    assert (plan.kind, plan.notes) == ("stratified", ())


def test_many_rows_are_dealt_as_evenly(rng):
    y = rng.choice(4, 60_000, p=[0.9, 0.05, 0.03, 0.02])
    table = pd.crosstab(y, folds_for("multiclass", y).fold).to_numpy()
    assert (table.max(axis=1) - table.min(axis=1) <= 2).all()


def test_the_seed_decides():
    y = np.arange(60) % 3
    one, two, other = (folds_for("multiclass", y, seed=seed).fold for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


def test_groups_stay_whole_and_unknown_ones_stand_alone(rng):
    groups = np.array([None if rng.random() < 0.1 else f"g{n}" for n in rng.integers(0, 40, 300)], dtype=object)
    plan = folds_for("binary", rng.integers(0, 2, 300), groups=groups, folds=4)
    held_once(plan, 300)
    known = pd.DataFrame({"group": groups, "fold": plan.fold}).dropna()
    assert known.groupby("group")["fold"].nunique().max() == 1
    assert len(set(plan.fold[pd.isna(groups)])) > 1


def test_a_regression_is_balanced_by_its_values(rng):
    y = np.sort(rng.lognormal(size=400))
    plan = folds_for("regression", y)
    middles = [np.median(y[test]) for _, test in plan.pairs]
    assert max(middles) - min(middles) < 0.2


def test_every_label_of_a_multilabel_row_is_balanced(rng):
    y = (rng.random((900, 5)) < [0.5, 0.3, 0.1, 0.05, 0.02]).astype(int)
    for groups in (None, rng.integers(0, 300, 900)):
        plan = folds_for("multilabel", y, groups=groups, folds=3)
        held_once(plan, 900)
        shares = np.stack([y[test].sum(axis=0) for _, test in plan.pairs]) / y.sum(axis=0)
        assert np.abs(shares - 1 / 3).max() < 0.08
    assert len(folds_for("multilabel", np.zeros((10, 3)), folds=2).pairs) == 2


@pytest.mark.parametrize(
    ("labels", "folds", "note"),
    [
        (["a"] * 50 + ["b"] * 3, 3, "3 folds instead of 5"),
        (["a"] * 500 + ["b"] * 500 + ["rare"], 5, "1 labels have fewer than 5 rows"),
        (["a", "b"], 2, "2 rows fill 2 folds at most"),
        (["only"] * 9, 5, "one label only"),
        (list(range(40)), 2, "40 labels have fewer than 2 rows"),
    ],
)
def test_rare_labels_are_spread_and_said(labels, folds, note):
    plan = folds_for("multiclass", labels)
    assert len(plan.pairs) == folds
    held_once(plan, len(labels))
    assert any(note in each for each in plan.notes), plan.notes


def test_repeats_differ_and_begin_with_the_first():
    y = np.arange(40) % 2
    once, thrice = folds_for("binary", y, seed=5), folds_for("binary", y, seed=5, repeats=3)
    assert len(thrice.pairs) == 15
    for (a, b), (c, d) in zip(once.pairs, thrice.pairs[:5], strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)
    assert len({tuple(test) for _, test in thrice.pairs}) == 15
    with pytest.raises(UsageError, match="cannot be repeated"):
        RepeatedFolds(TimeFolds(3))


def test_in_time_nothing_later_is_learnt_from(rng):
    when = pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 60, 200), unit="D"))
    plan = folds_for("regression", rng.normal(size=200), time=when, folds=4)
    assert len(plan.pairs) == 4
    for train, test in plan.pairs:
        assert when[train].max() < when[test].min()


def test_groups_in_time_never_stand_on_both_sides(rng):
    groups = rng.integers(0, 60, 300)
    plan = folds_for("binary", rng.integers(0, 2, 300), groups=groups, time=np.arange(300), folds=4)
    for train, test in plan.pairs:
        assert train.max() < test.min()
        assert not set(groups[train]) & set(groups[test])
    assert any("their groups are tested" in note for note in plan.notes)
    with pytest.raises(SplitError, match="no fold keeps rows to train on"):
        folds_for("binary", [0, 1] * 10, groups=["g"] * 20, time=np.arange(20))


def test_purging_and_embargo_fence_the_tested_block(rng):
    start = np.sort(rng.uniform(0, 1000, 400))
    for past_only in (False, True):
        pairs = list(PurgedFolds(4, purge=30, embargo=15, past_only=past_only).split(time=start))
        assert len(pairs) == 4
        for train, test in pairs:
            first, last = start[test].min(), start[test].max() + 30
            before, after = train[start[train] < first], train[start[train] > first]
            assert (start[before] + 30 < first).all()
            assert (start[after] > last + 15).all()
            assert len(after) == 0 or not past_only
            left = (start + 30 < first) | ((start > last + 15) & (not past_only))
            assert len(train) == left.sum()


def test_each_label_may_have_its_own_end_and_dates_take_durations():
    when = pd.date_range("2024-01-01", periods=30, freq="D")
    ends = when + pd.to_timedelta([20 if n == 0 else 1 for n in range(30)], unit="D")
    plan = folds_for("binary", np.arange(30) % 2, time=when, ends=ends, folds=2)
    assert all(0 not in train for train, test in plan.pairs if 10 in test)
    dated = PurgedFolds(2, purge="2D", embargo="1D").plan(time=when)
    assert [train.tolist() for train, _ in dated.pairs] == [list(range(18, 30)), list(range(13))]
    with pytest.raises(UsageError, match="a duration such as '7D'"):
        folds_for("binary", np.arange(30) % 2, time=when, horizon=7)
    with pytest.raises(UsageError, match="no duration"):
        PurgedFolds(2, purge="soon").plan(time=when)
    with pytest.raises(UsageError, match="give a number"):
        PurgedFolds(2, purge="2D").plan(time=np.arange(30))
    with pytest.raises(SplitError, match="row 3 ends before it begins"):
        folds_for("binary", [0, 1] * 5, time=np.arange(10), ends=[1, 2, 3, 0, 5, 6, 7, 8, 9, 10])


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        (StratifiedFolds(4), RepeatedFolds(StratifiedFolds(3), 2)),
        (GroupedFolds(4), GroupedFolds(3)),
        (TimeFolds(3), TimeFolds(2)),
        (PurgedFolds(3, purge=2, embargo=1), PurgedFolds(2, purge=2, embargo=1)),
    ],
)
def test_inner_folds_never_touch_the_outer_test(rng, outer, inner):
    y, groups, time = rng.integers(0, 2, 120), rng.integers(0, 30, 120), rng.permutation(120)
    folds = list(NestedFolds(outer, inner).nested(None, y, groups, time))
    assert len(folds) == outer.n_splits
    for fold in folds:
        assert len(fold.inner) == inner.n_splits
        for train, held in fold.inner:
            assert set(train) | set(held) <= set(fold.train)
            assert not (set(train) | set(held)) & set(fold.test)
            assert not set(train) & set(held)
            if isinstance(outer, GroupedFolds):
                assert not set(groups[train]) & set(groups[held])
            if isinstance(outer, TimeFolds):
                assert time[train].max() < time[held].min()


def test_they_are_splitters_of_scikit_learn(rng):
    X, groups = rng.normal(size=(90, 3)), rng.integers(0, 20, 90)
    y = np.where(X[:, 0] + 0.5 * rng.normal(size=90) > 0, "yes", "no")
    for cv in (
        StratifiedFolds(3),
        GroupedFolds(3),
        RepeatedFolds(GroupedFolds(3), 2),
        TimeFolds(3),
        PurgedFolds(3, 2, 1),
    ):
        scores = cross_val_score(LogisticRegression(), X, y, groups=groups, cv=cv)
        assert len(scores) == cv.get_n_splits()
        assert scores.mean() > 0.6
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=StratifiedFolds(5)).fit(
        X[:8], ["a", "b", "c", "d"] * 2
    )
    assert search.n_splits_ == 2  # as many as these labels allow, and so it says


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: folds_for("binary", []), SplitError, "two rows or more; n_samples=0"),
        (lambda: folds_for("binary", [1]), SplitError, "two rows or more; n_samples=1"),
        (lambda: folds_for("sorting", [1, 2]), UsageError, "one of binary, multiclass"),
        (lambda: folds_for("binary", [0, 1], folds=1), UsageError, "n_splits is 1"),
        (lambda: folds_for("regression", [1.0, np.nan, np.inf, 2.0]), SplitError, r"in 2 rows \(1, 2"),
        (lambda: folds_for("multiclass", ["a", None, "b"]), SplitError, r"in 1 rows \(1"),
        (lambda: folds_for("regression", ["1", "two"]), SplitError, "'two', which is no number"),
        (lambda: folds_for("multilabel", [[0, 2], [1, 1]]), SplitError, "other values than 0 and 1"),
        (lambda: folds_for("multilabel", [0, 1]), UsageError, "multilabel needs"),
        (lambda: folds_for("binary", [0, 1, 0], groups=["a", "b"]), UsageError, "differ in their number of rows: 3, 2"),
        (lambda: folds_for("binary", [0, 1] * 5, groups=["a"] * 10), SplitError, "all 10 rows are one group"),
        (lambda: folds_for("binary", [0, 1] * 5, time=[1] * 10), SplitError, "the same moment"),
        (
            lambda: folds_for("binary", [0, 1] * 2, time=["2020-01-01", "soon", None, "2021-01-01"]),
            SplitError,
            "2 rows have no",
        ),
        (lambda: folds_for("binary", [0, 1], horizon=3), UsageError, "belong to time"),
        (lambda: list(GroupedFolds(2).split(np.zeros((4, 1)))), UsageError, "need groups"),
        (lambda: list(TimeFolds(2, column="day").split(np.zeros((4, 1)))), SplitError, "no column 'day'"),
    ],
)
def test_what_cannot_be_folded_is_refused_with_what_to_do(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_labels_of_mixed_types_and_few_moments_do_not_crash():
    held_once(folds_for("multiclass", np.array([1, "1", "a", True, 2.5, "a"], dtype=object), folds=2), 6)
    plan = folds_for("binary", [0, 1] * 50, time=[0] * 90 + [1] * 10)
    assert [(len(a), len(b)) for a, b in plan.pairs] == [(90, 10)]
    assert "equal moments stay together" in plan.notes[0]
