"""One run at a time in a workspace, and no ghosts of a killed one.

The lock is `flock` on a file, so the system releases it however its holder dies. Children of a run carry the workspace in an
environment variable; whoever takes the lock next ends those that a killed run left behind before it touches anything.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from ostinato.core.errors import BusyError

MARK = "OSTINATO_RUN_OF"  # set for every process that a run starts; its value is the workspace's root
STARTED_BY = "OSTINATO_STARTED_BY"  # "pid:birth" of the command that started a flow and waits for it
_GRACE_SECONDS = 5.0


@contextmanager
def run_lock(root: Path, what: str = "run") -> Iterator[int]:
    """Hold the workspace's lock; yields how many orphans of a killed run were ended. Raises BusyError when it is held."""
    path = root / ".ostinato" / "run.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        ended = _take(file, root)
        file.seek(0)
        file.truncate()
        json.dump({"pid": os.getpid(), "what": what, "since": datetime.now(UTC).isoformat(timespec="seconds")}, file)
        file.flush()
        before = os.environ.get(MARK)
        os.environ[MARK] = str(root)
        try:
            yield ended + end_orphans(root)
        finally:
            os.environ.pop(MARK) if before is None else os.environ.__setitem__(MARK, before)


def _take(file: IO[str], root: Path) -> int:
    """Lock the file; a holder whose starter was killed is ended first. Returns how many were ended."""
    for attempt in range(2):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            text = file.read()
            if attempt == 0 and _end_abandoned(text):
                continue
            raise BusyError(_held_by(root, text)) from None
        return attempt
    return 0


def _end_abandoned(text: str) -> bool:
    """End the lock's holder where a command had started it that no longer lives."""
    import psutil

    try:
        holder = psutil.Process(int(json.loads(text)["pid"]))
        pid, _, born = holder.environ().get(STARTED_BY, "").partition(":")
        if not pid or (psutil.pid_exists(int(pid)) and str(psutil.Process(int(pid)).create_time()) == born):
            return False
        holder.terminate()
        psutil.wait_procs([holder], timeout=_GRACE_SECONDS)
        if holder.is_running():
            holder.kill()
            psutil.wait_procs([holder], timeout=_GRACE_SECONDS)
    except psutil.NoSuchProcess:
        return True
    except (psutil.Error, ValueError, KeyError, TypeError, OSError):
        return False
    return True


def is_running(root: Path) -> bool:
    """Whether some process holds the workspace's lock."""
    path = root / ".ostinato" / "run.lock"
    if not path.is_file():
        return False
    with path.open("r+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def child_environment(root: Path) -> dict[str, str]:
    """This process's environment for a child of a run in the workspace."""
    return {**os.environ, MARK: str(root)}


def starter_environment() -> dict[str, str]:
    """The variable by which a flow knows the command that started it."""
    import psutil

    return {STARTED_BY: f"{os.getpid()}:{psutil.Process().create_time()}"}


def end_orphans(root: Path) -> int:
    """End every process that a run of this workspace started and that is no relative of ours; returns how many."""
    import psutil

    me = psutil.Process()
    family = {me.pid, *(p.pid for p in me.parents()), *(p.pid for p in me.children(recursive=True))}
    orphans = [p for p in psutil.process_iter() if p.pid not in family and _marked(p, root)]
    for process in orphans:
        with _gone_is_fine():
            process.terminate()
    _, alive = psutil.wait_procs(orphans, timeout=_GRACE_SECONDS)
    for process in alive:
        with _gone_is_fine():
            process.kill()
    psutil.wait_procs(alive, timeout=_GRACE_SECONDS)
    return len(orphans)


def _marked(process: object, root: Path) -> bool:
    import psutil

    assert isinstance(process, psutil.Process)
    try:
        return process.environ().get(MARK) == str(root)
    except (psutil.Error, OSError):
        return False


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    import psutil

    try:
        yield
    except psutil.NoSuchProcess:
        return


def _held_by(root: Path, text: str) -> str:
    try:
        facts = json.loads(text)
        who = f"{facts['what']} of process {facts['pid']}, since {facts['since']}"
    except (ValueError, KeyError, TypeError):
        who = "another run"
    return f"{root}: {who}, is under way here. Wait for it to end (`ostinato status` shows it), then run again."


def wait_for_port(port: int, seconds: float) -> bool:
    """Whether something listens on 127.0.0.1:`port` within `seconds`."""
    import socket

    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.1)
    return False
