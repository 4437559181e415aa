"""The line: every step as a value, in the order in which they run.

Read it top to bottom. A step's name is at once the DVC stage, the Prefect task run and the MLflow run; a step of a problem is
written `search@genre`. `rendering` turns these values into dvc.yaml, `execution` runs one of them, `flows.training` all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ostinato.core.errors import UsageError


@dataclass(frozen=True)
class Step:
    """One step: a plain function, what it reads, what it writes.

    `sections` are the parts of params.yaml that it is given, in the order of its positional arguments; those that begin with
    a dot belong to the problem. `deps`, `outs`, `metrics` and `plots` map keyword arguments to paths below the workspace,
    all of them byte-identical from run to run. `beside` are paths that it uses and DVC does not version: caches, pages,
    measured times. `{problem}` stands for the problem's name.
    """

    name: str
    target: str
    says: str
    sections: tuple[str, ...]
    deps: Mapping[str, str]
    outs: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, str] = field(default_factory=dict)
    plots: Mapping[str, Plot] = field(default_factory=dict)
    beside: Mapping[str, str] = field(default_factory=dict)
    per_problem: bool = False
    timeout_seconds: int = 3600

    def writes(self) -> dict[str, str]:
        """All versioned paths that it writes, by argument."""
        return {**self.outs, **self.metrics, **{key: plot.path for key, plot in self.plots.items()}}


@dataclass(frozen=True)
class Plot:
    """A table that `dvc plots` draws."""

    path: str
    template: str
    x: str
    y: str
    title: str


RAW = {"tracks": "data/raw/tracks.parquet", "events": "data/raw/events.parquet"}
CLEAN = "data/clean/tracks.parquet"
FEATURES = "data/features/audio.parquet"
FOLDS = "data/features/{problem}/folds.parquet"
CANDIDATES = "data/models/{problem}/candidates"
MODEL = "data/models/{problem}/model"
REPORTS = "data/reports/{problem}"
PREDICTIONS = "data/predictions/{problem}.parquet"

STEPS: tuple[Step, ...] = (
    Step(
        "ingest",
        "ostinato.steps.ingest:ingest",
        "read the catalogue: tracks, events, content hashes",
        sections=("ingest",),
        deps={},  # the source's folder joins in, see `rendering`
        outs=RAW,
        beside={"audio": "data/raw/audio"},  # the demo's clips; an out of DVC where the source is the demo
    ),
    Step(
        "check",
        "ostinato.steps.check:check",
        "judge the raw tables by the quality suites; put bad rows into quarantine",
        sections=("check",),
        deps={**RAW, "suites": "configs/quality"},
        outs={
            "quarantine": "data/reports/quality/quarantine.parquet",
            "verdict": "data/reports/quality/verdict.json",
            "profile": "data/reports/quality/profile",
        },
        beside={"docs": "data/reports/quality/docs"},
    ),
    Step(
        "prepare",
        "ostinato.steps.prepare:prepare",
        "drop quarantined and duplicate tracks, give columns their types, impute",
        sections=("prepare",),
        deps={**RAW, "quarantine": "data/reports/quality/quarantine.parquet"},
        outs={"clean": CLEAN, "clean_events": "data/clean/events.parquet", "report": "data/reports/prepare.json"},
    ),
    Step(
        "extract",
        "ostinato.steps.extract:extract",
        "turn audio into feature vectors, those of unchanged clips from the cache",
        sections=("extract",),
        deps={"clean": CLEAN, "suite": "configs/quality/features.yaml"},
        outs={"features": FEATURES, "failures": "data/features/failures.csv"},
        beside={"cache": ".ostinato/cache/features"},
        timeout_seconds=24 * 3600,
    ),
    Step(
        "split",
        "ostinato.steps.split:split",
        "assign folds and test by group or time, and audit them for leaks",
        sections=(".task", ".split"),
        deps={"clean": CLEAN, "features": FEATURES},
        outs={"folds": FOLDS, "report": f"{REPORTS}/split.json"},
        per_problem=True,
    ),
    Step(
        "search",
        "ostinato.steps.search:search",
        "try algorithms and settings by cross-validation; keep the best as fitted candidates",
        sections=(".task", ".split", ".search"),
        deps={"clean": CLEAN, "features": FEATURES, "folds": FOLDS},
        outs={"candidates": CANDIDATES},
        plots={
            "leaderboard": Plot(f"{REPORTS}/leaderboard.csv", "bar_horizontal", "score", "algorithm", "Leaderboard"),
        },
        beside={"trials": f"{REPORTS}/measured/trials.csv"},
        per_problem=True,
        timeout_seconds=24 * 3600,
    ),
    Step(
        "ensemble",
        "ostinato.steps.ensemble:ensemble",
        "weigh candidates by their out-of-fold predictions; write the model artefact",
        sections=(".task", ".ensemble", "extract"),
        deps={"candidates": CANDIDATES, "folds": FOLDS},
        outs={"model": MODEL},
        metrics={"report": f"{REPORTS}/ensemble.json"},
        per_problem=True,
    ),
    Step(
        "evaluate",
        "ostinato.steps.evaluate:evaluate",
        "judge the model on the test fold: metrics, intervals, slices, gates, envelope, card",
        sections=(".task", ".split", ".evaluate"),
        deps={"clean": CLEAN, "features": FEATURES, "folds": FOLDS, "model": MODEL},
        outs={
            "predictions": PREDICTIONS,
            "card": f"{REPORTS}/card.md",
            "evaluation": f"{REPORTS}/evaluation.json",
        },
        metrics={"metrics": f"{REPORTS}/metrics.json"},
        plots={
            "confusion": Plot(
                f"{REPORTS}/confusion.csv", "confusion", "predicted", "actual", "Confusion on the test fold"
            ),
            "importance": Plot(
                f"{REPORTS}/importance.csv", "bar_horizontal", "importance", "feature", "Permutation importance"
            ),
        },
        beside={"measured": f"{REPORTS}/measured"},
        per_problem=True,
    ),
    Step(
        "register",
        "ostinato.steps.register:register",
        "register the model in MLflow: version, lineage, verdicts, alias challenger, approval pending",
        sections=("name", ".task", ".register"),
        deps={
            "model": MODEL,
            "evaluation": f"{REPORTS}/evaluation.json",
            "card": f"{REPORTS}/card.md",
            "predictions": PREDICTIONS,
            "folds": FOLDS,
            "confusion": f"{REPORTS}/confusion.csv",
            "importance": f"{REPORTS}/importance.csv",
            "leaderboard": f"{REPORTS}/leaderboard.csv",
            "features": FEATURES,
            "clean": CLEAN,
            "verdict": "data/reports/quality/verdict.json",
        },
        beside={"measured": f"{REPORTS}/measured", "lineage": ".ostinato/lineage.db"},
        per_problem=True,
    ),
    Step(
        "baseline",
        "ostinato.steps.baseline:baseline",
        "keep features and predictions as the reference that monitoring compares with",
        sections=("baseline",),
        deps={"features": FEATURES, "clean": CLEAN, "predictions": "data/predictions"},
        outs={"reference": "data/baseline"},
    ),
)
BY_NAME: Mapping[str, Step] = {step.name: step for step in STEPS}


@dataclass(frozen=True)
class Call:
    """A step, and the problem it is for: one DVC stage."""

    step: Step
    problem: str | None = None

    @property
    def name(self) -> str:
        """The stage's name, such as `ingest` or `search@genre`."""
        return self.step.name if self.problem is None else f"{self.step.name}@{self.problem}"

    def path(self, template: str) -> str:
        """A declared path with the problem filled in."""
        return template.format(problem=self.problem)

    def reads(self) -> list[str]:
        """Paths that it reads."""
        return [self.path(path) for path in self.step.deps.values()]

    def writes(self) -> list[str]:
        """Versioned paths that it writes."""
        return [self.path(path) for path in self.step.writes().values()]


