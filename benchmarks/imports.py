"""How long a fresh process takes for `import ostinato` and for `ostinato --help`.

    python -m benchmarks.imports [--runs N]

Each figure is the median wall time of N fresh processes, the interpreter's own start included. Exit code 1 where a bound is
exceeded.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Case:
    name: str
    arguments: tuple[str, ...]
    bound: float | None  # seconds


CASES = (
    Case("python -c pass", ("-c", "pass"), None),
    Case("import ostinato", ("-c", "import ostinato"), 0.15),
    Case("ostinato --help", ("-m", "ostinato", "--help"), 0.5),
)


def seconds(case: Case, runs: int) -> float:
    """Median wall time of `runs` fresh processes, after one that warms the disk's cache and compiles bytecode."""
    times = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        subprocess.run([sys.executable, *case.arguments], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=11)
    runs = parser.parse_args().runs
    table = Table("command", "median s", "bound s", "median / bound", title=f"fresh processes, median of {runs}")
    exceeded = False
    for case in CASES:
        median = seconds(case, runs)
        if case.bound is None:
            table.add_row(case.name, f"{median:.3f}", "", "")
            continue
        exceeded |= median > case.bound
        table.add_row(case.name, f"{median:.3f}", f"{case.bound:.2f}", f"{median / case.bound:.2f}")
    Console().print(table)
    return int(exceeded)


if __name__ == "__main__":
    sys.exit(main())
