"""What must not change a model's answer: level, container, channels, a little silence, the company of other files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.flow.installation import Installation

CLIPS = 6
Change = Callable[[np.ndarray], np.ndarray]


@pytest.fixture(scope="module")
def clips(finished: Installation) -> list[Path]:
    found = sorted((finished.root / "data/raw/audio").rglob("*.flac"))
    return found[:: len(found) // CLIPS][:CLIPS]


@pytest.fixture(scope="module")
def answers(finished: Installation, clips: list[Path]) -> list[dict[str, float]]:
    return ask(finished, clips)


def ask(installation: Installation, files: list[Path]) -> list[dict[str, float]]:
    said: list[dict[str, Any]] = installation.json("predict", "demo.genre", *map(str, files))["predictions"]
    return [{k: v for k, v in row.items() if k.startswith("p_")} for row in said]


@pytest.mark.parametrize(
    ("suffix", "change", "tolerance"),
    [
        (".wav", lambda y: 0.4 * y, 0.05),  # 16-bit rounding of a quieter signal moves some trees over a threshold
        (".wav", lambda y: y, 1e-6),
        (".wav", lambda y: np.stack([y, y], axis=1), 1e-6),
        (".flac", lambda y: np.concatenate([np.zeros(220), y]), 0.25),
    ],
    ids=["level", "container", "channels", "10 ms of silence"],
)
def test_what_does_not_change_the_music_does_not_change_the_answer(
    finished: Installation, clips: list[Path], answers, tmp_path: Path, suffix: str, change: Change, tolerance: float
):
    changed = []
    for i, clip in enumerate(clips):
        y, sr = soundfile.read(clip)
        changed.append(tmp_path / f"{i}{suffix}")
        soundfile.write(changed[-1], change(y), sr, subtype="PCM_16")
    for before, after in zip(answers, ask(finished, changed), strict=True):
        assert max(abs(before[k] - after[k]) for k in before) <= tolerance


def test_an_answer_does_not_depend_on_its_company(finished: Installation, clips: list[Path], answers):
    assert ask(finished, clips[2:3]) == [pytest.approx(answers[2], abs=1e-9)]
    assert ask(finished, clips[::-1]) == [pytest.approx(a, abs=1e-9) for a in answers[::-1]]


def test_another_piece_gets_another_answer(answers):
    assert len({tuple(a.values()) for a in answers}) == len(answers)