def calls(problems: Iterable[str]) -> list[Call]:
    """Every call of the line for `problems`, in an order that respects who needs what.

    >>> [call.name for call in calls(["genre"])][3:6]
    ['extract', 'split@genre', 'search@genre']
    """
    found: list[Call] = []
    names = list(problems)
    middle = [step for step in STEPS if step.per_problem]
    for step in STEPS:
        if not step.per_problem:
            found.append(Call(step))
        elif step is middle[0]:
            found.extend(Call(each, problem) for problem in names for each in middle)
    return found


def find(name: str, problems: Iterable[str]) -> Call:
    """The call named `name`; raises UsageError with the names there are."""
    known = {call.name: call for call in calls(problems)}
    if name not in known:
        raise UsageError(f"there is no step {name!r}; the steps are {', '.join(known)}")
    return known[name]


def downstream(stale: set[str], line: list[Call]) -> list[Call]:
    """The calls of `line` that are stale or read, directly or not, what a stale one writes; in the line's order."""
    dirty: list[str] = []
    chosen = []
    for call in line:
        if call.name in stale or any(_overlap(read, path) for read in call.reads() for path in dirty):
            chosen.append(call)
            dirty.extend(call.writes())
    return chosen


def _overlap(a: str, b: str) -> bool:
    return a == b or a.startswith(b + "/") or b.startswith(a + "/")
