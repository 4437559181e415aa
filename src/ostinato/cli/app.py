"""The command line: sub-commands, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from ostinato.cli import features, governance, line, models, monitor, quality, tenants

app = typer.Typer(
    name="ostinato",
    help="From a music catalogue to governed, monitored models, the same way every time.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
UsageProblem: type[Exception] = typer.BadParameter.__mro__[1]  # typer carries its own click and exports only this leaf
_INTERRUPTED = 130  # what typer makes of Ctrl-C
line.attach(app)
models.attach(app)
governance.attach(app)
monitor.attach(app)
tenants.attach(app)
features.attach(app)
quality.attach(app)


def run(argv: Sequence[str]) -> int:
    """Run one command; 0 done, 1 refused or failed with a reason, 2 bad usage."""
    try:
        result = app(list(argv), standalone_mode=False)
        if result == _INTERRUPTED:
            raise KeyboardInterrupt
    except UsageProblem as error:
        error.show()  # type: ignore[attr-defined]
        return 2
    except (KeyboardInterrupt, typer.Abort):
        return _say("stopped. What was finished is kept; run the same command again to go on.", "Interrupted", 1)
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except Exception as error:  # noqa: BLE001 - the boundary between the program and a person
        return _failed(error)
    return int(result) if isinstance(result, int) else 0


def _failed(error: Exception) -> int:
    from ostinato.core.errors import OstinatoError, StorageError

    if not isinstance(error, OstinatoError):
        if (disk := StorageError.behind(error)) is not None:
            error = disk
        elif isinstance(error, OSError) and error.errno is not None:
            error = StorageError.from_os(error)
    if isinstance(error, OstinatoError):
        return _say(str(error), type(error).__name__, error.exit_code)
    import logging

    logging.getLogger("ostinato").error("an unforeseen error", exc_info=error)
    return _say(f"an unforeseen error, please report it: {type(error).__name__}: {error}", type(error).__name__, 1)


def _say(message: str, kind: str, code: int) -> int:
    from ostinato.core import progress

    progress.emit("error", message=message, type=kind, exit_code=code)
    sys.stderr.write(f"ostinato: {message}\n")
    return code
