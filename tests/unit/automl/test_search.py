import dataclasses
import re

import numpy as np
import pytest

from ostinato.automl.candidates import Candidates
from ostinato.automl.entry import CLASSIFICATION, Entry
from ostinato.automl.fitting import Fitted, run_onnx
from ostinato.automl.index import algorithms, suitable
from ostinato.automl.metrics import METRICS
from ostinato.automl.portfolio import Configuration, portfolio
from ostinato.automl.prior import prior
from ostinato.automl.search import Budget, Problem, Search
from ostinato.automl.shipping import diverse, journal, kept, leaderboard, refitted
from ostinato.automl.space import Float, settings
from ostinato.core.errors import ArtefactError, SearchError
from ostinato.features.table import TableEncoder

QUICK = (
    "logistic_regression",
    "gaussian_naive_bayes",
    "k_nearest_classifier",
    "decision_tree_classifier",
    "linear_discriminant",
)
HERE = "tests.unit.automl.strange"
DEPTH = (Float("depth", 1, 2, default=1),)


def strange(manner):
    return Entry(
        manner, f"{HERE}:Strange", "theirs", CLASSIFICATION, DEPTH, fixed={"manner": manner}, seed=None, cost=1
    )


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(7)
    X = rng.normal(size=(80, 6)).astype(np.float32)
    y = (X[:, :3] @ rng.normal(size=(3, 3)) + rng.normal(size=(80, 3))).argmax(axis=1)
    fold = np.arange(80) % 4
    pairs = [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(4)]
    return Problem(X, y, 3, pairs, METRICS["log_loss"])


def entries():
    return suitable("multiclass", 80, 6, QUICK)


def run(problem, entries, trials, seed=3, then=None, threads=1, **how):
    with Search(problem, entries, seed, threads=threads, **how) as search:
        search.run(Budget(trials=trials))
        return search.trials if then is None else then(search)


def told(trials):
    return [(t.entry.key, dict(t.params), t.seed, t.state, t.losses) for t in trials]


@pytest.fixture(scope="module")
def thirty(problem):
    def all_of_it(search):
        best = kept(search, 4)
        whole, dropped = refitted(search, best, [True, False, True, False])
        return search.trials, whole, dropped

    return run(problem, entries(), 30, then=all_of_it, threads=2)


def test_workers_change_the_time_and_nothing_else(problem, thirty):
    def models(search):
        return search.trials, [each.parts for each in kept(search, 4)]

    trials, parts = run(problem, entries(), 30, then=models)
    assert told(trials) == told(thirty[0])
    assert parts == [each.parts for each in thirty[1]]
    assert told(run(problem, entries(), 12, seed=4)) != told(trials[:12])


def test_every_algorithm_starts_from_its_defaults(problem, thirty):
    for entry in entries():
        first = next(t for t in thirty[0] if t.entry.key == entry.key)
        defaults = {s.name: s.default for s in settings(entry.space)}
        assert {name: first.params[name] for name in defaults} == defaults


def test_a_portfolio_comes_first_in_its_order(problem):
    first = [
        Configuration("linear_discriminant", {"shrinkage": 0.25}),
        Configuration("logistic_regression", {"C": 2.0}),
    ]
    trials = run(problem, entries(), 2, portfolio=first)
    assert [t.entry.key for t in trials] == ["linear_discriminant", "logistic_regression"]
    assert [trials[0].params["shrinkage"], trials[1].params["C"]] == [0.25, 2.0]


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "regression"])
def test_the_portfolio_speaks_of_algorithms_and_settings_that_there_are(kind):
    for each in portfolio(kind):
        entry = algorithms()[each.key]
        assert kind in entry.tasks
        known = {s.name: s for s in settings(entry.space)}
        for name, value in each.params.items():
            if name.startswith("view."):
                continue
            low, high = getattr(known[name], "low", None), getattr(known[name], "high", None)
            assert low is None or low <= value <= high, f"{each.key}: {name}={value}"


def test_bad_trials_are_cut_after_their_first_fold(thirty):
    cut = [t for t in thirty[0] if t.state == "pruned"]
    assert cut
    assert all(len(t.losses) == 1 and t.oof is None and "first fold" in t.reason for t in cut)


@pytest.mark.parametrize(
    ("manner", "reason"),
    [
        ("raise", r"FloatingPointError: no convergence at depth [12]"),
        ("die", r"the process died over it \(exit code 7"),
        ("print", "Input contains NaN|not a number|is not finite"),
    ],
)
def test_a_crash_is_written_down_and_the_search_goes_on(problem, manner, reason):
    trials = run(problem, [strange(manner), *entries()], 7)
    failed = [t for t in trials if t.state == "failed"]
    assert {t.entry.key for t in failed} == {manner}
    assert all(re.search(reason, t.reason) for t in failed)
    assert len(trials) == 7
    table = journal(trials, problem.metric)
    assert table.loc[0, "reason"] == failed[0].reason
    assert manner not in set(leaderboard(trials, problem.metric)["algorithm"])


def test_what_eats_memory_is_ended_and_the_search_goes_on(problem):
    trials = run(problem, [strange("eat"), *entries()], 6, memory=500_000_000)
    assert trials[0].state == "failed"
    assert "are allowed; it was ended" in trials[0].reason
    assert [t.state for t in trials].count("complete") >= 3


