"""The steps, their rendering and their functions say the same."""

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ostinato.core.params import load_params
from ostinato.execution import keywords
from ostinato.pipeline import BY_NAME, STEPS, Call, calls, downstream, find
from ostinato.rendering import PLUMBING, code_of, render, rendered_text
from ostinato.tenancy.workspace import Workspace

REPOSITORY = Path(__file__).resolve().parents[2]


def test_dvc_yaml_is_its_rendering():
    assert (REPOSITORY / "dvc.yaml").read_text() == rendered_text(Workspace(REPOSITORY, REPOSITORY))


def test_the_line_is_in_order():
    written: set[str] = set()
    for call in calls(["genre", "mood"]):
        for path in call.reads():
            if path.startswith("data/"):
                assert any(p == path or p.startswith(path + "/") for p in written), (
                    f"{call.name} reads {path} before it is written"
                )
        written.update(call.writes())


def test_no_two_steps_write_the_same():
    paths = [path for call in calls(["genre", "mood"]) for path in call.writes()]
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize("step", STEPS, ids=lambda s: s.name)
def test_a_function_takes_what_its_step_gives(step):
    module, _, name = step.target.partition(":")
    signature = inspect.signature(getattr(importlib.import_module(module), name))
    positional = [p for p in signature.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    named = {p.name for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY}
    assert len(positional) == len(step.sections)
    assert named == set(keywords(Call(step, "genre" if step.per_problem else None)))


@pytest.mark.parametrize("step", STEPS, ids=lambda s: s.name)
def test_a_step_declares_the_code_that_it_loads(step):
    code = f"import sys, importlib; importlib.import_module({step.target.partition(':')[0]!r})\nprint('\\n'.join(m for m in sys.modules if m.startswith('ostinato.')))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY
    ).stdout.split()
    declared = {path.removesuffix(".py").replace("/", ".") for path in code_of(step)} | {
        f"ostinato.{p}" for p in PLUMBING
    }
    packages = {m for m in loaded if (REPOSITORY / "src" / Path(*m.split(".")) / "__init__.py").is_file()}
    assert set(loaded) - packages <= declared


def test_a_change_in_audio_leaves_register_alone():
    assert any("audio/" in path for path in code_of(BY_NAME["extract"]))
    assert not any("audio/" in path for path in code_of(BY_NAME["register"]))


def test_downstream_is_what_reads_what_changed():
    line = calls(["genre", "mood"])
    assert [c.name for c in downstream({"ensemble@mood"}, line)] == [
        "ensemble@mood",
        "evaluate@mood",
        "register@mood",
        "baseline",
    ]
    assert downstream(set(), line) == []
    assert len(downstream({"ingest"}, line)) == len(line)


def test_a_problem_is_a_section_of_params_and_nothing_else():
    params = load_params(REPOSITORY / "params.yaml")
    more = params.model_copy(update={"problems": {**params.problems, "mood": params.problems["genre"]}})
    assert render(more) == render(params)


def test_an_unknown_step_is_told_the_known_ones():
    with pytest.raises(ValueError, match="search@genre"):
        find("serch@genre", ["genre"])


def test_params_of_a_stage_exist():
    value = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    for stage in render(load_params(REPOSITORY / "params.yaml"))["stages"].values():
        for key in stage.get("do", stage)["params"]:
            node = value
            for part in key.replace("${key}", "genre").split("."):
                node = node[part]
