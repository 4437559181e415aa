import math
import threading

import numpy as np
import pytest

from ostinato.automl.optimizers.optimizer import OptunaOptimizer
from ostinato.automl.optimizers.pruning import Fidelity, HyperbandRule, MedianRule
from ostinato.automl.optimizers.trial import Pruned, Record
from ostinato.automl.space import Bool, Choice, Float, Int, When
from ostinato.core.errors import SearchError, UsageError

SPACE = (
    Float("x", -4.0, 4.0, default=0.0),
    Int("k", 1, 30, default=3, log=True),
    Choice("kind", ("a", None, True), default="a"),
    When("kind", "a", (Float("g", 1e-3, 1.0, default=0.1, log=True),)),
    Bool("b", default=True),
)
SMALL = (Choice("c", ("a", "b"), default="a"), When("c", "b", (Int("k", 1, 3, default=1),)))


def bowl(trial):
    off = 0.0 if trial["kind"] == "a" else 1.0
    return (trial["x"] - 1) ** 2 + abs(trial["k"] - 5) / 10 + off + abs(trial.get("g", 1.0) - 0.01)


def told(optimizer):
    return [(r.number, dict(r.params), r.state, r.values, r.steps) for r in optimizer.records]


def searched(trials=24, jobs=1, function=bowl, **options):
    optimizer = OptunaOptimizer(SPACE, **{"seed": 3, **options})
    optimizer.minimise(function, trials=trials, jobs=jobs)
    return optimizer


def test_the_number_of_jobs_changes_nothing():
    one, two = searched(), searched(jobs=2)
    assert told(one) == told(two)
    assert told(one) != told(searched(seed=4))
    assert told(one)[:10] == told(searched(trials=10))


def test_jobs_run_at_the_same_time():
    meeting = threading.Barrier(2, timeout=20)  # broken unless two trials wait for each other

    def meet(trial):
        meeting.wait()
        return trial["x"]

    assert {r.state for r in searched(trials=4, jobs=2, function=meet).records} == {"complete"}


def test_a_slow_trial_is_waited_for_in_its_turn():
    gate = threading.Event()

    def slow_first(trial):
        if trial.number == 0:
            gate.wait(20)
        elif trial.number == 1:
            gate.set()
        return bowl(trial)

    assert told(searched(jobs=2, function=slow_first)) == told(searched())


def test_going_on_in_parts_is_the_same_as_all_at_once():
    parts = OptunaOptimizer(SPACE, seed=3)
    for trials in (1, 7, 8, 24):
        parts.minimise(bowl, trials=trials)
    assert told(parts) == told(searched())


def test_settings_that_do_not_apply_are_left_out_and_seeds_differ():
    seen = []
    searched(function=lambda trial: seen.append(trial) or bowl(trial))
    assert all(("g" in trial.params) == (trial["kind"] == "a") for trial in seen)
    assert len({trial.seed for trial in seen}) == len(seen)
    assert all("g" in trial.point for trial in seen)


def test_tpe_learns_more_than_chance():
    space = (Float("x", -4.0, 4.0, default=0.0), Float("lr", 1e-4, 1.0, default=0.1, log=True))

    def found(sampler, seed):
        optimizer = OptunaOptimizer(space, sampler=sampler, seed=seed)
        return optimizer.minimise(lambda t: (t["x"] - 1) ** 2 + abs(math.log10(t["lr"]) + 2), trials=30).value

    by = {sampler: np.mean([found(sampler, seed) for seed in range(8)]) for sampler in ("tpe", "random")}
    assert by["tpe"] < 0.7 * by["random"]


def test_a_condition_on_what_is_itself_behind_a_condition():
    space = (
        When("inner", 2, (Float("deep", 0.0, 1.0, default=0.5),)),
        Bool("outer", default=False),
        When("outer", True, (Int("inner", 1, 2, default=1),)),
    )
    records = searched_in(space, lambda trial: float(len(trial.params)))
    assert {tuple(r.params) for r in records} == {("outer",), ("outer", "inner"), ("deep", "outer", "inner")}


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ((When("nowhere", 1, (Bool("b", default=True),)),), "'nowhere' cannot be settled"),
        ((Bool("b", default=True), Bool("b", default=True)), "two settings are called 'b'"),
        ((Float("x", 1.0, 0.0, default=0.5),), "the lower one first"),
        ((Float("x", 0.0, math.inf, default=0.5),), "finite bounds"),
        ((Float("x", 0.0, 1.0, default=0.5, log=True),), "lower bound has to be above 0"),
        ((Choice("c", (), default=None),), "no options"),
        ((Int("k", 1, 5, default=9),), "default outside"),
    ],
)
def test_a_space_that_cannot_be_drawn_from_is_refused(space, message):
    with pytest.raises(UsageError, match=message):
        OptunaOptimizer(space)


