"""Workers for one run: a Dask cluster that prefect-dask brings up beside a flow and takes down after it.

The steps of the line run as processes under DVC, so it is not Prefect tasks that Dask spreads but the clips of `extract`:
the flow brings the workers, the step finds their scheduler by the setting.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ostinato.core.errors import MissingExtraError
from ostinato.core.settings import settings

SETTING = "OSTINATO_DASK"


@contextmanager
def temporary_cluster() -> Iterator[str | None]:
    """Where the setting is `local:N` or `package.ClusterClass:N`, a cluster of N workers for the block; yields its address.

    Steps started meanwhile find that address in the setting. A scheduler that is up already, and no setting, stay as they are.
    """
    asked = settings().dask
    if asked is None or "://" in asked:
        yield asked
        return
    with _runner(asked) as runner:
        address = str(runner.client.scheduler.address)
        os.environ[SETTING] = address
        try:
            yield address
        finally:
            os.environ[SETTING] = asked


def _runner(asked: str) -> Any:
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError:
        raise MissingExtraError.named("prefect-dask", "dask") from None
    name, _, workers = asked.rpartition(":")
    if name != "local":
        return DaskTaskRunner(cluster_class=name, cluster_kwargs={"n_workers": int(workers)})
    alone = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "memory_limit": 0}
    return DaskTaskRunner(cluster_kwargs={"n_workers": int(workers), **alone})
