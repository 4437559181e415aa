"""The registry on a real MLflow: sqlite by default, PostgreSQL by a setting."""

import uuid
from pathlib import Path

import pandas as pd
import pytest

from ostinato.core.errors import ApprovalError, ArtefactError, ParamsError, RegistryError
from ostinato.core.settings import settings
from ostinato.registry.approval import Policy, check_approval, load_policy
from ostinato.registry.registration import Candidate, StepFacts, register
from ostinato.registry.versions import ModelVersion, fetch, find, next_version, versions

REPOSITORY = Path(__file__).resolve().parents[3]


def candidate(folder: Path, digest: str, signature: str = "s", data: str = "d") -> Candidate:
    artefact = folder / digest / "model"
    artefact.mkdir(parents=True)
    (artefact / "artefact.json").write_text("{}")
    rows = pd.DataFrame({"a": [0.5, 1.5]})
    return Candidate(
        name="demo.genre", artefact=artefact, digest=digest, signature=signature, data=data, card="# Model card",
        steps=(StepFacts("search@genre", {"trials": "6"}, {"score": 1.0}),), metrics={"log_loss": 0.5}, params={"p": "1"},
        tags={"gates": "passed", "policy": "demo", "trained_by": "ada"}, example=rows,
        answer=pd.DataFrame({"predicted": ["x", "y"]}), files=(), loader="tests.unit.registry.loader",
    )  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, home: Path, monkeypatch: pytest.MonkeyPatch):
    if request.param == "sqlite":
        yield home
        return
    import sqlalchemy

    url = request.getfixturevalue("postgres")
    name = f"ostinato_{uuid.uuid4().hex[:12]}"
    admin = sqlalchemy.create_engine(f"{url}/postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as db:
        db.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
    monkeypatch.setenv("OSTINATO_MLFLOW_TRACKING_URI", f"{url}/{name}")
    settings.cache_clear()
    yield home
    with admin.connect() as db:
        db.execute(sqlalchemy.text(f"DROP DATABASE {name} WITH (FORCE)"))


def test_versions_count_by_what_changed_and_registering_twice_is_once(store: Path, tmp_path: Path):
    first, new = register(candidate(tmp_path, "d1"), store)
    assert (first.version, new, first.aliases, first.approval) == ("1.0.0", True, ("challenger",), "pending")
    again, new = register(candidate(tmp_path / "again", "d1"), store)
    assert (again.version, new) == ("1.0.0", False)
    assert register(candidate(tmp_path, "d2"), store)[0].version == "1.0.1"
    assert register(candidate(tmp_path, "d3", data="more"), store)[0].version == "1.1.0"
    last, _ = register(candidate(tmp_path, "d4", signature="other", data="more"), store)
    assert last.version == "2.0.0"
    assert find("demo.genre", store).version == "2.0.0"
    assert find("demo.genre", store, "1.0.1").digest == "d2"
    assert [v.version for v in versions("demo.genre", store)] == ["1.0.0", "1.0.1", "1.1.0", "2.0.0"]
    assert (fetch(last, store) / "artefact.json").is_file()
    back, new = register(candidate(tmp_path / "back", "d1"), store)
    assert (back.version, new) == ("1.0.0", False)
    assert find("demo.genre", store, "challenger").version == "1.0.0"


def test_what_is_not_there_is_said_with_what_is(home: Path, tmp_path: Path):
    with pytest.raises(RegistryError, match="no such model"):
        find("demo.genre", home)
    version, _ = register(candidate(tmp_path, "d1"), home)
    with pytest.raises(RegistryError, match=r"There is 1\.0\.0 \(challenger\)"):
        find("demo.genre", home, "9.9.9")
    with pytest.raises(RegistryError, match="not a model's name"):
        find("demo.genre' OR 1=1", home)
    (fetch(version, home) / "artefact.json").unlink()
    with pytest.raises(ArtefactError, match="restore the store"):
        fetch(version, home)


def version(**tags: str) -> ModelVersion:
    said = {f"ostinato.{k}": v for k, v in ({"gates": "passed", "trained_by": "ada"} | tags).items()}
    return ModelVersion("demo.genre", "1.0.0", "1", "d", "pending", (), "r", "s", said)


STRICT = Policy(trainer_may_approve=False, reason_min_chars=10, gates_must_pass=True, approvers=("Grace", "ada"))


@pytest.mark.parametrize(
    ("by", "reason", "tags", "says"),
    [
        (" ", "long enough reason", {}, "needs a name"),
        ("Grace", "short", {}, "10 characters"),
        ("ADA", "long enough reason", {}, "ADA trained it"),
        ("Eve", "long enough reason", {}, "not among the approvers"),
        (
            "Grace",
            "long enough reason",
            {"gates": "failed", "gates_failed": "envelope"},
            "failed the gates \\(envelope\\)",
        ),
    ],
)
def test_each_rule_of_a_policy_refuses(by: str, reason: str, tags: dict[str, str], says: str):
    with pytest.raises(ApprovalError, match=says):
        check_approval(version(**tags), STRICT, by, reason)


def test_a_policy_lets_through_what_it_allows():
    check_approval(version(), STRICT, "Grace", "long enough reason")
    demo = load_policy(REPOSITORY / "configs" / "approval.yaml", "demo")
    check_approval(version(), demo, "ada", "fine")


def test_an_unknown_policy_is_told_the_known_ones():
    with pytest.raises(ParamsError, match="demo, four-eyes"):
        load_policy(REPOSITORY / "configs" / "approval.yaml", "none")


def test_the_next_number(tmp_path: Path):
    assert next_version([], "s", "d") == "1.0.0"


def test_a_store_killed_while_it_was_made_is_made_again(home: Path):
    import subprocess
    import sys
    import time

    code = "import sys; from pathlib import Path; from ostinato.registry.store import open_client; print('go', flush=True); open_client(Path(sys.argv[1]))"
    for seconds in (2.0, 3.0, 4.0):  # importing takes the first two, the migrations the next ones
        process = subprocess.Popen([sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(seconds)
        process.kill()
        process.wait()
    assert versions("demo.genre", home) == []
    assert not list((home / ".ostinato").glob(".mlflow.db.*"))
