"""Every sampler behind the one interface; those of packages that are not installed are skipped by name."""

import importlib.util

import numpy as np
import pytest

from ostinato.automl.optimizers.grid import grid, size
from ostinato.automl.optimizers.optimizer import OptunaOptimizer
from ostinato.automl.optimizers.sampling import NEEDS, SEVERAL
from ostinato.automl.space import Bool, Choice, Float, Int, When, defaults
from ostinato.core.errors import MissingExtraError

SPACE = (
    Float("x", -4.0, 4.0, default=0.0),
    Float("lr", 1e-4, 1.0, default=0.1, log=True),
    Int("k", 1, 30, default=3),
    Int("rounds", 10, 1000, default=100, log=True),
    Choice("kind", ("a", None, True, 1, "True"), default="a"),
    When("kind", "a", (Float("g", 1e-3, 1.0, default=0.1, log=True), Int("depth", 1, 4, default=2))),
    When("kind", None, (Bool("deep", default=False), Choice("loss", ("l1", "l2"), default="l2"))),
    Bool("b", default=True),
    When("k", 3, (Float("on_number", 0.0, 1.0, default=0.5),)),
)
SAMPLERS = ("tpe", "random", "grid", "cmaes", "gp", "nsga2", "hyperopt", "skopt")


def bowl(trial):
    return (trial["x"] - 1) ** 2 + abs(trial["k"] - 5) / 10 + (0.0 if trial["kind"] == "a" else 1.0)


@pytest.fixture(params=SAMPLERS)
def sampler(request):
    package = NEEDS.get(request.param, ("optuna", ""))[0]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    return request.param


def searched(sampler, trials, space=SPACE, jobs=1, **options):
    space = space if sampler != "grid" else (space[0], *space[4:8])
    optimizer = OptunaOptimizer(space, sampler=sampler, seed=2, startup=4, **options)
    optimizer.minimise(bowl if sampler != "grid" else lambda t: t["x"] ** 2, trials=trials, jobs=jobs)
    return optimizer


def told(optimizer):
    return [(r.number, dict(r.params), r.values) for r in optimizer.records]


def test_points_lie_in_the_space_and_only_hold_what_applies(sampler):
    records = searched(sampler, 16).records
    for record in records:
        point = record.params
        assert -4 <= point["x"] <= 4
        assert ("g" in point) == ("depth" in point) == (point["kind"] == "a")
        assert ("deep" in point) == (point["kind"] is None)
        assert type(point["b"]) is bool
        if sampler != "grid":
            assert 1e-4 <= point["lr"] <= 1
            assert 10 <= point["rounds"] <= 1000
            assert type(point["k"]) is type(point["rounds"]) is int
            assert ("on_number" in point) == (point["k"] == 3)
        assert type(point["kind"]) in (str, type(None), bool, int)
    assert len({str(record.params) for record in records}) == 16


def test_points_depend_on_the_seed_and_on_nothing_else(sampler, tmp_path):
    once = searched(sampler, 12)
    assert told(once) == told(searched(sampler, 12, jobs=2))
    searched(sampler, 7, storage=tmp_path / "s.jsonl").close()
    assert told(once) == told(searched(sampler, 12, storage=tmp_path / "s.jsonl"))
    other = OptunaOptimizer(SPACE[:1], sampler=sampler, seed=3, startup=4)
    first = OptunaOptimizer(SPACE[:1], sampler=sampler, seed=4, startup=4)
    assert [other.ask()["x"] for _ in range(3)] != [first.ask()["x"] for _ in range(3)]


def test_samplers_that_learn_do_better_in_the_end(sampler):
    if sampler in ("random", "grid", "nsga2"):
        pytest.skip(f"{sampler} learns nothing in so few trials")
    late = []
    for seed in range(4):
        optimizer = OptunaOptimizer(SPACE[:1], sampler=sampler, seed=seed, startup=5, lag=1)
        optimizer.minimise(lambda t: (t["x"] - 1) ** 2, trials=14 if sampler in ("gp", "skopt") else 40)
        late += [abs(r.params["x"] - 1) for r in optimizer.records[-len(optimizer.records) // 3 :]]
    assert np.median(late) < 1.5  # chance gives 2


def test_warm_starts_come_first_with_every_sampler(sampler):
    start = defaults((SPACE[0], *SPACE[4:8])) | {"x": 1.5}
    optimizer = OptunaOptimizer((SPACE[0], *SPACE[4:8]), sampler=sampler, warm_start=[start], startup=2)
    optimizer.minimise(lambda t: t["x"] ** 2, trials=4)
    assert dict(optimizer.records[0].params) == start


def test_a_missing_package_is_named_with_the_line_that_installs_it(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in {n for n, _ in NEEDS.values()} else found(name)
    )
    for name, (package, line) in NEEDS.items():
        with pytest.raises(MissingExtraError) as refused:
            OptunaOptimizer(SPACE, sampler=name)
        assert package in str(refused.value)
        assert str(refused.value).endswith(line)


def test_several_objectives_with_those_that_can(sampler):
    if sampler not in SEVERAL:
        pytest.skip(f"{sampler} weighs one objective")
    optimizer = OptunaOptimizer(SPACE[:1], sampler=sampler, objectives=("near", "far"), seed=1, startup=4)
    optimizer.minimise(lambda t: (abs(t["x"] - 1), abs(t["x"] + 1)), trials=5)
    assert len(optimizer.records) == 5


def test_a_grid_holds_every_point_once():
    space = (
        Choice("kind", ("a", "b"), default="a"),
        When("kind", "b", (Int("k", 1, 3, default=1),)),
        Bool("c", default=True),
    )
    assert len(grid(space)) == size(space) == 8
    optimizer = OptunaOptimizer(space, sampler="grid", warm_start=[{"kind": "b", "k": 2, "c": True}])
    optimizer.minimise(lambda t: 1.0)
    assert {str(dict(r.params)) for r in optimizer.records} >= {
        str({"kind": "b", "k": k, "c": c}) for k in (1, 2, 3) for c in (True, False)
    }
    assert len({str(dict(r.params)) for r in optimizer.records}) == 8
    assert size(SPACE) is None
    assert [p["k"] for p in grid((Int("k", 1, 1000, default=1, log=True),), 4)] == [1, 10, 100, 1000]
    assert [p["k"] for p in grid((Int("k", 1, 2, default=1, log=True),), 4)] == [1, 2]
