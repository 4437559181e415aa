"""Tutorials with examples are run as they stand."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

TUTORIALS = Path(__file__).resolve().parents[2] / "docs" / "tutorials"
WITH_EXAMPLES = sorted(page for page in TUTORIALS.glob("*.md") if ">>> " in page.read_text(encoding="utf-8"))


def test_there_is_one_for_the_audio_engine() -> None:
    assert "audio.md" in [page.name for page in WITH_EXAMPLES]


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.name)
def test_the_examples_give_what_the_page_says(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # a fence ends an example's output
    examples = page.read_text(encoding="utf-8").replace("```", "")
    test = doctest.DocTestParser().get_doctest(examples, {}, page.name, str(page), 0)
    said: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.REPORT_NDIFF).run(test, out=said.append)
    assert result.attempted > 5
    assert not result.failed, "".join(said)
