"""Studies that outlive their process: Optuna's journal file, or PostgreSQL.

Optuna's own tools can read both. One process at a time may write: a second one is refused rather than mixed up with the first,
and the system lifts that lock however its holder dies. A trial that was running when its process was killed is marked failed and
tried once more; the second time it is left alone, for it may be what killed the process.
"""

from __future__ import annotations

import fcntl
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ostinato.automl.optimizers.trial import Record
from ostinato.automl.space import Space, Value, active, to_optuna
from ostinato.core.errors import BusyError, StorageError, UsageError
from ostinato.core.hashing import derived_seed

if TYPE_CHECKING:
    import optuna
    from optuna.storages import BaseStorage

Direction = Literal["minimize", "maximize"]
CONTRACT = "ostinato"
_ATTEMPTS = 2


@dataclass
class Kept:
    """What a study holds when it is opened."""

    records: dict[int, Record] = field(default_factory=dict)
    again: dict[int, tuple[dict[str, Value], int]] = field(default_factory=dict)  # interrupted: point, attempts so far


class Store:
    """One named study on a disk or a server."""

    def __init__(
        self, where: str | Path, name: str, space: Space, directions: Sequence[Direction], contract: Mapping[str, Any]
    ) -> None:
        import optuna

        self.space, self.distributions, self.name, self.where = space, to_optuna(space), name, _shown(where)
        self._guard = threading.Lock()
        self._running: dict[int, optuna.Trial] = {}
        storage, self._release = _opened(where, name)
        try:
            with _told_plainly(self.where):
                self.study = optuna.create_study(
                    storage=storage, study_name=name, directions=directions, load_if_exists=True
                )
                self._agree(contract)
        except BaseException:
            self._release()
            raise

    def _agree(self, contract: Mapping[str, Any]) -> None:
        """Refuse to go on with a study that was begun otherwise."""
        ours = json.loads(json.dumps(dict(contract), default=str))
        theirs = self.study.user_attrs.get(CONTRACT)
        if theirs is None:
            if self.study.get_trials(deepcopy=False):
                raise UsageError(f"{self.where}: study {self.name!r} was not made by Ostinato; choose another name")
            self.study.set_user_attr(CONTRACT, ours)
            return
        if different := [key for key in ours if theirs.get(key) != ours[key]]:
            key = different[0]
            raise UsageError(
                f"{self.where}: study {self.name!r} was begun with {key}={theirs.get(key)}, not {ours[key]}; "
                "go on with the same arguments, or choose another name"
            )

    def load(self) -> Kept:
        """Trials that are over, and those that were running; the latter are marked failed."""
        from optuna.trial import TrialState

        kept, attempts = Kept(), dict[int, int]()
        with _told_plainly(self.where):
            for trial in self.study.get_trials(deepcopy=False):
                number = trial.user_attrs["number"]
                if not trial.state.is_finished():
                    self.study.tell(trial.number, state=TrialState.FAIL)
                params = active(self.space, trial.params)
                if outcome := trial.user_attrs.get("outcome") if trial.state.is_finished() else None:
                    steps = tuple((int(step), float(loss)) for step, loss in outcome["steps"])
                    kept.records[number] = Record(
                        number, params, trial.params, outcome["state"], tuple(outcome["values"]), steps,
                        outcome["seconds"], outcome["reason"],
                    )  # fmt: skip
                    continue
                attempts[number] = attempts.get(number, 0) + (not trial.user_attrs.get("dropped", False))
                kept.again[number] = trial.params, attempts[number]
                if attempts[number] >= _ATTEMPTS and number not in kept.records:
                    reason = f"its process was killed {attempts[number]} times while it ran"
                    kept.records[number] = Record(number, params, trial.params, "failed", reason=reason)
        kept.again = {number: each for number, each in kept.again.items() if number not in kept.records}
        return kept

    def begin(self, number: int, point: Mapping[str, Value]) -> None:
        """Write down that a trial starts."""
        import optuna

        with self._guard, _told_plainly(self.where):
            self.study.add_trial(
                optuna.trial.create_trial(
                    state=optuna.trial.TrialState.RUNNING,
                    params=dict(point),
                    distributions=self.distributions,
                    user_attrs={"number": number},
                )
            )
            newest = max(self.study.get_trials(deepcopy=False), key=lambda each: each.number)
            self._running[number] = optuna.Trial(self.study, newest._trial_id)

    def finish(self, record: Record) -> None:
        """Write down what became of it, before anybody is told."""
        from optuna.trial import TrialState

        states = {"complete": None, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
        with self._guard, _told_plainly(self.where):
            trial = self._running.pop(record.number)
            outcome = {name: getattr(record, name) for name in ("state", "values", "steps", "seconds", "reason")}
            trial.set_user_attr("outcome", json.loads(json.dumps(outcome)))
            complete = record.state == "complete"
            self.study.tell(trial, list(record.values) if complete else None, states[record.state])

    def drop(self, number: int) -> None:
        """Write down that a trial was cut by the budget: it will be tried again, and none of it is the trial's fault."""
        from optuna.trial import TrialState

        with self._guard, _told_plainly(self.where):
            trial = self._running.pop(number)
            trial.set_user_attr("dropped", True)
            self.study.tell(trial, state=TrialState.FAIL)

    def close(self) -> None:
        """Let others write."""
        self._release()


def _opened(where: str | Path, name: str) -> tuple[BaseStorage, Callable[[], None]]:
    text = str(where)
    if text.startswith("postgresql://"):
        text = text.replace("postgresql://", "postgresql+psycopg2://", 1)  # the driver that comes with us
    if text.startswith("postgresql+"):
        return _postgres(text, name)
    if "://" in text:
        raise UsageError(f"storage={_shown(where)!r}: expected the path of a journal file or a postgresql:// address")
    return _journal(Path(where))


def _journal(path: Path) -> tuple[BaseStorage, Callable[[], None]]:
    """Lock a journal, cut a line that a kill left half written, and open it."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    except OSError as error:
        raise StorageError.from_os(error, path) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise BusyError(
            f"{path}: another process or optimiser writes this journal; close that one, or take another file"
        ) from None
    file.seek(0)
    content = file.read()
    whole = content[: content.rfind(b"\n") + 1]
    try:
        for line in whole.splitlines():
            json.loads(line)["op_code"]
    except (ValueError, KeyError, TypeError) as error:
        file.close()
        raise UsageError(
            f"{path}: is no journal of Optuna ({line[:40]!r} is no entry of one); name another file"
        ) from error
    file.truncate(len(whole))
    # Optuna's own lock is a link that a killed process leaves behind, and waits half a minute for
    with suppress(FileNotFoundError):
        path.with_name(path.name + ".lock").unlink()
    return JournalStorage(JournalFileBackend(str(path))), file.close


def _postgres(url: str, name: str) -> tuple[BaseStorage, Callable[[], None]]:
    """Take the server's lock for this study, which falls with the connection, and open it."""
    import sqlalchemy
    from optuna.storages import RDBStorage

    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    try:
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        key = derived_seed("study", name)
        if not connection.execute(sqlalchemy.text(f"SELECT pg_try_advisory_lock({key})")).scalar():
            connection.close()
            raise BusyError(
                f"{_shown(url)}: another process writes study {name!r}; wait for it, or choose another name"
            )
        storage = RDBStorage(url, engine_kwargs={"pool_size": 2, "pool_pre_ping": True})
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise StorageError(f"{_shown(url)}: cannot be opened ({_short(error)}). Check address and server.") from error

    def release() -> None:
        connection.close()
        storage.engine.dispose()

    return storage, release


@contextmanager
def _told_plainly(where: str) -> Iterator[None]:
    """Errors of a full disk or a lost server in our words."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except OSError as error:
        if isinstance(error, BusyError | StorageError):
            raise
        raise StorageError.from_os(error, where) from error
    except SQLAlchemyError as error:
        raise StorageError(
            f"{where}: the server failed ({_short(error)}). What was told is kept; go on later."
        ) from error


def _short(error: BaseException) -> str:
    return re.sub(r"://[^@\s]*@", "://…@", " ".join(str(error).split()))[:200]


def _shown(where: str | Path) -> str:
    """An address without its password."""
    return re.sub(r"://([^:@/]*):[^@]*@", r"://\1:…@", str(where))
