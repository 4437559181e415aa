"""Learn the portfolio of configurations that a search tries first: `python -m benchmarks._portfolio [--points 4] [--rows 4000]`.

On each table of `benchmarks/_automl_tables.py`, the training part of its first split cut to a few thousand rows, every candidate
configuration is judged by the engine's own cross-validation, nothing pruned: the defaults of every algorithm, the present
portfolio, and `points` random ones of each boosting and forest. What was measured is kept in `.ostinato/bench/portfolio`.

Then configurations are chosen one by one: the next one is that which, voting with those before it, lowers the loss most for what it
costs, on the average over tables, relative to the dummy's loss and to that of the best vote of all. For each table the same is done
without it, and that is what the table is judged with. Writes `src/ostinato/automl/portfolio.json`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import _automl_split as split
from benchmarks._automl_environment import ROOT
from benchmarks._automl_tables import TABLES, BenchTable
from ostinato.automl.index import suitable
from ostinato.automl.portfolio import Configuration, portfolio
from ostinato.automl.prior import prior
from ostinato.automl.search import Budget, Search
from ostinato.automl.space import Bool, Choice, Float, Int, active, settings
from ostinato.automl.task import LearningTask, read_task
from ostinato.ensemble.greedy import greedy
from ostinato.ensemble.running import LogLoss, SquaredLoss

STORE = ROOT / ".ostinato" / "bench" / "portfolio"
OUT = ROOT / "src" / "ostinato" / "automl" / "portfolio.json"
DRAWN = ("boosting", "forests")  # families of which random points are judged too
LENGTH, SECONDS_EXPONENT = 16, 0.1
LEAST_GAIN = 1e-4  # of regret, on the average over tables
MOST_SECONDS = 240.0  # of one table


def candidates(kind: str, task: LearningTask, points: int) -> list[Configuration]:
    """The present portfolio, random points, and defaults of all algorithms, the same for every table of a kind.

    Random points come round by round, so that a table whose time runs out has judged each algorithm at some.
    """
    entries = suitable(kind, 3_000, 20)  # type: ignore[arg-type]
    drawn = [entry for entry in entries if entry.family in DRAWN]
    found = [*portfolio(kind), *(Configuration(entry.key, {}) for entry in drawn)]  # type: ignore[arg-type]
    streams = {e.key: np.random.default_rng(int(hashlib.sha256(e.key.encode()).hexdigest()[:8], 16)) for e in drawn}
    for _ in range(points):
        for entry in drawn:
            point = {each.name: _drawn(each, streams[entry.key]) for each in settings(entry.space)}
            found.append(Configuration(entry.key, active(entry.space, point)))
    found += [Configuration(entry.key, {}) for entry in entries]
    return list({json.dumps(each.to_dict(), sort_keys=True): each for each in found}.values())


def _drawn(setting: Float | Int | Choice | Bool, rng: np.random.Generator) -> Any:
    match setting:
        case Float():
            low, high = (np.log(setting.low), np.log(setting.high)) if setting.log else (setting.low, setting.high)
            value = rng.uniform(low, high)
            return float(f"{np.exp(value) if setting.log else value:.3g}")
        case Int():
            low, high = (np.log(setting.low), np.log(setting.high)) if setting.log else (setting.low, setting.high)
            value = rng.uniform(low, high)
            return int(np.clip(round(float(np.exp(value) if setting.log else value)), setting.low, setting.high))
        case Choice():
            return setting.options[int(rng.integers(len(setting.options)))]
        case _:
            return bool(rng.random() < 0.5)


def read(table: BenchTable, rows: int) -> LearningTask:
    """The training part of the first split, whole groups cut to about `rows` rows."""
    with tempfile.TemporaryDirectory() as made:
        split.write(table, 0, Path(made))
        frame = pd.read_parquet(Path(made) / "train.parquet")
    if len(frame) > rows:
        unit = frame["group"] if "group" in frame else pd.Series(np.arange(len(frame)))
        names = unit.unique()
        kept = np.random.default_rng(0).permutation(names)
        sizes = unit.value_counts().reindex(kept).cumsum()
        frame = frame[unit.isin(kept[: int((sizes <= rows).sum()) + 1]).to_numpy()].reset_index(drop=True)
    y, groups = frame.pop("target"), frame.pop("group") if "group" in frame else None
    moment = pd.factorize(frame.pop("moment"), sort=True)[0] if "moment" in frame else None
    return read_task(table.kind, None, frame, y, groups, moment)


def judged(table: BenchTable, points: int, rows: int) -> None:
    """Judge every candidate on one table, and keep losses, seconds and out-of-fold scores."""
    path = STORE / f"{table.name}.npz"
    if path.exists():
        return
    task = read(table, rows)
    wanted = candidates(table.kind, task, points)
    keys = dict.fromkeys(each.key for each in wanted)
    entries = suitable(table.kind, *task.problem.X.shape, tuple(keys))  # type: ignore[arg-type]
    clock = time.time()
    with Search(task.problem, entries, 0, portfolio=wanted, threads=2, memory=4_000_000_000, prune=False) as search:
        trials = search.run(Budget(trials=len(wanted), seconds=MOST_SECONDS))
    done = [trial for trial in trials if trial.state == "complete" and trial.number < len(wanted)]
    held = np.isfinite(done[0].oof).all(axis=1)  # type: ignore[union-attr]
    scores = np.stack([trial.oof[held].astype(np.float32) for trial in done])  # type: ignore[index]
    facts = [{**wanted[t.number].to_dict(), "loss": t.loss, "seconds": t.seconds} for t in done]
    STORE.mkdir(parents=True, exist_ok=True)
    dummy = task.problem.metric.loss(task.problem.y[held], prior(task.problem).oof[held])
    np.savez_compressed(
        path, scores=scores, y=task.problem.y[held], facts=json.dumps(facts), dummy=dummy, kind=table.kind
    )
    print(f"{table.name}: {len(done)} of {len(wanted)} configurations in {time.time() - clock:.0f} s", flush=True)


class Measured:
    """What was measured on one table."""

    def __init__(self, path: Path) -> None:
        stored = np.load(path)
        self.name, self.kind = path.stem, str(stored["kind"])
        self.y, self.scores = stored["y"], stored["scores"].astype(np.float64)
        self.facts = json.loads(str(stored["facts"]))
        self.ids = [json.dumps({"key": f["key"], "params": f["params"]}, sort_keys=True) for f in self.facts]
        # votes are weighed on one half of the rows and judged on the other, or luck would be taken for merit
        self.halves = [np.random.default_rng(0).permutation(len(self.y)) % 2 == half for half in (0, 1)]
        self.dummy = float(stored["dummy"])
        if self.kind != "regression":
            self.scores /= self.scores.sum(axis=2, keepdims=True)
        self.best = self.voted(list(range(len(self.ids))), 30, 8)
        self.seconds = {name: f["seconds"] for name, f in zip(self.ids, self.facts, strict=True)}

    def voted(self, chosen: list[int], rounds: int = 10, members: int = 6) -> float:
        """The loss of the greedy vote of some configurations, each half of the rows by weights of the other."""
        found = 0.0
        for learnt, held in (self.halves, self.halves[::-1]):
            scores = [self.scores[each] for each in chosen]
            vote = greedy([each[learnt] for each in scores], self._loss(learnt), rounds, members)
            mixed = np.tensordot(np.asarray(vote.weights), np.stack([each[held] for each in scores]), axes=1)
            found += self._loss(held)(mixed) * held.mean()
        return found

    def _loss(self, rows: np.ndarray) -> SquaredLoss | LogLoss:
        return SquaredLoss(self.y[rows]) if self.kind == "regression" else LogLoss(self.y[rows])

    def regret(self, chosen: list[str]) -> float:
        """How far a vote of some configurations is from the best vote of all, relative to the dummy."""
        there = [self.ids.index(name) for name in chosen if name in self.ids]
        if not there:
            return 1.0
        return (self.voted(there) - self.best) / max(self.dummy - self.best, 1e-12)


def learnt(tables: list[Measured]) -> list[dict[str, Any]]:
    """Configurations in their order."""
    pace = {t.name: float(np.median(list(t.seconds.values()))) for t in tables}
    names = sorted({name for t in tables for name in t.ids})
    chosen: list[str] = []
    now = np.mean([t.regret([]) for t in tables])
    while len(chosen) < LENGTH:
        gains = {}
        for name in names:
            if name not in chosen:
                after = np.mean([t.regret([*chosen, name]) for t in tables])
                cost = np.mean([t.seconds.get(name, 50 * pace[t.name]) / pace[t.name] for t in tables])
                gains[name] = ((now - after) / max(cost, 0.05) ** SECONDS_EXPONENT, name, after)
        _, best, after = max(gains.values())
        if now - after < LEAST_GAIN:
            break
        chosen.append(best)
        now = after
    return [json.loads(name) for name in chosen]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=4)
    parser.add_argument("--rows", type=int, default=4_000)
    parser.add_argument("--tables", default="")
    said = parser.parse_args()
    for table in TABLES:
        if table.here() and (not said.tables or table.name in said.tables.split(",")):
            judged(table, said.points, said.rows)
    measured = [Measured(path) for path in sorted(STORE.glob("*.npz"))]
    found: dict[str, Any] = {}
    for kinds in (("binary", "multiclass"), ("regression",)):  # of classes of any number, for tables are few
        own = [t for t in measured if t.kind in kinds]
        if len(own) < 3:
            print(f"{kinds}: {len(own)} tables are too few to learn from; the present portfolio stays")
            found |= {kind: json.loads(OUT.read_text())["portfolios"][kind] for kind in kinds}
            continue
        without = {t.name: learnt([other for other in own if other is not t]) for t in own}
        every = learnt(own)
        found |= {
            kind: {"all": every, "without": {t.name: without[t.name] for t in own if t.kind == kind}} for kind in kinds
        }
        for t in own:
            ids = [json.dumps(each, sort_keys=True) for each in without[t.name]]
            print(
                f"{t.name}: regret {t.regret(ids[:5]):.4f} after 5, {t.regret(ids):.4f} after {len(ids)} learnt without it"
                f" ({sum(t.seconds.get(name, 0.0) for name in ids):.0f} s)",
                flush=True,
            )
    names = ", ".join(t.name for t in measured)
    how = f"learnt by benchmarks/_portfolio.py from {len(measured)} tables of at most {said.rows} rows: {names}"
    OUT.write_text(json.dumps({"how": how, "portfolios": found}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
