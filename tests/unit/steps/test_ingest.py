"""The step `ingest`: real sources in, raw tables out, the same bytes twice."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from ostinato.catalog.source import FIRST_COLUMNS
from ostinato.core.errors import SourceError
from ostinato.core.params import IngestParams
from ostinato.steps.ingest import IngestReport, ingest

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


def run(source: dict, root: Path) -> IngestReport:
    params = IngestParams.model_validate({"source": source})
    return ingest(params, tracks=root / "tracks.parquet", events=root / "events.parquet", audio=root / "audio")


def test_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = {"kind": "demo", "clips": 24, "seconds": 2, "seed": 1}
    tables = {}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        report = run(source, Path("data/raw"))
        tables[name] = [Path(f"data/raw/{table}.parquet").read_bytes() for table in ("tracks", "events")]
    assert tables["one"] == tables["two"]
    assert (report.tracks, report.readable, report.seconds_of_audio) == (24, 24, 48.0)
    assert sum(report.labels.values()) == 24
    assert report.events > 1_000
    tracks = pd.read_parquet("data/raw/tracks.parquet")
    assert tuple(tracks.columns[: len(FIRST_COLUMNS)]) == FIRST_COLUMNS
    assert {"title", "composer", "work", "instrument", "tempo", "licence", "consent", "opt_out"} <= set(tracks.columns)
    assert tracks["consent"].dtype == tracks["opt_out"].dtype == bool
    assert all(not Path(path).is_absolute() and Path(path).is_file() for path in tracks["path"])
    assert tracks["problem"].isna().all()


def test_a_torn_clip_of_the_demo_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = {"kind": "demo", "clips": 24, "seconds": 2, "seed": 1}
    run(source, Path("raw"))
    before = Path("raw/tracks.parquet").read_bytes()
    torn = next(Path("raw/audio").rglob("*.flac"))
    whole = torn.read_bytes()
    torn.write_bytes(whole[:3_000])
    assert run(source, Path("raw")).readable == 24
    assert torn.read_bytes() == whole
    assert Path("raw/tracks.parquet").read_bytes() == before


def test_folder_with_every_kind_of_bad_file(tmp_path: Path) -> None:
    music = tmp_path / "music"
    for number, name in enumerate(("a/1.wav", "a/2.wav", "b/1.wav", "b/2.wav")):
        (music / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(music / name, np.random.default_rng(number).normal(0, 0.1, 4_000), 8_000)
    (music / "a/empty.wav").write_bytes(b"")
    (music / "a/words.mp3").write_bytes(b"no music " * 100)
    (music / "b/cut.wav").write_bytes((music / "b/1.wav").read_bytes()[:3_000])
    report = run({"kind": "folder", "path": str(music)}, tmp_path / "raw")
    assert (report.tracks, report.readable, report.labels) == (7, 4, {"a": 2, "b": 2})
    tracks = pd.read_parquet(tmp_path / "raw/tracks.parquet").set_index("track_id")
    problems = tracks.loc[~tracks["readable"], "problem"]
    assert problems["a/empty.wav"] == "empty file"
    assert problems["a/words.mp3"].startswith("not audio")
    assert problems["b/cut.wav"].startswith("truncated")
    assert pd.read_parquet(tmp_path / "raw/events.parquet").empty


def test_nothing_is_written_where_the_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such folder"):
        run({"kind": "folder", "path": str(tmp_path / "gone")}, tmp_path / "raw")
    assert not (tmp_path / "raw").exists()


@pytest.mark.parametrize(("name", "tracks", "labels"), [("genres", 50, 10), ("instruments", 440, 15)])
def test_real_recordings(tmp_path: Path, name: str, tracks: int, labels: int) -> None:
    folder = SHARED / "audio" / name
    if not folder.is_dir():
        pytest.skip(f"no recordings at {folder}")
    report = run({"kind": "folder", "path": str(folder)}, tmp_path)
    assert (report.tracks, report.readable, len(report.labels)) == (tracks, tracks, labels)


def test_a_real_table(tmp_path: Path) -> None:
    table = SHARED / "tables" / "popularity" / "spotify_songs.csv"
    if not table.is_file():
        pytest.skip(f"no table at {table}")
    report = run({"kind": "table", "path": str(table), "key": "track_id"}, tmp_path)
    assert (report.tracks, report.readable, report.seconds_of_audio) == (32_833, 32_833, 0.0)
    assert any("keys are used more than once" in note for note in report.notes)