def searched_in(space, function):
    optimizer = OptunaOptimizer(space, seed=1)
    optimizer.minimise(function, trials=20)
    return optimizer.records


def test_warm_starts_come_first_and_prior_results_are_known():
    warm = [{"x": 1.0, "k": np.int64(5), "g": 0.02}, {"kind": None}]
    optimizer = searched(warm_start=warm)
    assert dict(optimizer.records[0].params) == {"x": 1.0, "k": 5, "kind": "a", "g": 0.02, "b": True}
    assert type(optimizer.records[0].params["k"]) is int
    assert dict(optimizer.records[1].params) == {"x": 0.0, "k": 3, "kind": None, "b": True}
    near = [({"x": 1.0 + d, "k": 5, "g": 0.01}, abs(d)) for d in np.linspace(-0.3, 0.3, 20)]
    knowing = searched(12, prior=near, startup=4)
    assert np.mean([abs(r.params["x"] - 1) for r in knowing.records]) < np.mean(
        [abs(r.params["x"] - 1) for r in searched(12, startup=4).records]
    )


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ({"y": 1.0}, "no setting 'y'; there are x, k, kind, g, b"),
        ({"x": 9.0}, "x=9.0 is outside"),
        ({"x": math.nan}, "x=nan is outside"),
        ({"k": True}, "k=True is outside"),
        ({"k": 2.5}, "k=2.5 is outside"),
        ({"kind": 1}, "kind=1 is outside"),
        ({"b": 1}, "b=1 is outside"),
    ],
)
def test_a_warm_start_outside_of_the_space_is_refused(point, message):
    with pytest.raises(UsageError, match=message):
        OptunaOptimizer(SPACE, warm_start=[point])


def test_a_function_that_fails_costs_its_own_trial():
    def moody(trial):
        match trial.number % 4:
            case 0:
                raise FloatingPointError("no convergence\nat depth 1")
            case 1:
                return math.nan
            case _:
                return bowl(trial)

    records = searched(12, function=moody).records
    assert [r.state for r in records[:4]] == ["failed", "failed", "complete", "complete"]
    assert records[0].reason == "FloatingPointError: no convergence at depth 1"
    assert records[1].reason == "it gave nan"
    assert len(records) == 12


def test_nothing_but_failures_is_an_error_that_says_why():
    def never(trial):
        raise MemoryError("8 GB")

    with pytest.raises(SearchError, match=r"none of 3 trials completed \(trial 0: MemoryError: 8 GB"):
        searched(3, function=never)


def test_an_interrupt_leaves_a_search_that_goes_on_where_it_was():
    optimizer, calls = OptunaOptimizer(SPACE, seed=3), []

    def interrupted(trial):
        calls.append(trial.number)
        if calls == list(range(6)):
            raise KeyboardInterrupt
        return bowl(trial)

    with pytest.raises(KeyboardInterrupt):
        optimizer.minimise(interrupted, trials=24)
    assert len(optimizer.records) == 5
    optimizer.minimise(interrupted, trials=24)
    assert calls[5:7] == [5, 5]
    assert told(optimizer) == told(searched())


def test_wrong_numbers_of_values_are_the_callers_fault():
    for wrong in ((1.0, 2.0), "much", None):
        with pytest.raises(UsageError, match=r"expected 1 number\(s\): loss"):
            searched(2, function=lambda trial, wrong=wrong: wrong)


def test_a_small_space_is_tried_once_and_then_over():
    counted = []

    def count(trial):
        counted.append(tuple(trial.params.items()))
        return float(trial.get("k", 2))

    optimizer = OptunaOptimizer(SMALL, sampler="grid")
    assert optimizer.minimise(count).params == {"c": "b", "k": 1}
    assert sorted(counted) == [(("c", "a"),), (("c", "b"), ("k", 1)), (("c", "b"), ("k", 2)), (("c", "b"), ("k", 3))]
    counted.clear()
    drawn = OptunaOptimizer(SMALL, sampler="random", seed=1)
    drawn.minimise(count, trials=60)
    assert len(counted) <= 5  # a point may be asked for again before the first answer is there
    assert any(r.reason.startswith("repeats trial") for r in drawn.records)
    by_point = {}
    for r in drawn.records:
        assert by_point.setdefault(str(r.params), r.values) == r.values


def test_a_space_without_settings_has_one_point():
    optimizer = OptunaOptimizer(())
    assert optimizer.minimise(lambda trial: 7.0, trials=5).value == 7.0
    assert len(optimizer.records) == 1


