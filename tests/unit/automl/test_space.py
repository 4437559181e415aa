import pytest

from ostinato.automl.entry import Entry, resolve
from ostinato.automl.index import algorithms, indexed, suitable
from ostinato.automl.space import Bool, Choice, Float, Int, When, active, defaults, to_optuna
from ostinato.core.errors import UsageError

SPACE = (
    Choice("kernel", ("linear", "rbf"), default="linear"),
    When("kernel", "rbf", (Float("gamma", 0.01, 1.0, default=0.1, log=True),)),
    Int("degree", 1, 5, default=2),
    Bool("bias", default=True),
)


def test_settings_behind_a_condition_are_drawn_and_then_left_out():
    assert set(to_optuna(SPACE)) == {"kernel", "gamma", "degree", "bias"}
    assert defaults(SPACE) == {"kernel": "linear", "degree": 2, "bias": True}
    point = {"kernel": "rbf", "gamma": 0.5, "degree": 1, "bias": False}
    assert active(SPACE, point) == point


def test_a_duplicate_key_is_refused_and_shows_both():
    one = Entry("twin", "a:One", "linear", ("binary",), ())
    two = Entry("twin", "b:Two", "linear", ("binary",), ())
    with pytest.raises(UsageError, match="'twin': a:One and b:Two"):
        indexed([one, two])


def test_families_take_turns():
    order = suitable("multiclass", 300, 50)
    families = len({entry.family for entry in order})
    assert len({entry.family for entry in order[:families]}) == families


def test_an_algorithm_that_keeps_all_rows_is_left_out_of_large_problems():
    assert "k_nearest_classifier" in {e.key for e in suitable("binary", 1_000, 50)}
    assert "k_nearest_classifier" not in {e.key for e in suitable("binary", 100_000, 50)}


@pytest.mark.parametrize("key", ["no_such_thing", "ridge"])
def test_a_wanted_algorithm_that_cannot_do_it_is_refused_with_the_names_there_are(key):
    with pytest.raises(UsageError, match=rf"'{key}' is no algorithm for binary problems; there are .*rbf_svc"):
        suitable("binary", 100, 5, (key,))


def test_a_target_that_is_not_there_is_named():
    with pytest.raises(UsageError, match=r"sklearn\.svm:NoSuch"):
        resolve("sklearn.svm:NoSuch")


def test_another_package_adds_an_algorithm_by_entry_point(tmp_path, monkeypatch):
    (tmp_path / "their_package.py").write_text(
        "from ostinato.automl.entry import Entry\n"
        "THEIRS = (Entry('their_own', 'sklearn.ensemble:GradientBoostingClassifier', 'boosting', ('binary',), ()),)\n"
    )
    info = tmp_path / "their_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ostinato.algorithms]\ntheirs = their_package:THEIRS\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    algorithms.cache_clear()
    try:
        assert algorithms()["their_own"].build({}, 4).random_state == 4
    finally:
        monkeypatch.undo()
        algorithms.cache_clear()
