"""A flow as a process of its own: arguments in, JSON lines out, an exit code, and no half-words when something fails."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping
from types import FrameType
from typing import Any

import psutil
from prefect import Flow

from ostinato.core import progress
from ostinato.core.errors import OstinatoError, StorageError

_STOPPED = "stopped. What was finished is kept; run the same command again to go on."
_STOP_SECONDS = 4.0


def run_as_process(flow: Flow[..., Any], options: Mapping[str, str | None]) -> None:
    """Run `flow` with `--workspace` and `options` from the command line; exits 0, 1 or 2."""
    parser = argparse.ArgumentParser(prog=f"python -m flows.{flow.name}", description=flow.description)
    parser.add_argument("--workspace", default=".")
    for name, default in options.items():
        parser.add_argument(f"--{name}", default=default, required=default == "")
    said = vars(parser.parse_args())
    signal.signal(signal.SIGINT, _stop)
    sys.exit(_run(flow, {key: value for key, value in said.items() if value is not None}))


def _run(flow: Flow[..., Any], arguments: dict[str, Any]) -> int:
    try:
        result = flow(**arguments)
    except KeyboardInterrupt:
        return _failed(_STOPPED, 1)
    except OstinatoError as error:
        return _failed(str(error), error.exit_code)
    except Exception as error:
        if (disk := StorageError.behind(error)) is not None:
            return _failed(str(disk), 1)
        if (said := _about_the_server(error)) is not None:
            return _failed(said, 1)
        logging.getLogger("ostinato").error("flow %s failed", flow.name, exc_info=error)
        return _failed(f"flow {flow.name} failed: {type(error).__name__}: {error}", 1)
    progress.emit("result", result=result)
    return 0


def _stop(number: int, frame: FrameType | None) -> None:
    """The first Ctrl-C ends the flow in order, but not at the pace of a client that asks a server which stopped too."""
    signal.signal(number, signal.SIG_IGN)
    watch = threading.Timer(_STOP_SECONDS, _leave)
    watch.daemon = True
    watch.start()
    raise KeyboardInterrupt


def _leave() -> None:
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    os._exit(_failed(_STOPPED, 1))


def _about_the_server(error: BaseException) -> str | None:
    """What to say where it is Prefect's server that failed, else None."""
    seen: BaseException | None = error
    while seen is not None:
        if "ephemeral Prefect API server" in str(seen):
            return (
                "Prefect's server for this run did not come up. What was finished is kept. Check that "
                f"{os.environ.get('PREFECT_HOME', 'the home directory')} can be written to and has room, and run the same "
                "command again."
            )
        if type(seen).__module__.split(".")[0] in ("httpx", "httpcore") or "API at" in str(seen)[:80]:
            where = os.environ.get("PREFECT_API_URL")
            return (
                f"the Prefect server{f' at {where}' if where else ''} does not answer. What was finished is kept. Start it "
                "(`make deploy`), or unset PREFECT_API_URL to run without one, and run the same command again "
                f"({type(error).__name__})."
            )
        seen = seen.__cause__ or seen.__context__
    return None


def _failed(message: str, code: int) -> int:
    progress.emit("error", message=message, exit_code=code)
    sys.stderr.write(f"ostinato: {message}\n")
    return code
