"""The servers around the line: Prefect with pool, deployments and worker; MLflow's UI. All on 127.0.0.1."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from ostinato.core.errors import StepError
from ostinato.core.files import read_json, write_json
from ostinato.core.settings import settings
from ostinato.operations.orchestration import (
    answers,
    need_free_port,
    point_prefect_at,
    prefect_environment,
    running_server,
    server_file,
)
from ostinato.registry.store import artifact_root, tracking_uri

POOL = "ostinato"
_START_SECONDS = 90.0


def prefect_server(home: Path, *, wait: bool = True) -> tuple[str, subprocess.Popen[bytes] | None]:
    """The API's URL of the installation's Prefect server, started where it is not up (then with its process)."""
    if (url := running_server(home)) is not None:
        return url, None
    port = settings().prefect_port
    need_free_port(port, "the Prefect server", "OSTINATO_PREFECT_PORT")
    url = f"http://127.0.0.1:{port}/api"
    env = os.environ | prefect_environment(home) | {"PREFECT_API_URL": url, "PREFECT_UI_API_URL": url}
    process = _start(
        home, "prefect-server", [_script("prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port)], env
    )
    write_json(server_file(home), {"url": url, "pid": process.pid})
    if wait:
        _wait(process, url + "/health", "the Prefect server", home / ".ostinato" / "logs" / "prefect-server.log")
        point_prefect_at(home, url)
    return url, process


def mlflow_ui(home: Path) -> tuple[str, subprocess.Popen[bytes] | None]:
    """MLflow's server over the installation's store (or the server that the settings name, with no process of ours)."""
    if tracking_uri(home).startswith(("http://", "https://")):
        return tracking_uri(home), None
    port = settings().mlflow_port
    need_free_port(port, "MLflow", "OSTINATO_MLFLOW_PORT")
    url = f"http://127.0.0.1:{port}"
    words = [
        _script("mlflow"), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", tracking_uri(home), "--default-artifact-root", artifact_root(home),
    ]  # fmt: skip
    env = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}
    process = _start(home, "mlflow", words, env)
    _wait(process, url + "/health", "MLflow", home / ".ostinato" / "logs" / "mlflow.log")
    return url, process


def serve_uis(home: Path) -> int:
    """Both UIs until Ctrl-C; what was already up stays up."""
    with _together() as processes:
        mlflow_url, process = mlflow_ui(home)
        processes.extend([process] if process is not None else [])
        prefect_url, server = prefect_server(home)
        processes.extend([server] if server is not None else [])
        _say(f"MLflow   {mlflow_url}\nPrefect  {prefect_url.removesuffix('/api')}\nCtrl-C ends both.")
        _until_one_ends(processes)
    return 0


def deploy(home: Path, *, detach: bool = False) -> int:
    """Server, work pool, deployments and worker; with `detach`, return once they are up."""
    with _together(keep=detach) as processes:
        url, server = prefect_server(home)
        if server is not None:
            processes.append(server)
        env = os.environ | prefect_environment(home) | {"PREFECT_API_URL": url, "PYTHONPATH": str(home)}
        _prefect(home, env, "work-pool", "create", POOL, "--type", "process", "--overwrite")
        _prefect(home, env, "deploy", "--all", "--no-prompt")
        worker = _start(
            home, "worker", [_script("prefect"), "worker", "start", "--pool", POOL, "--name", "ostinato-worker"], env
        )
        processes.append(worker)
        write_json(server_file(home), {"url": url, "pid": server.pid if server else None, "worker": worker.pid})
        pids = ", ".join(str(process.pid) for process in processes)
        _say(f"Prefect  {url.removesuffix('/api')}")
        _say("Run now: .venv/bin/prefect deployment run training/nightly")
        _say(f"Server and worker run on as processes {pids}." if detach else "Ctrl-C ends server and worker.")
        if not detach:
            _until_one_ends(processes)
    return 0


def stop(home: Path) -> int:
    """End the server and worker that `deploy --detach` left running; returns how many processes were ended."""
    path = server_file(home)
    known = read_json(path) if path.is_file() else {}
    ended = 0
    for pid in (known.get("worker"), known.get("pid")):
        if pid is not None and _is_prefect(int(pid)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(int(pid), signal.SIGTERM)
                ended += 1
    path.unlink(missing_ok=True)
    point_prefect_at(home, None)
    return ended


def _is_prefect(pid: int) -> bool:
    import psutil

    try:
        return any("prefect" in word for word in psutil.Process(pid).cmdline()[:3])
    except psutil.Error:
        return False


def _prefect(home: Path, env: dict[str, str], *words: str) -> str:
    done = subprocess.run([_script("prefect"), *words], cwd=home, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StepError(f"prefect {' '.join(words)} failed:\n{(done.stdout + done.stderr).strip()[-1500:]}")
    return done.stdout


def _script(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _start(home: Path, name: str, words: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
    log = home / ".ostinato" / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    env = env | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", "")])}
    with log.open("ab") as file:
        return subprocess.Popen(words, cwd=home, env=env, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)


def _wait(process: subprocess.Popen[bytes], url: str, what: str, log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        if answers(url):
            return
        if process.poll() is not None:
            break
        time.sleep(0.2)
    process.terminate()
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
    raise StepError(f"{what} did not come up (log: {log}):\n{tail}")


@contextlib.contextmanager
def _together(keep: bool = False) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that end together with the block, unless it ends well and `keep` is set."""
    processes: list[subprocess.Popen[bytes]] = []
    kept = False
    for asked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # a `kill` or a closed terminal ends the servers too
        signal.signal(asked, signal.default_int_handler)
    try:
        yield processes
        kept = keep
    except KeyboardInterrupt:
        return
    finally:
        if not kept:
            for process in reversed(processes):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
            for process in processes:
                try:
                    process.wait(timeout=15)
                except subprocess.TimeoutExpired:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)


def _until_one_ends(processes: list[subprocess.Popen[bytes]]) -> None:
    while all(process.poll() is None for process in processes):
        time.sleep(0.5)
    ended = next(p for p in processes if p.poll() is not None)
    raise StepError(f"process {ended.pid} ended with {ended.returncode}; its log is under .ostinato/logs")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
