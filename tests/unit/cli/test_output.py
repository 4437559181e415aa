import pytest

from ostinato.cli import output, screen
from ostinato.core.progress import MARK


def test_brackets_in_names_are_kept(capsys: pytest.CaptureFixture[str]):
    output.table(["file"], [["[live] take 2.mp3"], ["[/bold]"]])
    said = capsys.readouterr().out
    assert "[live] take 2.mp3" in said
    assert "[/bold]" in said


@pytest.mark.parametrize("draw", [screen._live, screen._plain], ids=["terminal", "plain"])
def test_a_run_is_drawn_with_whatever_its_words_hold(capsys: pytest.CaptureFixture[str], draw):
    draw(
        [
            {MARK: "task", "step": "extract", "state": "started", "says": "listen"},
            {MARK: "progress", "what": "extract", "done": 1, "total": 2, "unit": "clips", "note": "[/x] [live].mp3"},
            {MARK: "task", "step": "extract", "state": "done", "seconds": 1.5, "report": {"clips": 2, "word": "[odd]"}},
            {MARK: "note", "message": "[Errno 28] mended"},
            {MARK: "task", "step": "search", "state": "unchanged"},
        ]
    )
    said = capsys.readouterr().err
    assert "✓ extract" in said
    assert "[odd]" in said
    assert "[Errno 28] mended" in said
    assert "unchanged" in said
