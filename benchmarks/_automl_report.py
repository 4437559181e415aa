"""What the stored results say: a table of errors, and each bound with its figure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks._automl_runs import CORES, PACKAGE, SYSTEMS, Result, machine

CLOSE = 0.002
DISTURBED = 0.1  # of the machine, taken by other processes during a run
MIB = 2**20


@dataclass(frozen=True)
class Standing:
    """Mean error of each system on a table, over the seeds that all of its systems finished."""

    table: str
    kind: str
    seeds: tuple[int, ...]
    errors: dict[str, float]
    failed: dict[str, str]
    dummy: float

    @property
    def best_peer(self) -> str | None:
        return min((name for name in self.errors if name in PACKAGE), key=self.errors.__getitem__, default=None)

    @property
    def behind(self) -> float | None:
        """Ours less the best peer's: below zero is better. Infinite where ours failed, None where there is nothing to compare."""
        if self.best_peer is None or not {"ostinato"} & (self.errors.keys() | self.failed.keys()):
            return None
        return self.errors.get("ostinato", np.inf) - self.errors[self.best_peer]


def standings(results: Iterable[Result]) -> list[Standing]:
    """One standing a table, in the order of the results."""
    tables: dict[str, list[Result]] = {}
    for result in results:
        tables.setdefault(result["table"], []).append(result)
    return [_standing(name, found) for name, found in tables.items()]


def _standing(name: str, found: list[Result]) -> Standing:
    failed = {each["system"]: each["error"] for each in found if "error" in each}
    whole = [each for each in found if "error" not in each and each["system"] not in failed]
    seeds_of = {system: {each["seed"] for each in whole if each["system"] == system} for system in SYSTEMS}
    shared = set.intersection(*(seeds for seeds in seeds_of.values() if seeds)) if whole else set()
    errors = {
        system: float(
            np.mean([each["error_value"] for each in whole if each["system"] == system and each["seed"] in shared])
        )
        for system, seeds in seeds_of.items()
        if seeds and shared
    }
    dummies = [each["dummy"] for each in whole if each["seed"] in shared]
    return Standing(name, found[0]["kind"], tuple(sorted(shared)), errors, failed, float(np.mean(dummies or [np.nan])))


def errors_table(rows: list[Standing], budget: float) -> Table:
    """A row a table; less is better."""
    table = Table(title=f"log loss, or RMSE / standard deviation of the training target; {budget:g} s, {CORES} cores")
    for name in ("table", "kind", "seeds", "dummy", *SYSTEMS, "behind the best", ""):
        table.add_column(name, justify="left" if name in ("table", "kind", "") else "right")
    for row in rows:
        cells = [
            "failed" if system in row.failed else f"{row.errors[system]:.4f}" if system in row.errors else "–"
            for system in SYSTEMS
        ]
        behind = row.behind
        verdict = "" if behind is None else "ok" if behind <= CLOSE else "behind"
        seeds = ",".join(map(str, row.seeds))
        gap = "–" if behind is None else f"{behind:+.4f}"
        table.add_row(row.table, row.kind, seeds, f"{row.dummy:.3f}", *cells, gap, verdict)
    return table


def costs_table(results: list[Result]) -> Table:
    """What each system ships and takes, over all its runs."""
    table = Table(title="what is shipped and what it takes: median, worst")
    for name in ("system", "version", "runs", "fit s", "shipped MB", "one row p50 ms", "p99 ms", "rows/s"):
        table.add_column(name, justify="right" if name not in ("system", "version") else "left")
    for system in SYSTEMS:
        mine = [each for each in results if each["system"] == system and "error" not in each]
        if mine:
            versions = ", ".join(sorted({each["version"] for each in mine}))
            cells = [_both(mine, key, scale) for key, scale in (("fit_seconds", 1), ("bytes", 1e6))]
            times = [_both(mine, key, 1) for key in ("row_ms_p50", "row_ms_p99")]
            table.add_row(
                system, versions, str(len(mine)), *cells, *times, _both(mine, "rows_a_second", 1, lowest=True)
            )
    return table


