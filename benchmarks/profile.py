"""The profile of a table: how long it takes, whether it finds what was planted, whether it says the same twice.

    python -m benchmarks.profile            1 M x 20 rows once, every fault planted once
    python -m benchmarks.profile --full     1 M x 20 rows five times, faults planted in ten tables each

Beside it in the same run: `DataFrame.describe(include="all")`, which counts, sorts and averages and says nothing else. The
bound is on the time by the clock on two cores; the processor's time stands beside it, for a machine that has other work.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from ostinato import DataQualityAnalyzer

BOUND_SECONDS = 5.0
ROWS = 1_000_000
WORDS = "love night river moon song of the in blue heart dance home rain fire long"


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
    words = np.array(WORDS.split())
    titles = np.array([" ".join(words[rng.integers(0, len(words), 4)]) for _ in range(200_000)], dtype=object)
    frame["title"] = titles[rng.integers(0, len(titles), rows)]
    frame["isrc"] = [f"DE{chr(65 + i % 26)}12{i % 100:02d}{i % 100_000:05d}" for i in range(rows)]
    frame["page"] = [f"https://example.org/{i}" for i in rng.integers(0, rows, rows)]
    frame["price"] = np.array([f"{i / 100:.2f}" for i in range(5_000)], dtype=object)[rng.integers(0, 5_000, rows)]
    days = pd.date_range("2000-01-01", periods=9_000).strftime("%Y-%m-%d").to_numpy(dtype=object)
    frame["released"] = days[rng.integers(0, len(days), rows)]
    frame["played_at"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 10**8, rows)), unit="s")
    return pd.DataFrame(frame)


Plant = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


def _put(column: str, rows: slice, value: object) -> Plant:
    def plant(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        values = frame[column].astype(object)
        values.iloc[rows] = value
        return frame.assign(**{column: values})

    return plant


def _forms(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    days = pd.to_datetime(frame["released"])
    forms = np.array(["%Y-%m-%d", "%d.%m.%Y", "%Y", "%Y/%m/%d"])[rng.integers(0, 4, len(frame))]
    return frame.assign(released=[day.strftime(form) for day, form in zip(days, forms, strict=True)])


def _zones(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    words = frame["played_at"].dt.strftime("%Y-%m-%dT%H:%M:%S")
    return frame.assign(played_at=words + np.where(rng.random(len(frame)) < 0.5, "Z", ""))


def _gaps(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    gone = (frame["plays"] > 100) & (rng.random(len(frame)) < 0.4)
    return frame.assign(tempo=frame["tempo"].mask(gone))


PLANTED: dict[str, tuple[str, Plant]] = {
    "rows twice": ("duplicate_rows", lambda frame, rng: pd.concat([frame, frame[:50]], ignore_index=True)),
    "a key twice": (
        "duplicate_key",
        lambda frame, rng: frame.assign(track_id=frame["track_id"].where(frame.index != 7, frame["track_id"][3])),
    ),
    "a copied column": ("equal_columns", lambda frame, rng: frame.assign(copy=frame["tempo"])),
    "a renamed category": (
        "equal_columns",
        lambda frame, rng: frame.assign(style=frame["genre"].map({"rock": 4, "jazz": 1, "folk": 2, "pop": 3})),
    ),
    "a constant": ("constant_column", lambda frame, rng: frame.assign(version=3)),
    "an empty column": ("empty_column", lambda frame, rng: frame.assign(note=None)),
    "blanks among numbers": ("blank_values", _put("price", slice(0, 40), " ")),
    "words among numbers": ("mixed_content", _put("price", slice(0, 90, 9), "on request")),
    "numbers among objects": ("mixed_types", _put("title", slice(0, 600, 3), 4)),
    "a type that changes half-way": ("mixed_types", _put("tempo", slice(9_000, None), "fast")),
    "four date forms": ("date_forms", _forms),
    "zones missing": ("time_zones", _zones),
    "days that do not exist": ("impossible_dates", _put("released", slice(0, 30), "2021-02-30")),
    "infinite numbers": ("infinite", _put("tempo", slice(0, 3), np.inf)),
    "a number for missing": ("spike", _put("tempo", slice(0, 2_000), -999.0)),
    "two spellings": ("spellings", _put("genre", slice(0, 100), "Rock ")),
    "the wrong encoding": ("garbled", _put("title", slice(0, 5), "Bj\u00c3\u00b6rk")),
    "gaps that depend on a column": ("missing_not_at_random", _gaps),
    "a copy of the target": ("leak", lambda frame, rng: frame.assign(code=frame["mode"] * 3 + 1)),
    "filled where the target is 1": (
        "leak_of_gaps",
        lambda frame, rng: frame.assign(paid=frame["tempo"].where(frame["mode"] == 1)),
    ),
    "drift in time": ("drift", lambda frame, rng: frame.assign(tempo=frame["tempo"] + np.linspace(0, 30, len(frame)))),
}


def planted(tables: int) -> tuple[dict[str, int], Counter[str]]:
    """How often each planted fault is named, and what warnings the tables raise without it."""
    named: dict[str, int] = dict.fromkeys(PLANTED, 0)
    alarms: Counter[str] = Counter()
    analyzer = DataQualityAnalyzer(target="mode", time="played_at")
    for seed in range(tables):
        clean = table(12_000, seed)
        clean["mode"] = np.random.default_rng(seed).integers(0, 2, len(clean))
        known = {"numbers_as_text"}
        alarms.update(f.kind for f in analyzer.analyze(clean).findings if f.severity != "info" and f.kind not in known)
        for name, (kind, plant) in PLANTED.items():
            report = analyzer.analyze(plant(clean.copy(), np.random.default_rng(seed)))
            named[name] += kind in {finding.kind for finding in report.findings}
    return named, alarms


def timed(frame: pd.DataFrame, times: int) -> tuple[float, float, float, bool]:
    """Seconds by the clock, seconds of the processor, seconds of `describe`, whether all reports are the same bytes."""
    clocks, processors, texts = [], [], set()
    for _ in range(times):
        clock, processor = time.perf_counter(), time.process_time()
        report = DataQualityAnalyzer().analyze(frame)
        clocks.append(time.perf_counter() - clock)
        processors.append(time.process_time() - processor)
        texts.add(report.to_json())
    began = time.perf_counter()
    frame.describe(include="all")
    return min(clocks), min(processors), time.perf_counter() - began, len(texts) == 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true")
    said = parser.parse_args()
    frame = table(ROWS)
    clock, processor, peer, same = timed(frame, 5 if said.full else 2)
    tables = 10 if said.full else 1
    named, alarms = planted(tables)
    found, of = sum(named.values()), tables * len(PLANTED)
    out = Table("work", "bound", "figure", "ratio", title="data profile")
    out.add_row(
        "1 M x 20 rows, by the clock", f"{BOUND_SECONDS:.0f} s", f"{clock:.2f} s", f"{clock / BOUND_SECONDS:.2f}"
    )
    out.add_row("the same, time of the processor", "", f"{processor:.2f} s", "")
    out.add_row('DataFrame.describe(include="all")', "", f"{peer:.2f} s", f"{clock / peer:.2f}")
    out.add_row("the same bytes of JSON", "yes", "yes" if same else "no", "")
    out.add_row(f"planted faults of {len(named)} kinds named", f"{of}", f"{found}", f"{found / of:.2f}")
    out.add_row("warnings about the tables without them", "0", f"{sum(alarms.values())}", "")
    Console().print(out)
    for name, times in named.items():
        if times < tables:
            print(f"missed: {name}, {tables - times} of {tables}")
    if alarms:
        print(f"alarms: {dict(alarms)}")
    return int(clock > BOUND_SECONDS or not same or found < of or bool(alarms))


if __name__ == "__main__":
    sys.exit(main())
