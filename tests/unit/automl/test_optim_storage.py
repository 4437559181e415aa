import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from ostinato.automl.optimizers.optimizer import OptunaOptimizer
from ostinato.automl.space import Bool, Choice, Float, Int, When
from ostinato.core.errors import BusyError, StorageError, UsageError

SPACE = (
    Float("x", -4.0, 4.0, default=0.0),
    Choice("kind", ("a", None, True), default="a"),
    When("kind", "a", (Int("k", 1, 9, default=3),)),
    Bool("b", default=True),
)
TRIALS = 16


def bowl(trial):
    trial.report(0, abs(trial["x"]))
    return (trial["x"] - 1) ** 2 + (trial.get("k", 9) - 4) ** 2 / 10


def told(optimizer):
    return [(r.number, dict(r.params), r.state, r.values, r.steps) for r in optimizer.records]


def whole(trials=TRIALS, **options):
    optimizer = OptunaOptimizer(SPACE, seed=5, **options)
    optimizer.minimise(bowl, trials=trials)
    return optimizer


@pytest.fixture(scope="module")
def database():
    """The address of an empty database on a server, gone afterwards; None where no server listens."""
    import sqlalchemy

    with socket.socket() as probe:
        probe.settimeout(0.5)
        if probe.connect_ex(("127.0.0.1", 5432)) != 0:
            yield None
            return
    url, name = "postgresql+psycopg2://postgres@127.0.0.1:5432", f"optim_{uuid.uuid4().hex[:12]}"
    admin = sqlalchemy.create_engine(f"{url}/postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
    yield f"{url}/{name}"
    with admin.connect() as connection:
        connection.execute(sqlalchemy.text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def journal(tmp_path):
    return {"storage": str(tmp_path / "deep" / "study.jsonl"), "name": "study"}


@pytest.fixture(params=["journal", "postgresql"])
def place(request, journal):
    """Where a study may lie, and a name of its own there."""
    if request.param == "journal":
        return journal
    if (url := request.getfixturevalue("database")) is None:
        pytest.skip("no PostgreSQL on 127.0.0.1:5432")
    return {"storage": url, "name": uuid.uuid4().hex}


CHILD = """
import sys, time
from tests.unit.automl.test_optim_storage import SPACE, bowl
from ostinato.automl.optimizers.optimizer import OptunaOptimizer
storage, name, stuck, jobs = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
def function(trial):
    if trial.number == stuck:
        print("stuck", flush=True)
        time.sleep(600)
    return bowl(trial)
with OptunaOptimizer(SPACE, seed=5, storage=storage, name=name) as optimizer:
    optimizer.minimise(function, trials=16, jobs=jobs)
"""


def killed(place, stuck, jobs=1):
    """A search in a process of its own, killed while its trial `stuck` runs."""
    root = Path(__file__).resolve().parents[3]
    env = os.environ | {"PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}
    words = [sys.executable, "-c", CHILD, place["storage"], place["name"], str(stuck), str(jobs)]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=env, cwd=root)
    try:
        assert child.stdout.readline() == "stuck\n"
        time.sleep(0.3 * (jobs - 1))  # the other job goes on as far as it can
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()


def test_a_study_goes_on_after_a_kill_as_if_there_had_been_none(place):
    killed(place, 9, jobs=2)
    calls = []
    with OptunaOptimizer(SPACE, seed=5, **place) as optimizer:
        assert [r.number for r in optimizer.records] == list(range(9))
        optimizer.minimise(lambda trial: calls.append(trial.number) or bowl(trial), trials=TRIALS)
        assert told(optimizer) == told(whole())
    first = min(calls)
    assert first == 9
    assert calls == sorted(set(calls))


def test_a_trial_that_was_running_twice_at_a_kill_is_left_alone(journal):
    place = journal
    killed(place, 3)
    killed(place, 3)
    with OptunaOptimizer(SPACE, seed=5, **place) as optimizer:
        optimizer.minimise(bowl, trials=6)
        states = [r.state for r in optimizer.records]
        assert states == ["complete"] * 3 + ["failed"] + ["complete"] * 2
        assert optimizer.records[3].reason == "its process was killed 2 times while it ran"
    import optuna

    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(place["storage"]))
    states = [t.state.name for t in optuna.load_study(study_name="study", storage=storage).trials]
    assert states.count("FAIL") == 2
    assert "RUNNING" not in states


def test_what_was_done_is_not_done_again(place):
    with OptunaOptimizer(SPACE, seed=5, **place) as optimizer:
        optimizer.minimise(bowl, trials=TRIALS)
        made = told(optimizer)
    with OptunaOptimizer(SPACE, seed=5, **place) as again:
        assert told(again) == made
        again.minimise(lambda trial: pytest.fail("ran again"), trials=TRIALS)
        again.minimise(bowl, trials=TRIALS + 4)
        assert told(again) == told(whole(TRIALS + 4))


def test_failures_and_cuts_are_remembered(place):
    def moody(trial):
        if trial.number == 1:
            raise OSError("no disk")
        return bowl(trial)

    with OptunaOptimizer(SPACE, seed=5, **place, startup=2) as optimizer:
        optimizer.minimise(moody, trials=12)
        made = told(optimizer)
        assert {"complete", "pruned", "failed"} == {r.state for r in optimizer.records}
    with OptunaOptimizer(SPACE, seed=5, **place, startup=2) as again:
        assert told(again) == made
        assert again.records[1].reason == "OSError: no disk"


def test_two_studies_in_one_place_do_not_meet(place):
    for name in ("one", "two"):
        with OptunaOptimizer(SPACE, seed=len(name), storage=place["storage"], name=place["name"] + name) as optimizer:
            optimizer.minimise(bowl, trials=3 if name == "one" else 5)
    with OptunaOptimizer(SPACE, seed=3, storage=place["storage"], name=place["name"] + "one") as one:
        assert len(one.records) == 3


def test_a_second_writer_is_refused(place):
    with OptunaOptimizer(SPACE, seed=5, **place), pytest.raises(BusyError, match="another process"):
        OptunaOptimizer(SPACE, seed=5, **place)
    OptunaOptimizer(SPACE, seed=5, **place).close()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 6}, "seed=5, not 6"),
        ({"lag": 3}, "lag=2"),
        ({"objectives": ("error",)}, "objectives"),
        ({"warm_start": [{"x": 1.0}]}, "warm_start"),
    ],
)
def test_a_study_that_was_begun_otherwise_is_not_gone_on_with(journal, change, named):
    place = journal
    OptunaOptimizer(SPACE, seed=5, **place).close()
    with pytest.raises(UsageError, match=named):
        OptunaOptimizer(SPACE, **({"seed": 5} | place | change))
    with pytest.raises(UsageError, match="begun with space="):
        OptunaOptimizer(SPACE[:1], seed=5, **place)


