"""The check of isolation: what one workspace keeps cannot be reached from another, and no name is a way out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ostinato.core.errors import OstinatoError
from ostinato.core.params import load_params
from ostinato.features.cache import FeatureCache
from ostinato.operations.promotion import audit_path
from ostinato.operations.tracing import lineage
from ostinato.operations.validation.config import Isolation
from ostinato.operations.validation.finding import Finding, at_home, found, scratch
from ostinato.operations.workspaces import for_source
from ostinato.pipeline import find as find_call
from ostinato.registry.lineage import Prediction, new_id, remember_files, remember_model, remember_predictions, trace
from ostinato.registry.versions import versions
from ostinato.security import audit
from ostinato.tenancy.workspace import Workspace, all_workspaces

_PATHS = ("../beta", "/tmp/beta", "beta/../alpha", "..", ".beta", "beta/data", "..\\beta", "beta\x00", "beta\n", "")
_DIGEST, _DATA, _SHA = "d" * 64, "e" * 64, "f" * 64  # the same in both, so that only the workspace tells them apart
_KEY = "one-key"
_Attempt = tuple[str, bool]  # what was tried, and whether it got through


def isolation(workspace: Workspace, bounds: Isolation) -> Finding:
    """Two throw-away workspaces that hold the same model of the same data, the real ones, and names that are paths."""
    with scratch() as home:
        attempts = list(_between(workspace, home))
    attempts += list(_installed(workspace))
    leaks = [what for what, leaked in attempts if leaked]
    figure = f"{len(leaks)} leaks of {len(attempts)} attempts"
    return found(figure, len(leaks), leaks if len(leaks) > bounds.leaks else [])


def _between(workspace: Workspace, home: Path) -> Iterator[_Attempt]:
    params: dict[str, Any] = yaml.safe_load((workspace.root / "params.yaml").read_text(encoding="utf-8"))
    _write(home, params | {"name": "installation"})
    pair = [
        Workspace.at(_write(home / "workspaces" / name, params | {"name": name}), home) for name in ("alpha", "beta")
    ]
    ids = {each.name: _filled(each) for each in pair}
    for own, other in permutations(pair, 2):
        yield from _reached(own, other, ids)
    yield from _overlaps([*pair, Workspace.at(home, home)])
    with at_home(home):
        for each in pair:
            yield (
                f"the lineage of {each.name} is told of another workspace",
                lineage(ids[each.name])["workspace"] != each.name,
            )
    lost = next(iter(ids.values()))
    yield "another installation answers for a prediction", _passes(lineage, lost)
    yield from _paths(home, params)


def _write(root: Path, params: dict[str, Any]) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    return root


def _filled(workspace: Workspace) -> str:
    """Write lineage, a prediction, an audit entry and a cached vector; returns the prediction's id."""
    problem = next(iter(workspace.params.problems))
    database, model = workspace.state / "lineage.db", workspace.model_name(problem)
    path = str(workspace.data / "raw" / "audio" / "one.wav")
    remember_model(
        database, digest=_DIGEST, name=model, version="1.0.0", run_id=workspace.name, commit="", lock={}, data=_DATA
    )
    remember_files(database, _DATA, [("one", path, _SHA)])
    prediction = Prediction(new_id(), _DIGEST, path, _SHA, workspace.name, 1.0)
    remember_predictions(database, [prediction])
    audit.append(audit_path(workspace), "version.approved", model=model, version="1.0.0", digest=_DIGEST)
    with FeatureCache(workspace.state / "cache" / "features") as cache:
        cache.put(_KEY + workspace.name, np.ones(4, dtype=np.float32))
    return prediction.id


def _reached(own: Workspace, other: Workspace, ids: dict[str, str]) -> Iterator[_Attempt]:
    """What of `other` shows in `own`."""
    way = f"{own.name} → {other.name}: "
    yield way + "a prediction by its id", trace(own.state / "lineage.db", ids[other.name]) is not None
    mine = trace(own.state / "lineage.db", ids[own.name]) or {"files": [], "model": {}}
    there = [file["path"] for file in mine["files"]]
    yield way + "raw files behind its own prediction", there != [str(own.data / "raw" / "audio" / "one.wav")]
    yield way + "the model behind its own prediction", not str(mine["model"].get("name")).startswith(own.name + ".")
    entries = audit.read(audit_path(own))
    yield way + "entries of the audit log", len(entries) != 1 or not entries[0]["model"].startswith(own.name + ".")
    with FeatureCache(own.state / "cache" / "features") as cache:
        yield way + "a cached vector", cache.get(_KEY + other.name) is not None
    named, problem = Workspace.of_model(mine["model"].get("name", own.name + ".?"), own.home)
    yield way + "the workspace of its model's name", named.root != own.root or "." in problem


def _overlaps(workspaces: list[Workspace]) -> Iterator[_Attempt]:
    for own, other in permutations(workspaces, 2):
        for mine in (own.data, own.state, own.configs):
            for its in (other.data, other.state, other.configs):
                a, b = mine.resolve(), its.resolve()
                yield f"{own.name} and {other.name} share {a}", a == b or a.is_relative_to(b)


def _paths(home: Path, params: dict[str, Any]) -> Iterator[_Attempt]:
    """Names that are paths, where names are taken."""
    problem, body = next(iter(params["problems"].items()))
    odd = home / "odd"
    for name in _PATHS:
        yield f"a model called {name!r}", _passes(Workspace.of_model, f"{name}.{problem}", home)
        if name:  # no name means: after the folder
            yield f"a new workspace called {name!r}", _passes(for_source, home, home, name)
        _write(odd, params | {"name": name})
        yield f"params.yaml with the name {name!r}", _passes(load_params, odd / "params.yaml")
        _write(odd, params | {"problems": {name: body}})
        yield f"params.yaml with the problem {name!r}", _passes(load_params, odd / "params.yaml")
        yield f"the step split@{name!r}", _passes(find_call, f"split@{name}", [problem])


def _installed(workspace: Workspace) -> Iterator[_Attempt]:
    """The workspaces of this installation: names of their own, folders of their own, no name that asks for all."""
    there = all_workspaces(workspace.home)
    names = [each.name for each in there]
    for name in sorted(set(names)):
        yield (
            f"{names.count(name)} workspaces are called {name!r}, so their models cannot be told apart",
            names.count(name) > 1,
        )
    yield from _overlaps(there)
    every = f"{workspace.name}' OR name LIKE '%"
    yield "a model's name that asks the registry for all", _passes(versions, every, workspace.home)


def _passes(call: Callable[..., object], *words: object) -> bool:
    """Whether a call that must be refused goes through; only a refusal in words counts as one."""
    try:
        call(*words)
    except OstinatoError:
        return False
    return True
