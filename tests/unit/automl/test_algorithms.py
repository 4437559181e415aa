"""Our own estimators against scikit-learn's where the two do the same, and against what is known of them where not."""

import inspect
import warnings

import numpy as np
import pytest
from scipy.optimize import check_grad
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from ostinato.automl.algorithms import (
    additive,
    binned,
    boosting,
    expansions,
    experts,
    factorisation,
    gaussian,
    laplace,
    leaves,
    linear,
    machines,
    margins,
    neighbours,
    rules,
    trees,
)
from ostinato.automl.algorithms.bases import distances, quantiles_of
from ostinato.automl.algorithms.estimator import Classifier, Regressor
from ostinato.automl.rbf import gamma_of

ROOMS = (
    additive, binned, boosting, experts, expansions, factorisation, gaussian, laplace, leaves, linear, machines, margins, neighbours,
    rules, trees,
)  # fmt: skip


def concrete(base):
    """Estimators that can be built: those with an `__init__` of their own or inherited from one of ours."""
    found = {each for room in ROOMS for each in vars(room).values() if inspect.isclass(each) and issubclass(each, base)}
    named = [each for each in found if each.__init__ is not object.__init__ and not each.__name__.startswith("_")]
    return sorted((each for each in named if inspect.signature(each).parameters or not each.__subclasses__()), key=str)


CLASSIFIERS = [each for each in concrete(Classifier) if each not in {Classifier, expansions.ExpandedClassifier}]
REGRESSORS = [each for each in concrete(Regressor) if each not in {Regressor, expansions.ExpandedRegressor}]


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture
def blobs(rng):
    y = np.repeat([0, 1, 2], 40)
    return rng.normal(size=(120, 4)) + np.eye(3, 4)[y] * 2.5, y


@pytest.fixture
def line(rng):
    X = rng.normal(size=(150, 4))
    return X, X @ [1.0, -0.5, 0.0, 0.25] + 0.05 * rng.normal(size=150)


def test_the_lists_of_estimators_are_not_empty():
    assert len(CLASSIFIERS) >= 40
    assert len(REGRESSORS) >= 35


@pytest.mark.parametrize("kind", CLASSIFIERS, ids=lambda kind: kind.__name__)
def test_a_classifier_keeps_the_conventions(kind, blobs):
    X, y = blobs
    names = np.array(["blue", "café", "red"])[y]
    fitted = kind().fit(X, names)
    assert fitted.classes_.tolist() == ["blue", "café", "red"]
    assert fitted.n_features_in_ == 4
    assert fitted.predict_proba(X[:7]).shape == (7, 3)
    assert fitted.predict_proba(X[:1]).shape == (1, 3)
    # one row is judged as it is among others
    np.testing.assert_allclose(fitted.predict_proba(X[5:6])[0], fitted.predict_proba(X)[5], atol=1e-9)
    assert fitted.score(X, names) > 0.45
    assert clone(fitted).get_params() == fitted.get_params()
    with pytest.raises(ValueError, match="NaN"):
        kind().fit(np.where(X > 2, np.nan, X), names)
    with pytest.raises(ValueError, match="1 class"):
        kind().fit(X, np.zeros(len(X)))
    with pytest.raises(ValueError, match="features"):
        fitted.predict_proba(X[:, :2])


@pytest.mark.parametrize("kind", REGRESSORS, ids=lambda kind: kind.__name__)
def test_a_regressor_keeps_the_conventions(kind, line):
    X, y = line
    fitted = kind().fit(X, y)
    assert fitted.n_features_in_ == 4
    assert fitted.predict(X[:1]).shape == (1,)
    np.testing.assert_allclose(fitted.predict(X[5:6])[0], fitted.predict(X)[5], atol=1e-9)
    assert fitted.score(X, y) > 0.3
    assert clone(fitted).get_params() == fitted.get_params()
    with pytest.raises(ValueError, match="NaN"):
        kind().fit(X, np.where(y > 2, np.nan, y))


@pytest.mark.parametrize(
    "kind",
    [
        binned.TreeBayes,
        experts.ExpertsRegressor,
        expansions.QuadraticClassifier,
        gaussian.MixtureDiscriminant,
        laplace.BayesianLogistic,
        leaves.ModelTree,
        linear.LatentRegressor,
        machines.KernelRidgeRegressor,
        margins.CentroidMargins,
        neighbours.NearestClassifier,
        rules.ListRegressor,
    ],
    ids=lambda kind: kind.__name__,
)
def test_scikit_learn_has_nothing_to_object(kind):
    check_estimator(kind(), on_skip=None)