def test_what_hangs_is_ended_with_the_time_and_the_rest_is_kept(problem):
    with Search(problem, [*entries()[:2], strange("hang")], 3) as search:
        trials = search.run(Budget(seconds=14))
    assert [t.state for t in trials[:2]] == ["complete", "complete"]
    hung = next(t for t in trials if t.entry.key == "hang")
    assert hung.state == "failed"
    assert "it was ended" in hung.reason


def test_nothing_but_crashes_is_an_error_that_says_why(problem):
    with pytest.raises(SearchError, match=r"none of 3 trials completed \(raise: FloatingPointError"):
        run(problem, [strange("raise")], 3)


def test_no_time_is_an_error_that_says_so(problem):
    with Search(problem, entries(), 3) as search, pytest.raises(SearchError, match="the time was over"):
        search.run(Budget(seconds=1e-9))


def test_a_candidate_whose_onnx_form_differs_fails_with_its_reason(problem):
    liar = Entry(
        "liar", "sklearn.linear_model:LogisticRegression", "linear", CLASSIFICATION, (), export=f"{HERE}:lying"
    )
    trials = run(problem, [liar, *entries()], 6)
    failed = next(t for t in trials if t.entry.key == "liar")
    assert failed.state == "failed"
    assert "differs from the fitted model" in failed.reason


def test_what_is_kept_is_diverse(thirty):
    picked = diverse(thirty[0], 4)
    assert max([t.entry.key for t in picked].count(key) for key in QUICK) <= 2
    assert picked[0].loss == min(t.loss for t in thirty[0] if t.state == "complete")


def test_out_of_fold_scores_come_from_models_that_had_not_seen_the_row(problem, thirty):
    trial = next(t for t in thirty[0] if t.entry.key == "logistic_regression")
    train, held = problem.folds[2]
    model = Fitted.fit(trial.entry, trial.params, trial.seed, problem.X[train], problem.y[train], 3)
    np.testing.assert_allclose(trial.oof[held], model.scores(problem.X[held]), atol=1e-9)


def test_a_refit_learns_from_all_rows_and_a_bag_from_each_fold(problem, thirty):
    _, whole, dropped = thirty
    assert dropped == []
    assert [each.whole is not None for each in whole] == [True, False, True, False]
    assert all(len(each.parts) == 4 and len(set(each.parts)) == 4 for each in whole)
    first = whole[0]
    assert first.models(bag=False) == (first.whole,)
    assert first.models(bag=True) == first.parts
    entry = algorithms()[first.key]
    alone = Fitted.fit(entry, first.params, first.seed, problem.X, problem.y, 3)
    np.testing.assert_allclose(run_onnx(first.whole, problem.X), alone.scores(problem.X), atol=1e-5)


def test_the_prior_says_the_shares_of_the_labels(problem):
    found = prior(problem)
    p = run_onnx(found.parts[0], np.full((3, 6), np.nan, dtype=np.float32))
    np.testing.assert_allclose(p, np.tile(np.bincount(problem.y) / 80, (3, 1)), atol=0.01)
    values = prior(dataclasses.replace(problem, y=problem.y * 2.0, outputs=1, metric=METRICS["rmse"]))
    np.testing.assert_allclose(run_onnx(values.parts[0], problem.X[:2]), problem.y.mean() * 2, rtol=1e-6)


def test_candidates_round_trip_and_torn_ones_are_refused(problem, thirty, tmp_path):
    best = thirty[1]
    ids = tuple(f"t{i}" for i in range(80))
    encoder = TableEncoder.of_numbers([f"f{i}" for i in range(6)])
    found = Candidates(
        "multiclass", "log_loss", "y", ("table",), ("a", "b", "c"), encoder, ids, problem.y, tuple(best), ()
    )
    found.save(tmp_path / "c")
    again = Candidates.load(tmp_path / "c")
    assert again.ids == ids
    assert again.encoder == encoder
    assert [each.facts() for each in again.kept] == [each.facts() for each in best]
    assert [(each.parts, each.whole) for each in again.kept] == [(each.parts, each.whole) for each in best]
    np.testing.assert_array_equal(again.kept[0].oof, best[0].oof)
    assert not [p for p in (tmp_path / "c").rglob("*") if p.is_file() and p.suffix not in (".json", ".npy", ".onnx")]
    (tmp_path / "c" / best[1].name / "oof.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(ArtefactError, match="run the step search again"):
        Candidates.load(tmp_path / "c")


@pytest.mark.parametrize(
    "target", ["sklearn.ensemble:GradientBoostingClassifier", "sklearn.ensemble:AdaBoostClassifier"]
)
def test_an_algorithm_of_others_leaves_through_skl2onnx(problem, target):
    entry = Entry("theirs", target, "boosting", CLASSIFICATION, (), fixed={"n_estimators": 5})
    model = Fitted.fit(entry, {}, 1, problem.X, problem.y, 3)
    content = model.exported(problem.X)
    np.testing.assert_allclose(run_onnx(content, problem.X), model.scores(problem.X), atol=1e-4)
    assert content == model.to_onnx(6)


def test_a_kernel_machine_can_be_sure_of_one_class_in_many(rng):
    from ostinato.automl.rbf import RbfSVC

    y = np.repeat(np.arange(7), 15)
    X = 6 * np.eye(7)[y] + rng.normal(size=(105, 7))
    model = RbfSVC(C=3.0, width=1.0, random_state=0).fit(X, y)
    p = model.predict_proba(X)
    assert (model.predict(X) == y).mean() > 0.95
    assert np.median(p.max(axis=1)) > 0.8