def test_what_is_maximised():
    optimizer = OptunaOptimizer(SPACE, direction="maximize", seed=3)
    best = optimizer.maximise(lambda trial: -bowl(trial), trials=24)
    assert [-r.value for r in optimizer.records] == [r.value for r in searched().records]
    assert best.value == max(r.value for r in optimizer.records)
    with pytest.raises(UsageError, match="call maximise"):
        optimizer.minimise(bowl, trials=1)


def test_several_objectives_give_a_front():
    optimizer = OptunaOptimizer(SPACE, objectives=("error", "bytes"), seed=1)
    optimizer.minimise(lambda t: (bowl(t), 100.0 / t["k"]), trials=40)
    front = optimizer.pareto
    assert len(front) == 40
    assert 1 < len(front.front) < 40
    assert front.front[0].values[0] == optimizer.best.value
    assert set(front.front[0].params) <= {"x", "k", "kind", "g", "b"}
    with pytest.raises(UsageError, match="weighs one objective, not 2"):
        OptunaOptimizer(SPACE, objectives=("error", "bytes"), sampler="cmaes")


def test_nsga2_goes_on_as_if_it_had_not_stopped(tmp_path):
    def both(trial):
        return bowl(trial), 1.0 / trial["k"]

    options = {"objectives": ("error", "bytes"), "sampler": "nsga2", "seed": 1}
    whole = OptunaOptimizer(SPACE, **options)
    whole.minimise(both, trials=30)
    for trials in (13, 30):
        with OptunaOptimizer(SPACE, **options, storage=tmp_path / "s.jsonl") as parts:
            parts.minimise(both, trials=trials)
    assert told(parts) == told(whole)


def test_ask_and_tell():
    optimizer = OptunaOptimizer(SPACE, seed=3)
    for _ in range(24):
        trial = optimizer.ask()
        optimizer.tell(trial, bowl(trial))
    assert told(optimizer) == told(searched())
    with pytest.raises(UsageError, match="trial 23 was told before"):
        optimizer.tell(trial, 1.0)
    late = optimizer.ask()
    assert optimizer.tell(late, state="failed", reason="lost").reason == "lost"
    assert optimizer.tell(optimizer.ask(), math.inf).state == "failed"
    with pytest.raises(UsageError, match="a pruned trial has no values"):
        optimizer.tell(optimizer.ask(), 1.0, state="pruned")


def test_the_table_has_a_row_a_trial():
    table = searched(6).trials_frame()
    assert list(table["trial"]) == list(range(6))
    assert {"state", "loss", "seconds", "reason", "params_x", "params_g"} <= set(table.columns)


# budgets


def test_a_search_needs_an_end():
    with pytest.raises(UsageError, match="never end"):
        OptunaOptimizer(SPACE).minimise(bowl)
    with pytest.raises(UsageError, match="jobs=3: expected 1 to lag=2"):
        OptunaOptimizer(SPACE).minimise(bowl, trials=3, jobs=3)


@pytest.mark.parametrize(
    "bad", [{"trials": 0}, {"trials": 2.5}, {"seconds": -1}, {"seconds": math.nan}, {"memory": "1 GB"}]
)
def test_budgets_that_are_none_are_refused(bad):
    with pytest.raises(UsageError, match=f"{next(iter(bad))}="):
        OptunaOptimizer(SPACE).minimise(bowl, **bad)


def test_no_trial_starts_that_would_end_late(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])

    def takes_three(trial):
        clock[0] += 3.0
        return bowl(trial)

    optimizer = OptunaOptimizer(SPACE, seed=3)
    optimizer.minimise(takes_three, seconds=10)
    assert (len(optimizer.records), clock[0]) == (3, 9.0)
    optimizer.minimise(takes_three, seconds=10)
    assert (len(optimizer.records), clock[0]) == (6, 18.0)
    assert told(optimizer) == told(searched(6))


def test_a_trial_that_reports_is_cut_when_the_time_is_over_and_tried_again(monkeypatch):
    clock, seen = [0.0], []
    monkeypatch.setattr("time.monotonic", lambda: clock[0])

    def steps(trial):
        seen.append((trial.number, trial.seconds_left))
        for step in range(20):
            clock[0] += 1.0
            trial.report(step, bowl(trial))
        return bowl(trial)

    optimizer = OptunaOptimizer(SPACE, seed=3, pruner=None)
    optimizer.minimise(steps, seconds=30.5)
    assert (len(optimizer.records), clock[0]) == (1, 20.0)
    assert seen[0] == (0, 30.5)
    with pytest.raises(SearchError, match="none was run"):
        OptunaOptimizer(SPACE, seed=3).minimise(steps, seconds=4.5)
    assert clock[0] == 25.0
    optimizer.minimise(steps, trials=2)
    assert [r.number for r in optimizer.records] == [0, 1]


