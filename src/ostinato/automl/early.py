"""Boosting that stops when held-out rows no longer gain, or when its seconds are over; each returns the rounds it kept.

`held` are prepared rows and their targets, or None where all the rounds asked for are to be made.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
Held = tuple[Rows, NDArray[Any]] | None
_FEW_ROWS, _FEW_BORDERS, _MOST_WORK = 3_000, 32, 400.0
_LEAST_PATIENCE, _SHARE = 20, 0.1  # rounds without gain after which a fit ends: the larger of the two


def _patience(rounds: int) -> int:
    return max(_LEAST_PATIENCE, int(_SHARE * rounds))


def lightgbm(estimator: Any, X: Rows, y: NDArray[Any], held: Held, seconds: float | None) -> int:
    """LightGBM by its callbacks."""
    from lightgbm import early_stopping
    from lightgbm.callback import EarlyStopException

    calls: list[Any] = []
    dart = estimator.get_params().get("boosting_type") == "dart"  # later rounds change earlier trees
    if held is not None and not dart:
        calls.append(early_stopping(_patience(estimator.n_estimators), verbose=False))
    if seconds is not None:
        end = time.monotonic() + seconds

        def late(env: Any) -> None:
            if time.monotonic() > end:
                raise EarlyStopException(env.iteration, env.evaluation_result_list or [("", "", 0.0, False)])

        calls.append(late)
    judged = {} if held is None or dart else {"eval_X": (held[0],), "eval_y": (held[1],)}
    estimator.fit(X, y, callbacks=calls, **judged)
    best = estimator.booster_.best_iteration
    return int(best if best and best > 0 else estimator.booster_.current_iteration())


def xgboost(estimator: Any, X: Rows, y: NDArray[Any], held: Held, seconds: float | None) -> int:
    """XGBoost by its callbacks."""
    from xgboost.callback import TrainingCallback

    calls: list[Any] = []
    if seconds is not None:
        end = time.monotonic() + seconds

        class Late(TrainingCallback):  # type: ignore[misc]
            def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
                return time.monotonic() > end

        calls.append(Late())
    estimator.set_params(callbacks=calls or None)
    if held is None or estimator.get_params().get("booster") in ("dart", "gblinear"):
        estimator.fit(X, y, verbose=False)
        estimator.set_params(callbacks=None)
        return int(estimator.get_booster().num_boosted_rounds())
    estimator.set_params(early_stopping_rounds=_patience(estimator.n_estimators))
    estimator.fit(X, y, eval_set=[held], verbose=False)
    estimator.set_params(callbacks=None)
    return int(estimator.best_iteration) + 1


def catboost(estimator: Any, X: Rows, y: NDArray[Any], held: Held, seconds: float | None) -> int:
    """CatBoost by its own detector and a callback.

    Its time on few rows goes with borders x columns x classes, whatever the rows: few rows get fewer borders, and of very many
    columns times classes a tree sees a share.
    """
    told = estimator.get_params()
    outputs = len(np.unique(y)) if hasattr(estimator, "predict_proba") else 1
    work = X.shape[1] * (outputs if outputs > 2 else 1)  # noqa: PLR2004
    share = min(float(told.get("rsm") or 1.0), max(0.05, _MOST_WORK / work))
    borders = _FEW_BORDERS if len(X) < _FEW_ROWS else int(told.get("border_count") or 128)
    estimator.set_params(rsm=round(share, 4), border_count=borders)
    calls: list[Any] = []
    if seconds is not None:
        end = time.monotonic() + seconds

        class Late:
            def after_iteration(self, info: Any) -> bool:
                return time.monotonic() <= end

        calls.append(Late())
    if held is None:
        estimator.fit(X, y, callbacks=calls or None)
    else:
        rounds = int(estimator.get_params().get("iterations", 1000))
        estimator.fit(
            X, y, eval_set=held, early_stopping_rounds=_patience(rounds), use_best_model=True, callbacks=calls or None
        )
    return int(estimator.tree_count_)


def histogram(estimator: Any, X: Rows, y: NDArray[Any], held: Held, seconds: float | None) -> int:
    """scikit-learn's histogram boosting by its validation rows; it cannot be stopped by time."""
    if held is None:
        estimator.set_params(early_stopping=False)
        estimator.fit(X, y)
    else:
        estimator.set_params(early_stopping=True, n_iter_no_change=_patience(estimator.max_iter))
        estimator.fit(X, y, X_val=held[0], y_val=held[1])
    return int(estimator.n_iter_)
