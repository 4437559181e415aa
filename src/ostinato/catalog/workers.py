"""Worker processes that die with their parent, so that a killed run leaves no orphans behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from ostinato.core.settings import settings


def job_count(tasks: int) -> int:
    """How many workers to start for `tasks` tasks: the setting, or the cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(settings().jobs or cores, tasks))


@contextmanager
def worker_pool(tasks: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of spawned processes; what is still waiting is cancelled when the block ends badly."""
    pool = ProcessPoolExecutor(
        job_count(tasks), mp_context=multiprocessing.get_context("spawn"), initializer=_begin_worker
    )
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=True, cancel_futures=True)
        raise
    pool.shutdown()


def _begin_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
