"""What a table is judged with besides its own columns: facts of a row that no single column holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

KEYS = ("track_id", "path")  # what a row is called, the first that the table has


def key_of(frame: pd.DataFrame) -> str | None:
    """The column that names the rows of a table."""
    return next((name for name in KEYS if name in frame), None)


def with_facts(table: str, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """A table with its rows numbered from 0 and its facts beside its columns; a column of the same name stays as it is.

    - events: `track_known`, whether the track is in the table of tracks.
    - features: `track_known` where there is a table of tracks; `gaps` and `infinities`, how many of the numbers of a row are
      missing or infinite; `largest`, the greatest magnitude among the finite ones; `spread`, their greatest minus their least.
    - predictions: `p_sum`, `p_least`, `p_most` over the columns `p_<class>`; `p_agrees`, whether `predicted` is a class of
      the greatest probability; `finite`, whether a predicted number is one.

    >>> frame = pd.DataFrame({"track_id": ["a", "b"], "tempo": [120.0, float("nan")], "energy": [0.5, 1.0]})
    >>> with_facts("features", {"features": frame})["gaps"].tolist()
    [0, 1]
    """
    frame = tables[table].reset_index(drop=True)
    made = {"events": _events, "features": _features, "predictions": _predictions}.get(table)
    if made is None:
        return frame
    facts = made(frame, tables.get("tracks"))
    return frame.assign(**{name: values for name, values in facts.items() if name not in frame})


def _events(frame: pd.DataFrame, tracks: pd.DataFrame | None) -> dict[str, Any]:
    if tracks is None or "track_id" not in frame:
        return {}
    return {"track_known": frame["track_id"].isin(tracks["track_id"])}


def _features(frame: pd.DataFrame, tracks: pd.DataFrame | None) -> dict[str, Any]:
    numbers = frame.drop(columns=[name for name in KEYS if name in frame]).select_dtypes(["number", "bool"])
    if not numbers.shape[1]:
        return _events(frame, tracks)
    values = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    finite = np.isfinite(values)
    highest = np.where(finite, values, -np.inf).max(axis=1)
    lowest = np.where(finite, values, np.inf).min(axis=1)
    some = finite.any(axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        spread = np.where(some, highest - lowest, 0.0)
    return {
        "gaps": np.isnan(values).sum(axis=1),
        "infinities": np.isinf(values).sum(axis=1),
        "largest": np.where(some, np.maximum(np.abs(highest), np.abs(lowest)), 0.0),
        "spread": spread,
    } | _events(frame, tracks)


def _predictions(frame: pd.DataFrame, tracks: pd.DataFrame | None) -> dict[str, Any]:
    classes = [name for name in frame if str(name).startswith("p_")]
    numeric = [name for name in classes if pd.api.types.is_numeric_dtype(frame[name])]
    facts: dict[str, Any] = {}
    if classes and numeric == classes:
        chances = frame[classes].to_numpy(dtype=np.float64, na_value=np.nan)
        said = frame["predicted"].astype(str).to_numpy() if "predicted" in frame else np.full(len(frame), "")
        best = chances >= chances.max(axis=1, keepdims=True)
        named = np.array([str(name)[2:] for name in classes])[None, :] == said[:, None]
        facts |= {"p_sum": chances.sum(axis=1), "p_least": chances.min(axis=1), "p_most": chances.max(axis=1)}
        facts |= {"p_agrees": (best & named).any(axis=1)}
    if "predicted" in frame and pd.api.types.is_float_dtype(frame["predicted"]):
        facts |= {"finite": np.isfinite(frame["predicted"].to_numpy(dtype=np.float64, na_value=np.nan))}
    return facts