# --- the same as scikit-learn where both do the same ------------------------------------------------------------------


def test_partial_least_squares_is_scikit_learns(line):
    from sklearn.cross_decomposition import PLSRegression

    X, y = line
    theirs = PLSRegression(2, scale=False).fit(X, y)
    np.testing.assert_allclose(linear.LatentRegressor(2).fit(X, y).predict(X), theirs.predict(X).ravel(), atol=1e-9)


def test_partial_least_squares_of_several_targets_is_scikit_learns(blobs):
    from sklearn.cross_decomposition import PLSRegression

    X, y = blobs
    Y = np.eye(3)[y]
    coef, intercept = linear.latent_line(X, Y, 2)
    np.testing.assert_allclose(
        X @ coef.T + intercept, PLSRegression(2, scale=False, tol=1e-12).fit(X, Y).predict(X), atol=1e-6
    )


def test_ridge_line_is_scikit_learns_weights_included(line, rng):
    from sklearn.linear_model import Ridge

    X, y = line
    weights = rng.uniform(0.1, 2, size=len(y))
    coef, intercept = linear.ridge_line(X, y, 3.0, weights)
    theirs = Ridge(3.0).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(coef, theirs.coef_)
    np.testing.assert_allclose(intercept, theirs.intercept_)


def test_categorical_bayes_is_scikit_learns_on_the_same_bins(blobs):
    from sklearn.naive_bayes import CategoricalNB

    X, y = blobs
    ours = binned.CategoricalBayes(bins=4, alpha=0.7).fit(X, y)
    bins = np.stack(
        [(X[:, [c]] > ours.steps_.thresholds[ours.steps_.columns == c]).sum(axis=1) for c in range(4)], axis=1
    )
    theirs = CategoricalNB(alpha=0.7).fit(bins, y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(bins), atol=1e-9)


def test_bernoulli_bayes_is_scikit_learns(blobs):
    from sklearn.naive_bayes import BernoulliNB

    X, y = blobs
    ours = binned.BernoulliBayes(bins=3, alpha=0.7).fit(X, y)
    steps = ours.steps_.apply(X)
    np.testing.assert_allclose(
        ours.predict_proba(X), BernoulliNB(alpha=0.7).fit(steps, y).predict_proba(steps), atol=1e-9
    )


def test_naive_gaussian_is_scikit_learns(blobs):
    from sklearn.naive_bayes import GaussianNB

    X, y = blobs
    np.testing.assert_allclose(
        gaussian.NaiveGaussian(1e-3).fit(X, y).predict_proba(X),
        GaussianNB(var_smoothing=1e-3).fit(X, y).predict_proba(X),
        atol=1e-9,
    )


def test_a_regularised_discriminant_has_fishers_and_the_quadratic_one_as_its_ends(blobs):
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis

    X, y = blobs
    pooled = gaussian.RegularisedDiscriminant(pooled=1.0, sphere=0.0).fit(X, y).predict_proba(X)
    own = gaussian.RegularisedDiscriminant(pooled=0.0, sphere=0.0).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(pooled, LinearDiscriminantAnalysis(solver="lsqr").fit(X, y).predict_proba(X), atol=1e-6)
    # scikit-learn divides by one row less
    np.testing.assert_allclose(own, QuadraticDiscriminantAnalysis().fit(X, y).predict_proba(X), atol=0.06)


@pytest.mark.parametrize("weighted", [False, True])
def test_nearest_neighbours_are_scikit_learns(blobs, weighted):
    from sklearn.neighbors import KNeighborsClassifier

    X, y = blobs
    theirs = KNeighborsClassifier(7, weights="distance" if weighted else "uniform").fit(X, y)
    near = X + 0.3
    np.testing.assert_allclose(
        neighbours.NearestClassifier(7, weighted).fit(X, y).predict_proba(near), theirs.predict_proba(near), atol=1e-6
    )


