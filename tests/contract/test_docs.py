"""What the documentation names exists: commands, files, folders, steps, environment variables, the figures of the code."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ostinato.pipeline import STEPS

REPOSITORY = Path(__file__).resolve().parents[2]


def pages() -> list[Path]:
    """The pages of the repository, and none that a run wrote."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.md"]
    listed = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    return sorted(path for line in listed.splitlines() if (path := REPOSITORY / line).is_file())


PAGES = pages()
# Paths that exist only once the line has run, or are the reader's own.
MADE = re.compile(r"^(data/|\.ostinato|workspaces/|\.venv|\.dvc/tmp|dvc\.lock|prefect\.toml|mlflow/postgres\.secret)")
FIRST_FOLDERS = "flows|tasks|src|configs|data|mlflow|tests|benchmarks|docs|workspaces"


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def fenced(page: Path) -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```", text(page), flags=re.MULTILINE | re.DOTALL)


def spoken(page: Path) -> list[str]:
    """Everything set as code: inline spans, and the lines of blocks."""
    prose = re.sub(r"^```.*?^```", "", text(page), flags=re.MULTILINE | re.DOTALL)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)] + [
        line for block in fenced(page) for line in block.splitlines()
    ]


def section(page: Path, heading: str) -> str:
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text(page), flags=re.MULTILINE | re.DOTALL)
    assert found, f"{page.name} has no section {heading!r}"
    return found[1]


def name_of(page: Path) -> str:
    return page.relative_to(REPOSITORY).as_posix()


def commands(tool: str) -> Iterator[tuple[str, list[str]]]:
    """Each command line of `tool` in code: the page, and its words after the tool's name."""
    start = re.compile(rf"(?:^|[;&(]\s*)\s*(?:\$ )?(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?{tool} +([^;&#|]+)")
    for page in PAGES:
        for code in spoken(page):
            for said in start.findall(code):
                yield name_of(page), _words(re.split(r" {2,}", said.strip())[0])


def _words(said: str) -> list[str]:
    try:
        return shlex.split(said)
    except ValueError:  # an apostrophe of prose
        return said.split()


def command_line() -> Any:
    import typer

    from ostinato.cli.app import app

    return typer.main.get_command(app)


def test_there_are_pages_to_test():
    assert {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/architecture.md"} <= {name_of(page) for page in PAGES}
    assert len(list((REPOSITORY / "docs" / "adr").glob("0*.md"))) >= 8
    assert len(list((REPOSITORY / "docs" / "tutorials").glob("*.md"))) >= 2


def test_every_make_target_named_exists():
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), flags=re.MULTILINE))
    named = [(page, word) for page, words in commands("make") for word in words if re.fullmatch(r"[a-z][a-z-]*", word)]
    assert len({word for _, word in named}) >= 8
    assert [item for item in named if item[1] not in targets] == []


def test_every_target_is_named_in_the_readme():
    phony = re.search(r"^\.PHONY: (.*)$", (REPOSITORY / "Makefile").read_text(), flags=re.MULTILINE)
    assert phony
    said = text(REPOSITORY / "README.md")
    assert [target for target in phony[1].split() if target != "help" and f"make {target}" not in said] == []


def test_every_make_variable_named_exists():
    known = set(re.findall(r"\$\(([A-Z]+)\)", (REPOSITORY / "Makefile").read_text()))
    named = {word.partition("=")[0] for _, words in commands("make") for word in words if re.match(r"[A-Z]+=", word)}
    assert named
    assert named <= known


def test_every_command_and_option_named_exists():
    wrong, seen = [], set()
    for page, said in commands("ostinato"):
        node: Any = command_line()
        words = said
        while words and hasattr(node, "commands"):
            if words[0].startswith("-") or words[0] in ("…", "COMMAND"):
                break
            if words[0] not in node.commands:
                wrong.append(f"{page}: ostinato has no command {words[0]!r}")
                break
            seen.add(words[0])
            node, words = node.commands[words[0]], words[1:]
        options = {option for param in node.params for option in (*param.opts, *param.secondary_opts)} | {"--help"}
        wrong += [f"{page}: {node.name} has no option {w}" for w in words if w.startswith("--") and w not in options]
    assert wrong == []
    assert len(seen) >= 12


def test_every_command_is_named_in_the_docs():
    named = {words[0] for _, words in commands("ostinato") if words}
    assert set(command_line().commands) - named <= {"step", "ui", "deploy", "validate"}  # those go by `make`


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_resolves(page):
    links = re.findall(r"\]\(([^)\s]+)\)", text(page))
    broken = [
        link for link in links
        if not link.startswith(("http://", "https://", "#")) and not (page.parent / link.partition("#")[0]).exists()
    ]  # fmt: skip
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_path_named_exists(page):
    paths = {
        path.rstrip(".,/")
        for code in spoken(page)
        for path in re.findall(rf"(?<![\w./~<>-])(?:{FIRST_FOLDERS})/[\w./@-]+", code)
    }
    missing = [path for path in paths if not MADE.match(path) and not (REPOSITORY / path).exists()]
    assert missing == []


def test_the_layout_is_that_of_the_repository():
    block = re.search(r"^```\n(.*?)^```", section(REPOSITORY / "README.md", "Layout"), flags=re.MULTILINE | re.DOTALL)
    assert block
    drawn = {line.split()[0].rstrip("/") for line in block[1].splitlines()}
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert drawn == {path.partition("/")[0] for path in listed.splitlines() if "/" in path}


def test_the_steps_drawn_are_those_of_the_line():
    problem = {step.name: step.per_problem for step in STEPS}
    drawing = fenced_in(section(REPOSITORY / "README.md", "The line"))
    drawn = [name for name in re.findall(r"[a-z]+(?:@P)?", drawing) if name.removesuffix("@P") in problem]
    assert drawn == [f"{step.name}@P" if step.per_problem else step.name for step in STEPS]
    table = re.findall(
        r"^\| `([a-z@P]+)` \|", section(REPOSITORY / "docs" / "architecture.md", "The line"), flags=re.MULTILINE
    )
    assert table == drawn


def test_the_run_shown_has_every_step():
    shown = re.findall(r"^✓ ([a-z@]+)", "\n".join(fenced(REPOSITORY / "README.md")), flags=re.MULTILINE)
    assert [name.partition("@")[0] for name in shown] == [step.name for step in STEPS]


def fenced_in(said: str) -> str:
    found = re.search(r"^```\w*\n(.*?)^```", said, flags=re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def test_the_rooms_described_are_the_packages():
    described = set(
        re.findall(r"^\| `(\w+)` \|", section(REPOSITORY / "docs" / "architecture.md", "Layers"), flags=re.MULTILINE)
    )
    packages = {path.parent.name for path in (REPOSITORY / "src" / "ostinato").glob("*/__init__.py")}
    assert described == packages


def test_every_setting_named_is_read():
    source = "\n".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "src").rglob("*.py"))
    from ostinato.core.settings import Settings

    known = {f"OSTINATO_{name.upper()}" for name in Settings.model_fields}
    named = {name for page in PAGES for name in re.findall(r"\bOSTINATO_[A-Z_]+[A-Z]\b", text(page))}
    assert {name for name in named - known if f'"{name}"' not in source} == set()
    assert known <= named


def test_deployments_named_are_those_of_prefect_yaml():
    import yaml

    said = text(REPOSITORY / "docs" / "tutorials" / "operating.md")
    for deployment in yaml.safe_load((REPOSITORY / "prefect.yaml").read_text())["deployments"]:
        flow = deployment["entrypoint"].rpartition(".")[2]
        assert f"`{flow}/{deployment['name']}`" in said


def test_counts_of_the_prose_are_those_of_the_code():
    from ostinato.automl.families import FAMILIES
    from ostinato.operations.validation.running import CHECKS

    readme = text(REPOSITORY / "README.md")
    words = {7: "seven", 8: "eight", 9: "nine", 10: "ten", 11: "eleven", 12: "twelve"}
    assert f"{sum(map(len, FAMILIES))} algorithms of {words[len(FAMILIES)]} families" in readme
    assert f"one line of {words[len(STEPS)]} steps" in readme
    assert f"the {len(CHECKS)} checks" in readme


def test_the_licence_is_apache_2():
    licence = text(REPOSITORY / "LICENSE")
    assert "Apache License" in licence
    assert "Version 2.0, January 2004" in licence
    assert "END OF TERMS AND CONDITIONS" in licence
