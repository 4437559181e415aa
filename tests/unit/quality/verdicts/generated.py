"""Suites and tables from a seed, with everything that a table should not hold, to compare verdicts on."""

from __future__ import annotations

import contextlib
import datetime as dt
import decimal
import os
from typing import Any

import numpy as np
import pandas as pd

WORDS = [
    "waltz",
    "reel",
    "jig",
    "Größe",
    "naïve ",
    "",
    " ",
    "東京",
    "a\nb",
    "reel\n",
    "x" * 40,
    "0",
    "12",
    "é/001",
    "\x1c",
    "_a b",
    "😀",
]
PATTERNS = [
    r"^[a-z]+$",
    r"\S",
    r"\s",
    r"^\w+$",
    r"[^\W\d]",
    r"^.$",
    r"a|e",
    r"l$",
    r"\d{1,2}",
    r"(?i)REEL",
    r"(?:re)+",
    r"^$",
    r"\be",
    r"(a)\1",
]
PATTERNS += [
    r"[é-ü]",
    r"^(?:waltz|reel|jig)$",
    r"\.wav$",
    r"x{40,}",
    r"^\D*?\Z",
    r"(?=r)r",
    r"[\s_]",
    r"é",
    "東",
    r"[^a-z ]",
]


def table(rng: np.random.Generator, rows: int | None = None) -> pd.DataFrame:
    """A table of some of the columns that a generator below makes."""
    n = int(rng.choice([0, 1, 2, 3, 17, 120], p=[0.06, 0.08, 0.06, 0.1, 0.3, 0.4])) if rows is None else rows
    made = {name: make(rng, n) for name, make in COLUMNS.items() if rng.random() < 0.75}
    return pd.DataFrame(made, index=pd.RangeIndex(n))


def _gaps(rng: np.random.Generator, values: Any, gap: Any) -> Any:
    share = rng.choice([0, 0, 0.2, 1], p=[0.3, 0.2, 0.4, 0.1])
    return [gap if rng.random() < share else value for value in values]


def _floats(rng: np.random.Generator, n: int) -> Any:
    values = np.round(rng.normal(0, 10, n), int(rng.integers(0, 4)))
    if rng.random() < 0.4:
        values = np.where(rng.random(n) < 0.1, rng.choice([np.inf, -np.inf, 0.0, -0.0], n), values)
    return np.asarray(_gaps(rng, values.tolist(), np.nan), dtype=float)


def _texts(rng: np.random.Generator, n: int) -> Any:
    words = WORDS if rng.random() < 0.5 else ["waltz", "reel", "jig", "0", "a b", "reel\n"]
    return pd.Series(
        _gaps(rng, rng.choice(np.array(words, dtype=object), n).tolist(), (None, np.nan)[int(rng.integers(2))]),
        dtype=object,
    )


def _keys(rng: np.random.Generator, n: int) -> Any:
    keys = [f"é/{i:04d}" if rng.random() < 0.1 else f"track-{i:06d}" for i in range(n)]
    return pd.Series([keys[0] if rng.random() < 0.05 else key for key in keys], dtype=object)


def _mixed(rng: np.random.Generator, n: int) -> Any:
    things = [
        1,
        2.5,
        "a",
        None,
        np.nan,
        True,
        b"a",
        decimal.Decimal("1.5"),
        dt.date(2020, 1, 1),
        pd.NaT,
        "reel",
        np.str_("jig"),
    ]
    kept = [things[i] for i in rng.choice(len(things), size=int(rng.integers(1, 5)), replace=False)]
    return pd.Series([kept[int(rng.integers(len(kept)))] for _ in range(n)], dtype=object)


def _times(zone: str | None, unit: str = "ns") -> Any:
    def make(rng: np.random.Generator, n: int) -> Any:
        days = _gaps(rng, rng.integers(0, 900, n).tolist(), None)
        at = [pd.NaT if day is None else pd.Timestamp("2019-01-01") + pd.Timedelta(days=day) for day in days]
        series: Any = pd.Series(at, dtype="datetime64[ns]")
        series = series.astype(f"datetime64[{unit}]")
        return series.dt.tz_localize(zone) if zone else series

    return make