def test_kernel_ridge_is_scikit_learns(line):
    from sklearn.kernel_ridge import KernelRidge

    X, y = line
    theirs = KernelRidge(alpha=0.3, kernel="rbf", gamma=gamma_of(0.8, 4)).fit(X, y - y.mean())
    np.testing.assert_allclose(
        machines.KernelRidgeRegressor(0.8, 0.3).fit(X, y).predict(X), theirs.predict(X) + y.mean(), atol=1e-8
    )


def test_a_gaussian_process_with_as_many_inducing_rows_as_rows_is_scikit_learns(blobs):
    from sklearn.gaussian_process import GaussianProcessClassifier
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel

    X, y = blobs
    X, y = X[:80], y[:80]
    theirs = GaussianProcessClassifier(ConstantKernel(5.0) * RBF(1.0 * np.sqrt(4)), optimizer=None).fit(X, y)
    ours = laplace.GaussianProcess(width=1.0, variance=5.0, inducing=80).fit(X, y)
    far = np.concatenate([X + 0.2, X * 3])
    # theirs has no intercept, and integrates by an approximation of another order
    np.testing.assert_allclose(ours.predict_proba(far), theirs.predict_proba(far), atol=0.08)


def test_a_process_regression_finds_noise_and_width(rng):
    X = rng.uniform(-2, 2, size=(250, 1))
    y = np.sin(2 * X[:, 0]) + 0.1 * rng.normal(size=250)
    model = machines.ProcessRegressor().fit(X, y)
    assert 0.006 < model.noise_ < 0.016
    assert np.abs(model.predict(X) - np.sin(2 * X[:, 0])).max() < 0.1


# --- gradients --------------------------------------------------------------------------------------------------------


def test_the_evidence_has_the_gradient_that_it_says(rng):
    X, y = rng.normal(size=(20, 3)), rng.normal(size=20)
    apart = distances(X, X)
    point = np.log([0.3, 1.2, 0.2])
    wrong = check_grad(
        lambda p: machines._unlikely(p, apart, y)[0], lambda p: machines._unlikely(p, apart, y)[1], point, epsilon=1e-6
    )
    assert wrong < 1e-4


@pytest.mark.parametrize("classes", [2, 3, 0])
def test_a_factorisation_machine_descends_to_a_point_without_slope(rng, monkeypatch, classes):
    seen = {}
    real = factorisation.minimize

    def kept(loss, start, **options):
        seen["loss"], seen["start"] = loss, start
        return real(loss, start, **options)

    monkeypatch.setattr(factorisation, "minimize", kept)
    X = rng.normal(size=(60, 4))
    if classes:
        factorisation.FactorisationClassifier(2, 0.5).fit(X, np.arange(60) % classes)
    else:
        factorisation.FactorisationRegressor(2, 0.5).fit(X, X[:, 0] * X[:, 1])
    point = seen["start"] + 0.1 * rng.normal(size=len(seen["start"]))
    assert check_grad(lambda p: seen["loss"](p)[0], lambda p: seen["loss"](p)[1], point, epsilon=1e-6) < 1e-5


def test_prototypes_descend_by_their_gradient(rng, monkeypatch, blobs):
    seen = {}
    real = neighbours.minimize

    def kept(loss, start, **options):
        seen["loss"], seen["start"] = loss, start
        return real(loss, start, **options)

    monkeypatch.setattr(neighbours, "minimize", kept)
    neighbours.VectorQuantisation(2).fit(*blobs)
    point = seen["start"] + 0.3 * rng.normal(size=len(seen["start"]))
    assert check_grad(lambda p: seen["loss"](p)[0], lambda p: seen["loss"](p)[1], point, epsilon=1e-6) < 1e-5


# --- what each is for -------------------------------------------------------------------------------------------------


def test_margins_get_the_slope_that_made_the_labels(rng):
    margin = rng.normal(size=(20_000, 1)) * 3
    codes = (rng.uniform(size=20_000) < 1 / (1 + np.exp(-(0.7 * margin[:, 0] - 0.4)))).astype(np.int64)
    slope, offsets = margins.calibrated(margin, codes)
    assert slope == pytest.approx(0.7, abs=0.03)
    assert offsets[0] == pytest.approx(-0.4, abs=0.05)


def test_margins_without_an_error_keep_a_finite_slope():
    slope, _ = margins.calibrated(np.repeat([[-1.0], [1.0]], 30, axis=0), np.repeat([0, 1], 30))
    assert np.isfinite(slope)


