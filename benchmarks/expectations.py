"""A suite of 36 expectations on 1,000,000 rows: the fast verdicts against Great Expectations alone, and whether they agree.

    python -m benchmarks.expectations [--full] [--rows 1000000]

Both sides run in this process, one after the other, with results in the format COMPLETE; what is imported is imported before.
Exit code 1 where the fast side takes more than a twentieth of the vendor's time, or any verdict, count or list differs.
`--full` takes the best of three on both sides and compares 500 generated suites and tables as well.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table as Printed

BOUND = 1 / 20
WANTED = 0.25  # seconds, on an otherwise idle core
PAIRS = 500  # generated suites and tables of the whole protocol


def catalogue(rows: int, seed: int = 0) -> pd.DataFrame:
    """A table of 20 columns with nulls and strings, as a catalogue of tracks has them."""
    rng = np.random.default_rng(seed)

    def gaps(values: Any, share: float) -> Any:
        values = np.array(values, dtype=object)
        values[rng.random(rows) < share] = None
        return values

    def floats(centre: float, width: float, share: float) -> Any:
        values = rng.normal(centre, width, rows)
        values[rng.random(rows) < share] = np.nan
        return values

    listed = rng.integers(0, rows * 3, rows)
    isrc = gaps([f"GB{number:010d}" for number in rng.permutation(rows)], 0.05)
    isrc[rng.random(rows) < 0.0005] = "unknown"
    begun = pd.Timestamp("1990-01-01", tz="UTC") + pd.to_timedelta(rng.integers(0, 10**9, rows), unit="s")
    length = rng.lognormal(5.2, 0.4, rows)
    return pd.DataFrame(
        {
            "track_id": [f"track-{number:07d}" for number in range(rows)],
            "isrc": isrc,
            "artist": gaps([f"artist {number % (rows // 8 + 1)}" for number in listed.tolist()], 0.01),
            "genre": gaps(rng.choice(np.array(["waltz", "reel", "jig", "Größe", "polka"], dtype=object), rows), 0.02),
            "country": gaps(rng.choice(np.array(["GB", "DE", "FR", "JP"], dtype=object), rows), 0.1),
            "released": begun,
            "added": begun + pd.to_timedelta(rng.integers(0, 10**6, rows), unit="s"),
            "plays": rng.poisson(400, rows),
            "likes": rng.poisson(20, rows),
            "year": rng.integers(1950, 2025, rows),
            "sample_rate": rng.choice([22050, 44100, 48000], rows),
            "channels": rng.integers(1, 3, rows),
            "explicit": rng.random(rows) < 0.1,
            "duration": length,
            "longest": length + rng.exponential(3, rows),
            "tempo": floats(118, 22, 0.03),
            "loudness": floats(-12, 4, 0.03),
            "energy": np.clip(floats(0.5, 0.2, 0.01), 0, 1),
            "valence": np.clip(floats(0.5, 0.2, 0.01), 0, 1),
            "danceability": np.clip(floats(0.5, 0.2, 0.01), 0, 1),
        }
    )


RULES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("TableRowCountToBeBetween", {"min_value": 1}),
    ("TableColumnCountToEqual", {"value": 20}),
    ("ColumnToExist", {"column": "genre"}),
    ("ColumnValuesToBeOfType", {"column": "tempo", "type_": "float64"}),
    ("ColumnValuesToBeOfType", {"column": "genre", "type_": "str"}),
    ("ColumnValuesToBeInTypeList", {"column": "plays", "type_list": ["int64", "int32"]}),
    ("ColumnValuesToNotBeNull", {"column": "track_id"}),
    ("ColumnValuesToNotBeNull", {"column": "isrc", "mostly": 0.9}),
    ("ColumnValuesToNotBeNull", {"column": "genre", "mostly": 0.99}),
    ("ColumnValuesToNotBeNull", {"column": "tempo", "mostly": 0.95}),
    ("ColumnValuesToBeBetween", {"column": "tempo", "min_value": 40, "max_value": 220}),
    ("ColumnValuesToBeBetween", {"column": "loudness", "min_value": -60, "max_value": 0, "mostly": 0.99}),
    ("ColumnValuesToBeBetween", {"column": "energy", "min_value": 0, "max_value": 1}),
    ("ColumnValuesToBeBetween", {"column": "year", "min_value": 1900, "max_value": 2030}),
    ("ColumnValuesToBeBetween", {"column": "released", "min_value": "1990-01-01T00:00:00Z"}),
    ("ColumnValuesToBeInSet", {"column": "genre", "value_set": ["waltz", "reel", "jig", "Größe"], "mostly": 0.5}),
    ("ColumnValuesToBeInSet", {"column": "sample_rate", "value_set": [22050, 44100, 48000]}),
    ("ColumnValuesToBeInSet", {"column": "explicit", "value_set": [True, False]}),
    ("ColumnValuesToNotBeInSet", {"column": "country", "value_set": ["XX", "ZZ"]}),
    ("ColumnDistinctValuesToBeInSet", {"column": "country", "value_set": ["GB", "DE", "FR", "JP"]}),
    ("ColumnValuesToBeUnique", {"column": "track_id"}),
    ("ColumnValuesToBeUnique", {"column": "isrc", "mostly": 0.99}),
    ("ColumnUniqueValueCountToBeBetween", {"column": "genre", "min_value": 2, "max_value": 10}),
    ("ColumnProportionOfUniqueValuesToBeBetween", {"column": "artist", "min_value": 0.01, "max_value": 0.5}),
    ("ColumnValuesToMatchRegex", {"column": "isrc", "regex": r"^[A-Z]{2}\d{10}$", "mostly": 0.99}),
    ("ColumnValuesToMatchRegex", {"column": "artist", "regex": r"^\w+ \d+$"}),
    ("ColumnValuesToNotMatchRegex", {"column": "track_id", "regex": r"\s"}),
    ("ColumnValueLengthsToBeBetween", {"column": "isrc", "min_value": 12, "max_value": 12, "mostly": 0.99}),
    ("ColumnMeanToBeBetween", {"column": "tempo", "min_value": 110, "max_value": 125}),
    ("ColumnMeanToBeBetween", {"column": "plays", "min_value": 390, "max_value": 410}),
    ("ColumnStdevToBeBetween", {"column": "loudness", "min_value": 3, "max_value": 5}),
    ("ColumnMedianToBeBetween", {"column": "valence", "min_value": 0.4, "max_value": 0.6}),
    (
        "ColumnQuantileValuesToBeBetween",
        {
            "column": "danceability",
            "quantile_ranges": {"quantiles": [0.1, 0.5, 0.9], "value_ranges": [[0, 0.5], [0.4, 0.6], [0.5, 1]]},
        },
    ),
    ("ColumnMaxToBeBetween", {"column": "likes", "max_value": 200}),
    ("ColumnPairValuesAToBeGreaterThanB", {"column_A": "longest", "column_B": "duration", "or_equal": True}),
    ("ColumnPairValuesToBeEqual", {"column_A": "plays", "column_B": "likes", "mostly": 0.001}),
)


def suite() -> list[Any]:
    """The rules as expectations of Great Expectations."""
    from ostinato.quality.suites import great_expectations

    kinds = great_expectations().expectations
    return [getattr(kinds, f"Expect{kind}")(**said) for kind, said in RULES]


def told(result: Any) -> str:
    """All that a result says; tracebacks name lines of code and the order of exceptions is by chance."""

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: without(held) for key, held in sorted(value.items()) if key != "exception_traceback"}
        return [without(held) for held in value] if isinstance(value, list) else value

    return repr((without(result.to_json_dict()), result.result))


def timed(work: Callable[[], Any], times: int) -> tuple[float, Any]:
    """The best of some runs, in seconds, and what the last one gave."""
    best, made = float("inf"), None
    for _ in range(times):
        begun = time.perf_counter()
        made = work()
        best = min(best, time.perf_counter() - begun)
    return best, made


def differences(own: list[Any], theirs: list[Any]) -> list[str]:
    """Expectations whose results differ."""
    pairs = zip(own, theirs, strict=True)
    return [mine.expectation_config.type for mine, other in pairs if told(mine) != told(other)]


def generated() -> tuple[int, int, int]:
    """Expectations of generated suites, how many of them were judged by us, and how many results differ."""
    from ostinato.quality.verdicts import vendor
    from ostinato.quality.verdicts.validation import evaluate
    from tests.unit.quality.verdicts import generated as make

    number = here = wrong = 0
    for seed in range(PAIRS):
        rng = np.random.default_rng([7, seed])
        frame = make.table(rng)
        expectations = make.suite(rng, frame)
        own = evaluate("t", expectations, frame)
        number, here = number + len(expectations), here + own.here
        wrong += len(differences(own.results, vendor.plain_results("t", expectations, frame)))
    return number, here, wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--rows", type=int, default=1_000_000)
    said = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    from ostinato.quality.verdicts import vendor
    from ostinato.quality.verdicts.validation import evaluate

    frame = catalogue(said.rows)
    evaluate("warm", suite(), frame.head(100))
    vendor.plain("warm", suite(), frame.head(100))
    fast, own = timed(lambda: evaluate("tracks", suite(), frame), 3)
    plain, theirs = timed(lambda: vendor.plain_results("tracks", suite(), frame), 3 if said.full else 1)
    wrong = differences(own.results, theirs)
    rows = [("Great Expectations", plain, ""), ("here", fast, f"{fast / plain:.3f} of it, bound {BOUND:.3f}")]
    printed = Printed("who", "seconds", "ratio", title=f"{len(RULES)} expectations on {said.rows:,} × {frame.shape[1]}")
    for who, seconds, ratio in rows:
        printed.add_row(who, f"{seconds:.3f}", ratio)
    console = Console()
    console.print(printed)
    console.print(f"judged here: {own.here} of {len(RULES)}; results that differ: {len(wrong)} {wrong or ''}")
    console.print(f"wanted: {WANTED} s on an idle core")
    if said.full:
        number, here, differing = generated()
        console.print(f"{PAIRS} generated suites: {number} expectations, {here} judged here, {differing} differ")
        wrong += ["generated"] * differing
    return int(fast > BOUND * plain or bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
