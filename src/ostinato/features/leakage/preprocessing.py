"""Preparation that was fitted on rows that are tested: by what it says of itself, or by the traces it leaves in the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ostinato.core.errors import UsageError
from ostinato.features.leakage.report import Finding, named, shown
from ostinato.features.leakage.sides import TEST, Sides
from ostinato.features.leakage.table import Codes, Column, Floats, Table
from ostinato.features.leakage.target import Target

_SAME = 1e-6  # relative to the column's spread
_TRACE = 2e-5  # wide enough for columns kept as float32
_VARIED = 20  # distinct values of a column that was scaled
_FEWEST_VALUES = 3  # of a column that was encoded by the target
_SHARE = 0.9  # of its rows that have to fit

STATISTICS = ("mean", "scale", "var", "median", "min", "max", "categories", "encoding")


def claimed(given: Any, table: Table, targets: tuple[Target, ...], sides: Sides, most: int) -> list[Finding]:
    """Statistics that are those of all rows and of no fold's training rows; `given` is `{column: {statistic: value}}`."""
    by_name = {each.name: each for each in table.columns}
    learnt = _learnt(sides)
    found = []
    for name, statistics in as_statistics(given).items():
        if name not in by_name:
            raise UsageError(
                f"preprocessing: X has no column {name!r}; give statistics of its own columns, before preparation"
            )
        faults = [key for key, value in statistics.items() if _from_all(by_name[name], key, value, learnt, targets)]
        if faults:
            found.append(
                _finding(name, f"its {', '.join(faults)} are those of all rows, tested ones included", sides, most)
            )
    return found


def as_statistics(given: Any) -> dict[str, dict[str, Any]]:
    """`{column: {statistic: value}}` from such a mapping, or from fitted scikit-learn scalers and imputers."""
    if isinstance(given, Mapping):
        unknown = sorted({key for each in given.values() for key in each} - set(STATISTICS))
        if unknown:
            raise UsageError(f"preprocessing: no statistic {unknown[0]!r}; those compared are {', '.join(STATISTICS)}")
        return {str(name): dict(each) for name, each in given.items()}
    if isinstance(given, (list, tuple)):
        merged: dict[str, dict[str, Any]] = {}
        for each in given:
            for name, own in as_statistics(each).items():
                merged[name] = {**merged.get(name, {}), **own}
        return merged
    names = getattr(given, "feature_names_in_", None)
    if names is None:
        raise UsageError(
            f"preprocessing: {type(given).__name__} does not say its columns; fit it on a frame, or give {{column: {{'mean': …}}}}"
        )
    found: dict[str, dict[str, Any]] = {str(name): {} for name in names}
    strategy = {"mean": "mean", "median": "median"}.get(getattr(given, "strategy", ""), "")
    attributes = {"mean_": "mean", "var_": "var", "center_": "median", "data_min_": "min", "data_max_": "max"}
    for attribute, key in {**attributes, **({"statistics_": strategy} if strategy else {})}.items():
        values = getattr(given, attribute, None)
        if values is not None and len(values) == len(names):
            for name, value in zip(names, values, strict=True):
                found[str(name)][key] = value
    return found


def _learnt(sides: Sides) -> list[Codes]:
    """Row sets that a preparation may be fitted on: all but the test, or the training rows of a fold."""
    rows = [train for train, _ in sides.pairs()]
    if sides.fold is not None and (sides.fold == TEST).any():
        rows.append(np.flatnonzero(sides.fold != TEST))
    return [each for each in rows if 0 < len(each) < sides.rows]


def _from_all(each: Column, key: str, value: Any, learnt: list[Codes], targets: tuple[Target, ...]) -> bool:
    if key in ("categories", "encoding"):
        return _words_from_all(each, key, value, learnt, targets)
    all_rows = np.arange(len(each.codes))
    spread = float(np.nanstd(each.values)) or 1.0
    tolerance = _SAME * (spread**2 if key == "var" else spread)

    def fits(rows: Codes) -> bool:
        return any(abs(own - float(value)) <= tolerance for own in _statistic(each.values[rows], key))

    return fits(all_rows) and not any(fits(rows) for rows in learnt)


def _statistic(values: Floats, key: str) -> list[float]:
    values = values[np.isfinite(values)]
    if len(values) < 2:  # noqa: PLR2004
        return []
    made = {
        "mean": (values.mean(),),
        "scale": (values.std(), values.std(ddof=1)),
        "var": (values.var(), values.var(ddof=1)),
        "median": (np.median(values),),
        "min": (values.min(),),
        "max": (values.max(),),
    }
    return [float(each) for each in made[key]]


def _words_from_all(each: Column, key: str, value: Any, learnt: list[Codes], targets: tuple[Target, ...]) -> bool:
    words = each.words or tuple(str(own) for own in range(each.distinct))
    if key == "categories":
        given = {str(own) for own in value}
        seen = [{words[code] for code in np.unique(each.codes[rows]) if code >= 0} for rows in learnt]
        everything = {words[code] for code in np.unique(each.codes) if code >= 0}
        return given >= everything and bool(seen) and not any(own >= given & everything for own in seen)
    if not targets or len(targets[0].rows) < len(each.codes):
        return False
    numbers = np.array([float(value.get(word, np.nan)) for word in words])
    for y in _columns(targets[0]):
        if _fits(each.codes, numbers, y, None) and not any(_fits(each.codes, numbers, y, rows) for rows in learnt):
            return True
    return False