@pytest.mark.parametrize(
    "kind", [linear.ConsensusRegressor, linear.TrimmedRegressor, linear.BiweightRegressor, linear.MedianSlopeRegressor]
)
def test_robust_lines_shrug_off_a_tenth_of_nonsense(kind, line):
    X, y = line
    spoilt = y.copy()
    spoilt[:15] += 25.0
    clean = linear.ridge_line(X, spoilt, 1.0)[0]
    model = kind().fit(X, spoilt)
    assert np.abs(model.coef_ - [1.0, -0.5, 0.0, 0.25]).max() < 0.15
    assert np.abs(model.intercept_) < 0.5
    assert np.abs(clean - [1.0, -0.5, 0.0, 0.25]).max() > 0.15


def test_a_log_link_multiplies_and_ends_a_little_above_what_was_seen(rng):
    X = rng.uniform(-1, 1, size=(400, 2))
    y = rng.poisson(np.exp(1.0 + X @ [1.0, -1.0])).astype(float)
    model = linear.LogLinkRegressor(power=1.0, alpha=1e-4, shift=0.05).fit(X, y)
    np.testing.assert_allclose(model.coef_, [1.0, -1.0], atol=0.15)
    assert model.predict([[1e6, -1e6]])[0] <= (y.max() + 0.1) * 1.7


def test_principal_components_leave_out_directions_of_little_variance(rng):
    wide = rng.normal(size=(200, 1)) * 10
    X = np.hstack([wide, wide + 0.01 * rng.normal(size=(200, 1))])
    coef = linear.PrincipalRegressor(0.99).fit(X, wide[:, 0]).coef_
    assert coef[0] == pytest.approx(coef[1], rel=0.05)


def test_least_angles_take_one_of_two_equal_columns(line):
    X, y = line
    model = linear.AngleRegressor(1.0).fit(np.hstack([X, X[:, :1], np.ones((150, 1))]), y)
    assert model.score(np.hstack([X, X[:, :1], np.ones((150, 1))]), y) > 0.99


def test_shrunken_centroids_drop_columns_of_noise(rng):
    y = np.arange(200) % 2
    X = rng.normal(size=(200, 30))
    X[:, 0] += 3 * y
    coef = margins.ShrunkenMargins(threshold=4.0).fit(X, y).coef_[0]
    assert abs(coef[0]) > 0.1
    assert np.count_nonzero(coef[1:]) < 4


def test_a_tree_of_columns_sees_what_naive_bayes_cannot(rng):
    X = rng.normal(size=(2000, 3))
    y = ((X[:, 0] > 0) ^ (X[:, 1] > 0)).astype(int)
    assert binned.TreeBayes(2).fit(X, y).score(X, y) > 0.95
    assert binned.CategoricalBayes(2).fit(X, y).score(X, y) < 0.65


def test_a_table_of_a_tree_holds_distributions(blobs):
    X, y = blobs
    model = binned.TreeBayes(3).fit(X, y)
    tables = np.exp(model.tables_).reshape(4, 3, 3, 3)  # column, own bin, parent's bin, class
    own = tables.sum(axis=1)
    np.testing.assert_allclose(own, 1.0, atol=1e-9)


def test_one_rule_looks_at_one_column(blobs, rng):
    X, y = blobs
    model = binned.OneRule().fit(X, y == 1)
    assert set(model.steps_.columns[np.any(model.coef_ != 0, axis=1)]) == {1}


def test_kernel_bayes_tells_two_humps_from_one(rng):
    y = np.arange(1000) % 2
    X = np.where(y == 1, rng.choice([-2, 2], 1000), 0)[:, None] + 0.5 * rng.normal(size=(1000, 1))
    assert binned.FlexibleBayes().fit(X, y).score(X, y) > 0.95


def test_equally_distant_rows_are_taken_in_their_order():
    X = np.array([[0.0], [1.0], [-1.0], [1.0], [5.0]])
    model = neighbours.NearestClassifier(2, weighted=False).fit(X, [0, 1, 0, 1, 1])
    # of the three rows at distance one the second comes first
    np.testing.assert_allclose(model.predict_proba([[0.0]]), [[0.5, 0.5]])


def test_more_neighbours_than_rows_are_all_rows():
    model = neighbours.NearestRegressor(30, weighted=False).fit([[0.0], [1.0]], [1.0, 3.0])
    assert model.predict([[9.0]])[0] == pytest.approx(2.0)


