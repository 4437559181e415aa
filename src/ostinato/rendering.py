"""dvc.yaml, rendered from the steps: generated, committed, and compared with its rendering by a test.

Code dependencies come from the real import graph, so a change in `audio/` makes `extract` stale and leaves `register` alone.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from ostinato.core.params import DemoSource, Params
from ostinato.pipeline import STEPS, Plot, Step
from ostinato.tenancy.workspace import Workspace

HEADER = "# Rendered from src/ostinato/pipeline.py by `ostinato render`; do not edit.\n"
# Modules that carry no arithmetic: what they say reaches a step through params.yaml, or not at all.
PLUMBING = ("core.errors", "core.params", "core.progress", "core.settings", "core.locking", "tenancy.workspace")

_REGISTRY = "ostinato.automl.index"


def source_root() -> Path:
    """The folder that holds the package `ostinato`."""
    return Path(__file__).resolve().parent.parent


@lru_cache(maxsize=1)
def _graph() -> Any:
    import grimp

    return grimp.build_graph("ostinato", include_external_packages=False, cache_dir=None)


def code_of(step: Step) -> list[str]:
    """Files of this package that a step's function can reach, relative to the source root, without the plumbing."""
    graph = _graph()
    module = step.target.partition(":")[0]
    plumbing = {f"ostinato.{name}" for name in PLUMBING}
    reached = _closed(graph, {module, *graph.find_upstream_modules(module)})
    if _REGISTRY in reached:
        named = _named_by_entries() & set(graph.modules)
        reached = _closed(graph, reached.union(named, *(graph.find_upstream_modules(name) for name in named)))
    reached -= plumbing
    files = []
    for name in sorted(reached):
        path = Path(*name.split("."))
        if (source_root() / path.with_suffix(".py")).is_file():
            files.append(path.with_suffix(".py").as_posix())
        elif graph.find_modules_directly_imported_by(name):  # other packages hold a docstring alone
            files.append((path / "__init__.py").as_posix())
    return files


def _named_by_entries() -> set[str]:
    """Modules that the registry's entries name as strings, which no import shows."""
    from ostinato.automl.families import FAMILIES

    entries = [entry for family in FAMILIES for entry in family]
    strings = [each for entry in entries for each in (entry.target, entry.export, entry.fit or "")]
    return {each.partition(":")[0] for each in strings if each.startswith("ostinato.")}


def _closed(graph: Any, reached: set[str]) -> set[str]:
    """With the packages that the modules lie in, for Python runs these too, and what they import."""
    while True:
        packages = {name.rpartition(".")[0] for name in reached if name.count(".") > 1} - reached
        if not packages:
            return reached
        reached = reached | packages
        for package in packages:
            reached = reached | set(graph.find_upstream_modules(package))


def render(params: Params, src: str = "src") -> dict[str, Any]:
    """The content of dvc.yaml; `src` is where the package's source lies, seen from the workspace."""
    stages: dict[str, Any] = {}
    for step in STEPS:
        body = _stage(step, params, src)
        stages[step.name] = {"foreach": "${problems}", "do": body} if step.per_problem else body
    return {"stages": stages}


def _stage(step: Step, params: Params, src: str) -> dict[str, Any]:
    def fill(path: str) -> str:
        return path.replace("{problem}", "${key}")

    name = f"{step.name}@${{key}}" if step.per_problem else step.name
    deps = [fill(path) for path in step.deps.values()] + [f"{src}/{file}" for file in code_of(step)]
    outs: list[Any] = [fill(path) for path in step.outs.values()]
    if step.name == "ingest":
        source = params.ingest.source
        if isinstance(source, DemoSource):
            outs.append({fill(step.beside["audio"]): {"persist": True}})
        else:
            deps.insert(0, "${ingest.source.path}")
    body: dict[str, Any] = {
        "cmd": f"PYTHONPATH={src} python -m ostinato step {name}",
        "desc": step.says,
        "params": [f"problems.${{key}}{s}" if s.startswith(".") else s for s in step.sections],
        "deps": deps,
    }
    if outs:
        body["outs"] = outs
    if step.metrics:
        body["metrics"] = [fill(path) for path in step.metrics.values()]
    if step.plots:
        body["plots"] = [{fill(plot.path): _plot(plot)} for plot in step.plots.values()]
    return body


def _plot(plot: Plot) -> dict[str, str]:
    return {"template": plot.template, "x": plot.x, "y": plot.y, "title": plot.title}


def rendered_text(workspace: Workspace) -> str:
    """dvc.yaml of a workspace as text."""
    import yaml

    src = os.path.relpath(source_root(), workspace.root)
    body = yaml.safe_dump(
        render(workspace.params, Path(src).as_posix()), sort_keys=False, width=120, allow_unicode=True
    )
    return HEADER + body


def write_dvc_yaml(workspace: Workspace) -> bool:
    """Bring a workspace's dvc.yaml up to date; True where it changed."""
    path = workspace.root / "dvc.yaml"
    text = rendered_text(workspace)
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    path.write_text(text, encoding="utf-8")
    return True