COLUMNS: dict[str, Any] = {
    "x": _floats,
    "y": _floats,
    "n": lambda rng, n: rng.integers(-5, 50, n),
    "m": lambda rng, n: rng.integers(-5, 50, n) * (10**17 if rng.random() < 0.2 else 1),
    "small": lambda rng, n: rng.integers(0, 9, n).astype(rng.choice(["int8", "int32", "uint16"])),
    "half": lambda rng, n: rng.normal(size=n).astype("float32"),
    "word": _texts,
    "other word": _texts,
    "key": _keys,
    "flag": lambda rng, n: rng.random(n) < 0.5,
    "said": lambda rng, n: pd.Series(_gaps(rng, (rng.random(n) < 0.5).tolist(), None), dtype=object),
    "at": _times(None),
    "seconds": _times(None, "s"),
    "zoned": _times("Europe/Berlin"),
    "micro": _times("UTC", "us"),
    "kind": lambda rng, n: pd.Categorical(rng.choice(["a", "b", "c"], n), categories=["a", "b", "c", "d"]),
    "maybe": lambda rng, n: pd.array(_gaps(rng, rng.integers(0, 9, n).tolist(), pd.NA), dtype="Int64"),
    "perhaps": lambda rng, n: pd.array(_gaps(rng, (rng.random(n) < 0.5).tolist(), pd.NA), dtype="boolean"),
    "string": lambda rng, n: pd.array(_gaps(rng, rng.choice(WORDS, n).tolist(), pd.NA), dtype="string"),
    "mixed": _mixed,
    "empty": lambda rng, n: pd.Series([None] * n, dtype=object),
    "nothing": lambda rng, n: np.full(n, np.nan),
    "größe": lambda rng, n: rng.lognormal(size=n),
    "same": lambda rng, n: np.ones(n),
}


