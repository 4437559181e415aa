"""How long the lineage of a prediction takes over 10,000 runs (bound: 50 ms).

python -m benchmarks.lineage [--runs N]
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ostinato.registry.lineage import Prediction, remember_files, remember_model, remember_predictions, trace

BOUND_MS = 50.0
FILES, LOOKS = 1000, 200


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10_000)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lineage.db"
        for data in range(10):
            remember_files(
                path, f"data-{data}", ((f"t{i}", f"music/{i}.flac", f"{data}-{i:060d}") for i in range(FILES))
            )
        lock = {f"step{i}": {f"data/{i}.parquet": f"{i:032d}"} for i in range(10)}
        for i in range(runs):
            remember_model(
                path, digest=f"d{i}", name="demo.genre", version=f"1.0.{i}", run_id=f"r{i}", commit="c", lock=lock,
                data=f"data-{i % 10}",
            )  # fmt: skip
        remember_predictions(path, (Prediction(f"p-{i}", f"d{i}", "x.flac", "0", "jig", 0.5) for i in range(runs)))
        times, rng = [], random.Random(1)
        for _ in range(LOOKS):
            wanted = f"p-{rng.randrange(runs)}"
            began = time.perf_counter()
            found = trace(path, wanted)
            times.append(1000 * (time.perf_counter() - began))
            assert found is not None
            assert len(found["files"]) == FILES
    ordered = sorted(times)
    table = Table(
        "", "median ms", "p99 ms", "bound ms", "p99 / bound", title=f"lineage over {runs} runs, {FILES} files each"
    )
    p99 = ordered[int(0.99 * LOOKS)]
    table.add_row("trace", f"{statistics.median(times):.2f}", f"{p99:.2f}", f"{BOUND_MS:.0f}", f"{p99 / BOUND_MS:.2f}")
    Console().print(table)
    return int(p99 > BOUND_MS)


if __name__ == "__main__":
    sys.exit(main())
