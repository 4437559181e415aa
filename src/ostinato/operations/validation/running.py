"""Run the checks one by one, write the report, log it: a check that breaks has failed, and the others go on."""

from __future__ import annotations

import html
import importlib
import logging
import math
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from ostinato.core.errors import OstinatoError, UsageError
from ostinato.core.files import replacing, write_json
from ostinato.operations.validation.config import Bounds, load_validation
from ostinato.operations.validation.finding import Finding, at_home
from ostinato.tenancy.workspace import Workspace

log = logging.getLogger(__name__)
_HERE = "ostinato.operations.validation"
CHECKS: dict[str, str] = {
    "environment": f"{_HERE}.installation:environment",
    "configuration": f"{_HERE}.installation:configuration",
    "data-quality": f"{_HERE}.catalogue:data_quality",
    "preparation": f"{_HERE}.catalogue:preparation",
    "features": f"{_HERE}.catalogue:features",
    "search": f"{_HERE}.models:search",
    "ensemble": f"{_HERE}.models:ensemble",
    "evaluation-gates": f"{_HERE}.evaluation:evaluation_gates",
    "registry-and-approval": f"{_HERE}.governance:registry_and_approval",
    "monitoring": f"{_HERE}.drift:monitoring",
    "scoring": f"{_HERE}.scoring:scoring",
    "isolation": f"{_HERE}.isolation:isolation",
    "reproducibility": f"{_HERE}.reproduction:reproducibility",
    "end-to-end": f"{_HERE}.scoring:end_to_end",
}
_MOST_NOTE = 600


@dataclass(frozen=True)
class Check:
    """One check as it went: the figure beside its bound; `value` is the figure as a number where there is one."""

    name: str
    passed: bool
    figure: str
    bound: str
    seconds: float
    note: str
    value: float | None


@dataclass(frozen=True)
class Report:
    """All checks that ran; `path` is the page, with report.json beside it; `run_id` is MLflow's, None where it took none."""

    workspace: str
    at: str
    checks: tuple[Check, ...]
    passed: bool
    path: str
    run_id: str | None


def validate(
    workspace: Workspace, only: tuple[str, ...] = (), on_check: Callable[[str], None] = lambda name: None
) -> Report:
    """Run all checks, or `only` some, in order; write the report below `.ostinato/validation/` and log it to MLflow.

    `on_check` is told each name before the check runs. Raises UsageError for a name that is no check, ParamsError where
    configs/validation.yaml is wrong.
    """
    bounds = load_validation(workspace).bounds()
    if unknown := [name for name in only if name not in bounds]:
        raise UsageError(f"there is no check {unknown[0]!r}; the checks are {', '.join(bounds)}")
    checks = []
    with at_home(workspace.home):
        for name in bounds:
            if not only or name in only:
                on_check(name)
                checks.append(_run(name, workspace, bounds[name]))
        return _kept(workspace, tuple(checks))


def _run(name: str, workspace: Workspace, bounds: Bounds) -> Check:
    clock = time.perf_counter()
    module, _, function = CHECKS[name].partition(":")
    value: float | None = None
    try:
        finding: Finding = getattr(importlib.import_module(module), function)(workspace, bounds)
        value = finding.value if math.isfinite(finding.value) else None
    except OstinatoError as error:
        finding = Finding("none", math.nan, False, str(error))
    except Exception as error:
        log.warning("validation: %s broke", name, exc_info=True)
        finding = Finding("none", math.nan, False, f"{type(error).__name__}: {error}")
    note = " ".join(finding.note.split())
    note = note if len(note) <= _MOST_NOTE else note[: _MOST_NOTE - 1] + "…"
    seconds = round(time.perf_counter() - clock, 3)
    return Check(name, bool(finding.passed), finding.figure, bounds.shown(), seconds, note, value)


def _kept(workspace: Workspace, checks: tuple[Check, ...]) -> Report:
    now = datetime.now(UTC)
    folder = workspace.state / "validation" / now.strftime("%Y%m%dT%H%M%S.%fZ")
    facts, page = folder / "report.json", folder / "report.html"
    passed = bool(checks) and all(check.passed for check in checks)
    report = Report(workspace.name, now.isoformat(timespec="seconds"), checks, passed, str(page), None)
    write_json(facts, asdict(report))
    with replacing(page) as part:
        part.write_text(page_of(report), encoding="utf-8")
    run_id = _logged(workspace, report, [facts, page])
    report = Report(report.workspace, report.at, checks, passed, report.path, run_id)
    write_json(facts, asdict(report))
    return report


def _logged(workspace: Workspace, report: Report, files: list[Path]) -> str | None:
    from ostinato.registry.registration import log_report

    metrics = {f"{check.name}.passed": float(check.passed) for check in report.checks}
    metrics |= {f"{check.name}.figure": check.value for check in report.checks if check.value is not None}
    metrics |= {f"{check.name}.seconds": check.seconds for check in report.checks}
    metrics["failed"] = float(sum(not check.passed for check in report.checks))
    tags = {"ostinato.workspace": workspace.name, "ostinato.passed": str(report.passed).lower()}
    try:
        return log_report(workspace.home, f"{workspace.name}.validation", "validation", metrics, tags, files)
    except Exception as error:  # noqa: BLE001  the report stands on disk; a store that is away must not hide it
        log.warning("validation: the report could not be logged to MLflow: %s", re.sub(r"\s+", " ", str(error))[:300])
        return None


def page_of(report: Report) -> str:
    """The report as one page that needs nothing else."""
    rows = "\n".join(
        f'<tr class="{"ok" if c.passed else "failed"}"><td>{html.escape(c.name)}</td><td>{"ok" if c.passed else "FAILED"}'
        f"</td><td>{html.escape(c.figure)}</td><td>{html.escape(c.bound)}</td><td>{c.seconds:.1f} s</td>"
        f"<td>{html.escape(c.note)}</td></tr>"
        for c in report.checks
    )
    good = sum(check.passed for check in report.checks)
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>System validation of {html.escape(report.workspace)}</title>
<style>body{{font:15px/1.4 system-ui,sans-serif;margin:2rem;color:#222}}table{{border-collapse:collapse}}
td,th{{border-bottom:1px solid #ddd;padding:.4rem .8rem;text-align:left;vertical-align:top}}
.ok td:nth-child(2){{color:#176d2f}}.failed td:nth-child(2){{color:#a8071a;font-weight:bold}}</style>
<h1>System validation of {html.escape(report.workspace)}</h1>
<p>{good} of {len(report.checks)} checks passed, {html.escape(report.at)}</p>
<table><tr><th>check</th><th></th><th>figure</th><th>bound</th><th>took</th><th>note</th></tr>
{rows}
</table></html>
"""
