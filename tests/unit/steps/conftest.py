"""A small catalogue with features, and the steps from split to evaluate run on it through the pipeline's own paths."""

import importlib
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ostinato.core.files import write_table
from ostinato.core.params import Problem
from ostinato.execution import keywords
from ostinato.pipeline import BY_NAME, Call

EXTRACT = {"preset": "line", "sr": 22050, "n_fft": 2048, "hop_length": 512, "seconds": 30.0, "max_failed": 0.1}


def problem(**changes):
    """The demo's problem with a smaller search; `changes` replace sections."""
    sections = {
        "task": {"target": "label", "kind": "multiclass", "inputs": ["audio"], "metric": "log_loss"},
        "split": {"kind": "grouped", "group": "work", "folds": 3, "test_share": 0.25, "seed": 7},
        "search": {"trials": 18, "algorithms": [], "keep": 5, "seed": 7, "guard_seconds": 600},
        "ensemble": {"rounds": 20, "max_members": 3},
        "evaluate": {
            "bootstrap": 60,
            "confidence": 0.9,
            "slices": ["instrument", "nothing"],
            "gates": {"better_than_dummy": 0.2, "max_calibration_error": 0.4},
            "envelope": {"max_bytes": 5_000_000, "max_p99_ms": 50.0},
            "seed": 7,
        },
        "register": {"policy": "demo", "owner": "me", "purpose": "a test", "risk_tier": "low"},
    }
    return Problem.model_validate({name: {**value, **changes.get(name, {})} for name, value in sections.items()})


def catalogue(root: Path, seed=5):
    rng = np.random.default_rng(seed)
    works, n, d = 60, 150, 12
    work = rng.integers(0, works, n)
    label = work % 3
    centre, own = rng.normal(size=(3, d)), rng.normal(size=(works, d)) * 0.6
    X = (centre[label] * 1.5 + own[work] + rng.normal(size=(n, d)) * 0.7).astype(np.float32)
    ids = [f"clips/{i:03d} é.wav" for i in range(n)]
    tracks = pd.DataFrame(
        {
            "track_id": ids,
            "path": ids,
            "sha256": [f"{i:064x}" for i in range(n)],
            "bytes": 1000,
            "sample_rate": 22050,
            "channels": 1,
            "duration": 12.0,
            "label": np.array(["jig", "march", "reel"])[label],
            "work": [f"w{w:02d}" for w in work],
            "instrument": rng.choice(["flute", "piano"], n),
            "tempo": 100 + 20.0 * X[:, 0] + 5 * X[:, 1],
        }
    )
    write_table(root / "data/clean/tracks.parquet", tracks)
    features = pd.DataFrame(X, columns=[f"feature_{i:02d}" for i in range(d)])
    features.insert(0, "track_id", ids)
    write_table(root / "data/features/audio.parquet", features)


def run(root: Path, step: str, settings: Problem, name="genre"):
    """One step at the paths that the pipeline declares for it, below `root`."""
    from ostinato.core.params import ExtractParams

    call = Call(BY_NAME[step], name)
    module, _, function = call.step.target.partition(":")
    given = [
        getattr(settings, section[1:]) if section.startswith(".") else ExtractParams.model_validate(EXTRACT)
        for section in call.step.sections
    ]
    before = Path.cwd()
    os.chdir(root)
    try:
        return getattr(importlib.import_module(module), function)(*given, **keywords(call))
    finally:
        os.chdir(before)


@pytest.fixture(scope="session")
def line():
    """`line(root, step, settings)` runs one step."""
    return run


@pytest.fixture(scope="session")
def settings_of():
    """`settings_of(search={...})` gives a problem's settings."""
    return problem


@pytest.fixture
def small(tmp_path):
    """A workspace with clean tracks and features, nothing learnt yet."""
    catalogue(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def learnt(tmp_path_factory):
    """A workspace in which split, search, ensemble and evaluate have run; its reports by step. Not to be changed."""
    root = tmp_path_factory.mktemp("learnt")
    catalogue(root)
    return root, {step: run(root, step, problem()) for step in ("split", "search", "ensemble", "evaluate")}
