"""The check of the evaluation: scores, figures and gates of the test fold, computed anew."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ostinato.core.files import read_json, read_table
from ostinato.core.params import Problem
from ostinato.engines.artefact import ModelArtefact
from ostinato.operations.validation.config import Difference
from ostinato.operations.validation.finding import Finding, found, of_problem
from ostinato.pipeline import CLEAN, FEATURES, MODEL, PREDICTIONS, REPORTS
from ostinato.tenancy.workspace import Workspace


def evaluation_gates(workspace: Workspace, bounds: Difference) -> Finding:
    """Test predictions scored anew, metrics recomputed from them, gates judged by today's bounds; all must have passed."""
    worst, faults, gates = 0.0, [], 0
    for name, problem in workspace.params.problems.items():
        artefact = ModelArtefact.load(of_problem(workspace, MODEL, name))
        said = read_json(of_problem(workspace, f"{REPORTS}/evaluation.json", name))
        table = read_table(of_problem(workspace, PREDICTIONS, name))
        if said["digest"] != artefact.digest:
            faults.append(
                f"{name}: evaluation.json judges {said['digest'][:12]}, the artefact is {artefact.digest[:12]}"
            )
        gap, wrong = _figures(name, problem, artefact, table, said, bounds.difference)
        again = _scored_again(workspace, problem, artefact, table)
        if not again <= bounds.difference:
            faults.append(
                f"{name}: the test rows scored anew differ by {again:.3g} from {PREDICTIONS.format(problem=name)}"
            )
        worst, gates = max(worst, gap, again), gates + len(said["gates"])
        faults += wrong + _gates(name, problem, said)
    return found(f"largest difference {worst:.2g}; {gates} gates", worst, faults)


def _figures(
    name: str, problem: Problem, artefact: ModelArtefact, table: pd.DataFrame, said: dict[str, Any], most: float
) -> tuple[float, list[str]]:
    from ostinato.engines.judgement import figures

    truth, scores = _answers(problem, artefact, table)
    worst, faults = 0.0, []
    for key, value in figures(problem.task, truth, scores).items():
        gap = abs(value - said["test"][key])
        worst = max(worst, gap)
        if not gap <= most:
            faults.append(f"{name}: evaluation.json says {key} {said['test'][key]}, recomputed it is {value}")
    return worst, faults


def _answers(problem: Problem, artefact: ModelArtefact, table: pd.DataFrame) -> tuple[Any, Any]:
    """Codes or values, and scores `(n, outputs)`, of the stored predictions."""
    if problem.task.kind == "regression":
        return table["actual"].to_numpy(np.float64), table[["predicted"]].to_numpy(np.float64)
    codes = {str(label): code for code, label in enumerate(artefact.classes)}
    truth = np.array([codes[str(label)] for label in table["actual"]], dtype=np.int64)
    return truth, table[[f"p_{label}" for label in codes]].to_numpy(np.float64)


def _scored_again(workspace: Workspace, problem: Problem, artefact: ModelArtefact, table: pd.DataFrame) -> float:
    from ostinato.features.inputs import load_inputs

    inputs = load_inputs(problem.task, problem.split, clean=workspace.root / CLEAN, features=workspace.root / FEATURES)
    rows = inputs.rows(table["track_id"].astype(str).tolist())
    if any(str(a) != str(b) for a, b in zip(rows.y, table["actual"], strict=True)):
        return float("inf")
    _, scores = _answers(problem, artefact, table)
    return float(np.abs(artefact.scores(rows.X) - scores).max())


def _gates(name: str, problem: Problem, said: dict[str, Any]) -> list[str]:
    """Gates that failed, and those whose verdict is another one by the bounds that hold today."""
    from ostinato.engines.judgement import gates

    faults = [
        f"{name}: the gate {gate} failed: {facts['measured']} beside {facts['bound']}"
        for gate, facts in said["gates"].items()
        if not facts["passed"]
    ]
    for gate, facts in gates(problem.task, problem.evaluate, said["test"], said["dummy"]).items():
        if gate not in said["gates"]:
            faults.append(f"{name}: evaluation.json lacks the gate {gate}")
        elif facts["passed"] != said["gates"][gate]["passed"] or not facts["passed"]:
            faults.append(
                f"{name}: the gate {gate} {'passes' if facts['passed'] else 'fails'} when judged anew: "
                f"{facts['measured']} beside {facts['bound']}"
            )
    return faults
