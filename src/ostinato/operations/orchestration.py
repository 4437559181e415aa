"""Prefect as a process: its environment, the server that is up or not, and flows started as `python -m flows.NAME`."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from ostinato.core import progress
from ostinato.core.errors import BusyError, OstinatoError, StepError
from ostinato.core.locking import starter_environment
from ostinato.core.settings import settings
from ostinato.tenancy.workspace import Workspace

STARTUP_SECONDS = "120"
_OURS = "# Written by `ostinato deploy` while its server is up.\n"


def prefect_environment(home: Path) -> dict[str, str]:
    """Variables for Prefect: state under the installation, no telemetry, the running server where there is one.

    Makes the folder of its state, without which Prefect's own server for a run does not start.
    """
    state = home / ".ostinato" / "prefect"
    state.mkdir(parents=True, exist_ok=True)
    env = {
        "PREFECT_HOME": str(state),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_CLI_PROMPT": "false",
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "true",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": STARTUP_SECONDS,
        "PREFECT_CLIENT_MAX_RETRIES": "2",  # a server that was killed is noticed in seconds, and not in minutes
        "PREFECT_LOGGING_LEVEL": "INFO",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        "OSTINATO_HOME": str(home),
    }
    said = {key: value for key, value in os.environ.items() if key in env}
    url = os.environ.get("PREFECT_API_URL") or settings().prefect_api_url or running_server(home)
    return env | said | ({"PREFECT_API_URL": url} if url else {})


def server_file(home: Path) -> Path:
    """Where `make deploy` and `make ui` remember the server that they started."""
    return home / ".ostinato" / "prefect" / "server.json"


def running_server(home: Path) -> str | None:
    """The API's URL of the installation's own Prefect server, if it is up."""
    path = server_file(home)
    if not path.is_file():
        return None
    try:
        url = str(json.loads(path.read_text(encoding="utf-8"))["url"])
    except (ValueError, KeyError):
        return None
    if answers(url + "/health"):
        return url
    point_prefect_at(home, None)
    return None


def point_prefect_at(home: Path, url: str | None) -> None:
    """Let a bare `prefect` in the installation's root find the server: a `prefect.toml`, removed again with `url` None."""
    path = home / "prefect.toml"
    if url is not None:
        path.write_text(f'{_OURS}[api]\nurl = "{url}"\n', encoding="utf-8")
    elif path.is_file() and path.read_text(encoding="utf-8").startswith(_OURS):
        path.unlink()


def answers(url: str, seconds: float = 2.0) -> bool:
    """Whether a URL answers at all."""
    try:
        with urlopen(url, timeout=seconds):
            return True
    except (URLError, OSError, ValueError):
        return False


def need_free_port(port: int, what: str, variable: str) -> None:
    """Raise BusyError when 127.0.0.1:`port` is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise BusyError(
                f"port {port} on 127.0.0.1 is in use, and {what} needs it. Stop what listens there, "
                f"or choose another port: {variable}={port + 1}"
            ) from None


def start_flow(name: str, workspace: Workspace, arguments: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Run `python -m flows.NAME` in the installation's root and yield its events; the last is `result`.

    Raises StepError with the flow's own words when it fails. On Ctrl-C the flow gets the same signal and is waited for.
    """
    words = [part for key, value in arguments.items() if value is not None for part in (f"--{key}", str(value))]
    env = os.environ | starter_environment() | prefect_environment(workspace.home) | {"OSTINATO_PROGRESS": "json"}
    env["PYTHONPATH"] = os.pathsep.join(
        p for p in (str(_flows_root(workspace.home)), os.environ.get("PYTHONPATH")) if p
    )
    process = subprocess.Popen(
        [sys.executable, "-m", f"flows.{name}", "--workspace", str(workspace.root), *words],
        cwd=workspace.home, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
    )  # fmt: skip
    failed: dict[str, Any] | None = None
    tail = _Tail(process)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            event = progress.parse(line.rstrip("\n"))
            if event is None:
                continue
            if event[progress.MARK] == "error":
                failed = event
            yield event
        code = process.wait()
    except BaseException:
        _interrupt(process)
        raise
    if code != 0:
        raise _as_error(name, failed, code, tail.text())


def _as_error(name: str, failed: dict[str, Any] | None, code: int, tail: str) -> OstinatoError:
    if failed is not None:
        error = StepError(str(failed["message"]))
        error.exit_code = int(failed.get("exit_code", 1))
        return error
    return StepError(f"flow {name}: its process ended with {code}:\n{tail}")


class _Tail:
    """The last lines of a process's stderr, read on a thread so that the pipe never fills."""

    def __init__(self, process: subprocess.Popen[str], lines: int = 15) -> None:
        import threading
        from collections import deque

        self._lines: deque[str] = deque(maxlen=lines)
        assert process.stderr is not None
        stream = process.stderr
        self._thread = threading.Thread(target=lambda: self._lines.extend(iter(stream.readline, "")), daemon=True)
        self._thread.start()

    def text(self) -> str:
        """What was last said."""
        self._thread.join(timeout=2)
        return "".join(self._lines).strip()


def _interrupt(process: subprocess.Popen[str], seconds: float = 20.0) -> None:
    import signal

    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _flows_root(home: Path) -> Path:
    if not (home / "flows" / "training.py").is_file():
        raise OstinatoError(f"{home}: no flows/ here. Set OSTINATO_HOME to the repository's root.")
    return home