def _columns(target: Target) -> list[Floats]:
    found = [] if target.values is None else [target.values]
    if target.codes is not None:
        found += [(target.codes == code).astype(np.float64) for code in range(min(int(target.codes.max()) + 1, 30))]
    return found


def _fits(codes: Codes, numbers: Floats, y: Floats, rows: Codes | None) -> bool:
    """Whether `numbers` by code are the means of `y` in these rows, plain or drawn towards the overall mean."""
    own, target = (codes, y) if rows is None else (codes[rows], y[rows])
    target, own = target[own >= 0], own[own >= 0]
    count = np.bincount(own, minlength=len(numbers))
    there = (count > 1) & np.isfinite(numbers)
    if there.sum() < _FEWEST_VALUES or count[there].sum() < _SHARE * len(own):
        return False
    mean = np.bincount(own, weights=target, minlength=len(numbers))[there] / count[there]
    prior, spread = target.mean(), target.std() or 1.0
    given, weight = numbers[there], count[there]
    if mean.std() <= _TRACE * spread:
        return False
    if (np.abs(given - mean) <= _TRACE * spread).mean() >= _SHARE:
        return True
    # (n · mean + m · prior) / (n + m) with one m for all values
    away = np.abs(given - prior) > 1e-3 * spread
    if away.sum() < 2 * _FEWEST_VALUES or away.mean() < 0.5:  # noqa: PLR2004
        return False
    drawn = weight[away] * (mean[away] - given[away]) / (given[away] - prior)
    middle = np.median(drawn)
    return bool(0 < middle < len(own) and (np.abs(drawn - middle) <= 1e-3 * max(middle, 1.0)).mean() >= _SHARE)


def traces(table: Table, targets: tuple[Target, ...], sides: Sides, most: int) -> list[Finding]:
    """Columns that are standardised, or encoded by the target, over all rows instead of over those to learn from."""
    learnt = _learnt(sides)
    if not learnt:
        return []
    found = []
    scaled = [
        each.name for each in table.columns if _is_scaled(each, None) and not any(_is_scaled(each, r) for r in learnt)
    ]
    if scaled:
        what = f"Columns {named(scaled)} have mean 0 and deviation 1 (or median 0 and quartile range 1) over all rows"
        found.append(_finding(scaled, what, sides, most))
    for target in targets:
        if len(target.rows) < table.rows:
            continue
        ys = _columns(target)
        encoded = [each.name for each in table.columns if _is_encoded(each, ys, learnt)]
        if encoded:
            what = f"Columns {named(encoded)} hold the mean of the target by category over all rows"
            found.append(_finding(encoded, what, sides, most))
            break
    return found


def _is_scaled(each: Column, rows: Codes | None) -> bool:
    if each.kind != "number" or each.distinct < _VARIED:
        return False
    values = each.values if rows is None else each.values[rows]
    values = values[np.isfinite(values)]
    if len(values) < _VARIED or (values == np.round(values)).mean() > 0.5:  # noqa: PLR2004
        return False
    if abs(values.mean()) < _TRACE and (abs(values.std() - 1) < _TRACE or abs(values.std(ddof=1) - 1) < _TRACE):
        return True
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return bool(abs(middle) < _SAME and abs(high - low - 1) < _TRACE)


def _is_encoded(each: Column, ys: list[Floats], learnt: list[Codes]) -> bool:
    if each.kind != "number" or not _FEWEST_VALUES <= each.distinct <= len(each.codes) / 2:
        return False
    numbers = np.full(each.distinct, np.nan)
    numbers[each.codes[each.codes >= 0]] = each.values[each.codes >= 0]
    for y in ys:
        if np.nanmin(numbers) < y.min() - 1e-9 or np.nanmax(numbers) > y.max() + 1e-9:
            continue
        if _fits(each.codes, numbers, y, None) and not any(_fits(each.codes, numbers, y, rows) for rows in learnt):
            return True
    return False


def _finding(names: str | list[str], what: str, sides: Sides, most: int) -> Finding:
    columns = (names,) if isinstance(names, str) else tuple(names)
    tested = np.zeros(sides.rows, dtype=bool)
    for _, test in sides.pairs():
        tested[test] = True
    if sides.fold is not None and (sides.fold == TEST).any():
        tested = sides.fold == TEST
    start = f"Column {names!r}: " if isinstance(names, str) else ""
    return Finding(
        kind="preprocessing",
        severity="critical" if isinstance(names, str) else "warning",
        what=f"{start}{what}.",
        advice="Fit the preparation on the training rows of each fold and apply it to the rest.",
        columns=columns,
        rows=shown(tested, most),
        total=int(tested.sum()),
    )