def test_a_trial_that_the_budget_cut_is_tried_again(journal, monkeypatch):
    place, clock = journal, [0.0]

    def slow(trial):
        for step in range(4):
            clock[0] += 1.0
            trial.report(step, bowl_at(trial))
        return bowl_at(trial)

    def bowl_at(trial):
        return (trial["x"] - 1) ** 2

    with monkeypatch.context() as patched:
        patched.setattr("time.monotonic", lambda: clock[0])
        for _ in range(3):
            with OptunaOptimizer(SPACE, seed=5, **place, pruner=None) as optimizer:
                try:
                    optimizer.minimise(slow, seconds=2.5)
                except RuntimeError:
                    assert not optimizer.records
    with OptunaOptimizer(SPACE, seed=5, **place, pruner=None) as optimizer:
        optimizer.minimise(slow, trials=3)
        assert [r.state for r in optimizer.records] == ["complete"] * 3


def test_a_line_that_a_kill_left_half_written_is_cut_off(tmp_path):
    path = tmp_path / "s.jsonl"
    with OptunaOptimizer(SPACE, seed=5, storage=path) as optimizer:
        optimizer.minimise(bowl, trials=6)
    content = path.read_bytes()
    path.write_bytes(content[:-9])
    path.with_name("s.jsonl.lock").symlink_to("s.jsonl")  # Optuna's own lock, as a killed process leaves it
    with OptunaOptimizer(SPACE, seed=5, storage=path) as optimizer:
        optimizer.minimise(bowl, trials=TRIALS)
        assert told(optimizer) == told(whole())


def test_a_file_of_another_kind_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    for text in ("dear diary\n", '{"a": 1}\n'):
        path.write_text(text)
        with pytest.raises(UsageError, match="no journal of Optuna"):
            OptunaOptimizer(SPACE, storage=path)
        assert path.read_text() == text


def test_a_journal_of_others_is_not_taken_over(tmp_path):
    import optuna

    path = tmp_path / "theirs.jsonl"
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(path)))
    optuna.create_study(storage=storage, study_name="study").optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=2)
    with pytest.raises(UsageError, match="was not made by Ostinato"):
        OptunaOptimizer(SPACE, storage=path)


def test_places_that_cannot_be_written_to(tmp_path):
    with pytest.raises(StorageError, match="is a directory|Is a directory"):
        OptunaOptimizer(SPACE, storage=tmp_path)
    with pytest.raises(UsageError, match="a journal file or a postgresql:// address"):
        OptunaOptimizer(SPACE, storage="mysql://me:secret@host/db")
    with pytest.raises(StorageError) as refused:
        OptunaOptimizer(SPACE, storage="postgresql://me:secret@127.0.0.1:1/db")
    assert "secret" not in str(refused.value)
    assert "Check address and server" in str(refused.value)