def _both(results: list[Result], key: str, scale: float, *, lowest: bool = False) -> str:
    values = np.array([each[key] for each in results if each.get(key) is not None]) / scale
    if not len(values):
        return "–"
    worst = values.min() if lowest else values.max()
    return (
        f"{np.median(values):,.3g}, {worst:,.3g}"
        if np.median(values) < 1_000
        else f"{np.median(values):,.0f}, {worst:,.0f}"
    )


def bounds_table(rows: list[Standing], results: list[Result]) -> tuple[Table, bool]:
    """Each bound of the engine beside its figure, and whether all held."""
    table, held = Table("", "figure", "bound", "figure / bound", "", title="bounds"), True
    compared = [row.behind for row in rows if row.behind is not None]
    if compared:
        share = float(np.mean([behind <= CLOSE for behind in compared]))
        what = f"tables within {CLOSE} of the best peer, or better, of {len(compared)}"
        table.add_row(what, f"{share:.0%}", "≥ 80 %", f"{share / 0.8:.2f}", "ok" if share >= 0.8 else "MISSED")
        held &= share >= 0.8
    mine = [each for each in results if each["system"] == "ostinato" and "error" not in each]
    for what, figures, bound, form in _figures(mine):
        if figures:
            worst = max(figures)
            table.add_row(
                what, form.format(worst), "≤ " + form.format(bound), f"{worst / bound:.2f}", _said(worst <= bound)
            )
            held &= worst <= bound
    wide = [each["rows_a_second"] for each in mine if each["columns"] <= 20]
    if wide:
        slowest = min(wide)
        good = slowest >= 100_000
        table.add_row("slowest batch, tables of 20 columns or fewer", f"{slowest:,.0f} rows/s", "≥ 100,000 rows/s",
                      f"{slowest / 1e5:.2f}", _said(good))  # fmt: skip
        held &= good
    fast = [each["row_ms_p99"] <= 0.1 for each in mine if each.get("row_ms_p99")]
    if fast:
        table.add_row("runs whose p99 of one row is 0.1 ms or less", f"{np.mean(fast):.0%}", "said", "", "")
    return table, held


def _figures(mine: list[Result]) -> list[tuple[str, list[float], float, str]]:
    """Name, figures of which the largest counts, bound and wording."""
    served = [each for each in mine if each.get("rss_served")]
    return [
        ("largest artefact", [each["bytes"] / 1e6 for each in mine], 5, "{:.2f} MB"),
        (
            "memory of a loaded model",
            [(each["rss_served"] - each["rss_before"]) / MIB for each in served],
            50,
            "{:.0f} MiB",
        ),
        ("the whole predict-only process", [each["rss_served"] / MIB for each in served], 100, "{:.0f} MiB"),
        ("slowest p99 of one row", [each["row_ms_p99"] for each in mine if each.get("row_ms_p99")], 1, "{:.3f} ms"),
        ("longest fit, of its budget", [each["fit_seconds"] / each["budget"] for each in mine], 1.1, "{:.2f}×"),
    ]


def _said(good: bool) -> str:
    return "ok" if good else "MISSED"


def show(results: list[Result], now: int, budget: float, console: Console | None = None) -> bool:
    """Print all three tables and where the figures come from; True where every bound held."""
    console = console or Console(width=170)
    rows = standings(results)
    console.print(errors_table(rows, budget))
    console.print(costs_table(results))
    table, held = bounds_table(rows, results)
    console.print(table)
    dates = sorted(each["date"][:10] for each in results)
    machines = sorted({each["machine"] for each in results})
    console.print(f"{now} run now, {len(results) - now} read" + (f", of {dates[0]} to {dates[-1]}" if dates else ""))
    console.print(f"on {'; '.join(machines)}" + ("" if machines in ([], [machine()]) else f" (here: {machine()})"))
    for row in rows:
        for system, reason in row.failed.items():
            console.print(f"{system} failed on {row.table}: {reason[:300]}", markup=False)
    noisy = [each for each in results if each.get("others_share", 0) > DISTURBED]
    if noisy:
        worst = max(each["others_share"] for each in noisy)
        console.print(
            f"{len(noisy)} runs shared the machine: up to {worst:.0%} of it went to others; repeat with --disturbed"
        )
    return held
