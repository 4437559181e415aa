"""Coverage over many draws, within what a binomial allows; exact counting where few rows can be counted by hand."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from ostinato.core.errors import ArtefactError, UsageError
from ostinato.ensemble.calibrators import shares
from ostinato.ensemble.conformal import ConformalClassifier, ConformalRegressor
from ostinato.ensemble.quantiles import needed, threshold, weights_of

ALPHA = 0.1


def drawn(rng, n, k=4, off=1.7):
    """Probabilities that are too sure, and classes."""
    p = shares(1.5 * rng.normal(size=(n, k)))
    y = (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return shares(off * np.log(p)), y


def mean_within(hits, target, slack=4.0, above=None):
    """The mean of a test's hits by seed is at least the target, up to chance."""
    hits = np.asarray(hits, dtype=float)
    error = hits.std(ddof=1) / np.sqrt(len(hits))
    assert hits.mean() >= target - slack * error, f"{hits.mean():.4f} ± {error:.4f} falls short of {target}"
    if above is not None:
        assert hits.mean() <= above + slack * error, f"{hits.mean():.4f} ± {error:.4f} is more than {above}"


@pytest.mark.parametrize("method", ["lac", "aps", "raps"])
def test_sets_hold_the_truth_as_promised_and_no_more(method):
    n, hits = 99, []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        p, y = drawn(rng, n + 100)
        made = ConformalClassifier(method, at_least_one=False).fit(p[:n], y[:n])
        hits.append(made.sets(p[n:], ALPHA)[np.arange(100), y[n:]].mean())
    # of scores without ties coverage is (n+1)(1−α) / (n+1), rounded up: exactly 0.9 with 99 rows
    mean_within(hits, 0.9, above=0.9)


def test_randomised_sets_are_exact_and_smaller():
    sizes, hits = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        p, y = drawn(rng, 300)
        u = rng.random(300)
        plain = ConformalClassifier("aps", at_least_one=False).fit(p[:200], y[:200]).sets(p[200:])
        fair = ConformalClassifier("aps", at_least_one=False).fit(p[:200], y[:200], u=u[:200]).sets(p[200:], u=u[200:])
        sizes.append((plain.sum(), fair.sum()))
        hits.append(fair[np.arange(100), y[200:]].mean())
    mean_within(hits, 0.9, above=0.91)
    assert np.mean([a - b for a, b in sizes]) > 0


def test_every_class_is_covered_where_that_is_asked():
    by_class, plain = [], []
    for seed in range(80):
        rng = np.random.default_rng(seed)
        p, y = drawn(rng, 800, 3)
        p = shares(np.log(p) + np.array([1.0, 0.0, -1.5]))  # the last class is told too seldom
        for conditional, hits in (("class", by_class), (None, plain)):
            sets = (
                ConformalClassifier(conditional=conditional, at_least_one=False)
                .fit(
                    p[:500],
                    y[:500],
                )
                .sets(p[500:])
            )
            hits.append([sets[y[500:] == c, c].mean() for c in range(3)])
    for c in range(3):
        mean_within([each[c] for each in by_class], 0.9, above=0.92)
    assert np.mean([each[2] for each in plain]) < 0.87, "without asking, the last class is not covered"


def test_every_stratum_is_covered_where_that_is_asked():
    by_stratum, plain = [], []
    for seed in range(80):
        rng = np.random.default_rng(seed)
        noise = rng.integers(0, 2, 600)
        y = rng.normal(0, np.where(noise, 3.0, 1.0))
        name = np.where(noise, "loud", "soft")
        made = ConformalRegressor().fit(np.zeros(300), y[:300], strata=name[:300])
        ends = made.intervals(np.zeros(300), ALPHA, strata=name[300:])
        whole = ConformalRegressor().fit(np.zeros(300), y[:300]).intervals(np.zeros(300), ALPHA)
        for found, hits in ((ends, by_stratum), (whole, plain)):
            inside = (found[:, 0] <= y[300:]) & (y[300:] <= found[:, 1])
            hits.append([inside[noise[300:] == s].mean() for s in (0, 1)])
    for s in (0, 1):
        mean_within([each[s] for each in by_stratum], 0.9, above=0.915)
    assert np.mean([each[1] for each in plain]) < 0.85


