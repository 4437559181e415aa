import itertools
import json

import numpy as np
import pytest
from PIL import Image

from ostinato.automl.pareto import ParetoFront, dominance, hypervolume, ranks
from ostinato.core.errors import ArtefactError, UsageError

VALUES = {
    "forest": (0.10, 900.0, 4_000_000.0),
    "boosting": (0.11, 60.0, 300_000.0),
    "linear": (0.20, 8.0, 900.0),
    "slow_linear": (0.20, 9.0, 900.0),
    "worse": (0.30, 1000.0, 5_000_000.0),
}
NAMES = ("error", "p99_us", "bytes")


@pytest.fixture
def front():
    return ParetoFront.of(VALUES, NAMES, params={"forest": {"depth": 8}})


def test_sorting_agrees_with_the_definition(rng):
    losses = np.round(rng.random((60, 3)), 1)  # with ties and equal rows
    naive = np.zeros((60, 60), dtype=bool)
    for i, j in itertools.product(range(60), repeat=2):
        naive[i, j] = all(losses[i] <= losses[j]) and any(losses[i] < losses[j])
    np.testing.assert_array_equal(dominance(losses), naive)
    left, expected, rank = set(range(60)), np.zeros(60, dtype=int), 0
    while left:
        now = {j for j in left if not any(naive[i, j] for i in left)}
        expected[list(now)] = rank
        left, rank = left - now, rank + 1
    np.testing.assert_array_equal(ranks(losses), expected)


@pytest.mark.parametrize("objectives", [1, 2, 3, 4])
def test_the_hypervolume_is_the_share_of_points_that_are_dominated(rng, objectives):
    losses = rng.random((12, objectives))
    points = rng.random((40_000, objectives))
    share = (losses[:, None, :] <= points[None]).all(axis=2).any(axis=0).mean()
    assert hypervolume(losses, np.ones(objectives)) == pytest.approx(share, abs=0.01)


def test_points_behind_the_reference_add_nothing():
    assert hypervolume([[1, 1], [5, 0]], [2, 2]) == 1.0
    assert hypervolume(np.empty((0, 2)), [2, 2]) == 0.0


def test_the_front_says_which_member_dominates_what(front):
    assert [m.name for m in front.front] == ["forest", "boosting", "linear"]
    assert front["slow_linear"].dominated_by == ("linear",)
    assert front["worse"].dominated_by == ("forest", "boosting", "linear")
    assert front["worse"].rank == 2
    table = front.frame()
    assert list(table["member"]) == ["forest", "boosting", "linear", "slow_linear", "worse"]
    assert json.loads(table.loc[0, "params"]) == {"depth": 8}


def test_equal_members_are_both_on_the_front():
    front = ParetoFront.of({"a": (1, 1), "b": (1, 1)}, ("x", "y"))
    assert len(front.front) == 2


def test_what_is_maximised_is_better_when_greater():
    front = ParetoFront.of({"a": (0.9, 10), "b": (0.8, 20)}, ("accuracy", "bytes"), ("maximize", "minimize"))
    assert [m.name for m in front.front] == ["a"]
    with pytest.raises(ArtefactError, match=r"a: accuracy is 0\.9, less than 0\.95"):
        front.within(accuracy=0.95)


def test_the_best_that_fits_an_envelope_with_reasons_for_those_before_it(front):
    fit = front.within(bytes=5e5, p99_us=100)
    assert fit.member.name == "boosting"
    assert fit.refused == (("forest", "p99_us is 900, more than 100, bytes is 4e+06, more than 500000"),)
    assert front.within().member.name == "forest"
    with pytest.raises(ArtefactError, match=r"none of 3 members .* linear: bytes is 900, more than 10\)"):
        front.within(bytes=10)
    with pytest.raises(UsageError, match="no such objective; there are error, p99_us, bytes"):
        front.within(megabytes=5)


def test_the_knee_is_the_member_that_gives_up_little_of_each(front):
    assert front.knee(log=("p99_us", "bytes")).name in {"boosting", "linear"}
    assert ParetoFront.of({"a": (0, 10), "b": (1, 1), "c": (10, 0)}, ("x", "y")).knee().name == "b"
    with pytest.raises(UsageError, match="x has values of 0 or less"):
        ParetoFront.of({"a": (0, 10), "c": (10, 0)}, ("x", "y")).knee(log=("x",))


def test_json_and_back(front):
    assert ParetoFront.from_json(front.to_json()) == front
    with pytest.raises(UsageError, match="no Pareto front"):
        ParetoFront.from_json('{"members": [{}]}')


def test_an_empty_front_says_so():
    empty = ParetoFront.of({}, NAMES)
    assert (len(empty), empty.hypervolume(), list(empty.frame().columns)[:2]) == (0, 0.0, ["member", "rank"])
    with pytest.raises(ArtefactError, match="there are no members"):
        empty.within(error=1)
    with pytest.raises(UsageError, match="front is empty"):
        empty.knee()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_values_that_are_no_numbers_are_refused(bad):
    with pytest.raises(UsageError, match="row 1, objective 0"):
        ParetoFront.of({"a": (1.0, 2.0), "b": (bad, 1.0)}, ("x", "y"))
    with pytest.raises(UsageError, match="one value for each of x, y"):
        ParetoFront.of({"a": (1.0,)}, ("x", "y"))


@pytest.mark.parametrize("objectives", [2, 3])
def test_a_plot_is_a_picture_with_the_front_in_colour(tmp_path, objectives):
    front = ParetoFront.of({name: each[:objectives] for name, each in VALUES.items()}, NAMES[:objectives])
    path = front.plot(tmp_path / "new" / "front.png")
    pixels = np.asarray(Image.open(path).convert("HSV"))
    assert pixels.shape == (600, 900, 3)
    assert (pixels[..., 1] > 100).sum() > 200
    assert path.read_bytes() == front.plot(tmp_path / "again.png").read_bytes()


def test_a_plot_needs_two_objectives_that_exist(front, tmp_path):
    with pytest.raises(UsageError, match="'megabytes' is no objective"):
        front.plot(tmp_path / "x.png", colour="megabytes")
    with pytest.raises(UsageError, match="two objectives"):
        ParetoFront.of({"a": (1.0,)}, ("x",)).plot(tmp_path / "x.png")