def test_memory_is_a_bound():
    optimizer = OptunaOptimizer(SPACE)
    with pytest.raises(SearchError, match="none was run"):
        optimizer.minimise(bowl, trials=5, memory=1_000_000)
    assert optimizer.minimise(bowl, trials=5, memory=64e9).state == "complete"


# pruning


def curve(trial):
    for step in range(5):
        trial.report(step, bowl(trial) + 1.0 / (step + 1))
    return bowl(trial)


def test_the_median_cuts_and_jobs_change_nothing():
    one, two = searched(30, function=curve), searched(30, function=curve, jobs=2)
    assert told(one) == told(two)
    cut = [r for r in one.records if r.state == "pruned"]
    assert cut
    assert all(r.number >= 8 and r.reason.startswith("worse than others at step") and not r.values for r in cut)
    assert not [r for r in searched(30, function=curve, pruner=None).records if r.state == "pruned"]


def test_the_median_waits_for_enough_others():
    done = [Record(i, {}, {}, "complete", (0.0,), ((0, float(i)),)) for i in range(4)]
    assert MedianRule(4).bars(done, 1.0, 0)(0) == 1.5
    assert MedianRule(4).bars(done, -1.0, 0)(0) == -1.5
    assert MedianRule(5).bars(done, 1.0, 0)(0) == math.inf
    assert MedianRule(4).bars(done, 1.0, 0)(1) == math.inf


def test_successive_halving_lets_the_best_third_go_on():
    done = [Record(i, {}, {}, "pruned", (), ((0, float(i)),)) for i in range(9)]
    rule = HyperbandRule(eta=3, brackets=2, rungs=3)
    assert rule.bars(done, 1.0, 0)(0) == 2.0
    assert rule.bars(done, 1.0, 1)(0) == math.inf
    assert [rule.rung(step) for step in range(3)] == [0, 1, None]
    assert [HyperbandRule().rung(step) for step in (0, 1, 2, 5, 8)] == [0, None, 1, None, 2]


def test_a_fidelity_starts_small_and_ends_with_all():
    fidelity = Fidelity(10, 270)
    assert fidelity.amounts == (10.0, 30.0, 90.0, 270)
    assert fidelity.levels(2) == ((2, 90.0), (3, 270))
    assert Fidelity(5, 5).levels(3) == ((0, 5),)
    for low, high, eta in ((0, 1, 3), (2, 1, 3), (1, 2, 1), (1, math.inf, 3), (math.nan, 1, 3)):
        with pytest.raises(UsageError, match="expected 0 < low <= high"):
            Fidelity(low, high, eta)


def test_hyperband_spends_less_and_finds_as_good():
    def run(pruner):
        spent = [0.0]

        def rows(trial):
            for step, amount in trial.levels:
                spent[0] += amount
                loss = bowl(trial) + 1.0 / math.sqrt(amount)
                trial.report(step, loss)
            return loss

        optimizer = searched(60, function=rows, pruner=pruner, fidelity=Fidelity(10, 270))
        return optimizer, spent[0]

    (cheap, little), (_, much) = run("hyperband"), run(None)
    assert little < 0.6 * much
    assert {r.state for r in cheap.records} == {"complete", "pruned"}
    assert {r.steps[0][0] for r in cheap.records} == {0, 1, 2, 3}
    assert cheap.best.steps[-1][0] == 3


def test_reports_go_forward():
    def back(trial):
        trial.report(1, 1.0)
        trial.report(1, 1.0)

    with pytest.raises(SearchError, match="step 1 has to be a whole number"):
        searched(1, function=back)

    def gone(trial):
        with pytest.raises(Pruned, match="step 0 is nan"):
            trial.report(0, math.nan)
        return 1.0

    assert searched(1, function=gone).best.value == 1.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"sampler": "magic"},
        {"pruner": "magic"},
        {"lag": 0},
        {"startup": 0},
        {"objectives": ()},
        {"objectives": ("a", "a")},
        {"direction": "down"},
        {"direction": ("minimize", "minimize")},
        {"prior": [({"x": 1.0}, (1.0, 2.0))]},
    ],
)
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(UsageError):
        OptunaOptimizer(SPACE, **wrong)


def test_a_grid_that_is_too_large_is_refused():
    wide = tuple(Float(f"x{i}", 0.0, 1.0, default=0.5) for i in range(9))
    with pytest.raises(UsageError, match="1,953,125 points"):
        OptunaOptimizer(wide, sampler="grid")
