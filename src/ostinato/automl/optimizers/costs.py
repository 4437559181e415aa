"""What a fitted model costs once it serves: bytes and the time of one row, measured on its ONNX form where it has one."""

from __future__ import annotations

import logging
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ostinato.automl.fitting import Fitted, session_of
from ostinato.automl.preparation import Matrix

log = logging.getLogger(__name__)
_CALLS, _WARM, _PROVEN, _LONGEST = 300, 20, 256, 0.25


@dataclass(frozen=True)
class Cost:
    """Microseconds for one row (median), bytes, and on what they were measured: "onnx" or "estimator"."""

    latency: float
    bytes: int
    measured_on: str


def cost_of(fitted: Fitted, X: Matrix) -> Cost:
    """Export, prove on some rows of `X`, and measure; a model that cannot be exported is measured as it is."""
    try:
        content = fitted.exported(X[:_PROVEN])
    except Exception:
        log.info("%s is measured as it is, for it cannot be exported", fitted.entry.key, exc_info=True)
        return Cost(_median_us(fitted.scores, X), len(pickle.dumps(fitted)), "estimator")
    session = session_of(content)
    return Cost(_median_us(lambda row: session.run(["Y"], {"X": row}), X), len(content), "onnx")


def _median_us(call: Callable[[Matrix], object], X: Matrix) -> float:
    rows = [np.ascontiguousarray(X[i % len(X)][None]) for i in range(_CALLS)]
    for row in rows[:_WARM]:
        call(row)
    times, until = [], time.perf_counter() + _LONGEST
    for row in rows:
        began = time.perf_counter()
        call(row)
        times.append(time.perf_counter() - began)
        if time.perf_counter() > until:
            break
    return 1e6 * float(np.median(times))