def test_a_circle_without_rows_says_the_prior(blobs):
    X, y = blobs
    keep = np.concatenate([np.flatnonzero(y == 0)[:30], np.flatnonzero(y == 1)[:10]])
    model = neighbours.RadiusClassifier().fit(X[keep], y[keep])
    np.testing.assert_allclose(model.predict_proba(np.full((1, 4), 1e3)), [[0.75, 0.25]])


def test_a_far_row_hears_its_nearest_window_and_no_division_by_zero():
    model = neighbours.WindowRegressor(0.1).fit([[0.0], [1.0]], [5.0, 7.0])
    assert model.predict([[1e4]])[0] == pytest.approx(7.0)


def test_a_rare_class_is_feasible_for_nu(rng):
    y = (np.arange(100) < 4).astype(int)
    X = rng.normal(size=(100, 2)) + 3 * y[:, None]
    assert machines.ShareMachine(nu=0.9).fit(X, y).score(X, y) > 0.9


def test_relevance_vectors_are_few(rng):
    X = rng.uniform(-3, 3, size=(200, 1))
    model = machines.RelevanceRegressor(0.5).fit(X, np.sin(X[:, 0]))
    assert len(model.dual_) < 60
    assert model.score(X, np.sin(X[:, 0])) > 0.98


def test_a_bayesian_margin_is_less_sure_far_from_the_rows(blobs):
    X, y = blobs
    X, y = X[y < 2][:24], y[y < 2][:24]
    y[::2] = 1 - y[::2]
    sure = laplace.BayesianLogistic().fit(X, y)
    posterior = sure.posteriors_[0]
    plain = 1 / (1 + np.exp(-(X * 8 @ posterior.weights[:-1] + posterior.weights[-1])))
    ours = sure.predict_proba(X * 8)[:, 1]
    assert (np.abs(ours - 0.5) <= np.abs(plain - 0.5) + 1e-12).all()
    assert np.abs(ours - 0.5).mean() < np.abs(plain - 0.5).mean()


def test_columns_of_noise_cost_a_bayesian_little(rng):
    y = np.arange(120) % 2
    X = np.hstack([y[:, None] * 2 + rng.normal(size=(120, 1)), rng.normal(size=(120, 60))])
    weights = np.abs(laplace.BayesianLogistic().fit(X, y).posteriors_[0].weights)
    assert weights[0] > 4 * weights[1:-1].mean()


def test_adaptive_splines_find_a_product_of_hinges(rng):
    X = rng.uniform(-1, 1, size=(600, 6))
    y = np.maximum(X[:, 0], 0) * np.maximum(X[:, 1], 0) * 4 + np.abs(X[:, 2])
    alone = additive.AdaptiveSplineRegressor(terms=16, interactions=False, penalty=0.01).fit(X, y)
    together = additive.AdaptiveSplineRegressor(terms=16, interactions=True, penalty=0.01).fit(X, y)
    assert together.score(X, y) > 0.97
    assert alone.score(X, y) < 0.93


def test_isotonic_curves_are_monotone(rng):
    X = rng.uniform(-2, 2, size=(400, 2))
    y = np.sign(X[:, 0]) - X[:, 1] ** 3 + 0.2 * rng.normal(size=400)
    model = additive.IsotonicRegressor().fit(X, y)
    assert model.score(X, y) > 0.9
    path = np.linspace(-2, 2, 50)
    assert (np.diff(model.predict(np.stack([path, 0 * path], axis=1))) >= -1e-9).all()
    assert (np.diff(model.predict(np.stack([0 * path, path], axis=1))) <= 1e-9).all()


def test_a_median_is_not_moved_by_a_tail(rng):
    X = rng.uniform(-1, 1, size=(600, 2))
    y = X[:, 0] + np.where(rng.uniform(size=600) < 0.2, 50.0, 0.0)
    model = leaves.MedianForest(random_state=1).fit(X, y)
    assert np.median(np.abs(model.predict(X) - X[:, 0])) < 0.3


def test_a_median_forest_of_one_value_says_it():
    assert leaves.MedianForest().fit(np.arange(12.0)[:, None], np.full(12, 3.0)).predict([[5.0]])[0] == pytest.approx(
        3.0
    )