def suite(rng: np.random.Generator, frame: pd.DataFrame, size: int = 8) -> list[Any]:
    """Expectations about a table; most name columns that it has."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx

    made: list[Any] = []
    while len(made) < size:
        kind, arguments = _expectation(rng, frame)
        try:
            made.append(getattr(gx.expectations, kind)(**arguments, meta={"rule": len(made)}))
        except ValueError:
            continue  # the vendor refuses the arguments themselves
    return made


def _bound(rng: np.random.Generator, column: str) -> Any:
    if column in ("at", "seconds", "zoned", "micro") and rng.random() < 0.9:
        moment = dt.datetime(2020, int(rng.integers(1, 12)), 3, tzinfo=(None, dt.UTC)[int(rng.integers(2))])
        return moment.isoformat() if rng.random() < 0.3 else moment
    return rng.choice([-30, 0, 2, 10, 45]).item() if rng.random() < 0.7 else float(np.round(rng.normal(0, 20), 2))


def _range(rng: np.random.Generator, column: str) -> dict[str, Any]:
    low, high = _bound(rng, column), _bound(rng, column)
    with contextlib.suppress(TypeError):
        low, high = (high, low) if low > high and rng.random() < 0.95 else (low, high)
    said: dict[str, Any] = {"min_value": low, "max_value": high}
    if rng.random() < 0.3:
        said.pop(rng.choice(["min_value", "max_value"]))
    if rng.random() < 0.3:
        said[rng.choice(["strict_min", "strict_max"])] = True
    return said


def _members(rng: np.random.Generator, frame: pd.DataFrame, column: str) -> list[Any]:
    pool: list[Any] = ["waltz", "reel", "", "é/001", "a", "b", 1, 2, 0, 2.5, True, "東京", "0"]
    if column in frame and len(frame):
        pool += frame[column].dropna().head(8).tolist() * 2
    return [pool[int(rng.integers(len(pool)))] for _ in range(int(rng.integers(1, 6)))]


def _condition(rng: np.random.Generator, frame: pd.DataFrame) -> dict[str, Any]:
    from great_expectations.expectations.row_conditions import Column

    if rng.random() > 0.35 or not len(frame.columns):
        return {}
    choices = [
        lambda: Column("word").is_not_null(),
        lambda: Column("flag") == True,  # noqa: E712
        lambda: Column("n") > 10,
        lambda: Column("word") == "reel",
        lambda: Column("x") <= 0.5,
        lambda: (Column("flag") == True) & Column("x").is_not_null(),  # noqa: E712
        lambda: Column("other word").is_in(["reel", "jig"]),
        lambda: (Column("n") < 3) | Column("said").is_null(),
        lambda: Column("größe") > 1.0,
        lambda: Column("maybe") > 3,
    ]
    if rng.random() < 0.1:
        return {"row_condition": "n > 3", "condition_parser": "pandas"}
    return {"row_condition": choices[int(rng.integers(len(choices)))]()}


def _mostly(rng: np.random.Generator) -> dict[str, Any]:
    return {"mostly": float(rng.choice([0.1, 0.5, 0.8, 0.95, 1.0]))} if rng.random() < 0.4 else {}


def _expectation(rng: np.random.Generator, frame: pd.DataFrame) -> tuple[str, dict[str, Any]]:
    names = list(frame.columns) or ["x"]
    column = "missing" if rng.random() < 0.04 else str(rng.choice(names))
    texts = [name for name in ("word", "other word", "key", "string", "mixed", "kind") if name in names]
    text = str(rng.choice(texts)) if texts and rng.random() < 0.85 else column
    numbers = [name for name in ("x", "y", "n", "m", "größe", "nothing", "maybe") if name in names]
    number = str(rng.choice(numbers)) if numbers and rng.random() < 0.8 else column
    first, second = str(rng.choice(names)), str(rng.choice(numbers or names))
    asked = sorted(float(q) for q in rng.choice([0, 0.1, 0.25, 0.5, 0.9, 1], 3, replace=False))
    where = _condition(rng, frame)
    some = {"column": column} | where
    words = {"column": text} | where
    figures = {"column": number} | where
    pair = {"column_A": number if rng.random() < 0.6 else first, "column_B": second} | where
    pair["ignore_row_if"] = str(rng.choice(["both_values_are_missing", "either_value_is_missing", "neither"]))
    types = rng.choice(
        ["int64", "float64", "str", "bool", "object", "datetime64", "int", "float", "StringDtype", "Int64Dtype"], 2
    ).tolist()
    forms: list[tuple[str, dict[str, Any]]] = [
        ("ExpectColumnValuesToNotBeNull", some | _mostly(rng)),
        ("ExpectColumnValuesToBeNull", some | _mostly(rng)),
        ("ExpectColumnValuesToBeBetween", some | _range(rng, column) | _mostly(rng)),
        ("ExpectColumnValuesToBeBetween", figures | _range(rng, number) | _mostly(rng)),
        ("ExpectColumnValuesToBeInSet", some | {"value_set": _members(rng, frame, column)} | _mostly(rng)),
        ("ExpectColumnValuesToNotBeInSet", some | {"value_set": _members(rng, frame, column)} | _mostly(rng)),
        ("ExpectColumnDistinctValuesToBeInSet", some | {"value_set": _members(rng, frame, column)}),
        ("ExpectColumnValuesToBeUnique", some | _mostly(rng)),
        ("ExpectColumnUniqueValueCountToBeBetween", some | {"min_value": 1, "max_value": int(rng.integers(2, 99))}),
        ("ExpectColumnProportionOfUniqueValuesToBeBetween", some | {"min_value": 0.2, "max_value": 1}),
        ("ExpectColumnValuesToMatchRegex", words | {"regex": str(rng.choice(PATTERNS))} | _mostly(rng)),
        ("ExpectColumnValuesToNotMatchRegex", words | {"regex": str(rng.choice(PATTERNS))} | _mostly(rng)),
        (
            "ExpectColumnValueLengthsToBeBetween",
            words | {"min_value": 1, "max_value": int(rng.integers(1, 9))} | _mostly(rng),
        ),
        ("ExpectColumnValueLengthsToEqual", words | {"value": int(rng.integers(0, 9))} | _mostly(rng)),
        ("ExpectColumnValuesToBeOfType", some | {"type_": types[0]} | _mostly(rng)),
        ("ExpectColumnValuesToBeInTypeList", some | {"type_list": types} | _mostly(rng)),
        ("ExpectColumnMeanToBeBetween", figures | _range(rng, number)),
        ("ExpectColumnMedianToBeBetween", figures | _range(rng, number)),
        ("ExpectColumnStdevToBeBetween", figures | _range(rng, number)),
        ("ExpectColumnSumToBeBetween", figures | _range(rng, number)),
        ("ExpectColumnMinToBeBetween", some | _range(rng, column)),
        ("ExpectColumnMaxToBeBetween", some | _range(rng, column)),
        (
            "ExpectColumnQuantileValuesToBeBetween",
            figures | {"quantile_ranges": {"quantiles": asked, "value_ranges": [[-9, 9], [None, 20], [0, None]]}},
        ),
        ("ExpectColumnPairValuesAToBeGreaterThanB", pair | {"or_equal": bool(rng.random() < 0.5)} | _mostly(rng)),
        ("ExpectColumnPairValuesToBeEqual", pair | _mostly(rng)),
        ("ExpectTableRowCountToBeBetween", {"min_value": 1, "max_value": int(rng.integers(1, 200))}),
        ("ExpectTableColumnCountToEqual", {"value": int(rng.integers(1, 24))}),
        ("ExpectColumnToExist", {"column": column}),
        ("ExpectTableColumnsToMatchSet", {"column_set": names[:3], "exact_match": bool(rng.random() < 0.5)}),
        (
            "ExpectCompoundColumnsToBeUnique",
            {"column_list": [first, second, "key"][: 2 + int(rng.integers(2))]} | where,
        ),
        ("ExpectColumnValuesToBeIncreasing", figures),
    ]
    return forms[int(rng.integers(len(forms)))]
