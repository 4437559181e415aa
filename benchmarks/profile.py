"""The profile of a table: how long it takes, what it finds of what was planted, whether it says the same twice.

    python -m benchmarks.profile            1 M x 20 rows once
    python -m benchmarks.profile --full     three times, with a target, a time and a reference

Read at the same time on the same machine: `DataFrame.describe(include="all")`, which counts, sorts and averages and says nothing else.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from ostinato import DataQualityAnalyzer

BOUND_SECONDS = 5.0
ROWS = 1_000_000


def table(rows: int, seed: int = 0) -> pd.DataFrame:
    """Twenty columns: nine of numbers with gaps, three of categories, six of words, two of dates."""
    rng = np.random.default_rng(seed)
    frame: dict[str, object] = {}
    for at in range(7):
        values = rng.normal(100, 15, rows) if at % 2 else rng.gamma(2.0, 50.0, rows)
        values[rng.random(rows) < 0.02 * at] = np.nan
        frame[f"number_{at}"] = values
    frame["plays"] = rng.geometric(0.01, rows)
    frame["tempo"] = rng.normal(120, 20, rows).round(3)
    frame["genre"] = rng.choice(["rock", "jazz", "folk", "pop", None], rows, p=[0.4, 0.2, 0.2, 0.15, 0.05])
    frame["country"] = pd.Categorical(rng.choice([f"c{i:02d}" for i in range(60)], rows))
    frame["mode"] = rng.integers(0, 2, rows)
    frame["track_id"] = [f"track-{i:07d}" for i in rng.permutation(rows)]
    frame["artist"] = np.array([f"artist {i}" for i in range(50_000)], dtype=object)[rng.integers(0, 50_000, rows)]
    words = np.array("love night river moon song of the in blue heart dance home rain fire long".split())
    titles = np.array([" ".join(words[rng.integers(0, len(words), 4)]) for _ in range(200_000)], dtype=object)
    frame["title"] = titles[rng.integers(0, len(titles), rows)]
    frame["isrc"] = [f"DE{chr(65 + i % 26)}12{i % 100:02d}{i % 100_000:05d}" for i in range(rows)]
    frame["page"] = [f"https://example.org/{i}" for i in rng.integers(0, rows, rows)]
    frame["price"] = np.array([f"{i / 100:.2f}" for i in range(5_000)], dtype=object)[rng.integers(0, 5_000, rows)]
    days = pd.date_range("2000-01-01", periods=9_000).strftime("%Y-%m-%d").to_numpy(dtype=object)
    frame["released"] = days[rng.integers(0, len(days), rows)]
    frame["played_at"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 10**8, rows)), unit="s")
    return pd.DataFrame(frame)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true")
    said = parser.parse_args()
    frame = table(ROWS)
    seconds = []
    texts = set()
    for _ in range(3 if said.full else 1):
        began = time.perf_counter()
        report = DataQualityAnalyzer().analyze(frame)
        seconds.append(time.perf_counter() - began)
        texts.add(report.to_json())
    took = min(seconds)
    print(report, seconds)
    return int(took > BOUND_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
