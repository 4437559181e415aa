"""`PredictionEngine` beside AutoGluon, FLAML and CatBoost: error, bytes, memory, milliseconds a row, and its budget.

    python -m benchmarks.automl [--full] [--systems a,b] [--tables a,b] [--seeds 0,1,2] [--budget 60]
                                [--fresh] [--disturbed] [--keep] [--list] [--prepare]

A table is split once a seed, 75 to 25: whole groups where rows belong together, the latest quarter where they are ordered, else
stratified; all systems get the same two files. The metric, log loss or RMSE over the standard deviation of the training target,
is what each is told to look at, and is computed here from its predictions. Each system runs in a process of its own, one after
another, on 2 cores; AutoGluon gets `good_quality` and `medium_quality`, without ray, whose processes cost it half of such a
budget; CatBoost runs by its defaults and knows no budget. Peers see text as it is, CatBoost as categories; AutoGluon's good
quality and FLAML are told the groups. Ostinato's artefact is then loaded in two fresh processes, one of which measures memory
and single rows.

Results lie in `.ostinato/bench/automl`, one JSON file each, and are read where they exist; with `--keep` those that nothing
disturbed travel with the repository, in `benchmarks/results/automl.jsonl`. Without options nothing is run that was once measured,
apart from three tables with one seed; `--full` runs all that the present code has not. The peers have an environment of their
own, `.ostinato/peers`, made on demand from `benchmarks/peers/*.lock`. Give the whole thing a machine of its own: two threads on
cores that others use may take five times as long. What others took is written down with each result, and `--disturbed` repeats
those runs where it was more than a tenth. Exit code 1 where a bound is missed.
"""

from __future__ import annotations

import argparse
import sys
import time

from rich.console import Console
from rich.table import Table

from benchmarks import _automl_environment as environment
from benchmarks._automl_report import DISTURBED, show
from benchmarks._automl_runs import STORE, SYSTEMS, Result, Run, keep, measure, version_of
from benchmarks._automl_tables import TABLES

SMALL = ("churn", "segment", "bikeshare")


def listing() -> None:
    """Print what the tables are."""
    table = Table("table", "kind", "rows", "columns", "of words", "gaps in", "split", "dropped", "source", "licence")
    for each in TABLES:
        if not each.here():
            table.add_row(each.name, each.kind, *["not here"] * 4, "", "", each.source, each.licence)
            continue
        X = each.load().X
        split = f"by {each.group}" if each.group else f"by {each.order}, latest last" if each.order else "plain"
        counts = (len(X), X.shape[1], X.select_dtypes("object").shape[1], int(X.isna().any().sum()))
        dropped = "; ".join(_reasons(each.dropped))
        table.add_row(each.name, each.kind, *map(str, counts), split, dropped, each.source, each.licence)
    Console(width=200).print(table)


def _reasons(dropped: dict[str, str]) -> list[str]:
    """Columns left out for one reason together."""
    return [
        f"{', '.join(name for name in dropped if dropped[name] == why)}: {why}"
        for why in dict.fromkeys(dropped.values())
    ]


def wanted(said: argparse.Namespace) -> list[Run]:
    """The runs that the options name, those of one table and seed together."""
    tables = [table for table in TABLES if not said.tables or table.name in said.tables]
    missing = [table.name for table in tables if not table.here()]
    if missing:
        print(f"left out, their files are not here: {', '.join(missing)}")
    tables = [table for table in tables if table.name not in missing]
    systems = [system for system in SYSTEMS if not said.systems or system in said.systems]
    return [Run(system, table, seed, said.budget) for seed in said.seeds for table in tables for system in systems]


def due(run: Run, said: argparse.Namespace, stored: Result | None) -> bool:
    """Whether a run has to be made now."""
    if stored is None or (said.fresh and run.system in (said.systems or SYSTEMS)):
        return True
    if said.disturbed and stored.get("others_share", 0) > DISTURBED:
        return True
    return bool(said.full and stored["version"] != version_of(run.system))


def small() -> list[Run]:
    """What is run without being asked for, once."""
    return [Run(system, table, 0, 60) for table in TABLES if table.name in SMALL and table.here() for system in SYSTEMS]


def options() -> argparse.Namespace:
    def words(text: str) -> tuple[str, ...]:
        return tuple(word for word in text.split(",") if word)

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="run all that the present versions have not")
    parser.add_argument("--systems", type=words, help=", ".join(SYSTEMS))
    parser.add_argument("--tables", type=words, help="names of tables; see --list")
    parser.add_argument("--seeds", type=lambda text: tuple(map(int, words(text))), default=(0, 1, 2))
    parser.add_argument("--budget", type=float, default=60.0, help="seconds a fit")
    parser.add_argument("--fresh", action="store_true", help="run again what is stored")
    parser.add_argument("--disturbed", action="store_true", help="run again what shared the machine with others")
    parser.add_argument("--keep", action="store_true", help="let what was measured travel with the repository")
    parser.add_argument("--list", action="store_true", help="print what the tables are")
    parser.add_argument("--prepare", action="store_true", help="make the peers' environment and stop")
    said = parser.parse_args()
    for name, known in (("systems", SYSTEMS), ("tables", tuple(table.name for table in TABLES))):
        unknown = set(getattr(said, name) or ()) - set(known)
        if unknown:
            parser.error(f"--{name} {', '.join(sorted(unknown))}: expected of {', '.join(known)}")
    return said


def main() -> int:
    said = options()
    if said.list:
        listing()
        return 0
    environment.prepare()
    if said.prepare:
        return 0
    asked = any((said.full, said.systems, said.tables, said.fresh, said.disturbed))
    runs = wanted(said)
    stored: dict[Run, Result | None] = {run: run.stored() for run in runs}
    if not asked:
        sample = small()
        whole, runs = len(runs), [run for run in runs if stored[run] or run in sample]
        print(f"{len(runs)} of the {whole} runs of --full: what is stored, and a sample")
    todo = [run for run in runs if due(run, said, stored.get(run))]
    for number, run in enumerate(todo, 1):
        began = time.perf_counter()
        result = measure(run)
        stored[run] = result
        figure = f"{result['error_value']:.4f}" if "error_value" in result else f"failed: {result['error'][:200]}"
        took = time.perf_counter() - began
        print(
            f"{number} of {len(todo)}: {run.system} on {run.table.name}, seed {run.seed}: {figure} ({took:.0f} s)",
            flush=True,
        )
        if said.keep and result.get("others_share", 0) <= DISTURBED:
            keep([result])
    results = [each for run in runs if (each := stored.get(run))]
    beside = results if not said.systems else [*results, *_others(said, runs)]
    held = show(beside, len(todo), said.budget)
    print(f"results in {STORE.relative_to(environment.ROOT)}")
    return int(not held)


def _others(said: argparse.Namespace, runs: list[Run]) -> list[Result]:
    """What is stored of the systems that were not asked for, on the same tables and seeds."""
    rest = [system for system in SYSTEMS if system not in said.systems]
    keys = dict.fromkeys((run.table, run.seed) for run in runs)
    found = (Run(system, table, seed, said.budget).stored() for table, seed in keys for system in rest)
    return [result for result in found if result]


if __name__ == "__main__":
    sys.exit(main())
