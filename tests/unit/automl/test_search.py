import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from ostinato.automl.candidates import Candidates
from ostinato.automl.entry import CLASSIFICATION, Entry
from ostinato.automl.fitting import Fitted, run_onnx
from ostinato.automl.index import algorithms, suitable
from ostinato.automl.metrics import METRICS
from ostinato.automl.search import Problem, Search
from ostinato.automl.shipping import diverse, journal, leaderboard, shipped
from ostinato.automl.space import Float
from ostinato.core.errors import ArtefactError, SearchError

QUICK = (
    "logistic_regression",
    "gaussian_naive_bayes",
    "k_nearest_classifier",
    "decision_tree_classifier",
    "linear_discriminant",
)


class Crashing(ClassifierMixin, BaseEstimator):
    """Fails at every fit, as a third party's algorithm may."""

    def __init__(self, depth=1.0):
        self.depth = depth

    def fit(self, X, y):
        raise FloatingPointError(f"no convergence at depth {self.depth:.0f}")


CRASHING = Entry(
    "crashing", f"{__name__}:Crashing", "theirs", CLASSIFICATION, (Float("depth", 1, 2, default=1),), seed=None
)


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    import sys

    module = type(sys)(__name__)
    module.Crashing = Crashing
    monkeypatch.setitem(sys.modules, __name__, module)


@pytest.fixture
def problem(rng):
    X = rng.normal(size=(80, 6)).astype(np.float32)
    y = (X[:, :3] @ rng.normal(size=(3, 3)) + rng.normal(size=(80, 3))).argmax(axis=1)
    fold = np.arange(80) % 4
    pairs = [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(4)]
    return Problem(X, y, 3, pairs, METRICS["log_loss"])


def entries():
    return suitable("multiclass", 80, 6, QUICK)


def told(trials):
    return [(t.entry.key, dict(t.params), t.seed, t.state, t.losses) for t in trials]


def test_threads_change_the_time_and_nothing_else(problem):
    one = Search(problem, entries(), seed=3, threads=1).run(18, 60)
    three = Search(problem, entries(), seed=3, threads=3).run(18, 60)
    other = Search(problem, entries(), seed=4, threads=1).run(18, 60)
    assert told(one) == told(three)
    assert told(one) != told(other)
    assert [a.onnx for a in shipped(problem, one, 4)[0]] == [b.onnx for b in shipped(problem, three, 4)[0]]


def test_every_algorithm_starts_from_its_defaults(problem):
    trials = Search(problem, entries(), seed=3).run(5, 60)
    assert [t.entry.key for t in trials] == [e.key for e in entries()]
    assert trials[0].params == {"C": 0.05, "class_weight": None}


def test_bad_trials_are_cut_after_some_folds(problem):
    trials = Search(problem, entries(), seed=3).run(24, 60)
    cut = [t for t in trials if t.state == "pruned"]
    assert cut
    assert all(len(t.losses) < 4 and t.oof is None and "median" in t.reason for t in cut)


def test_a_crash_is_written_down_and_the_search_goes_on(problem):
    trials = Search(problem, [CRASHING, *entries()], seed=3).run(8, 60)
    failed = [t for t in trials if t.state == "failed"]
    assert [t.entry.key for t in failed] == ["crashing"]
    assert failed[0].reason == "FloatingPointError: no convergence at depth 1"
    assert len(trials) == 8
    table = journal(trials, problem.metric)
    assert table.loc[0, "reason"] == failed[0].reason
    assert "crashing" not in set(leaderboard(trials, problem.metric)["algorithm"])


def test_nothing_but_crashes_is_an_error_that_says_why(problem):
    with pytest.raises(SearchError, match=r"none of 3 trials completed \(crashing: FloatingPointError"):
        Search(problem, [CRASHING], seed=3).run(3, 60)


def test_time_is_a_guard_that_stops_at_the_end_of_a_batch(problem):
    assert len(Search(problem, entries(), seed=3).run(500, 1e-9)) == 4


def test_a_candidate_whose_onnx_form_differs_is_dropped_with_its_reason(problem, monkeypatch):
    import sys

    def lying(graph, x, estimator):
        return graph.op("Softmax", graph.affine(graph.cast(x, np.float64), np.zeros((6, 3)), np.zeros(3)), axis=1)

    sys.modules[__name__].lying = lying
    liar = Entry(
        "liar", "sklearn.linear_model:LogisticRegression", "linear", CLASSIFICATION, (), export=f"{__name__}:lying"
    )
    trials = Search(problem, [liar, *entries()], seed=3).run(6, 60)
    kept, dropped = shipped(problem, trials, 6)
    assert "liar" not in {each.key for each in kept}
    assert dropped[0]["key"] == "liar"
    assert "differs from the fitted model" in dropped[0]["reason"]
    assert [each.rank for each in kept] == list(range(1, len(kept) + 1))


def test_what_is_kept_is_diverse(problem):
    trials = Search(problem, entries(), seed=3).run(30, 60)
    picked = diverse(trials, 4)
    assert max([t.entry.key for t in picked].count(key) for key in QUICK) <= 2
    assert picked[0].loss == min(t.loss for t in trials if t.state == "complete")


def test_out_of_fold_scores_come_from_models_that_had_not_seen_the_row(problem):
    trial = Search(problem, entries(), seed=3).run(1, 60)[0]
    train, held = problem.folds[2]
    model = Fitted.fit(trial.entry, trial.params, trial.seed, problem.X[train], problem.y[train], 3)
    np.testing.assert_allclose(trial.oof[held], model.scores(problem.X[held]), atol=1e-9)


def test_candidates_round_trip_and_torn_ones_are_refused(problem, tmp_path):
    kept, dropped = shipped(problem, Search(problem, entries(), seed=3).run(5, 60), 3)
    ids = tuple(f"t{i}" for i in range(80))
    names = tuple(f"f{i}" for i in range(6))
    found = Candidates(
        "multiclass", "log_loss", "y", ("table",), ("a", "b", "c"), names, ids, problem.y, tuple(kept), tuple(dropped)
    )
    found.save(tmp_path / "c")
    again = Candidates.load(tmp_path / "c")
    assert again.ids == ids
    assert [each.facts() for each in again.kept] == [each.facts() for each in kept]
    np.testing.assert_array_equal(again.kept[0].oof, kept[0].oof)
    assert not [p for p in (tmp_path / "c").rglob("*") if p.is_file() and p.suffix not in (".json", ".npy", ".onnx")]
    (tmp_path / "c" / kept[1].name / "oof.npy").write_bytes(b"\x93NUMPY")
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


def test_entries_build_what_they_say():
    built = algorithms()["logistic_regression"].build({"C": 2.0}, 5)
    assert isinstance(built, LogisticRegression)
    assert (built.C, built.random_state, built.max_iter) == (2.0, 5, 500)


def test_a_kernel_machine_can_be_sure_of_one_class_in_many(rng):
    from ostinato.automl.rbf import RbfSVC

    y = np.repeat(np.arange(7), 15)
    X = 6 * np.eye(7)[y] + rng.normal(size=(105, 7))
    model = RbfSVC(C=3.0, width=1.0, random_state=0).fit(X, y)
    p = model.predict_proba(X)
    assert (model.predict(X) == y).mean() > 0.95
    assert np.median(p.max(axis=1)) > 0.8
