"""DVC as a process: which steps are stale, redo one, mend what a killed run left, push.

The library does not import DVC; it starts `dvc` from the environment that it runs in.
"""

from __future__ import annotations

import ast
import contextlib
import json
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import yaml

from ostinato.core import progress
from ostinato.core.errors import SourceError, StepError, StorageError
from ostinato.core.locking import child_environment
from ostinato.pipeline import Call, calls, downstream
from ostinato.tenancy.workspace import Workspace

log = logging.getLogger(__name__)
_TAIL_LINES = 12
OnEvent = Callable[[Mapping[str, Any]], None]


def environment(workspace: Workspace) -> dict[str, str]:
    """The environment of a DVC process: this interpreter first on PATH, no telemetry, marked as ours."""
    env = child_environment(workspace.root)
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", "")])
    env |= {"DVC_NO_ANALYTICS": "1", "DO_NOT_TRACK": "1", "OSTINATO_HOME": str(workspace.home), "PYTHONHASHSEED": "0"}
    return env


def dvc(workspace: Workspace, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run `dvc` quietly and return what it printed; raises StepError with its last lines when it fails."""
    command = [str(Path(sys.executable).with_name("dvc")), *words]

    def once() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=workspace.root, env=environment(workspace), capture_output=True, text=True, check=False
        )

    done = once()
    if done.returncode != 0 and _torn_rwlock(workspace, done.stderr):
        done = once()
    if check and done.returncode != 0:
        if (link := _dead_link(done.stderr)) is not None:
            raise link
        text = _last(done.stderr or done.stdout)
        raise _disk(f"dvc {words[0]}", text) or StepError(f"dvc {' '.join(words)} failed in {workspace.root}:\n{text}")
    return done


def _torn_rwlock(workspace: Workspace, said: str) -> bool:
    """Remove DVC's own lock file where DVC calls it corrupted, as a full disk leaves it; whether it was.

    DVC reads and writes that file under a lock of its own: what it finds torn, no living process is writing.
    """
    rwlock = workspace.root / ".dvc" / "tmp" / "rwlock"
    if "RWLock-file" not in said or not rwlock.is_file() or not _is_of_the_dead(rwlock):
        return False
    rwlock.unlink()
    return True


def _disk(what: str, text: str) -> StorageError | None:
    """The error for a full or read-only disk where that is what a process said; else None."""
    if not any(
        words in text for words in ("No space left", "Read-only file system", "Permission denied", "File too large")
    ):
        return None
    return StorageError(
        f"{what}: the workspace cannot be written to, or its disk is full:\n{text}\n"
        "What was already computed is kept; make room or mend the permissions, and run the same command again."
    )


def _dead_link(said: str) -> SourceError | None:
    """The error for a link in the source that leads nowhere, which DVC cannot hash; None where that is not what it says."""
    found = re.search(r"No such file or directory: ('.*'|\".*\")", said)
    path = Path(ast.literal_eval(found[1])) if found else None
    if path is None or not path.is_symlink():
        return None
    return SourceError(f"{str(path)!r}: a link that leads nowhere. Remove or mend it, and run the same command again")


def stale_steps(workspace: Workspace) -> set[str]:
    """Names of the stages that DVC finds changed, asked once for the whole line."""
    words = dvc(workspace, "--wait-for-lock", "status", "--json").stdout.strip()
    status = json.loads(words or "{}")
    return {name.rpartition(":")[2] if ":" in name else name for name in status}


def plan(workspace: Workspace, problem: str | None = None) -> tuple[list[Call], list[Call]]:
    """The calls of the line for all problems or one, and those of them that have to run."""
    problems = list(workspace.params.problems) if problem is None else [problem]
    line = calls(problems)
    if problem is not None:
        line = [call for call in line if call.step.name != "baseline"]
    return line, downstream(stale_steps(workspace), line)


@dataclass
class Reproduction:
    """What came of redoing one step."""

    name: str
    ran: bool = False
    report: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


def reproduce(
    call: Call, workspace: Workspace, on_event: OnEvent = lambda event: None, *, force: bool = False
) -> Reproduction:
    """Let DVC redo one step if it has to; raises StepError, or StorageError, with what the step said."""
    flags = ["--force"] if force else []
    command = [
        str(Path(sys.executable).with_name("dvc")),
        "--wait-for-lock",
        "repro",
        "--single-item",
        *flags,
        call.name,
    ]
    env = environment(workspace) | {"OSTINATO_PROGRESS": "json"}
    _keep_good_lock(workspace)
    process = subprocess.Popen(
        command,
        cwd=workspace.root,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    result, tail, said = Reproduction(call.name), [""], None
    try:
        assert process.stdout is not None
        for line in _lines(process.stdout):
            event = progress.parse(line)
            if event is None:
                tail = [*tail[-_TAIL_LINES:], line]
                log.debug("%s: %s", call.name, line)
                continue
            on_event(event)
            match event[progress.MARK]:
                case "step":
                    result.ran = True
                case "report":
                    result.report, result.seconds = event["report"], event["seconds"]
                case "error":
                    said = event
        code = process.wait()
    except BaseException:
        _end_tree(process)
        raise
    if code != 0:
        raise _failure(call, said, tail, code)
    return result


def _lines(stream: IO[str]) -> Any:
    for line in stream:
        yield line.rstrip("\n")


def _failure(call: Call, said: dict[str, Any] | None, tail: list[str], code: int) -> StepError | StorageError:
    if said is not None:
        message = f"step {call.name}: {said['message']}"
        return StorageError(message) if said.get("type") == "StorageError" else StepError(message)
    text = _last("\n".join(tail))
    return _disk(f"step {call.name}", text) or StepError(f"step {call.name}: its process ended with {code}:\n{text}")


def _end_tree(process: subprocess.Popen[str]) -> None:
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(process.pid)
        family = [root, *root.children(recursive=True)]
        for each in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.terminate()
        _, alive = psutil.wait_procs(family, timeout=5)
        for each in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
    process.wait()


# --- after a crash ----------------------------------------------------------------------------------------------------


def mend(workspace: Workspace) -> list[str]:
    """Mend what a killed run can leave torn: dvc.lock and DVC's own lock file. Call it while holding the run lock."""
    mended = []
    lock, good = workspace.root / "dvc.lock", workspace.state / "dvc.lock.good"
    if lock.is_file() and not _parses(lock):
        if good.is_file():
            shutil.copyfile(good, lock)
        else:
            lock.unlink()
        mended.append("dvc.lock was torn and is restored")
    rwlock = workspace.root / ".dvc" / "tmp" / "rwlock"
    if rwlock.is_file() and _is_of_the_dead(rwlock):
        rwlock.unlink()
        mended.append("DVC's lock of a dead process is removed")
    for part in list(workspace.data.rglob(".*.part")):
        shutil.rmtree(part) if part.is_dir() else part.unlink(missing_ok=True)
    return mended


def _keep_good_lock(workspace: Workspace) -> None:
    lock, good = workspace.root / "dvc.lock", workspace.state / "dvc.lock.good"
    if lock.is_file() and _parses(lock):
        good.parent.mkdir(parents=True, exist_ok=True)
        part = good.with_suffix(".part")
        shutil.copyfile(lock, part)
        part.replace(good)


def _parses(lock: Path) -> bool:
    try:
        value = yaml.load(lock.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, UnicodeDecodeError):
        return False
    return isinstance(value, dict) and isinstance(value.get("stages"), dict)


def _is_of_the_dead(rwlock: Path) -> bool:
    """Whether DVC's own lock file is torn (empty, too), or names holders none of which is a living DVC."""
    import psutil

    try:
        content = json.loads(rwlock.read_text(encoding="utf-8"))
        held = [*content.get("read", {}).values(), *content.get("write", {}).values()]
        pids = {int(each["pid"]) for infos in held for each in (infos if isinstance(infos, list) else [infos])}
    except (ValueError, KeyError, TypeError, AttributeError):
        return True
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            if any("dvc" in word for word in psutil.Process(pid).cmdline()[:3]):
                return False
    return bool(pids)


# --- after a run ------------------------------------------------------------------------------------------------------


def commit_lock(workspace: Workspace, branch: str, message: str) -> str | None:
    """Commit dvc.lock onto `branch` without touching the working tree or the current branch; None where nothing changed."""

    def git(*words: str, env: Mapping[str, str] | None = None, stdin: str | None = None) -> str:
        done = subprocess.run(
            ["git", *words], cwd=workspace.root, capture_output=True, text=True, check=False, input=stdin,
            env={**os.environ, **(env or {})},
        )  # fmt: skip
        if done.returncode != 0:
            raise StepError(f"git {' '.join(words)} failed in {workspace.root}: {done.stderr.strip()}")
        return done.stdout.strip()

    exists = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}"],
        cwd=workspace.root, capture_output=True, text=True, check=False,
    ).stdout.strip()  # fmt: skip
    parent = exists or git("rev-parse", "HEAD")
    index = {"GIT_INDEX_FILE": str(workspace.state / "commit.index")}
    prefix = git("rev-parse", "--show-prefix")
    try:
        git("read-tree", parent, env=index)
        for name in ("dvc.lock", "dvc.yaml", "params.yaml"):
            blob = git("hash-object", "-w", name)
            git("update-index", "--add", "--cacheinfo", f"100644,{blob},{prefix}{name}", env=index)
        tree = git("write-tree", env=index)
    finally:
        (workspace.state / "commit.index").unlink(missing_ok=True)
    if exists and tree == git("rev-parse", f"{parent}^{{tree}}"):
        return None
    identity = {"GIT_AUTHOR_NAME": "ostinato", "GIT_AUTHOR_EMAIL": "ostinato@localhost"}
    identity |= {"GIT_COMMITTER_NAME": "ostinato", "GIT_COMMITTER_EMAIL": "ostinato@localhost"}
    commit = git("commit-tree", tree, "-p", parent, "-m", message, env=identity)
    git("update-ref", f"refs/heads/{branch}", commit, *([exists] if exists else []))
    return commit


def has_remote(workspace: Workspace) -> bool:
    """Whether a default DVC remote is set."""
    return bool(dvc(workspace, "config", "core.remote", check=False).stdout.strip())


def push(workspace: Workspace) -> str:
    """Push data to the default remote; returns DVC's summary."""
    return dvc(workspace, "push").stdout.strip()


def _last(text: str) -> str:
    return "\n".join(line for line in text.strip().splitlines()[-_TAIL_LINES:] if line.strip())
