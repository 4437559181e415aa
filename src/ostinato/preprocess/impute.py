"""Fill what a source left open in descriptive columns, and say in each row what was filled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from ostinato.preprocess.columns import IMPUTED, is_categorical, is_protected
from ostinato.preprocess.missing import MissingValueHandler


@dataclass(frozen=True)
class Fill:
    """A column that was filled: by which rule, with which value (None where each row has its own), in how many rows."""

    column: str
    rule: Literal["median", "mode", "mice", "knn"]
    value: float | bool | str | None
    rows: int


def impute(
    tracks: pd.DataFrame, numeric: Literal["median", "mice", "knn", "keep"], categorical: Literal["mode", "keep"]
) -> tuple[pd.DataFrame, tuple[Fill, ...]]:
    """A copy with descriptive columns filled, and the fills in the order of the columns.

    Numbers take the median, or what a draw by chained equations (`mice`) or like tracks (`knn`) say of the row by its other
    descriptive columns; yes-or-no and categories take the most frequent value, the first in order among equals.
    Keys, groups, rights, the label, facts of the file, dates and free text stay as they are (`columns.is_protected`).
    Where anything was filled, the column `imputed` names per row the filled columns, so that no target is an invented
    one.
    The fill knows the whole catalogue, test rows included: it is for description, and models impute within their folds.
    """
    filled = tracks.copy()
    notes: list[list[str]] = [[] for _ in range(len(tracks))]
    fills: list[Fill] = []
    drawn = _by_other_columns(tracks, numeric) if numeric in ("mice", "knn") else None
    for name in tracks.columns:
        fill = _fill_of(name, tracks[name], numeric, categorical)
        if fill is None:
            continue
        missing = tracks[name].isna()
        filled[name] = tracks[name].fillna(fill.value) if drawn is None or fill.value is not None else drawn[name]
        for row in missing.to_numpy().nonzero()[0]:
            notes[row].append(name)
        fills.append(fill)
    if fills:
        filled[IMPUTED] = pd.Series([",".join(names) or None for names in notes], index=tracks.index, dtype=object)
    for name in filled.columns:
        if filled[name].dtype == "boolean" and not filled[name].isna().any():
            filled[name] = filled[name].astype(bool)
    return filled, tuple(fills)


def _by_other_columns(tracks: pd.DataFrame, strategy: Literal["mice", "knn"]) -> pd.DataFrame:
    """The descriptive columns with their numbers filled from one another, the same for the same table."""
    names = [
        name
        for name in tracks.columns
        if not is_protected(name) and (_is_number(tracks[name]) or is_categorical(tracks[name].astype(object)))
    ]
    table = tracks[names].astype({name: "float64" for name in names if _is_number(tracks[name])})
    filled: pd.DataFrame = MissingValueHandler(strategy=strategy, random_state=0).fit_transform(table)
    return filled


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _fill_of(
    name: str, values: pd.Series, numeric: Literal["median", "mice", "knn", "keep"], categorical: str
) -> Fill | None:
    missing = int(values.isna().sum())
    if is_protected(name) or missing in (0, len(values)) or pd.api.types.is_datetime64_any_dtype(values):
        return None
    if pd.api.types.is_bool_dtype(values):
        yes = bool(values.sum() * 2 > values.notna().sum())
        return Fill(name, "mode", yes, missing) if categorical == "mode" else None
    if pd.api.types.is_numeric_dtype(values):
        if numeric in ("mice", "knn"):
            return Fill(name, numeric, None, missing)
        return Fill(name, "median", float(values.median()), missing) if numeric == "median" else None
    if categorical == "mode" and is_categorical(values):
        return Fill(name, "mode", str(values.mode().sort_values().iloc[0]), missing)
    return None
