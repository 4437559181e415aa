"""A real Prefect server and worker: deployments, schedules, waiting for people, the automation on drift."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.flow.installation import Installation, free_port

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation after `ostinato deploy`: server and worker up, nothing trained yet."""
    made = Installation.make(tmp_path_factory.mktemp("deployed") / "home")
    made.env["OSTINATO_PREFECT_PORT"] = str(free_port())
    process = made.start("deploy")
    try:
        _until(lambda: (made.root / "prefect.toml").is_file() and _has_worker(made), 120, process)
        yield made
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=60)


def test_the_nightly_training_runs_to_the_end(deployed):
    deployments = {d["name"]: d for d in api(deployed, "deployments/filter", {})}
    assert {"nightly", "on-drift", "daily", "hourly", "on-request"} <= set(deployments)
    crons = {name: [s["schedule"].get("cron") for s in d["schedules"]] for name, d in deployments.items()}
    assert crons["nightly"] == ["0 2 * * *"]
    assert crons["daily"] == ["0 6 * * *"]
    assert crons["hourly"] == ["15 * * * *"]
    said = deployed.run("prefect", "deployment", "run", "training/nightly", "--watch", timeout=300).stdout
    assert "Completed" in said
    assert deployed.json("status")["models"][0]["version"] == "1.0.0"
    branch = deployed.git("show", "ostinato/nightly:dvc.lock")
    assert branch == (deployed.root / "dvc.lock").read_text()
    assert any((deployed.root / ".ostinato/remote").rglob("*"))
    tasks = {t["name"]: t["state"]["name"] for t in api(deployed, "task_runs/filter", {})}
    assert tasks["search@genre"] == "Completed"


def test_promotion_waits_for_a_person_in_the_ui(deployed):
    deployed.run("prefect", "deployment", "run", "promotion/on-request")
    run = _until(lambda: next(iter(_runs(deployed, "promotion", "PAUSED")), None), 90)
    answer = {"run_input": {"decision": "approve", "by": "Ada", "reason": "heard it, it is right"}}
    assert api(deployed, f"flow_runs/{run['id']}/resume", answer)["status"] == "ACCEPT"
    _until(lambda: _runs(deployed, "promotion", "COMPLETED"), 90)
    model = deployed.json("status")["models"][0]
    assert model["approval"] == "approved"
    assert "champion" in model["aliases"]


def test_drift_starts_training_and_its_absence_does_not(deployed, tmp_path: Path):
    from ostinato.catalog.demo.batch import make_batch

    make_batch(tmp_path / "same", 40, "same", seed=5, seconds=4)
    make_batch(tmp_path / "drifted", 40, "drifted", seed=6, seconds=4)
    before = len(_runs(deployed, "training"))
    calm = deployed.json("monitor", "demo.genre", str(tmp_path / "same"))
    assert not calm["drifted"], calm["decision"]["reasons"]
    assert Path(calm["page"]).read_text().lstrip().startswith("<")
    loud = deployed.json("monitor", "demo.genre", str(tmp_path / "drifted"))
    assert loud["drifted"]
    started = _until(lambda: _runs(deployed, "training")[before:], 90)
    assert len(started) == 1
    assert loud["run_id"]
    decision = json.loads(next(Path(loud["page"]).parent.glob("decision.json")).read_text())
    assert decision["drifted"]
    _until(lambda: not (_runs(deployed, "training", "RUNNING") or _runs(deployed, "training", "PENDING")), 120)


def test_the_inbox_is_scored_and_an_empty_one_is_no_failure(deployed):
    said = deployed.run("prefect", "deployment", "run", "scoring/hourly", "--watch", timeout=120).stdout
    assert "Completed" in said
    inbox = deployed.root / ".ostinato" / "inbox"
    inbox.mkdir()
    for clip in sorted((deployed.root / "data/raw/audio").rglob("*.flac"))[:3]:
        (inbox / clip.name).write_bytes(clip.read_bytes())
    deployed.run("prefect", "deployment", "run", "scoring/hourly", "--watch", timeout=120)
    tables = list((deployed.root / ".ostinato/scores").glob("*Z.parquet"))
    assert len(tables) == 1


def api(deployed: Installation, path: str, body: dict[str, object]):
    url = f"http://127.0.0.1:{deployed.env['OSTINATO_PREFECT_PORT']}/api/{path}"
    request = Request(url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"})
    with urlopen(request, timeout=30) as answer:
        return json.load(answer)


def _runs(deployed: Installation, flow: str, state: str | None = None) -> list[dict]:
    wanted: dict[str, object] = {"flows": {"name": {"any_": [flow]}}, "sort": "EXPECTED_START_TIME_ASC"}
    states = [state] if state else ["PENDING", "RUNNING", "COMPLETED", "FAILED", "PAUSED", "CRASHED", "CANCELLED"]
    return api(deployed, "flow_runs/filter", wanted | {"flow_runs": {"state": {"type": {"any_": states}}}})


def _has_worker(deployed: Installation) -> bool:
    try:
        return bool(api(deployed, "work_pools/ostinato/workers/filter", {}))
    except OSError:
        return False


def _until(condition, seconds: float, process: subprocess.Popen | None = None):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if value := condition():
            return value
        if process is not None and process.poll() is not None:
            sys.stderr.write(process.stderr.read())
            break
        time.sleep(0.5)
    pytest.fail(f"not within {seconds} s")
