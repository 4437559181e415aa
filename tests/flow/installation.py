"""A small installation of its own for tests that run the real thing: Prefect, DVC and MLflow as processes."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL = {"clips": 56, "seconds": 4, "seed": 1685}
LIGHT = ["lightgbm_classifier", "logistic_regression", "extra_trees_classifier", "rbf_svc", "gaussian_naive_bayes"]


@dataclass
class Installation:
    """A home with the repository's flows, tasks and configuration, and a small demo catalogue."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, root: Path) -> Installation:
        root.mkdir(parents=True)
        for name in ("flows", "tasks", "configs", ".dvc"):
            shutil.copytree(
                REPOSITORY / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "cache", "tmp")
            )
        for name in ("prefect.yaml", "requirements.lock", ".dvcignore"):
            shutil.copy(REPOSITORY / name, root)
        (root / ".gitignore").write_text("/.ostinato/\n/data/\n/workspaces/\n__pycache__/\n/prefect.toml\n")
        made = cls(root)
        made.change(small_params)
        made.git("init", "--quiet", "--initial-branch=main")
        made.ostinato("render")
        made.commit("Start")
        return made

    def change(self, change: Any) -> None:
        """Rewrite params.yaml by a function of its value."""
        path = self.root / "params.yaml"
        value = yaml.safe_load((path if path.is_file() else REPOSITORY / "params.yaml").read_text())
        change(value)
        path.write_text(yaml.safe_dump(value, sort_keys=False))

    def environment(self) -> dict[str, str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("OSTINATO_", "PREFECT_", "MLFLOW_", "GIT_"))}
        here = {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "HOME": str(self.root.parent),
        }
        quiet = {"DO_NOT_TRACK": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
        return clean | here | quiet | {"COLUMNS": "200"} | self.env

    def run(
        self, *words: str, code: int | None = 0, timeout: float = 300, **env: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            words,
            cwd=self.root,
            env=self.environment() | env,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert code is None or done.returncode == code, (
            f"{words} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done

    def start(self, *words: str, **env: str) -> subprocess.Popen[str]:
        """The command `ostinato …` as a process in a group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "ostinato", *words], cwd=self.root, env=self.environment() | env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def ostinato(self, *words: str, code: int | None = 0, **env: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", "ostinato", *words, code=code, **env)

    def json(self, *words: str) -> Any:
        return json.loads(self.ostinato(*words, "--json").stdout)

    def dvc(self, *words: str, code: int | None = 0) -> str:
        return self.run("dvc", *words, code=code).stdout

    def git(self, *words: str) -> str:
        identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
        return self.run("git", *identity, *words).stdout

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)

    def step_report(self, step: str, workspace: str | None = None) -> dict[str, Any]:
        """What a step said when it last ran."""
        root = self.root if workspace is None else self.root / "workspaces" / workspace
        return json.loads((root / ".ostinato" / "steps" / f"{step}.json").read_text())["report"]

    def lock(self) -> dict[str, dict[str, str]]:
        """Hashes of dvc.lock: stage → out → md5."""
        value = yaml.safe_load((self.root / "dvc.lock").read_text())
        return {name: {o["path"]: o["md5"] for o in stage.get("outs", [])} for name, stage in value["stages"].items()}


def small_params(value: dict[str, Any]) -> None:
    """A catalogue and a search of seconds."""
    value["ingest"]["source"] = {"kind": "demo", **SMALL}
    genre = value["problems"]["genre"]
    genre["search"] |= {"trials": 6, "keep": 3, "algorithms": LIGHT}
    genre["split"]["folds"] = 2
    genre["evaluate"] |= {"bootstrap": 20}
    genre["evaluate"]["gates"] = {"better_than_dummy": 0.0, "max_calibration_error": None}
    genre["evaluate"]["envelope"]["max_p99_ms"] = (
        500.0  # machines under test are busy; the figure itself is a benchmark
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