def test_a_model_tree_is_exact_where_lines_meet(rng):
    X = rng.uniform(-1, 1, size=(500, 2))
    y = np.where(X[:, 0] > 0.2, 4 + 3 * X[:, 1], -2 * X[:, 1])
    assert leaves.ModelTree(leaves=4, alpha=0.1).fit(X, y).score(X, y) > 0.97


def test_a_decision_list_reads_as_its_rules_say(rng):
    X = rng.uniform(-1, 1, size=(400, 3))
    y = ((X[:, 0] > 0.3) & (X[:, 1] < 0)).astype(int)
    model = rules.ListClassifier().fit(X, y)
    by_hand = []
    for row in X:
        fits = [all((row[c] > t) == above for c, t, above in rule) for rule in model.rules_]
        by_hand.append(model.said_[fits.index(True)])
    np.testing.assert_allclose(model.predict_proba(X), by_hand)
    assert model.score(X, y) > 0.98
    assert len(model.rules_) <= model.rules + 1
    assert model.rules_[-1] == ()


def test_rules_are_sparse_where_one_of_them_is_all(rng):
    X = rng.uniform(-1, 1, size=(400, 5))
    y = 2.0 * ((X[:, 0] > 0) & (X[:, 1] > 0))
    model = rules.RuleRegressor(penalty=20.0, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.95


def test_rotations_keep_lengths(rng):
    X = rng.normal(size=(50, 7))
    model = trees.RotationRegressor(3).fit(X, X[:, 0])
    for groups, axes in zip(model.groups_, model.axes_, strict=True):
        for start in range(0, 9, 3):
            square = axes[:, start : start + 3]
            np.testing.assert_allclose(square @ square.T, np.eye(3), atol=1e-9)
        assert set(groups[0].tolist()) | set(groups[1].tolist()) | set(groups[2].tolist()) == set(range(7))


def test_logit_boost_approaches_the_labels_with_more_rounds(rng):
    X = rng.normal(size=(300, 3))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    losses = [
        -np.log(boosting.LogitBoost(rounds).fit(X, y).predict_proba(X)[np.arange(300), y]).mean()
        for rounds in (2, 10, 50)
    ]
    assert losses[0] > losses[1] > losses[2]


def test_votes_of_ada_boost_become_honest_probabilities(rng):
    X = rng.normal(size=(900, 3))
    chance = 1 / (1 + np.exp(-2 * X[:, 0]))
    y = (rng.uniform(size=900) < chance).astype(int)
    model = boosting.AdaptiveClassifier(random_state=0).fit(X[:600], y[:600])
    held = model.predict_proba(X[600:])[:, 1]
    assert abs(held.mean() - y[600:].mean()) < 0.07
    assert -np.log(np.where(y[600:] == 1, held, 1 - held)).mean() < 0.62


def test_ada_boost_of_rows_that_say_nothing_says_the_shares():
    model = boosting.AdaptiveClassifier().fit(np.ones((30, 2)), np.arange(30) % 2)
    np.testing.assert_allclose(model.predict_proba(np.ones((1, 2))), [[0.5, 0.5]], atol=0.1)


def test_a_factorisation_machine_finds_a_product(rng):
    X = rng.normal(size=(500, 6))
    y = X[:, 0] * X[:, 1]
    assert factorisation.FactorisationRegressor(3, 0.1).fit(X, y).score(X, y) > 0.95
    assert linear.LatentRegressor().fit(X, y).score(X, y) < 0.2


def test_experts_know_their_regions(rng):
    X = rng.normal(size=(400, 2)) + np.where(np.arange(400)[:, None] % 2, 4, -4)
    y = np.where(X[:, 0] > 0, X[:, 1], -X[:, 1])
    model = experts.ExpertsRegressor(2, 0.3, 0.1).fit(X, y)
    assert model.score(X, y) > 0.95


def test_thresholds_lie_between_values_that_were_seen(rng):
    X = np.round(rng.normal(size=(100, 3)), 1)
    columns, thresholds = quantiles_of(X, 5)
    for column, threshold in zip(columns, thresholds, strict=True):
        assert threshold not in X[:, column]
    assert np.bincount(columns).max() <= 5


def test_functional_links_see_the_inputs(line):
    X, y = line
    linked = expansions.FunctionalLinkRegressor(features=4, penalty=1e-3).fit(X, y)
    assert linked.score(X, y) > expansions.ExtremeLearningRegressor(features=4, penalty=1e-3).fit(X, y).score(X, y)
