"""`ostinato profile`: any table in, a report, a page and a suite out."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from ostinato.cli.app import run
from ostinato.core.errors import SourceError
from ostinato.operations.profiling import profile_table
from ostinato.quality.suites import load_suite


@pytest.fixture
def table(tmp_path: Path) -> Path:
    frame = pd.DataFrame(
        {
            "track_id": [f"t{n % 90}" for n in range(100)],
            "bpm": [90 + n * 7 % 50 for n in range(100)],
            "mood": list("abcd") * 25,
        }
    )
    frame["answer"] = frame["mood"].map({"a": 1, "b": 2, "c": 3, "d": 4})
    frame.to_csv(tmp_path / "songs.csv", index=False)
    return tmp_path / "songs.csv"


def test_the_report_the_page_and_the_suite(table, capsys):
    page, suite = table.with_suffix(".html"), table.with_suffix(".yaml")
    words = ["profile", str(table), "--target", "mood", "--key", "track_id", "--html", str(page), "--suite", str(suite)]
    assert run(words) == 0
    said = capsys.readouterr().out
    assert "100 rows, 4 columns" in said
    assert "answer: alone it says" in said
    assert "10 rows repeat a key" in said
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert load_suite(suite).table == "tracks"


def test_json_lines_and_a_reference(table, capsys):
    lines = table.with_suffix(".jsonl")
    pd.read_csv(table).assign(bpm=lambda t: t["bpm"] + 500).to_json(lines, orient="records", lines=True)
    assert run(["profile", str(lines), "--reference", str(table), "--json"]) == 0
    kinds = {(each["kind"], *each["columns"]) for each in json.loads(capsys.readouterr().out)["findings"]}
    assert ("drift", "bpm") in kinds


def test_what_is_no_table_is_refused(table, tmp_path, capsys):
    (tmp_path / "broken.jsonl").write_text('{"a": 1}\n{"a": ', encoding="utf-8")
    with pytest.raises(SourceError, match="not readable as JSON lines"):
        profile_table(tmp_path / "broken.jsonl")
    assert run(["profile", str(tmp_path / "gone.csv")]) == 1
    assert run(["profile", str(table), "--target", "nope"]) == 2
    assert run(["profile", str(table), "--html", str(tmp_path / "no" / "such" / "x.html")]) in (0, 1)
    assert "nope" in capsys.readouterr().err