def grouped(rng, n_groups):
    """Groups of very different size; rows of one group err alike."""
    sizes = rng.integers(1, 30, n_groups)
    group = np.repeat(np.arange(n_groups), sizes)
    # large groups err least, so that rows counted singly make intervals too narrow for a new group
    return group, rng.normal(0, 4.0 / np.sqrt(sizes))[group] + 0.1 * rng.normal(size=len(group))


def test_a_row_of_a_new_group_is_covered_when_groups_count():
    hits, naive = [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        group, y = grouped(rng, 40)
        new = group >= 20
        row = rng.permutation(np.flatnonzero(new))
        row = row[np.unique(group[row], return_index=True)[1]]  # one row of each new group
        for groups, found in ((group[~new], hits), (None, naive)):
            made = ConformalRegressor().fit(np.zeros((~new).sum()), y[~new], groups=groups)
            ends = made.intervals(np.zeros(len(row)), ALPHA)
            found.append(((ends[:, 0] <= y[row]) & (y[row] <= ends[:, 1])).mean())
    mean_within(hits, 0.9, above=0.96)
    assert np.mean(naive) < np.mean(hits) - 0.02, "counting rows is no worse here, so nothing was shown"
    assert np.mean(naive) < 0.89


@pytest.mark.parametrize("method", ["absolute", "normalised", "cqr"])
def test_intervals_hold_the_truth_as_promised(method):
    hits, widths = [], []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        x = rng.uniform(0.2, 3, 299)
        y = x + x * rng.normal(size=299)
        p = np.column_stack([x - x, x + x]) if method == "cqr" else x
        scale = x if method == "normalised" else None
        cut = slice(None, 199)
        made = ConformalRegressor(method).fit(p[cut], y[cut], scale=None if scale is None else scale[cut])
        ends = made.intervals(p[199:], ALPHA, scale=None if scale is None else scale[199:])
        hits.append(((ends[:, 0] <= y[199:]) & (y[199:] <= ends[:, 1])).mean())
        widths.append(np.corrcoef(ends[:, 1] - ends[:, 0], x[199:])[0, 1] if method != "absolute" else 1)
    mean_within(hits, 0.9, above=0.9)
    assert np.mean(widths) > 0.9


def folded(rng, n=60, new=60, k=5):
    """Fold means as models of a value: out-of-fold predictions, and every fold model's for new rows."""
    y = rng.normal(size=n + new)
    fold = np.arange(n) % k
    means = np.array([y[:n][fold != f].mean() for f in range(k)])
    return y, fold, means[fold], np.repeat(means[:, None], new, axis=1)


def test_cv_plus_intervals_are_covered():
    hits = []
    for seed in range(100):
        y, fold, p, planes = folded(np.random.default_rng(seed))
        ends = ConformalRegressor().fit(p, y[:60], folds=fold).intervals_plus(planes, ALPHA)
        hits.append(((ends[:, 0] <= y[60:]) & (y[60:] <= ends[:, 1])).mean())
    mean_within(hits, 0.88, above=0.95)


def test_cv_plus_intervals_are_those_of_the_paper(rng):
    y, fold, p, planes = folded(rng, 30, 4)
    made = ConformalRegressor().fit(p, y[:30], folds=fold)
    residual = np.abs(y[:30] - p)
    for alpha in (0.1, 0.2, 0.37):
        lower = np.sort(planes[fold, 0] - residual)[int(np.floor(alpha * 31 + 1e-9)) - 1]
        upper = np.sort(planes[fold, 0] + residual)[int(np.ceil((1 - alpha) * 31 - 1e-9)) - 1]
        np.testing.assert_allclose(made.intervals_plus(planes, alpha)[0], [lower, upper])


def test_cv_plus_sets_are_those_of_the_paper_and_covered(rng):
    hits = []
    for seed in range(40):
        own = np.random.default_rng(seed)
        p, y = drawn(own, 150, 3)
        fold = np.arange(100) % 4
        planes = np.stack([shares(np.log(p[100:]) + 0.3 * own.normal(size=(50, 3))) for _ in range(4)])
        p[:100] = shares(np.log(p[:100]) + 0.3 * own.normal(size=(100, 3)))
        made = ConformalClassifier(at_least_one=False).fit(p[:100], y[:100], folds=fold)
        sets = made.sets_plus(planes, ALPHA)
        hits.append(sets[np.arange(50), y[100:]].mean())
    mean_within(hits, 0.9, above=0.92)
    score = 1 - p[np.arange(100), y[:100]]
    for row in range(5):
        for c in range(3):
            below = sum(score[i] < 1 - planes[fold[i], row, c] for i in range(100))
            assert sets[row, c] == (below < 0.9 * 101)


@pytest.mark.parametrize("n", range(1, 25))
@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.2, 0.25, 0.5, 0.9])
def test_thresholds_are_counted_exactly(n, alpha):
    from fractions import Fraction

    rank = -((-(n + 1) * (1 - Fraction(str(alpha)))) // 1)
    expected = float(rank) if rank <= n else np.inf
    assert threshold(np.random.default_rng(n).permutation(n) + 1.0, np.ones(n), alpha) == expected
    assert (n >= needed(alpha)) == np.isfinite(expected)


def test_groups_of_one_row_are_rows(rng):
    scores = rng.normal(size=57)
    for alpha in (0.05, 0.1, 0.5):
        own = weights_of(np.arange(57), np.zeros(57, dtype=int))
        assert threshold(scores, own, alpha) == threshold(scores, np.ones(57), alpha)


def test_a_group_weighs_one_however_many_rows_it_has():
    weights = weights_of(["a", "a", "b"], np.array([0, 0, 0]))
    np.testing.assert_allclose(weights, [0.5, 0.5, 1])
    assert threshold(np.array([1.0, 2.0, 3.0]), weights, 0.5) == 3.0  # (2+1)/2 of weight: a's two rows are one
    assert threshold(np.array([1.0, 2.0, 3.0]), weights, 0.3) == np.inf


def test_too_few_rows_are_said_not_hidden():
    p, y = np.array([[0.8, 0.2]] * 8 + [[0.2, 0.8]]), [0] * 8 + [1]
    made = ConformalClassifier(conditional="class").fit(p, y)
    assert (
        made.notes(0.2) == ("calibration has 1 rows; alpha=0.2 needs 4 for a finite answer",)
        or "class 1 has 1 rows" in made.notes(0.2)[0]
    )
    with pytest.warns(UserWarning, match="infinite"):
        assert made.sets([[0.99, 0.01]], 0.2).tolist() == [[True, True]]
    few = ConformalRegressor().fit([0.0], [1.0])
    with pytest.warns(UserWarning, match="needs 9"):
        assert few.intervals([0.0], 0.1).tolist() == [[-np.inf, np.inf]]
    strange = ConformalRegressor().fit(np.zeros(40), np.arange(40.0), strata=["a"] * 40)
    with pytest.warns(UserWarning, match="never saw"):
        assert np.isinf(strange.intervals([0.0], strata=["b"])).all()


def test_no_rows_at_all_promise_everything():
    with pytest.warns(UserWarning, match="calibration has 0 rows"):
        assert ConformalClassifier().fit(np.zeros((0, 3)), []).sets([[0.2, 0.3, 0.5]]).all()


@pytest.mark.parametrize("options", [{}, {"conditional": "class"}, {"method": "raps", "at_least_one": False}])
@pytest.mark.parametrize(
    "extra", [{}, {"groups": True}, {"strata": True}, {"folds": True}, {"groups": True, "strata": True}]
)
def test_state_survives_json(rng, options, extra):
    p, y = drawn(rng, 200, 3)
    given = {name: np.arange(200) % (2 if name == "strata" else 40) for name in extra}
    made = ConformalClassifier(**options).fit(p, y, **given)
    asked = {"strata": given["strata"]} if "strata" in given else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for state in (made.to_dict(), made.to_dict(alphas=(0.1, 0.3))):
            again = ConformalClassifier.from_dict(json.loads(json.dumps(state, allow_nan=False)))
            for alpha in (0.1, 0.3):
                np.testing.assert_array_equal(again.sets(p, alpha, **asked), made.sets(p, alpha, **asked))
            assert again.guarantee() == made.guarantee()
            assert again.notes() == made.notes()
            assert again.to_dict() == json.loads(json.dumps(state))
        with pytest.raises(UsageError, match="only thresholds"):
            again.sets(p, 0.2, **asked)


def test_a_regressor_survives_json(rng):
    x = rng.uniform(1, 2, 50)
    made = ConformalRegressor("normalised").fit(x, x + rng.normal(size=50), scale=x, folds=np.arange(50) % 5)
    again = ConformalRegressor.from_dict(json.loads(json.dumps(made.to_dict())))
    np.testing.assert_array_equal(again.intervals(x, scale=x), made.intervals(x, scale=x))
    planes = np.tile(x, (5, 1))
    np.testing.assert_array_equal(again.intervals_plus(planes, scale=planes), made.intervals_plus(planes, scale=planes))


@pytest.mark.parametrize(
    "call",
    [
        lambda: ConformalClassifier("best"),
        lambda: ConformalRegressor("best"),
        lambda: ConformalClassifier().fit([[0.5, 0.5]], [0]).sets([[0.2, 0.3, 0.5]]),
        lambda: ConformalClassifier().fit([[0.5, 0.5]], [0], groups=[1, 2]),
        lambda: ConformalClassifier().fit([[0.5, 0.5]], [0]).sets([[0.5, 0.5]], alpha=1.0),
        lambda: ConformalClassifier().fit([[0.5, 0.5]], [0]).sets([[0.5, 0.5]], strata=["a"]),
        lambda: ConformalClassifier().fit([[0.5, 0.5]], [0], strata=["a"]).sets([[0.5, 0.5]]),
        lambda: ConformalClassifier("aps").fit([[0.5, 0.5]], [0], u=[0.5]).sets([[0.5, 0.5]]),
        lambda: ConformalClassifier().fit([[0.5, 0.5]], [0]).sets_plus([[[0.5, 0.5]]]),
        lambda: ConformalRegressor().fit([0.0], [np.nan]),
        lambda: ConformalRegressor().fit([np.inf], [0.0]),
        lambda: ConformalRegressor("cqr").fit([0.0], [0.0]),
        lambda: ConformalRegressor("normalised").fit([0.0], [0.0]),
        lambda: ConformalRegressor("normalised").fit([0.0], [0.0], scale=[0.0]),
        lambda: ConformalRegressor().fit([0.0], [0.0], folds=[0]).intervals_plus([[0.0], [0.0]]),
    ],
)
def test_what_makes_no_sense_is_refused(call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(UsageError):
            call()


@pytest.mark.parametrize(
    "change", [{"kind": "other"}, {"scores": {}}, {"scores": {"values": [None]}}, {"method": "best"}]
)
def test_a_torn_state_is_refused(change):
    state = ConformalRegressor().fit([0.0, 1.0], [0.0, 2.0]).to_dict() | change
    with pytest.raises((ArtefactError, UsageError)):
        ConformalRegressor.from_dict(state)


def test_ends_that_cross_meet_in_the_middle():
    ends = ConformalRegressor("cqr").fit(np.tile([-10.0, 10.0], (20, 1)), np.zeros(20)).intervals([[-1.0, 1.0]])
    assert ends.tolist() == [[0.0, 0.0]]
